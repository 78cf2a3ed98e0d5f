#include "runtime/tape/internal/tape_excerpt.hpp"

#include <algorithm>

namespace aivp::internal {

namespace {

constexpr std::size_t excerpt_bytes_max = 64;
constexpr std::size_t excerpt_bytes_before = 20;

bool excerpt_inside_character(std::string_view text, std::size_t at) {
    return at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0u) == 0x80u;
}

std::string excerpt_of(const std::optional<payload>& value, std::size_t first_difference) {
    if (!value) return "absent";
    const std::string_view text = value->text();
    if (text.size() <= excerpt_bytes_max) return std::string(text);
    const bool is_string = text.front() == '"';
    std::size_t from = first_difference > excerpt_bytes_before ? first_difference - excerpt_bytes_before : 0;
    from = std::min(from, text.size() - excerpt_bytes_max);
    while (from > 0 && excerpt_inside_character(text, from)) --from;
    std::size_t to = from + excerpt_bytes_max;
    while (excerpt_inside_character(text, to)) ++to;
    to = std::min(to, text.size());
    std::string out(text.substr(from, to - from));
    if (from > 0) out = (is_string ? "\"…" : "…") + out;
    if (to < text.size()) out += is_string ? "…\"" : "…";
    return out;
}

} // namespace

std::pair<std::string, std::string> tape_excerpts(const json_difference& d) {
    std::size_t first = 0;
    if (d.left && d.right) {
        const std::string_view l = d.left->text();
        const std::string_view r = d.right->text();
        while (first < l.size() && first < r.size() && l[first] == r[first]) ++first;
    }
    return {excerpt_of(d.left, first), excerpt_of(d.right, first)};
}

} // namespace aivp::internal
