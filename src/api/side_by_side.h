// One dataset read for several models at once: each example holds the arrays of every model, in that model's shapes and types.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "ir/type.h"

namespace atl {

class SideBySide : public Dataset {
 public:
  /// `inputs` has a list for each model, `names` what a model is called in errors. A model whose arrays of four or five axes
  /// are channels-last takes arrays that are channels-first, and the other way round, where nothing else fits. E:
  /// open_dataset's; kInput where the first example does not fit a model.
  static Result<std::shared_ptr<const SideBySide>> open(const std::string& path, const DatasetOptions& options,
                                                        const std::vector<std::vector<TensorInfo>>& inputs,
                                                        const std::vector<std::string>& names);
  size_t size() const override { return parts_[0].dataset->size(); }
  /// The arrays of all models, one after the other, with their batch axis. E: of reading it for any model.
  Result<Example> get(size_t index) const override;
  /// Where the arrays of model `i` begin in an example.
  size_t first_array(size_t i) const { return parts_[i].first_array; }

 private:
  struct Part {
    std::shared_ptr<const Dataset> dataset;
    std::vector<TensorInfo> inputs;  // as the model states them
    std::vector<Perm> moved;         // axes of what is read, as the model has them; empty: unchanged
    size_t first_array = 0;
    size_t same_as = 0;  // an earlier part that reads the same, or itself
  };
  static Result<Part> open_part(const std::string& path, const DatasetOptions& options, const std::vector<TensorInfo>& inputs);
  std::vector<Part> parts_;
};

}  // namespace atl
