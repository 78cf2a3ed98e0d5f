// The documents of a log file, one after the other: lines of a *.jsonl, or the one document (or list) of a *.json; plain
// or compressed with gzip.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "aivp/base/error.hpp"
#include "aivp/base/payload.hpp"

namespace aivp::sim::internal {

struct log_document {
    const payload& value;
    std::string_view text; ///< as it stands in the file; empty for an item of a list
    std::uint32_t line = 1;
};

/// Stops at the first error of `visit`, which gets the place added when it has only a pointer in its context. Errors:
/// import.format, io.not_found, io.read.
result<void> read_log(const std::string& file, const std::function<result<void>(const log_document&)>& visit);

/// "a/gpt-4o-airline.trials01.jsonl.gz" -> "gpt-4o-airline.trials01".
std::string log_stem(const std::string& file);

} // namespace aivp::sim::internal
