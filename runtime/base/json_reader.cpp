// From JSON text to canonical text in one pass. No library gives exact digits, positions, duplicate keys, a bound on depth
// and RFC 8785 together, and none avoids building a document first; see docs/adr/0003-json-payloads.md.
//
// What needs no change is not touched: [run_, at_) is input that is already canonical and not yet copied, so that canonical
// input costs a scan and one copy. An object whose keys come out of order is sorted in the output when it closes.
#include "runtime/base/internal/json_reader.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <vector>

#include "aivp/base/payload.hpp"
#include "runtime/base/internal/json_text.hpp"

namespace aivp::internal {
namespace {

bool json_is_digit(char c) { return c >= '0' && c <= '9'; }

// Texts of any length may be wrong; a message shows the beginning.
std::string json_shortened(std::string_view text) {
    std::size_t shown = 60;
    if (text.size() <= shown) return std::string(text);
    while ((static_cast<unsigned char>(text[shown]) & 0xC0) == 0x80) --shown;
    return std::string(text.substr(0, shown)) + "...";
}

// High bit set in the bytes that a string literal cannot simply pass over: controls, quote, backslash, not ASCII.
std::uint64_t json_bytes_special(std::uint64_t v) {
    return (json_bytes_equal(v, '"') | json_bytes_equal(v, '\\') | ((v - json_every_byte * 0x20) & ~v) | v) &
           json_high_bits;
}

// Whether a number with fraction or exponent, not zero, is above 1: from_chars reports "out of range" for both ends.
bool json_exceeds_one(std::string_view number) {
    const std::size_t mantissa_size = std::min(number.find_first_of("eE"), number.size());
    const std::string_view mantissa = number.substr(0, mantissa_size);
    const auto point = static_cast<std::int64_t>(std::min(mantissa.find('.'), mantissa.size()));
    const auto first = static_cast<std::int64_t>(mantissa.find_first_of("123456789"));
    std::int64_t exponent = 0;
    if (mantissa_size < number.size()) {
        const bool negative = number[mantissa_size + 1] == '-';
        const std::size_t digits = number.find_first_of("0123456789", mantissa_size);
        for (const char c : number.substr(digits))
            exponent = std::min<std::int64_t>(exponent * 10 + (c - '0'), 1'000'000'000);
        if (negative) exponent = -exponent;
    }
    return point - first + exponent > 0;
}

class json_reader {
public:
    explicit json_reader(std::string_view text)
        : begin_(text.data()), end_(begin_ + text.size()), at_(begin_), run_(begin_) {}

    result<std::string> read();

private:
    // One member of an object that is still open. 32 bits hold every offset: the canonical text of 64 MiB of input is at
    // most 21/4 as long ("1e20" has 21 digits when written out).
    struct member_span {
        std::uint32_t begin;    // of the key literal, in the output
        std::uint32_t end;      // of the value, in the output; set when the members are sorted
        std::uint32_t source;   // of the key literal, in the input
        std::uint32_t key_size; // of the contents of the canonical key literal
        bool key_in_source;     // the canonical key literal stands in the input as it is
    };

    bool read_value(std::uint32_t depth);
    bool read_object(std::uint32_t depth);
    bool read_array(std::uint32_t depth);
    bool read_member_key(std::size_t first_member, bool& sorted);
    bool read_string(bool& as_is);
    bool read_escape(bool& as_is);
    bool read_unicode_escape(bool& as_is);
    bool read_number();
    bool read_real(const char* begin);
    bool read_literal(std::string_view word);
    bool sort_members(std::size_t first_member);

    void skip_space() {
        if (at_ < end_ && static_cast<unsigned char>(*at_) > ' ') return;
        skip_space_slowly();
    }
    void skip_space_slowly();
    // Copies what is pending up to `until`; the input goes on to be copied from `resume`.
    void flush(const char* until, const char* resume) {
        out_.append(run_, until);
        run_ = resume;
    }
    std::size_t output_size() const { return out_.size() + static_cast<std::size_t>(at_ - run_); }
    std::string_view key_of(const member_span& m) const {
        return {m.key_in_source ? begin_ + m.source + 1 : out_.data() + m.begin + 1, m.key_size};
    }
    bool fail_at(const char* where, errc code, std::string message) {
        failure_ = error{code, std::move(message), position_of(where), {}, {}};
        return false;
    }
    bool fail_expecting(std::string_view what) {
        return fail_at(at_, errc::json_syntax, "expected " + std::string(what) + ", found " + found_here());
    }
    source_pos position_of(const char* where) const;
    std::string found_here() const;
    bool duplicate_key(const char* where, std::string_view key) {
        return fail_at(where, errc::json_duplicate_key,
                       "the key \"" + json_shortened(key) + "\" stands twice in one object");
    }

    const char* begin_;
    const char* end_;
    const char* at_;
    const char* run_;
    std::string out_;
    std::vector<member_span> members_;
    error failure_;
};

source_pos json_reader::position_of(const char* where) const {
    source_pos pos{{}, 1, 1};
    for (const char* p = begin_; p < where; ++p) {
        if (*p == '\n') {
            ++pos.line;
            pos.column = 1;
        } else if ((static_cast<unsigned char>(*p) & 0xC0) != 0x80) {
            ++pos.column;
        }
    }
    return pos;
}

std::string json_reader::found_here() const {
    constexpr std::string_view digits = "0123456789abcdef";
    if (at_ == end_) return "the end of the text";
    const auto c = static_cast<unsigned char>(*at_);
    if (c > 0x20 && c < 0x7F) return {'\'', *at_, '\''};
    return std::string("byte 0x") + digits[c >> 4] + digits[c & 15];
}

void json_reader::skip_space_slowly() {
    const char* p = at_;
    while (p < end_ && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')) ++p;
    if (p == at_) return;
    flush(at_, p);
    at_ = p;
}

result<std::string> json_reader::read() {
    if (static_cast<std::size_t>(end_ - begin_) > json_bytes_max)
        return fail(errc::json_size, "the text has " + std::to_string(end_ - begin_) + " bytes, more than " +
                                         std::to_string(json_bytes_max));
    if (std::string_view(begin_, end_).starts_with("\xEF\xBB\xBF"))
        return fail(errc::json_syntax, "the text starts with a byte order mark", {{}, 1, 1},
                    "Save it as UTF-8 without a byte order mark.");
    skip_space();
    if (!read_value(0)) return std::unexpected(std::move(failure_));
    skip_space();
    if (at_ != end_) {
        fail_expecting("the end of the text");
        return std::unexpected(std::move(failure_));
    }
    if (output_size() > json_bytes_max)
        return fail(errc::json_size,
                    "written out, the text has more than " + std::to_string(json_bytes_max) + " bytes");
    if (out_.empty()) return std::string(run_, at_);
    flush(at_, at_);
    if (out_.capacity() > out_.size() + out_.size() / 4) out_.shrink_to_fit();
    return std::move(out_);
}

bool json_reader::read_value(std::uint32_t depth) {
    if (at_ == end_) return fail_expecting("a value");
    switch (*at_) {
    case '"': {
        bool as_is = true;
        return read_string(as_is);
    }
    case '{': return read_object(depth + 1);
    case '[': return read_array(depth + 1);
    case 't': return read_literal("true");
    case 'f': return read_literal("false");
    case 'n': return read_literal("null");
    default: break;
    }
    if (*at_ == '-' || json_is_digit(*at_)) return read_number();
    return fail_expecting("a value");
}

bool json_reader::read_literal(std::string_view word) {
    if (!std::string_view(at_, end_).starts_with(word)) return fail_expecting("a value such as " + std::string(word));
    at_ += word.size();
    return true;
}

bool json_reader::read_array(std::uint32_t depth) {
    if (depth > json_depth_max)
        return fail_at(at_, errc::json_depth, "nested more than " + std::to_string(json_depth_max) + " levels deep");
    ++at_;
    skip_space();
    if (at_ < end_ && *at_ == ']') {
        ++at_;
        return true;
    }
    for (;;) {
        if (!read_value(depth)) return false;
        skip_space();
        if (at_ == end_ || (*at_ != ',' && *at_ != ']')) return fail_expecting("',' or ']' after an item");
        if (*at_++ == ']') return true;
        skip_space();
    }
}

bool json_reader::read_object(std::uint32_t depth) {
    if (depth > json_depth_max)
        return fail_at(at_, errc::json_depth, "nested more than " + std::to_string(json_depth_max) + " levels deep");
    ++at_;
    skip_space();
    if (at_ < end_ && *at_ == '}') {
        ++at_;
        return true;
    }
    const std::size_t first_member = members_.size();
    bool sorted = true;
    for (;;) {
        if (!read_member_key(first_member, sorted)) return false;
        skip_space();
        if (at_ == end_ || *at_ != ':') return fail_expecting("':' after a key");
        ++at_;
        skip_space();
        if (!read_value(depth)) return false;
        skip_space();
        if (at_ == end_ || (*at_ != ',' && *at_ != '}')) return fail_expecting("',' or '}' after a member");
        if (*at_ == '}') break;
        ++at_;
        skip_space();
    }
    if (!sorted && !sort_members(first_member)) return false;
    members_.resize(first_member);
    ++at_;
    return true;
}

bool json_reader::read_member_key(std::size_t first_member, bool& sorted) {
    if (at_ == end_ || *at_ != '"') return fail_expecting("a key in double quotes");
    member_span m{static_cast<std::uint32_t>(output_size()), 0, static_cast<std::uint32_t>(at_ - begin_), 0, true};
    if (!read_string(m.key_in_source)) return false;
    if (!m.key_in_source) flush(at_, at_);
    m.key_size = static_cast<std::uint32_t>(output_size()) - m.begin - 2;
    if (sorted && members_.size() > first_member) sorted = json_compare_keys(key_of(members_.back()), key_of(m)) < 0;
    members_.push_back(m);
    return true;
}

bool json_reader::sort_members(std::size_t first_member) {
    flush(at_, at_);
    const auto first = members_.begin() + static_cast<std::ptrdiff_t>(first_member);
    for (auto m = first; m != members_.end(); ++m) {
        // Between two members stands one comma.
        m->end = m + 1 == members_.end() ? static_cast<std::uint32_t>(out_.size()) : (m + 1)->begin - 1;
        m->key_in_source = false;
    }
    const std::size_t begin = first->begin;
    std::sort(first, members_.end(), [this](const member_span& a, const member_span& b) {
        const int order = json_compare_keys(key_of(a), key_of(b));
        return order != 0 ? order < 0 : a.source < b.source;
    });
    std::string in_order;
    in_order.reserve(out_.size() - begin);
    for (auto m = first; m != members_.end(); ++m) {
        if (m != first) {
            if (json_compare_keys(key_of(*(m - 1)), key_of(*m)) == 0)
                return duplicate_key(begin_ + m->source, key_of(*m));
            in_order += ',';
        }
        in_order.append(out_, m->begin, m->end - m->begin);
    }
    out_.replace(begin, std::string::npos, in_order);
    return true;
}

bool json_reader::read_string(bool& as_is) {
    const char* const open = at_++;
    for (;;) {
        while (end_ - at_ >= 8) {
            const std::uint64_t special = json_bytes_special(json_load_eight(at_));
            if (special != 0) {
                at_ += json_first_byte(special);
                break;
            }
            at_ += 8;
        }
        if (at_ == end_) return fail_at(open, errc::json_syntax, "a string has no closing quote");
        const auto c = static_cast<unsigned char>(*at_);
        if (c == '"') {
            ++at_;
            return true;
        }
        if (c == '\\') {
            if (!read_escape(as_is)) return false;
        } else if (c < 0x20) {
            return fail_at(at_, errc::json_syntax, "a control character must be escaped in a string: " + found_here());
        } else if (c < 0x80) {
            ++at_;
        } else {
            const int length = json_utf8_length(at_, end_);
            if (length == 0) return fail_at(at_, errc::json_utf8, "a string is not valid UTF-8 here: " + found_here());
            at_ += length;
        }
    }
}

bool json_reader::read_escape(bool& as_is) {
    if (end_ - at_ < 2) return fail_at(at_, errc::json_syntax, "the text ends within a string");
    switch (at_[1]) {
    case '"':
    case '\\':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't': at_ += 2; return true;
    case '/':
        as_is = false;
        flush(at_, at_ + 1);
        at_ += 2;
        return true;
    case 'u': return read_unicode_escape(as_is);
    default: return fail_at(at_, errc::json_syntax, "a backslash is followed by one of \" \\ / b f n r t u");
    }
}

bool json_reader::read_unicode_escape(bool& as_is) {
    const auto unit_at = [this](const char* p, std::uint32_t& unit) {
        if (end_ - p < 6 || p[0] != '\\' || p[1] != 'u') return false;
        const auto [stop, ec] = std::from_chars(p + 2, p + 6, unit, 16);
        return ec == std::errc{} && stop == p + 6;
    };
    std::uint32_t code_point = 0;
    if (!unit_at(at_, code_point)) return fail_at(at_, errc::json_syntax, "\\u is followed by four hexadecimal digits");
    const char* after = at_ + 6;
    if (code_point >= 0xD800 && code_point <= 0xDFFF) {
        std::uint32_t low = 0;
        if (code_point >= 0xDC00 || !unit_at(after, low) || low < 0xDC00 || low > 0xDFFF)
            return fail_at(at_, errc::json_utf8, "half a surrogate pair: " + std::string(at_, at_ + 6));
        code_point = 0x10000 + ((code_point - 0xD800) << 10) + (low - 0xDC00);
        after += 6;
    }
    std::string canonical;
    if (code_point < 0x20 || code_point == '"' || code_point == '\\')
        json_append_escape(canonical, static_cast<unsigned char>(code_point));
    else
        json_append_utf8(canonical, code_point);
    if (canonical != std::string_view(at_, after)) {
        as_is = false;
        flush(at_, after);
        out_ += canonical;
    }
    at_ = after;
    return true;
}

bool json_reader::read_number() {
    const char* const begin = at_;
    const bool negative = *at_ == '-';
    if (negative) ++at_;
    if (at_ == end_ || !json_is_digit(*at_)) return fail_expecting("a digit");
    const char* const digits = at_;
    while (at_ < end_ && json_is_digit(*at_)) ++at_;
    const auto count = at_ - digits;
    if (*digits == '0' && count > 1) return fail_at(digits, errc::json_syntax, "a number does not start with 0");
    if (at_ < end_ && (*at_ == '.' || *at_ == 'e' || *at_ == 'E')) return read_real(begin);

    constexpr std::ptrdiff_t always_finite_digits = 308;
    if (count > always_finite_digits) {
        double value = 0;
        if (std::from_chars(begin, at_, value).ec != std::errc{} || std::isinf(value))
            return fail_at(begin, errc::json_number,
                           "an integer of " + std::to_string(count) + " digits does not fit a double");
    }
    if (negative && *digits == '0') flush(begin, digits);
    return true;
}

// The rest of a number with a fraction or an exponent; `begin` is its first character.
bool json_reader::read_real(const char* begin) {
    const auto some_digits = [this] {
        const char* const from = at_;
        while (at_ < end_ && json_is_digit(*at_)) ++at_;
        return at_ != from;
    };
    if (*at_ == '.') {
        ++at_;
        if (!some_digits()) return fail_expecting("a digit after the decimal point");
    }
    if (at_ < end_ && (*at_ == 'e' || *at_ == 'E')) {
        ++at_;
        if (at_ < end_ && (*at_ == '+' || *at_ == '-')) ++at_;
        if (!some_digits()) return fail_expecting("a digit in the exponent");
    }
    double value = 0;
    if (std::from_chars(begin, at_, value).ec == std::errc::result_out_of_range)
        value = json_exceeds_one({begin, at_}) ? std::numeric_limits<double>::infinity() : 0;
    if (std::isinf(value))
        return fail_at(begin, errc::json_number, "a number does not fit a double: " + json_shortened({begin, at_}));

    char buffer[32];
    const std::string_view canonical(buffer, json_format_number(buffer, value));
    if (canonical == std::string_view(begin, at_)) return true;
    flush(begin, at_);
    out_ += canonical;
    return true;
}

} // namespace

result<std::string> canonicalise_json(std::string_view text) { return json_reader(text).read(); }

} // namespace aivp::internal
