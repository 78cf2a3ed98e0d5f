// An agent file as parsed: every value has its place in the file, nothing is resolved yet. Reading the file is an adapter's
// work (runtime/codec); compile.hpp turns the definition into a snapshot.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "aivp/agent/snapshot.hpp"
#include "aivp/base/error.hpp"
#include "aivp/base/located.hpp"
#include "aivp/base/payload.hpp"
#include "aivp/base/time.hpp"

namespace aivp {

struct binding_definition {
    located_text as;
    located_text use;
    std::optional<located_payload> fixed; ///< an object
    source_pos where;
};

struct step_definition {
    located_text id;
    located_text skill; ///< a binding's `as`, or a skill as skill_registry::resolve reads it; empty with `abstain`
    std::optional<located_payload> with; ///< an object
    std::optional<located_text> when;
    on_error error_policy = on_error::abort;
    std::optional<located_text> abstain;
    source_pos where;
};

enum class trigger_kind : std::uint8_t { interval, cron, once, manual, event };

struct trigger_definition {
    std::string id;
    trigger_kind kind = trigger_kind::manual;
    duration every;    ///< of an interval
    located_text cron; ///< of a cron trigger
    instant at;        ///< of a once trigger
    std::string event; ///< of an event trigger
    std::optional<located_payload> payload_schema;
    overlap_policy overlap = overlap_policy::queue;
    std::uint32_t queue_max = 100;
    source_pos where;
};

struct loop_definition {
    std::string system;
    std::string goal;
    model_spec model;
    bool converse = false;
    std::vector<located_text> ends_after;
    bool may_abstain = true;
    std::optional<brain_program> program; ///< of a process agent
};

struct agent_definition {
    std::string id;
    std::string name;
    located_text zone;                        ///< an IANA name, "UTC" when the file has none
    std::vector<trigger_definition> triggers; ///< at least one
    std::vector<binding_definition> bindings; ///< in the order of the file
    std::variant<std::vector<step_definition>, loop_definition> brain;
    run_limits limits;
    std::string shared_state; ///< namespace whose key-value state it shares with others; empty = it has its own
    payload document;         ///< the whole file, canonical: what snapshot_hashes::agent is made of
    std::string file;
};

} // namespace aivp
