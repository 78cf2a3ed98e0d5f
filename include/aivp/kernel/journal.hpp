// The journal: one record for each input, holding the input, the events that it caused and the intents of its effects,
// committed together. digest_n = SHA-256(digest_{n-1} || line_n). Same input log, same lines, same digests.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "aivp/base/hash.hpp"
#include "aivp/base/id.hpp"
#include "aivp/base/time.hpp"

namespace aivp {

/// `line` is canonical JSON without the digest: {"at":…,"causation":…,"correlation":…,"events":[…],
/// "input":{"type":…,…},"seq":…,"source":"…","v":1}. See docs/journal-format.md.
struct journal_record {
    seq_no seq;
    instant at;
    std::string_view line; ///< valid during the call that passes it; a store copies what it keeps
    digest chain;          ///< after this record
};

/// The engine's state as it was right after record `seq`: recovery starts from the latest and reads the rest.
struct state_snapshot {
    seq_no seq;
    instant at;        ///< of that record
    digest chain;      ///< after that record
    std::string state; ///< as written by encode_state(); opaque to a store
};

/// What became of a commit. `unknown`: it may be durable; only re-reading the journal tells.
enum class commit_outcome : std::uint8_t { ok, failed, unknown };

} // namespace aivp
