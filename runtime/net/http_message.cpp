#include "runtime/net/http_message.hpp"

#include <algorithm>

#include "aivp/reliability/retry_after.hpp"

namespace aivp {

bool equal_ignoring_case(std::string_view a, std::string_view b) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    return std::ranges::equal(a, b, {}, lower, lower);
}

bool is_http_token(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               std::string_view("!#$%&'*+-.^_`|~").contains(c);
    });
}

const std::string* find_header(std::span<const http_header> headers, std::string_view name) {
    const auto found = std::ranges::find_if(headers, [&](const auto& h) { return equal_ignoring_case(h.name, name); });
    return found == headers.end() ? nullptr : &found->value;
}

result<void> check_header(const http_header& header) {
    if (!is_http_token(header.name)) return fail(errc::config_value, "a header's name is not allowed in HTTP");
    const bool clean = std::ranges::all_of(header.value, [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
    });
    if (clean) return {};
    return fail(errc::config_value, "the value of the header " + header.name + " has a control character in it");
}

duration retry_after_of(std::span<const http_header> headers, instant now) {
    std::vector<header_view> views;
    for (const http_header& h : headers) views.push_back({h.name, h.value});
    const auto hint = find_retry_after(views, now);
    return hint ? hint->wait : duration{};
}

} // namespace aivp
