// The operations of key-value skills, one set of rules for every host: the mock keeps the values in memory, the live host in
// its store.
//
// get {key} → {found, value, version?}; set {key, value, if_version?} → {previous, version}; delete {key, if_version?} →
// {deleted}; incr {key, by?} → {value, version}; list {prefix?} → {keys, count}. `if_version` 0 = only when there is none.
// Versions are numbers of writes, counted over all namespaces.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aivp/base/error.hpp"
#include "aivp/base/payload.hpp"

namespace aivp {

struct kv_entry {
    payload value;
    std::int64_t version = 0; ///< the number of the write that put it there, from 1
    friend bool operator==(const kv_entry&, const kv_entry&) = default;
};

/// The values of one namespace. Errors of all: the keeper's own.
class kv_space {
public:
    virtual ~kv_space() = default;
    virtual result<std::optional<kv_entry>> find(const std::string& key) = 0;
    /// Returns the version.
    virtual result<std::int64_t> put(const std::string& key, const payload& value) = 0;
    /// Of a key that is there.
    virtual result<void> erase(const std::string& key) = 0;
    /// In byte order.
    virtual result<std::vector<std::string>> keys(std::string_view prefix) = 0;
};

/// Sorted: "delete", "get", "incr", "list", "set".
const std::vector<std::string>& kv_operations();
/// Does the operation, when it succeeds, change something?
bool kv_writes(std::string_view operation);

/// `target` (the key, or the prefix of a list) is filled in before anything can fail; nothing changes when it fails.
/// Errors: skill.unknown_operation; skill.bad_request (arguments of another shape, a key of 0 or more than 200 bytes);
/// skill.conflict (another version than expected, a value that is no integer, an overflow); those of the space.
result<payload> perform_kv(std::string_view operation, const payload& arguments, kv_space& space, std::string& target);

} // namespace aivp
