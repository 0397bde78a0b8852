#include "tflite/buffer_table.h"

namespace atl {

Result<Tensor> bytes_of(const Constant& c) {
  if (bits(c.type().dtype) < 8 && !c.is_dense() && !c.is_lazy())
    return error(Code::kInternal, fmt::format("constant '{}' is a strided view of packed elements", c.name()));
  TRY(Tensor t, c.materialize());
  TRY(const size_t size, byte_size(c.type()));
  if (t.byte_count() != size)
    return error(Code::kInternal, fmt::format("constant '{}' gives {} bytes, its type {} has {}", c.name(), t.byte_count(),
                                              to_string(c.type()), size));
  return t;
}

Result<uint32_t> BufferTable::add(const ConstantPtr& c) {
  TRY(const size_t size, byte_size(c->type()));
  const uint32_t next = uint32_t(entries_.size());
  if (size < kInlineBytes) {
    TRY(Tensor t, bytes_of(*c));
    const auto [it, added] = small_.try_emplace(std::string(reinterpret_cast<const char*>(t.bytes()), size), next);
    if (added) entries_.push_back({{t.bytes(), t.bytes() + size}, nullptr, size});
    return it->second;
  }
  const size_t hash = c->content_hash();
  const auto [first, last] = streamed_.equal_range(hash);
  for (auto it = first; it != last; ++it) {
    const BufferEntry& e = entries_[it->second];
    if (e.size == size && e.constant->same_content(*c)) return it->second;
  }
  entries_.push_back({{}, c, size});
  streamed_.emplace(hash, next);
  streamed_bytes_ += size;
  return next;
}

uint32_t BufferTable::add_own(std::vector<std::byte> bytes) {
  const size_t size = bytes.size();
  entries_.push_back({std::move(bytes), nullptr, size});
  return uint32_t(entries_.size() - 1);
}

}  // namespace atl
