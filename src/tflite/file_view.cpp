#include "tflite/file_view.h"

#include <algorithm>

#include "tflite/tensor_type.h"

namespace atl {
namespace {

constexpr size_t kMaxRank = 64;
constexpr flatbuffers::uoffset_t kMaxDepth = 64, kMaxTables = 4'000'000;
constexpr uint64_t kMaxFlatbuffer = 0x7ffffffe;

// Zero points are integers of the quantized type, which has at most 16 bits; those of wider types are 0.
constexpr int64_t kMaxZeroPoint = 65535;

Error damaged(std::string what) { return error(Code::kTflite, std::move(what), "fetch or convert the file again"); }

Result<std::optional<QuantParams>> read_quant(const tflite::QuantizationParameters* q, const Shape& shape) {
  if (!has_aligned_vectors(q, tflite::QuantizationParametersTypeTable())) return damaged("zero points are not aligned");
  if (!q || size_of(q->scale()) == 0) return std::optional<QuantParams>();
  QuantParams out{to_vector(q->scale()), to_vector(q->zero_point()), q->quantized_dimension()};
  if (out.zero_point.empty()) out.zero_point.assign(out.scale.size(), 0);
  if (out.zero_point.size() != out.scale.size())
    return damaged(fmt::format("{} scales and {} zero points", out.scale.size(), out.zero_point.size()));
  if (out.axis < 0 || (size_t(out.axis) >= shape.size() && (out.axis > 0 || out.scale.size() > 1)))
    return damaged(fmt::format("quantized along axis {} of {}", out.axis, shape.size()));
  for (const int64_t z : out.zero_point)
    if (z < -kMaxZeroPoint || z > kMaxZeroPoint) return damaged(fmt::format("a zero point of {}", z));
  if (out.scale.size() == 1) {
    out.axis = 0;
  } else if (shape[size_t(out.axis)] != kDynamic && shape[size_t(out.axis)] != int64_t(out.scale.size())) {
    return damaged(fmt::format("{} scales along an axis of {}", out.scale.size(), shape[size_t(out.axis)]));
  }
  return std::optional<QuantParams>(std::move(out));
}

Result<Shape> read_shape(const tflite::Tensor& t, bool may_be_open) {
  const size_t rank = size_of(t.shape());
  if (rank > kMaxRank) return damaged(fmt::format("a tensor of {} axes", rank));
  Shape shape;
  for (size_t i = 0; i < rank; ++i) {
    const int32_t size = t.shape()->Get(flatbuffers::uoffset_t(i));
    if (size < -1) return damaged(fmt::format("an axis of size {}", size));
    shape.push_back(size);
  }
  if (may_be_open && size_of(t.shape_signature()) == rank)
    for (size_t i = 0; i < rank; ++i)
      if (t.shape_signature()->Get(flatbuffers::uoffset_t(i)) == -1) shape[i] = kDynamic;
  return shape;
}

}  // namespace

bool has_aligned_vectors(const void* table, const flatbuffers::TypeTable* type) {
  for (size_t i = 0; table && i < type->num_elems; ++i) {
    const auto code = flatbuffers::ElementaryType(type->type_codes[i].base_type);
    const bool is_wide = code == flatbuffers::ET_LONG || code == flatbuffers::ET_ULONG || code == flatbuffers::ET_DOUBLE;
    if (!type->type_codes[i].is_repeating || !is_wide) continue;
    const auto* v = static_cast<const flatbuffers::Table*>(table)->GetPointer<const flatbuffers::Vector<int64_t>*>(
        flatbuffers::FieldIndexToOffset(flatbuffers::voffset_t(i)));
    if (v && reinterpret_cast<uintptr_t>(v->Data()) % sizeof(int64_t) != 0) return false;
  }
  return true;
}

Result<FileView> FileView::open(std::span<const std::byte> bytes, std::shared_ptr<const void> owner) {
  const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
  if (bytes.size() < 8 || !tflite::ModelBufferHasIdentifier(data))
    return error(Code::kTflite, "not a .tflite file: the letters TFL3 are missing",
                 "give a file that a converter to LiteRT wrote");
  flatbuffers::Verifier verifier(data, size_t(std::min<uint64_t>(bytes.size(), kMaxFlatbuffer)), kMaxDepth, kMaxTables);
  if (!tflite::VerifyModelBuffer(verifier)) return damaged("its structure is damaged or cut off");
  FileView v;
  v.bytes_ = bytes;
  v.owner_ = std::move(owner);
  v.model_ = tflite::GetModel(data);
  v.budget_ = (uint64_t(1) << 24) + 16 * uint64_t(bytes.size());
  return v;
}

Status FileView::charge(uint64_t bytes) const {
  if (bytes > budget_) return damaged("its parts overlap so much that they do not fit into memory");
  budget_ -= bytes;
  return {};
}

Result<std::span<const std::byte>> FileView::buffer(uint32_t index) const {
  if (index == 0) return std::span<const std::byte>();
  if (index >= size_of(model_->buffers())) return damaged(fmt::format("there is no buffer {}", index));
  const tflite::Buffer* b = model_->buffers()->Get(index);
  if (b->data()) return std::span(reinterpret_cast<const std::byte*>(b->data()->data()), b->data()->size());
  if (b->offset() <= 1) return std::span<const std::byte>();
  if (b->offset() > bytes_.size() || b->size() > bytes_.size() - b->offset())
    return damaged(fmt::format("buffer {} lies outside the file", index));
  return bytes_.subspan(b->offset(), b->size());
}

Result<FileTensor> FileView::tensor(const tflite::Tensor* t) const {
  TRY_STATUS(charge(64 + (t->name() ? t->name()->size() : 0) + 8 * uint64_t(size_of(t->shape()))));
  FileTensor out;
  out.table = t;
  out.name = to_text(t->name());
  Status status = describe(out);
  if (!status) return std::move(status.error()).in(fmt::format("while reading tensor '{}'", out.name));
  return out;
}

Status FileView::describe(FileTensor& out) const {
  const tflite::Tensor* t = out.table;
  out.variable = t->is_variable();
  if (t->external_buffer() != 0)
    return error(Code::kUnsupportedForm, "its weights lie in another file", "merge the weights into the .tflite file first");
  TRY(out.content, buffer(t->buffer()));
  out.type.dtype = from_tensor_type(t->type());
  TRY(out.type.shape, read_shape(*t, out.content.empty()));
  if (t->quantization()) TRY_STATUS(charge(12 * uint64_t(size_of(t->quantization()->scale()))));
  TRY(out.type.quant, read_quant(t->quantization(), out.type.shape));
  TRY(const size_t size, byte_size(out.type));
  const bool empty_data = t->buffer() != 0 && model_->buffers()->Get(t->buffer())->data() && size == 0;
  out.has_content = !out.content.empty() || empty_data;
  if (out.has_content && !is_static(out.type.shape))
    return damaged(fmt::format("a value for {}, whose size is open", to_string(out.type)));
  const bool blockwise = t->quantization() && t->quantization()->details();
  out.odd = t->sparsity() || t->variant_tensors() || blockwise || bits(out.type.dtype) == 0;
  if (!out.has_content || out.odd || out.variable) return {};
  if (out.content.size() != size)
    return damaged(fmt::format("{} bytes for {}, which has {}", out.content.size(), to_string(out.type), size));
  if (out.type.dtype == DType::kBool &&
      std::any_of(out.content.begin(), out.content.end(), [](std::byte b) { return b > std::byte{1}; }))
    return damaged("a bool is neither 0 nor 1");
  return {};
}

}  // namespace atl
