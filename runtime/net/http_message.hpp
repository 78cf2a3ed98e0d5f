// What HTTP messages consist of, for client and server alike.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "aivp/base/error.hpp"
#include "aivp/base/time.hpp"

namespace aivp {

struct http_header {
    std::string name;
    std::string value;

    friend bool operator==(const http_header&, const http_header&) = default;
};

/// The first header of that name, compared without regard to case; nullptr when there is none.
const std::string* find_header(std::span<const http_header> headers, std::string_view name);

/// Whether it can be sent as it is: the name is a token, the value has no control characters. Errors: config.value, with the
/// name but not the value in the message.
result<void> check_header(const http_header& header);

/// How long a failed answer asks to wait before the next attempt (see aivp/reliability/retry_after.hpp); 0 = it does not.
duration retry_after_of(std::span<const http_header> headers, instant now);

/// Letters, digits and !#$%&'*+-.^_`|~, at least one.
bool is_http_token(std::string_view text);
/// ASCII letters only.
bool equal_ignoring_case(std::string_view a, std::string_view b);

} // namespace aivp
