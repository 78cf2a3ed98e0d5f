#include "tests/base/probe_library.hpp"

int library_answer() {
    AIVP_REACHABLE("library: reached");
    return 42;
}

void library_inline_elsewhere() { library_inline(); }

namespace {
[[maybe_unused]] void nobody_calls_this() { AIVP_REACHABLE("library: a function that nobody calls"); }
} // namespace
