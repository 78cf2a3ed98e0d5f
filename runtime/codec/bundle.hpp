// The sources of one snapshot in one document: what a store keeps, so that an agent that is at work can be compiled again
// after a restart, whatever has become of its files and of the system's time zones since.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "aivp/agent/snapshot.hpp"
#include "aivp/base/error.hpp"
#include "aivp/base/payload.hpp"
#include "runtime/codec/diagnostics.hpp"

namespace aivp {

/// Of the document.
inline constexpr std::size_t bundle_bytes_max = 16u << 20;
/// An agent has at most 256 bindings, and 1,000 steps that each grant one more.
inline constexpr std::size_t bundle_skills_max = 1'256;

struct bundle_file {
    std::string file; ///< as the user named it; its ending says how it is read
    std::string text;

    friend bool operator==(const bundle_file&, const bundle_file&) = default;
};

struct agent_bundle {
    bundle_file agent;
    std::vector<bundle_file> skills; ///< of the bound skills; ascending by file, each once
    zone_rules zone;                 ///< the rules themselves: another machine may have others under the name
    digest whole;                    ///< snapshot_hashes::whole of what it compiles to

    friend bool operator==(const agent_bundle&, const agent_bundle&) = default;
};

/// `texts` holds the files that the snapshot was made of, as workspace::texts() does. The bundle has been compiled once when
/// it comes back. Errors: io.not_found (a text is not there), json.size (more than bundle_bytes_max), store.snapshot (the
/// texts give another snapshot, or a name is no UTF-8), those of compile_bundle().
result<agent_bundle> make_bundle(const agent_snapshot& snapshot, const source_texts& texts);

/// {"agent":{"file","text"},"schema_version":"agent_bundle.v1","skills":[{"file","text"}…],"whole":"<64 hex digits>",
/// "zone":"<zone_rules::text()>"}; docs/agent-format.md.
payload to_payload(const agent_bundle& bundle);
/// Reads what to_payload() writes, to the byte, and nothing else. Errors: store.snapshot, store.newer_schema.
result<agent_bundle> parse_bundle(std::string_view text);

/// The snapshot, whose hashes.whole is bundle.whole. Touches no file. Appends all errors and returns the first: those of
/// parse_skill, parse_agent and compile_agent, with their places in the bundle's files; store.snapshot when what comes out is
/// not what was bundled.
result<snapshot_ptr> compile_bundle(const agent_bundle& bundle, std::vector<error>& errors);

/// For render().
source_texts texts_of(const agent_bundle& bundle);

} // namespace aivp
