#include "runtime/schema/internal/pattern.hpp"

#include <algorithm>

#include <re2/re2.h>

namespace aivp::schema_internal {
namespace {

constexpr std::int64_t automaton_bytes_max = 16 << 20;

void fill_ascii(pattern_step& step) {
    for (std::uint32_t c = 0; c < 128; ++c)
        if (step.set.contains(c)) step.ascii[c / 64] |= std::uint64_t{1} << c % 64;
}

/// Greedy matching is exact when nothing that may follow a repeated class starts with a member of it.
bool needs_no_backtracking(const std::vector<pattern_step>& steps) {
    for (std::size_t i = 0; i < steps.size(); ++i) {
        if (steps[i].min == steps[i].max) continue;
        for (std::size_t j = i + 1; j < steps.size(); ++j) {
            if (steps[i].set.intersects(steps[j].set)) return false;
            if (steps[j].min != 0) break;
        }
    }
    return true;
}

} // namespace

void code_set::normalize() {
    std::sort(ranges_.begin(), ranges_.end());
    std::vector<range> joined;
    for (const auto& r : ranges_) {
        if (!joined.empty() && r.first <= joined.back().second + 1)
            joined.back().second = std::max(joined.back().second, r.second);
        else
            joined.push_back(r);
    }
    ranges_ = std::move(joined);
}

code_set code_set::complement() const {
    code_set out;
    std::uint32_t from = 0;
    for (const auto& r : ranges_) {
        if (r.first > from) out.add(from, r.first - 1);
        from = r.second + 1;
    }
    if (from <= 0x10ffff) out.add(from, 0x10ffff);
    return out;
}

bool code_set::intersects(const code_set& other) const {
    return std::any_of(ranges_.begin(), ranges_.end(), [&](const range& a) {
        return std::any_of(other.ranges_.begin(), other.ranges_.end(),
                           [&](const range& b) { return a.first <= b.second && b.first <= a.second; });
    });
}

bool code_set::contains(std::uint32_t code) const {
    const auto after = std::upper_bound(ranges_.begin(), ranges_.end(), code,
                                        [](std::uint32_t c, const range& r) { return c < r.first; });
    return after != ranges_.begin() && code <= std::prev(after)->second;
}

pattern::pattern() = default;
pattern::pattern(pattern&&) noexcept = default;
pattern& pattern::operator=(pattern&&) noexcept = default;
pattern::~pattern() = default;

std::expected<pattern, pattern_problem> pattern::compile(std::string_view source) {
    auto translated = translate_pattern(source);
    if (!translated) return std::unexpected(std::move(translated).error());
    pattern out;
    out.translated_ = std::move(*translated);
    auto& steps = out.translated_.steps;
    // An unanchored sequence would have to be tried at every position; RE2 does that better.
    auto& sequence = out.translated_.sequence;
    sequence = sequence && (out.translated_.at_begin || (steps.empty() && !out.translated_.at_end)) &&
               needs_no_backtracking(steps);
    if (sequence) {
        std::for_each(steps.begin(), steps.end(), fill_ascii);
        return out;
    }
    re2::RE2::Options options(re2::RE2::Quiet);
    options.set_never_capture(true);
    options.set_max_mem(automaton_bytes_max);
    out.automaton_ = std::make_unique<re2::RE2>(out.translated_.re2, options);
    if (!out.automaton_->ok())
        return std::unexpected(
            pattern_problem{true, "the regular expression exceeds what RE2 can do: " + out.automaton_->error()});
    return out;
}

bool pattern::found_in(std::string_view text) const {
    if (translated_.sequence) return follow_steps(text);
    return re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *automaton_);
}

bool pattern::follow_steps(std::string_view text) const {
    std::size_t at = 0;
    for (const auto& step : translated_.steps) {
        std::uint32_t taken = 0;
        for (; taken < step.max && at < text.size(); ++taken) {
            const auto byte = static_cast<unsigned char>(text[at]);
            if (byte < 0x80) {
                if (!(step.ascii[byte / 64] >> byte % 64 & 1)) break;
                ++at;
            } else {
                std::size_t next = at;
                if (!step.set.contains(next_code_point(text, next))) break;
                at = next;
            }
        }
        if (taken < step.min) return false;
    }
    return !translated_.at_end || at == text.size();
}

std::uint32_t next_code_point(std::string_view text, std::size_t& at) {
    const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
    const std::uint32_t lead = byte(at);
    const std::size_t more = lead < 0x80 ? 0 : lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc2 ? 1 : 4;
    if (more == 4 || lead > 0xf4) return ++at, 0xfffd;
    std::uint32_t code = more == 0 ? lead : lead & (0x3fu >> more);
    for (std::size_t i = 1; i <= more; ++i) {
        if ((byte(at + i) & 0xc0) != 0x80) return ++at, 0xfffd;
        code = code << 6 | (byte(at + i) & 0x3f);
    }
    at += more + 1;
    return code;
}

void append_utf8(std::string& out, std::uint32_t code) {
    if (code < 0x80) {
        out += static_cast<char>(code);
        return;
    }
    const int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    constexpr std::uint32_t leads[] = {0, 0xc0, 0xe0, 0xf0};
    out += static_cast<char>(leads[more] | code >> 6 * more);
    for (int i = more - 1; i >= 0; --i) out += static_cast<char>(0x80 | (code >> 6 * i & 0x3f));
}

} // namespace aivp::schema_internal
