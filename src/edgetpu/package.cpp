#include "edgetpu/package.h"

#include <flatbuffers/flexbuffers.h>
#include <package_generated.h>

#include <algorithm>
#include <array>

namespace atl::edgetpu {
namespace {

constexpr std::string_view kChip = "beagle";
constexpr int kSeveralChips = -1;

Error damaged(std::string_view what) {
  return error(Code::kTflite, fmt::format("the Edge TPU package is damaged: {}", what), "compile the model again");
}

template <class T>
Result<const T*> rooted(const uint8_t* data, size_t size, const char* identifier, std::string_view what) {
  flatbuffers::Verifier verifier(data, size);
  if (size < 8 || !verifier.VerifyBuffer<T>(identifier)) return damaged(fmt::format("its {} cannot be read", what));
  return flatbuffers::GetRoot<T>(data);
}

std::string text_of(const flatbuffers::String* s) { return s ? s->str() : std::string(); }

std::string data_type_name(int type) {
  constexpr std::array<std::string_view, 10> names = {"uint8",   "uint16",  "int32",   "bfloat16", "float16",
                                                      "float32", "unknown", "unknown", "int8",     "int16"};
  return std::string(type >= 0 && size_t(type) < names.size() ? names[size_t(type)] : "unknown");
}

uint64_t not_negative(int64_t v) { return v < 0 ? 0 : uint64_t(v); }

std::vector<PackageLayer> layers_of(const flatbuffers::Vector<flatbuffers::Offset<fbs::Layer>>* layers) {
  std::vector<PackageLayer> out;
  for (size_t i = 0; layers && i < layers->size(); ++i) {
    const fbs::Layer& l = *layers->Get(flatbuffers::uoffset_t(i));
    PackageLayer p{
        text_of(l.name()), not_negative(l.size_bytes()), l.y_dim(), l.x_dim(), l.z_dim(), 0, 0, data_type_name(l.data_type())};
    if (l.numerics()) p.zero_point = l.numerics()->zero_point(), p.scale = l.numerics()->dequantization_factor();
    out.push_back(std::move(p));
  }
  return out;
}

Transfers transfers_of(const fbs::DmaHints* hints) {
  Transfers out;
  for (size_t i = 0; hints && hints->hints() && i < hints->hints()->size(); ++i) {
    const fbs::DmaHint& hint = *hints->hints()->Get(flatbuffers::uoffset_t(i));
    const auto* d = hint.any_hint_as_DmaDescriptorHint();
    if (!d || !d->meta()) continue;
    const uint64_t bytes = not_negative(d->size_in_bytes());
    switch (d->meta()->desc()) {
      case fbs::Description::BASE_ADDRESS_OUTPUT_ACTIVATION:
        out.output += bytes;
        break;
      case fbs::Description::BASE_ADDRESS_INPUT_ACTIVATION:
        out.input += bytes;
        break;
      case fbs::Description::BASE_ADDRESS_PARAMETER:
        out.parameter += bytes;
        break;
      case fbs::Description::BASE_ADDRESS_SCRATCH:
        (hint.direction() == fbs::Direction::INFEED ? out.scratch_in : out.scratch_out) += bytes;
        break;
    }
  }
  return out;
}

Result<Executable> read_executable(const flatbuffers::String& bytes) {
  TRY(const auto* e, rooted<fbs::Executable>(bytes.Data(), bytes.size(), nullptr, "executable"));
  Executable out;
  const auto kind = int(e->type());
  if (kind < 0 || kind > 2) return damaged(fmt::format("it has an executable of kind {}", kind));
  out.kind = Executable::Kind(kind);
  out.chip = text_of(e->chip());
  out.parameter_bytes = e->parameters() ? e->parameters()->size() : 0;
  for (size_t i = 0; e->instruction_bitstreams() && i < e->instruction_bitstreams()->size(); ++i) {
    const auto* chunk = e->instruction_bitstreams()->Get(flatbuffers::uoffset_t(i));
    out.instruction_bytes += chunk->bitstream() ? chunk->bitstream()->size() : 0;
    ++out.instruction_chunks;
  }
  out.scratch_bytes = not_negative(e->scratch_size_bytes());
  out.narrow_bytes_per_tile = not_negative(e->used_narrow_memory_bytes_per_tile());
  out.estimated_cycles = e->estimated_cycles_64bit() > 0 ? e->estimated_cycles_64bit() : e->estimated_cycles();
  out.caching_token = e->parameter_caching_token();
  out.transfers = transfers_of(e->dma_hints());
  out.inputs = layers_of(e->input_layers());
  out.outputs = layers_of(e->output_layers());
  return out;
}

// Legal: one alone; caching and execution; these two and one that stands alone.
bool is_legal(const std::vector<Executable>& all) {
  const auto count = [&](Executable::Kind k) { return std::ranges::count(all, k, &Executable::kind); };
  const auto caching = count(Executable::Kind::kParameterCaching), execution = count(Executable::Kind::kExecutionOnly),
             alone = count(Executable::Kind::kStandAlone);
  return (all.size() == 1 && caching == 0) || (caching == 1 && execution == 1 && alone <= 1);
}

// In the options' form of 2.1 to 15, the TensorFlow of later compilers names another class as the file's writer.
constexpr std::string_view kFrom2_1To15 = "2.1 to 15";
std::string_view narrowed(std::string_view release, std::string_view description) {
  if (release != kFrom2_1To15) return release;
  return description == "Exported from Interpreter." ? "2.1" : description == "Exported from Subgraph." ? "14 or 15" : release;
}

// Compilers differ in the keys of the options.
std::string release_of(const flexbuffers::Map& map) {
  const auto keys = map.Keys();
  const auto has = [&](std::string_view key) {
    for (size_t i = 0; i < keys.size(); ++i)
      if (key == keys[i].AsKey()) return true;
    return false;
  };
  if (has("6")) return "16";
  if (!has("2")) return std::string(kFrom2_1To15);
  return has("5") ? "1.0 or 2.0" : "2.0";
}

uint64_t sum(const std::vector<Executable>& all, uint64_t Executable::*field, bool caching) {
  uint64_t n = 0;
  for (const Executable& e : all)
    if ((e.kind == Executable::Kind::kParameterCaching) == caching) n += e.*field;
  return n;
}

}  // namespace

std::string_view name(Executable::Kind k) {
  constexpr std::array<std::string_view, 3> names = {"STAND_ALONE", "PARAMETER_CACHING", "EXECUTION_ONLY"};
  return names[size_t(k)];
}

uint64_t Package::cached_bytes() const { return sum(executables, &Executable::parameter_bytes, true); }
uint64_t Package::streamed_bytes() const { return sum(executables, &Executable::parameter_bytes, false); }
uint64_t Package::instruction_bytes() const {
  return sum(executables, &Executable::instruction_bytes, true) + sum(executables, &Executable::instruction_bytes, false);
}
uint64_t Package::scratch_bytes() const { return sum(executables, &Executable::scratch_bytes, false); }

Result<Package> read_package(std::span<const std::byte> options) {
  const auto* data = reinterpret_cast<const uint8_t*>(options.data());
  std::vector<uint8_t> reuse;
  if (options.size() < 3 || !flexbuffers::VerifyBuffer(data, options.size(), &reuse))
    return damaged("its options cannot be read");
  const auto root = flexbuffers::GetRoot(data, options.size());
  if (!root.IsMap()) return damaged("its options are no map");
  const auto map = root.AsMap();
  const auto serialized = map["4"];
  if (!serialized.IsString() && !serialized.IsBlob()) return damaged("its options hold no package");
  const auto text = serialized.AsString();
  const std::string_view bytes(text.c_str(), text.length());
  const auto* first = reinterpret_cast<const uint8_t*>(bytes.data());
  // A copy gives the flatbuffer the alignment that it relies on.
  const std::vector<uint8_t> aligned(first, first + bytes.size());
  TRY(const auto* p, rooted<fbs::Package>(aligned.data(), aligned.size(), fbs::PackageIdentifier(), "outermost table"));
  Package out;
  out.bytes = bytes.size();
  out.min_runtime_version = p->min_runtime_version();
  out.compiler = text_of(p->compiler_version());
  out.compiler_release = release_of(map);
  if (p->virtual_chip_id() == kSeveralChips)
    return error(Code::kTflite, "the package is made for several chips", "compile the model for one Edge TPU");
  if (!p->serialized_multi_executable()) return damaged("it holds no executables");
  const std::vector<uint8_t> multi(p->serialized_multi_executable()->begin(), p->serialized_multi_executable()->end());
  TRY(const auto* all, rooted<fbs::MultiExecutable>(multi.data(), multi.size(), nullptr, "set of executables"));
  for (size_t i = 0; all->serialized_executables() && i < all->serialized_executables()->size(); ++i) {
    TRY(Executable e, read_executable(*all->serialized_executables()->Get(flatbuffers::uoffset_t(i))));
    if (e.chip != kChip)
      return error(Code::kTflite, fmt::format("the package is made for the chip '{}', the Coral's is '{}'", e.chip, kChip),
                   "compile the model with edgetpu_compiler");
    out.executables.push_back(std::move(e));
  }
  if (!is_legal(out.executables))
    return damaged(fmt::format("its {} executables do not belong together", out.executables.size()));
  return out;
}

Result<std::vector<Package>> read_packages(const SourceModel& model) {
  std::vector<Package> out;
  for (const SourceOp& op : model.ops) {
    if (op.name != kCompiledOperator) continue;
    const auto* options = op.table->custom_options();
    auto package = options ? read_package({reinterpret_cast<const std::byte*>(options->data()), options->size()})
                           : Result<Package>(damaged("it has no options"));
    if (!package) return std::move(package.error()).in(fmt::format("while reading operator {}", op.index));
    package->op = op.index;
    package->compiler_release = narrowed(package->compiler_release, model.description);
    out.push_back(std::move(*package));
  }
  return out;
}

}  // namespace atl::edgetpu
