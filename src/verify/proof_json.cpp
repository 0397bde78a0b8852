#include "verify/proof_json.h"

#include <cmath>

#include "verify/reference.h"

namespace atl {
namespace {

using Json = nlohmann::ordered_json;

Json number(double v) {
  if (std::isnan(v)) return "nan";
  if (std::isinf(v)) return v > 0 ? "inf" : "-inf";
  return v;
}

// Decibels to one tenth.
Json decibels(double v) { return std::isfinite(v) ? Json(std::round(v * 10) / 10) : number(v); }

// Three significant digits.
Json rounded(double v) {
  if (!std::isfinite(v) || v == 0) return number(v);
  return std::stod(fmt::format("{:.2e}", v));
}

Json to_json(const OutputCheck& o) {
  Json j{{"name", o.name}, {"type", to_string(o.type)}};
  j.update(to_json(o.comparison));
  if (o.rounding_rms) j["rounding_rms"] = rounded(*o.rounding_rms);
  return j;
}

Json to_json(const InputCheck& input, bool times) {
  Json j{{"kind", input.sample ? "sample" : "random"}};
  if (!input.sample) j["seed"] = input.seed;
  j["passed"] = input.passed();
  j["outputs"] = Json::array();
  for (const OutputCheck& o : input.outputs) j["outputs"].push_back(to_json(o));
  if (times) {
    j["source_seconds"] = input.source_seconds;
    j["file_seconds"] = input.file_seconds;
  }
  return j;
}

Json to_json(const ChangeCheck& c) {
  return {{"name", c.name},
          {"snr_db", decibels(c.comparison.snr_db())},
          {"rms_error", rounded(c.comparison.rms_error())},
          {"rounding_rms", rounded(c.rounding_rms)},
          {"passed", c.passed}};
}

}  // namespace

Json to_json(const Comparison& c) {
  Json j{{"snr_db", decibels(c.snr_db())}, {"max_error", rounded(c.max_error)}, {"max_reference", rounded(c.max_reference)},
         {"elements", c.elements},         {"differing", c.differing},          {"passed", c.passed}};
  if (c.misplaced > 0) j["misplaced"] = c.misplaced;
  if (!c.reason.empty()) j["reason"] = c.reason;
  return j;
}

Json to_json(const Origin& o) {
  Json j = Json::object();
  if (!o.module_path.empty()) j["module"] = o.module_path;
  if (!o.module_type.empty()) j["module_type"] = o.module_type;
  if (!o.source_op.empty()) j["source_op"] = o.source_op;
  if (!o.node.empty()) j["node"] = o.node;
  if (!o.file.empty()) j["file"] = o.file;
  if (o.line > 0) j["line"] = o.line;
  if (!o.text.empty()) j["text"] = o.text;
  return j;
}

Json to_json(const Departure& d) {
  Json j{{"cause", name(d.cause)}};
  if (!d.pass.empty()) j["pass"] = d.pass;
  if (!d.op.empty()) j["op"] = d.op;
  if (!d.tensor.empty()) j["tensor"] = d.tensor;
  if (d.operator_index >= 0) j["operator"] = d.operator_index;
  j["origin"] = to_json(d.origin);
  j["comparison"] = to_json(d.comparison);
  if (d.accumulated) j["accumulated"] = true;
  return j;
}

Json to_json(const Proof& p, bool times) {
  Json j{{"outcome", name(p.outcome)}};
  if (!p.reason.empty()) j["reason"] = p.reason;
  j["runtime"] = p.runtime;
  j["tolerance"] = {{"min_snr_db", p.tolerance.min_snr_db},
                    {"max_relative_error", p.tolerance.max_relative_error},
                    {"max_error_at_zero", p.tolerance.max_error_at_zero},
                    {"max_differing", p.tolerance.max_differing}};
  j["planned_inputs"] = p.planned_inputs;
  j["inputs"] = Json::array();
  for (const InputCheck& i : p.inputs) j["inputs"].push_back(to_json(i, times));
  j["changes"] = Json::array();
  for (const ChangeCheck& c : p.changes) j["changes"].push_back(to_json(c));
  if (p.departure) j["departure"] = to_json(*p.departure);
  if (!p.search_problem.empty()) j["search_problem"] = p.search_problem;
  if (!p.notes.empty()) j["notes"] = p.notes;
  if (times) j["seconds"] = p.seconds;
  return j;
}

Json to_json(const ReferenceReport& r) {
  Json j{{"passed", r.passed}, {"torch", r.torch_version}, {"python", r.python}, {"input", r.sample ? "sample" : "random"}};
  j["outputs"] = Json::array();
  for (const OutputCheck& o : r.outputs) j["outputs"].push_back(to_json(o));
  if (r.source_departs) j["source_departs"] = r.layers[*r.source_departs].value;
  if (r.file_departs) j["file_departs"] = r.layers[*r.file_departs].value;
  j["layers"] = Json::array();
  for (const LayerCheck& l : r.layers) {
    Json row{{"value", l.value}, {"origin", to_json(l.origin)}};
    if (l.source) row["source"] = to_json(*l.source);
    if (l.file) row["file"] = to_json(*l.file);
    j["layers"].push_back(std::move(row));
  }
  if (!r.notes.empty()) j["notes"] = r.notes;
  j["seconds"] = r.seconds;
  return j;
}

}  // namespace atl
