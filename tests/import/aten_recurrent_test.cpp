#include "import/source_call_fixture.h"

namespace atl {
namespace {

// Expected values: torch 2.13.0 in double on the same operands.
TEST(AtenRecurrent, Lstm) {
  CallFixture c("aten.lstm.input");
  c.arg("input", wave({3, 2, 2}, 0));
  c.tensors("hx", {wave({1, 2, 3}, 1), wave({1, 2, 3}, 2)});
  c.tensors("params", {wave({12, 2}, 3), wave({12, 3}, 4), wave({12}, 5), wave({12}, 6)});
  c.arg("has_biases", true).arg("num_layers", int64_t(1)).arg("bidirectional", false).arg("batch_first", false);
  expect_values(
      c.run(0), {3, 2, 3},
      {0.010339424, 0.25096062, -0.30708202, -0.32598967, -0.028148632, -0.23391758, 0.063115082, -0.009787788, -0.52907618,
       -0.1153004, -0.69876629, -0.54974061, 0.086250441, -0.21915457, -0.73809519, -0.14218168, -0.05910235, -0.39231552});
  expect_values(c.run(1), {1, 2, 3}, {0.086250441, -0.21915457, -0.73809519, -0.14218168, -0.05910235, -0.39231552});
  expect_values(c.run(2), {1, 2, 3}, {0.31808137, -0.48221943, -1.4962743, -0.39664175, -1.1111984, -0.67444997});
}

TEST(AtenRecurrent, LstmBothWaysProjected) {
  CallFixture c("aten.lstm.input");
  c.arg("input", wave({2, 2, 2}, 0));
  c.tensors("hx", {wave({4, 2, 2}, 1), wave({4, 2, 3}, 2)});
  c.tensors("params", {wave({12, 2}, 3),  wave({12, 2}, 4),  wave({12}, 5),  wave({12}, 6),  wave({2, 3}, 7),
                       wave({12, 2}, 8),  wave({12, 2}, 9),  wave({12}, 10), wave({12}, 11), wave({2, 3}, 12),
                       wave({12, 4}, 13), wave({12, 2}, 14), wave({12}, 15), wave({12}, 16), wave({2, 3}, 17),
                       wave({12, 4}, 18), wave({12, 2}, 19), wave({12}, 20), wave({12}, 21), wave({2, 3}, 22)});
  c.arg("has_biases", true).arg("num_layers", int64_t(2)).arg("bidirectional", true).arg("batch_first", true);
  expect_values(c.run(0), {2, 2, 4},
                {-0.16827697, -0.028773427, -0.47484308, 0.54921653, -0.33333607, 0.10417565, -0.52450183, 0.23460893,
                 -0.54626259, 0.23369188, -0.3437333, 0.66400299, -0.34223668, 0.24423504, -0.46765592, 0.79127275});
  expect_values(c.run(1), {4, 2, 2},
                {-0.22937234, 0.35453171, -1.4578196, 0.94492861, 0.035204415, 0.12279696, -0.19627934, 0.069174548,
                 -0.33333607, 0.10417565, -0.34223668, 0.24423504, -0.47484308, 0.54921653, -0.3437333, 0.66400299});
  expect_values(c.run(2), {4, 2, 3},
                {0.70408984, 0.29042006, -0.57952123, -0.058439546, -1.5707214, -1.7618964,  0.39928247,  0.24772717,
                 0.72495987, 0.28435391, 0.44717577,  -1.1409958,   0.6024099,  0.056436652, 0.048227496, 0.53246086,
                 0.39241698, 0.46732222, -0.93679189, 0.59862946,   0.55148093, -0.93667931, 0.14629727,  0.59725848});
}

TEST(AtenRecurrent, LstmWithoutBias) {
  CallFixture c("aten.lstm.input");
  c.arg("input", wave({2, 1, 2}, 0));
  c.tensors("hx", {wave({1, 1, 3}, 1), wave({1, 1, 3}, 2)});
  c.tensors("params", {wave({12, 2}, 3), wave({12, 3}, 4)});
  c.arg("has_biases", false).arg("num_layers", int64_t(1)).arg("bidirectional", false).arg("batch_first", false);
  expect_values(c.run(0), {2, 1, 3}, {0.0066768885, 0.43006017, 0.39501405, -0.04560175, 0.1764738, 0.24471488});
  expect_values(c.run(1), {1, 1, 3}, {-0.04560175, 0.1764738, 0.24471488});
  expect_values(c.run(2), {1, 1, 3}, {-0.18506086, 0.91115782, 0.56977794});
}

TEST(AtenRecurrent, Gru) {
  CallFixture c("aten.gru.input");
  c.arg("input", wave({3, 2, 2}, 0));
  c.arg("hx", wave({1, 2, 3}, 1));
  c.tensors("params", {wave({9, 2}, 3), wave({9, 3}, 4), wave({9}, 5), wave({9}, 6)});
  c.arg("has_biases", true).arg("num_layers", int64_t(1)).arg("bidirectional", false).arg("batch_first", false);
  expect_values(
      c.run(0), {3, 2, 3},
      {0.40046815, 0.93252255, 0.48146572, 0.035025894, -0.3841282, -0.24604, 0.15881831, 0.82946909, 0.27974952, 0.34197734,
       -0.62813679, -0.33315932, 0.36159171, 0.61194977, 0.064235786, 0.31997817, -0.45286191, -0.17932739});
  expect_values(c.run(1), {1, 2, 3}, {0.36159171, 0.61194977, 0.064235786, 0.31997817, -0.45286191, -0.17932739});
}

TEST(AtenRecurrent, GruBothWays) {
  CallFixture c("aten.gru.input");
  c.arg("input", wave({2, 3, 2}, 0));
  c.arg("hx", wave({4, 2, 2}, 1));
  c.tensors("params", {wave({6, 2}, 3), wave({6, 2}, 4), wave({6}, 5), wave({6}, 6), wave({6, 2}, 7), wave({6, 2}, 8),
                       wave({6}, 9), wave({6}, 10), wave({6, 4}, 11), wave({6, 2}, 12), wave({6}, 13), wave({6}, 14),
                       wave({6, 4}, 15), wave({6, 2}, 16), wave({6}, 17), wave({6}, 18)});
  c.arg("has_biases", true).arg("num_layers", int64_t(2)).arg("bidirectional", true).arg("batch_first", true);
  expect_values(c.run(0), {2, 3, 4},
                {-0.39170448, 0.67123163, 0.60104715, -0.43534964,  -0.71988772, 0.42065763,  0.4584348,     -0.18121092,
                 -0.57088653, -0.0137401, 0.25248029, -0.018016931, 0.80176641,  -0.55359114, 0.33985721,    0.5547582,
                 0.49234575,  -0.7073224, 0.21023415, 0.48557794,   0.11239707,  -0.75790767, -0.0033884052, 0.45457427});
  expect_values(c.run(1), {4, 2, 2},
                {0.84752833, 0.92252065, 0.65618727, 0.35247622, 0.20560198, 0.58934938, -0.6845294, -0.42852235, -0.57088653,
                 -0.0137401, 0.11239707, -0.75790767, 0.60104715, -0.43534964, 0.33985721, 0.5547582});
}

TEST(AtenRecurrent, GruWithoutBias) {
  CallFixture c("aten.gru.input");
  c.arg("input", wave({2, 1, 2}, 0));
  c.arg("hx", wave({1, 1, 3}, 1));
  c.tensors("params", {wave({9, 2}, 3), wave({9, 3}, 4)});
  c.arg("has_biases", false).arg("num_layers", int64_t(1)).arg("bidirectional", false).arg("batch_first", false);
  expect_values(c.run(0), {2, 1, 3}, {-0.19596919, 0.94601346, 0.74836208, -0.50182462, 0.93856862, 0.88890245});
  expect_values(c.run(1), {1, 1, 3}, {-0.50182462, 0.93856862, 0.88890245});
}

TEST(AtenRecurrent, RnnTanhBothWays) {
  CallFixture c("aten.rnn_tanh.input");
  c.arg("input", wave({3, 2, 2}, 0));
  c.arg("hx", wave({2, 2, 2}, 1));
  c.tensors("params", {wave({2, 2}, 3), wave({2, 2}, 4), wave({2}, 5), wave({2}, 6), wave({2, 2}, 7), wave({2, 2}, 8),
                       wave({2}, 9), wave({2}, 10)});
  c.arg("has_biases", true).arg("num_layers", int64_t(1)).arg("bidirectional", true).arg("batch_first", false);
  expect_values(c.run(0), {3, 2, 4},
                {-0.99673553, -0.91752771, -0.64321616, -0.62137989, -0.9709944,  -0.98406878, -0.19010886, 0.4431275,
                 0.5827261,   0.66265376,  -0.94013512, -0.51013326, 0.70543935,  0.98720557,  -0.92404001, -0.97555691,
                 -0.98491886, -0.13095187, -0.94506398, -0.82319326, -0.99661685, -0.9840227,  0.15307071,  -0.13889767});
  expect_values(c.run(1), {2, 2, 2},
                {-0.98491886, -0.13095187, -0.99661685, -0.9840227, -0.64321616, -0.62137989, -0.19010886, 0.4431275});
}

TEST(AtenRecurrent, RnnRelu) {
  CallFixture c("aten.rnn_relu.input");
  c.arg("input", wave({3, 2, 2}, 0));
  c.arg("hx", wave({2, 2, 3}, 1));
  c.tensors("params", {wave({3, 2}, 3), wave({3, 3}, 4), wave({3}, 5), wave({3}, 6), wave({3, 3}, 7), wave({3, 3}, 8),
                       wave({3}, 9), wave({3}, 10)});
  c.arg("has_biases", true).arg("num_layers", int64_t(2)).arg("bidirectional", false).arg("batch_first", false);
  expect_values(c.run(0), {3, 2, 3},
                {0.96577174, 0, 0, 1.9339635, 0, 0, 3.3728222, 0, 0, 4.8914385, 0, 0, 7.1174789, 0, 0, 6.6981524, 0, 0});
  expect_values(c.run(1), {2, 2, 3}, {0, 1.9658589, 2.3050028, 0, 0.42899697, 1.8333148, 7.1174789, 0, 0, 6.6981524, 0, 0});
}

TEST(AtenRecurrent, PackedSequencesAreRefused) {
  CallFixture c("aten.lstm.data");
  EXPECT_EQ(c.build(), "aten.lstm.data: a packed sequence");
}

TEST(AtenRecurrent, LstmCell) {
  CallFixture c("aten.lstm_cell.default");
  c.arg("input", wave({2, 3}, 0)).tensors("hx", {wave({2, 2}, 1), wave({2, 2}, 2)});
  c.arg("w_ih", wave({8, 3}, 3)).arg("w_hh", wave({8, 2}, 4)).arg("b_ih", wave({8}, 5)).arg("b_hh", wave({8}, 6));
  expect_values(c.run(0), {2, 2}, {0.13923254, 0.24707711, -0.06616673, -0.082376196});
  expect_values(c.run(1), {2, 2}, {0.89648269, 0.47583122, -0.15901344, -0.66124912});
}

TEST(AtenRecurrent, GruCell) {
  CallFixture c("aten.gru_cell.default");
  c.arg("input", wave({2, 3}, 0)).arg("hx", wave({2, 2}, 1));
  c.arg("w_ih", wave({6, 3}, 3)).arg("w_hh", wave({6, 2}, 4)).arg("b_ih", wave({6}, 5)).arg("b_hh", wave({6}, 6));
  expect_values(c.run(), {2, 2}, {0.83889077, 0.98340233, 0.61038783, 0.099803384});
}

}  // namespace
}  // namespace atl
