// Attention, fused in torch and undecomposed in a program.
#include "import/aten.h"
#include "import/attention.h"
#include "import/product.h"
#include "ops/activation.h"

namespace atl {
namespace {

// All overloads: the mask is attn_mask or attn_bias; logsumexp, random state and debug results are not computed.
void import_attention(SourceCall& c) {
  const Value q = c.tensor("query"), k = c.tensor("key"), v = c.tensor("value");
  if (c.failed()) return;
  if (c.number("dropout_p", 0) != 0)
    return c.unsupported("dropout inside attention", "call model.eval(), or pass dropout_p=0.0 when not self.training");
  Attention o;
  o.mask = c.has("attn_mask") ? c.tensor("attn_mask") : c.optional_tensor("attn_bias");
  o.causal = c.boolean("is_causal");
  o.grouped = c.boolean("enable_gqa");
  if (c.has("scale")) o.scale = c.number("scale");
  if (o.causal && o.mask.valid()) return c.unsupported("a mask together with is_causal", "put the causal mask into the mask");
  const bool with_weights = c.target().find("_attention_math") != std::string_view::npos;
  Value weights;
  if (with_weights) o.weights = &weights;
  const Value y = attention(c, q, k, v, o);
  c.results(with_weights ? Values{y, weights} : Values{y});
}

struct HeadWeights {
  Value qkv_weight, qkv_bias, out_weight, out_bias;
};

/// x [B, T, E] -> [B, heads, T, E / heads].
Value split_heads(Builder& b, Value x, int64_t heads) {
  const Shape s = b.shape(x);
  return b.add(Transpose({0, 2, 1, 3}), {reshape(b, x, {s[0], s[1], heads, s[2] / heads})});
}

/// Multi-head attention of torch's own fast path: one matrix for query, key and value (rows in this order).
Value multi_head(SourceCall& c, Value q, Value k, Value v, const HeadWeights& w, int64_t heads, const Attention& o) {
  const int64_t width = c.rank(q) == 3 ? c.shape(q)[2] : 0;
  if (heads < 1 || width == 0 || width % heads != 0 || c.rank(k) != 3 || c.rank(v) != 3) {
    c.unsupported(fmt::format("{} heads for {}", heads, to_string(c.shape(q))));
    return {};
  }
  auto part = [&](Value x, int64_t i) {
    const Value weight = slice(c, w.qkv_weight, 0, i * width, width), bias = slice(c, w.qkv_bias, 0, i * width, width);
    return split_heads(c, fully_connected(c, x, weight, bias), heads);
  };
  Value y = attention(c, part(q, 0), part(k, 1), part(v, 2), o);
  if (c.failed()) return {};
  y = reshape(c, transpose(c, y, {0, 2, 1, 3}), c.shape(q));
  return fully_connected(c, y, w.out_weight, w.out_bias);
}

/// torch's masks here are true where attention is closed; as an additive mask beside scores [B, heads, T, S].
Value closed_mask(SourceCall& c, Value mask, int64_t type) {
  if (!mask.valid() || c.dtype(mask) != DType::kBool) return mask;
  const Value open = unary(c, UnaryKind::kLogicalNot, mask);
  const Shape s = c.shape(mask);
  // 1: padding [B, S]; 0: source [T, S]; 2: both, [B, heads, T, S].
  return type == 1 && s.size() == 2 ? reshape(c, open, {s[0], 1, 1, s[1]}) : open;
}

void import_multi_head(SourceCall& c) {
  const Value q = c.tensor("query"), k = c.tensor("key"), v = c.tensor("value");
  const HeadWeights w{c.tensor("qkv_weight"), c.tensor("qkv_bias"), c.tensor("proj_weight"), c.tensor("proj_bias")};
  if (c.failed()) return;
  Attention o;
  o.mask = closed_mask(c, c.optional_tensor("mask"), c.integer("mask_type", 0));
  Value weights;
  const bool needed = c.boolean("need_weights", true);
  if (needed) o.weights = &weights;
  const Value y = multi_head(c, q, k, v, w, c.integer("num_head"), o);
  if (c.failed()) return;
  if (needed && c.boolean("average_attn_weights", true)) weights = reduce(c, ReduceKind::kMean, weights, {1}, false);
  c.results({y, weights});
}

Value layer_norm(SourceCall& c, Value x, Value weight, Value bias) {
  const std::vector<int64_t> last{int64_t(c.rank(x)) - 1};
  const Value centered = sub(c, x, reduce(c, ReduceKind::kMean, x, last, true));
  const Value variance = reduce(c, ReduceKind::kMean, mul(c, centered, centered), last, true);
  const Value y = mul(c, centered, unary(c, UnaryKind::kRsqrt, binary(c, BinaryKind::kAdd, variance, c.number("eps"))));
  return add(c, mul(c, y, weight), bias);
}

// The fused fast path of torch.nn.TransformerEncoderLayer.
void import_encoder_layer(SourceCall& c) {
  const Value x = c.tensor("src");
  const HeadWeights w{c.tensor("qkv_weight"), c.tensor("qkv_bias"), c.tensor("proj_weight"), c.tensor("proj_bias")};
  if (c.failed()) return;
  Attention o;
  o.mask = closed_mask(c, c.optional_tensor("mask"), c.integer("mask_type", 0));
  const int64_t heads = c.integer("num_heads");
  const bool norm_first = c.boolean("norm_first");
  auto attend = [&](Value v) { return multi_head(c, v, v, v, w, heads, o); };
  auto feed_forward = [&](Value v) {
    const Value hidden = fully_connected(c, v, c.tensor("ffn_weight_1"), c.tensor("ffn_bias_1"));
    const Value active = c.boolean("use_gelu") ? c.add(Gelu(false), {hidden}) : unary(c, UnaryKind::kRelu, hidden);
    return fully_connected(c, active, c.tensor("ffn_weight_2"), c.tensor("ffn_bias_2"));
  };
  auto norm = [&](Value v, int i) {
    return layer_norm(c, v, c.tensor(fmt::format("norm_weight_{}", i)), c.tensor(fmt::format("norm_bias_{}", i)));
  };
  if (norm_first) {
    const Value y = add(c, x, attend(norm(x, 1)));
    c.result(add(c, y, feed_forward(norm(y, 2))));
  } else {
    const Value y = norm(add(c, x, attend(x)), 1);
    c.result(norm(add(c, y, feed_forward(y)), 2));
  }
}

constexpr Import kImports[] = {
    {"aten.scaled_dot_product_attention.default", import_attention},
    {"aten._scaled_dot_product_flash_attention_for_cpu.default", import_attention},
    {"aten._scaled_dot_product_flash_attention.default", import_attention},
    {"aten._scaled_dot_product_efficient_attention.default", import_attention},
    {"aten._scaled_dot_product_cudnn_attention.default", import_attention},
    {"aten._scaled_dot_product_fused_attention_overrideable.default", import_attention},
    {"aten._scaled_dot_product_attention_math.default", import_attention},
    {"aten._scaled_dot_product_attention_math_for_mps.default", import_attention},
    {"aten._native_multi_head_attention.default", import_multi_head},
    {"aten._transformer_encoder_layer_fwd.default", import_encoder_layer},
};

}  // namespace

std::span<const Import> aten_attention() { return kImports; }

}  // namespace atl
