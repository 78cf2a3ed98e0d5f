// Threads for batches, each of which takes the next item until none is left.
#pragma once

#include <exception>
#include <functional>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

namespace aivp::sim {

/// Runs `work` on `jobs` threads, the caller's among them, and returns when all are done. Where the system has no thread
/// left, the others do it. What `work` throws is thrown here, on the caller's thread, once all threads have ended; of several
/// exceptions the first to be caught. A thread whose `work` threw takes no further items; the others go on.
inline void run_on_threads(unsigned jobs, const std::function<void()>& work) {
    std::mutex guard;
    std::exception_ptr thrown;
    const auto guarded = [&] {
        try {
            work();
        } catch (...) {
            const std::lock_guard lock(guard);
            if (!thrown) thrown = std::current_exception();
        }
    };
    {
        std::vector<std::jthread> threads;
        threads.reserve(jobs);
        try {
            for (unsigned j = 1; j < jobs; ++j) threads.emplace_back(guarded);
        } catch (const std::system_error&) { // fewer threads are slower and nothing else
        }
        guarded();
    }
    if (thrown) std::rethrow_exception(thrown);
}

/// What the exception that is being handled says. Only inside a catch block.
inline std::string text_of_thrown() {
    try {
        throw;
    } catch (const std::exception& e) {
        return e.what();
    } catch (...) {
        return "something that is no std::exception was thrown";
    }
}

} // namespace aivp::sim
