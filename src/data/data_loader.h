// DataLoader: batches of a dataset in a seeded order, read ahead by worker threads; torch.utils.data.DataLoader.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace atl {

/// Examples stacked along a new first axis.
struct Batch {
  std::vector<NamedArray> arrays;
  std::vector<int64_t> labels;     ///< one for each example; empty when an example has none
  std::vector<std::string> names;  ///< of the examples
  size_t size() const { return names.size(); }
};

struct DataLoaderOptions {
  size_t batch_size = 1;
  bool shuffle = false;
  uint64_t seed = 0;       ///< the same seed and epoch give the same order on every machine
  size_t workers = 0;      ///< threads that read ahead; 0: next() reads itself
  size_t prefetch = 2;     ///< batches that each worker reads ahead, at least 1
  bool drop_last = false;  ///< leave out a last batch that is not full
  /// An example that cannot be read ends the iteration. Otherwise it is left out of its batch and listed in skipped().
  bool strict = false;
};

/// An example that could not be read, and why.
struct SkippedExample {
  size_t index = 0;
  Error error;
};

/// Batches of a dataset. The order and contents of the batches do not depend on the number of workers. Not to be shared by
/// threads.
class DataLoader {
 public:
  /// E: kUsage for a batch size of 0.
  static Result<DataLoader> make(std::shared_ptr<const Dataset> dataset, const DataLoaderOptions& options = {});
  DataLoader(DataLoader&&) noexcept;
  DataLoader& operator=(DataLoader&&) noexcept;
  ~DataLoader();

  /// The next batch, or nullopt after the last one of this epoch.
  /// E: of an example under `strict`; kInput when arrays of a batch differ in shape or dtype (both are stated with their
  /// names).
  Result<std::optional<Batch>> next();
  /// Starts epoch `epoch`: another order under `shuffle`. What was read ahead is dropped.
  void start_epoch(uint64_t epoch);
  /// Batches of an epoch, counted before anything is skipped.
  size_t batch_count() const;
  /// What next() left out since the epoch started, in the order of the batches.
  const std::vector<SkippedExample>& skipped() const;

 private:
  class Reader;
  explicit DataLoader(std::unique_ptr<Reader> reader);
  std::unique_ptr<Reader> reader_;
};

}  // namespace atl
