// A journal without what depends on time.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "aivp/testing/spec.hpp"
#include "runtime/store/memory_store.hpp"

namespace engine_test {

/// All events of a journal in order, without instants, deadlines and latencies, and without those that only set a timer.
inline std::vector<std::string> timeless_events(const aivp::memory_store& journal) {
    std::vector<std::string> out;
    for (std::uint64_t n = 1; n <= journal.size(); ++n) {
        const aivp::payload line = aivp::testing::json(journal.line(n));
        for (const aivp::payload& event : items(*member(line, "events"))) {
            if (*as_string(*member(event, "type")) == "timer_armed") continue;
            std::vector<std::pair<std::string, aivp::payload>> kept;
            for (auto& [key, value] : members(event))
                if (key != "deadline" && key != "due" && key != "latency" && key != "scheduled_for")
                    kept.emplace_back(key, value);
            out.emplace_back(aivp::payload::of_object(std::move(kept)).text());
        }
    }
    return out;
}

} // namespace engine_test
