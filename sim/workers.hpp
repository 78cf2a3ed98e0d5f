// Threads for batches, each of which takes the next item until none is left.
#pragma once

#include <functional>
#include <system_error>
#include <thread>
#include <vector>

namespace aivp::sim {

/// Runs `work` on `jobs` threads, the caller's among them, and returns when all are done. Where the system has no thread
/// left, the others do it. `work` must not throw.
inline void run_on_threads(unsigned jobs, const std::function<void()>& work) {
    std::vector<std::jthread> threads;
    try {
        for (unsigned j = 1; j < jobs; ++j) threads.emplace_back(work);
    } catch (const std::system_error&) { // fewer threads are slower and nothing else
    }
    work();
}

} // namespace aivp::sim
