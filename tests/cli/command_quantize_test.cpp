#include <schema_generated.h>

#include "command_line.h"

namespace atl::cli {
namespace {

using nlohmann::json;

const std::string kDigits = source_file("demo/digits.pt2"), kTest = source_file("demo/digits_test.npz");

std::string bytes_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

class QuantizeTest : public CommandLineTest {
 protected:
  void SetUp() override {
    CommandLineTest::SetUp();
    if (!has_litert()) GTEST_SKIP() << "LiteRT is not installed";
  }
  json quantize(std::vector<std::string> more, int exit_code = 0) const {
    std::vector<std::string> args{"quantize", kDigits, "-o", "q.tflite", "--json"};
    args.insert(args.end(), more.begin(), more.end());
    const Answer a = run(args);
    EXPECT_EQ(a.exit_code, exit_code) << a.out << a.err;
    return json::parse(a.out, nullptr, false);
  }
};

TEST_F(QuantizeTest, DigitsBecomeIntegersAndStayRight) {
  const json j = quantize({"--calibrate", kTest, "--io", "float32"});
  const json& q = j["quantization"];
  EXPECT_EQ(q["mode"], "int8");
  EXPECT_TRUE(q["float_layers"].empty());
  EXPECT_FALSE(q["judged_on_calibration"]);
  EXPECT_EQ(q["calibration_samples"].get<int>() + q["judging_samples"].get<int>(), 128);
  EXPECT_GT(q["outputs"][0]["snr_db"], 25);
  EXPECT_FALSE(q["layers"].empty());
  EXPECT_EQ(j["proof"]["verdict"], "proven");
  const Answer a = run({"run", "q.tflite", "--each", "--input", "x=" + kTest, "--expect", kTest, "--min-snr", "1", "--json"});
  ASSERT_EQ(a.exit_code, 0) << a.err;
  const json r = json::parse(a.out);
  EXPECT_GE(r["accuracy"]["correct"].get<int>(), r["accuracy"]["recorded_correct"].get<int>() - 3);
}

// Two layers of LSTM in both directions.
TEST_F(QuantizeTest, LstmLayersBecomeIntegersAndStayRight) {
  const std::string rows = source_file("tests/quant/data/rows_judging.npz"),
                    program = source_file("tests/quant/data/digits_lstm.pt2"),
                    calibrate = source_file("tests/quant/data/rows_calibration.npz");
  const Answer made = run({"quantize", program, "-o", "q.tflite", "--calibrate", calibrate, "--io", "int8", "--json"});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  const json q = json::parse(made.out);
  EXPECT_TRUE(q["quantization"]["float_layers"].empty());
  EXPECT_EQ(q["ops"]["UNIDIRECTIONAL_SEQUENCE_LSTM"], 4);
  EXPECT_EQ(q["ops"].count("DEQUANTIZE"), 0u);
  const Answer coral =
      run({"convert", program, "-o", "c.tflite", "--target", "coral", "--calibrate", calibrate, "--io", "int8", "--json"});
  ASSERT_EQ(coral.exit_code, 0) << coral.err;
  const json c = json::parse(coral.out);
  EXPECT_EQ(c["ops"]["UNIDIRECTIONAL_SEQUENCE_LSTM"], 4);
  EXPECT_EQ(c["ops"].count("UNPACK"), 0u);
  EXPECT_NE(coral.out.find("4 LSTM layers keep their states from one run to the next"), std::string::npos);
  const Answer judged = run({"eval", program, "q.tflite", "c.tflite", "--data", rows, "--json"});
  ASSERT_EQ(judged.exit_code, 0) << judged.err;
  const json models = json::parse(judged.out)["models"];
  for (size_t i = 1; i < 3; ++i)
    EXPECT_GE(models[i]["classification"]["top1_correct"].get<int>(),
              models[0]["classification"]["top1_correct"].get<int>() - 2);
  const Answer wide = run({"quantize", program, "-o", "w.tflite", "--calibrate", calibrate, "--mode", "int16x8", "--json"});
  ASSERT_EQ(wide.exit_code, 0) << wide.err;
  const json layers = json::parse(wide.out)["quantization"]["float_layers"];
  ASSERT_EQ(layers.size(), 4u);
  EXPECT_EQ(layers[0]["reason"], "LiteRT has no i16 kernel for lstm");
}

TEST_F(QuantizeTest, AnyFloatFileIsQuantizedToTheSame) {
  ASSERT_EQ(run({"convert", kDigits, "-o", "f.tflite", "-q"}).exit_code, 0);
  quantize({"--calibrate", kTest});
  ASSERT_EQ(run({"quantize", "f.tflite", "-o", "q2.tflite", "--calibrate", kTest, "-q"}).exit_code, 0);
  const json a = json::parse(run({"inspect", "q.tflite", "--json"}).out),
             b = json::parse(run({"inspect", "q2.tflite", "--json"}).out);
  EXPECT_EQ(a.at("signatures"), b.at("signatures"));
  EXPECT_EQ(a.at("operator_counts"), b.at("operator_counts"));
}

TEST_F(QuantizeTest, TheSameInputGivesTheSameBytes) {
  quantize({"--calibrate", kTest, "--max-samples", "16"});
  const std::string first = bytes_of(path("q.tflite"));
  quantize({"--calibrate", kTest, "--max-samples", "16"});
  EXPECT_EQ(first, bytes_of(path("q.tflite")));
}

TEST_F(QuantizeTest, BestEffortRoundsWeightsTogetherAndLosesNothing) {
  const auto judged = [&] {
    const Answer a = run({"verify", kDigits, "q.tflite", "--data", kTest, "--json"});
    EXPECT_EQ(a.exit_code, 0) << a.out << a.err;
    return json::parse(a.out, nullptr, false)["outputs"][0]["snr_db"].get<double>();
  };
  quantize({"--calibrate", kTest, "--max-samples", "24"});
  const double before = judged();
  const json best = quantize({"--calibrate", kTest, "--max-samples", "24", "--effort", "best"});
  const std::string first = bytes_of(path("q.tflite"));
  EXPECT_GT(judged(), before - 0.5);
  EXPECT_NE(best["quantization"]["repairs"].dump().find("layers rounded together, by what their data looks like"),
            std::string::npos)
      << best["quantization"]["repairs"];
  quantize({"--calibrate", kTest, "--max-samples", "24", "--effort", "best"});
  EXPECT_EQ(first, bytes_of(path("q.tflite")));
}

TEST_F(QuantizeTest, SixteenBitsAreCloser) {
  const json a = quantize({"--calibrate", kTest}), b = quantize({"--calibrate", kTest, "--mode", "int16x8"});
  EXPECT_GT(b["quantization"]["outputs"][0]["snr_db"].get<double>(), a["quantization"]["outputs"][0]["snr_db"].get<double>());
}

TEST_F(QuantizeTest, VerifyOnDataListsTheLayersByDamage) {
  quantize({"--calibrate", kTest});
  const Answer a = run({"verify", kDigits, "q.tflite", "--data", kTest, "--json"});
  ASSERT_EQ(a.exit_code, 0) << a.err;
  const json j = json::parse(a.out);
  EXPECT_EQ(j["samples"], 128);
  EXPECT_GT(j["outputs"][0]["snr_db"], 25);
  ASSERT_GT(j["layers"].size(), 3u);
  for (const json& l : j["layers"]) EXPECT_GT(l["snr_db"].get<double>(), 10) << l;
  EXPECT_EQ(run({"verify", kDigits, "q.tflite", "--data", kTest, "--min-snr", "90"}).exit_code, 3);
  const std::string table = run({"verify", kDigits, "q.tflite", "--data", kTest}).out;
  EXPECT_NE(table.find("clip %"), std::string::npos) << table;
}

TEST_F(QuantizeTest, ALeastSnrGivesSomeLayersSixteenBits) {
  const json plain = quantize({"--calibrate", kTest, "--max-samples", "32"});
  const double snr = plain["quantization"]["outputs"][0]["snr_db"];
  const json j = quantize({"--calibrate", kTest, "--max-samples", "32", "--min-snr", std::to_string(int(snr) + 4)});
  EXPECT_GT(j["quantization"]["outputs"][0]["snr_db"].get<double>(), snr + 2);
  size_t wide = 0, narrow = 0;
  for (const json& l : j["quantization"]["layers"]) (l["type"] == "i16" ? wide : narrow) += 1;
  EXPECT_GT(wide, 0u);
  EXPECT_GT(narrow, 0u);
  EXPECT_NE(quantize({"--calibrate", kTest, "--min-snr", "200"}, 1)["error"]["what"].get<std::string>().find(
                "200 dB cannot be reached"),
            std::string::npos);
}

TEST_F(QuantizeTest, SmallerWeightsUnderFloatActivations) {
  const json whole = quantize({"--calibrate", kTest});
  const double float_weights = double(json::parse(run({"convert", kDigits, "-o", "f.tflite", "--json"}).out)["constant_bytes"]);
  struct Mode {
    std::vector<std::string> args;
    double least_snr, largest_share;
  };
  for (const Mode& m :
       {Mode{{"--mode", "float16"}, 55, 0.6}, Mode{{"--mode", "dynamic"}, 30, 0.4}, Mode{{"--mode", "weight-only"}, 35, 0.4},
        Mode{{"--mode", "weight-only", "--weight-bits", "4"}, 10, 0.35}}) {
    const json j = quantize(m.args);
    EXPECT_GT(j["quantization"]["outputs"][0]["snr_db"].get<double>(), m.least_snr) << j["quantization"];
    EXPECT_LT(double(j["constant_bytes"]) / float_weights, m.largest_share) << m.args[1];
    EXPECT_EQ(j["inputs"][0]["type"].get<std::string>().substr(0, 3), "f32");
  }
  EXPECT_EQ(whole["inputs"][0]["type"].get<std::string>().substr(0, 2), "i8");
}

TEST_F(QuantizeTest, TheCoralTargetMapsDigitsWhole) {
  const Answer a = run({"convert", kDigits, "-o", "c.tflite", "--target", "coral", "--calibrate", kTest, "--json"});
  ASSERT_EQ(a.exit_code, 0) << a.err;
  const json j = json::parse(a.out);
  EXPECT_EQ(j["placement"]["mapped"], j["placement"]["total"]) << j["placement"];
  EXPECT_EQ(j["placement"]["mac_share"], 1.0);
  EXPECT_EQ(j["inputs"][0]["type"].get<std::string>().substr(0, 2), "i8");
  EXPECT_EQ(run({"place", "c.tflite", "--require", "100%"}).exit_code, 0);
  const Answer none = run({"convert", kDigits, "-o", "n.tflite", "--target", "coral", "--json"});
  EXPECT_EQ(none.exit_code, 1);
  EXPECT_EQ(json::parse(none.out)["error"]["what"], "the target coral takes integers, which need samples to calibrate with");
  const Answer other = run({"convert", kDigits, "-o", "n.tflite", "--target", "tflm", "--quantize", "dynamic", "--json"});
  EXPECT_EQ(other.exit_code, 1);
  EXPECT_EQ(json::parse(other.out)["error"]["what"], "the target tflm takes int8, not dynamic");
  EXPECT_FALSE(std::filesystem::exists(path("n.tflite")));
}

TEST_F(QuantizeTest, AFloatFileIsQuantizedForTheCoral) {
  ASSERT_EQ(run({"convert", kDigits, "-o", "f.tflite", "-q"}).exit_code, 0);
  const Answer a = run({"quantize", "f.tflite", "-o", "c.tflite", "--target", "coral", "--calibrate", kTest, "--json"});
  ASSERT_EQ(a.exit_code, 0) << a.err;
  const json placed = json::parse(a.out)["placement"];
  EXPECT_EQ(placed["mapped"], placed["total"]) << placed;
  const Answer wide =
      run({"quantize", "f.tflite", "-o", "n.tflite", "--target", "coral", "--calibrate", kTest, "--mode", "int16x8"});
  EXPECT_EQ(wide.exit_code, 1);
  EXPECT_FALSE(std::filesystem::exists(path("n.tflite")));
}

// Before anything is put in place, with the line of the source.
TEST_F(QuantizeTest, TheCoralTargetRefusesBranches) {
  const std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (4, 2, 3, 5, 6), }\n";
  std::vector<float> values(4 * 2 * 3 * 5 * 6);
  for (size_t i = 0; i < values.size(); ++i) values[i] = float(i % 17) * 0.125f - 1;
  write("samples.npy", std::string("\x93NUMPY\x01\0", 8) + char(header.size()) + '\0' + header +
                           std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)));
  const Answer a = run({"convert", source_file("tests/verify/fixtures/control_flow/branches.pt2"), "-o", "b.tflite", "--target",
                        "coral", "--calibrate", "samples.npy", "--json"});
  EXPECT_EQ(a.exit_code, 1);
  const json error = json::parse(a.out)["error"];
  EXPECT_EQ(error["what"], "Google's compiler for the Edge TPU takes no loops and no branches");
  EXPECT_NE(error.dump().find("torch.cond"), std::string::npos) << error;
  EXPECT_EQ(names(), std::vector<std::string>{"samples.npy"});
}

TEST_F(QuantizeTest, OutputsOfUnlikeBranchesAreSplitForTheCoral) {
  const std::string net = source_file("tests/quant/data/shapes_detector.pt2");
  const std::vector<std::string> common{
      "convert",  net,     "-o",          "d.tflite",
      "--target", "coral", "--calibrate", source_file("tests/quant/data/shapes_calibration.npz"),
      "--json"};
  const auto types = [&](bool split) {
    std::vector<std::string> args = common;
    if (split) args.push_back("--split-outputs");
    const Answer a = run(args);
    EXPECT_EQ(a.exit_code, 0) << a.err;
    std::string out;
    const json report = json::parse(a.out);
    for (const json& o : report["quantization"]["outputs"]) {
      const auto type = o["type"].get<std::string>();
      out += o["name"].get<std::string>() + " " + type.substr(0, type.find('[')) + "; ";
    }
    return out;
  };
  EXPECT_EQ(types(false), "output i16; ");
  EXPECT_EQ(types(true), "output_0 i8; output_1 i8; output_2 i8; ");
}

TEST_F(QuantizeTest, WhatCannotBeIsRefused) {
  EXPECT_EQ(quantize({}, 1)["error"]["what"], "int8 needs samples to calibrate with");
  EXPECT_EQ(quantize({"--calibrate", "nothing.npz"}, 1)["error"]["what"], "'nothing.npz' does not exist");
  EXPECT_EQ(quantize({"--calibrate", kTest, "--mode", "int7"}, 2)["error"]["what"], "there is no quantization 'int7'");
  EXPECT_EQ(quantize({"--calibrate", kTest, "--io", "f16"}, 2)["error"]["what"], "there is no type 'f16' for the inputs");
  EXPECT_EQ(quantize({"--calibrate", kTest, "--keep-float", "nose.*"}, 2)["error"]["what"], "no layer is called 'nose.*'");
  quantize({"--calibrate", kTest});
  const Answer again = run({"quantize", "q.tflite", "-o", "qq.tflite", "--calibrate", kTest});
  EXPECT_EQ(again.exit_code, 1);
  EXPECT_TRUE(again.err.starts_with("error[E602]: 'q.tflite' is quantized already: input 'x' is i8[")) << again.err;
  EXPECT_FALSE(std::filesystem::exists(path("qq.tflite")));
  const Answer state = run({"quantize", source_file("tests/verify/fixtures/control_flow/cache_copy.pt2"), "-o", "qq.tflite",
                            "--mode", "dynamic", "--cut", "linear"});
  EXPECT_EQ(state.exit_code, 1);
  EXPECT_EQ(state.err,
            "error[E302]: 'keys' keeps its value from run to run; such a model is not cut\n"
            "  hint: make it an input and an output of the model\n");
  EXPECT_FALSE(std::filesystem::exists(path("qq.tflite")));
}

/// The file's first weight, in blocks of 32 numbers with a scale each.
void put_blocks(const std::filesystem::path& file) {
  const std::string bytes = bytes_of(file);
  const std::unique_ptr<tflite::ModelT> model(tflite::GetModel(bytes.data())->UnPack());
  for (auto& t : model->subgraphs[0]->tensors) {
    if (t->shape.size() != 4 || model->buffers[t->buffer]->data.empty()) continue;
    t->type = tflite::TensorType::INT8;
    model->buffers[t->buffer]->data.resize(model->buffers[t->buffer]->data.size() / sizeof(float));
    t->quantization = std::make_unique<tflite::QuantizationParametersT>();
    tflite::BlockwiseQuantizationT blocks;
    blocks.block_size = 32;
    t->quantization->details.Set(std::move(blocks));
    break;
  }
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(tflite::Model::Pack(builder, model.get()), tflite::ModelIdentifier());
  std::ofstream(file, std::ios::binary)
      .write(reinterpret_cast<const char*>(builder.GetBufferPointer()), std::streamsize(builder.GetSize()));
}

TEST_F(QuantizeTest, FilesOfOpenSizesSeveralSignaturesStatesAndBlocksAreRefused) {
  const std::string open = source_file("tests/verify/dynamic/perceptron.pt2");
  const auto answer = [&](std::vector<std::string> args, const std::vector<std::string>& shapes) {
    for (const std::string& shape : shapes) args.insert(args.end(), {"--shape", shape});
    return run(args);
  };
  const auto refused = [&](const std::string& source, const std::vector<std::string>& shapes) {
    const Answer a = answer({"quantize", source, "-o", "q.tflite", "--mode", "dynamic"}, shapes);
    EXPECT_NE(a.exit_code, 0) << a.out;
    EXPECT_FALSE(std::filesystem::exists(path("q.tflite")));
    return a.err;
  };
  const auto converted = [&](const std::string& source, const std::string& file, const std::vector<std::string>& shapes) {
    const Answer a = answer({"convert", source, "-o", file, "--no-verify"}, shapes);
    EXPECT_EQ(a.exit_code, 0) << a.err;
  };
  EXPECT_EQ(refused(open, {}),
            "error[E302]: axis 0 of input 'x' is open; a model with fixed sizes is quantized\n  hint: fix the sizes: --shape "
            "x=3x7\n");
  EXPECT_EQ(refused(open, {"x=3x7", "x=5x7"}),
            "error[E302]: 2 signatures are asked for; one is quantized\n  hint: give --shape once for each input\n");
  converted(open, "open.tflite", {});
  EXPECT_EQ(
      refused("open.tflite", {}),
      "error[E302]: input 'x' of 'open.tflite' is f32[?,7]; a model with fixed sizes is quantized\n  hint: convert it with "
      "--shape\n");
  EXPECT_EQ(refused("open.tflite", {"x=3x7"}),
            "error[E601]: sizes are given for 'open.tflite', which is a .tflite file already\n  hint: give them where the "
            "program is converted\n");
  converted(open, "two.tflite", {"x=3x7", "x=5x7"});
  EXPECT_EQ(
      refused("two.tflite", {}),
      "error[E302]: 'two.tflite' has 2 graphs; one is quantized\n  hint: convert each signature into a file of its own\n");
  converted(source_file("tests/verify/fixtures/control_flow/counter_functional.pt2"), "state.tflite", {});
  EXPECT_EQ(refused("state.tflite", {}),
            "error[E302]: 'state.tflite' keeps values in variables; such a file is not quantized\n  hint: quantize the program "
            "that it was made from (.pt2), whose states become integers\n");
  converted(kDigits, "blocks.tflite", {});
  put_blocks(path("blocks.tflite"));
  const std::string blocks = refused("blocks.tflite", {});
  EXPECT_NE(blocks.find("is quantized by blocks, which Atoll does not write\n"), std::string::npos) << blocks;
  EXPECT_NE(blocks.find("hint: take the float model that it was made of\n"), std::string::npos) << blocks;
}

TEST_F(QuantizeTest, OpenSizesMayBeFixed) {
  const Answer a = run({"quantize", source_file("tests/verify/dynamic/perceptron.pt2"), "-o", "q.tflite", "--mode", "dynamic",
                        "--shape", "x=3x7", "--json"});
  ASSERT_EQ(a.exit_code, 0) << a.err;
  EXPECT_EQ(json::parse(a.out)["inputs"][0]["type"], "f32[3,7]") << a.out;
}

// Ten pictures, one a digit.
void put_pictures(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  for (int d = 0; d < 10; ++d)
    std::filesystem::copy_file(source_file("demo/images/" + std::to_string(d) + ".png"), folder / (std::to_string(d) + ".png"));
}

TEST_F(QuantizeTest, BrokenPicturesAreLeftOutAndNamed) {
  put_pictures(path("pictures"));
  write("pictures/5a.jpg", "\xff\xd8\xff\xe0 and then nothing");
  write("pictures/7a.png", "no picture");
  const std::vector<std::string> data = {"--calibrate", "pictures", "--preprocess", "scale=1/255"};
  const json warnings = quantize(data)["quantization"]["warnings"];
  ASSERT_EQ(warnings.size(), 3u) << warnings;
  EXPECT_EQ(warnings[0], "2 of 12 samples were left out");
  EXPECT_NE(warnings[1].get<std::string>().find("pictures/5a.jpg'"), std::string::npos) << warnings;
  EXPECT_EQ(warnings[2], "left out: 'pictures/7a.png': not a JPEG, PNG or BMP image");
  const Answer strict = run({"quantize", kDigits, "-o", "s.tflite", "--calibrate", "pictures", "--strict"});
  EXPECT_EQ(strict.exit_code, 1);
  EXPECT_NE(strict.err.find("pictures/5a.jpg'"), std::string::npos) << strict.err;
  EXPECT_FALSE(std::filesystem::exists(path("s.tflite")));
}

TEST_F(QuantizeTest, DataThatCannotBeUsedIsRefused) {
  put_pictures(path("pictures"));
  const auto refusal = [&](std::vector<std::string> args) {
    args.insert(args.begin(), {"quantize", kDigits, "-o", "n.tflite", "--calibrate"});
    const Answer a = run(args);
    EXPECT_EQ(a.exit_code, 1) << a.out;
    EXPECT_FALSE(std::filesystem::exists(path("n.tflite")));
    return a.err;
  };
  const std::string size = refusal({"pictures", "--preprocess", "size=9x7"});
  EXPECT_TRUE(size.starts_with("error[E602]: none of the 10 samples of 'pictures' can be used\n")) << size;
  EXPECT_NE(size.find("input 'x' is f32[1x1x8x8], an image of 9x7 pixels after preprocessing is given"), std::string::npos)
      << size;
  std::string line = "0.5";
  for (int i = 1; i < 64; ++i) line += ",0.25";
  write("nan.csv", "nan" + line.substr(3) + "\n");
  const std::string nan = refusal({"nan.csv"});
  EXPECT_NE(nan.find("sample 'nan.csv[0]' has 1 NaN or infinite values of 64 for input 'x'"), std::string::npos) << nan;
  std::filesystem::create_directories(path("empty"));
  EXPECT_TRUE(refusal({"empty"}).starts_with("error[E102]: 'empty' is an empty folder\n"));
  EXPECT_TRUE(refusal({source_file("tests/quant/data/digits_calibration.npz")})
                  .starts_with("error[E602]: digits_calibration.npz: input 'x' takes f32[1x8x8] for one example, f32[3x32x32] "
                               "is given\n"));
}

TEST_F(QuantizeTest, ASampleWithNanCalibratesNothing) {
  std::string lines;
  for (int n = 0; n < 12; ++n) {
    lines += n == 7 ? "inf" : std::to_string(n % 5 / 4.0);
    for (int i = 1; i < 64; ++i) lines += "," + std::to_string((i * (n + 1)) % 16 / 16.0);
    lines += "\n";
  }
  write("some.csv", lines);
  const json q = quantize({"--calibrate", "some.csv"})["quantization"];
  EXPECT_EQ(q["warnings"][0], "1 of 12 samples were left out");
  EXPECT_EQ(q["warnings"][1], "left out: sample 'some.csv[7]' has 1 NaN or infinite values of 64 for input 'x'");
  EXPECT_TRUE(q["outputs"][0]["snr_db"].is_number());
}

bool warned(const json& q, const std::string& of) {
  for (const json& w : q["warnings"])
    if (w.get<std::string>().find(of) != std::string::npos) return true;
  return false;
}

TEST_F(QuantizeTest, OneClassOneSampleAndConstantPicturesAreWarnedOf) {
  const std::vector<std::string> data = {"--calibrate", "data", "--preprocess", "scale=1/255"};
  const auto of = [&] { return quantize(data)["quantization"]; };
  put_pictures(path("data/cats"));
  EXPECT_TRUE(warned(of(), "all samples are of one class, 'cats'")) << of();
  std::filesystem::remove_all(path("data"));
  std::filesystem::create_directories(path("data"));
  for (const char* name : {"a.png", "b.png", "c.png", "d.png", "e.png"})
    std::filesystem::copy_file(source_file("demo/images/3.png"), path("data") / name);
  EXPECT_FALSE(warned(of(), "one class")) << of();
  std::filesystem::remove_all(path("data"));
  std::filesystem::create_directories(path("data"));
  std::filesystem::copy_file(source_file("demo/images/3.png"), path("data/a.png"));
  const json one = of();
  EXPECT_TRUE(warned(one, "one sample calibrates")) << one;
  EXPECT_TRUE(one["judged_on_calibration"]) << one;
  std::string lines;
  for (int n = 0; n < 9; ++n) {
    for (int i = 0; i < 64; ++i) lines += i == 0 ? "0.25" : ",0.25";
    lines += "\n";
  }
  write("flat.csv", lines);
  const json flat = quantize({"--calibrate", "flat.csv"})["quantization"];
  EXPECT_TRUE(warned(flat, "input 'x' is 0.25 in every sample: a range chosen from that fits nothing else")) << flat;
  // Without any light at all there is no range to take a scale from.
  write("black.csv", [] {
    std::string black;
    for (int i = 0; i < 9 * 64; ++i) black += i % 64 == 63 ? "0\n" : "0,";
    return black;
  }());
  const json black = quantize({"--calibrate", "black.csv"})["quantization"];
  EXPECT_TRUE(warned(black, "input 'x' is 0 in every sample")) << black;
  EXPECT_TRUE(black["outputs"][0]["snr_db"].is_number()) << black;
}

TEST_F(QuantizeTest, OutputsOfWhichLittleIsLeftAreWarnedOf) {
  // Every fourth sample judges: here those reach far beyond what calibrates.
  std::string lines;
  for (int n = 0; n < 8; ++n) {
    for (int i = 0; i < 64; ++i)
      lines += (i == 0 ? "" : ",") + std::to_string(n % 4 == 3 ? (i * 7 + n) % 17 : 0.01 * ((i * 5 + n) % 11));
    lines += "\n";
  }
  write("unlike.csv", lines);
  const json q = quantize({"--calibrate", "unlike.csv"})["quantization"];
  EXPECT_TRUE(warned(q, "little is left of output 'output'")) << q;
  EXPECT_FALSE(warned(quantize({"--calibrate", kTest})["quantization"], "little is left"));
}

/// A BMP of 24 bits, rows padded to 4 bytes.
std::string colour_picture(int width, int height) {
  const auto number = [](uint32_t v, int bytes) {
    std::string out;
    for (int i = 0; i < bytes; ++i) out += char(v >> (8 * i) & 255);
    return out;
  };
  const int row = (3 * width + 3) / 4 * 4;
  std::string out = "BM" + number(uint32_t(54 + row * height), 4) + number(0, 4) + number(54, 4) + number(40, 4) +
                    number(uint32_t(width), 4) + number(uint32_t(height), 4) + number(1, 2) + number(24, 2) +
                    std::string(24, '\0');
  for (int i = 0; i < row * height; ++i) out += char(i * 37 % 251);
  return out;
}

TEST_F(QuantizeTest, PicturesOfOtherSizesAndDepthsFitTheInput) {
  put_pictures(path("mixed"));
  write("mixed/colour.bmp", colour_picture(9, 5));
  write("mixed/large.bmp", colour_picture(31, 40));
  const json q = quantize({"--calibrate", "mixed", "--preprocess", "scale=1/255"})["quantization"];
  EXPECT_EQ(q["calibration_samples"].get<int>() + q["judging_samples"].get<int>(), 12) << q;
  EXPECT_FALSE(warned(q, "left out")) << q;
  EXPECT_GT(q["outputs"][0]["snr_db"].get<double>(), 20) << q;
}

TEST_F(QuantizeTest, MeansAndDeviationsOfChannelsGoIntoTheFirstLayer) {
  const std::string net = source_file("tests/quant/data/digits_mobilenet.pt2"),
                    words = "mean=0.485,0.456,0.406 std=0.229,0.224,0.225";
  std::filesystem::create_directories(path("pictures"));
  for (int i = 0; i < 5; ++i) write("pictures/" + std::to_string(i) + ".bmp", colour_picture(32 + i, 32 + 3 * i));
  const Answer made = run({"quantize", net, "-o", "q.tflite", "--calibrate", "pictures", "--preprocess", words, "--inputs",
                           "uint8", "--outputs", "float32", "--json"});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  const json q = json::parse(made.out)["quantization"];
  EXPECT_NE(q["interface"][0].get<std::string>().find("value = 1 * (integer - 0)"), std::string::npos) << q;
  EXPECT_NE(q.dump().find("the input takes pixels as they are: mean=123.675,116.28,103.53"), std::string::npos) << q;
  // The file takes pictures with the words that the source takes, or without.
  const auto answer = [&](const std::vector<std::string>& more) {
    std::vector<std::string> args{"run", "q.tflite", "--input", "pictures/3.bmp", "--output", "out.npy"};
    args.insert(args.end(), more.begin(), more.end());
    const Answer a = run(args);
    EXPECT_EQ(a.exit_code, 0) << a.err;
    return bytes_of(path("out.npy"));
  };
  EXPECT_EQ(answer({}), answer({"--preprocess", words}));
  const Answer other = run({"run", "q.tflite", "--input", "pictures/3.bmp", "--preprocess", "mean=127 std=128"});
  EXPECT_EQ(other.exit_code, 1);
  EXPECT_NE(other.err.find("leave mean, std and scale out"), std::string::npos) << other.err;
  for (const char* command : {"verify", "eval"}) {
    const Answer a = run({command, net, "q.tflite", "--data", "pictures", "--preprocess", words, "--json"});
    ASSERT_EQ(a.exit_code, 0) << a.err;
    const json j = json::parse(a.out);
    const json& output = std::string(command) == "verify" ? j["outputs"][0] : j["models"][1]["outputs"][0];
    EXPECT_GT(output["snr_db"].get<double>(), 25) << j;
  }
  const Answer floats =
      run({"quantize", net, "-o", "f.tflite", "--calibrate", "pictures", "--preprocess", words, "--inputs", "float32"});
  EXPECT_EQ(floats.out.find("takes pixels"), std::string::npos) << floats.out;
}

TEST_F(QuantizeTest, AnotherLayoutIsShownBesideTheModels) {
  std::string lines;
  for (int n = 0; n < 4; ++n) {
    for (int i = 0; i < 63; ++i) lines += i == 0 ? "0.5" : ",0.25";
    lines += "\n";
  }
  write("short.csv", lines);
  const Answer a = run({"quantize", kDigits, "-o", "n.tflite", "--calibrate", "short.csv"});
  EXPECT_EQ(a.exit_code, 1);
  EXPECT_NE(a.err.find("63"), std::string::npos) << a.err;
  EXPECT_NE(a.err.find("1x8x8"), std::string::npos) << a.err;
}

}  // namespace
}  // namespace atl::cli
