#include "import/plain_argument.h"

#include "import/stored_tensors.h"

namespace atl {

Result<SourceArg> plain_argument(const SourceValue& value, const KnownNumbers& numbers) {
  const auto symbolic = [](const std::string& name) {
    return error(Code::kSymbolic, fmt::format("the number '{}' depends on data", name),
                 "keep it a tensor: leave out .item(), int(tensor) and sizes taken from values");
  };
  const auto number = [&](const auto& sym) -> Result<SourceArg> {
    if (sym.is_static()) return SourceArg(sym.value);
    if (auto known = numbers.find(sym.name)) return *std::move(known);
    return symbolic(sym.name);
  };
  if (const auto* s = value.get<SymInt>()) return number(*s);
  if (const auto* s = value.get<SymFloat>()) return number(*s);
  if (const auto* s = value.get<SymBool>()) return number(*s);
  if (const auto* list = value.get<std::vector<SymInt>>()) {
    std::vector<int64_t> v;
    for (const SymInt& s : *list) {
      TRY(const SourceArg one, number(s));
      v.push_back(std::get<int64_t>(one));
    }
    return SourceArg(std::move(v));
  }
  if (const auto* v = value.get<bool>()) return SourceArg(*v);
  if (const auto* v = value.get<int64_t>()) return SourceArg(*v);
  if (const auto* v = value.get<double>()) return SourceArg(*v);
  if (const auto* v = value.get<std::string>()) return SourceArg(*v);
  if (const auto* v = value.get<std::vector<int64_t>>()) return SourceArg(*v);
  if (const auto* v = value.get<std::vector<double>>()) return SourceArg(*v);
  if (const auto* v = value.get<std::vector<bool>>()) return SourceArg(*v);
  if (const auto* v = value.get<ScalarType>()) return SourceArg(part_dtype_of(*v));
  if (value.is_none() || value.is<TorchMemoryFormat>() || value.is<TorchLayout>() || value.is<TorchDevice>())
    return SourceArg();
  return error(Code::kUnsupportedForm, fmt::format("an argument is {}", kind_name(value)));
}

}  // namespace atl
