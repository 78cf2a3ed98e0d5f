#include <algorithm>
#include <array>
#include <bitset>
#include <cstdint>
#include <set>
#include <string>
#include <utility>

#include "aivp/base/probe.hpp"
#include "aivp/skill/redact.hpp"
#include "runtime/skill/internal/placeholder.hpp"

namespace aivp {

namespace {

// One way to read the text at a place: as this character, ending there.
struct secret_reading {
    std::uint32_t code_point = 0;
    std::size_t end = 0;
};

// A byte that is no part of valid UTF-8 reads as a value that no character has.
constexpr std::uint32_t secret_raw_byte = 0x110000;

// At most: literal, a form encoding's blank, percent in four depths, backslashes in five depths and one escape, entity.
class secret_readings {
public:
    void add(std::uint32_t code_point, std::size_t end) {
        if (size_ < readings_.size()) readings_[size_++] = {code_point, end};
    }
    const secret_reading* begin() const { return readings_.data(); }
    const secret_reading* end() const { return readings_.data() + size_; }

private:
    std::array<secret_reading, 14> readings_{};
    std::size_t size_ = 0;
};

std::size_t secret_utf8_length(unsigned char first) {
    return first < 0x80                    ? 1
           : first >= 0xf0 && first < 0xf8 ? 4
           : first >= 0xe0 && first < 0xf0 ? 3
           : first >= 0xc2 && first < 0xe0 ? 2
                                           : 0;
}

// Joins the bytes of one character; `bytes` holds as many as the first one announces.
std::uint32_t secret_join(const std::array<unsigned char, 4>& bytes, std::size_t length) {
    if (length == 1) return bytes[0];
    std::uint32_t code_point = bytes[0] & (0xffU >> (length + 1));
    for (std::size_t i = 1; i < length; ++i) {
        if ((bytes[i] & 0xc0) != 0x80) return secret_raw_byte + bytes[0];
        code_point = code_point << 6 | (bytes[i] & 0x3fU);
    }
    return code_point;
}

secret_reading secret_read_literal(std::string_view text, std::size_t at) {
    const auto first = static_cast<unsigned char>(text[at]);
    const std::size_t length = secret_utf8_length(first);
    if (length == 0 || length > text.size() - at) return {secret_raw_byte + first, at + 1};
    std::array<unsigned char, 4> bytes{};
    for (std::size_t i = 0; i < length; ++i) bytes[i] = static_cast<unsigned char>(text[at + i]);
    const std::uint32_t code_point = secret_join(bytes, length);
    return {code_point, at + (code_point >= secret_raw_byte ? 1 : length)};
}

int secret_hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

// The value of `digits` hexadecimal digits at `at`, -1 when they are not there.
std::int64_t secret_hex(std::string_view text, std::size_t at, std::size_t digits) {
    if (at > text.size() || text.size() - at < digits) return -1;
    std::int64_t value = 0;
    for (std::size_t i = 0; i < digits; ++i) {
        const int digit = secret_hex_digit(text[at + i]);
        if (digit < 0) return -1;
        value = value * 16 + digit;
    }
    return value;
}

// %XX, %25XX, %2525XX, ...: `depth` counts the "25".
std::int64_t secret_percent_byte(std::string_view text, std::size_t at, std::size_t depth) {
    if (at >= text.size() || text[at] != '%') return -1;
    for (std::size_t i = 0; i < depth; ++i) {
        if (text.substr(at + 1 + 2 * i, 2) != "25") return -1;
    }
    return secret_hex(text, at + 1 + 2 * depth, 2);
}

void secret_read_percent(std::string_view text, std::size_t at, secret_readings& out) {
    for (std::size_t depth = 0; depth < 4; ++depth) {
        const std::int64_t first = secret_percent_byte(text, at, depth);
        if (first < 0) return;
        const std::size_t size = 3 + 2 * depth;
        const std::size_t length = secret_utf8_length(static_cast<unsigned char>(first));
        std::array<unsigned char, 4> bytes{static_cast<unsigned char>(first)};
        bool complete = length > 0;
        for (std::size_t i = 1; i < length && complete; ++i) {
            const std::int64_t next = secret_percent_byte(text, at + i * size, depth);
            complete = next >= 0;
            bytes[i] = static_cast<unsigned char>(next);
        }
        const std::uint32_t code_point = complete ? secret_join(bytes, length) : secret_raw_byte + bytes[0];
        out.add(code_point, at + size * (code_point >= secret_raw_byte ? 1 : length));
    }
}

std::uint32_t secret_short_escape(char c) {
    switch (c) {
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    default: return secret_raw_byte;
    }
}

// A JSON text within a JSON text doubles the backslashes, so that their number tells the depth, not the meaning.
void secret_read_backslash(std::string_view text, std::size_t at, secret_readings& out) {
    constexpr std::size_t run_max = 16;
    std::size_t run = 1;
    while (run < run_max && at + run < text.size() && text[at + run] == '\\') ++run;
    for (std::size_t length = 2; length <= run; length *= 2) out.add('\\', at + length);
    const std::size_t after = at + run;
    if (after >= text.size()) return;
    const char c = text[after];
    if (const std::uint32_t control = secret_short_escape(c); control != secret_raw_byte) out.add(control, after + 1);
    if (c == 'x') {
        if (const std::int64_t byte = secret_hex(text, after + 1, 2); byte >= 0)
            out.add(static_cast<std::uint32_t>(byte), after + 3);
    } else if (c == 'u') {
        const std::int64_t unit = secret_hex(text, after + 1, 4);
        const std::size_t second = after + 5 + run;
        const bool pair = unit >= 0xd800 && unit < 0xdc00 && second < text.size() && text[second] == 'u';
        const std::int64_t low = pair ? secret_hex(text, second + 1, 4) : -1;
        if (low >= 0xdc00 && low < 0xe000) {
            out.add(static_cast<std::uint32_t>(0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00)), second + 5);
        } else if (unit >= 0) {
            out.add(static_cast<std::uint32_t>(unit), after + 5);
        }
    } else if (c > ' ' && c < 0x7f && secret_hex_digit(c) < 0) {
        out.add(static_cast<std::uint32_t>(c), after + 1); // \" \/ and the escapes of shells
    }
}

void secret_read_entity(std::string_view text, std::size_t at, secret_readings& out) {
    static constexpr std::pair<std::string_view, char> names[] = {
        {"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}};
    const std::string_view rest = text.substr(at, 12);
    for (const auto& [name, c] : names) {
        if (rest.starts_with(name)) out.add(static_cast<std::uint32_t>(c), at + name.size());
    }
    if (!rest.starts_with("&#")) return;
    const std::size_t end = rest.find(';');
    const bool hex = rest.size() > 2 && (rest[2] == 'x' || rest[2] == 'X');
    const std::size_t begin = hex ? 3 : 2;
    if (end == std::string_view::npos || end <= begin) return;
    std::uint32_t value = 0;
    for (const char c : rest.substr(begin, end - begin)) {
        const int digit = secret_hex_digit(c);
        if (digit < 0 || (!hex && digit > 9)) return;
        value = value * (hex ? 16 : 10) + static_cast<std::uint32_t>(digit);
    }
    out.add(value, at + end + 1);
}

secret_readings secret_read(std::string_view text, std::size_t at) {
    secret_readings out;
    const secret_reading literal = secret_read_literal(text, at);
    out.add(literal.code_point, literal.end);
    switch (text[at]) {
    case '%': secret_read_percent(text, at, out); break;
    case '\\': secret_read_backslash(text, at, out); break;
    case '&': secret_read_entity(text, at, out); break;
    case '+': out.add(' ', at + 1); break;
    default: break;
    }
    return out;
}

// ASCII that begins no encoding.
bool secret_reads_as_itself(char c) {
    return static_cast<unsigned char>(c) < 0x80 && c != '%' && c != '\\' && c != '&' && c != '+';
}

enum class secret_form : std::uint8_t { plain, hex, base64 };

constexpr std::string_view secret_base64_digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::uint32_t secret_fold(std::uint32_t code_point, secret_form form) {
    if (form == secret_form::hex && code_point >= 'A' && code_point <= 'F') return code_point - 'A' + 'a';
    if (form == secret_form::base64 && code_point == '-') return '+';
    if (form == secret_form::base64 && code_point == '_') return '/';
    return code_point;
}

bool secret_is_base64(char c) {
    return secret_base64_digits.find(static_cast<char>(
               secret_fold(static_cast<unsigned char>(c), secret_form::base64))) != std::string_view::npos;
}

struct secret_span {
    std::size_t begin = 0;
    std::size_t end = 0;
    std::size_t secret = 0;
};

// One spelling of one secret: characters to find one after the other, each in any of its readings.
class secret_needle {
public:
    secret_needle(std::size_t secret, std::string_view spelling, secret_form form, bool cut_left = false,
                  bool cut_right = false)
        : secret_(secret), form_(form), cut_left_(cut_left), cut_right_(cut_right) {
        for (std::size_t at = 0; at < spelling.size();) {
            const secret_reading r = secret_read_literal(spelling, at);
            characters_.push_back(r.code_point);
            at = r.end;
        }
    }

    // Whether `byte` may be the first byte of the character at `index` in one of its readings, or stand before it.
    bool may_begin(unsigned char byte, std::size_t index) const {
        const char c = static_cast<char>(byte);
        if (byte < 0x80 && !secret_reads_as_itself(c)) return true;
        if (index > 0 && form_ == secret_form::base64 && (c == '\r' || c == '\n')) return true;
        return byte < 0x80 ? secret_fold(byte, form_) == characters_[index] : characters_[index] >= 0x80;
    }

    // Where this spelling ends when it begins at `at`; at most one span, the longest reading.
    std::optional<secret_span> match(std::string_view text, std::size_t at) const {
        std::array<std::size_t, ends_max> ends{at};
        std::size_t count = 1;
        for (std::size_t i = 0; i < characters_.size(); ++i) {
            std::array<std::size_t, ends_max> next{};
            std::size_t next_count = 0;
            for (std::size_t e = 0; e < count; ++e) step(text, ends[e], i, next, next_count);
            if (next_count == 0) return std::nullopt;
            ends = next;
            count = next_count;
        }
        return widened(text, {at, *std::max_element(ends.begin(), ends.begin() + count), secret_});
    }

private:
    static constexpr std::size_t ends_max = 16;

    void step(std::string_view text, std::size_t at, std::size_t index, std::array<std::size_t, ends_max>& next,
              std::size_t& count) const {
        if (index > 0 && form_ == secret_form::base64) at = past_line_end(text, at);
        if (at >= text.size()) return;
        const char c = text[at];
        if (form_ == secret_form::hex && index > 0 && index % 2 == 0 && (c == ':' || c == '-' || c == ' ')) ++at;
        if (at >= text.size()) return;
        if (secret_reads_as_itself(text[at])) {
            if (secret_fold(static_cast<unsigned char>(text[at]), form_) == characters_[index])
                add_end(at + 1, next, count);
            return;
        }
        for (const secret_reading& r : secret_read(text, at)) {
            if (secret_fold(r.code_point, form_) == characters_[index]) add_end(r.end, next, count);
        }
    }

    static void add_end(std::size_t end, std::array<std::size_t, ends_max>& next, std::size_t& count) {
        if (count < ends_max && std::find(next.begin(), next.begin() + count, end) == next.begin() + count)
            next[count++] = end;
    }

    static std::size_t past_line_end(std::string_view text, std::size_t at) {
        for (;;) {
            if (at >= text.size() || (text[at] != '\r' && text[at] != '\n' && text[at] != '\\' && text[at] != '%'))
                return at;
            std::size_t end = at;
            for (const secret_reading& r : secret_read(text, at)) {
                if (r.code_point == '\r' || r.code_point == '\n') end = r.end;
            }
            if (end == at) return at;
            at = end;
        }
    }

    // The digits at the edges that hold a few bits of the secret, and the padding.
    secret_span widened(std::string_view text, secret_span span) const {
        if (form_ != secret_form::base64) return span;
        if (cut_left_ && span.begin > 0 && secret_is_base64(text[span.begin - 1])) --span.begin;
        if (cut_right_ && span.end < text.size() && secret_is_base64(text[span.end])) ++span.end;
        for (int padding = 0; padding < 2; ++padding) span.end = past_equals_sign(text, span.end);
        return span;
    }

    static std::size_t past_equals_sign(std::string_view text, std::size_t at) {
        if (at >= text.size()) return at;
        for (const secret_reading& r : secret_read(text, at)) {
            if (r.code_point == '=') return r.end;
        }
        return at;
    }

    std::size_t secret_;
    secret_form form_;
    bool cut_left_;
    bool cut_right_;
    std::vector<std::uint32_t> characters_;
};

std::string secret_to_hex(std::string_view bytes) {
    std::string out;
    for (const char c : bytes) {
        out += "0123456789abcdef"[static_cast<unsigned char>(c) >> 4];
        out += "0123456789abcdef"[static_cast<unsigned char>(c) & 15];
    }
    return out;
}

// The base64 digits that `bytes` alone decide when `skipped` other bytes (0 to 2) stand before them in their group of three.
secret_needle secret_base64_needle(std::size_t secret, std::string_view bytes, std::size_t skipped) {
    std::string digits;
    std::uint32_t window = 0;
    int bits = 0;
    for (const char c : std::string(skipped, '\0') + std::string(bytes)) {
        window = window << 8 | static_cast<unsigned char>(c);
        for (bits += 8; bits >= 6; bits -= 6) digits += secret_base64_digits[window >> (bits - 6) & 63];
    }
    const std::size_t undecided = skipped == 0 ? 0 : skipped + 1;
    return {secret, std::string_view(digits).substr(undecided), secret_form::base64, skipped > 0, bits > 0};
}

std::string_view secret_trimmed(std::string_view value) {
    constexpr std::string_view blanks = " \t\r\n";
    const std::size_t begin = std::min(value.find_first_not_of(blanks), value.size());
    return value.substr(begin, value.find_last_not_of(blanks) + 1 - begin);
}

constexpr const char* secret_name_hidden = "hidden";

} // namespace

struct known_secrets::index {
    std::vector<secret_needle> needles;
    // By the first byte of what may be a match.
    std::array<std::vector<std::uint32_t>, 256> by_byte;
    // Which two bytes may begin a match: most places of a text are ruled out by one look here.
    std::array<std::bitset<256>, 256> by_pair;

    void add(const secret_needle& needle) {
        const auto number = static_cast<std::uint32_t>(needles.size());
        std::bitset<256> seconds;
        for (unsigned byte = 0; byte < 256; ++byte)
            seconds[byte] = needle.may_begin(static_cast<unsigned char>(byte), 1);
        for (unsigned byte = 0; byte < 256; ++byte) {
            if (!needle.may_begin(static_cast<unsigned char>(byte), 0)) continue;
            by_byte[byte].push_back(number);
            // Of an encoded first character, more bytes follow.
            const bool single = byte < 0x80 && secret_reads_as_itself(static_cast<char>(byte));
            by_pair[byte] |= single ? seconds : ~std::bitset<256>();
        }
        needles.push_back(needle);
    }

    // The longest match that begins at `at`.
    std::optional<secret_span> match(std::string_view text, std::size_t at) const {
        std::optional<secret_span> best;
        // No spelling is as short as one byte.
        if (at + 1 >= text.size()) return best;
        const auto first = static_cast<unsigned char>(text[at]);
        if (!by_pair[first][static_cast<unsigned char>(text[at + 1])]) return best;
        for (const std::uint32_t number : by_byte[first]) {
            const std::optional<secret_span> found = needles[number].match(text, at);
            if (found && (!best || found->end > best->end)) best = found;
        }
        return best;
    }

    std::optional<secret_span> first_match(std::string_view text) const {
        for (std::size_t at = 0; at < text.size(); ++at) {
            if (const auto found = match(text, at)) return found;
        }
        return std::nullopt;
    }

    // All matches; those that overlap are one.
    std::vector<secret_span> matches(std::string_view text) const {
        std::vector<secret_span> spans;
        for (std::size_t at = 0; at < text.size(); ++at) {
            std::optional<secret_span> found = match(text, at);
            if (!found) continue;
            while (!spans.empty() && found->begin < spans.back().end) {
                found->begin = std::min(found->begin, spans.back().begin);
                found->end = std::max(found->end, spans.back().end);
                found->secret = spans.back().secret;
                spans.pop_back();
            }
            spans.push_back(*found);
        }
        return spans;
    }
};

void known_secrets::rebuild() {
    auto made = std::make_shared<index>();
    for (std::size_t i = 0; i < secrets_.size(); ++i) {
        const std::string& value = secrets_[i].value;
        made->add({i, value, secret_form::plain});
        made->add({i, secret_to_hex(value), secret_form::hex});
        for (std::size_t skipped = 0; skipped < 3; ++skipped) made->add(secret_base64_needle(i, value, skipped));
    }
    index_ = std::move(made);

    for (int round = 0; round < 2; ++round) {
        for (std::size_t i = 0; i < secrets_.size(); ++i) {
            const auto same_name = [&](const secret& s) { return s.name == secrets_[i].name; };
            const auto before =
                std::count_if(secrets_.begin(), secrets_.begin() + static_cast<std::ptrdiff_t>(i), same_name);
            secrets_[i].label = internal::placeholder(secrets_[i].name, static_cast<std::size_t>(before) + 1);
            if (round == 0 && index_->first_match(secrets_[i].label)) secrets_[i].name = secret_name_hidden;
        }
    }
}

bool known_secrets::add(std::string_view name, std::string_view value) {
    const std::string_view trimmed = secret_trimmed(value);
    if (trimmed.size() < length_min) return false;
    if (internal::placeholder(secret_name_hidden, 1).find(trimmed) != std::string::npos) return false;
    const auto known = [&](const secret& s) { return s.value == trimmed; };
    if (std::any_of(secrets_.begin(), secrets_.end(), known)) return true;

    const known_secrets before = *this;
    secrets_.push_back({internal::placeholder_name(name), {}, std::string(trimmed)});
    rebuild();
    const auto gives_away = [&](const secret& s) { return index_->first_match(s.label).has_value(); };
    if (std::none_of(secrets_.begin(), secrets_.end(), gives_away)) return true;
    *this = before;
    return false;
}

std::string known_secrets::scrub_text(std::string_view text) const {
    if (empty()) return std::string(text);
    std::string out;
    std::size_t at = 0;
    for (const secret_span& span : index_->matches(text)) {
        out += text.substr(at, span.begin - at);
        AIVP_REACHABLE("redact: a secret comes back in an answer");
        out += secrets_[span.secret].label;
        at = span.end;
    }
    out += text.substr(at);
    return out;
}

// The encodings looked for include JSON's, so that canonical text without a match holds no string with one.
payload known_secrets::scrub(const payload& p) const {
    if (empty() || !index_->first_match(p.text())) return p;
    if (p.is_object()) return scrub_object(p);
    if (p.is_array()) {
        auto entries = items(p);
        bool changed = false;
        for (payload& entry : entries) {
            payload scrubbed = scrub(entry);
            changed |= !scrubbed.same_as(entry);
            entry = std::move(scrubbed);
        }
        return changed ? payload::of_array(entries) : p;
    }
    const std::string text = p.is_string() ? *as_string(p) : std::string(p.text());
    const std::string scrubbed = scrub_text(text);
    return scrubbed == text ? p : payload::of_string(scrubbed);
}

payload known_secrets::scrub_object(const payload& object) const {
    auto entries = members(object);
    std::set<std::string, std::less<>> keys;
    std::vector<std::string> scrubbed_keys;
    for (const auto& [key, value] : entries) {
        scrubbed_keys.push_back(scrub_text(key));
        if (scrubbed_keys.back() == key) keys.insert(key);
    }
    bool changed = false;
    for (std::size_t i = 0; i < entries.size(); ++i) {
        auto& [key, value] = entries[i];
        payload scrubbed = scrub(value);
        changed |= !scrubbed.same_as(value);
        value = std::move(scrubbed);
        if (scrubbed_keys[i] == key) continue;
        changed = true;
        key = scrubbed_keys[i];
        for (int n = 2; !keys.insert(key).second; ++n) key = scrubbed_keys[i] + "~" + std::to_string(n);
    }
    return changed ? payload::of_object(std::move(entries)) : object;
}

std::string_view known_secrets::find_in(std::string_view text) const {
    if (empty()) return {};
    const auto found = index_->first_match(text);
    return found ? std::string_view(secrets_[found->secret].label) : std::string_view();
}

} // namespace aivp
