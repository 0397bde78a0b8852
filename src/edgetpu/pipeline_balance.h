// Where a model is cut into segments for a pipeline of devices.
#pragma once
#include "edgetpu/cost.h"

namespace atl::edgetpu {

/// The borders of `segments` parts of the model that take about as long, in execution order: 0, the first operator of each
/// further part, the number of operators. Of all ways to cut, one whose slowest part is fastest (predicted over USB 3, with
/// parameters that do not fit on the chip sent with each inference, and with what crosses the borders sent), and among those
/// one that sends the fewest bytes. Operators that do not run on the Edge TPU count as a rough time on a board's CPU. Method:
/// dynamic programming over all borders, exact for these costs. E: kUsage when there are fewer places to cut at; kSymbolic
/// where an open dimension leaves none.
Result<std::vector<size_t>> balance_pipeline(const SourceModel& model, Compiler compiler, size_t segments);

}  // namespace atl::edgetpu
