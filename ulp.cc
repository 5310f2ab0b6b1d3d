// The number calculator. Verbs are in formats/cli/.
#include <exception>
#include <iostream>
#include <string>
#include <vector>

#include "formats/cli/verbs.h"

int main(int argc, char** argv) {
  try {
    const std::vector<std::string> words(argv + (argc > 0 ? 1 : 0), argv + argc);
    return halfulp::cli::run(words);
  } catch (const std::exception& error) {
    std::cerr << "ulp: " << error.what() << '\n';
    return 1;
  }
}
