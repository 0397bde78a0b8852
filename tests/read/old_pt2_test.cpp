#include "read/old_pt2.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "read/program.h"
#include "zip_builder.h"

namespace atl {
namespace {

constexpr const char* kDocument = "serialized_exported_program.json";
constexpr const char* kWeights = "serialized_state_dict.pt";
constexpr const char* kNets[] = {"cnn", "lstm", "attn"};

struct Release {
  const char* torch;
  const char* recorded_version;  ///< what the program says of it
  int major, minor;
};
constexpr Release kReleases[] = {
    {"2.4.1", "", 5, 3},      {"2.5.1", "2.5.1", 7, 3},  {"2.6.0", "2.6.0", 8, 2},    {"2.7.1", "2.7.1", 8, 7},
    {"2.8.0", "2.8.0", 8, 8}, {"2.9.1", "2.9.1", 8, 14}, {"2.11.0", "2.11.0", 8, 17}, {"2.13.0", "2.13.0", 8, 20},
};

std::string path_of(const std::string& torch, const std::string& net) {
  return fixture("releases/torch-" + torch + "/" + net + ".pt2");
}

Result<SourceProgram> read_parts(const std::vector<ZipPart>& parts) {
  TRY(const Archive archive, Archive::open(make_blob(build_zip(parts)), "x.pt2"));
  return read_old_pt2(archive);
}

/// The entries of the network that torch 2.4.1 saved, one of them changed.
std::vector<ZipPart> changed(const std::string& entry, const std::string& contents) {
  auto parts = take_apart(path_of("2.4.1", "cnn"));
  for (auto& part : parts) {
    if (part.name != entry) continue;
    part.contents = contents;
    return parts;
  }
  ADD_FAILURE() << "no entry " << entry;
  return parts;
}

std::vector<ZipPart> patched(const std::string& from, const std::string& to) {
  for (const auto& part : take_apart(path_of("2.4.1", "cnn"))) {
    if (part.name != kDocument) continue;
    std::string text = part.contents;
    const auto at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return changed(kDocument, text.replace(at, from.size(), to));
  }
  return {};
}

void expect_error(const std::vector<ZipPart>& parts, Code code, const std::string& what) {
  const auto program = read_parts(parts);
  ASSERT_FALSE(program) << what;
  EXPECT_EQ(program.error().code, code);
  EXPECT_EQ(program.error().what, what);
  EXPECT_FALSE(program.error().hint.empty());
}

std::vector<std::byte> elements(const StoredTensor& t) {
  EXPECT_TRUE(t.is_contiguous());
  return {t.contiguous_bytes().begin(), t.contiguous_bytes().end()};
}

TEST(Releases, EveryReleaseGivesTheSameTensors) {
  for (const char* net : kNets) {
    const auto newest = read_program(path_of("2.13.0", net));
    ASSERT_TRUE(newest) << format(newest.error());
    for (const Release& release : kReleases) {
      SCOPED_TRACE(std::string(release.torch) + " " + net);
      const auto p = read_program(path_of(release.torch, net));
      ASSERT_TRUE(p) << format(p.error());
      EXPECT_EQ(p->torch_version.substr(0, p->torch_version.find('+')), release.recorded_version);
      EXPECT_EQ(p->schema_major, release.major);
      EXPECT_EQ(p->schema_minor, release.minor);
      // The two names of the tied embedding are one input until torch 2.7, and the first name alone is used.
      EXPECT_EQ(newest->tensors.size() - p->tensors.size(), p->archive_version.empty() && net == kNets[2] ? 1u : 0u);
      for (const SourceTensor& a : p->tensors) {
        const auto b =
            std::find_if(newest->tensors.begin(), newest->tensors.end(), [&](const auto& t) { return t.fqn == a.fqn; });
        ASSERT_NE(b, newest->tensors.end()) << a.fqn;
        EXPECT_EQ(a.kind, b->kind);
        EXPECT_EQ(a.data.dtype, b->data.dtype);
        EXPECT_EQ(a.data.sizes, b->data.sizes);
        EXPECT_EQ(elements(a.data), elements(b->data)) << a.fqn;
      }
      EXPECT_EQ(p->inputs.back().name, newest->inputs.back().name);
      EXPECT_EQ(p->sample_problem, "");
      ASSERT_TRUE(p->inputs.back().sample);
      EXPECT_EQ(elements(*p->inputs.back().sample), elements(*newest->inputs.back().sample));
      ASSERT_EQ(p->outputs.size(), 1u);
      EXPECT_EQ(p->outputs[0].name, "output");
    }
  }
}

TEST(OldPt2, NothingIsCopied) {
  for (const char* torch : {"2.4.1", "2.5.1", "2.6.0", "2.7.1"}) {
    const Blob file = make_blob(read_whole_file(path_of(torch, "attn")));
    const auto archive = Archive::open(file, "attn.pt2");
    ASSERT_TRUE(archive);
    const auto p = read_old_pt2(*archive);
    ASSERT_TRUE(p) << format(p.error());
    const auto inside_file = [&](const StoredTensor& t) {
      return t.bytes.data() >= file.bytes.data() && t.bytes.data() + t.bytes.size() <= file.bytes.data() + file.bytes.size();
    };
    ASSERT_GE(p->tensors.size(), 15u);
    for (const auto& tensor : p->tensors) EXPECT_TRUE(inside_file(tensor.data)) << tensor.name;
    EXPECT_TRUE(inside_file(p->inputs.back().sample.value()));
  }
}

TEST(OldPt2, Origins) {
  const auto p = read_program(path_of("2.4.1", "cnn"));
  ASSERT_TRUE(p) << format(p.error());
  const SourceNode& conv = p->graph.nodes[1];
  EXPECT_EQ(conv.target, "aten.conv2d.default");
  EXPECT_EQ(conv.origin.module_path, "stem.0");
  EXPECT_EQ(conv.origin.module_type, "torch.nn.modules.conv.Conv2d");
  EXPECT_EQ(conv.origin.file, "mk.py");
}

TEST(OldPt2, DeflatedArchive) {
  auto parts = take_apart(path_of("2.6.0", "lstm"));
  for (auto& part : parts) part.deflate = true;
  const auto p = read_parts(parts);
  ASSERT_TRUE(p) << format(p.error());
  const auto stored = read_program(path_of("2.6.0", "lstm"));
  ASSERT_TRUE(stored) << format(stored.error());
  ASSERT_EQ(p->tensors.size(), 6u);
  for (size_t i = 0; i < p->tensors.size(); ++i) {
    EXPECT_EQ(elements(p->tensors[i].data), elements(stored->tensors[i].data)) << p->tensors[i].fqn;
  }
}

TEST(OldPt2, MissingParts) {
  auto without = [](const std::string& name) {
    auto parts = take_apart(path_of("2.4.1", "cnn"));
    std::erase_if(parts, [&](const auto& part) { return part.name == name; });
    return parts;
  };
  expect_error(without(kWeights), Code::kWeight, "the archive has no bytes for 'stem.0.weight'");
  EXPECT_TRUE(read_parts(without("serialized_constants.pt")));
  EXPECT_TRUE(read_parts(without("version")));
  const auto p = read_parts(without("serialized_example_inputs.pt"));
  ASSERT_TRUE(p);
  EXPECT_FALSE(p->inputs.back().sample);
}

TEST(OldPt2, WeightsThatCannotBeRead) {
  expect_error(changed(kWeights, "these are no weights"), Code::kFileFormat, "'serialized_state_dict.pt' is not a zip archive");
  expect_error(changed(kWeights, read_whole_file(fixture("module.pth"))), Code::kPickle,
               "'serialized_state_dict.pt' holds a Python object, 'net.Small'");
  expect_error(changed(kWeights, read_whole_file(fixture("tensors.pth"))), Code::kPickle,
               "'serialized_state_dict.pt' holds no dictionary of tensors");
  expect_error(changed(kWeights, read_whole_file(fixture("state_dict.pth"))), Code::kWeight,
               "the archive has no bytes for 'stem.0.weight'");
  expect_error(patched(R"("p_l__s___stem_0_weight": {"dtype": 7, "sizes": [{"as_int": 16})",
                       R"("p_l__s___stem_0_weight": {"dtype": 7, "sizes": [{"as_int": 15})"),
               Code::kWeight,
               "tensor 'stem.0.weight' is stored as float32 [16, 3, 3, 3], but the graph uses it as float32 [15, 3, 3, 3]");
}

TEST(OldPt2, Versions) {
  expect_error(
      patched(R"("schema_version": {"major": 5)", R"("schema_version": {"major": 4)"), Code::kArchiveVersion,
      "the program follows version 4.3 of torch's export schema (torch 2.4 or earlier); the oldest that is known is 5");
  EXPECT_TRUE(read_parts(patched(R"("schema_version": {"major": 5)", R"("schema_version": {"major": 9)")));
}

TEST(OldPt2, JsonThatIsNotTheSchemas) {
  expect_error(changed(kDocument, "{}"), Code::kJson,
               "serialized_exported_program.json: the field 'schema_version' is missing");
  expect_error(patched("\"as_tensor\"", "\"as_sensor\""), Code::kJson,
               "serialized_exported_program.json: graph_module.graph.inputs[0]: a value of kind 'as_sensor' is not known");
}

TEST(OldPt2, EveryCutIsAnError) {
  const std::string whole = read_whole_file(path_of("2.4.1", "lstm"));
  for (size_t size = 0; size < whole.size(); size += 97) {
    const auto archive = Archive::open(make_blob(whole.substr(0, size)), "cut.pt2");
    EXPECT_FALSE(archive && read_old_pt2(*archive)) << size;
  }
}

TEST(OldPt2, EveryChangedByteIsReadOrRefused) {
  std::string whole = read_whole_file(path_of("2.4.1", "lstm"));
  for (size_t i = 0; i < whole.size(); i += 5) {
    const char old = whole[i];
    whole[i] = static_cast<char>(old ^ 21);
    const auto archive = Archive::open(make_blob(whole), "x.pt2");
    if (archive) {
      const auto program = read_old_pt2(*archive);
      EXPECT_TRUE(program || !program.error().is_bug()) << program.error().what;
    }
    whole[i] = old;
  }
}

}  // namespace
}  // namespace atl
