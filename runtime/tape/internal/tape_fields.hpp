// Reading the members of an object of the tape format: typed, complete (an unknown member is an error), and with the
// JSON pointer of whatever is wrong. The first fault wins; after it every read returns a default, so that a decoder reads
// straight through and checks once at the end.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aivp/base/error.hpp"
#include "aivp/base/payload.hpp"
#include "runtime/tape/internal/tape_scan.hpp"

namespace aivp::internal {

struct tape_fault {
    bool set = false;
    bool at_key = false; ///< the position is that of the key, not of the value
    errc code = errc::tape_format;
    std::string pointer;
    std::string message;
    std::string help;

    void report(errc c, std::string at, std::string text, bool key = false, std::string hint = {}) {
        if (set) return;
        *this = {true, key, c, std::move(at), std::move(text), std::move(hint)};
    }
};

class tape_fields {
public:
    /// `text` is canonical and outlives the reader. `what` names the object in messages: "a model_call's req".
    tape_fields(std::string_view text, std::string pointer, std::string what, tape_fault& fault);

    std::string pointer_of(std::string_view key) const { return pointer_ + "/" + std::string(key); }

    std::optional<std::string_view> find(std::string_view key);
    /// A missing member is a fault; the answer is "null" then.
    std::string_view required(std::string_view key);
    std::string text(std::string_view key);
    std::string text_or(std::string_view key, std::string_view otherwise);
    std::int64_t integer(std::string_view key);
    bool flag_or(std::string_view key, bool otherwise);
    /// Index of the member's word in `words`.
    template <std::size_t N>
    std::size_t word(std::string_view key, const std::string_view (&words)[N]) {
        return word_index(key, std::vector<std::string_view>(words, words + N));
    }
    /// Reports members that nobody asked for. Call it last.
    void finish();

private:
    std::size_t word_index(std::string_view key, const std::vector<std::string_view>& words);
    std::string string_at(std::string_view key, std::string_view value);

    std::string pointer_;
    std::string what_;
    tape_fault& fault_;
    std::vector<tape_member> members_;
    std::vector<bool> seen_;
};

/// "a string", "an object", …
std::string_view tape_type_name(std::string_view canonical);

} // namespace aivp::internal
