#include "tools/common/output.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "aivp/base/payload.hpp"

namespace aivp::tools {

namespace {

std::int64_t steady_ns() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
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
