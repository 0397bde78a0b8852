// Recorded programs: fixtures of scripts/fixtures/control_flow.py and complex_numbers.py with what PyTorch answered.
#pragma once
#include <algorithm>

#include "import/importer.h"
#include "read/program.h"
#include "run/tensor_file.h"
#include "verify/comparison.h"
#include "verify/sample_nets.h"
#include "verify/written_model.h"

namespace atl {

/// A fixture: the program, and sets of inputs with torch's outputs.
struct Recorded {
  Graph graph;
  std::vector<std::optional<Tensor>> samples;
  std::vector<Tensors> inputs, outputs;
};

inline Tensors array_set(const std::vector<NamedArray>& arrays, const std::string& prefix) {
  Tensors out;
  for (size_t i = 0;; ++i) {
    const auto it =
        std::find_if(arrays.begin(), arrays.end(), [&](const NamedArray& a) { return a.name == prefix + std::to_string(i); });
    if (it == arrays.end()) return out;
    out.push_back(tensor_of(it->array));
  }
}

inline Recorded recorded(const std::string& name, const std::string& folder = "control_flow") {
  const std::string stem = ATOLL_SOURCE_DIR "/tests/verify/fixtures/" + folder + "/" + name;
  Recorded r;
  auto file = MappedFile::open(stem + ".pt2");
  if (!file) ADD_FAILURE() << format(file.error());
  auto program = file ? read_program(*file) : Result<SourceProgram>(file.error());
  auto imported = program ? import_program(*program) : Result<ImportedProgram>(program.error());
  if (!imported) {
    ADD_FAILURE() << format(imported.error());
    return r;
  }
  r.graph = std::move(imported->graph);
  r.samples = std::move(imported->samples);
  const auto arrays = read_tensor_file(stem + ".npz");
  if (!arrays) {
    ADD_FAILURE() << format(arrays.error());
    return r;
  }
  for (size_t k = 0;; ++k) {
    Tensors in = array_set(*arrays, fmt::format("in{}_", k)), out = array_set(*arrays, fmt::format("out{}_", k));
    if (in.empty()) return r;
    r.inputs.push_back(std::move(in));
    r.outputs.push_back(std::move(out));
  }
}

inline void expect_equal(const Tensors& got, const Tensors& want) {
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < want.size(); ++i) {
    ASSERT_EQ(to_string(got[i].type()), to_string(want[i].type()));
    const Tolerance exact{.min_snr_db = 1000, .max_relative_error = 0, .max_error_at_zero = 0, .max_differing = 0};
    const Tolerance rounded{.min_snr_db = 110, .max_relative_error = 2e-6, .max_error_at_zero = 1e-6, .max_differing = 0};
    const Comparison c = compare(want[i], got[i], is_float(want[i].dtype()) ? rounded : exact, false);
    EXPECT_TRUE(c.passed) << "output " << i << ": " << c.reason;
  }
}

}  // namespace atl
