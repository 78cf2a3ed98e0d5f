// Tapes on disk: NAME.tape/ with manifest.json, events.jsonl and blobs/ab/<sha256>. See docs/tape-format.md.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "aivp/skill/redact.hpp"
#include "aivp/tape/tape.hpp"

namespace aivp {

struct tape_write_options {
    /// The tape is refused when one of these occurs anywhere in it, in any of the forms that known_secrets knows.
    known_secrets secrets;
    /// Further files of the tape's folder, by name relative to it ("agent.yaml").
    std::vector<std::pair<std::string, std::string>> files;
    bool overwrite = false;
    /// Sync files and folder before the rename. Switch off for bulk imports that can be repeated.
    bool durable = true;
};

/// Writes into "FOLDER.partial" and renames: either the whole tape is there, or none. seq and chain of the events are set
/// by position; model calls become "append" form. Missing parent folders are made.
/// Errors: tape.secret (names the event), io.exists, io.unsafe_path (a file name leaves the folder), io.write.
result<void> write_tape(const std::string& folder, const tape& t, const tape_write_options& options = {});

/// Reads one tape folder. Keeps going where a replay can show what is wrong: a torn last line, an edited event and an
/// edited blob become `problems`.
/// Errors, with file:line:column: tape.missing, tape.version, tape.format, tape.blob (a blob that is missing or no JSON),
/// io.read.
result<tape> read_tape(const std::string& folder);

/// All tape folders at or below `path`, sorted by path. Does not look into tapes.
/// Errors: tape.missing when there is none, io.read.
result<std::vector<std::string>> find_tapes(const std::string& path);

/// The text of events.jsonl and the blobs, without touching the disk (what write_tape stores).
struct tape_text {
    std::string manifest;
    std::string events;
    std::vector<std::pair<digest, payload>> blobs; ///< sorted by name
};
tape_text tape_to_text(const tape& t);
/// The inverse, for tapes that do not come from a folder; errors name the files by `folder`/….
result<tape> tape_from_text(const tape_text& text, const std::string& folder);

} // namespace aivp
