// Measures a function: repeats it for about half a second, five times, and prints the best, which is the least disturbed.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <limits>

namespace bench {

/// Keeps the compiler from removing what computed `value`.
template <class T>
inline void keep(const T& value) {
    asm volatile("" : : "r,m"(value) : "memory");
}

/// Nanoseconds a call.
template <class Body>
double measure(const char* name, Body&& body) {
    using clock = std::chrono::steady_clock;
    const auto elapsed_ns = [&](std::int64_t calls) {
        const auto begin = clock::now();
        for (std::int64_t i = 0; i < calls; ++i) body();
        return std::chrono::duration<double, std::nano>(clock::now() - begin).count();
    };
    std::int64_t calls = 1;
    while (elapsed_ns(calls) < 20e6) calls *= 2;
    calls *= 5;
    double best = std::numeric_limits<double>::max();
    for (int round = 0; round < 5; ++round) {
        const double each = elapsed_ns(calls) / static_cast<double>(calls);
        if (each < best) best = each;
    }
    std::printf("%-44s %12.1f ns %14.0f /s\n", name, best, 1e9 / best);
    return best;
}

} // namespace bench
