#include "runtime/base/internal/json_text.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "aivp/base/assert.hpp"
#include "aivp/base/payload.hpp"

namespace aivp {
namespace internal {
namespace {

// UTF-8 orders by code point. UTF-16 differs in one respect: what lies beyond U+FFFF starts with a surrogate (D800..DFFF)
// and so comes before U+E000..U+FFFF (first bytes EE and EF).
int json_utf16_rank(unsigned char first_byte) {
    if (first_byte < 0xEE) return first_byte;
    return first_byte < 0xF0 ? first_byte + 0x10 : first_byte - 2;
}

int json_compare_utf8(std::string_view a, std::string_view b) {
    const std::size_t common = std::min(a.size(), b.size());
    std::size_t i = 0;
    while (i < common && a[i] == b[i]) ++i;
    if (i == common) return a.size() == b.size() ? 0 : a.size() < b.size() ? -1 : 1;
    return json_utf16_rank(static_cast<unsigned char>(a[i])) - json_utf16_rank(static_cast<unsigned char>(b[i]));
}

// The quote that closes the canonical literal whose contents start at `p`.
const char* json_closing_quote(const char* p, const char* end) {
    for (;;) {
        while (end - p >= 8) {
            const std::uint64_t v = json_load_eight(p);
            const std::uint64_t found = json_bytes_equal(v, '"') | json_bytes_equal(v, '\\');
            if (found != 0) {
                p += json_first_byte(found);
                break;
            }
            p += 8;
        }
        while (p < end && *p != '"' && *p != '\\') ++p;
        if (p >= end || *p == '"') return p;
        p += 2;
    }
}

} // namespace

int json_compare_keys(std::string_view a, std::string_view b) {
    const std::size_t common = std::min(a.size(), b.size());
    std::size_t i = 0;
    while (i < common && a[i] == b[i]) ++i;
    // Where one key ends within the other, escapes cannot change the order.
    const bool escaped = i < common && (std::memchr(a.data(), '\\', i + 1) != nullptr || b[i] == '\\');
    if (escaped) return json_compare_utf8(json_unescape(a), json_unescape(b));
    return json_compare_utf8(a.substr(i), b.substr(i));
}

std::string json_unescape(std::string_view contents) {
    std::string text;
    text.reserve(contents.size());
    for (std::size_t i = 0; i < contents.size();) {
        const std::size_t run = std::min(contents.find('\\', i), contents.size());
        text.append(contents, i, run - i);
        i = run;
        if (i == contents.size()) break;
        const char kind = contents[i + 1];
        i += 2;
        switch (kind) {
        case 'b': text += '\b'; break;
        case 'f': text += '\f'; break;
        case 'n': text += '\n'; break;
        case 'r': text += '\r'; break;
        case 't': text += '\t'; break;
        case 'u': {
            // Canonical text writes \u only for control characters: 00xx.
            unsigned value = 0;
            std::from_chars(contents.data() + i, contents.data() + i + 4, value, 16);
            text += static_cast<char>(value);
            i += 4;
            break;
        }
        default: text += kind;
        }
    }
    return text;
}

const char* json_skip_value(const char* p, const char* end) {
    std::size_t depth = 0;
    while (p < end) {
        switch (*p) {
        case '"':
            p = json_closing_quote(p + 1, end);
            if (depth == 0) return p + 1;
            break;
        case '{':
        case '[': ++depth; break;
        case '}':
        case ']':
            if (depth == 0) return p;
            if (--depth == 0) return p + 1;
            break;
        case ',':
            if (depth == 0) return p;
            break;
        default: break;
        }
        ++p;
    }
    return p;
}

json_member_reader::json_member_reader(std::string_view text) {
    if (text.size() < 2 || text.front() != '{') return;
    at_ = text.data() + 1;
    end_ = text.data() + text.size() - 1;
}

bool json_member_reader::next() {
    if (at_ == end_) return false;
    const char* const key_end = json_closing_quote(at_ + 1, end_);
    key_ = {at_ + 1, key_end};
    const char* const value_end = json_skip_value(key_end + 2, end_);
    value_ = {key_end + 2, value_end};
    at_ = value_end == end_ ? end_ : value_end + 1;
    return true;
}

json_item_reader::json_item_reader(std::string_view text) {
    if (text.size() < 2 || text.front() != '[') return;
    at_ = text.data() + 1;
    end_ = text.data() + text.size() - 1;
}

bool json_item_reader::next() {
    if (at_ == end_) return false;
    const char* const value_end = json_skip_value(at_, end_);
    value_ = {at_, value_end};
    at_ = value_end == end_ ? end_ : value_end + 1;
    return true;
}

int json_utf8_length(const char* p, const char* end) {
    const auto byte = [&](int i) { return static_cast<unsigned char>(p[i]); };
    const auto continues = [&](int i, unsigned char low = 0x80, unsigned char high = 0xBF) {
        return byte(i) >= low && byte(i) <= high;
    };
    const unsigned char first = byte(0);
    if (first < 0xC2 || first > 0xF4) return 0;
    if (first < 0xE0) return end - p >= 2 && continues(1) ? 2 : 0;
    if (first < 0xF0) {
        // E0 would be overlong below A0; ED above 9F would be a surrogate.
        const unsigned char low = first == 0xE0 ? 0xA0 : 0x80;
        const unsigned char high = first == 0xED ? 0x9F : 0xBF;
        return end - p >= 3 && continues(1, low, high) && continues(2) ? 3 : 0;
    }
    // F0 would be overlong below 90; F4 above 8F would be beyond U+10FFFF.
    const unsigned char low = first == 0xF0 ? 0x90 : 0x80;
    const unsigned char high = first == 0xF4 ? 0x8F : 0xBF;
    return end - p >= 4 && continues(1, low, high) && continues(2) && continues(3) ? 4 : 0;
}

void json_append_utf8(std::string& out, std::uint32_t c) {
    if (c < 0x80) {
        out += static_cast<char>(c);
    } else if (c < 0x800) {
        out += static_cast<char>(0xC0 | c >> 6);
        out += static_cast<char>(0x80 | (c & 0x3F));
    } else if (c < 0x10000) {
        out += static_cast<char>(0xE0 | c >> 12);
        out += static_cast<char>(0x80 | (c >> 6 & 0x3F));
        out += static_cast<char>(0x80 | (c & 0x3F));
    } else {
        out += static_cast<char>(0xF0 | c >> 18);
        out += static_cast<char>(0x80 | (c >> 12 & 0x3F));
        out += static_cast<char>(0x80 | (c >> 6 & 0x3F));
        out += static_cast<char>(0x80 | (c & 0x3F));
    }
}

void json_append_escape(std::string& out, unsigned char c) {
    constexpr std::string_view digits = "0123456789abcdef";
    switch (c) {
    case '"': out += "\\\""; break;
    case '\\': out += "\\\\"; break;
    case '\b': out += "\\b"; break;
    case '\f': out += "\\f"; break;
    case '\n': out += "\\n"; break;
    case '\r': out += "\\r"; break;
    case '\t': out += "\\t"; break;
    default:
        out += "\\u00";
        out += digits[c >> 4];
        out += digits[c & 15];
    }
}

// ECMA-262, Number::toString, with the shortest digits that read back as the same double.
std::size_t json_format_number(char* buffer, double value) {
    if (value == 0) {
        *buffer = '0';
        return 1;
    }
    char* out = buffer;
    if (value < 0) *out++ = '-';
    char scientific[32];
    const char* const sci_end =
        std::to_chars(scientific, scientific + sizeof scientific, std::fabs(value), std::chars_format::scientific).ptr;
    const char* const e =
        static_cast<const char*>(std::memchr(scientific, 'e', static_cast<std::size_t>(sci_end - scientific)));
    char digits[24];
    int k = 0;
    for (const char* p = scientific; p < e; ++p) {
        if (*p != '.') digits[k++] = *p;
    }
    int exponent = 0;
    std::from_chars(e + (e[1] == '+' ? 2 : 1), sci_end, exponent);
    const int n = exponent + 1; // the value is 0.digits * 10^n

    const auto put = [&out](const char* from, int count) { out = std::copy_n(from, count, out); };
    const auto put_zeros = [&out](int count) { out = std::fill_n(out, count, '0'); };
    if (n > 21 || n <= -6) {
        put(digits, 1);
        if (k > 1) *out++ = '.';
        put(digits + 1, k - 1);
        *out++ = 'e';
        if (exponent > 0) *out++ = '+';
        out = std::to_chars(out, out + 8, exponent).ptr;
    } else if (n >= k) {
        put(digits, k);
        put_zeros(n - k);
    } else if (n > 0) {
        put(digits, n);
        *out++ = '.';
        put(digits + n, k - n);
    } else {
        *out++ = '0';
        *out++ = '.';
        put_zeros(-n);
        put(digits, k);
    }
    return static_cast<std::size_t>(out - buffer);
}

} // namespace internal

void append_json_string(std::string& out, std::string_view text) {
    out.reserve(out.size() + text.size() + 2);
    out += '"';
    const char* run = text.data();
    const char* p = run;
    const char* const end = p + text.size();
    while (p < end) {
        const auto c = static_cast<unsigned char>(*p);
        if (c >= 0x20 && c < 0x80 && c != '"' && c != '\\') {
            ++p;
            continue;
        }
        if (c >= 0x80) {
            if (const int length = internal::json_utf8_length(p, end); length != 0) {
                p += length;
                continue;
            }
        }
        out.append(run, p);
        if (c >= 0x80)
            internal::json_append_utf8(out, 0xFFFD);
        else
            internal::json_append_escape(out, c);
        run = ++p;
    }
    out.append(run, end);
    out += '"';
}

void append_integer(std::string& out, std::int64_t value) {
    char buffer[24];
    out.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr);
}

void append_number(std::string& out, double value) {
    AIVP_ASSERT(std::isfinite(value), "JSON has no infinity and no NaN");
    char buffer[32];
    out.append(buffer, internal::json_format_number(buffer, value));
}

} // namespace aivp
