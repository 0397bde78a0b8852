// Files that are no programs, each with the message and the hint that a person sees.
#include "command_line.h"

namespace atl::cli {
namespace {

const std::string kFixtures = source_file("tests/read/fixtures/");

class BadInputTest : public CommandLineTest {
 protected:
  void copy(const std::string& fixture, const std::string& name) const {
    std::filesystem::copy_file(kFixtures + fixture, path(name));
  }
  /// The bytes of a fixture.
  static std::string bytes_of(const std::string& fixture) {
    std::ifstream file(kFixtures + fixture, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void expect_refusal(const std::string& name, const std::string& message) const {
    const Answer a = run({"convert", name, "-o", "out.tflite"});
    EXPECT_EQ(a.exit_code, 1);
    EXPECT_EQ(a.err, message);
    EXPECT_EQ(a.out, "");
    EXPECT_FALSE(std::filesystem::exists(path("out.tflite")));
  }
};

TEST_F(BadInputTest, WeightsAndModules) {
  copy("state_dict.pth", "net.pth");
  expect_refusal("net.pth",
                 "error[E110]: 'net.pth' is a dictionary of weights (state_dict), not an exported program\n"
                 "  hint: export the program in Python:\n"
                 "    import torch\n"
                 "    model = MyModel()  # your model's class\n"
                 "    model.load_state_dict(torch.load(\"net.pth\"))\n"
                 "    args = (torch.randn(1, 3, 224, 224),)  # example inputs of your model\n"
                 "    torch.export.save(torch.export.export(model.eval(), args), \"net.pt2\")\n");
  copy("module.pth", "module.pth");
  expect_refusal(
      "module.pth",
      "error[E110]: 'module.pth' is a pickled Python object (torch.save of a whole module), not an exported program\n"
      "  hint: export the program in Python:\n"
      "    import torch\n"
      "    model = torch.load(\"module.pth\", weights_only=False)  # runs code of the file: trust it first\n"
      "    args = (torch.randn(1, 3, 224, 224),)  # example inputs of your model\n"
      "    torch.export.save(torch.export.export(model.eval(), args), \"module.pt2\")\n");
  copy("script.pt", "script.pt");
  expect_refusal("script.pt",
                 "error[E110]: 'script.pt' is a TorchScript archive, not an exported program\n"
                 "  hint: export the program in Python:\n"
                 "    import torch\n"
                 "    # torch.export needs the Python module that \"script.pt\" was scripted or traced from\n"
                 "    model = MyModel()  # your model's class\n"
                 "    model.load_state_dict(torch.jit.load(\"script.pt\").state_dict())\n"
                 "    args = (torch.randn(1, 3, 224, 224),)  # example inputs of your model\n"
                 "    torch.export.save(torch.export.export(model.eval(), args), \"script.pt2\")\n");
}

TEST_F(BadInputTest, OtherFrameworks) {
  write("x.onnx",
        "\x08\x08\x12\x07pytorch\x1a\x05"
        "2.4.0");
  expect_refusal("x.onnx",
                 "error[E102]: 'x.onnx' is an ONNX model, not an exported program\n"
                 "  hint: convert the PyTorch model that it was made from: "
                 "torch.export.save(torch.export.export(model, args), \"model.pt2\")\n");
  write("x.h5", "\x89HDF\r\n\x1a\n\x02");
  expect_refusal("x.h5",
                 "error[E102]: 'x.h5' is an HDF5 file, as Keras writes them, not an exported program\n"
                 "  hint: LiteRT converts Keras models itself:\n"
                 "    import tensorflow as tf\n"
                 "    model = tf.keras.models.load_model(\"x.h5\")\n"
                 "    open(\"x.tflite\", \"wb\").write(tf.lite.TFLiteConverter.from_keras_model(model).convert())\n");
  write("x.safetensors", std::string("\x02\0\0\0\0\0\0\0{}", 10));
  expect_refusal("x.safetensors",
                 "error[E110]: 'x.safetensors' is a safetensors file of weights, not an exported program\n"
                 "  hint: export the program in Python:\n"
                 "    import torch\n"
                 "    from safetensors.torch import load_file\n"
                 "    model = MyModel()  # your model's class\n"
                 "    model.load_state_dict(load_file(\"x.safetensors\"))\n"
                 "    args = (torch.randn(1, 3, 224, 224),)  # example inputs of your model\n"
                 "    torch.export.save(torch.export.export(model.eval(), args), \"x.pt2\")\n");
}

TEST_F(BadInputTest, DamagedFiles) {
  const std::string whole = bytes_of("small.pt2");
  write("cut.pt2", whole.substr(0, 5000));
  expect_refusal("cut.pt2",
                 "error[E103]: the archive 'cut.pt2' ends after 5000 bytes, before its directory\n"
                 "  hint: copy or download the file again\n");
  write("empty.pt2", "");
  expect_refusal("empty.pt2", "error[E102]: 'empty.pt2' is empty\n  hint: write the file again\n");
  std::filesystem::create_directory(path("folder.pt2"));
  expect_refusal("folder.pt2", "error[E102]: 'folder.pt2' is a directory, not a file\n  hint: give the path of a file\n");
  std::string flipped = whole;
  flipped[flipped.find("\"graph_module\"") + 1] ^= 1;
  write("flipped.pt2", flipped);
  const Answer a = run({"convert", "flipped.pt2", "-o", "out.tflite"});
  EXPECT_EQ(a.exit_code, 1);
  EXPECT_TRUE(
      a.err.starts_with("error[E104]: entry 'models/model.json' of the archive 'flipped.pt2' is damaged: its checksum is "))
      << a.err;
  EXPECT_TRUE(a.err.ends_with("\n  hint: write or copy the file again\n")) << a.err;
}

}  // namespace
}  // namespace atl::cli
