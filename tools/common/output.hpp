// Text for people: numbers with separators, durations, a progress bar that only a terminal gets to see.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "aivp/base/time.hpp"

namespace aivp::tools {

/// "12,345,678".
std::string grouped(std::uint64_t n);
/// "1 run", "3 runs".
std::string counted(std::uint64_t n, std::string_view singular, std::string_view plural = {});
/// Rounded for reading: "3h12m", "2.5s", "410ms", "0s".
std::string rounded(duration d);
/// "+00:02.500" since a start.
std::string offset(duration d);
/// Left-aligned in `width` characters (UTF-8 aware), never cut.
std::string padded(std::string_view text, std::size_t width);
/// Text from outside, for a terminal: what moves the cursor, changes colours or reorders what is read is written out as
/// \xNN or \u{NNNN} (control characters, DEL, C1, bidirectional marks, line separators, bytes that are no UTF-8).
std::string printable(std::string_view text);
/// The same, but line ends stay; every line after the first begins with `indent`.
std::string printable_lines(std::string_view text, std::string_view indent);
/// JSON string literal.
std::string quoted(std::string_view text);
/// &, <, >, " and control characters escaped for XML.
std::string xml_escaped(std::string_view text);

/// A bar on stderr. Draws only on a terminal, at most ten times a second, and wipes itself.
class progress_bar {
public:
    explicit progress_bar(std::string label);
    ~progress_bar();
    progress_bar(const progress_bar&) = delete;
    progress_bar& operator=(const progress_bar&) = delete;
    void update(std::uint64_t done, std::uint64_t all);

private:
    std::string label_;
    bool terminal_;
    std::int64_t last_drawn_ms_ = 0;
    bool drawn_ = false;
};

/// Seconds since construction, for "in 0.12 s"; never used for anything but what people read.
class stopwatch {
public:
    stopwatch();
    double seconds() const;

private:
    std::int64_t start_ns_;
};

} // namespace aivp::tools
