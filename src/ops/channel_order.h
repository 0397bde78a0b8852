// The two orders of channel blocks: torch's (channel, row, column) and LiteRT's (row, column, channel).
#pragma once
#include "ir/rewrite.h"

namespace atl {

/// v with the channels along `axis` brought from torch's order into LiteRT's, for blocks of block x block. Free when v is
/// constant.
Value reorder_channels(Builder& b, Value v, size_t axis, int64_t block);

/// A value whose channels (along `axis`, blocks of block x block) can come in LiteRT's order at no cost: a convolution with
/// constant weights that is used once, perhaps behind elementwise ops with constants. Gives the reordered value, or an invalid
/// Value when the channels cannot be moved so.
Value absorb_channel_order(Builder& b, Value v, size_t axis, int64_t block);

/// True when only convolutions with constant weights and one group use v as their data: another order of its channels can move
/// into these weights (Conv2d's canonicalize does that).
bool feeds_convolutions(const Graph& graph, Value v);

/// reshape(transpose(reshape(x))) that moves blocks between channels and space, written out as in torch's decompositions of
/// pixel_shuffle and pixel_unshuffle: becomes DepthToSpace or SpaceToDepth where the channel order costs nothing. `r` is at the
/// last Reshape; true when it was replaced.
Result<bool> recognize_block_move(Rewrite& r);

/// Channel from[k] of x [N,H,W,C] as channel k of the result, every stride[i]-th pixel of the spatial axes: by a convolution of
/// one pixel with weights 0 and 1, which computes exactly that. For targets that have no other way to pick elements.
Value pick_channels(Builder& b, Value x, std::span<const int64_t> from, std::array<int64_t, 2> stride = {1, 1});

}  // namespace atl
