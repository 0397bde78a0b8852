#include "run/model_image.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>
#include <system_error>
#include <utility>

#include "run/litert_api.h"
#include "schema_tables.h"

namespace atl {
namespace {

constexpr std::string_view kFileIdentifier = "TFL3";
constexpr int kMaxDepth = 64;

Error damaged(const std::string& what, const std::string& where) {
  return error(Code::kTflite, fmt::format("{} is damaged: {}", what, where), "make or copy the file again");
}

template <class V>
size_t length(const V* v) {
  return v == nullptr ? 0 : v->size();
}

bool all_below(const flatbuffers::Vector<int32_t>* indices, size_t limit, bool optional) {
  if (indices == nullptr) return true;
  return std::all_of(indices->begin(), indices->end(),
                     [&](int32_t i) { return (i >= 0 && static_cast<size_t>(i) < limit) || (optional && i == -1); });
}

Status verify_tensor(const tflite::Tensor& t, size_t buffers, size_t tensors, const std::string& what) {
  std::string name = t.name() != nullptr ? t.name()->str() : "";
  if (length(t.shape()) > litert::kMaxRank || length(t.shape_signature()) > litert::kMaxRank) {
    return error(Code::kRuntimeFailure, fmt::format("tensor '{}' of {} has {} axes, LiteRT runs at most {}", name, what,
                                                    length(t.shape()), litert::kMaxRank));
  }
  if (t.buffer() != 0 && t.buffer() >= buffers)
    return damaged(what, fmt::format("tensor '{}' names a buffer that is not there", name));
  const tflite::QuantizationParameters* q = t.quantization();
  if (q == nullptr) return {};
  if (length(q->zero_point()) != 0 && length(q->zero_point()) != length(q->scale())) {
    return damaged(
        what, fmt::format("tensor '{}' has {} scales and {} zero points", name, length(q->scale()), length(q->zero_point())));
  }
  if (const auto* block = q->details_as_BlockwiseQuantization()) {
    bool fits = block->scales() >= 0 && static_cast<size_t>(block->scales()) < tensors && block->zero_points() >= -1 &&
                block->zero_points() < static_cast<int64_t>(tensors);
    if (!fits) return damaged(what, fmt::format("tensor '{}' names a scale tensor that is not there", name));
  }
  return {};
}

Status verify_subgraph(const tflite::Model& model, const tflite::SubGraph& graph, const std::string& what) {
  size_t tensors = length(graph.tensors());
  for (size_t i = 0; i < tensors; ++i) {
    TRY_STATUS(verify_tensor(*graph.tensors()->Get(static_cast<unsigned>(i)), length(model.buffers()), tensors, what));
  }
  if (!all_below(graph.inputs(), tensors, false) || !all_below(graph.outputs(), tensors, false)) {
    return damaged(what, "an input or output of a graph is not there");
  }
  for (size_t i = 0; i < length(graph.operators()); ++i) {
    const tflite::Operator& op = *graph.operators()->Get(static_cast<unsigned>(i));
    if (op.opcode_index() >= length(model.operator_codes())) return damaged(what, fmt::format("node {} names no op", i));
    if (!all_below(op.inputs(), tensors, true) || !all_below(op.outputs(), tensors, true) ||
        !all_below(op.intermediates(), tensors, true)) {
      return damaged(what, fmt::format("node {} names a tensor that is not there", i));
    }
  }
  return {};
}

// LiteRT looks the name of every input and output of the graph up in the signature.
bool names_all(const tflite::SignatureDef& signature, const flatbuffers::Vector<flatbuffers::Offset<tflite::TensorMap>>* side,
               const flatbuffers::Vector<int32_t>* tensors) {
  std::set<uint32_t> named;
  for (unsigned k = 0; k < length(side); ++k) {
    if (side->Get(k)->name() == nullptr) return false;
    named.insert(side->Get(k)->tensor_index());
  }
  for (unsigned k = 0; k < length(tensors); ++k) {
    if (named.count(static_cast<uint32_t>(tensors->Get(k))) == 0) return false;
  }
  return length(side) == length(tensors) && signature.signature_key() != nullptr;
}

Status verify_signatures(const tflite::Model& model, const std::string& what) {
  for (size_t i = 0; i < length(model.signature_defs()); ++i) {
    const tflite::SignatureDef& s = *model.signature_defs()->Get(static_cast<unsigned>(i));
    const tflite::SubGraph* graph =
        s.subgraph_index() < model.subgraphs()->size() ? model.subgraphs()->Get(s.subgraph_index()) : nullptr;
    if (graph == nullptr || !names_all(s, s.inputs(), graph->inputs()) || !names_all(s, s.outputs(), graph->outputs())) {
      return damaged(what, fmt::format("signature {} does not name the inputs and outputs of its graph", i));
    }
  }
  return {};
}

}  // namespace

Result<ModelImage> ModelImage::open(const std::filesystem::path& file) {
  auto missing = [&](int code) {
    return error(Code::kFileMissing, fmt::format("cannot open '{}': {}", file.string(), std::generic_category().message(code)));
  };
  int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return missing(errno);
  struct stat info {};
  int code = fstat(fd, &info) != 0 ? errno : S_ISDIR(info.st_mode) ? EISDIR : !S_ISREG(info.st_mode) ? ENODEV : 0;
  ModelImage image;
  image.what_ = fmt::format("'{}'", file.string());
  if (code == 0 && info.st_size > 0) {
    void* data = mmap(nullptr, static_cast<size_t>(info.st_size), PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED) {
      code = errno;
    } else {
      image.bytes_ = {static_cast<std::byte*>(data), static_cast<size_t>(info.st_size)};
    }
  }
  close(fd);
  if (code != 0) return missing(code);
  TRY_STATUS(image.verify());
  return image;
}

Result<ModelImage> ModelImage::from_bytes(std::vector<std::byte> bytes) {
  ModelImage image;
  image.what_ = "the model in memory";
  image.owned_ = std::move(bytes);
  image.bytes_ = image.owned_;
  TRY_STATUS(image.verify());
  return image;
}

ModelImage::ModelImage(ModelImage&& other) noexcept { *this = std::move(other); }

ModelImage& ModelImage::operator=(ModelImage&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  std::swap(owned_, other.owned_);
  std::swap(what_, other.what_);
  std::swap(hidden_, other.hidden_);
  return *this;
}

ModelImage::~ModelImage() {
  if (owned_.empty() && !bytes_.empty()) munmap(bytes_.data(), bytes_.size());
}

Status ModelImage::verify() const {
  if (bytes_.size() < 8 || std::memcmp(bytes_.data() + 4, kFileIdentifier.data(), kFileIdentifier.size()) != 0) {
    return error(Code::kTflite,
                 fmt::format("{} is not a .tflite file: it does not carry the mark '{}'", what_, kFileIdentifier));
  }
  // Beyond 2 GB lie only weights, whose ranges LiteRT checks itself.
  size_t size = std::min<size_t>(bytes_.size(), FLATBUFFERS_MAX_BUFFER_SIZE - 1);
  auto tables = static_cast<flatbuffers::uoffset_t>(size / 4);
  flatbuffers::Verifier verifier(reinterpret_cast<const uint8_t*>(bytes_.data()), size, kMaxDepth, tables);
  if (!tflite::VerifyModelBuffer(verifier)) {
    return damaged(what_, "its parts lie outside the file (it may have been cut off)");
  }
  const tflite::Model& model = *tflite::GetModel(bytes_.data());
  if (length(model.subgraphs()) == 0) return damaged(what_, "it holds no graph");
  for (size_t i = 0; i < model.subgraphs()->size(); ++i) {
    TRY_STATUS(verify_subgraph(model, *model.subgraphs()->Get(static_cast<unsigned>(i)), what_));
  }
  for (size_t i = 0; i < length(model.metadata()); ++i) {
    const tflite::Metadata& m = *model.metadata()->Get(static_cast<unsigned>(i));
    if (m.name() == nullptr || m.buffer() >= length(model.buffers()))
      return damaged(what_, "a metadata entry has no name or no bytes");
  }
  return verify_signatures(model, what_);
}

std::vector<std::pair<std::string, uint32_t>> ModelImage::signature_outputs(size_t signature) const {
  std::vector<std::pair<std::string, uint32_t>> outputs;
  const auto* defs = tflite::GetModel(bytes_.data())->signature_defs();
  if (signature >= length(defs)) return outputs;
  const auto* maps = defs->Get(static_cast<unsigned>(signature))->outputs();
  for (unsigned i = 0; i < length(maps); ++i) outputs.emplace_back(maps->Get(i)->name()->str(), maps->Get(i)->tensor_index());
  return outputs;
}

ModelImage::OpenAxes ModelImage::open_axes(size_t signature, uint32_t tensor) const {
  const tflite::Model* model = tflite::GetModel(bytes_.data());
  const auto* defs = model->signature_defs();
  const uint32_t graph = signature < length(defs) ? defs->Get(static_cast<unsigned>(signature))->subgraph_index() : 0;
  if (graph >= length(model->subgraphs())) return {};
  const auto* tensors = model->subgraphs()->Get(graph)->tensors();
  if (tensor >= length(tensors)) return {};
  const auto *sizes = tensors->Get(tensor)->shape_signature(), *shape = tensors->Get(tensor)->shape();
  OpenAxes axes;
  if (length(sizes) != length(shape)) return axes;
  for (unsigned i = 0; i < length(sizes); ++i) {
    axes.open.push_back(sizes->Get(i) < 0);
    axes.shape.push_back(std::max(shape->Get(i), 1));
  }
  return axes;
}

void ModelImage::hide_variables() {
  show_variables();
  auto hide = [this](const void* address, size_t size) {
    auto* bytes = const_cast<std::byte*>(static_cast<const std::byte*>(address));
    for (size_t i = 0; i < size; ++i) hidden_.emplace_back(bytes + i, bytes[i]);
  };
  const tflite::Model* model = tflite::GetModel(bytes_.data());
  for (unsigned g = 0; g < length(model->subgraphs()); ++g) {
    const tflite::SubGraph* graph = model->subgraphs()->Get(g);
    for (unsigned i = 0; i < length(graph->tensors()); ++i) {
      const auto* tensor = reinterpret_cast<const flatbuffers::Table*>(graph->tensors()->Get(i));
      if (graph->tensors()->Get(i)->is_variable()) hide(tensor->GetAddressOf(tflite::Tensor::VT_IS_VARIABLE), 1);
    }
    for (unsigned i = 0; i < length(graph->operators()); ++i) {
      // A vector starts with its length; a zero there makes it empty without moving anything.
      const auto* intermediates = graph->operators()->Get(i)->intermediates();
      if (length(intermediates) != 0) hide(intermediates, sizeof(flatbuffers::uoffset_t));
    }
  }
  // Only now, for in a damaged file the marks may overlap with what was walked over.
  for (const auto& [place, value] : hidden_) *place = std::byte{0};
}

void ModelImage::show_variables() {
  for (const auto& [place, value] : hidden_) *place = value;
  hidden_.clear();
}

}  // namespace atl
