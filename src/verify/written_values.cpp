#include "verify/written_values.h"

#include <algorithm>
#include <cstring>

#include "ir/tflite_op.h"
#include "tflite/emission_order.h"
#include "verify/evaluate.h"

namespace atl {
namespace {

Error other_structure(std::string what) {
  return error(Code::kInput, "the file's operators are not those that Atoll writes for this source: " + std::move(what),
               "convert the source again with the same options");
}

}  // namespace

Result<WrittenValues> WrittenValues::open(const Graph& written, const WrittenFileSource& file, const std::string& signature) {
  TRY(FileTensors tensors, FileTensors::open(file, signature));
  WrittenValues v(written, std::move(tensors));
  TRY_STATUS(v.match_operators());
  return v;
}

Status WrittenValues::match_operators() {
  order_ = emission_order(graph_);
  const auto& operators = file_.operators();
  if (operators.size() != order_.size())
    return other_structure(fmt::format("{} instead of {}", operators.size(), order_.size()));
  for (size_t i = 0; i < order_.size(); ++i) {
    const Node& n = graph_[order_[i]];
    if (operators[i].outputs.size() > n.out.size()) return other_structure(fmt::format("operator {} has more results", i));
    for (uint32_t k = 0; k < operators[i].outputs.size(); ++k) {
      const int32_t t = operators[i].outputs[k];
      if (t < 0) continue;
      const auto& entry = file_.tensors()[size_t(t)];
      if (entry.dtype != n.out[k].dtype || entry.shape != n.out[k].shape)
        return other_structure(fmt::format("operator {} gives {} instead of {}", i,
                                           to_string(Type{entry.dtype, entry.shape, {}}), to_string(n.out[k])));
      if (!entry.is_variable) tensors_[{order_[i], k}] = t;
    }
  }
  return {};
}

int32_t WrittenValues::tensor_of(Value v) const {
  const auto it = tensors_.find(v);
  return it == tensors_.end() ? -1 : it->second;
}

// The results of the nodes [begin, end) and the operands that they take from earlier ones.
std::map<Value, int32_t> WrittenValues::exposed_of(size_t begin, size_t end) const {
  std::map<Value, int32_t> out;
  const auto add = [&](Value v) {
    if (const int32_t t = tensor_of(v); t >= 0) out[v] = t;
  };
  for (size_t i = begin; i < end; ++i) {
    for (Value v : graph_[order_[i]].in)
      if (v.valid()) add(v);
    for (uint32_t k = 0; k < graph_[order_[i]].out.size(); ++k) add({order_[i], k});
  }
  return out;
}

Result<bool> WrittenValues::operator_agrees(size_t index) const {
  const Node& n = graph_[order_[index]];
  TRY(const TfliteOp op, def_of(*n.op).emit(*n.op, graph_.types(n.in)));
  const auto& inputs = file_.operators()[index].inputs;
  if (!file_.is_same_operator(index, op) || inputs.size() != op.operands.size()) return false;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const TfliteOperand& o = op.operands[i];
    Tensor wanted;
    if (o.kind == TfliteOperand::Kind::kConstant) {
      wanted = o.value;
    } else if (o.kind == TfliteOperand::Kind::kInput && size_t(o.input) < n.in.size() && n.in[size_t(o.input)].valid()) {
      const Constant* c = graph_.constant(n.in[size_t(o.input)]);
      if (!c) continue;
      TRY(wanted, c->materialize());
    } else {
      continue;
    }
    if (inputs[i] < 0) return false;
    const auto bytes = file_.tensors()[size_t(inputs[i])].bytes;
    if (bytes.size() != wanted.byte_count() || (!bytes.empty() && std::memcmp(bytes.data(), wanted.bytes(), bytes.size()) != 0))
      return false;
  }
  return true;
}

Status WrittenValues::run(const std::shared_ptr<const LiteRtLibrary>& library, std::span<const Tensor> inputs,
                          const Options& options, const std::function<bool(const NodeValues&)>& visit) const {
  std::map<Value, Tensor> computed;  // what cannot be fetched
  for (size_t i = 0; i < inputs.size() && i < graph_.inputs().size(); ++i) computed[graph_.inputs()[i].value] = inputs[i];
  for (size_t begin = 0; begin < order_.size();) {
    size_t end = begin, bytes = 0;
    do {
      for (const Type& t : graph_[order_[end]].out) {
        TRY(const size_t size, byte_size(t));
        bytes += size;
      }
      ++end;
    } while (end < order_.size() && bytes < options.chunk_bytes);
    const std::map<Value, int32_t> wanted = exposed_of(begin, end);
    std::vector<int32_t> tensors;
    for (const auto& [value, tensor] : wanted) tensors.push_back(tensor);
    std::vector<std::string> names;
    TRY(std::vector<std::byte> copy, file_.expose(tensors, names));
    WrittenModelOptions run_options = options.run;
    run_options.signature = FileTensors::kSignature;
    TRY(WrittenModel model, WrittenModel::load(library, {{}, std::move(copy)}, graph_, {}, run_options));
    Tensors fetched;
    TRY(const Tensors outputs, model.run(inputs, names, fetched));
    std::map<Value, Tensor> values;
    size_t next = 0;
    for (const auto& [value, tensor] : wanted) values[value] = fetched[next++];
    for (size_t i = begin; i < end; ++i) {
      if (options.cancelled && options.cancelled()) return {};
      const uint32_t id = order_[i];
      const Node& n = graph_[id];
      Tensors operands, results, expected;
      for (Value v : n.in) {
        if (!v.valid()) {
          operands.push_back(absent_operand());
        } else if (const Constant* c = graph_.constant(v)) {
          TRY(Tensor t, c->materialize());
          operands.push_back(std::move(t));
        } else if (const auto it = values.find(v); it != values.end()) {
          operands.push_back(it->second);
        } else if (const auto known = computed.find(v); known != computed.end()) {
          operands.push_back(known->second);
        } else {
          return error(Code::kInternal, fmt::format("value %{} of the written graph has no tensor", v.node));
        }
      }
      std::vector<bool> observed(n.out.size());
      for (uint32_t k = 0; k < n.out.size(); ++k) observed[k] = values.count({id, k}) > 0;
      const bool all_observed = std::find(observed.begin(), observed.end(), false) == observed.end();
      if (options.expected || !all_observed) {
        TRY(expected, evaluate_node(graph_, id, operands));
      }
      for (uint32_t k = 0; k < n.out.size(); ++k) {
        results.push_back(observed[k] ? values[{id, k}] : expected[k]);
        if (!observed[k]) computed[{id, k}] = expected[k];
      }
      if (!visit({id, i, operands, expected, results, observed})) return {};
    }
    begin = end;
  }
  return {};
}

}  // namespace atl
