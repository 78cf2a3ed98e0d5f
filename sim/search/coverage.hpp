// What a run came to, read off its journal: what a search takes for new.
#pragma once

#include "runtime/store/memory_store.hpp"
#include "sim/search/case.hpp"

namespace aivp::sim {

/// Steps and states of the journal.
reached_things reached_by(const memory_store& journal);

} // namespace aivp::sim
