#include "read/payload.h"

#include "read/graph_json.h"
#include "read/json.h"
#include "read/pickle.h"
#include "read/storage.h"

namespace atl {
namespace {

Result<std::vector<int64_t>> plain_dims(std::string_view name, const std::vector<SymDim>& dims) {
  std::vector<int64_t> numbers;
  numbers.reserve(dims.size());
  for (const SymDim& d : dims) {
    if (!d.is_static()) {
      return error(Code::kWeight, fmt::format("tensor '{}' has a size or stride that is not a number, '{}'", name, d.expr),
                   "export and save the model again");
    }
    numbers.push_back(d.value);
  }
  return numbers;
}

}  // namespace

Result<Payloads> Payloads::open(const Archive& archive, std::string_view folder, std::string_view model) {
  Payloads payloads;
  payloads.archive_ = &archive;
  if (const ArchiveEntry* dictionary = archive.find(fmt::format("data/{}/{}.pt", folder, model))) {
    TRY_STATUS(payloads.read_dictionary(*dictionary));
  } else {
    TRY_STATUS(payloads.read_config(fmt::format("data/{0}/{1}_{0}_config.json", folder, model), folder));
  }
  return payloads;
}

Result<Payloads> Payloads::open_dictionary(const Archive& archive, std::string_view path) {
  Payloads payloads;
  payloads.archive_ = &archive;
  if (const ArchiveEntry* entry = archive.find(path)) TRY_STATUS(payloads.read_dictionary(*entry));
  return payloads;
}

Status Payloads::read_config(const std::string& path, std::string_view folder) {
  TRY(const Blob text, archive_->read(path));
  TRY(const auto document, JsonDocument::parse(text, path));
  const JsonNode root(document);
  TRY(const auto config, root.field("config"));
  return config.for_each_field([&](const JsonNode& item) -> Status {
    Payload payload;
    TRY(const auto name, item.field("path_name"));
    TRY(const auto path_name, name.text());
    payload.path = fmt::format("data/{}/{}", folder, path_name);
    TRY(const auto pickled, item.field("use_pickle"));
    TRY(payload.pickled, pickled.boolean());
    TRY(const auto meta, item.optional_field("tensor_meta"));
    if (meta) {
      TRY(payload.meta, read_tensor_meta(*meta));
    } else if (!payload.pickled) {
      return item.refuse("the field 'tensor_meta' is missing");
    }
    if (!payloads_.emplace(std::string(item.key()), std::move(payload)).second) return item.refuse("the name occurs twice");
    return {};
  });
}

Status Payloads::read_dictionary(const ArchiveEntry& entry) {
  const std::string path(entry.name);
  TRY(const Blob file, archive_->view(entry));
  if (file.bytes.empty()) return {};
  TRY(const Pickle pickle, read_torch_save(file, path));
  const auto* dict = pickle[pickle.root].get<PickleDict>();
  if (!dict) return error(Code::kPickle, fmt::format("'{}' holds no dictionary of tensors", path), "export the model again");
  for (const auto& [key, value] : dict->items) {
    const auto* name = pickle[key].get<std::string>();
    const auto* tensor = pickle[value].get<StoredTensor>();
    if (name && tensor) tensors_.emplace(*name, *tensor);
  }
  return {};
}

Result<StoredTensor> Payloads::read(const std::string& fqn) {
  if (const auto it = tensors_.find(fqn); it != tensors_.end()) return it->second;
  const Payload& payload = payloads_.at(fqn);
  auto storage = storages_.find(payload.path);
  if (storage == storages_.end()) {
    const ArchiveEntry* entry = archive_->find(payload.path);
    if (!entry) {
      return error(
          Code::kArchive,
          fmt::format("the archive '{}' has no entry '{}' with the bytes of '{}'", archive_->name(), payload.path, fqn),
          "write or copy the file again");
    }
    TRY(Blob bytes, archive_->view(*entry));
    storage = storages_.emplace(payload.path, std::move(bytes)).first;
  }
  if (payload.pickled) {
    TRY(const Pickle pickle, read_torch_save(storage->second, payload.path));
    const auto* tensor = pickle[pickle.root].get<StoredTensor>();
    if (!tensor)
      return error(Code::kPickle, fmt::format("'{}' holds no tensor for '{}'", payload.path, fqn),
                   "export and save the model again");
    return *tensor;
  }
  if (payload.meta.layout != TorchLayout::kStrided) {
    return error(Code::kWeight, fmt::format("tensor '{}' has the layout {}", fqn, format(SourceValue{payload.meta.layout})),
                 "make it dense before the export: parameter.to_dense()");
  }
  TRY(auto sizes, plain_dims(fqn, payload.meta.sizes));
  TRY(auto strides, plain_dims(fqn, payload.meta.strides));
  TRY(const auto offset, plain_dims(fqn, {payload.meta.storage_offset}));
  return make_stored_tensor(fqn, payload.meta.dtype, std::move(sizes), std::move(strides), offset[0], storage->second);
}

}  // namespace atl
