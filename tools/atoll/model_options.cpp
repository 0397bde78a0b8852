#include "model_options.h"

#include <map>

#include "listing.h"
#include "terminal.h"

namespace atl::cli {

void add_model_options(CLI::App& c, ModelOptions& o) {
  c.add_option("--device", o.device,
               "cpu, gpu, edgetpu, edgetpu:N (that one and no other), or auto: Edge TPU, else GPU, else CPU\n"
               "(without: the Edge TPU for a file that is compiled for it, else the CPU)")
      ->type_name("DEVICE");
  c.add_option("--signature", o.signature, "which of the file's signatures to run");
  c.add_option("--shape", o.shapes, "NAME=4x3x224x224: sizes for open axes of inputs that no file gives; may be repeated")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->type_name("SHAPE");
  c.add_option("--threads", o.threads, "of the CPU (0: at most 4)")->check(CLI::Range(0, 1024))->capture_default_str();
  c.add_option("--kernels", o.kernels, "of the CPU: delegate (XNNPACK), builtin or reference")
      ->check(CLI::IsMember({"delegate", "builtin", "reference"}))
      ->capture_default_str();
  c.add_option("--litert", o.litert, "libLiteRt.so or its folder (also ATOLL_LITERT)");
  c.add_option("--edgetpu-option", o.edgetpu_options,
               "Performance=Low|Medium|High|Max, Usb.AlwaysDfu=True|False,\nUsb.MaxBulkInQueueLength=0..255; may be repeated")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->type_name("NAME=VALUE");
  c.add_option("--edgetpu-library", o.edgetpu_library, "libedgetpu.so.1 or its folder (also ATOLL_EDGETPU)");
  c.add_option("--device-timeout", o.device_seconds, "give up an Edge TPU that does not answer for so many seconds")
      ->check(CLI::Range(0.001, 86400.0))
      ->capture_default_str();
}

void print_notes(const std::vector<std::string>& notes) {
  for (const std::string& note : notes) fmt::print(stderr, "{}: {}\n", styled("note", Style::kYellow, stderr), printable(note));
}

void print_placement(const std::vector<OpPlace>& placement) {
  std::map<std::string, size_t> counts;
  size_t widest = 0;
  for (const OpPlace& p : placement) {
    ++counts[p.place];
    widest = std::max(widest, p.op.size());
  }
  fmt::print("\n  where the operators ran:\n");
  for (const auto& [place, count] : counts) fmt::print("  {:>6}  {}\n", count, place);
  for (const OpPlace& p : placement)
    fmt::print("  {:>6}  {:<{}}  {:<22}  {}\n", fmt::format("#{}", p.index), printable(p.op), widest, p.place,
               printable(p.output.substr(0, p.output.find(';'))));
}

nlohmann::ordered_json json_of(const std::vector<OpPlace>& placement) {
  auto list = nlohmann::ordered_json::array();
  for (const OpPlace& p : placement)
    list.push_back({{"index", p.index}, {"op", p.op}, {"place", p.place}, {"output", p.output}});
  return list;
}

}  // namespace atl::cli
