// A stand-in for edgetpu_compiler. It compiles nothing: it hands out a model that was compiled before, and says what the real
// one was recorded to say. Variables of the environment say what it is to do:
//   STAND_IN_COMPILER  "compile" (also without it), "internal", "activations", "float", "hang", "crash", "silent"
//   STAND_IN_COMPILED  the file that it gives for its input; without it the input itself
//   STAND_IN_LOG       a file whose text it prints; without it a short log about nothing
//   STAND_IN_COUNTER   a file that counts its runs; STAND_IN_GOOD_AT is the run from which on it compiles
//   STAND_IN_REFUSES   operators, "MAXIMUM,ADD": an input that has them all is an internal error, any other is compiled
//   STAND_IN_ARGUMENTS a file that gets its arguments;  STAND_IN_PROCESSES one that gets the ids of its processes
#include <schema_generated.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

std::string variable(const char* name, const std::string& otherwise = "") {
  const char* value = std::getenv(name);
  return value ? value : otherwise;
}

std::string contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

bool refuses(const std::string& model) {
  std::set<std::string> wanted, has;
  std::istringstream names(variable("STAND_IN_REFUSES"));
  for (std::string n; std::getline(names, n, ',');) wanted.insert(n);
  const auto* m = tflite::GetModel(model.data());
  for (const auto* op : *m->subgraphs()->Get(0)->operators()) {
    const auto* code = m->operator_codes()->Get(op->opcode_index());
    has.insert(tflite::EnumNameBuiltinOperator(
        std::max(code->builtin_code(), tflite::BuiltinOperator(code->deprecated_builtin_code()))));
  }
  for (const std::string& w : wanted)
    if (!has.contains(w)) return false;
  return !wanted.empty();
}

int fail(const char* words) {
  std::printf("Edge TPU Compiler version 16.0.384591198\nStarted a compilation timeout timer of 180 seconds.\n%s\n", words);
  return 1;
}

[[noreturn]] void hang() {
  const pid_t child = fork();
  if (child > 0) std::ofstream(variable("STAND_IN_PROCESSES")) << getpid() << ' ' << child << '\n';
  for (;;) pause();
}

// Is this run, by the counter, one of those that fail?
bool is_early() {
  const std::string counter = variable("STAND_IN_COUNTER");
  if (counter.empty()) return false;
  const int run = std::atoi(contents(counter).c_str()) + 1;
  std::ofstream(counter) << run;
  return run < std::atoi(variable("STAND_IN_GOOD_AT", "1").c_str());
}

int compile(const std::string& input, const std::string& folder, const std::string& text) {
  const std::string output = (fs::path(folder) / (fs::path(input).stem().string() + "_edgetpu.tflite")).string();
  std::ofstream(output, std::ios::binary) << contents(variable("STAND_IN_COMPILED", input));
  if (!text.empty()) {
    std::fputs(text.c_str(), stdout);
    return 0;
  }
  std::printf(
      "Edge TPU Compiler version 16.0.384591198\nStarted a compilation timeout timer of 180 seconds.\n\n"
      "Model compiled successfully in 5 ms.\n\nInput model: %s\nOutput model: %s\nNumber of Edge TPU subgraphs: 1\n"
      "Compilation child process completed within timeout period.\nCompilation succeeded! \n",
      input.c_str(), output.c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::string folder = ".", input;
  std::ofstream arguments(variable("STAND_IN_ARGUMENTS"));
  for (int i = 1; i < argc; ++i) {
    const std::string a = argv[i];
    if (a == "-o") folder = argv[i + 1];
    if (i + 1 == argc) input = a;
    if (a != input && a != folder) arguments << a << ' ';
  }
  const std::string mode = variable("STAND_IN_COMPILER", "compile");
  if (mode == "hang") hang();
  if (mode == "crash") std::abort();
  if (mode == "silent") return 1;
  if (mode == "activations")
    return fail(
        "ERROR: Restored original execution plan after delegate application failure.\n"
        "Compilation failed: Compilation failed due to large activation tensors in model.\n"
        "Compilation child process completed within timeout period.\nCompilation failed! ");
  if (mode == "float") return fail(("Invalid model: " + input + "\nModel not quantized").c_str());
  const std::string log = variable("STAND_IN_LOG");
  if (mode == "internal" || is_early() || refuses(contents(input))) return fail("Internal compiler error. Aborting! ");
  return compile(input, folder, log.empty() ? "" : contents(log));
}
