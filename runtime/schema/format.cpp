#include "runtime/schema/internal/format.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "runtime/schema/internal/pattern.hpp"

namespace aivp::schema_internal {
namespace {

constexpr std::array<std::pair<std::string_view, format_kind>, 19> format_names{{
    {"date-time", format_kind::date_time},
    {"date", format_kind::date},
    {"time", format_kind::time},
    {"duration", format_kind::duration},
    {"email", format_kind::email},
    {"idn-email", format_kind::idn_email},
    {"hostname", format_kind::hostname},
    {"idn-hostname", format_kind::idn_hostname},
    {"ipv4", format_kind::ipv4},
    {"ipv6", format_kind::ipv6},
    {"uri", format_kind::uri},
    {"uri-reference", format_kind::uri_reference},
    {"iri", format_kind::iri},
    {"iri-reference", format_kind::iri_reference},
    {"uuid", format_kind::uuid},
    {"uri-template", format_kind::uri_template},
    {"json-pointer", format_kind::json_pointer},
    {"relative-json-pointer", format_kind::relative_json_pointer},
    {"regex", format_kind::regex},
}};

bool is_decimal(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_hexadecimal(char c) { return is_decimal(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool is_upper_byte(char c) { return static_cast<unsigned char>(c) >= 0x80; }

/// Reads a text from the left; every function leaves the rest where it is when it fails.
class text_reader {
public:
    explicit text_reader(std::string_view text) : rest_(text) {}

    bool empty() const { return rest_.empty(); }
    char peek() const { return rest_.empty() ? '\0' : rest_.front(); }
    bool take(char c) {
        if (rest_.empty() || rest_.front() != c) return false;
        rest_.remove_prefix(1);
        return true;
    }
    /// Exactly `digits` digits.
    std::optional<int> number(std::size_t digits) {
        if (rest_.size() < digits) return std::nullopt;
        int value = 0;
        for (std::size_t i = 0; i < digits; ++i) {
            if (!is_decimal(rest_[i])) return std::nullopt;
            value = value * 10 + (rest_[i] - '0');
        }
        rest_.remove_prefix(digits);
        return value;
    }
    /// How many digits stood there.
    std::size_t skip_digits() {
        const auto count = std::min(rest_.find_first_not_of("0123456789"), rest_.size());
        rest_.remove_prefix(count);
        return count;
    }

private:
    std::string_view rest_;
};

bool read_date(text_reader& in) {
    const auto year = in.number(4);
    if (!year || !in.take('-')) return false;
    const auto month = in.number(2);
    if (!month || *month < 1 || *month > 12 || !in.take('-')) return false;
    const auto day = in.number(2);
    const bool leap = *year % 4 == 0 && (*year % 100 != 0 || *year % 400 == 0);
    constexpr std::array<int, 12> days{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return day && *day >= 1 && *day <= days[static_cast<std::size_t>(*month - 1)] + (leap && *month == 2 ? 1 : 0);
}

/// RFC 3339 full-time. A leap second happens at 23:59:60 UTC only.
bool read_time(text_reader& in) {
    const auto hour = in.number(2);
    if (!hour || *hour > 23 || !in.take(':')) return false;
    const auto minute = in.number(2);
    if (!minute || *minute > 59 || !in.take(':')) return false;
    const auto second = in.number(2);
    if (!second || *second > 60) return false;
    if (in.take('.') && in.skip_digits() == 0) return false;
    int utc_minutes = *hour * 60 + *minute;
    if (!in.take('Z') && !in.take('z')) {
        const bool ahead = in.peek() == '+';
        if (!in.take('+') && !in.take('-')) return false;
        const auto offset_hour = in.number(2);
        if (!offset_hour || *offset_hour > 23 || !in.take(':')) return false;
        const auto offset_minute = in.number(2);
        if (!offset_minute || *offset_minute > 59) return false;
        const int offset = *offset_hour * 60 + *offset_minute;
        utc_minutes = (utc_minutes + (ahead ? 24 * 60 - offset : offset)) % (24 * 60);
    }
    return *second < 60 || utc_minutes == 23 * 60 + 59;
}

bool is_date(std::string_view text) {
    text_reader in(text);
    return read_date(in) && in.empty();
}

bool is_time(std::string_view text) {
    text_reader in(text);
    return read_time(in) && in.empty();
}

bool is_date_time(std::string_view text) {
    text_reader in(text);
    return read_date(in) && (in.take('T') || in.take('t')) && read_time(in) && in.empty();
}

/// RFC 3339 appendix A: units descend without gaps, weeks stand alone.
bool read_units(text_reader& in, std::string_view units, bool& any) {
    bool started = false;
    std::size_t next = 0;
    while (is_decimal(in.peek())) {
        in.skip_digits();
        const auto unit = units.find(in.peek());
        if (in.empty() || unit == std::string_view::npos || unit < next || (started && unit != next)) return false;
        in.take(in.peek());
        next = unit + 1;
        started = true;
    }
    any = started;
    return true;
}

bool is_duration(std::string_view text) {
    text_reader in(text);
    if (!in.take('P')) return false;
    if (text.ends_with('W')) return in.skip_digits() != 0 && in.take('W') && in.empty();
    bool date = false;
    bool time = false;
    if (!read_units(in, "YMD", date)) return false;
    if (in.take('T') && (!read_units(in, "HMS", time) || !time)) return false;
    return in.empty() && (date || time);
}

bool is_ipv4(std::string_view text) {
    int parts = 0;
    for (;; ++parts) {
        const auto dot = std::min(text.find('.'), text.size());
        const auto part = text.substr(0, dot);
        if (part.empty() || part.size() > 3 || !std::all_of(part.begin(), part.end(), is_decimal)) return false;
        if (part.size() > 1 && part.front() == '0') return false;
        if (part.size() == 3 && part > "255") return false;
        if (dot == text.size()) return parts == 3;
        text.remove_prefix(dot + 1);
    }
}

bool is_ipv6(std::string_view text) {
    int groups = 0;
    bool gap = false;
    if (text.starts_with("::")) {
        gap = true;
        text.remove_prefix(2);
        if (text.empty()) return true;
    }
    for (;;) {
        const auto colon = std::min(text.find(':'), text.size());
        const auto part = text.substr(0, colon);
        if (colon == text.size() && part.find('.') != std::string_view::npos) {
            if (!is_ipv4(part)) return false;
            groups += 2;
            break;
        }
        if (part.empty() || part.size() > 4 || !std::all_of(part.begin(), part.end(), is_hexadecimal)) return false;
        ++groups;
        if (colon == text.size()) break;
        text.remove_prefix(colon + 1);
        if (text.starts_with(':')) {
            if (gap) return false;
            gap = true;
            text.remove_prefix(1);
            if (text.empty()) break;
        }
    }
    return gap ? groups <= 7 : groups == 8;
}

bool is_uuid(std::string_view text) {
    if (text.size() != 36) return false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? text[i] != '-' : !is_hexadecimal(text[i])) return false;
    }
    return true;
}

/// IRI code points beyond ASCII (RFC 3987 ucschar); iprivate belongs to queries only.
bool is_iri_code(std::uint32_t code, bool query) {
    if (query && ((code >= 0xe000 && code <= 0xf8ff) || (code >= 0xf0000 && code <= 0xffffd) ||
                  (code >= 0x100000 && code <= 0x10fffd)))
        return true;
    if (code >= 0xa0 && code <= 0xd7ff) return true;
    if ((code >= 0xf900 && code <= 0xfdcf) || (code >= 0xfdf0 && code <= 0xffef)) return true;
    return code >= 0x10000 && code <= 0xefffd && (code & 0xffff) <= 0xfffd && !(code >= 0xe0000 && code <= 0xe0fff);
}

bool in_uri_part(std::string_view text, std::string_view extra, bool international, bool query = false) {
    for (std::size_t i = 0; i < text.size();) {
        const char c = text[i];
        if (is_upper_byte(c)) {
            if (!international || !is_iri_code(next_code_point(text, i), query)) return false;
        } else if (c == '%') {
            if (i + 2 >= text.size() || !is_hexadecimal(text[i + 1]) || !is_hexadecimal(text[i + 2])) return false;
            i += 3;
        } else {
            constexpr std::string_view common = "-._~!$&'()*+,;=";
            if (!is_letter(c) && !is_decimal(c) && common.find(c) == std::string_view::npos &&
                extra.find(c) == std::string_view::npos)
                return false;
            ++i;
        }
    }
    return true;
}

bool is_authority(std::string_view text, bool international) {
    if (const auto at = text.find('@'); at != std::string_view::npos) {
        if (!in_uri_part(text.substr(0, at), ":", international)) return false;
        text.remove_prefix(at + 1);
    }
    std::string_view port;
    if (text.starts_with('[')) {
        const auto close = text.find(']');
        if (close == std::string_view::npos) return false;
        const auto address = text.substr(1, close - 1);
        const bool future = address.starts_with('v') || address.starts_with('V');
        if (future) {
            const auto dot = address.find('.');
            if (dot == std::string_view::npos || dot < 2 || dot + 1 == address.size()) return false;
            if (!std::all_of(address.begin() + 1, address.begin() + static_cast<std::ptrdiff_t>(dot), is_hexadecimal))
                return false;
            if (address.find('%') != std::string_view::npos || !in_uri_part(address.substr(dot + 1), ":", false))
                return false;
        } else if (!is_ipv6(address)) {
            return false;
        }
        port = text.substr(close + 1);
        if (!port.empty() && port.front() != ':') return false;
    } else {
        const auto colon = std::min(text.find(':'), text.size());
        if (!in_uri_part(text.substr(0, colon), "", international)) return false;
        port = text.substr(colon);
    }
    return std::all_of(port.begin() + (port.empty() ? 0 : 1), port.end(), is_decimal);
}

bool is_uri_reference(std::string_view text, bool absolute, bool international) {
    const auto colon = text.find(':');
    bool scheme = colon != std::string_view::npos && colon != 0 && is_letter(text[0]);
    for (std::size_t i = 0; scheme && i < colon; ++i)
        scheme = is_letter(text[i]) || is_decimal(text[i]) || text[i] == '+' || text[i] == '-' || text[i] == '.';
    if (absolute && !scheme) return false;
    if (scheme) text.remove_prefix(colon + 1);
    if (const auto hash = text.find('#'); hash != std::string_view::npos) {
        if (!in_uri_part(text.substr(hash + 1), ":@/?", international)) return false;
        text = text.substr(0, hash);
    }
    if (const auto mark = text.find('?'); mark != std::string_view::npos) {
        if (!in_uri_part(text.substr(mark + 1), ":@/?", international, true)) return false;
        text = text.substr(0, mark);
    }
    if (text.starts_with("//")) {
        text.remove_prefix(2);
        const auto slash = std::min(text.find('/'), text.size());
        if (!is_authority(text.substr(0, slash), international)) return false;
        text.remove_prefix(slash);
    } else if (!scheme && text.substr(0, text.find('/')).find(':') != std::string_view::npos) {
        return false;
    }
    return in_uri_part(text, ":@/", international);
}

/// The inside of a quoted local part: a quote or a backslash stands behind a backslash only.
bool is_quoted_local_part(std::string_view text, bool international) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '"') return false;
        if (text[i] == '\\' && ++i == text.size()) return false;
        if (is_upper_byte(text[i]) ? !international : text[i] < 32 || text[i] > 126) return false;
    }
    return true;
}

/// RFC 5321 Mailbox; with `international`, RFC 6531.
bool is_email(std::string_view text, bool international) {
    const auto at = text.rfind('@');
    if (at == std::string_view::npos || at == 0 || at > 64) return false;
    const auto local = text.substr(0, at);
    const auto domain = text.substr(at + 1);
    if (local.size() >= 2 && local.front() == '"' && local.back() == '"') {
        if (!is_quoted_local_part(local.substr(1, local.size() - 2), international)) return false;
    } else {
        char before = '.';
        for (const char c : local) {
            if (c == '.' && before == '.') return false;
            constexpr std::string_view symbols = ".!#$%&'*+-/=?^_`{|}~";
            if (!is_letter(c) && !is_decimal(c) && symbols.find(c) == std::string_view::npos &&
                !(international && is_upper_byte(c)))
                return false;
            before = c;
        }
        if (before == '.') return false;
    }
    if (domain.starts_with('[') && domain.ends_with(']')) {
        const auto address = domain.substr(1, domain.size() - 2);
        constexpr std::string_view tag = "IPv6:";
        return address.starts_with(tag) ? is_ipv6(address.substr(tag.size())) : is_ipv4(address);
    }
    return international ? is_idn_hostname(domain) : is_hostname(domain);
}

bool is_json_pointer(std::string_view text) {
    if (!text.empty() && text.front() != '/') return false;
    for (std::size_t i = 0; i < text.size(); ++i)
        if (text[i] == '~' && (i + 1 == text.size() || (text[i + 1] != '0' && text[i + 1] != '1'))) return false;
    return true;
}

bool is_relative_json_pointer(std::string_view text) {
    const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
    if (digits == 0 || (digits > 1 && text.front() == '0')) return false;
    text.remove_prefix(digits);
    return text == "#" || is_json_pointer(text);
}

/// The inside of an expression of RFC 6570: operator, then variables with optional modifiers.
bool is_template_expression(std::string_view text) {
    constexpr std::string_view operators = "+#./;?&";
    if (!text.empty() && operators.find(text.front()) != std::string_view::npos) text.remove_prefix(1);
    for (;;) {
        const auto comma = std::min(text.find(','), text.size());
        auto variable = text.substr(0, comma);
        if (variable.ends_with('*')) {
            variable.remove_suffix(1);
        } else if (const auto colon = variable.find(':'); colon != std::string_view::npos) {
            const auto length = variable.substr(colon + 1);
            if (length.empty() || length.size() > 4 || length.front() == '0' ||
                !std::all_of(length.begin(), length.end(), is_decimal))
                return false;
            variable = variable.substr(0, colon);
        }
        if (variable.empty() || variable.front() == '.' || variable.back() == '.' ||
            variable.find("..") != std::string_view::npos)
            return false;
        for (std::size_t i = 0; i < variable.size(); ++i) {
            const char c = variable[i];
            if (c == '%') {
                if (i + 2 >= variable.size() || !is_hexadecimal(variable[i + 1]) || !is_hexadecimal(variable[i + 2]))
                    return false;
                i += 2;
            } else if (!is_letter(c) && !is_decimal(c) && c != '_' && c != '.') {
                return false;
            }
        }
        if (comma == text.size()) return true;
        text.remove_prefix(comma + 1);
    }
}

bool is_uri_template(std::string_view text) {
    for (std::size_t i = 0; i < text.size();) {
        const char c = text[i];
        if (c == '{') {
            const auto close = text.find('}', i);
            if (close == std::string_view::npos || !is_template_expression(text.substr(i + 1, close - i - 1)))
                return false;
            i = close + 1;
        } else if (c == '%') {
            if (i + 2 >= text.size() || !is_hexadecimal(text[i + 1]) || !is_hexadecimal(text[i + 2])) return false;
            i += 3;
        } else if (is_upper_byte(c)) {
            if (!is_iri_code(next_code_point(text, i), true)) return false;
        } else {
            constexpr std::string_view forbidden = "\"<>\\^`|}";
            if (c <= ' ' || c == 0x7f || forbidden.find(c) != std::string_view::npos) return false;
            ++i;
        }
    }
    return true;
}

bool is_regex(std::string_view text) {
    const auto translated = translate_pattern(text);
    return translated || translated.error().unsupported;
}

} // namespace

std::optional<format_kind> find_format(std::string_view name) {
    for (const auto& [known, kind] : format_names)
        if (known == name) return kind;
    return std::nullopt;
}

bool has_format(format_kind kind, std::string_view text) {
    switch (kind) {
    case format_kind::date_time: return is_date_time(text);
    case format_kind::date: return is_date(text);
    case format_kind::time: return is_time(text);
    case format_kind::duration: return is_duration(text);
    case format_kind::email: return is_email(text, false);
    case format_kind::idn_email: return is_email(text, true);
    case format_kind::hostname: return is_hostname(text);
    case format_kind::idn_hostname: return is_idn_hostname(text);
    case format_kind::ipv4: return is_ipv4(text);
    case format_kind::ipv6: return is_ipv6(text);
    case format_kind::uri: return is_uri_reference(text, true, false);
    case format_kind::uri_reference: return is_uri_reference(text, false, false);
    case format_kind::iri: return is_uri_reference(text, true, true);
    case format_kind::iri_reference: return is_uri_reference(text, false, true);
    case format_kind::uuid: return is_uuid(text);
    case format_kind::uri_template: return is_uri_template(text);
    case format_kind::json_pointer: return is_json_pointer(text);
    case format_kind::relative_json_pointer: return is_relative_json_pointer(text);
    case format_kind::regex: return is_regex(text);
    }
    return true;
}

} // namespace aivp::schema_internal
