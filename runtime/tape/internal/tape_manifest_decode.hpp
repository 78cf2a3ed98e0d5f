// Reading manifest.json.
#pragma once

#include <cstdint>
#include <string_view>

#include "aivp/tape/tape.hpp"
#include "runtime/tape/internal/tape_fields.hpp"

namespace aivp::internal {

/// What the manifest says about the events, to be compared with what they turn out to be.
struct tape_claims {
    digest first;
    digest last;
    digest blob_root;
    std::int64_t events = 0;
    std::int64_t model_calls = 0;
    std::int64_t skill_calls = 0;
    std::int64_t user_turns = 0;
    std::int64_t blobs = 0;
};

/// The result means nothing when `fault` was set.
tape_manifest decode_tape_manifest(std::string_view canonical, tape_claims& claims, tape_fault& fault);

digest tape_read_digest(tape_fields& fields, std::string_view key, tape_fault& fault);
errc tape_read_code(tape_fields& fields, std::string_view key, tape_fault& fault);
tape_run_finished tape_read_finished(tape_fields& fields, tape_fault& fault);

} // namespace aivp::internal
