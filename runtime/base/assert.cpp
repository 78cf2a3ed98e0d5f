#include "aivp/base/assert.hpp"

#include <cstdio>
#include <cstdlib>

namespace aivp::detail {

void assertion_failed(const char* expression, const char* file, int line, const char* message) {
    std::fprintf(stderr, "aivp: assertion failed: %s\n --> %s:%d\n  %s\n", message, file, line, expression);
    std::fflush(stderr);
    std::abort();
}

} // namespace aivp::detail
