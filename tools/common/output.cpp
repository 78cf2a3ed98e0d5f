#include "tools/common/output.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <utility>

#include "aivp/base/payload.hpp"

namespace aivp::tools {

namespace {

std::int64_t steady_ns() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

/// The character that begins `text` and its length in bytes; length 0 when these bytes are no UTF-8.
std::pair<char32_t, std::size_t> first_character(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    if (byte(0) < 0x80) return {byte(0), 1};
    const std::size_t length = byte(0) >= 0xf0 ? 4 : byte(0) >= 0xe0 ? 3 : 2;
    if (byte(0) < 0xc2 || byte(0) > 0xf4 || text.size() < length) return {0, 0};
    char32_t c = byte(0) & (0xffu >> (length + 1));
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xc0) != 0x80) return {0, 0};
        c = c << 6 | (byte(i) & 0x3fu);
    }
    constexpr char32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (c < least[length] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) return {0, 0};
    return {c, length};
}

bool steers_a_terminal(char32_t c) {
    return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x61c || (c >= 0x200b && c <= 0x200f) ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff ||
           (c >= 0xfff9 && c <= 0xfffb) || (c >= 0xe0000 && c <= 0xe007f);
}

} // namespace

std::string grouped(std::uint64_t n) {
    std::string digits = std::to_string(n);
    for (std::size_t at = digits.size(); at > 3;) {
        at -= 3;
        digits.insert(at, ",");
    }
    return digits;
}

std::string counted(std::uint64_t n, std::string_view singular, std::string_view plural) {
    const std::string many = plural.empty() ? std::string(singular) + "s" : std::string(plural);
    return grouped(n) + " " + (n == 1 ? std::string(singular) : many);
}

std::string rounded(duration d) {
    const std::int64_t us = d.us < 0 ? -d.us : d.us;
    const std::string sign = d.us < 0 ? "-" : "";
    char buffer[48];
    if (us == 0) return "0s";
    if (us < 1'000)
        std::snprintf(buffer, sizeof buffer, "%lldus", static_cast<long long>(us));
    else if (us < 1'000'000)
        std::snprintf(buffer, sizeof buffer, "%lldms", static_cast<long long>(us / 1000));
    else if (us < 60'000'000)
        std::snprintf(buffer, sizeof buffer, "%lld.%llds", static_cast<long long>(us / 1'000'000),
                      static_cast<long long>(us / 100'000 % 10));
    else if (us < 3'600'000'000)
        std::snprintf(buffer, sizeof buffer, "%lldm%02llds", static_cast<long long>(us / 60'000'000),
                      static_cast<long long>(us / 1'000'000 % 60));
    else if (us < 172'800'000'000)
        std::snprintf(buffer, sizeof buffer, "%lldh%02lldm", static_cast<long long>(us / 3'600'000'000),
                      static_cast<long long>(us / 60'000'000 % 60));
    else
        std::snprintf(buffer, sizeof buffer, "%lldd%02lldh", static_cast<long long>(us / 86'400'000'000),
                      static_cast<long long>(us / 3'600'000'000 % 24));
    return sign + buffer;
}

std::string offset(duration d) {
    char buffer[48];
    const std::int64_t ms = d.us / 1000;
    if (ms < 3'600'000)
        std::snprintf(buffer, sizeof buffer, "+%02lld:%02lld.%03lld", static_cast<long long>(ms / 60'000),
                      static_cast<long long>(ms / 1000 % 60), static_cast<long long>(ms % 1000));
    else
        std::snprintf(buffer, sizeof buffer, "+%lldh%02lldm%02llds", static_cast<long long>(ms / 3'600'000),
                      static_cast<long long>(ms / 60'000 % 60), static_cast<long long>(ms / 1000 % 60));
    return buffer;
}

std::string padded(std::string_view text, std::size_t width) {
    const auto shown = static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
    return std::string(text) + std::string(shown < width ? width - shown : 0, ' ');
}

std::string printable(std::string_view text) {
    std::string out;
    char code[16];
    while (!text.empty()) {
        const auto [c, length] = first_character(text);
        if (length == 0 || (length == 1 && steers_a_terminal(c))) {
            std::snprintf(code, sizeof code, "\\x%02X", static_cast<unsigned>(static_cast<unsigned char>(text[0])));
            out += code;
        } else if (steers_a_terminal(c)) {
            std::snprintf(code, sizeof code, "\\u{%04X}", static_cast<unsigned>(c));
            out += code;
        } else {
            out += text.substr(0, length);
        }
        text.remove_prefix(std::max<std::size_t>(1, length));
    }
    return out;
}

std::string printable_lines(std::string_view text, std::string_view indent) {
    std::string out;
    for (;;) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        out += printable(text.substr(0, end));
        if (end == text.size()) return out;
        out.append("\n").append(indent);
        text.remove_prefix(end + 1);
    }
}

std::string quoted(std::string_view text) {
    std::string out;
    append_json_string(out, text);
    return out;
}

std::string xml_escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        switch (c) {
        case '&': out += "&amp;"; break;
        case '<': out += "&lt;"; break;
        case '>': out += "&gt;"; break;
        case '"': out += "&quot;"; break;
        default:
            // XML 1.0 has no way to write most control characters.
            out += static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t' ? ' ' : c;
        }
    }
    return out;
}

progress_bar::progress_bar(std::string label) : label_(std::move(label)), terminal_(isatty(STDERR_FILENO) == 1) {}

progress_bar::~progress_bar() {
    if (drawn_) std::fputs("\r\033[K", stderr);
}

void progress_bar::update(std::uint64_t done, std::uint64_t all) {
    if (!terminal_ || all == 0) return;
    const std::int64_t now_ms = steady_ns() / 1'000'000;
    if (now_ms - last_drawn_ms_ < 100) return;
    last_drawn_ms_ = now_ms;
    drawn_ = true;
    constexpr std::uint64_t width = 30;
    const std::uint64_t filled = done * width / all;
    const std::string bar = std::string(filled, '#') + std::string(width - filled, '.');
    std::fprintf(stderr, "\r\033[K%s [%s] %s of %s", label_.c_str(), bar.c_str(), grouped(done).c_str(),
                 grouped(all).c_str());
    std::fflush(stderr);
}

stopwatch::stopwatch() : start_ns_(steady_ns()) {}
double stopwatch::seconds() const { return static_cast<double>(steady_ns() - start_ns_) / 1e9; }

} // namespace aivp::tools
