#include "api/pipeline.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "edgetpu/model_cut.h"
#include "edgetpu/package.h"

namespace atl {
namespace {

constexpr size_t kWaitingItems = 2;  // in front of a segment, so that it need not wait for a slow item

/// What the metadata of a file says about the segment that it is.
struct SegmentEntry {
  size_t index = 0, count = 0;
  std::vector<std::string> outputs;
};

std::optional<SegmentEntry> segment_entry(const LoadedModel& model) {
  const auto file = FileView::open(model.file->bytes(), model.file);
  if (!file) return std::nullopt;
  for (size_t i = 0; i < size_of(file->model().metadata()); ++i) {
    const auto* m = file->model().metadata()->Get(flatbuffers::uoffset_t(i));
    if (to_text(m->name()) != edgetpu::kSegmentEntry) continue;
    const auto bytes = file->buffer(m->buffer());
    if (!bytes) return std::nullopt;
    const auto* text = reinterpret_cast<const char*>(bytes->data());
    const auto j = nlohmann::json::parse(text, text + bytes->size(), nullptr, false);
    if (!j.is_object() || !j.value("outputs", nlohmann::json()).is_array()) return std::nullopt;
    SegmentEntry e;
    const auto index = j.value("index", nlohmann::json()), count = j.value("of", nlohmann::json());
    if (!index.is_number_unsigned() || !count.is_number_unsigned()) return std::nullopt;
    e.index = index.get<size_t>(), e.count = count.get<size_t>();
    for (const auto& name : j["outputs"])
      if (name.is_string()) e.outputs.push_back(name.get<std::string>());
    return e;
  }
  return std::nullopt;
}

// One device for each file.
Result<std::vector<std::string>> devices_of(const std::string& text, const std::vector<std::string>& files) {
  std::vector<std::string> devices;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find(',', at), text.size());
    devices.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  if (devices.size() == 1) devices.resize(files.size(), devices[0]);
  if (devices.size() != files.size())
    return error(Code::kUsage, fmt::format("--device names {} devices for {} files", devices.size(), files.size()),
                 "name one for all, or one for each, separated by commas");
  size_t next = 0;
  for (size_t i = 0; i < files.size(); ++i) {
    TRY(const auto file, MappedFile::open(files[i]));
    const auto model = edgetpu::read_source_model(file->bytes(), file);
    const bool compiled =
        model && std::ranges::any_of(model->ops, [](const auto& op) { return op.name == edgetpu::kCompiledOperator; });
    if (compiled && (devices[i].empty() || devices[i] == "auto" || devices[i] == "edgetpu"))
      devices[i] = fmt::format("edgetpu:{}", next++);
  }
  return devices;
}

/// A queue between two threads that holds few items.
template <class T>
class Channel {
 public:
  /// False once it is closed.
  bool push(T value) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return closed_ || items_.size() < kWaitingItems; });
    if (closed_) return false;
    items_.push_back(std::move(value));
    changed_.notify_all();
    return true;
  }
  /// Nothing once it is closed and empty.
  std::optional<T> pop() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return closed_ || !items_.empty(); });
    if (items_.empty()) return std::nullopt;
    std::optional<T> out(std::move(items_.front()));
    items_.pop_front();
    changed_.notify_all();
    return out;
  }
  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<T> items_;
  bool closed_ = false;
};

bool same_scale(const TensorInfo& a, const TensorInfo& b) {
  if (!a.quant || !b.quant) return true;
  return a.quant->scale == b.quant->scale && a.quant->zero_point == b.quant->zero_point;
}

std::string names(const std::vector<TensorInfo>& tensors) {
  std::string out;
  for (const TensorInfo& t : tensors) out += fmt::format("{}'{}' {}", out.empty() ? "" : ", ", t.name, t.text());
  return out;
}

}  // namespace

struct Pipeline::Item {
  std::vector<std::optional<NdArray>> tensors;
  double seconds = 0;
};

Result<Pipeline> Pipeline::open(const std::vector<std::string>& files, const ModelOptions& options, bool profile) {
  TRY(const auto devices, devices_of(options.device, files));
  Pipeline p;
  std::vector<std::string> outputs;
  for (size_t i = 0; i < files.size(); ++i) {
    ModelOptions own = options;
    own.device = devices[i];
    TRY(LoadedModel model, load_model(files[i], own, profile));
    const auto entry = segment_entry(model);
    if (entry && (entry->index != i || entry->count != files.size()))
      return error(
          Code::kInput,
          fmt::format("'{}' is segment {} of {}, but file {} of {}", files[i], entry->index, entry->count, i, files.size()),
          "name all segments in the order of their numbers, which count from 0");
    if (entry) outputs = entry->outputs;
    p.stages_.push_back({files[i], std::move(model), {}, {}, {}});
  }
  TRY_STATUS(p.connect(outputs));
  return p;
}

Status Pipeline::connect_inputs(Stage& stage, std::map<std::string, size_t>& made) {
  for (const TensorInfo& t : stage.model.info().inputs) {
    const auto [at, is_new] = made.emplace(t.name, tensors_.size());
    if (is_new) {
      tensors_.push_back(t);
      inputs_.push_back(at->second);
    }
    const TensorInfo& given = tensors_[at->second];
    if (given.dtype != t.dtype || given.shape != t.shape)
      return error(Code::kInput,
                   fmt::format("'{}' takes '{}' as {}, in front of it it is {}", stage.path, t.name, t.text(), given.text()),
                   "the files are segments of different models");
    if (!same_scale(given, t))
      return error(Code::kInput, fmt::format("'{}' takes '{}' with another scale than it is given", stage.path, t.name),
                   "quantize the whole model once and split that");
    stage.in.push_back(at->second);
  }
  return {};
}

Status Pipeline::connect(const std::vector<std::string>& outputs) {
  std::map<std::string, size_t> made;
  for (Stage& stage : stages_) {
    TRY_STATUS(connect_inputs(stage, made));
    for (const TensorInfo& t : stage.model.info().outputs) {
      made[t.name] = tensors_.size();
      stage.out.push_back(tensors_.size());
      tensors_.push_back(t);
    }
  }
  last_reader_.assign(tensors_.size(), 0);
  std::vector<bool> is_read(tensors_.size());
  for (size_t s = 0; s < stages_.size(); ++s)
    for (const size_t t : stages_[s].in) {
      last_reader_[t] = s;
      is_read[t] = true;
    }
  for (const std::string& name : outputs)
    if (const auto at = made.find(name); at != made.end()) outputs_.push_back(at->second);
  if (outputs_.size() != outputs.size()) outputs_.clear();
  if (outputs_.empty()) {
    for (const Stage& stage : stages_)
      for (const size_t t : stage.out)
        if (!is_read[t]) outputs_.push_back(t);
  }
  for (size_t s = 0; s + 1 < stages_.size(); ++s)
    if (std::ranges::none_of(stages_[s].out, [&](size_t t) { return is_read[t]; }))
      return error(Code::kInput,
                   fmt::format("nothing behind '{}' takes one of its outputs: {}", stages_[s].path,
                               names(stages_[s].model.info().outputs)),
                   fmt::format("the inputs of '{}': {}", stages_[s + 1].path, names(stages_[s + 1].model.info().inputs)));
  info_.key = stages_.front().model.info().key;
  for (const size_t t : inputs_) info_.inputs.push_back(tensors_[t]);
  for (const size_t t : outputs_) {
    info_.outputs.push_back(tensors_[t]);
    last_reader_[t] = stages_.size();
  }
  return {};
}

Status Pipeline::run_stage(Stage& stage, Item& item) {
  const bool ran_before = !stage.seconds.empty();
  if (ran_before && stage.model.has_state) TRY_STATUS(stage.model.model.reset_variables(stage.model.signature));
  const size_t place = size_t(&stage - stages_.data());
  std::vector<NdArray> in;
  for (const size_t t : stage.in) {
    if (last_reader_[t] == place && std::ranges::count(stage.in, t) == 1)
      in.push_back(*std::exchange(item.tensors[t], std::nullopt));
    else
      in.push_back(*item.tensors[t]);
  }
  const auto start = std::chrono::steady_clock::now();
  auto out = stage.model.model.run(stage.model.signature, in);
  if (!out) {
    Error e = std::move(out.error());
    e.what = fmt::format("segment {} ('{}'): {}", place, stage.path, e.what);
    return e;
  }
  stage.seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  item.seconds += stage.seconds.back();
  for (size_t i = 0; i < out->size(); ++i) item.tensors[stage.out[i]] = std::move((*out)[i]);
  return {};
}

Status Pipeline::run(size_t items, const ItemSource& source, const ItemSink& sink) {
  std::vector<Channel<Item>> between(stages_.size());
  std::mutex failing;
  Status failure;
  const auto fail = [&](Status s) {
    const std::lock_guard lock(failing);
    if (failure) failure = std::move(s);
    for (auto& c : between) c.close();
  };
  const auto deliver = [&](Item& item) {
    std::vector<NdArray> out;
    for (const size_t t : outputs_) out.push_back(*item.tensors[t]);
    return sink(std::move(out), item.seconds);
  };
  const auto work = [&](size_t s) {
    while (auto item = between[s].pop()) {
      if (Status done = run_stage(stages_[s], *item); !done) return fail(std::move(done));
      if (s + 1 < stages_.size()) {
        if (!between[s + 1].push(*std::move(item))) return;
      } else if (Status taken = deliver(*item); !taken) {
        return fail(std::move(taken));
      }
    }
    if (s + 1 < stages_.size()) between[s + 1].close();
  };
  std::vector<std::thread> threads;
  for (size_t s = 0; s < stages_.size(); ++s) threads.emplace_back(work, s);
  for (size_t i = 0; i < items; ++i) {
    Item item;
    item.tensors.resize(tensors_.size());
    std::vector<NdArray> in = source(i);
    for (size_t k = 0; k < in.size(); ++k) item.tensors[inputs_[k]] = std::move(in[k]);
    if (!between[0].push(std::move(item))) break;
  }
  between[0].close();
  for (std::thread& t : threads) t.join();
  return failure;
}

}  // namespace atl
