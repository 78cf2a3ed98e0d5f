// Programmer errors stop the program, always: an assertion that is off in production proves nothing there.
#pragma once

namespace aivp::detail {
[[noreturn]] void assertion_failed(const char* expression, const char* file, int line, const char* message);
}

#define AIVP_ASSERT(cond, message)                                                \
    do {                                                                          \
        if (!(cond)) [[unlikely]]                                                 \
            ::aivp::detail::assertion_failed(#cond, __FILE__, __LINE__, message); \
    } while (false)
