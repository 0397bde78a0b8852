#include "edgetpu/compiler_log.h"

#include <gtest/gtest.h>

namespace atl::edgetpu {
namespace {

using Failure = CompilerLog::Failure;

TEST(CompilerLog, ReadsVersion16) {
  const auto log = parse_compiler_log(
      "Edge TPU Compiler version 16.0.384591198\n"
      "Started a compilation timeout timer of 180 seconds.\n"
      "\n"
      "Model compiled successfully in 2270 ms.\n"
      "\n"
      "Input model: seg.tflite\n"
      "Input size: 5.21MiB\n"
      "Output model: out/seg_edgetpu.tflite\n"
      "Output size: 6.51MiB\n"
      "On-chip memory used for caching model parameters: 6.02MiB\n"
      "On-chip memory remaining for caching model parameters: 7.75KiB\n"
      "Off-chip memory used for streaming uncached model parameters: 0.00B\n"
      "Number of Edge TPU subgraphs: 1\n"
      "Total number of operations: 84\n"
      "Operation log: out/seg_edgetpu.log\n"
      "\n"
      "Model successfully compiled but not all operations are supported by the Edge TPU. A percentage of the model will "
      "instead run "
      "on the CPU, which is slower.\n"
      "Number of operations that will run on Edge TPU: 81\n"
      "Number of operations that will run on CPU: 3\n"
      "\n"
      "Operator                       Count      Status\n"
      "\n"
      "CONV_2D                        80         Mapped to Edge TPU\n"
      "CONV_2D                        1          More than one subgraph is not supported\n"
      "RESIZE_BILINEAR                1          Operation is otherwise supported, but not mapped due to some unspecified "
      "limitation\n"
      "ARG_MAX                        1          Operation is working on an unsupported data type\n"
      "SOFTMAX                        1          Mapped to Edge TPU\n"
      "Compilation child process completed within timeout period.\n"
      "Compilation succeeded! \n");
  EXPECT_EQ(log.version, "16.0.384591198");
  EXPECT_EQ(log.failure, Failure::kNone);
  EXPECT_EQ(log.words, "");
  ASSERT_EQ(log.models.size(), 1u);
  const CompiledLog& m = log.models[0];
  EXPECT_EQ(m.input, "seg.tflite");
  EXPECT_EQ(m.output, "out/seg_edgetpu.tflite");
  EXPECT_DOUBLE_EQ(*m.on_chip_used, 6.02 * 1048576);
  EXPECT_DOUBLE_EQ(*m.on_chip_left, 7.75 * 1024);
  EXPECT_EQ(*m.streamed, 0);
  EXPECT_EQ(m.subgraphs, 1u);
  EXPECT_EQ(m.operators, 84u);
  ASSERT_EQ(m.lines.size(), 5u);
  EXPECT_EQ(m.lines[1].op, "CONV_2D");
  EXPECT_EQ(m.lines[1].count, 1u);
  EXPECT_EQ(m.lines[1].status, "More than one subgraph is not supported");
  EXPECT_EQ(m.lines[2].status, "Operation is otherwise supported, but not mapped due to some unspecified limitation");
}

TEST(CompilerLog, ReadsOldVersions) {
  const auto log = parse_compiler_log(
      "Edge TPU Compiler version 2.0.267685300\r\n"
      "Model compiled successfully in 113 ms.\r\n"
      "Input model: a.tflite\r\n"
      "On-chip memory available for caching model parameters: 7.96MiB\r\n"
      "On-chip memory used for caching model parameters: 60.00KiB\r\n");
  EXPECT_EQ(log.failure, Failure::kNone);
  EXPECT_EQ(log.version, "2.0.267685300");
  EXPECT_DOUBLE_EQ(*log.models.at(0).on_chip_left, 7.96 * 1048576);
  EXPECT_FALSE(log.models[0].streamed);
}

TEST(CompilerLog, TellsModelsOfAPipelineApart) {
  const auto log = parse_compiler_log(
      "Model compiled successfully in 2 ms.\nInput model: a_segment_0_of_2.tflite\nTotal number of operations: 3\n"
      "Operator                       Count      Status\nADD                            3          Mapped to Edge TPU\n"
      "Model compiled successfully in 2 ms.\nInput model: a_segment_1_of_2.tflite\nTotal number of operations: 4\n"
      "Operator                       Count      Status\nMUL                            4          Mapped to Edge TPU\n");
  ASSERT_EQ(log.models.size(), 2u);
  EXPECT_EQ(log.models[0].lines.at(0).op, "ADD");
  EXPECT_EQ(log.models[0].lines.size(), 1u);
  EXPECT_EQ(log.models[1].lines.at(0).op, "MUL");
}

TEST(CompilerLog, KnowsFailures) {
  const auto failure = [](const std::string& text) {
    const auto log = parse_compiler_log("Edge TPU Compiler version 15.0.340273435\n" + text);
    return std::pair(log.failure, log.words);
  };
  EXPECT_EQ(failure("Internal compiler error. Aborting! \n"),
            std::pair(Failure::kInternal, std::string("Internal compiler error. Aborting!")));
  EXPECT_EQ(failure("Compilation failed: Internal error.\n").first, Failure::kInternal);
  EXPECT_EQ(failure("ERROR: Restored original execution plan after delegate application failure.\n"
                    "Compilation failed: Compilation failed due to large activation tensors in model.\n"
                    "Compilation failed! \n"),
            std::pair(Failure::kActivations,
                      std::string("Compilation failed: Compilation failed due to large activation tensors in model.")));
  EXPECT_EQ(failure("Invalid model: x.tflite\nModel not quantized\n"),
            std::pair(Failure::kModel, std::string("Invalid model: x.tflite; Model not quantized")));
  EXPECT_EQ(
      failure(
          "ERROR: Attempting to use a delegate that only supports static-sized tensors with a graph that has dynamic-sized "
          "tensors.\nCompilation failed: Model failed in Tflite interpreter. Please ensure model can be loaded/run in Tflite "
          "interpreter.\n")
          .first,
      Failure::kModel);
  EXPECT_EQ(failure("Segmentation fault\n"), std::pair(Failure::kOther, std::string("Segmentation fault")));
  EXPECT_EQ(parse_compiler_log("").failure, Failure::kOther);
}

}  // namespace
}  // namespace atl::edgetpu
