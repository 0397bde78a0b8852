#include "pass/layout_problem.h"

#include <algorithm>
#include <deque>
#include <set>

#include "ops/shape.h"
#include "pass/min_cut.h"

namespace atl {
namespace {

// More layouts than this are not considered for one node.
constexpr size_t kMaxChoices = 6;
// What one more operator counts, in bytes moved; a reshape moves nothing.
constexpr int64_t kTransposeOverhead = 4096;
constexpr int64_t kReshapeOverhead = 256;
// A layout that its op can only run after transposing by itself counts as moving its results twice.
constexpr int64_t kIllegalFactor = 2;
constexpr int kMaxRounds = 4;

Perm full(const Perm& p, size_t rank) { return p.empty() ? identity(rank) : p; }

}  // namespace

Perm channels_last(size_t rank) {
  Perm p = identity(rank);
  if (rank < 3) return p;
  for (size_t i = 1; i + 1 < rank; ++i) p[i] = int(i + 1);
  p[rank - 1] = 1;
  return p;
}

bool moves_only_ones(const Shape& from, const Perm& perm) {
  int last = -1;
  for (int axis : perm) {
    if (from[size_t(axis)] == 1) continue;
    if (axis < last) return false;
    last = axis;
  }
  return true;
}

LayoutProblem::LayoutProblem(const Graph& graph, InterfaceLayout interface_layout) : graph_(graph) {
  add_items(interface_layout);
  add_edges();
  propagate();
}

std::pair<Value, Perm> LayoutProblem::trace(Value v) const {
  Perm perm = identity(graph_.type(v).rank());
  while (const Transpose* t = graph_.as<Transpose>(v)) {
    perm = compose(t->perm, perm);
    v = graph_[v].in[0];
  }
  return {v, perm};
}

void LayoutProblem::add_items(InterfaceLayout interface_layout) {
  item_of_node_.assign(graph_.size(), -1);
  const auto may_change = [&](size_t rank) { return interface_layout == InterfaceLayout::kNhwc && rank >= 4 && rank <= 5; };
  const auto is_state = [&](uint32_t id) {
    return std::any_of(graph_.states().begin(), graph_.states().end(),
                       [&](const State& s) { return graph_.inputs()[s.input].value.node == id; });
  };
  for (uint32_t id : graph_.topological_order()) {
    const Node& n = graph_[id];
    if (n.op->code == OpCode::kConst || n.op->code == OpCode::kTranspose) continue;
    Item item;
    item.node = id;
    item_of_node_[id] = int(items_.size());
    items_.push_back(std::move(item));
    const int index = int(items_.size()) - 1;
    const OpDef& def = def_of(*n.op);
    const size_t rank = n.out.empty() ? 0 : n.out[0].rank();
    if (def.layout == Layout::kFixed) {
      const Types types = graph_.types(n.in);
      if (find_or_add(index, def.permuted(*n.op, types, kResult, channels_last(rank))) >= 0) continue;
    }
    LayoutChoice as_is{n.op, std::vector<Perm>(n.in.size()), {}};
    find_or_add(index, std::move(as_is));
    if (n.op->code == OpCode::kInput && may_change(rank) && !is_state(id))
      find_or_add(index, LayoutChoice{n.op, {}, channels_last(rank)});
  }
  for (size_t port = 0; port < graph_.outputs().size(); ++port) {
    Item item;
    item.output_port = int(port);
    item_of_output_.push_back(int(items_.size()));
    items_.push_back(std::move(item));
    const size_t rank = graph_.type(graph_.outputs()[port].value).rank();
    find_or_add(item_of_output_.back(), LayoutChoice{nullptr, {Perm{}}, {}});
    if (may_change(rank) && !graph_.is_state_output(port))
      find_or_add(item_of_output_.back(), LayoutChoice{nullptr, {channels_last(rank)}, {}});
  }
}

void LayoutProblem::add_edges() {
  edges_out_.resize(items_.size());
  edges_in_.resize(items_.size());
  const auto add = [&](int user, uint32_t operand, Value v) {
    if (!v.valid()) return;
    auto [source, perm] = trace(v);
    const int maker = item_of_node_[source.node];
    if (maker < 0) return;  // a constant
    edges_out_[size_t(maker)].push_back(int(edges_.size()));
    edges_in_[size_t(user)].push_back(int(edges_.size()));
    edges_.push_back({maker, user, operand, source, std::move(perm)});
  };
  for (size_t i = 0; i < items_.size(); ++i) {
    if (items_[i].output_port >= 0) {
      add(int(i), 0, graph_.outputs()[size_t(items_[i].output_port)].value);
      continue;
    }
    const Values& in = graph_[items_[i].node].in;
    for (uint32_t k = 0; k < in.size(); ++k) add(int(i), k, in[k]);
  }
}

int LayoutProblem::find_or_add(int index, std::optional<LayoutChoice> choice) {
  if (!choice) return -1;
  Item& item = items_[size_t(index)];
  if (item.output_port < 0) {
    const Node& n = graph_[item.node];
    choice->in.resize(n.in.size());
    for (size_t i = 0; i < n.in.size(); ++i)
      if (n.in[i].valid()) choice->in[i] = full(choice->in[i], graph_.type(n.in[i]).rank());
    const size_t rank = n.out.empty() ? 0 : n.out[0].rank();
    choice->out = full(choice->out, rank);
    // Results of several ranks keep their layouts: an empty permutation stands for that.
    if (std::any_of(n.out.begin(), n.out.end(), [&](const Type& t) { return t.rank() != rank; })) {
      if (!is_identity(choice->out)) return -1;
      choice->out.clear();
    }
  } else {
    choice->in[0] = full(choice->in[0], graph_.type(graph_.outputs()[size_t(item.output_port)].value).rank());
  }
  for (size_t i = 0; i < item.choices.size(); ++i)
    if (item.choices[i].in == choice->in && item.choices[i].out == choice->out) return int(i);
  if (item.choices.size() >= kMaxChoices) return -1;
  int64_t cost = 0;
  if (item.output_port < 0 && choice->op) {
    const Node& n = graph_[item.node];
    const OpDef& def = def_of(*choice->op);
    Types types;
    for (size_t i = 0; i < n.in.size(); ++i) {
      Type t = n.in[i].valid() ? graph_.type(n.in[i]) : absent_type();
      t.shape = permuted(t.shape, full(choice->in[i], t.rank()));
      types.push_back(std::move(t));
    }
    if (n.op->code != OpCode::kInput) {
      const auto out = def.infer(*choice->op, types);
      if (!out || out->size() != n.out.size()) return -1;
      for (size_t i = 0; i < out->size(); ++i) {
        if ((*out)[i].shape != permuted(n.out[i].shape, full(choice->out, n.out[i].rank()))) return -1;
        if (!def.legal(*choice->op, types)) cost += kIllegalFactor * int64_t(*byte_size(n.out[i])) + kTransposeOverhead;
      }
    }
  }
  item.choices.push_back(std::move(*choice));
  item.choice_cost.push_back(cost);
  return int(item.choices.size()) - 1;
}

Perm LayoutProblem::wanted(const Edge& e, size_t choice) const {
  return compose(e.perm, items_[size_t(e.user)].choices[choice].in[e.operand]);
}

Perm LayoutProblem::made(const Edge& e, size_t choice) const {
  return full(items_[size_t(e.maker)].choices[choice].out, graph_.type(e.source).rank());
}

int LayoutProblem::choice_for_operand(int index, uint32_t operand, const Perm& layout) {
  const Item& item = items_[size_t(index)];
  for (size_t i = 0; i < item.choices.size(); ++i)
    if (item.choices[i].in[operand] == layout) return int(i);
  if (item.output_port >= 0) return -1;
  const Node& n = graph_[item.node];
  const OpDef& def = def_of(*n.op);
  if (def.layout == Layout::kFixed || def.layout == Layout::kOpaque || n.op->code == OpCode::kInput) return -1;
  const Types types = graph_.types(n.in);
  return find_or_add(index, def.permuted(*n.op, types, int(operand), layout));
}

int LayoutProblem::choice_for_result(const Edge& edge, const Perm& layout) {
  const int index = edge.maker;
  const Item& item = items_[size_t(index)];
  for (size_t i = 0; i < item.choices.size(); ++i)
    if (made(edge, i) == layout) return int(i);
  const Node& n = graph_[item.node];
  const OpDef& def = def_of(*n.op);
  if (def.layout == Layout::kFixed || def.layout == Layout::kOpaque || n.op->code == OpCode::kInput) return -1;
  const Types types = graph_.types(n.in);
  return find_or_add(index, def.permuted(*n.op, types, kResult, layout));
}

// Lets every layout that a neighbour uses be considered, outwards from the ops that have no choice.
void LayoutProblem::propagate() {
  std::deque<std::pair<int, size_t>> work;
  const auto seed = [&](bool fixed) {
    for (size_t i = 0; i < items_.size(); ++i) {
      const bool is_fixed = items_[i].output_port < 0 && def_of(*graph_[items_[i].node].op).layout == Layout::kFixed;
      if (is_fixed != fixed) continue;
      for (size_t c = 0; c < items_[i].choices.size(); ++c) work.push_back({int(i), c});
    }
  };
  const auto visit_neighbour = [&](int item, size_t before, int choice) {
    if (choice >= 0 && size_t(choice) >= before) work.push_back({item, size_t(choice)});
  };
  const auto drain = [&] {
    while (!work.empty()) {
      const auto [item, choice] = work.front();
      work.pop_front();
      for (int e : edges_out_[size_t(item)]) {
        const Edge& edge = edges_[size_t(e)];
        const Perm layout = compose(inverse(edge.perm), made(edge, choice));
        const size_t before = items_[size_t(edge.user)].choices.size();
        visit_neighbour(edge.user, before, choice_for_operand(edge.user, edge.operand, layout));
      }
      for (int e : edges_in_[size_t(item)]) {
        const Edge& edge = edges_[size_t(e)];
        const size_t before = items_[size_t(edge.maker)].choices.size();
        visit_neighbour(edge.maker, before, choice_for_result(edge, wanted(edge, choice)));
      }
    }
  };
  seed(true);
  drain();
  seed(false);
  drain();
}

int64_t LayoutProblem::move_cost(const Type& type, const Perm& from, const Perm& to) const {
  if (from == to) return 0;
  const Perm perm = compose(inverse(from), to);
  if (moves_only_ones(permuted(type.shape, from), perm)) return kReshapeOverhead;
  const auto bytes = byte_size(type);
  return kTransposeOverhead + (bytes ? int64_t(*bytes) : 0);
}

// Bytes moved between one item and its users; a transposed copy serves all users that want it.
int64_t LayoutProblem::maker_cost(int item) const {
  const Item& maker = items_[size_t(item)];
  int64_t total = maker.choice_cost[maker.chosen];
  std::set<std::pair<uint32_t, Perm>> copies;
  for (int e : edges_out_[size_t(item)]) {
    const Edge& edge = edges_[size_t(e)];
    Perm want = wanted(edge, items_[size_t(edge.user)].chosen);
    const Perm have = made(edge, maker.chosen);
    if (want == have || !copies.insert({edge.source.index, want}).second) continue;
    total += move_cost(graph_.type(edge.source), have, want);
  }
  return total;
}

int64_t LayoutProblem::cost() const {
  int64_t total = 0;
  for (size_t i = 0; i < items_.size(); ++i) total += maker_cost(int(i));
  return total;
}

int64_t LayoutProblem::local_cost(const std::vector<int>& items) const {
  int64_t total = 0;
  for (int i : items) total += maker_cost(i);
  return total;
}

// Every item that can follow one choice without a transpose between, and the choice that follows.
LayoutProblem::Family LayoutProblem::family_of(int item, size_t choice) const {
  Family family{{item, choice}};
  std::deque<int> work{item};
  const auto follow = [&](int next, auto matches) {
    if (family.count(next)) return;
    for (size_t c = 0; c < items_[size_t(next)].choices.size(); ++c) {
      if (!matches(c)) continue;
      family.emplace(next, c);
      work.push_back(next);
      return;
    }
  };
  while (!work.empty()) {
    const int at = work.front();
    work.pop_front();
    const size_t c = family.at(at);
    for (int e : edges_out_[size_t(at)]) {
      const Edge& edge = edges_[size_t(e)];
      const Perm layout = compose(inverse(edge.perm), made(edge, c));
      follow(edge.user, [&](size_t k) { return items_[size_t(edge.user)].choices[k].in[edge.operand] == layout; });
    }
    for (int e : edges_in_[size_t(at)]) {
      const Edge& edge = edges_[size_t(e)];
      const Perm layout = wanted(edge, c);
      follow(edge.maker, [&](size_t k) { return made(edge, k) == layout; });
    }
  }
  return family;
}

// One move: every item of the family either keeps its choice or takes the family's, whichever a minimum cut says.
bool LayoutProblem::improve(const Family& family) {
  std::vector<int> members;
  for (const auto& [item, choice] : family)
    if (items_[size_t(item)].chosen != choice) members.push_back(item);
  if (members.empty()) return false;
  std::map<int, int> node_of;
  for (size_t i = 0; i < members.size(); ++i) node_of[members[i]] = int(i) + 2;
  MinCut cut(int(members.size()) + 2, 0, 1);  // 0: keep, 1: take the family's choice
  std::set<int> touched(members.begin(), members.end());
  for (int m : members) {
    const Item& item = items_[size_t(m)];
    cut.add_arc(0, node_of[m], item.choice_cost[family.at(m)]);
    cut.add_arc(node_of[m], 1, item.choice_cost[item.chosen]);
    for (int e : edges_in_[size_t(m)]) touched.insert(edges_[size_t(e)].maker);
  }
  // Users of one value that agree before and after the move share its transposed copy: one pair of auxiliary nodes for them.
  for (int maker : touched) {
    const Item& from = items_[size_t(maker)];
    const auto maker_node = node_of.find(maker);
    const bool maker_moves = maker_node != node_of.end();
    struct Group {
      std::vector<int> users;
      int64_t keep_keep, keep_take, take_keep, take_take;
    };
    std::map<std::tuple<uint32_t, Perm, Perm>, Group> groups;
    for (int e : edges_out_[size_t(maker)]) {
      const Edge& edge = edges_[size_t(e)];
      const Item& user = items_[size_t(edge.user)];
      const bool user_moves = node_of.count(edge.user) > 0;
      if (!maker_moves && !user_moves) continue;
      const Type& type = graph_.type(edge.source);
      const Perm have = made(edge, from.chosen), want = wanted(edge, user.chosen);
      const Perm have2 = maker_moves ? made(edge, family.at(maker)) : have;
      const Perm want2 = user_moves ? wanted(edge, family.at(edge.user)) : want;
      Group& g = groups[{edge.source.index, want, want2}];
      g.keep_keep = move_cost(type, have, want);
      g.keep_take = move_cost(type, have, want2);
      g.take_keep = move_cost(type, have2, want);
      g.take_take = move_cost(type, have2, want2);
      g.users.push_back(user_moves ? node_of[edge.user] : -1);
    }
    const int m = maker_moves ? maker_node->second : -1;
    for (const auto& [key, g] : groups) {
      const bool users_matter = std::get<1>(key) != std::get<2>(key);
      if (!users_matter) {  // only the maker's choice makes a difference
        if (m < 0) continue;
        cut.add_arc(0, m, g.take_keep);
        cut.add_arc(m, 1, g.keep_keep);
        continue;
      }
      const int keeps = cut.add_node(), takes = cut.add_node();
      for (int u : g.users) cut.add_arc(takes, u, MinCut::kInfinite);
      for (int u : g.users) cut.add_arc(u, keeps, MinCut::kInfinite);
      if (m < 0) {
        cut.add_arc(0, takes, g.keep_take);
        cut.add_arc(keeps, 1, g.keep_keep);
        continue;
      }
      cut.add_arc(m, takes, g.keep_take);
      cut.add_arc(keeps, m, g.take_keep);
      cut.add_arc(0, m, g.take_take);
      cut.add_arc(m, 1, g.keep_keep);
    }
  }
  cut.solve();
  const std::vector<int> affected(touched.begin(), touched.end());
  const int64_t before = local_cost(affected);
  std::vector<size_t> old;
  bool any = false;
  for (int m : members) {
    old.push_back(items_[size_t(m)].chosen);
    if (cut.side(node_of[m])) continue;
    items_[size_t(m)].chosen = family.at(m);
    any = true;
  }
  if (any && local_cost(affected) < before) return true;
  // The cut is an estimate where more than two layouts meet: the whole family at once is tried as well.
  for (size_t i = 0; i < members.size(); ++i) items_[size_t(members[i])].chosen = family.at(members[i]);
  if (local_cost(affected) < before) return true;
  for (size_t i = 0; i < members.size(); ++i) items_[size_t(members[i])].chosen = old[i];
  return false;
}

void LayoutProblem::solve() {
  std::vector<Family> families;
  std::vector<std::vector<bool>> covered(items_.size());
  for (size_t i = 0; i < items_.size(); ++i) covered[i].assign(items_[i].choices.size(), false);
  for (size_t i = 0; i < items_.size(); ++i)
    for (size_t c = 0; c < items_[i].choices.size(); ++c) {
      if (covered[i][c]) continue;
      Family f = family_of(int(i), c);
      for (const auto& [item, choice] : f) covered[size_t(item)][choice] = true;
      families.push_back(std::move(f));
    }
  for (int round = 0; round < kMaxRounds; ++round) {
    bool improved = false;
    for (const Family& f : families) improved |= improve(f);
    if (!improved) break;
  }
}

const LayoutChoice& LayoutProblem::choice_of(uint32_t node) const {
  const Item& item = items_[size_t(item_of_node_[node])];
  return item.choices[item.chosen];
}

const LayoutChoice& LayoutProblem::choice_of_output(size_t port) const {
  const Item& item = items_[size_t(item_of_output_[port])];
  return item.choices[item.chosen];
}

}  // namespace atl
