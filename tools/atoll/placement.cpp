#include "placement.h"

#include "terminal.h"

namespace atl::cli {
namespace {

double mac_share(const PlaceReport& r) { return r.macs ? double(r.mapped_macs) / double(r.macs) : 1; }

}  // namespace

void print_placement_summary(const PlaceReport& r) {
  const bool whole = r.mapped == r.total;
  fmt::print("  {}: {} of {} operators, {:.1f} % of multiplications, as compiler {} would place them\n",
             styled("Edge TPU", whole ? Style::kGreen : Style::kYellow, stdout), r.mapped, r.total, 100 * mac_share(r),
             r.compiler);
  fmt::print(
      "  {} of parameters on the chip, {} streamed; about {:.2f} ms over USB 3 (+-{:.0f} %), {:.2f} ms over PCIe (+-{:.0f} "
      "%)\n",
      human_bytes(double(r.on_chip_bytes)), human_bytes(double(r.streamed_bytes)), r.usb3_ms, 100 * r.latency_error, r.pcie_ms,
      100 * r.pcie_error);
  if (!r.first_blocker) return;
  const PlacedOp& op = r.ops[*r.first_blocker];
  fmt::print("  first on the CPU: {} {}: {}{}\n", op.layer, op.op, op.reason, op.change.empty() ? "" : "; " + op.change);
}

nlohmann::ordered_json latency_json(const PlaceReport& r) {
  return {{"usb3", r.usb3_ms},
          {"usb2", r.usb2_ms},
          {"pcie", r.pcie_ms},
          {"relative_error", r.latency_error},
          {"pcie_relative_error", r.pcie_error}};
}

nlohmann::ordered_json placement_summary_json(const PlaceReport& r) {
  nlohmann::ordered_json j{{"compiler", r.compiler},
                           {"mapped", r.mapped},
                           {"total", r.total},
                           {"mac_share", mac_share(r)},
                           {"on_chip_bytes", r.on_chip_bytes},
                           {"streamed_bytes", r.streamed_bytes},
                           {"latency_ms", latency_json(r)}};
  if (r.first_blocker) {
    const PlacedOp& op = r.ops[*r.first_blocker];
    j["first_blocker"] = {
        {"index", op.index}, {"op", op.op}, {"layer", op.layer}, {"reason", op.reason}, {"change", op.change}};
  }
  return j;
}

}  // namespace atl::cli
