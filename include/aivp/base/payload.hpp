// A JSON value in transit: immutable, shared, canonical, hashed. Arguments, results and messages travel as payloads; a
// module that must look inside parses in its .cpp. Copying one is copying a pointer, and two equal values have equal text.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "aivp/base/error.hpp"
#include "aivp/base/hash.hpp"

namespace aivp {

inline constexpr std::uint32_t json_depth_max = 128;
inline constexpr std::size_t json_bytes_max = 64u << 20;

/// Canonical JSON: RFC 8785 (keys sorted by UTF-16 units, ECMAScript numbers, no white space), with one deviation: an
/// integer literal (no fraction, no exponent) beyond 2^53 keeps its exact digits, so that two different 64-bit ids never
/// collide. A default-constructed payload is `null`.
class payload {
public:
    payload() = default;

    /// Parses any JSON text. Errors (with line and column, `where.file` empty): json.syntax, json.duplicate_key,
    /// json.depth, json.utf8, json.number, json.size.
    static result<payload> parse(std::string_view text);
    /// `canonical` must already be canonical (written by this library, or checked when it was stored).
    static payload from_canonical(std::string canonical);

    static payload of_string(std::string_view text);
    static payload of_integer(std::int64_t value);
    static payload of_bool(bool value);
    /// Keys need not be sorted, must be unique.
    static payload of_object(std::vector<std::pair<std::string, payload>> members);
    static payload of_array(const std::vector<payload>& items);

    std::string_view text() const { return rep_ ? std::string_view(rep_->text) : null_text; }
    /// SHA-256 of text(). Computed once, when the payload is made.
    const digest& hash() const { return rep_ ? rep_->hash : null_hash(); }

    bool is_null() const { return text() == null_text; }
    bool is_object() const { return text().front() == '{'; }
    bool is_array() const { return text().front() == '['; }
    bool is_string() const { return text().front() == '"'; }

    /// Same representation object: a cheap test that implies equality.
    bool same_as(const payload& other) const { return rep_ == other.rep_; }
    friend bool operator==(const payload& a, const payload& b) { return a.rep_ == b.rep_ || a.text() == b.text(); }

private:
    struct rep {
        std::string text;
        digest hash;
    };
    explicit payload(std::shared_ptr<const rep> r) : rep_(std::move(r)) {}
    static constexpr std::string_view null_text = "null";
    static const digest& null_hash();
    std::shared_ptr<const rep> rep_; ///< empty for `null`, so that a payload that says nothing costs nothing
};

/// The value at a JSON pointer (RFC 6901; "" = whole). nullopt when there is none.
std::optional<payload> at_pointer(const payload& document, std::string_view pointer);
/// The same as text inside the text of a canonical document, without making a payload of it (no hash, no copy). The view
/// lives as long as `canonical`.
std::optional<std::string_view> pointer_text(std::string_view canonical, std::string_view pointer);
/// Member of an object by key; nullopt when absent or when `object` is no object.
std::optional<payload> member(const payload& object, std::string_view key);
/// The text of a member inside the text of a canonical object, without making a payload of it (no hash, no copy); nullopt
/// when absent or when the text is no object. The view lives as long as `canonical_object`.
std::optional<std::string_view> member_text(std::string_view canonical_object, std::string_view key);
/// Members in canonical order; empty when `object` is no object.
std::vector<std::pair<std::string, payload>> members(const payload& object);
/// Items of an array; empty when `array` is no array.
std::vector<payload> items(const payload& array);
/// The text of a JSON string, nullopt for anything else.
std::optional<std::string> as_string(const payload& p);
/// An integer that fits int64, nullopt for anything else.
std::optional<std::int64_t> as_integer(const payload& p);
std::optional<bool> as_bool(const payload& p);

/// `base` with the members of `overlay` set (top level only); both must be objects.
payload merged(const payload& base, const payload& overlay);

/// One place where two documents differ. Pointers are RFC 6901; an absent side is nullopt.
struct json_difference {
    std::string pointer;
    std::optional<payload> left;
    std::optional<payload> right;
};
/// All differing leaves, in document order, at most `limit`.
std::vector<json_difference> differences(const payload& left, const payload& right, std::size_t limit);

/// Appends `text` as a JSON string literal with the escapes of RFC 8785. `text` should be valid UTF-8: each byte
/// that is not part of a valid sequence becomes U+FFFD.
void append_json_string(std::string& out, std::string_view text);
void append_integer(std::string& out, std::int64_t value);
/// ECMAScript Number::toString of a finite double.
void append_number(std::string& out, double value);

} // namespace aivp
