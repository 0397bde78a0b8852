// Any bytes as one of the JSON documents of a program (the first byte says which, and of which archive layout), the other parts
// being good ones.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "read/old_pt2.h"
#include "read/pt2.h"
#include "read/zip_builder.h"

namespace {

constexpr const char* kConfig =
    R"({"config": {"fc.weight": {"path_name": "weight_0", "is_param": true, "use_pickle": false, "tensor_meta": {"dtype": 7, )"
    R"("sizes": [{"as_int": 2}, {"as_int": 3}], "requires_grad": true, "device": {"type": "cpu", "index": null}, )"
    R"("strides": [{"as_int": 3}, {"as_int": 1}], "storage_offset": {"as_int": 0}, "layout": 7}}}})";

constexpr const char* kModel =
    R"({"graph_module": {"graph": {"inputs": [{"as_tensor": {"name": "w"}}], "outputs": [{"as_tensor": {"name": "w"}}], "nodes": [], )"
    R"("tensor_values": {"w": {"dtype": 7, "sizes": [{"as_int": 2}, {"as_int": 3}], "requires_grad": true, "device": {"type": "cpu"}, )"
    R"("strides": [{"as_int": 3}, {"as_int": 1}], "storage_offset": {"as_int": 0}, "layout": 7}}, "sym_int_values": {}, )"
    R"("sym_bool_values": {}}, "signature": {"input_specs": [{"parameter": {"arg": {"name": "w"}, "parameter_name": "fc.weight"}}], )"
    R"("output_specs": [{"user_output": {"arg": {"as_tensor": {"name": "w"}}}}]}, "module_call_graph": []}, "opset_version": {}, )"
    R"("range_constraints": {}, "schema_version": {"major": 8, "minor": 20}, "torch_version": "2.13.0"})";

using atl::Result;
using atl::SourceProgram;
using atl::ZipPart;

Result<SourceProgram> read_new(const std::string& text, int which) {
  const std::vector<ZipPart> parts = {
      {.name = "archive_format", .contents = "pt2"},
      {.name = "archive_version", .contents = "0"},
      {.name = "models/model.json", .contents = which == 0 ? text : kModel},
      {.name = "data/weights/model_weights_config.json", .contents = which == 1 ? text : kConfig},
      {.name = "data/constants/model_constants_config.json", .contents = which == 2 ? text : kConfig},
      {.name = "data/weights/weight_0", .contents = std::string(24, 'w')},
      {.name = "data/constants/weight_0", .contents = std::string(24, 'c')},
      {.name = "data/constants/tensor_0", .contents = std::string(64, 't')},
  };
  const auto archive = atl::Archive::open(atl::make_blob(atl::build_zip(parts)), "fuzz");
  if (!archive) __builtin_trap();
  return atl::read_pt2(*archive);
}

Result<SourceProgram> read_old(const std::string& text) {
  static const std::string kWeights = atl::read_whole_file(atl::fixture("state_dict.pth"));
  const std::vector<ZipPart> parts = {
      {.name = std::string(atl::kOldPt2Document), .contents = text},
      {.name = "serialized_state_dict.pt", .contents = kWeights},
      {.name = "serialized_constants.pt", .contents = kWeights},
      {.name = "version", .contents = "8.7"},
  };
  const auto archive = atl::Archive::open(atl::make_blob(atl::build_zip(parts)), "fuzz");
  if (!archive) __builtin_trap();
  return atl::read_old_pt2(*archive);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto program = data[0] % 4 == 3 ? read_old(text) : read_new(text, data[0] % 4);
  if (!program) {
    if (program.error().is_bug()) __builtin_trap();
    return 0;
  }
  size_t length = 0;
  for (const auto& node : program->graph.nodes) {
    for (const auto& input : node.inputs) length += atl::format(input.value).size();
  }
  for (const auto& tensor : program->tensors) length += tensor.data.contiguous_bytes().size();
  volatile size_t keep = length;
  (void)keep;
  return 0;
}
