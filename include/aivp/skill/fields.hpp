// What the services behind skills have in common, the mocked ones and those that the live host has itself: they read a JSON
// object member by member, and say in the same words what they refuse. The first problem is kept and everything after it
// gives defaults, so that a reader is written as a list of fields with one check at its end.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "aivp/base/error.hpp"
#include "aivp/base/payload.hpp"
#include "aivp/base/time.hpp"

namespace aivp {

/// Which codes a problem gets: skill.bad_request for what an agent sent, config.* for what a scenario or a fixture says.
enum class field_origin : std::uint8_t { request, seed };

class field_reader {
public:
    /// `at` = RFC 6901 pointer of the object within its document; it is put into messages and into the error's context.
    field_reader(const payload& object, field_origin origin, std::string at = {});

    std::string text(std::string_view key);
    std::string text_or(std::string_view key, std::string_view fallback);
    std::optional<std::string> maybe_text(std::string_view key);
    std::int64_t integer(std::string_view key, std::int64_t low, std::int64_t high);
    std::int64_t integer_or(std::string_view key, std::int64_t fallback, std::int64_t low, std::int64_t high);
    std::optional<std::int64_t> maybe_integer(std::string_view key, std::int64_t low, std::int64_t high);
    bool boolean_or(std::string_view key, bool fallback);
    instant time(std::string_view key);
    std::optional<instant> maybe_time(std::string_view key);
    std::optional<duration> maybe_duration(std::string_view key);
    /// An array of strings; a missing one is empty.
    std::vector<std::string> texts(std::string_view key);
    /// An array; a missing one is empty.
    std::vector<payload> list(std::string_view key);
    /// Members of an object; a missing one is empty.
    std::vector<std::pair<std::string, payload>> map(std::string_view key);
    /// Any value, also null.
    std::optional<payload> maybe_value(std::string_view key);
    payload value(std::string_view key);

    bool has(std::string_view key) const;
    /// Pointer of a member, for readers of what is inside.
    std::string pointer(std::string_view key) const;
    std::string pointer(std::string_view key, std::size_t index) const;
    /// Keeps the problem unless there is one already. An empty key means the object itself.
    void refuse(std::string_view key, errc code_for_seeds, std::string message);
    void adopt(error e);
    bool ok() const { return !problem_; }
    /// The first problem, or a member that nobody asked for.
    result<void> done();

private:
    struct entry {
        std::string key;
        payload value;
        bool used = false;
    };
    const payload* take(std::string_view key, bool required);
    void wrong_type(std::string_view key, std::string_view wanted, const payload& found);

    std::vector<entry> entries_;
    std::vector<std::string> known_;
    std::string at_;
    field_origin origin_;
    std::optional<error> problem_;
};

/// "a string", "an object" … of a JSON value.
std::string_view json_kind(const payload& value);
/// `"a", "b", "c", …`: the first few of a list of names, for messages. "none" when empty.
std::string some_of(const std::vector<std::string>& names, std::size_t limit = 5);
/// At most `bytes` bytes of UTF-8 text, cut between code points, with "…" when something was cut.
std::string shortened(std::string_view text, std::size_t bytes);
/// n of an id "<prefix><n>" with at most nine digits and no leading zero; 0 for any other id. A service that starts counting
/// behind the highest one never mints an id that exists.
std::uint64_t minted_number(std::string_view id, std::string_view prefix);
/// One step of a JSON pointer, escaped.
std::string pointer_step(std::string_view key);

/// skill.unknown_operation: `service` knows only `known`.
error unknown_operation(std::string_view service, std::string_view operation, const std::vector<std::string>& known);
/// idem.other_args: the key of this call of `skill` came before with one of `before`.
error key_used_before(std::string_view skill, std::string_view before);
/// {"error","message"} and the rest of the error's context: what a model gets to see of a call that failed.
payload failure_details(const error& e);

} // namespace aivp
