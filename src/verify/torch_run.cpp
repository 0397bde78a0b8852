#include "verify/torch_run.h"

#include <charconv>

#include "run/python.h"
#include "run/tensor_file.h"
#include "support/atomic_file.h"
#include "support/process.h"
#include "verify/reference_script.h"
#include "verify/written_model.h"

namespace atl {
namespace {

constexpr int kMissingPackage = 3;
constexpr size_t kQuotedErrorBytes = 1500;

std::string install_hint(const std::string& version) {
  // "2.13.0+cpu" is 2.13.0 built for the CPU; the index has it under the plain number.
  const std::string plain = version.substr(0, version.find('+'));
  return fmt::format("install it with: pip install {} numpy; or set ATOLL_PYTHON to a Python that has it",
                     plain.empty() ? "torch" : "torch==" + plain);
}

// The last lines of a traceback.
std::string end_of(const std::string& text) {
  std::string_view s = text;
  while (!s.empty() && (s.back() == '\n' || s.back() == ' ')) s.remove_suffix(1);
  if (s.size() > kQuotedErrorBytes) {
    s = s.substr(s.size() - kQuotedErrorBytes);
    s.remove_prefix(std::min(s.find('\n') + 1, s.size()));
  }
  return std::string(s);
}

// "PROGRESS 16 609"
void report_progress(std::string_view line, const std::function<void(double)>& progress) {
  constexpr std::string_view kPrefix = "PROGRESS ";
  if (!progress || !line.starts_with(kPrefix)) return;
  line.remove_prefix(kPrefix.size());
  const size_t space = line.find(' ');
  if (space == std::string_view::npos) return;
  double done = 0, total = 0;
  std::from_chars(line.data(), line.data() + space, done);
  std::from_chars(line.data() + space + 1, line.data() + line.size(), total);
  if (total > 0) progress(done / total);
}

Error failed_run(const std::string& python, const ProcessResult& r, const std::string& version) {
  if (r.status == kMissingPackage) {
    std::string package = "torch";
    constexpr std::string_view kMark = "MISSING ";
    if (const size_t at = r.out.find(kMark); at != std::string::npos) {
      const size_t begin = at + kMark.size();
      package = r.out.substr(begin, r.out.find('\n', begin) - begin);
    }
    return error(Code::kReference, fmt::format("'{}' has no package '{}'", python, package), install_hint(version));
  }
  std::string what = fmt::format("torch cannot run the program in '{}': {}", python, r.text());
  if (!r.err.empty()) what += "\n" + end_of(r.err);
  return error(Code::kReference, std::move(what),
               r.timed_out ? "allow it more time" : "try it there: python -c \"import torch; torch.export.load('...')\"");
}

}  // namespace

Result<TorchValues> run_torch(const std::string& pt2, std::span<const Tensor> inputs, std::span<const std::string> names,
                              const std::string& hint_version, const TorchRunOptions& options) {
  const std::string python = options.python.empty() ? find_python() : options.python;
  if (python.empty())
    return error(Code::kReference, "there is no Python on this machine", "install python3, then " + install_hint(hint_version));
  TRY(const ScratchFolder folder, ScratchFolder::create());
  std::vector<NamedArray> arrays;
  for (size_t i = 0; i < inputs.size(); ++i) arrays.push_back({fmt::format("in_{}", i), array_of(inputs[i])});
  TRY_STATUS(write_npz(folder.file("inputs.npz"), arrays));
  std::string list;
  for (const std::string& name : names) list += name + "\n";
  TRY_STATUS(write_file(folder.file("names.txt"), std::as_bytes(std::span(list.data(), list.size()))));

  ProcessOptions process;
  process.limit = std::chrono::milliseconds(int64_t(options.timeout_seconds * 1000));
  process.cancelled = options.cancelled;
  TorchValues out;
  process.on_line = [&](std::string_view line) {
    if (line.starts_with("torch ")) out.version = line.substr(6);
    report_progress(line, options.progress);
  };
  TRY(const ProcessResult r, run_process({python, "-c", kReferenceScript, pt2, folder.file("inputs.npz"),
                                          folder.file("outputs.npz"), folder.file("names.txt")},
                                         process));
  if (!r.succeeded()) return failed_run(python, r, hint_version);

  TRY(std::vector<NamedArray> recorded, read_tensor_file(folder.file("outputs.npz")));
  for (NamedArray& a : recorded) {
    const auto owner = std::make_shared<const NdArray>(std::move(a.array));
    const DType dtype = dtype_of(owner->dtype);
    if (dtype == DType::kUnknown) continue;
    Tensor t = Tensor::view(Type{dtype, owner->shape, {}}, owner->bytes.data(), owner);
    if (t.byte_count() == owner->bytes.size()) out.values.insert_or_assign(a.name, std::move(t));
  }
  for (size_t i = 0;; ++i) {
    const auto it = out.values.find(fmt::format("out_{}", i));
    if (it == out.values.end()) break;
    out.outputs.push_back(it->second);
  }
  return out;
}

}  // namespace atl
