// Host names and IDNA 2008. Unicode categories and scripts come from RE2; joining types and bidi classes are derived from
// them, which is exact for the common scripts and an approximation for rare ones (docs/json-schema.md).
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include <re2/re2.h>

#include "runtime/schema/internal/format.hpp"
#include "runtime/schema/internal/pattern.hpp"

namespace aivp::schema_internal {
namespace {

constexpr std::size_t label_bytes_max = 63;
constexpr std::size_t hostname_bytes_max = 253;

bool in_class(std::uint32_t code, const re2::RE2& one) {
    std::string text;
    append_utf8(text, code);
    return re2::RE2::FullMatch(text, one);
}

bool is_ascii_label(std::string_view label) {
    if (label.empty() || label.size() > label_bytes_max || label.front() == '-' || label.back() == '-') return false;
    return std::all_of(label.begin(), label.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
    });
}

// RFC 3492 §5.
constexpr std::uint32_t punycode_base = 36;
constexpr std::uint32_t punycode_t_min = 1;
constexpr std::uint32_t punycode_t_max = 26;

std::uint32_t adapt_bias(std::uint32_t delta, std::uint32_t points, bool first) {
    delta = first ? delta / 700 : delta / 2;
    delta += delta / points;
    std::uint32_t k = 0;
    for (; delta > (punycode_base - punycode_t_min) * punycode_t_max / 2; k += punycode_base)
        delta /= punycode_base - punycode_t_min;
    return k + (punycode_base - punycode_t_min + 1) * delta / (delta + 38);
}

std::uint32_t threshold(std::uint32_t k, std::uint32_t bias) {
    return k <= bias + punycode_t_min ? punycode_t_min : std::min(k - bias, punycode_t_max);
}

std::optional<std::vector<std::uint32_t>> punycode_decode(std::string_view text) {
    std::vector<std::uint32_t> out;
    if (const auto dash = text.rfind('-'); dash != std::string_view::npos) {
        for (const char c : text.substr(0, dash)) out.push_back(static_cast<unsigned char>(c));
        text.remove_prefix(dash + 1);
    }
    std::uint64_t code = 128;
    std::uint64_t i = 0;
    std::uint32_t bias = 72;
    while (!text.empty()) {
        const std::uint64_t before = i;
        std::uint64_t weight = 1;
        for (std::uint32_t k = punycode_base;; k += punycode_base) {
            if (text.empty()) return std::nullopt;
            const char c = text.front();
            text.remove_prefix(1);
            const int digit = c >= '0' && c <= '9'                     ? c - '0' + 26
                              : (c | 0x20) >= 'a' && (c | 0x20) <= 'z' ? (c | 0x20) - 'a'
                                                                       : -1;
            if (digit < 0) return std::nullopt;
            i += static_cast<std::uint64_t>(digit) * weight;
            if (i > 0xffffffff) return std::nullopt;
            const auto t = threshold(k, bias);
            if (static_cast<std::uint32_t>(digit) < t) break;
            weight *= punycode_base - t;
            if (weight > 0xffffffff) return std::nullopt;
        }
        const std::uint64_t points = out.size() + 1;
        bias = adapt_bias(static_cast<std::uint32_t>(i - before), static_cast<std::uint32_t>(points), before == 0);
        code += i / points;
        i %= points;
        if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return std::nullopt;
        out.insert(out.begin() + static_cast<std::ptrdiff_t>(i++), static_cast<std::uint32_t>(code));
    }
    return out;
}

std::string punycode_encode(const std::vector<std::uint32_t>& codes) {
    std::string out;
    for (const auto c : codes)
        if (c < 128) out += static_cast<char>(c);
    std::size_t done = out.size();
    const std::size_t basic = done;
    if (basic != 0) out += '-';
    std::uint32_t code = 128;
    std::uint32_t delta = 0;
    std::uint32_t bias = 72;
    while (done < codes.size()) {
        std::uint32_t next = 0x10ffff;
        for (const auto c : codes)
            if (c >= code) next = std::min(next, c);
        delta += (next - code) * static_cast<std::uint32_t>(done + 1);
        code = next;
        for (const auto c : codes) {
            if (c < code) ++delta;
            if (c != code) continue;
            std::uint32_t q = delta;
            for (std::uint32_t k = punycode_base;; k += punycode_base) {
                const auto t = threshold(k, bias);
                const auto digit = q < t ? q : t + (q - t) % (punycode_base - t);
                out += static_cast<char>(digit < 26 ? 'a' + digit : '0' + (digit - 26));
                if (q < t) break;
                q = (q - t) / (punycode_base - t);
            }
            bias = adapt_bias(delta, static_cast<std::uint32_t>(done + 1), done == basic);
            delta = 0;
            ++done;
        }
        ++delta;
        ++code;
    }
    return out;
}

bool is_hebrew(std::uint32_t c) {
    static const re2::RE2 one("\\p{Hebrew}");
    return in_class(c, one);
}

bool is_virama(std::uint32_t c) {
    constexpr std::uint32_t viramas[] = {
        0x94d,  0x9cd,   0xa4d,   0xacd,   0xb4d,   0xbcd,   0xc4d,   0xccd,   0xd3b,   0xd3c,   0xd4d,
        0xdca,  0xe3a,   0xeba,   0xf84,   0x1039,  0x103a,  0x1714,  0x1734,  0x17d2,  0x1a60,  0x1b44,
        0x1baa, 0x1bab,  0x1bf2,  0x1bf3,  0x2d7f,  0xa806,  0xa82c,  0xa8c4,  0xa953,  0xa9c0,  0xaaf6,
        0xabed, 0x10a3f, 0x11046, 0x1107f, 0x110b9, 0x11133, 0x11134, 0x111c0, 0x11235, 0x112ea, 0x1134d};
    return std::find(std::begin(viramas), std::end(viramas), c) != std::end(viramas);
}

bool is_mark(std::uint32_t c) {
    static const re2::RE2 one("\\p{M}");
    return in_class(c, one);
}

/// Joining type D (or L) of the cursive scripts; the right-joining letters of Arabic and Syriac join only before them.
bool joins_forward(std::uint32_t c) {
    static const re2::RE2 letter("[\\p{Arabic}\\p{Syriac}\\p{Mongolian}\\p{Nko}\\p{Mandaic}]");
    static const re2::RE2 right_only(
        "[\\x{622}-\\x{625}\\x{627}\\x{629}\\x{62f}-\\x{632}\\x{648}\\x{671}-\\x{673}\\x{675}-\\x{677}\\x{688}-\\x{699}"
        "\\x{6c0}\\x{6c3}-\\x{6cb}\\x{6cd}\\x{6cf}\\x{6d2}-\\x{6d3}\\x{6d5}\\x{6ee}-\\x{6ef}\\x{710}\\x{715}-\\x{719}"
        "\\x{71e}\\x{728}\\x{72a}\\x{72c}\\x{72f}]");
    return in_class(c, letter) && !is_mark(c) && !in_class(c, right_only);
}

bool joins_backward(std::uint32_t c) {
    static const re2::RE2 letter("[\\p{Arabic}\\p{Syriac}\\p{Mongolian}\\p{Nko}\\p{Mandaic}]");
    return in_class(c, letter) && !is_mark(c) && c != 0x621 && c != 0x674;
}

bool may_hold_non_joiner(const std::vector<std::uint32_t>& label, std::size_t at) {
    if (at == 0) return false;
    if (is_virama(label[at - 1])) return true;
    std::size_t left = at;
    while (left > 0 && is_mark(label[left - 1])) --left;
    std::size_t right = at + 1;
    while (right < label.size() && is_mark(label[right])) ++right;
    return left > 0 && right < label.size() && joins_forward(label[left - 1]) && joins_backward(label[right]);
}

/// RFC 5892 appendix A; nullopt when the code point has no contextual rule.
std::optional<bool> context_allows(const std::vector<std::uint32_t>& label, std::size_t at) {
    static const re2::RE2 greek("\\p{Greek}");
    static const re2::RE2 kana("[\\p{Hiragana}\\p{Katakana}\\p{Han}]");
    const auto has = [&](std::uint32_t first, std::uint32_t last) {
        return std::any_of(label.begin(), label.end(), [=](std::uint32_t c) { return c >= first && c <= last; });
    };
    switch (const auto c = label[at]) {
    case 0x200c: return may_hold_non_joiner(label, at);
    case 0x200d: return at > 0 && is_virama(label[at - 1]);
    case 0xb7: return at > 0 && label[at - 1] == 'l' && at + 1 < label.size() && label[at + 1] == 'l';
    case 0x375: return at + 1 < label.size() && in_class(label[at + 1], greek);
    case 0x5f3:
    case 0x5f4: return at > 0 && is_hebrew(label[at - 1]);
    case 0x30fb:
        return std::any_of(label.begin(), label.end(),
                           [](std::uint32_t k) { return k != 0x30fb && in_class(k, kana); });
    default:
        if (c >= 0x660 && c <= 0x669) return !has(0x6f0, 0x6f9);
        if (c >= 0x6f0 && c <= 0x6f9) return !has(0x660, 0x669);
        return std::nullopt;
    }
}

/// RFC 5892 §3 without the rules that need normalisation tables.
bool is_allowed_code(std::uint32_t c) {
    constexpr std::uint32_t valid[] = {0xdf, 0x3c2, 0x6fd, 0x6fe, 0xf0b, 0x3007};
    constexpr std::uint32_t disallowed[] = {0x640,  0x7fa,  0x302e, 0x302f, 0x3031,
                                            0x3032, 0x3033, 0x3034, 0x3035, 0x303b};
    if (c < 128) return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    if (std::find(std::begin(valid), std::end(valid), c) != std::end(valid)) return true;
    if (std::find(std::begin(disallowed), std::end(disallowed), c) != std::end(disallowed)) return false;
    // Compatibility forms and old Hangul jamo are unstable or excluded.
    static const re2::RE2 excluded(
        "[\\x{1100}-\\x{11ff}\\x{a960}-\\x{a97c}\\x{d7b0}-\\x{d7fb}\\x{f900}-\\x{fa0d}\\x{fa10}\\x{fa12}\\x{fa15}-\\x{"
        "fa1e}\\x{fa20}\\x{fa22}\\x{fa25}-\\x{fa26}\\x{fa2a}-\\x{fad9}\\x{fb00}-\\x{fb1d}\\x{fb1f}-\\x{fdff}\\x{fe70}-"
        "\\x{feff}\\x{ff00}-\\x{ffef}\\x{1d400}-\\x{1d7ff}\\x{2f800}-\\x{2fa1d}\\x{2b0}-\\x{2b8}\\x{2e0}-\\x{2e4}\\x{"
        "aa}\\x{ba}\\x{2071}\\x{207f}\\x{2090}-\\x{209c}\\x{1d2c}-\\x{1d6a}\\x{340}\\x{341}\\x{343}-\\x{345}]");
    static const re2::RE2 letter_digit("[\\p{Ll}\\p{Lo}\\p{Lm}\\p{Mn}\\p{Mc}\\p{Nd}]");
    return in_class(c, letter_digit) && !in_class(c, excluded);
}

bool is_right_to_left(std::uint32_t c) {
    static const re2::RE2 letter("[\\p{Hebrew}\\p{Arabic}\\p{Syriac}\\p{Thaana}\\p{Nko}\\p{Samaritan}\\p{Mandaic}\\x{"
                                 "10800}-\\x{10fff}\\x{1e800}-\\x{1efff}]");
    return in_class(c, letter) && !is_mark(c) && !(c >= 0x660 && c <= 0x669) && !(c >= 0x6f0 && c <= 0x6f9);
}

bool is_right_to_left_label(const std::vector<std::uint32_t>& label) {
    return std::any_of(label.begin(), label.end(),
                       [](std::uint32_t c) { return is_right_to_left(c) || (c >= 0x660 && c <= 0x669); });
}

/// RFC 5893 §2, for a name that has at least one right-to-left label.
bool follows_bidi_rule(const std::vector<std::uint32_t>& label) {
    const auto european = [](std::uint32_t c) { return (c >= '0' && c <= '9') || (c >= 0x6f0 && c <= 0x6f9); };
    const auto arabic = [](std::uint32_t c) { return c >= 0x660 && c <= 0x669; };
    if (european(label[0]) || arabic(label[0])) return false;
    auto last = label.size() - 1;
    while (last > 0 && is_mark(label[last])) --last;
    const bool ends_in_number = european(label[last]);
    if (!is_right_to_left(label[0])) {
        return std::none_of(label.begin(), label.end(),
                            [&](std::uint32_t c) { return is_right_to_left(c) || arabic(c); }) &&
               label[last] != '-';
    }
    const bool only_fitting = std::all_of(label.begin(), label.end(), [&](std::uint32_t c) {
        return is_right_to_left(c) || european(c) || arabic(c) || c == '-' || is_mark(c) || c == 0x200c || c == 0x200d;
    });
    const bool mixed =
        std::any_of(label.begin(), label.end(), european) && std::any_of(label.begin(), label.end(), arabic);
    return only_fitting && !mixed && (is_right_to_left(label[last]) || ends_in_number || arabic(label[last]));
}

bool is_u_label(const std::vector<std::uint32_t>& label) {
    if (label.empty() || label.front() == '-' || label.back() == '-' || is_mark(label.front())) return false;
    if (label.size() >= 4 && label[2] == '-' && label[3] == '-') return false;
    for (std::size_t i = 0; i < label.size(); ++i) {
        const auto context = context_allows(label, i);
        if (context ? !*context : !is_allowed_code(label[i])) return false;
    }
    return true;
}

/// The code points of an A-label; nullopt when it is none.
std::optional<std::vector<std::uint32_t>> read_a_label(std::string_view label) {
    if (!is_ascii_label(label)) return std::nullopt;
    std::string lower(label.substr(4));
    for (auto& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    auto codes = punycode_decode(lower);
    if (!codes || !is_u_label(*codes) || punycode_encode(*codes) != lower) return std::nullopt;
    if (std::all_of(codes->begin(), codes->end(), [](std::uint32_t c) { return c < 128; })) return std::nullopt;
    return codes;
}

bool is_a_label(std::string_view label) {
    return label.size() > 4 && (label[0] | 0x20) == 'x' && (label[1] | 0x20) == 'n' && label[2] == '-' &&
           label[3] == '-';
}

std::vector<std::vector<std::uint32_t>> split_labels(std::string_view text) {
    std::vector<std::vector<std::uint32_t>> out(1);
    for (std::size_t i = 0; i < text.size();) {
        const auto code = next_code_point(text, i);
        if (code == '.' || code == 0x3002 || code == 0xff0e || code == 0xff61)
            out.emplace_back();
        else
            out.back().push_back(code);
    }
    return out;
}

} // namespace

bool is_hostname(std::string_view text) {
    if (text.size() > hostname_bytes_max) return false;
    for (;;) {
        const auto dot = std::min(text.find('.'), text.size());
        const auto label = text.substr(0, dot);
        if (!is_ascii_label(label) || (is_a_label(label) && !read_a_label(label))) return false;
        if (label.size() >= 4 && label[2] == '-' && label[3] == '-' && !is_a_label(label)) return false;
        if (dot == text.size()) return true;
        text.remove_prefix(dot + 1);
    }
}

bool is_idn_hostname(std::string_view text) {
    auto labels = split_labels(text);
    std::size_t bytes = labels.size() - 1;
    for (auto& label : labels) {
        std::string ascii;
        for (const auto c : label) ascii += c < 128 ? static_cast<char>(c) : '\0';
        if (ascii.find('\0') != std::string::npos) {
            // U-labels are lower case by definition; upper-case ASCII beside other scripts is not mapped.
            if (!is_u_label(label)) return false;
            ascii = "xn--" + punycode_encode(label);
        } else if (is_a_label(ascii)) {
            auto codes = read_a_label(ascii);
            if (!codes) return false;
            label = std::move(*codes);
        } else if (!is_ascii_label(ascii) || (ascii.size() >= 4 && ascii[2] == '-' && ascii[3] == '-')) {
            return false;
        }
        if (ascii.size() > label_bytes_max) return false;
        bytes += ascii.size();
    }
    if (bytes > hostname_bytes_max) return false;
    const bool bidi = std::any_of(labels.begin(), labels.end(), is_right_to_left_label);
    return !bidi || std::all_of(labels.begin(), labels.end(), follows_bidi_rule);
}

} // namespace aivp::schema_internal
