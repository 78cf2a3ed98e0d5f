// The mailbox's query language.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mocks/mail.hpp"

namespace aivp {

/// A conjunction of terms; empty = everything.
class mail_query {
public:
    /// Errors: skill.bad_request (an open quote, a date that is none, `is:` and `has:` with another word).
    static result<mail_query> parse(std::string_view text);
    bool matches(const mail_message& m) const;

private:
    enum class kind : std::uint8_t {
        word,
        from,
        to,
        subject,
        label,
        without_label,
        folder,
        unread,
        read,
        attachment,
        before,
        after
    };
    struct term {
        kind what = kind::word;
        std::string text; // lower case
        instant when;
    };
    static std::optional<kind> kind_of(std::string_view name, std::string_view value);
    static bool fits(const term& t, const mail_message& m);

    std::vector<term> terms_;
};

} // namespace aivp
