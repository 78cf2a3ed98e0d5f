// Regular expressions of `pattern` and `patternProperties`: ECMA 262 (with the u flag), matched in linear time. RE2 does the
// matching; what is a plain sequence of character classes, as most patterns of real schemas are, needs no automaton.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace re2 {
class RE2;
}

namespace aivp::schema_internal {

/// A set of code points: sorted, disjoint, closed ranges.
class code_set {
public:
    using range = std::pair<std::uint32_t, std::uint32_t>;

    void add(std::uint32_t first, std::uint32_t last) { ranges_.emplace_back(first, last); }
    void add(const code_set& other) { ranges_.insert(ranges_.end(), other.ranges_.begin(), other.ranges_.end()); }
    /// Sorts and joins; the other functions expect it.
    void normalize();
    code_set complement() const;
    bool intersects(const code_set& other) const;
    bool contains(std::uint32_t code) const;
    const std::vector<range>& ranges() const { return ranges_; }

private:
    std::vector<range> ranges_;
};

/// One step of a sequence: `min` to `max` code points of `set`.
struct pattern_step {
    code_set set;
    std::array<std::uint64_t, 2> ascii{};
    std::uint32_t min = 1;
    std::uint32_t max = 1;
};

struct pattern_problem {
    bool unsupported = false; ///< valid ECMA 262 that RE2 cannot do; otherwise no ECMA 262 at all
    std::string message;
};

/// What an ECMA 262 expression means, in two forms.
struct translated_pattern {
    std::string re2;
    std::vector<pattern_step> steps;
    bool sequence = true; ///< `steps` say it all and need no backtracking
    bool at_begin = false;
    bool at_end = false;
};

std::expected<translated_pattern, pattern_problem> translate_pattern(std::string_view source);

/// Immutable; matching is thread-safe.
class pattern {
public:
    static std::expected<pattern, pattern_problem> compile(std::string_view source);
    pattern(pattern&&) noexcept;
    pattern& operator=(pattern&&) noexcept;
    ~pattern();

    /// Whether some part of `text` (UTF-8) matches.
    bool found_in(std::string_view text) const;

private:
    pattern();
    bool follow_steps(std::string_view text) const;

    translated_pattern translated_;
    std::unique_ptr<re2::RE2> automaton_;
};

/// Code point at `at`, which is moved past it; 0xfffd and one byte for what is not UTF-8.
std::uint32_t next_code_point(std::string_view text, std::size_t& at);
void append_utf8(std::string& out, std::uint32_t code);

} // namespace aivp::schema_internal
