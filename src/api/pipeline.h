// Several files run one behind the other, the outputs of one feeding the inputs of those behind it.
#pragma once
#include <functional>
#include <map>

#include "api/loaded_model.h"

namespace atl {

/// The inputs of an item, one array for each input of the signature.
using ItemSource = std::function<std::vector<NdArray>(size_t item)>;
/// Takes the outputs of the items in their order, and how long each item took.
using ItemSink = std::function<Status(std::vector<NdArray> outputs, double seconds)>;

/// The segments of a pipeline. What connects them are the names of their inputs and outputs, as `atoll split` writes them.
class Pipeline {
 public:
  struct Stage {
    std::string path;
    LoadedModel model;
    std::vector<size_t> in, out;  ///< places of its inputs and outputs among the pipeline's tensors
    std::vector<double> seconds;  ///< of its runs
  };

  /// Opens the files. ModelOptions::device is one device for all, or one for each file, separated by commas; "edgetpu" without
  /// a number stands for the first Edge TPU at the first compiled file, the second at the second, and so on. E: load_model()'s;
  /// kInput for segments in another order than they were cut, an output that does not fit the input of its name, a file that
  /// feeds none behind it; kUsage for devices that are not as many as files.
  static Result<Pipeline> open(const std::vector<std::string>& files, const ModelOptions& options, bool profile = false);

  /// The whole as one model: its inputs are those that no segment makes, its outputs those of the model that was cut, or, where
  /// no segment knows them, those that no segment reads.
  const SignatureInfo& info() const { return info_; }
  std::vector<Stage>& stages() { return stages_; }

  /// Runs items. Several are under way at a time, one in each segment, each segment on a thread of its own; variables are set
  /// back to zero for every item. E: of running; the first one, after the others have ended.
  Status run(size_t items, const ItemSource& source, const ItemSink& sink);

 private:
  struct Item;
  Pipeline() = default;
  Status connect(const std::vector<std::string>& outputs);
  Status connect_inputs(Stage& stage, std::map<std::string, size_t>& made);
  Status run_stage(Stage& stage, Item& item);

  std::vector<Stage> stages_;
  SignatureInfo info_;
  std::vector<TensorInfo> tensors_;       // all that inputs and outputs of stages are
  std::vector<size_t> inputs_, outputs_;  // places of the pipeline's own
  std::vector<size_t> last_reader_;       // the stage behind which a tensor is not needed
};

}  // namespace atl
