#include "read/program.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "read/sniff.h"
#include "zip_builder.h"

namespace atl {
namespace {

class ProgramTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/atoll_program_XXXXXX";
    folder_ = ::mkdtemp(pattern);
    previous_ = std::filesystem::current_path();
    std::filesystem::current_path(folder_);
  }
  void TearDown() override {
    std::filesystem::current_path(previous_);
    std::filesystem::remove_all(folder_);
  }
  static void write(const std::string& name, const std::string& contents) { std::ofstream(name, std::ios::binary) << contents; }
  static void expect_error(const std::string& path, Code code, const std::string& what) {
    const auto program = read_program(path);
    ASSERT_FALSE(program) << what;
    EXPECT_EQ(program.error().code, code);
    EXPECT_EQ(program.error().what, what);
    EXPECT_FALSE(program.error().hint.empty());
  }
  static void expect_kind(const std::string& contents, FileKind kind) {
    write("file", contents);
    const auto file = MappedFile::open("file");
    ASSERT_TRUE(file);
    const auto found = sniff(*file);
    ASSERT_TRUE(found) << found.error().what;
    EXPECT_EQ(*found, kind) << kind_name(*found);
  }
  static void expect_hint(const std::string& name, const std::string& what, const std::string& hint) {
    std::filesystem::copy(fixture(name), name);
    const auto program = read_program(name);
    ASSERT_FALSE(program);
    EXPECT_EQ(program.error().code, Code::kNotAProgram);
    EXPECT_EQ(program.error().what, what);
    EXPECT_EQ(program.error().hint, hint);
  }
  std::string folder_;
  std::filesystem::path previous_;
};

TEST_F(ProgramTest, GoodProgramsAndLifetime) {
  std::optional<SourceProgram> program;
  {
    auto result = read_program(fixture("nested.pt2"));
    ASSERT_TRUE(result) << result.error().what;
    program = std::move(*result);
  }
  uint64_t sum = 0;
  for (const auto& t : program->tensors) {
    for (std::byte b : t.data.bytes) sum += static_cast<uint64_t>(b);
  }
  EXPECT_GT(sum, 0u);  // the mapping is still there
}

TEST_F(ProgramTest, StateDict) {
  expect_hint("state_dict.pth", "'state_dict.pth' is a dictionary of weights (state_dict), not an exported program",
              "export the program in Python:\n"
              "    import torch\n"
              "    model = MyModel()  # your model's class\n"
              "    model.load_state_dict(torch.load(\"state_dict.pth\"))\n"
              "    args = (torch.randn(1, 3, 224, 224),)  # example inputs of your model\n"
              "    torch.export.save(torch.export.export(model.eval(), args), \"state_dict.pt2\")");
  expect_hint(
      "legacy_state_dict.pth",
      "'legacy_state_dict.pth' is a dictionary of weights (state_dict) in the format before torch 1.6, not an exported program",
      "export the program in Python:\n"
      "    import torch\n"
      "    model = MyModel()  # your model's class\n"
      "    model.load_state_dict(torch.load(\"legacy_state_dict.pth\"))\n"
      "    args = (torch.randn(1, 3, 224, 224),)  # example inputs of your model\n"
      "    torch.export.save(torch.export.export(model.eval(), args), \"legacy_state_dict.pt2\")");
}

TEST_F(ProgramTest, PickledModule) {
  expect_hint("module.pth", "'module.pth' is a pickled Python object (torch.save of a whole module), not an exported program",
              "export the program in Python:\n"
              "    import torch\n"
              "    model = torch.load(\"module.pth\", weights_only=False)  # runs code of the file: trust it first\n"
              "    args = (torch.randn(1, 3, 224, 224),)  # example inputs of your model\n"
              "    torch.export.save(torch.export.export(model.eval(), args), \"module.pt2\")");
  std::filesystem::copy(fixture("legacy_module.pth"), "legacy_module.pth");
  expect_error(
      "legacy_module.pth", Code::kNotAProgram,
      "'legacy_module.pth' is a pickled Python object (torch.save of a whole module) in the format before torch 1.6, not an "
      "exported program");
}

TEST_F(ProgramTest, TorchScript) {
  expect_hint("script.pt", "'script.pt' is a TorchScript archive, not an exported program",
              "export the program in Python:\n"
              "    import torch\n"
              "    # torch.export needs the Python module that \"script.pt\" was scripted or traced from\n"
              "    model = MyModel()  # your model's class\n"
              "    model.load_state_dict(torch.jit.load(\"script.pt\").state_dict())\n"
              "    args = (torch.randn(1, 3, 224, 224),)  # example inputs of your model\n"
              "    torch.export.save(torch.export.export(model.eval(), args), \"script.pt2\")");
}

TEST_F(ProgramTest, Checkpoint) {
  expect_hint("checkpoint.pth", "'checkpoint.pth' is a dictionary of weights (state_dict), not an exported program",
              "export the program in Python:\n"
              "    import torch\n"
              "    model = MyModel()  # your model's class\n"
              "    model.load_state_dict(torch.load(\"checkpoint.pth\")[\"model\"])\n"
              "    args = (torch.randn(1, 3, 224, 224),)  # example inputs of your model\n"
              "    torch.export.save(torch.export.export(model.eval(), args), \"checkpoint.pt2\")");
}

TEST_F(ProgramTest, ForeignFiles) {
  write("x.tflite", std::string("\x1c\0\0\0TFL3....", 12));
  expect_error("x.tflite", Code::kFileFormat, "'x.tflite' is a LiteRT model, not an exported program");
  EXPECT_EQ(read_program("x.tflite").error().hint, "it is converted already: atoll inspect x.tflite, atoll run x.tflite");
  write("x.txt", "hello\n");
  expect_error("x.txt", Code::kFileFormat, "'x.txt' is a text file, not an exported program");
  write("x.bin", std::string("\x01\x02\x03\xff", 4));
  expect_error("x.bin", Code::kFileFormat, "'x.bin' is a file of unknown format, not an exported program");
  write("x.onnx",
        "\x08\x08\x12\x07pytorch\x1a\x05"
        "2.4.0");
  expect_error("x.onnx", Code::kFileFormat, "'x.onnx' is an ONNX model, not an exported program");
  write("x.npy", "\x93NUMPY\x01");
  expect_error("x.npy", Code::kFileFormat, "'x.npy' is a NumPy array, not an exported program");
  write("x.npz", build_zip({{.name = "in_0.npy", .contents = "a"}, {.name = "out_0.npy", .contents = "b"}}));
  expect_error("x.npz", Code::kFileFormat, "'x.npz' is a NumPy archive, not an exported program");
  write("x.zip", build_zip({{.name = "a.txt", .contents = "a"}}));
  expect_error("x.zip", Code::kFileFormat, "'x.zip' is a zip archive, not an exported program");
  std::string safetensors;
  put(safetensors, 2, 8);
  write("x.safetensors", safetensors + "{}");
  expect_error("x.safetensors", Code::kNotAProgram,
               "'x.safetensors' is a safetensors file of weights, not an exported program");
  write("saved_model.pb", std::string("\x08\x01\x12\x80\x01\x0a\x05", 7));
  expect_error("saved_model.pb", Code::kFileFormat, "'saved_model.pb' is a TensorFlow SavedModel, not an exported program");
  write("x.h5", "\x89HDF\r\n\x1a\n\x02");
  expect_error("x.h5", Code::kFileFormat, "'x.h5' is an HDF5 file, as Keras writes them, not an exported program");
  write("x.keras", build_zip({{.name = "metadata.json", .contents = "{}"},
                              {.name = "config.json", .contents = "{}"},
                              {.name = "model.weights.h5", .contents = "\x89HDF"}}));
  expect_error("x.keras", Code::kFileFormat, "'x.keras' is a Keras model, not an exported program");
  EXPECT_EQ(read_program("x.keras").error().hint,
            "LiteRT converts Keras models itself:\n"
            "    import tensorflow as tf\n"
            "    model = tf.keras.models.load_model(\"x.keras\")\n"
            "    open(\"x.tflite\", \"wb\").write(tf.lite.TFLiteConverter.from_keras_model(model).convert())");
  write("x.pte", std::string("\x1c\0\0\0ET12....", 12));
  expect_error("x.pte", Code::kFileFormat, "'x.pte' is an ExecuTorch program, not an exported program");
  write("x.gguf", std::string("GGUF\x03\0\0\0", 8));
  expect_error("x.gguf", Code::kFileFormat, "'x.gguf' is a GGUF file of weights, not an exported program");
  write("x.tar", "model.pt2" + std::string(248, '\0') + "ustar");
  expect_error("x.tar", Code::kFileFormat, "'x.tar' is a tar archive, not an exported program");
  write("x.gz", "\x1f\x8b\x08");
  expect_error("x.gz", Code::kFileFormat, "'x.gz' is a compressed file, not an exported program");
  EXPECT_EQ(read_program("x.gz").error().hint, "unpack it, and give the .pt2 file inside");
  write("lfs.pt2", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n");
  expect_error("lfs.pt2", Code::kFileFormat, "'lfs.pt2' is a pointer of git-lfs in place of the file, not an exported program");
  EXPECT_EQ(read_program("lfs.pt2").error().hint, "fetch the file itself: git lfs pull --include \"lfs.pt2\"");
  write("page.pt2", "\n<!DOCTYPE HTML>\n<title>404</title>\n");
  expect_error("page.pt2", Code::kFileFormat, "'page.pt2' is an HTML page, not an exported program");
  write("x.pkl", "\x80\x04]q.");
  expect_error("x.pkl", Code::kFileFormat, "'x.pkl' is a Python pickle, not an exported program");
}

TEST_F(ProgramTest, MissingEmptyAndTruncated) {
  expect_error("none.pt2", Code::kFileMissing, "there is no file 'none.pt2'");
  write("empty.pt2", "");
  expect_error("empty.pt2", Code::kFileFormat, "'empty.pt2' is empty");
  std::filesystem::create_directory("folder.pt2");
  expect_error("folder.pt2", Code::kFileFormat, "'folder.pt2' is a directory, not a file");
  const std::string whole = read_whole_file(fixture("small.pt2"));
  write("cut.pt2", whole.substr(0, 5000));
  expect_error("cut.pt2", Code::kFileTruncated, "the archive 'cut.pt2' ends after 5000 bytes, before its directory");
}

TEST_F(ProgramTest, Sniff) {
  expect_kind(read_whole_file(fixture("small.pt2")), FileKind::kPt2);
  expect_kind(read_whole_file(fixture("tensors.pth")), FileKind::kTorchTensors);
  expect_kind("TFL3", FileKind::kText);
  expect_kind(std::string("\0\0\0\0TFL3", 8), FileKind::kTflite);
  expect_kind("P", FileKind::kText);
  expect_kind("\x80\x02", FileKind::kOther);
  expect_kind(std::string("\x80\x02\x8a\x0al\xfc\x9c"
                          "F\xf9 j\xa8P\x19.",
                          15),
              FileKind::kLegacyModule);
}

}  // namespace
}  // namespace atl
