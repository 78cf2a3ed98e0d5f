// aivp_gen_errors [FILE]: writes docs/errors.md (or FILE) from the tables of the base module.
#include <cstdio>
#include <string>

#include "aivp/base/failure_catalogue.hpp"

int main(int argc, char** argv) {
    const std::string path = argc > 1 ? argv[1] : AIVP_SOURCE_DIR "/docs/errors.md";
    const std::string text = aivp::errors_markdown();
    std::FILE* const file = std::fopen(path.c_str(), "wb");
    const bool written = file != nullptr && std::fwrite(text.data(), 1, text.size(), file) == text.size();
    const bool closed = file != nullptr && std::fclose(file) == 0;
    if (!written || !closed) {
        std::fprintf(stderr, "aivp_gen_errors: cannot write %s\n", path.c_str());
        return 3;
    }
    std::printf("wrote %s\n", path.c_str());
    return 0;
}
