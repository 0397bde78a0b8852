// Programs with complex numbers and Fourier transforms against what PyTorch answered (scripts/fixtures/complex_numbers.py): as
// imported, after all passes, and in LiteRT.
#include "verify/evaluate.h"
#include "verify/recorded_program.h"

namespace atl {
namespace {

void expect_close(const Tensors& got, const Tensors& want) {
  ASSERT_EQ(got.size(), want.size());
  const Tolerance rounded{.min_snr_db = 110, .max_relative_error = 1e-5, .max_error_at_zero = 1e-5, .max_differing = 0};
  for (size_t i = 0; i < want.size(); ++i) {
    ASSERT_EQ(to_string(got[i].type()), to_string(want[i].type())) << "output " << i;
    const Comparison c = compare(want[i], got[i], rounded, false);
    EXPECT_TRUE(c.passed) << "output " << i << ": " << c.reason;
  }
}

class ComplexNumbers : public LiteRtTest, public testing::WithParamInterface<const char*> {};

TEST_P(ComplexNumbers, GiveTorchsAnswers) {
  const Recorded r = recorded(GetParam(), "complex_numbers");
  ASSERT_EQ(r.inputs.size(), 1u);
  {
    SCOPED_TRACE("as imported");
    const auto got = evaluate(r.graph, r.inputs[0]);
    ASSERT_TRUE(got) << format(got.error());
    expect_close(got->outputs, r.outputs[0]);
  }
  const Graph after = after_passes(r.graph, {.verify_each = true});
  {
    SCOPED_TRACE("after all passes");
    const auto got = evaluate(after, r.inputs[0]);
    ASSERT_TRUE(got) << format(got.error());
    expect_close(got->outputs, r.outputs[0]);
  }
  const auto bytes = file_of(after);
  auto written =
      WrittenModel::load(library_, {.bytes = bytes}, r.graph, {}, {.threads = 1, .kernel_mode = KernelMode::kDelegate});
  ASSERT_TRUE(written) << format(written.error());
  const auto got = written->run(r.inputs[0]);
  ASSERT_TRUE(got) << format(got.error());
  SCOPED_TRACE("in LiteRT");
  expect_close(*got, r.outputs[0]);
}

INSTANTIATE_TEST_SUITE_P(Programs, ComplexNumbers,
                         testing::Values("transforms", "several_axes", "several_axes_core", "long_axes", "neural_operator",
                                         "neural_operator_core", "global_filter", "rotary", "arithmetic", "short_time",
                                         "windows"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace atl
