#include "ir/rewrite.h"

namespace atl {

Values Builder::add_multi(OpPtr op, Values in, size_t results) {
  if (status_) {
    auto r = graph_.add(std::move(op), std::move(in), origin_);
    if (r) return *std::move(r);
    status_ = std::move(r.error());
  }
  return Values(results);
}

Value Builder::add(OpPtr op, Values in) { return add_multi(std::move(op), std::move(in), 1)[0]; }

Value Builder::constant(const Tensor& t, std::string name) { return constant(Constant::of(t, std::move(name))); }

Value Builder::constant(ConstantPtr c) { return status_ ? graph_.add_constant(std::move(c), origin_) : Value{}; }

Value Builder::scalar(double v, DType dtype) {
  Tensor t = Tensor::make(Type{DType::kF64, {}, {}});
  *t.mutable_data<double>() = v;
  return constant(cast(t, dtype));
}

Value Builder::vector_i32(const std::vector<int64_t>& v) { return constant(Tensor::of_i32(v)); }

const Type& Builder::type(Value v) const { return v.valid() ? graph_.type(v) : absent_type(); }

std::optional<Tensor> Builder::constant_value(Value v) {
  const Constant* c = graph_.constant(v);
  if (!c) return std::nullopt;
  auto t = c->materialize();
  if (!t) {
    fail(std::move(t.error()));
    return std::nullopt;
  }
  return *std::move(t);
}

std::optional<double> Builder::uniform_value(Value v) {
  const Constant* c = graph_.constant(v);
  if (!c || element_count(c->type().shape) > (1 << 20) || element_count(c->type().shape) == 0) return std::nullopt;
  const auto t = constant_value(v);
  if (!t) return std::nullopt;
  const double first = element_as_double(*t, 0);
  for (int64_t i = 1; i < t->count(); ++i)
    if (element_as_double(*t, i) != first) return std::nullopt;
  return first;
}

void Builder::fail(Error e) {
  if (status_) status_ = std::move(e).at(graph_.origin(origin_));
}

Result<bool> Rewrite::replace(Values with) {
  if (!status_) return std::move(status_.error());
  if (with.size() != node().out.size()) return error(Code::kInternal, "a rewrite gives another number of results");
  for (uint32_t i = 0; i < with.size(); ++i)
    if (with[i].valid()) TRY_STATUS(graph_.replace(out(i), with[i], first_new_));
  return true;
}

}  // namespace atl
