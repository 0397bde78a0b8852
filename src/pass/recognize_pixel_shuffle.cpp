// Finds the pixel shuffle that a decomposed program spells out.
//   reshape[N,C,H*r,W*r](transpose{0,1,4,2,5,3}(reshape[N,C,r,r,H,W](x)))  ->  depth_to_space{block=r}(x)
// Depends on canonicalize; must run before assign-layout, which moves the transpose.
#include "ops/shape.h"
#include "ops/spatial.h"
#include "pass/pass.h"

namespace atl {
namespace {

Result<bool> recognize(Rewrite& r) {
  const Graph& g = r.graph();
  if (!g.as<Reshape>(r.out()) || r.out_type().rank() != 4) return false;
  const auto* transpose = g.as<Transpose>(r.in(0));
  if (!transpose || transpose->perm != Perm{0, 1, 4, 2, 5, 3}) return false;
  const Value split = g[r.in(0)].in[0];
  if (!g.as<Reshape>(split)) return false;
  const Value x = g[split].in[0];
  const Shape &in = r.shape(x), &blocks = r.shape(split), &out = r.out_type().shape;
  if (in.size() != 4 || blocks.size() != 6) return false;
  const int64_t block = blocks[2];
  if (block < 2 || blocks[3] != block || in != Shape{blocks[0], blocks[1] * block * block, blocks[4], blocks[5]}) return false;
  if (out != Shape{blocks[0], blocks[1], blocks[4] * block, blocks[5] * block}) return false;
  DepthToSpace op;
  op.block = block;
  op.order = BlockOrder::kChannelFirst;
  op.layout = DataLayout::kChannelsFirst;
  return r.replace(r.add(op, {x}));
}

}  // namespace

Status recognize_pixel_shuffle(Graph& graph, PassContext& context) {
  return apply_to_fixpoint(graph, context, true, recognize);
}

}  // namespace atl
