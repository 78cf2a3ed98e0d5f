// A tape: what passed the ports during one run (model turns, skill calls, user turns), so that the run can be answered
// again without model, network or person. docs/tape-format.md describes the files; this is the same as values.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "aivp/base/error.hpp"
#include "aivp/base/hash.hpp"
#include "aivp/base/id.hpp"
#include "aivp/base/payload.hpp"
#include "aivp/base/time.hpp"
#include "aivp/kernel/effect.hpp"
#include "aivp/kernel/model_call.hpp"
#include "aivp/skill/outcome.hpp"

namespace aivp {

inline constexpr std::string_view tape_format = "aivp.tape/1";
/// Version of the rules by which keys are made (docs/tape-format.md, "Keys").
inline constexpr std::string_view tape_rules = "r1";
/// Values whose canonical text is longer stand in blobs/.
inline constexpr std::size_t tape_inline_bytes_max = 4096;
/// The lane of a run's own calls.
inline constexpr std::string_view tape_main_lane = "main";

/// How a recorded call ended. `answered` false: no answer ever came (the run gave up waiting or was killed); the
/// outcome is unknown then.
struct tape_ending {
    effect_outcome outcome = effect_outcome::ok;
    errc code = errc::ok;
    std::string message;
    duration latency; ///< from request to answer
    bool answered = true;
    friend bool operator==(const tape_ending&, const tape_ending&) = default;
};

struct tape_run_started {
    std::string agent; ///< agent id
    payload trigger;   ///< the trigger's payload, or null
    friend bool operator==(const tape_run_started&, const tape_run_started&) = default;
};

struct tape_model_call {
    std::string model;
    payload params;
    digest tools_hash;
    std::optional<payload> tools; ///< nullopt: the tape keeps only the hash; the agent's skill files have the content
    history messages;             ///< the whole conversation that was sent
    tape_ending ending;
    model_response response;
    friend bool operator==(const tape_model_call&, const tape_model_call&) = default;
};

struct tape_skill_call {
    std::string skill;
    std::string version;
    std::string as;
    effect_class effect = effect_class::write;
    payload arguments;
    tape_ending ending;
    payload result;
    friend bool operator==(const tape_skill_call&, const tape_skill_call&) = default;
};

struct tape_user_turn {
    payload text;
    tape_ending ending;
    payload message;
    bool ended = false;
    friend bool operator==(const tape_user_turn&, const tape_user_turn&) = default;
};

/// A call that the engine's gate refused. Nothing passed a port, so nothing is replayed; it tells a reader why.
struct tape_engine_refusal {
    std::string as;
    errc code = errc::policy_no_rule;
    std::string decided_by;
    std::string message;
    friend bool operator==(const tape_engine_refusal&, const tape_engine_refusal&) = default;
};

struct tape_run_finished {
    outcome_status status = outcome_status::success;
    errc code = errc::ok;
    std::string message;
    friend bool operator==(const tape_run_finished&, const tape_run_finished&) = default;
};

/// Order of the alternatives = order of tape_kind.
using tape_body = std::variant<tape_run_started, tape_model_call, tape_skill_call, tape_user_turn, tape_engine_refusal,
                               tape_run_finished>;
enum class tape_kind : std::uint8_t { run_started, model_call, skill_call, user_turn, engine_refusal, run_finished };
/// "model_call": the name on the tape.
const char* to_string(tape_kind k);

/// Events stand in the order in which the requests were made.
struct tape_event {
    seq_no seq;                       ///< from 1, without gaps; set by the writer
    instant at;                       ///< of the request
    std::string lane{tape_main_lane}; ///< path of the agent and its sub-agents
    tape_body body;
    digest chain; ///< as written on the tape; set by the writer

    tape_kind kind() const { return static_cast<tape_kind>(body.index()); }
    friend bool operator==(const tape_event&, const tape_event&) = default;
};

/// What is known about the tape as a whole. Counts and digests are the writer's business.
struct tape_manifest {
    std::string build; ///< version of the writer
    instant recorded_at;
    std::string model;                                  ///< empty: the run used none
    std::string agent_file;                             ///< relative to the tape's folder; empty: not kept
    std::vector<std::string> skill_folders;             ///< relative to the tape's folder
    payload trigger;                                    ///< the trigger's payload, or null
    std::optional<tape_run_finished> outcome;           ///< how the recorded run ended; nullopt: not known
    std::map<std::string, std::uint64_t> redacted;      ///< what was redacted, by kind
    payload provenance = payload::from_canonical("{}"); ///< where it came from; any object
    friend bool operator==(const tape_manifest&, const tape_manifest&) = default;
};

struct tape {
    tape_manifest manifest;
    std::vector<tape_event> events;
    /// Reading only: what is wrong and does not prevent a replay (tape.torn, tape.chain, tape.blob), in the order found.
    std::vector<error> problems;
};

/// The key K1 of a model request, from parts: equals request_key() of the same history, tools, params and model.
digest tape_model_key(const digest& chain, const digest& tools_hash, const digest& params_hash, std::string_view model);
/// SHA-256(skill id || canonical arguments); an id never contains the brace with which arguments begin.
digest tape_skill_key(std::string_view skill, const payload& arguments);
/// SHA-256 of what the model said, as canonical JSON.
digest tape_user_key(const payload& text);
/// The key of a recorded call; nullopt for events that are not matched.
std::optional<digest> tape_key(const tape_event& e);

/// Root over content-addressed names: leaves SHA-256(0x00 || name) in ascending order, nodes SHA-256(0x01 || l || r), an odd
/// node moves up unchanged; 32 zero bytes when there is none. `names` must be sorted and unique.
digest tape_blob_root(const std::vector<digest>& names);

} // namespace aivp
