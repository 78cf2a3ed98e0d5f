#include "runtime/net/url.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace aivp {

namespace {

constexpr bool url_is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool url_is_hex(char c) { return url_is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
constexpr char url_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
constexpr bool url_is_alnum(char c) {
    const char l = url_lower(c);
    return url_is_digit(l) || (l >= 'a' && l <= 'z');
}

// The text may hold a key in its query: messages say what is wrong and never repeat it.
auto url_refused(std::string why) {
    return fail(errc::config_value, "the address is not accepted: " + why, {},
                "Write https://host/path, or http://host:port/path.");
}

bool url_is_ipv4(std::string_view host) {
    in_addr address{};
    return inet_pton(AF_INET, std::string(host).c_str(), &address) == 1;
}

result<std::string> url_name(std::string_view host) {
    if (host.empty()) return url_refused("it has no host");
    if (host.size() > 253) return url_refused("its host is longer than 253 characters");
    std::string name(host);
    std::ranges::transform(name, name.begin(), url_lower);
    std::size_t start = 0;
    std::string_view last;
    while (start <= name.size()) {
        const std::size_t dot = std::min(name.find('.', start), name.size());
        last = std::string_view(name).substr(start, dot - start);
        if (last.empty()) return url_refused("a part of its host is empty");
        if (last.size() > 63) return url_refused("a part of its host is longer than 63 characters");
        if (last.front() == '-' || last.back() == '-') return url_refused("a part of its host begins or ends with -");
        if (!std::ranges::all_of(last, [](char c) { return url_is_alnum(c) || c == '-' || c == '_'; }))
            return url_refused("its host has a character that host names do not have");
        start = dot + 1;
    }
    // What resolvers take for a number is one of many spellings of an address.
    const bool numeric = std::ranges::all_of(last, url_is_digit) ||
                         (last.starts_with("0x") && std::ranges::all_of(last.substr(2), url_is_hex));
    if (numeric && !url_is_ipv4(name)) return url_refused("its host is a number in an unusual spelling");
    return name;
}

result<std::string> url_ipv6(std::string_view text) {
    in6_addr address{};
    const std::string copy(text);
    if (inet_pton(AF_INET6, copy.c_str(), &address) != 1) return url_refused("[" + copy + "] is no IPv6 address");
    std::array<char, INET6_ADDRSTRLEN> out{};
    return std::string(inet_ntop(AF_INET6, &address, out.data(), out.size()));
}

result<std::uint16_t> url_port(std::string_view text) {
    std::uint32_t port = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (text.empty() || text.size() > 5 || text.front() == '0' || failed != std::errc{} ||
        end != text.data() + text.size() || port > 65535)
        return url_refused("its port is not a number from 1 to 65535");
    return static_cast<std::uint16_t>(port);
}

/// "." or "..", also as %2e.
bool url_is_dots(std::string_view segment) {
    std::size_t dots = 0;
    while (!segment.empty()) {
        if (segment.front() == '.') {
            segment.remove_prefix(1);
        } else if (segment.size() >= 3 && segment[0] == '%' && segment[1] == '2' && url_lower(segment[2]) == 'e') {
            segment.remove_prefix(3);
        } else {
            return false;
        }
        ++dots;
    }
    return dots == 1 || dots == 2;
}

result<void> url_check_target(std::string_view target) {
    for (std::size_t i = 0; i < target.size(); ++i) {
        const char c = target[i];
        if (c == '%' && !(i + 2 < target.size() && url_is_hex(target[i + 1]) && url_is_hex(target[i + 2])))
            return url_refused("a % is not followed by two hexadecimal digits");
        if (std::string_view("\"<>\\^`{|}#").contains(c))
            return url_refused("its path or query has a character that must be percent-encoded, or a fragment");
    }
    std::string_view path = target.substr(0, target.find('?'));
    while (!path.empty()) {
        path.remove_prefix(1);
        const std::string_view segment = path.substr(0, path.find('/'));
        if (url_is_dots(segment)) return url_refused("its path has a segment . or ..");
        path.remove_prefix(segment.size());
    }
    return {};
}

} // namespace

result<url> parse_url(std::string_view text) {
    if (text.size() > url_bytes_max) return url_refused("it is longer than 16384 characters");
    if (!std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; }))
        return url_refused("it has a blank, a control character or a character beyond ASCII");
    url u;
    std::string scheme(text.substr(0, text.find("://")));
    std::ranges::transform(scheme, scheme.begin(), url_lower);
    if (text.size() == scheme.size() || (scheme != "http" && scheme != "https"))
        return url_refused("it does not begin with http:// or https://");
    u.secure = scheme == "https";
    u.port = u.secure ? 443 : 80;
    text.remove_prefix(scheme.size() + 3);

    std::string_view place = text.substr(0, text.find_first_of("/?#"));
    std::string_view target = text.substr(place.size());
    if (place.contains('@')) return url_refused("it has a user or a password in it");
    std::string_view port;
    bool has_port = false;
    if (place.starts_with('[')) {
        const std::size_t close = place.find(']');
        if (close == std::string_view::npos) return url_refused("a [ is not closed");
        AIVP_TRY(u.host, url_ipv6(place.substr(1, close - 1)));
        place.remove_prefix(close + 1);
        if (!place.empty() && !place.starts_with(':')) return url_refused("something stands between ] and the port");
        has_port = !place.empty();
        port = place.substr(has_port ? 1 : 0);
    } else {
        const std::size_t colon = place.find(':');
        has_port = colon != std::string_view::npos;
        if (has_port) port = place.substr(colon + 1);
        AIVP_TRY(u.host, url_name(place.substr(0, colon)));
    }
    if (has_port) {
        AIVP_TRY(u.port, url_port(port));
    }
    u.target = target.starts_with('/') ? std::string(target) : "/" + std::string(target);
    AIVP_CHECK(url_check_target(u.target));
    return u;
}

std::string authority(const url& u) {
    std::string text = u.host.contains(':') ? "[" + u.host + "]" : u.host;
    if (u.port != (u.secure ? 443 : 80)) text += ":" + std::to_string(u.port);
    return text;
}

std::string to_string(const url& u) { return (u.secure ? "https://" : "http://") + authority(u) + u.target; }

std::string percent_encoded(std::string_view text) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string out;
    out.reserve(text.size());
    for (const char c : text) {
        if (url_is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~') {
            out += c;
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        out += '%';
        out += digits[byte >> 4];
        out += digits[byte & 15];
    }
    return out;
}

result<url> joined(const url& base, std::string_view path) {
    if (base.target.contains('?')) return url_refused("an API root has no query");
    url u = base;
    while (u.target.ends_with('/')) u.target.pop_back();
    while (path.starts_with('/')) path.remove_prefix(1);
    u.target += '/';
    u.target += path;
    return parse_url(to_string(u));
}

} // namespace aivp
