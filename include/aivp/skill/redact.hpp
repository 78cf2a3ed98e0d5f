// Keeping secrets out of what is written down. Two nets: `redact` takes away what a contract declares secret, by place;
// `known_secrets` takes away what the secrets port handed out, by value, in whatever common encoding it comes back.
// Placeholders are stable, so that redacted requests still match each other. Nothing of a secret is kept, no hash either.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "aivp/base/payload.hpp"

namespace aivp {

/// `p` with every value at one of `pointers` replaced by the string "⟦secret:kind#n⟧". `pointers` are RFC 6901, where the
/// token `*` stands for every item or member; a place that `p` does not have is skipped. Equal values have equal numbers,
/// counted from 1 in order of first use in the canonical text. Idempotent. When nothing is replaced, the same payload
/// object is returned. Fails closed: a text that is no pointer redacts the whole of `p`. Characters of `kind` other than
/// ASCII letters, digits and _ . - are replaced by _.
payload redact(const payload& p, std::span<const std::string> pointers, std::string_view kind);

/// The secrets that were handed out, and a scrubber for everything that is written. A value type; const members may be
/// called from several threads at once.
///
/// Found are: the value as it is; in base64 and base64url, padded or not, wrapped, also inside a longer encoded text
/// (`user:password`); in hexadecimal, either case, with : - or blanks between bytes; and each of these with any of its
/// characters percent-encoded (twice too), JSON-escaped (in nested JSON texts too) or written as an HTML entity. Not
/// found are parts of a value, other alphabets, compression and encryption.
class known_secrets {
public:
    /// Shorter values are ignored, in bytes: they would blank ordinary words.
    static constexpr std::size_t length_min = 6;

    /// `value` becomes "⟦secret:name#n⟧", n = the how-manieth value of that name, from 1. Blanks and line ends around the
    /// value are optional in what is found. A value that is there already keeps its first name. False when it is not
    /// taken: too short, or part of the placeholders' own spelling ("secret", "hidden"). A name that would give away a value is
    /// replaced by "hidden".
    bool add(std::string_view name, std::string_view value);
    bool empty() const { return secrets_.empty(); }

    /// Every string and key with its secrets replaced; a number that is one becomes a string. The same payload object
    /// when there is nothing to replace. Idempotent. Keys that become equal get "~2", "~3", ... appended.
    payload scrub(const payload& p) const;
    std::string scrub_text(std::string_view text) const;
    /// The placeholder of the first secret found in `text`, empty when there is none: for a last look at what is about to
    /// be written, JSON text included.
    std::string_view find_in(std::string_view text) const;

private:
    struct secret {
        std::string name;
        std::string label;
        std::string value;
    };
    struct index; // what to look for, made anew by add()

    void rebuild();
    payload scrub_object(const payload& object) const;

    std::vector<secret> secrets_;
    std::shared_ptr<const index> index_;
};

} // namespace aivp
