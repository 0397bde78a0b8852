// Pickle: reads torch.save files that hold only tensors and plain containers. Nothing in a pickle is ever called.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "read/archive.h"
#include "read/source.h"

namespace atl {

/// A value of a pickle: an index into Pickle::values. Values may be shared and may contain themselves.
using PickleRef = uint32_t;

struct PickleNone {};
struct PickleList {
  std::vector<PickleRef> items;
};
struct PickleTuple {
  std::vector<PickleRef> items;
};
/// dict and collections.OrderedDict, in order.
struct PickleDict {
  std::vector<std::pair<PickleRef, PickleRef>> items;
};
/// A name from a module, such as {"torch", "FloatStorage"}; only names of a fixed list are ever read.
struct PickleGlobal {
  std::string module;
  std::string name;
};
/// A torch storage, before a tensor gives it a shape.
struct PickleStorage {
  ScalarType dtype = ScalarType::kUnknown;  ///< kUnknown for untyped bytes
  Blob bytes;
};
using PickleBytes = std::vector<std::byte>;

struct PickleValue {
  std::variant<PickleNone, bool, int64_t, double, std::string, PickleBytes, PickleList, PickleTuple, PickleDict, PickleGlobal,
               PickleStorage, StoredTensor>
      v;

  template <class T>
  const T* get() const {
    return std::get_if<T>(&v);
  }
};

/// What a pickle holds.
struct Pickle {
  std::vector<PickleValue> values;
  PickleRef root = 0;

  const PickleValue& operator[](PickleRef ref) const { return values[ref]; }
  /// The items of a list or tuple; null for anything else.
  const std::vector<PickleRef>* sequence(PickleRef ref) const;
  /// The value under a string key of a dict; nothing when it is no dict or has no such key.
  std::optional<PickleRef> item(PickleRef dict, std::string_view key) const;
};

/// Reads a torch.save file (torch 1.6 and later: a zip archive with data.pkl and data/0, data/1, ...). Tensors are views into
/// `file`. `name` is for messages. Errors: kPickle for anything but tensors, tuples, lists, dicts, numbers, strings, bytes and
/// None, naming what was found; those of Archive::open; kWeight for a tensor that does not fit its storage.
Result<Pickle> read_torch_save(const Blob& file, std::string name);
/// The same over an archive that is open already.
Result<Pickle> read_torch_save(const Archive& archive);

/// The first name in the pickle's bytes that read_torch_save would refuse, such as "__main__.Net"; nothing when there is none.
std::optional<std::string> find_foreign_global(std::span<const std::byte> pickle);

/// The bytes of the first pickle of several that follow each other; kPickle when it is damaged or not of the kinds read here.
Result<size_t> first_pickle_size(std::span<const std::byte> pickles);

}  // namespace atl
