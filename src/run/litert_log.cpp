#include "run/litert_log.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string_view>

namespace atl {
namespace {

constexpr size_t kMaxCaptured = 64 * 1024;
thread_local LogCapture* current_capture = nullptr;

}  // namespace

/// The stream that stands in for stderr; it lives as long as the process because the library may write until the very end.
struct LogStream {
  FILE* file;

  static ssize_t write(void*, const char* data, size_t n) {
    if (current_capture != nullptr) {
      std::string& text = current_capture->text_;
      if (text.size() < kMaxCaptured) text.append(data, std::min(n, kMaxCaptured - text.size()));
    }
    return static_cast<ssize_t>(n);
  }

  static LogStream& instance() {
    static LogStream stream = [] {
      cookie_io_functions_t functions{};
      functions.write = &LogStream::write;
      FILE* file = fopencookie(nullptr, "w", functions);
      if (file != nullptr) setvbuf(file, nullptr, _IOLBF, 0);
      return LogStream{file};
    }();
    return stream;
  }
};

namespace {

#if defined(__x86_64__)
constexpr uint64_t kGlobData = R_X86_64_GLOB_DAT;
#elif defined(__aarch64__)
constexpr uint64_t kGlobData = R_AARCH64_GLOB_DAT;
#else
constexpr uint64_t kGlobData = ~uint64_t{0};
#endif

struct DynamicTables {
  const ElfW(Sym) * symbols = nullptr;
  const char* strings = nullptr;
  const ElfW(Rela) * relocations = nullptr;
  size_t count = 0;
};

DynamicTables tables_of(const link_map& map) {
  DynamicTables t;
  for (const ElfW(Dyn)* d = map.l_ld; d->d_tag != DT_NULL; ++d) {
    // glibc has turned the addresses in this table into absolute ones when it loaded the library.
    switch (d->d_tag) {
      case DT_SYMTAB:
        t.symbols = reinterpret_cast<const ElfW(Sym)*>(d->d_un.d_ptr);
        break;
      case DT_STRTAB:
        t.strings = reinterpret_cast<const char*>(d->d_un.d_ptr);
        break;
      case DT_RELA:
        t.relocations = reinterpret_cast<const ElfW(Rela)*>(d->d_un.d_ptr);
        break;
      case DT_RELASZ:
        t.count = d->d_un.d_val / sizeof(ElfW(Rela));
        break;
      default:
        break;
    }
  }
  return t;
}

bool in_relro(const link_map& map, uintptr_t address) {
  struct Search {
    uintptr_t base, address;
    bool found;
  } search{map.l_addr, address, false};
  dl_iterate_phdr(
      [](dl_phdr_info* info, size_t, void* data) {
        auto* s = static_cast<Search*>(data);
        if (info->dlpi_addr != s->base) return 0;
        for (int i = 0; i < info->dlpi_phnum; ++i) {
          const auto& p = info->dlpi_phdr[i];
          uintptr_t begin = s->base + p.p_vaddr;
          if (p.p_type == PT_GNU_RELRO && s->address >= begin && s->address < begin + p.p_memsz) s->found = true;
        }
        return 1;
      },
      &search);
  return search.found;
}

bool overwrite(const link_map& map, FILE*** slot, FILE** value) {
  auto address = reinterpret_cast<uintptr_t>(slot);
  if (!in_relro(map, address)) {
    *slot = value;
    return true;
  }
  auto page_size = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  auto* page = reinterpret_cast<void*>(address & ~(page_size - 1));  // a slot is aligned, so it lies in one page
  if (mprotect(page, page_size, PROT_READ | PROT_WRITE) != 0) return false;
  *slot = value;
  mprotect(page, page_size, PROT_READ);
  return true;
}

}  // namespace

bool redirect_stderr(void* handle) {
  LogStream& stream = LogStream::instance();
  link_map* map = nullptr;
  if (stream.file == nullptr || dlinfo(handle, RTLD_DI_LINKMAP, &map) != 0 || map == nullptr) return false;
  DynamicTables t = tables_of(*map);
  if (t.symbols == nullptr || t.strings == nullptr || t.relocations == nullptr) return false;
  bool redirected = false;
  for (size_t i = 0; i < t.count; ++i) {
    const ElfW(Rela)& r = t.relocations[i];
    if (ELF64_R_TYPE(r.r_info) != kGlobData) continue;
    if (std::strcmp(t.strings + t.symbols[ELF64_R_SYM(r.r_info)].st_name, "stderr") != 0) continue;
    auto* slot = reinterpret_cast<FILE***>(map->l_addr + r.r_offset);
    if (*slot == &stream.file) return true;  // opened and redirected before
    if (*slot != &stderr) continue;
    redirected = overwrite(*map, slot, &stream.file) || redirected;
  }
  return redirected;
}

LogCapture::LogCapture() : outer_(current_capture) { current_capture = this; }

LogCapture::~LogCapture() { current_capture = outer_; }

std::vector<std::string> LogCapture::lines() const {
  std::vector<std::string> lines;
  std::string_view rest = text_;
  while (!rest.empty()) {
    size_t end = rest.find('\n');
    if (end != 0) lines.emplace_back(rest.substr(0, end));
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  }
  return lines;
}

std::string LogCapture::problems() const {
  for (std::string_view mark : {"ERROR: ", "WARNING: "}) {
    std::string joined;
    for (const std::string& line : lines()) {
      std::string_view s = line;
      if (!s.starts_with(mark)) continue;
      s.remove_prefix(mark.size());
      if (s.starts_with('[')) {
        size_t close = s.find("] ");  // "[compiled_model.cc:829] "
        if (close != std::string_view::npos) s.remove_prefix(close + 2);
      }
      if (joined.find(s) != std::string::npos) continue;
      if (!joined.empty()) joined += "; ";
      joined += s;
    }
    if (!joined.empty()) return joined;
  }
  return {};
}

}  // namespace atl
