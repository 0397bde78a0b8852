// Inputs and constants. Graph adds them with their types; they are never inferred, evaluated or written as operators.
#include "ir/basic_ops.h"
#include "ir/tflite_op.h"

namespace atl {
namespace {

template <class O>
struct LeafFacts {
  static constexpr Layout layout = Layout::kAny;
  static constexpr Quant quant = Quant::kRequant;

  static Error no_operator() {
    return error(Code::kInternal, "an input or constant is not an operator; its graph holds its value");
  }
  static Result<Types> infer(const O&, TypesIn) { return no_operator(); }
  static Result<Tensors> eval(const O&, TensorsIn) { return no_operator(); }
  static std::optional<LayoutChoice> permuted(const O& o, TypesIn, int, const Perm& p) {
    return LayoutChoice{make_op(o), {}, p};
  }
  static Status legal(const O&, TypesIn) { return {}; }
  static Result<TfliteOp> emit(const O&, TypesIn) { return no_operator(); }
  static std::vector<Sample> samples() { return {}; }
};

struct InputFacts : LeafFacts<Input> {
  static constexpr std::string_view name = "input";
  static constexpr std::string_view summary = "an input of the graph";
};
struct ConstFacts : LeafFacts<Const> {
  static constexpr std::string_view name = "const";
  static constexpr std::string_view summary = "a constant: a weight or a number";
};

}  // namespace
DEFINE_OP(Input, InputFacts)
DEFINE_OP(Const, ConstFacts)
}  // namespace atl
