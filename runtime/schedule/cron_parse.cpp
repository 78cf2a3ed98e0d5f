#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "aivp/schedule/cron.hpp"

namespace aivp {
namespace {

enum class field_kind : std::uint8_t { second, minute, hour, month_day, month, weekday, year };

struct field_info {
    const char* name;
    std::int32_t low;
    std::int32_t high;
};

constexpr field_info field_table[] = {
    {"second", 0, 59},
    {"minute", 0, 59},
    {"hour", 0, 23},
    {"day of month", 1, 31},
    {"month", 1, 12},
    {"day of week", 0, 7},
    {"year", cron_year_min, schedule_year_max},
};

constexpr std::string_view month_names[] = {"january", "february", "march",     "april",   "may",      "june",
                                            "july",    "august",   "september", "october", "november", "december"};
constexpr std::string_view weekday_names[] = {"sunday",   "monday", "tuesday", "wednesday",
                                              "thursday", "friday", "saturday"};

constexpr std::int32_t weekday_count = 7;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
bool is_letter(char c) { return to_lower(c) >= 'a' && to_lower(c) <= 'z'; }
bool is_blank(char c) { return c == ' ' || c == '\t'; }

bool equals_folded(std::string_view text, std::string_view lower) {
    return std::ranges::equal(text, lower, {}, to_lower);
}

/// For messages: control characters and what is not ASCII are shown as '?'.
std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text.substr(0, 60)) out += c >= ' ' && c < '\x7f' ? c : '?';
    out += text.size() > 60 ? "...\"" : "\"";
    return out;
}

/// A piece of the expression and where it stands in it.
struct token {
    std::string_view text;
    std::size_t column = 1; ///< from 1

    token sub(std::size_t from, std::size_t count = std::string_view::npos) const {
        return {text.substr(from, count), column + from};
    }
};

std::unexpected<error> fail_at(errc code, const token& where, std::string message, std::string help = {}) {
    return fail(code, std::move(message), source_pos{{}, 1, static_cast<std::uint32_t>(where.column)}, std::move(help));
}

std::vector<token> split_fields(const token& text) {
    std::vector<token> out;
    std::size_t at = 0;
    while (at < text.text.size()) {
        const std::size_t begin = at;
        while (at < text.text.size() && !is_blank(text.text[at])) ++at;
        if (at > begin)
            out.push_back(text.sub(begin, at - begin));
        else
            ++at;
    }
    return out;
}

/// What one field says, before it goes into the spec.
struct field_bits {
    std::uint64_t bits = 0; ///< of the year: unused
    bool every = false;
};

class field_parser {
public:
    field_parser(cron_spec& spec, field_kind kind, const token& text)
        : spec_(spec), kind_(kind), info_(field_table[static_cast<std::size_t>(kind)]), field_(text) {}

    result<field_bits> parse() {
        std::size_t begin = 0;
        while (true) {
            const std::size_t comma = field_.text.find(',', begin);
            const token item = field_.sub(begin, comma == std::string_view::npos ? comma : comma - begin);
            if (item.text.empty())
                return fail_at(errc::cron_syntax, item, "a value is missing in the " + field_name() + " field");
            AIVP_CHECK(parse_item(item));
            if (comma == std::string_view::npos) break;
            begin = comma + 1;
        }
        return out_;
    }

private:
    std::string field_name() const { return info_.name; }
    std::string field_range() const { return std::to_string(info_.low) + " to " + std::to_string(info_.high); }

    result<void> parse_item(const token& item) {
        if (item.text == "?") return parse_question(item);
        if (kind_ == field_kind::month_day) {
            const char first = to_lower(item.text.front());
            if (first == 'l' || to_lower(item.text.back()) == 'w') return parse_month_day_special(item);
        }
        if (kind_ == field_kind::weekday) {
            if (const std::size_t hash = item.text.find('#'); hash != std::string_view::npos)
                return parse_weekday_nth(item, hash);
            if (to_lower(item.text.back()) == 'l' && item.text.find('-') == std::string_view::npos)
                return parse_weekday_last(item);
        }
        return parse_range(item);
    }

    result<void> parse_question(const token& item) {
        if (kind_ != field_kind::month_day && kind_ != field_kind::weekday)
            return fail_at(errc::cron_syntax, item, "`?` stands only for a day of month or a day of week",
                           "Write `*`.");
        if (field_.text != "?") return fail_at(errc::cron_syntax, item, "`?` cannot be part of a list");
        out_.every = true;
        return set_range(info_.low, info_.high, 1);
    }

    result<void> parse_month_day_special(const token& item) {
        if (equals_folded(item.text, "l")) {
            spec_.month_days_before_last |= 1;
            return {};
        }
        if (equals_folded(item.text, "lw") || equals_folded(item.text, "wl")) {
            spec_.last_weekday = true;
            return {};
        }
        if (item.text.size() > 2 && item.text[1] == '-') {
            const token days = item.sub(2);
            AIVP_TRY(const std::int32_t before, parse_number(days));
            if (before < 1 || before > 30)
                return fail_at(errc::cron_range, days, "`L-n` takes 1 to 30 days, not " + std::string(days.text));
            spec_.month_days_before_last |= 1u << before;
            return {};
        }
        if (to_lower(item.text.front()) == 'l' || item.text.size() < 2)
            return fail_at(errc::cron_syntax, item, quoted(item.text) + " is not a day of month",
                           "Write L, L-3, LW or 15W.");
        AIVP_TRY(const std::int32_t day, parse_value(item.sub(0, item.text.size() - 1)));
        spec_.month_days_weekday |= 1u << day;
        return {};
    }

    result<void> parse_weekday_nth(const token& item, std::size_t hash) {
        AIVP_TRY(const std::int32_t day, parse_value(item.sub(0, hash)));
        const token count = item.sub(hash + 1);
        AIVP_TRY(const std::int32_t nth, parse_number(count));
        if (nth < 1 || nth > 5)
            return fail_at(errc::cron_range, count, "a month has no " + std::string(count.text) + ". weekday of a kind",
                           "Write 1 to 5 after `#`.");
        spec_.weekdays_nth[static_cast<std::size_t>(nth) - 1] |= static_cast<std::uint8_t>(1u << day % weekday_count);
        return {};
    }

    result<void> parse_weekday_last(const token& item) {
        if (item.text.size() == 1)
            return fail_at(errc::cron_syntax, item, "`L` needs a day of week before it",
                           "Write 5L or FRIL for the last Friday.");
        AIVP_TRY(const std::int32_t day, parse_value(item.sub(0, item.text.size() - 1)));
        spec_.weekdays_last |= static_cast<std::uint8_t>(1u << day % weekday_count);
        return {};
    }

    result<void> parse_range(const token& item) {
        const std::size_t slash = item.text.find('/');
        const token range = item.sub(0, slash);
        std::int32_t step = 1;
        if (slash != std::string_view::npos) {
            const token text = item.sub(slash + 1);
            AIVP_TRY(step, parse_number(text));
            // The week has seven days although Sunday has two numbers.
            const std::int32_t span = kind_ == field_kind::weekday ? weekday_count : info_.high - info_.low + 1;
            if (step < 1 || step > span)
                return fail_at(errc::cron_range, text,
                               "a step of " + std::string(text.text) + " does not fit the " + field_name() + " field",
                               "Write 1 to " + std::to_string(span) + ".");
        }
        if (range.text.empty())
            return fail_at(errc::cron_syntax, range, "a value is missing in the " + field_name() + " field");
        if (range.text == "*") {
            out_.every = out_.every || step == 1;
            return set_range(info_.low, kind_ == field_kind::weekday ? weekday_count - 1 : info_.high, step);
        }
        const std::size_t dash = range.text.find('-');
        AIVP_TRY(const std::int32_t low, parse_value(range.sub(0, dash)));
        if (dash == std::string_view::npos) {
            std::int32_t high = low;
            if (slash != std::string_view::npos)
                high = kind_ == field_kind::weekday ? std::max(low, weekday_count - 1) : info_.high;
            return set_range(low, high, step);
        }
        const token high_text = range.sub(dash + 1);
        AIVP_TRY(std::int32_t high, parse_value(high_text));
        if (kind_ == field_kind::weekday && high == 0 && low > 0) high = weekday_count;
        if (high < low)
            return fail_at(errc::cron_range, range, "the range " + quoted(range.text) + " runs backwards",
                           "Write two ranges, such as 22-23,0-5.");
        return set_range(low, high, step);
    }

    result<void> set_range(std::int32_t low, std::int32_t high, std::int32_t step) {
        for (std::int32_t value = low; value <= high; value += step) {
            if (kind_ == field_kind::year) {
                const auto bit = static_cast<std::uint32_t>(value - cron_year_min);
                spec_.years[bit / 64] |= std::uint64_t{1} << bit % 64;
            } else {
                out_.bits |= std::uint64_t{1} << (kind_ == field_kind::weekday ? value % weekday_count : value);
            }
        }
        return {};
    }

    result<std::int32_t> parse_number(const token& text) {
        if (text.text.empty())
            return fail_at(errc::cron_syntax, text, "a number is missing in the " + field_name() + " field");
        std::int32_t value = 0;
        for (std::size_t i = 0; i < text.text.size(); ++i) {
            if (!is_digit(text.text[i]))
                return fail_at(errc::cron_syntax, text.sub(i),
                               quoted(text.text) + " is not a number in the " + field_name() + " field");
            if (value < 100'000) value = value * 10 + (text.text[i] - '0');
        }
        return value;
    }

    result<std::int32_t> parse_value(const token& text) {
        if (!text.text.empty() && is_letter(text.text.front())) {
            if (kind_ == field_kind::month) return parse_name(text, month_names, 1);
            if (kind_ == field_kind::weekday) return parse_name(text, weekday_names, 0);
        }
        if (text.text.empty())
            return fail_at(errc::cron_syntax, text, "a value is missing in the " + field_name() + " field");
        AIVP_TRY(const std::int32_t value, parse_number(text));
        if (value < info_.low || value > info_.high)
            return fail_at(errc::cron_range, text,
                           quoted(text.text) + " is not a " + field_name() + ": " + field_range() + " are");
        return value;
    }

    result<std::int32_t> parse_name(const token& text, std::span<const std::string_view> names, std::int32_t first) {
        for (std::size_t i = 0; i < names.size(); ++i)
            if (equals_folded(text.text, names[i]) || equals_folded(text.text, names[i].substr(0, 3)))
                return first + static_cast<std::int32_t>(i);
        return fail_at(errc::cron_syntax, text, quoted(text.text) + " is not the name of a " + field_name(),
                       kind_ == field_kind::month ? "Write JAN to DEC or 1 to 12." : "Write SUN to SAT or 0 to 6.");
    }

    cron_spec& spec_;
    field_kind kind_;
    const field_info& info_;
    token field_;
    field_bits out_;
};

result<void> parse_field(cron_spec& spec, field_kind kind, const token& text) {
    AIVP_TRY(const field_bits field, field_parser(spec, kind, text).parse());
    switch (kind) {
    case field_kind::second: spec.seconds = field.bits; break;
    case field_kind::minute: spec.minutes = field.bits; break;
    case field_kind::hour:
        spec.hours = static_cast<std::uint32_t>(field.bits);
        spec.every_hour = spec.hours == (1u << 24) - 1;
        break;
    case field_kind::month_day:
        spec.month_days = static_cast<std::uint32_t>(field.bits);
        spec.every_month_day = field.every;
        break;
    case field_kind::month: spec.months = static_cast<std::uint16_t>(field.bits); break;
    case field_kind::weekday:
        spec.weekdays = static_cast<std::uint8_t>(field.bits);
        spec.every_weekday = field.every;
        break;
    case field_kind::year:
        spec.every_year = field.every;
        if (field.every) spec.years = {};
        break;
    }
    return {};
}

/// What `*` swallows is dropped, so that equal meanings are equal values.
void drop_redundant(cron_spec& spec) {
    if (spec.every_month_day) {
        spec.month_days_before_last = 0;
        spec.month_days_weekday = 0;
        spec.last_weekday = false;
    }
    if (spec.every_weekday) {
        spec.weekdays_last = 0;
        spec.weekdays_nth = {};
    }
}

result<cron_spec> parse_fields(const token& text, const cron_options& options) {
    const std::vector<token> fields = split_fields(text);
    if (fields.size() < 5 || fields.size() > 7) {
        const token where = fields.size() > 7 ? fields[7] : text.sub(text.text.size());
        return fail_at(errc::cron_syntax, where,
                       "an expression has 5, 6 or 7 fields, this has " + std::to_string(fields.size()),
                       "Write minute hour day-of-month month day-of-week; seconds may go before, years after these.");
    }
    constexpr field_kind order[] = {field_kind::second, field_kind::minute,  field_kind::hour, field_kind::month_day,
                                    field_kind::month,  field_kind::weekday, field_kind::year};
    const std::size_t skipped = fields.size() == 5 ? 1 : 0;
    cron_spec spec;
    spec.options = options;
    for (std::size_t i = 0; i < fields.size(); ++i) AIVP_CHECK(parse_field(spec, order[i + skipped], fields[i]));
    drop_redundant(spec);
    return spec;
}

result<duration> parse_every(const token& text) {
    result<duration> every = parse_duration(text.text);
    if (!every)
        return fail_at(errc::cron_syntax, text, "@every needs a duration, not " + quoted(text.text),
                       "Write @every 10m or @every 1h30m.");
    if (every->us < 1'000'000) return fail_at(errc::cron_range, text, "@every needs at least one second");
    return every;
}

struct macro {
    std::string_view name;
    std::string_view fields;
};

constexpr macro macros[] = {
    {"@hourly", "0 * * * *"},  {"@daily", "0 0 * * *"},  {"@midnight", "0 0 * * *"}, {"@weekly", "0 0 * * 0"},
    {"@monthly", "0 0 1 * *"}, {"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"},
};

result<std::variant<cron_spec, duration>> parse_macro(const token& text, const cron_options& options) {
    const std::vector<token> words = split_fields(text);
    if (equals_folded(words[0].text, "@every")) {
        if (words.size() != 2)
            return fail_at(errc::cron_syntax, words.size() > 2 ? words[2] : text.sub(text.text.size()),
                           "@every needs one duration", "Write @every 10m.");
        AIVP_TRY(const duration every, parse_every(words[1]));
        return every;
    }
    for (const macro& m : macros) {
        if (!equals_folded(words[0].text, m.name)) continue;
        if (words.size() > 1) return fail_at(errc::cron_syntax, words[1], "nothing may follow " + std::string(m.name));
        AIVP_TRY(const cron_spec spec, parse_fields({m.fields, 1}, options));
        return spec;
    }
    return fail_at(errc::cron_syntax, words[0], quoted(words[0].text) + " is not known",
                   "Write @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually or @every 10m.");
}

token trimmed(token text) {
    std::size_t begin = 0;
    while (begin < text.text.size() && is_blank(text.text[begin])) ++begin;
    text = text.sub(begin);
    while (!text.text.empty() && is_blank(text.text.back())) text.text.remove_suffix(1);
    return text;
}

/// Takes a TZ= or CRON_TZ= prefix off `text`.
result<std::string> take_zone(token& text) {
    std::size_t begin = 0;
    if (text.text.starts_with("CRON_TZ="))
        begin = 8;
    else if (text.text.starts_with("TZ="))
        begin = 3;
    else
        return std::string();
    const std::size_t end = std::min(text.text.find_first_of(" \t", begin), text.text.size());
    const token zone = text.sub(begin, end - begin);
    if (zone.text.empty())
        return fail_at(errc::cron_syntax, zone, "the name of a time zone is missing",
                       "Write TZ=Europe/Berlin or leave it out.");
    for (std::size_t i = 0; i < zone.text.size(); ++i) {
        const char c = zone.text[i];
        if (!is_letter(c) && !is_digit(c) && c != '/' && c != '_' && c != '-' && c != '+')
            return fail_at(errc::cron_syntax, zone.sub(i), quoted(zone.text) + " is not the name of a time zone");
    }
    text = trimmed(text.sub(end));
    return std::string(zone.text);
}

} // namespace

result<cron_expression> parse_cron(std::string_view text, const cron_options& options) {
    if (text.size() > cron_text_bytes_max)
        return fail_at(errc::cron_syntax, {text, cron_text_bytes_max + 1},
                       "an expression has at most " + std::to_string(cron_text_bytes_max) + " bytes");
    token rest = trimmed({text, 1});
    cron_expression out;
    AIVP_TRY(out.zone, take_zone(rest));
    if (rest.text.starts_with('@')) {
        AIVP_TRY(out.when, parse_macro(rest, options));
        return out;
    }
    AIVP_TRY(out.when, parse_fields(rest, options));
    return out;
}

result<cron_spec> parse_cron_fields(std::string_view text, const cron_options& options) {
    AIVP_TRY(const cron_expression expression, parse_cron(text, options));
    if (!expression.zone.empty())
        return fail(errc::cron_syntax, "a time zone cannot be named here", source_pos{{}, 1, 1},
                    "Leave out TZ= and name the zone beside the expression.");
    if (const cron_spec* spec = std::get_if<cron_spec>(&expression.when)) return *spec;
    return fail(errc::cron_syntax, "@every cannot be used here", source_pos{{}, 1, 1}, "Write the fields out.");
}

namespace {

/// "1-3,7" for the numbers in [low, high] that `has` accepts.
template <class Has>
void append_ranges(std::string& out, std::int32_t low, std::int32_t high, Has has) {
    for (std::int32_t value = low; value <= high; ++value) {
        if (!has(value)) continue;
        const std::int32_t begin = value;
        while (value < high && has(value + 1)) ++value;
        if (!out.empty() && out.back() != ' ') out += ',';
        out += std::to_string(begin);
        if (value > begin) out += '-' + std::to_string(value);
    }
}

void append_item(std::string& out, std::string item) {
    if (!out.empty() && out.back() != ' ') out += ',';
    out += item;
}

void append_plain(std::string& out, std::uint64_t bits, std::int32_t low, std::int32_t high, bool every) {
    if (!out.empty()) out += ' ';
    if (every)
        out += '*';
    else
        append_ranges(out, low, high, [bits](std::int32_t n) { return (bits >> n & 1) != 0; });
}

void append_month_days(std::string& out, const cron_spec& s) {
    append_plain(out, s.month_days, 1, 31, s.every_month_day);
    if (s.every_month_day) return;
    for (std::int32_t n = 0; n <= 30; ++n)
        if (s.month_days_before_last >> n & 1) append_item(out, n == 0 ? "L" : "L-" + std::to_string(n));
    for (std::int32_t day = 1; day <= 31; ++day)
        if (s.month_days_weekday >> day & 1) append_item(out, std::to_string(day) + "W");
    if (s.last_weekday) append_item(out, "LW");
}

void append_weekdays(std::string& out, const cron_spec& s) {
    append_plain(out, s.weekdays, 0, 6, s.every_weekday);
    if (s.every_weekday) return;
    for (std::int32_t day = 0; day < weekday_count; ++day)
        if (s.weekdays_last >> day & 1) append_item(out, std::to_string(day) + "L");
    for (std::size_t n = 0; n < s.weekdays_nth.size(); ++n)
        for (std::int32_t day = 0; day < weekday_count; ++day)
            if (s.weekdays_nth[n] >> day & 1) append_item(out, std::to_string(day) + "#" + std::to_string(n + 1));
}

void append_years(std::string& out, const cron_spec& s) {
    out += ' ';
    append_ranges(out, cron_year_min, schedule_year_max, [&s](std::int32_t year) {
        const auto bit = static_cast<std::size_t>(year - cron_year_min);
        return (s.years[bit / 64] >> bit % 64 & 1) != 0;
    });
}

constexpr std::uint64_t low_bits(std::int32_t count) { return (std::uint64_t{1} << count) - 1; }

} // namespace

std::string to_string(const cron_spec& s) {
    std::string out;
    if (s.seconds != 1 || !s.every_year) append_plain(out, s.seconds, 0, 59, s.seconds == low_bits(60));
    append_plain(out, s.minutes, 0, 59, s.minutes == low_bits(60));
    append_plain(out, s.hours, 0, 23, s.every_hour);
    append_month_days(out, s);
    append_plain(out, s.months, 1, 12, s.months == (low_bits(13) & ~std::uint64_t{1}));
    append_weekdays(out, s);
    if (!s.every_year) append_years(out, s);
    return out;
}

std::string to_string(const dst_policy& policy) {
    constexpr const char* gaps[] = {"skip", "shift", "after"};
    constexpr const char* folds[] = {"first", "last", "both"};
    constexpr const char* steadies[] = {"hourly", "none"};
    return std::string("gap=") + gaps[static_cast<std::size_t>(policy.gap)] +
           " fold=" + folds[static_cast<std::size_t>(policy.fold)] +
           " steady=" + steadies[static_cast<std::size_t>(policy.steady)];
}

} // namespace aivp
