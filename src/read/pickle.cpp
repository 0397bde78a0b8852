#include "read/pickle.h"

#include <algorithm>
#include <bit>
#include <unordered_map>

#include "read/bytes.h"
#include "read/storage.h"
#include "read/torch_names.h"

namespace atl {
namespace {

constexpr size_t kMaxPickleBytes = size_t{64} << 20;
constexpr size_t kMaxValues = size_t{1} << 20;
constexpr size_t kMaxRank = 64;
constexpr size_t kMaxArguments = 16;

/// The stack machine. Without an archive, storages are empty and tensors are read as None (to look for names only).
class Machine {
 public:
  Machine(std::span<const std::byte> code, const Archive* archive, const std::string& name)
      : code_(code), archive_(archive), name_(name) {}

  Result<Pickle> run();
  const std::string& foreign_global() const { return foreign_; }
  size_t position() const { return at_; }

 private:
  Status step(uint8_t op);
  Status step_text(uint8_t op, bool& known);
  Status step_container(uint8_t op, bool& known);
  Status step_memo(uint8_t op, bool& known);
  Status step_object(uint8_t op, bool& known);

  Error refuse(std::string_view what) const {
    return error(Code::kPickle, fmt::format("'{}' holds {}", name_, what),
                 "save plain tensors, lists, tuples and dictionaries only: torch.save(model.state_dict(), ...)");
  }
  Error damaged(std::string_view what) const {
    return error(Code::kPickle, fmt::format("'{}' is a damaged pickle: {} at byte {}", name_, what, at_),
                 "save the file again");
  }

  template <class T>
  Result<T> number() {
    if (!inside(at_, sizeof(T), code_.size())) return damaged("it ends");
    const T value = load<T>(code_, at_);
    at_ += sizeof(T);
    return value;
  }
  Result<std::span<const std::byte>> take(uint64_t size) {
    if (!inside(at_, size, code_.size())) return damaged("it ends");
    const auto bytes = code_.subspan(at_, size);
    at_ += size;
    return bytes;
  }
  Result<std::string> take_text(uint64_t size) {
    TRY(const auto bytes, take(size));
    return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  Result<std::string> take_line() {
    const size_t begin = at_;
    while (at_ < code_.size() && code_[at_] != std::byte{'\n'}) ++at_;
    if (at_ >= code_.size()) return damaged("it ends");
    return std::string(reinterpret_cast<const char*>(code_.data()) + begin, at_++ - begin);
  }

  Status push(PickleValue value) {
    if (values_.size() >= kMaxValues) return refuse(fmt::format("more than {} values", kMaxValues));
    stack_.push_back(static_cast<PickleRef>(values_.size()));
    values_.push_back(std::move(value));
    return {};
  }
  /// None, True and False exist once.
  Status push_constant(std::optional<PickleRef>& known, PickleValue value) {
    if (known) {
      stack_.push_back(*known);
      return {};
    }
    TRY_STATUS(push(std::move(value)));
    known = stack_.back();
    return {};
  }
  Result<PickleRef> pop() {
    if (stack_.size() <= (marks_.empty() ? 0 : marks_.back())) return damaged("its stack is empty");
    const PickleRef top = stack_.back();
    stack_.pop_back();
    return top;
  }
  /// Everything above the last mark.
  Result<std::vector<PickleRef>> pop_mark() {
    if (marks_.empty()) return damaged("a mark is missing");
    const auto begin = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
    std::vector<PickleRef> items(begin, stack_.end());
    stack_.erase(begin, stack_.end());
    marks_.pop_back();
    return items;
  }
  Status pop_tuple(size_t size) {
    PickleTuple tuple{std::vector<PickleRef>(size)};
    for (size_t i = size; i-- > 0;) {
      TRY(tuple.items[i], pop());
    }
    return push({std::move(tuple)});
  }
  Result<PickleRef> top() {
    if (stack_.size() <= (marks_.empty() ? 0 : marks_.back())) return damaged("its stack is empty");
    return stack_.back();
  }
  template <class T>
  const T* as(PickleRef ref) const {
    return values_[ref].get<T>();
  }

  Status append(const std::vector<PickleRef>& items);
  Status set_items(const std::vector<PickleRef>& items);
  Status push_global(std::string module, std::string name);
  Status push_long(uint64_t size);
  Status push_storage();
  Status reduce();
  Status rebuild_tensor(std::string_view function, const std::vector<PickleRef>& args);
  Status build();
  Result<std::vector<int64_t>> dimensions(PickleRef ref) const;

  std::span<const std::byte> code_;
  const Archive* archive_;
  const std::string& name_;
  size_t at_ = 0;
  bool stopped_ = false;
  std::vector<PickleValue> values_;
  std::vector<PickleRef> stack_;
  std::vector<size_t> marks_;
  std::unordered_map<uint32_t, PickleRef> memo_;
  std::unordered_map<std::string, Blob> storages_;
  std::optional<PickleRef> none_, true_, false_;
  std::string foreign_;
};

Result<Pickle> Machine::run() {
  if (code_.size() > kMaxPickleBytes) return refuse(fmt::format("a pickle of {} bytes", code_.size()));
  while (!stopped_) {
    TRY(const uint8_t op, number<uint8_t>());
    TRY_STATUS(step(op));
  }
  if (!marks_.empty() || stack_.size() != 1) return damaged("it stops too early");
  return Pickle{std::move(values_), stack_.back()};
}

Status Machine::step(uint8_t op) {
  bool known = true;
  TRY_STATUS(step_text(op, known));
  if (known) return {};
  TRY_STATUS(step_container(op, known));
  if (known) return {};
  TRY_STATUS(step_memo(op, known));
  if (known) return {};
  TRY_STATUS(step_object(op, known));
  if (known) return {};
  --at_;
  return damaged(fmt::format("opcode {:#04x} is not read here", op));
}

/// Numbers and strings.
Status Machine::step_text(uint8_t op, bool& known) {
  known = true;
  switch (op) {
    case 'N':
      return push_constant(none_, {PickleNone{}});
    case 0x88:
      return push_constant(true_, {true});
    case 0x89:
      return push_constant(false_, {false});
    case 'J': {
      TRY(const uint32_t v, number<uint32_t>());
      return push({static_cast<int64_t>(static_cast<int32_t>(v))});
    }
    case 'K': {
      TRY(const uint8_t v, number<uint8_t>());
      return push({static_cast<int64_t>(v)});
    }
    case 'M': {
      TRY(const uint16_t v, number<uint16_t>());
      return push({static_cast<int64_t>(v)});
    }
    case 0x8a: {
      TRY(const uint8_t size, number<uint8_t>());
      return push_long(size);
    }
    case 0x8b: {
      TRY(const uint32_t size, number<uint32_t>());
      return push_long(size);
    }
    case 'G': {
      TRY(const auto bytes, take(8));
      uint64_t bits = 0;
      for (std::byte b : bytes) bits = bits << 8 | static_cast<uint64_t>(b);  // the one big-endian number of a pickle
      return push({std::bit_cast<double>(bits)});
    }
    case 'X':
    case 'T': {
      TRY(const uint32_t size, number<uint32_t>());
      TRY(std::string text, take_text(size));
      return push({std::move(text)});
    }
    case 0x8c:
    case 'U': {
      TRY(const uint8_t size, number<uint8_t>());
      TRY(std::string text, take_text(size));
      return push({std::move(text)});
    }
    case 0x8d: {
      TRY(const uint64_t size, number<uint64_t>());
      TRY(std::string text, take_text(size));
      return push({std::move(text)});
    }
    case 'B':
    case 'C': {
      uint64_t size = 0;
      if (op == 'C') {
        TRY(size, number<uint8_t>());
      } else {
        TRY(size, number<uint32_t>());
      }
      TRY(const auto bytes, take(size));
      return push({PickleBytes(bytes.begin(), bytes.end())});
    }
    default:
      known = false;
      return {};
  }
}

Status Machine::push_long(uint64_t size) {
  TRY(const auto bytes, take(size));
  if (size > 8) return refuse("an integer of more than 64 bits");
  uint64_t value = 0;
  for (size_t i = 0; i < size; ++i) value |= static_cast<uint64_t>(bytes[i]) << (8 * i);
  if (size > 0 && size < 8 && (value >> (8 * size - 1)) != 0) value |= ~uint64_t{0} << (8 * size);
  return push({static_cast<int64_t>(value)});
}

/// Tuples, lists and dictionaries.
Status Machine::step_container(uint8_t op, bool& known) {
  known = true;
  switch (op) {
    case '(':
      marks_.push_back(stack_.size());
      return {};
    case ')':
      return push({PickleTuple{}});
    case 0x85:
      return pop_tuple(1);
    case 0x86:
      return pop_tuple(2);
    case 0x87:
      return pop_tuple(3);
    case ']':
      return push({PickleList{}});
    case '}':
      return push({PickleDict{}});
    case 't': {
      TRY(auto items, pop_mark());
      return push({PickleTuple{std::move(items)}});
    }
    case 'l': {
      TRY(auto items, pop_mark());
      return push({PickleList{std::move(items)}});
    }
    case 'd': {
      TRY(const auto items, pop_mark());
      TRY_STATUS(push({PickleDict{}}));
      return set_items(items);
    }
    case 'a': {
      TRY(const PickleRef item, pop());
      return append({item});
    }
    case 'e': {
      TRY(const auto items, pop_mark());
      return append(items);
    }
    case 's': {
      TRY(const PickleRef value, pop());
      TRY(const PickleRef key, pop());
      return set_items({key, value});
    }
    case 'u': {
      TRY(const auto items, pop_mark());
      return set_items(items);
    }
    default:
      known = false;
      return {};
  }
}

Status Machine::append(const std::vector<PickleRef>& items) {
  TRY(const PickleRef target, top());
  auto* list = std::get_if<PickleList>(&values_[target].v);
  if (!list) return damaged("something is appended to what is no list");
  list->items.insert(list->items.end(), items.begin(), items.end());
  return {};
}

Status Machine::set_items(const std::vector<PickleRef>& items) {
  TRY(const PickleRef target, top());
  auto* dict = std::get_if<PickleDict>(&values_[target].v);
  if (!dict || items.size() % 2 != 0) return damaged("something is set in what is no dictionary");
  for (size_t i = 0; i < items.size(); i += 2) dict->items.emplace_back(items[i], items[i + 1]);
  return {};
}

/// The frame of the pickle: protocol, memo, stack.
Status Machine::step_memo(uint8_t op, bool& known) {
  known = true;
  switch (op) {
    case 0x80: {
      TRY(const uint8_t protocol, number<uint8_t>());
      if (protocol < 2 || protocol > 5) return refuse(fmt::format("a pickle of protocol {}", protocol));
      return {};
    }
    case 0x95: {
      TRY(const uint64_t frame, number<uint64_t>());
      if (!inside(at_, frame, code_.size())) return damaged("it ends");
      return {};
    }
    case '.':
      stopped_ = true;
      return {};
    case '0': {
      if (!marks_.empty() && marks_.back() == stack_.size()) {
        marks_.pop_back();
        return {};
      }
      TRY([[maybe_unused]] const PickleRef dropped, pop());
      return {};
    }
    case '1': {
      TRY([[maybe_unused]] const auto dropped, pop_mark());
      return {};
    }
    case '2': {
      TRY(const PickleRef same, top());
      stack_.push_back(same);
      return {};
    }
    case 'q':
    case 'r':
    case 0x94: {
      uint32_t slot = static_cast<uint32_t>(memo_.size());
      if (op == 'q') {
        TRY(slot, number<uint8_t>());
      } else if (op == 'r') {
        TRY(slot, number<uint32_t>());
      }
      TRY(memo_[slot], top());
      return {};
    }
    case 'h':
    case 'j': {
      uint32_t slot = 0;
      if (op == 'h') {
        TRY(slot, number<uint8_t>());
      } else {
        TRY(slot, number<uint32_t>());
      }
      const auto it = memo_.find(slot);
      if (it == memo_.end()) return damaged(fmt::format("memo {} is empty", slot));
      stack_.push_back(it->second);
      return {};
    }
    default:
      known = false;
      return {};
  }
}

/// Names, and what is made with them.
Status Machine::step_object(uint8_t op, bool& known) {
  known = true;
  switch (op) {
    case 'c': {
      TRY(std::string module, take_line());
      TRY(std::string name, take_line());
      return push_global(std::move(module), std::move(name));
    }
    case 0x93: {
      TRY(const PickleRef name, pop());
      TRY(const PickleRef module, pop());
      const auto *m = as<std::string>(module), *n = as<std::string>(name);
      if (!m || !n) return damaged("a name is no string");
      return push_global(*m, *n);
    }
    case 'Q':
      return push_storage();
    case 'R':
    case 0x81:
      return reduce();
    case 'b':
      return build();
    default:
      known = false;
      return {};
  }
}

Status Machine::push_global(std::string module, std::string name) {
  if (!is_known_global(module, name)) {
    foreign_ = fmt::format("{}.{}", module, name);
    return refuse(fmt::format("a Python object, '{}'", foreign_));
  }
  return push({PickleGlobal{std::move(module), std::move(name)}});
}

/// BINPERSID: ('storage', torch.FloatStorage, '0', 'cpu', 784).
Status Machine::push_storage() {
  TRY(const PickleRef id, pop());
  const auto* tuple = as<PickleTuple>(id);
  if (!tuple || tuple->items.size() < 5) return damaged("a storage is not described");
  const auto* tag = as<std::string>(tuple->items[0]);
  const auto* global = as<PickleGlobal>(tuple->items[1]);
  const auto* key = as<std::string>(tuple->items[2]);
  const auto* count = as<int64_t>(tuple->items[4]);
  if (!tag || *tag != "storage" || !global || !key || !count || *count < 0) return damaged("a storage is not described");
  const ScalarType type = storage_type(global->name).value_or(ScalarType::kUnknown);
  PickleStorage storage{type, {}};
  if (archive_) {
    auto it = storages_.find(*key);
    if (it == storages_.end()) {
      const std::string entry_name = "data/" + *key;
      const ArchiveEntry* entry = archive_->find(entry_name);
      if (!entry) return refuse(fmt::format("a tensor whose bytes '{}' are missing", entry_name));
      TRY(Blob bytes, archive_->view(*entry));
      it = storages_.emplace(*key, std::move(bytes)).first;
    }
    storage.bytes = it->second;
    const auto size = static_cast<uint64_t>(std::max<int64_t>(1, scalar_size(type)));
    if (static_cast<uint64_t>(*count) > storage.bytes.bytes.size() / size) {
      return error(Code::kWeight,
                   fmt::format("storage 'data/{}' of '{}' has {} bytes, too few for {} elements of {} bytes", *key, name_,
                               storage.bytes.bytes.size(), *count, size),
                   "save the file again");
    }
  }
  return push({std::move(storage)});
}

Status Machine::reduce() {
  TRY(const PickleRef args_ref, pop());
  TRY(const PickleRef callee, pop());
  const auto* global = as<PickleGlobal>(callee);
  const auto* tuple = as<PickleTuple>(args_ref);
  if (!global || !tuple || tuple->items.size() > kMaxArguments) return damaged("a call of what cannot be called");
  const std::string& name = global->name;
  const auto& args = tuple->items;
  if (name == "OrderedDict") {
    if (args.empty()) return push({PickleDict{}});
  } else if (name == "Size") {
    if (args.size() == 1) {
      stack_.push_back(args[0]);
      return {};
    }
  } else if (name == "_rebuild_parameter" || name == "_rebuild_parameter_with_state") {
    if (args.size() >= 3) {
      stack_.push_back(args[0]);
      return {};
    }
  } else if (name == "_rebuild_from_type_v2") {
    // (function, type, arguments, state): a tensor with Python attributes, which do not matter here.
    if (args.size() == 4 && as<PickleGlobal>(args[0]) && as<PickleTuple>(args[2])) {
      const std::string function = as<PickleGlobal>(args[0])->name;
      if (function.starts_with("_rebuild_tensor")) {
        const auto inner = as<PickleTuple>(args[2])->items;
        return rebuild_tensor(function, inner);
      }
      if (function.starts_with("_rebuild_parameter") && !as<PickleTuple>(args[2])->items.empty()) {
        stack_.push_back(as<PickleTuple>(args[2])->items[0]);
        return {};
      }
    }
  } else if (name.starts_with("_rebuild_tensor")) {
    const std::string function = name;
    const auto copy = args;
    return rebuild_tensor(function, copy);
  }
  return refuse(fmt::format("a call of '{}.{}' that is not read here", global->module, name));
}

/// _rebuild_tensor(storage, offset, sizes, strides); v2 adds (requires_grad, hooks, metadata), v3 (requires_grad, hooks, dtype,
/// metadata).
Status Machine::rebuild_tensor(std::string_view function, const std::vector<PickleRef>& args) {
  if (!archive_) return push_constant(none_, {PickleNone{}});
  const bool v3 = function == "_rebuild_tensor_v3";
  const auto* storage = args.size() >= (v3 ? 7u : 4u) ? as<PickleStorage>(args[0]) : nullptr;
  const auto* offset = storage ? as<int64_t>(args[1]) : nullptr;
  if (!offset) return damaged("a tensor is not described");
  ScalarType type = storage->dtype;
  if (v3) {
    const auto* global = as<PickleGlobal>(args[6]);
    const auto named = global && global->module == "torch" ? scalar_type_named(global->name) : std::nullopt;
    if (!named) return damaged("a tensor's type is not known");
    type = *named;
  }
  TRY(auto sizes, dimensions(args[2]));
  TRY(auto strides, dimensions(args[3]));
  TRY(StoredTensor tensor, make_stored_tensor(name_, type, std::move(sizes), std::move(strides), *offset, storage->bytes));
  return push({std::move(tensor)});
}

Result<std::vector<int64_t>> Machine::dimensions(PickleRef ref) const {
  const auto* tuple = as<PickleTuple>(ref);
  if (!tuple || tuple->items.size() > kMaxRank) return damaged("a tensor's shape is not described");
  std::vector<int64_t> dims;
  dims.reserve(tuple->items.size());
  for (PickleRef item : tuple->items) {
    const auto* dim = as<int64_t>(item);
    if (!dim) return damaged("a tensor's shape is not described");
    dims.push_back(*dim);
  }
  return dims;
}

/// Attributes of a dictionary (a state_dict's _metadata) do not matter here; nothing else may have any.
Status Machine::build() {
  TRY([[maybe_unused]] const PickleRef state, pop());
  TRY(const PickleRef object, top());
  if (!as<PickleDict>(object) && !as<StoredTensor>(object)) return refuse("an object with attributes");
  return {};
}

}  // namespace

const std::vector<PickleRef>* Pickle::sequence(PickleRef ref) const {
  if (const auto* list = values[ref].get<PickleList>()) return &list->items;
  if (const auto* tuple = values[ref].get<PickleTuple>()) return &tuple->items;
  return nullptr;
}

std::optional<PickleRef> Pickle::item(PickleRef dict, std::string_view key) const {
  const auto* items = values[dict].get<PickleDict>();
  if (!items) return std::nullopt;
  for (const auto& [k, v] : items->items) {
    const auto* name = values[k].get<std::string>();
    if (name && *name == key) return v;
  }
  return std::nullopt;
}

Result<Pickle> read_torch_save(const Archive& archive) {
  if (const ArchiveEntry* order = archive.find("byteorder")) {
    TRY(const Blob text, archive.read(*order));
    if (text.text() != "little") {
      return error(Code::kPickle, fmt::format("'{}' has its numbers in '{}' byte order", archive.name(), text.text()),
                   "save the file on a little-endian machine");
    }
  }
  const ArchiveEntry* entry = archive.find("data.pkl");
  if (!entry) {
    return error(Code::kPickle, fmt::format("'{}' is no torch.save file: it has no entry 'data.pkl'", archive.name()),
                 "save it again with torch 1.6 or later");
  }
  if (entry->size > kMaxPickleBytes) {
    return error(Code::kPickle, fmt::format("'{}' holds a pickle of {} bytes", archive.name(), entry->size),
                 "save tensors only");
  }
  TRY(const Blob code, archive.read(*entry));
  return Machine(code.bytes, &archive, archive.name()).run();
}

Result<Pickle> read_torch_save(const Blob& file, std::string name) {
  TRY(const Archive archive, Archive::open(file, std::move(name)));
  return read_torch_save(archive);
}

std::optional<std::string> find_foreign_global(std::span<const std::byte> pickle) {
  const std::string name;
  Machine machine(pickle, nullptr, name);
  if (const auto result = machine.run(); result || machine.foreign_global().empty()) return std::nullopt;
  return machine.foreign_global();
}

Result<size_t> first_pickle_size(std::span<const std::byte> pickles) {
  const std::string name;
  Machine machine(pickles.first(std::min(pickles.size(), kMaxPickleBytes)), nullptr, name);
  TRY([[maybe_unused]] const Pickle pickle, machine.run());
  return machine.position();
}

}  // namespace atl
