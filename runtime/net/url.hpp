// The addresses that leave this program, read strictly: what is unusual is refused rather than repaired, so that the host
// that is checked is the host that is called. Sources: RFC 3986; RFC 9110 section 4.2.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "aivp/base/error.hpp"

namespace aivp {

inline constexpr std::size_t url_bytes_max = 16'384;

/// An http or https address. No user information, no fragment.
struct url {
    bool secure = true; ///< https
    std::string host;   ///< lower-case name, dotted IPv4, or IPv6 without brackets in its shortest form
    std::uint16_t port = 443;
    std::string target = "/"; ///< path and query as they are sent; begins with "/"

    friend bool operator==(const url&, const url&) = default;
};

/// Accepts "http://" and "https://" with printable ASCII only; percent signs must begin a byte in hexadecimal. Hosts are
/// names of letters, digits, "-" and "_", dotted decimal IPv4 in its one usual spelling, or [IPv6] without a zone. Refused:
/// user information, fragments, backslashes, numeric hosts in other spellings (0x7f.1, 127.1, 017700000001), trailing dots,
/// empty labels, ports with leading zeros, "." and ".." as path segments in any spelling. Errors: config.value.
result<url> parse_url(std::string_view text);

/// The one spelling of it; the default port is left out.
std::string to_string(const url& u);
/// Host and port as the Host header has them: "example.com", "example.com:8080", "[::1]:8080".
std::string authority(const url& u);

/// Everything but letters, digits and - . _ ~ as %XX.
std::string percent_encoded(std::string_view text);

/// `base` with `path` after it and one slash between them; `base` has no query. For API roots such as "https://host/v1".
/// Errors: config.value.
result<url> joined(const url& base, std::string_view path);

} // namespace aivp
