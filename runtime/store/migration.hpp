// A step from one version of the store's schema to the next. Steps are only ever added: what was applied is recorded with
// its checksum, and a store whose record differs is refused.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace aivp {

struct migration {
    std::int64_t version;  ///< 1, 2, 3, …
    std::string_view name; ///< for people: "journal, snapshots, blobs"
    std::string_view sql;  ///< statements that run in one transaction
};

/// What this version of aivp needs, ascending. Static storage.
std::span<const migration> store_migrations();

} // namespace aivp
