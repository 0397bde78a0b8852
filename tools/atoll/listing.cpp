#include "listing.h"

#include <fmt/format.h>

namespace atl::cli {

std::string printable(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (static_cast<unsigned char>(c) < 32 || c == 127) c = '?';
  return out;
}

void print_json(const nlohmann::ordered_json& j) {
  fmt::print("{}\n", j.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
}

nlohmann::ordered_json json_of(const std::vector<PortReport>& ports) {
  auto list = nlohmann::ordered_json::array();
  for (const PortReport& p : ports) list.push_back({{"name", p.name}, {"type", p.type}});
  return list;
}

nlohmann::ordered_json json_of(const OutputProof& o) {
  return {{"name", o.name}, {"snr_db", o.snr_db}, {"max_error", o.max_error}, {"passed", o.passed}};
}

void print_ports(std::string_view kind, const std::vector<PortReport>& ports) {
  for (const PortReport& p : ports) fmt::print("  {:<7} {:<24} {}\n", kind, printable(p.name), printable(p.type));
}

std::string snr_text(double snr_db) { return snr_db >= 999 ? "equal" : fmt::format("{:.1f} dB", snr_db); }

std::string number_text(double value) { return fmt::format("{:.6g}", value); }

}  // namespace atl::cli
