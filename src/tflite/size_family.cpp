#include "tflite/size_family.h"

#include <algorithm>

#include "tflite/emission_order.h"

namespace atl {
namespace {

constexpr size_t kNowhere = ~size_t{0};

std::string describe(const Graph& g, uint32_t id) {
  const OpDef& def = def_of(*g[id].op);
  return fmt::format("{} {{{}}}", def.name, def.print(*g[id].op));
}

Error other_form(const Origin& origin, std::string what) {
  return std::move(error(Code::kSymbolic, "the model has another form at other sizes: " + what)).at(origin);
}

}  // namespace

SizeFamily::SizeFamily(const Graph& only) : members_{&only}, orders_{emission_order(only)} {}

Result<SizeFamily> SizeFamily::match(const Graph& first, std::span<const Graph* const> others) {
  SizeFamily f;
  f.members_.push_back(&first);
  f.members_.insert(f.members_.end(), others.begin(), others.end());
  for (const Graph* g : f.members_) f.orders_.push_back(emission_order(*g));
  f.place_.assign(first.size(), kNowhere);
  for (size_t i = 0; i < f.orders_[0].size(); ++i) f.place_[f.orders_[0][i]] = i;
  TRY_STATUS(f.check());
  return f;
}

Value SizeFamily::value(size_t m, Value v) const {
  if (m == 0) return v;
  const Graph& g = first();
  if (!g.is(v, OpCode::kInput)) return {node(m, v.node), v.index};
  for (size_t i = 0; i < g.inputs().size(); ++i)
    if (g.inputs()[i].value == v) return members_[m]->inputs()[i].value;
  return {};
}

SizeVector SizeFamily::axis(Value v, size_t axis) const {
  SizeVector sizes;
  for (size_t m = 0; m < members_.size(); ++m) sizes.push_back(members_[m]->type(value(m, v)).shape[axis]);
  return sizes;
}

Type SizeFamily::open_type(Value v) const {
  Type t = first().type(v);
  for (size_t m = 1; m < members_.size(); ++m) {
    const Shape& other = members_[m]->type(value(m, v)).shape;
    for (size_t a = 0; a < t.shape.size(); ++a)
      if (other[a] != first().type(v).shape[a]) t.shape[a] = kDynamic;
  }
  return t;
}

Status SizeFamily::check_value(Value v, const Origin& origin) const {
  const Type& type = first().type(v);
  for (size_t m = 1; m < members_.size(); ++m) {
    const Type& other = members_[m]->type(value(m, v));
    if (other.dtype != type.dtype || other.rank() != type.rank())
      return other_form(origin, fmt::format("{} here, {} there", to_string(type), to_string(other)));
  }
  return {};
}

Status SizeFamily::check() const {
  const Graph& g = first();
  for (size_t m = 1; m < members_.size(); ++m) {
    const Graph& o = *members_[m];
    if (o.inputs().size() != g.inputs().size() || o.outputs().size() != g.outputs().size())
      return error(Code::kInternal, "members of a family have other inputs or outputs");
    const size_t count = std::min(orders_[0].size(), orders_[m].size());
    for (size_t i = 0; i < count; ++i) {
      const uint32_t a = orders_[0][i], b = orders_[m][i];
      if (g[a].op->code != o[b].op->code || g[a].in.size() != o[b].in.size() || g[a].out.size() != o[b].out.size())
        return other_form(g.origin(g[a].origin), fmt::format("{} here, {} there", describe(g, a), describe(o, b)));
      for (size_t k = 0; k < g[a].in.size(); ++k) {
        const Value x = g[a].in[k], y = o[b].in[k];
        const bool same = !x.valid() || !y.valid()         ? x.valid() == y.valid()
                          : g.constant(x) || o.constant(y) ? g.constant(x) && o.constant(y)
                                                           : y == value(m, x);
        if (!same)
          return other_form(g.origin(g[a].origin), fmt::format("operand {} of {} comes from another place", k, describe(g, a)));
      }
    }
    if (orders_[0].size() != orders_[m].size()) {
      const uint32_t at = orders_[0].size() > count ? orders_[0][count] : orders_[0].empty() ? 0 : orders_[0].back();
      return other_form(g.origin(g[at].origin),
                        fmt::format("{} operators here, {} there", orders_[0].size(), orders_[m].size()));
    }
    for (size_t i = 0; i < g.outputs().size(); ++i) {
      const Value x = g.outputs()[i].value, y = o.outputs()[i].value;
      if (g.constant(x) ? !o.constant(y) : y != value(m, x))
        return other_form(g.origin_of(x), fmt::format("output '{}' comes from another place", g.outputs()[i].name));
    }
  }
  for (const Port& p : g.inputs()) TRY_STATUS(check_value(p.value, Origin{}));
  for (const uint32_t id : order())
    for (uint32_t k = 0; k < g[id].out.size(); ++k) TRY_STATUS(check_value({id, k}, g.origin(g[id].origin)));
  return {};
}

}  // namespace atl
