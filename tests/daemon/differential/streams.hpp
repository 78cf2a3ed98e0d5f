// Two journals as streams of events that can be compared. What is not named here must be equal, text for text: idempotency
// keys, request keys, hashes, costs, numbers of runs and calls, messages, and which input each event came from.
//
// Records are taken apart by whom they are about: a stream for each run and for each agent, one for the rest. Between streams
// there is no order: which of two runs hears first from the far side is nobody's to say. Within one there is.
//
// Left out of a record:
//   seq        its number, which counts the records of all streams
//   causation  whether a port answers within the call itself; over a socket none does
// Written in another way:
//   at, run    run is written out; at is the zero that the others are told from
//   due, deadline, scheduled_for of an event or manual start
//              "at + 30s", or which deadline it is: "the deadline of call 3", "attempt 2 of call 3", "the run's deadline"
//   latency    "at - the start" when it is that
// What a schedule fires for stays as it is.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aivp/agent/snapshot.hpp"
#include "aivp/base/payload.hpp"

namespace differential_test {

struct journal_streams {
    std::map<std::string, std::vector<aivp::payload>> by_name; ///< "run-7", "agent-2", "outside"
};

/// `agents` in the order of their numbers. Lines as in docs/journal-format.md.
journal_streams streams_of(const std::vector<std::string>& lines, const std::vector<aivp::snapshot_ptr>& agents);

/// For people: the stream, the entry, the places that differ and both sides; nullopt when all are equal.
std::optional<std::string> first_difference(const journal_streams& live, const journal_streams& simulated);

/// Events of a type, in all streams.
std::size_t count_of(const journal_streams& streams, std::string_view type);

} // namespace differential_test
