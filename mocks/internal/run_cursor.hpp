// Which request of a run was answered last, so that a repeat of it can be told from a new turn.
#pragma once

#include <cstdint>

#include "aivp/base/hash.hpp"

namespace aivp {

struct run_cursor {
    digest last_key;
    std::uint32_t next = 0;  // index of the answer that comes next
    std::uint32_t last = 0;  // index of the answer given last
    bool repeatable = false; // a repeat of last_key gets `last` again

    bool repeats(const digest& key) const { return repeatable && key && key == last_key; }
};

} // namespace aivp
