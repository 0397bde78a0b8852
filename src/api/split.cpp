#include "atoll/split.h"

#include <algorithm>
#include <filesystem>
#include <map>

#include "api/pipeline.h"
#include "edgetpu/model_cut.h"
#include "edgetpu/pipeline_balance.h"
#include "support/atomic_file.h"
#include "support/mapped_file.h"
#include "support/process.h"

namespace atl {
namespace {

using edgetpu::SourceModel;

constexpr size_t kProofRuns = 2;

// What cannot be cut at all; a model that is not quantized is cut for CPUs.
Result<bool> check_splittable(const SourceModel& m) {
  Status s = edgetpu::check_placeable(m);
  if (s) return true;
  if (s.error().code == Code::kUnsupportedType) return false;
  if (m.ops.size() > 0 && m.subgraphs == 1 && s.error().code == Code::kUnsupportedForm)
    return error(Code::kUnsupportedForm, "the model is compiled for the Edge TPU already",
                 "split the file it was made from, and compile each segment");
  if (m.subgraphs > 1)
    return error(Code::kUnsupportedForm, fmt::format("the model has {} subgraphs; a model of one can be split", m.subgraphs),
                 "convert each signature into a file of its own, without loops and branches");
  return std::move(s.error());
}

// The name in the model's signature as well as the tensor's own lead to a tensor.
std::map<std::string, size_t> writers_by_name(const FileView& file, const SourceModel& m) {
  std::map<std::string, size_t> out;
  for (const auto& op : m.ops)
    for (const int t : op.outputs) out.emplace(m.tensors[size_t(t)].name, op.index);
  for (size_t i = 0; i < size_of(file.model().signature_defs()); ++i) {
    const auto* s = file.model().signature_defs()->Get(flatbuffers::uoffset_t(i));
    for (size_t k = 0; s && k < size_of(s->outputs()); ++k) {
      const auto* t = s->outputs()->Get(flatbuffers::uoffset_t(k));
      if (t->tensor_index() >= m.tensors.size()) continue;
      if (const auto* maker = m.maker_of(int(t->tensor_index()))) out.emplace(to_text(t->name()), maker->index);
    }
  }
  return out;
}

Result<std::vector<size_t>> borders_at(const FileView& file, const SourceModel& m, const std::vector<std::string>& at) {
  const auto writers = writers_by_name(file, m);
  std::vector<size_t> borders{0};
  for (const std::string& name : at) {
    const auto found = writers.find(name);
    if (found == writers.end())
      return error(Code::kUsage, fmt::format("--at: no operator makes a tensor '{}'", name), "atoll inspect --ops lists them");
    borders.push_back(found->second + 1);
  }
  borders.push_back(m.ops.size());
  std::ranges::sort(borders);
  if (std::ranges::adjacent_find(borders) != borders.end())
    return error(Code::kUsage, "--at: nothing lies behind the last operator, or the same place is named twice");
  return borders;
}

std::filesystem::path segment_path(const std::string& model, const SplitOptions& o, size_t index, size_t count) {
  const std::filesystem::path path(model);
  const std::filesystem::path folder = o.folder.empty() ? path.parent_path() : std::filesystem::path(o.folder);
  return folder / fmt::format("{}_segment_{}_of_{}.tflite", path.stem().string(), index, count);
}

Result<SplitSegment> describe(const std::vector<std::byte>& bytes, edgetpu::Compiler compiler, bool quantized) {
  const auto owner = std::make_shared<std::vector<std::byte>>(bytes);
  TRY(const FileView view, FileView::open(*owner, owner));
  TRY(const SourceModel m, edgetpu::read_source_model(view));
  SplitSegment s;
  const auto* signature = view.model().signature_defs()->Get(0);
  for (size_t i = 0; i < size_of(signature->inputs()); ++i)
    s.inputs.push_back(to_text(signature->inputs()->Get(flatbuffers::uoffset_t(i))->name()));
  for (size_t i = 0; i < size_of(signature->outputs()); ++i)
    s.outputs.push_back(to_text(signature->outputs()->Get(flatbuffers::uoffset_t(i))->name()));
  if (!quantized) return s;
  const auto placement = edgetpu::place(m, compiler);
  const auto [memory, latency] = edgetpu::cost_of(m, placement, compiler);
  s.mapped = placement.mapped_count();
  s.parameter_bytes = memory.parameter_bytes;
  s.on_chip_bytes = memory.on_chip_bytes;
  s.streamed_bytes = memory.streamed_bytes;
  s.usb3_ms = latency.usb3;
  return s;
}

// Files beside their final places, each renamed once all are there.
class Written {
 public:
  Status add(const std::filesystem::path& path, std::span<const std::byte> bytes) {
    TRY(AtomicFile file, AtomicFile::create(path));
    TRY_STATUS(file.write(bytes));
    files_.push_back(std::move(file));
    return {};
  }
  Status commit() {
    for (AtomicFile& f : files_) TRY_STATUS(f.commit());
    return {};
  }

 private:
  std::vector<AtomicFile> files_;
};

// The segments behind each other against the whole, bit by bit.
Status prove(const std::string& whole_file, const std::vector<std::string>& files, const SplitOptions& options,
             SplitReport& report) {
  ModelOptions model;
  model.litert = options.litert;
  model.device = "cpu";
  auto whole = load_model(whole_file, model);
  if (!whole && whole.error().code == Code::kRuntimeMissing) {
    report.not_proven = whole.error().what;
    return {};
  }
  if (!whole) return std::move(whole.error());
  TRY(Pipeline pipeline, Pipeline::open(files, model));
  const auto& wanted = whole->info().outputs;
  for (size_t run = 0; run < kProofRuns; ++run) {
    TRY(const auto inputs, random_arrays(whole_file, whole->info(), options.seed + run));
    if (run > 0 && whole->has_state) TRY_STATUS(whole->model.reset_variables(whole->signature));
    TRY(const auto expected, whole->model.run(whole->signature, inputs));
    std::vector<NdArray> own;
    for (const TensorInfo& t : pipeline.info().inputs) {
      const auto at = std::ranges::find(whole->info().inputs, t.name, &TensorInfo::name);
      if (at == whole->info().inputs.end())
        return error(Code::kInternal, fmt::format("the segments take '{}', which the model does not", t.name));
      own.push_back(inputs[size_t(at - whole->info().inputs.begin())]);
    }
    const auto check = [&](const std::vector<NdArray>& got, double) -> Status {
      for (size_t i = 0; i < wanted.size(); ++i)
        if (i >= got.size() || got[i] != expected[i])
          return error(Code::kProofFailed, fmt::format("the segments give another '{}' than the whole", wanted[i].name),
                       "LiteRT fuses operators across the border; cut elsewhere with --at");
      return {};
    };
    TRY_STATUS(pipeline.run(
        1, [&](size_t) { return own; }, check));
    ++report.proven;
  }
  return {};
}

}  // namespace

Result<SplitReport> split_model(const std::string& file, const SplitOptions& options) {
  TRY(const edgetpu::Compiler compiler, edgetpu::compiler_from_name(options.compiler));
  TRY(const auto mapped, MappedFile::open(file));
  TRY(const FileView view, FileView::open(mapped->bytes(), mapped));
  TRY(const SourceModel m, edgetpu::read_source_model(view));
  SplitReport report;
  report.model = file;
  TRY(report.quantized, check_splittable(m));
  std::vector<size_t> borders;
  if (options.at.empty()) {
    TRY(borders, edgetpu::balance_pipeline(m, compiler, options.segments));
  } else {
    TRY(borders, borders_at(view, m, options.at));
  }
  const size_t count = borders.size() - 1;
  if (report.quantized) {
    const auto placement = edgetpu::place(m, compiler);
    report.usb3_ms = edgetpu::cost_of(m, placement, compiler).latency.usb3;
  }
  TRY(const ScratchFolder scratch, ScratchFolder::create());
  Written written;
  std::vector<std::string> candidates;
  for (size_t i = 0; i < count; ++i) {
    TRY(const auto bytes, edgetpu::cut_segment(view, borders[i], borders[i + 1], i, count));
    TRY(SplitSegment segment, describe(bytes, compiler, report.quantized));
    segment.file = segment_path(file, options, i, count).string();
    segment.first = borders[i];
    segment.last = borders[i + 1];
    TRY_STATUS(written.add(segment.file, bytes));
    if (options.verify) {
      candidates.push_back(scratch.file(fmt::format("{}.tflite", i)));
      TRY_STATUS(write_file(candidates.back(), bytes));
    }
    report.segments.push_back(std::move(segment));
  }
  if (options.verify)
    TRY_STATUS(prove(file, candidates, options, report));
  else
    report.not_proven = "--no-verify";
  TRY_STATUS(written.commit());
  return report;
}

}  // namespace atl
