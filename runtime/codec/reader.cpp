#include "runtime/codec/reader.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "aivp/base/nearest.hpp"
#include "runtime/codec/internal/text.hpp"

namespace aivp {

void file_errors::report(errc code, text_place at, std::string message, std::string help) {
    report(error{code, std::move(message), position(at), std::move(help), {}}, at);
}

void file_errors::report(error e, text_place at) {
    if (++reported_ > errors_per_file_max) return;
    if (e.where.file.empty()) {
        if (e.where.line == 1 && e.where.column > 1) at.column += e.where.column - 1;
        e.where = position(at);
    }
    errors_.push_back(std::move(e));
}

located_text to_located_text(const yaml_node& scalar, const file_errors& errors) {
    return {scalar.text, errors.position(scalar.at), scalar.single ? errors.position(scalar.content()) : source_pos{}};
}

mapping_reader::mapping_reader(const yaml_node& node, std::string what, file_errors& errors)
    : node_(node), what_(std::move(what)), errors_(errors) {
    if (!node.is_mapping())
        errors_.report(errc::config_type, node.at, what_ + " is a mapping, not " + describe(node),
                       "Write `key: value` lines.");
}

const yaml_member* mapping_reader::find(std::string_view key) {
    if (std::ranges::find(known_, key) == known_.end()) known_.emplace_back(key);
    return node_.find(key);
}

text_place mapping_reader::key_at(std::string_view key) const {
    const yaml_member* member = node_.find(key);
    return member == nullptr ? node_.at : member->at;
}

const yaml_node* mapping_reader::node(std::string_view key) {
    const yaml_member* member = find(key);
    return member == nullptr ? nullptr : &member->value;
}

const yaml_node* mapping_reader::required(std::string_view key) {
    const yaml_node* found = node(key);
    if (found == nullptr && node_.is_mapping())
        errors_.report(errc::config_missing_key, node_.at, what_ + " needs the key `" + std::string(key) + "`");
    return found;
}

const yaml_node* mapping_reader::scalar(std::string_view key, std::string_view wanted) {
    const yaml_node* found = node(key);
    if (found == nullptr) return nullptr;
    if (found->is_scalar() && type_of(*found) != scalar_type::null) return found;
    errors_.report(errc::config_type, found->at,
                   "`" + std::string(key) + "` is " + std::string(wanted) + ", not " + describe(*found));
    return nullptr;
}

std::optional<located_text> mapping_reader::text(std::string_view key) {
    const yaml_node* found = scalar(key, "text");
    if (found == nullptr) return {};
    if (type_of(*found) != scalar_type::text) {
        errors_.report(errc::config_type, found->at, "`" + std::string(key) + "` is text, not " + describe(*found),
                       "Put it in quotes: \"" + internal::shown(found->text) + "\".");
        return {};
    }
    if (found->text.find_first_not_of(" \n\t") == std::string::npos) {
        errors_.report(errc::config_value, found->at, "`" + std::string(key) + "` is empty");
        return {};
    }
    return to_located_text(*found, errors_);
}

std::optional<located_text> mapping_reader::required_text(std::string_view key) {
    if (required(key) == nullptr) return {};
    return text(key);
}

std::optional<bool> mapping_reader::boolean(std::string_view key) {
    const yaml_node* found = scalar(key, "true or false");
    if (found == nullptr) return {};
    if (type_of(*found) == scalar_type::boolean) return (found->text[0] | 0x20) == 't';
    errors_.report(errc::config_type, found->at,
                   "`" + std::string(key) + "` is true or false, not " + describe(*found));
    return {};
}

std::optional<std::int64_t> mapping_reader::integer(std::string_view key, std::int64_t minimum, std::int64_t maximum) {
    const yaml_node* found = scalar(key, "a whole number");
    if (found == nullptr) return {};
    if (type_of(*found) != scalar_type::integer) {
        errors_.report(errc::config_type, found->at,
                       "`" + std::string(key) + "` is a whole number, not " +
                           (type_of(*found) == scalar_type::real ? "a fraction" : describe(*found)));
        return {};
    }
    const auto number = to_payload(*found, errors_.file());
    const auto value = number ? as_integer(*number) : std::nullopt;
    if (value && *value >= minimum && *value <= maximum) return value;
    errors_.report(errc::config_range, found->at,
                   "`" + std::string(key) + "` is from " + std::to_string(minimum) + " to " + std::to_string(maximum));
    return {};
}

std::optional<duration> mapping_reader::span(std::string_view key, duration minimum, duration maximum) {
    const yaml_node* found = scalar(key, "a duration such as 90s");
    if (found == nullptr) return {};
    auto value = parse_duration(found->text);
    if (!value) {
        errors_.report(errc::config_value, found->at,
                       "`" + std::string(key) + "` is no duration: " + value.error().message,
                       "Write 90s, 10m or 1h30m.");
        return {};
    }
    if (*value >= minimum && *value <= maximum) return *value;
    errors_.report(errc::config_range, found->at,
                   "`" + std::string(key) + "` is from " + to_string(minimum) + " to " + to_string(maximum));
    return {};
}

std::optional<instant> mapping_reader::moment(std::string_view key) {
    const yaml_node* found = scalar(key, "an instant such as 2026-03-01T09:00:00Z");
    if (found == nullptr) return {};
    auto value = parse_instant(found->text);
    if (value) return *value;
    errors_.report(errc::config_value, found->at, "`" + std::string(key) + "` is no instant: " + value.error().message,
                   "Write 2026-03-01T09:00:00Z.");
    return {};
}

std::optional<usd_micros> mapping_reader::money(std::string_view key) {
    const yaml_node* found = scalar(key, "an amount in US dollars");
    if (found == nullptr) return {};
    const bool negative = found->text.starts_with('-');
    auto value = parse_usd(std::string_view(found->text).substr(negative ? 1 : 0));
    if (!value) {
        errors_.report(errc::config_value, found->at,
                       "`" + std::string(key) + "` is no amount: " + value.error().message,
                       "Write US dollars with at most six decimals, such as 0.05.");
        return {};
    }
    if (!negative && value->value >= 0) return *value;
    errors_.report(errc::config_range, found->at, "`" + std::string(key) + "` is negative");
    return {};
}

namespace {

/// An unsigned decimal as a number of 1/10^places; nullopt when it is none, or has more than 15 digits.
std::optional<std::int64_t> scaled_decimal(std::string_view text, int places) {
    const std::size_t point = std::min(text.find('.'), text.size());
    std::string digits(text.substr(0, point));
    const std::string_view fraction = point == text.size() ? std::string_view() : text.substr(point + 1);
    digits += fraction;
    if (digits.empty() || digits.size() > 15 || fraction.size() > static_cast<std::size_t>(places)) return {};
    if (!std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; })) return {};
    digits.append(static_cast<std::size_t>(places) - fraction.size(), '0');
    std::int64_t value = 0;
    for (const char c : digits) value = value * 10 + (c - '0');
    return value;
}

std::optional<std::uint64_t> parse_bytes(std::string_view text) {
    std::uint64_t n = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), n);
    if (failed != std::errc()) return {};
    const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
    constexpr std::array<std::pair<std::string_view, int>, 4> units{{{"B", 0}, {"KiB", 10}, {"MiB", 20}, {"GiB", 30}}};
    for (const auto& [name, shift] : units)
        if (unit == name && n != 0 && n <= (std::uint64_t{1} << 50 >> shift)) return n << shift;
    return {};
}

std::string percent_text(std::int64_t permille) {
    return std::to_string(permille / 10) + (permille % 10 == 0 ? "" : "." + std::to_string(permille % 10)) + "%";
}

} // namespace

std::optional<std::int64_t> mapping_reader::share(std::string_view key, std::int64_t minimum_permille,
                                                  std::int64_t maximum_permille) {
    const yaml_node* found = scalar(key, "a share such as 50%");
    if (found == nullptr) return {};
    const std::string_view text = found->text;
    const bool whole = text.ends_with('%') && !text.ends_with(".%") && !text.starts_with('.');
    const auto value = whole ? scaled_decimal(text.substr(0, text.size() - 1), 1) : std::nullopt;
    if (!value) {
        errors_.report(errc::config_value, found->at, "`" + std::string(key) + "` is a share such as 50%",
                       "Write per cent with at most one decimal, and the sign.");
        return {};
    }
    if (*value >= minimum_permille && *value <= maximum_permille) return value;
    errors_.report(errc::config_range, found->at,
                   "`" + std::string(key) + "` is from " + percent_text(minimum_permille) + " to " +
                       percent_text(maximum_permille));
    return {};
}

std::optional<std::int64_t> mapping_reader::decimal(std::string_view key, int places, std::int64_t minimum,
                                                    std::int64_t maximum) {
    const yaml_node* found = scalar(key, "a number");
    if (found == nullptr) return {};
    const bool negative = found->text.starts_with('-');
    auto value = scaled_decimal(std::string_view(found->text).substr(negative ? 1 : 0), places);
    if (!value) {
        errors_.report(errc::config_type, found->at,
                       "`" + std::string(key) + "` is a number with at most " + std::to_string(places) + " decimals");
        return {};
    }
    if (negative) value = -*value;
    if (*value >= minimum && *value <= maximum) return value;
    std::int64_t scale = 1;
    for (int i = 0; i < places; ++i) scale *= 10;
    errors_.report(errc::config_range, found->at,
                   "`" + std::string(key) + "` is from " + std::to_string(minimum / scale) + " to " +
                       std::to_string(maximum / scale));
    return {};
}

std::optional<std::uint64_t> mapping_reader::bytes(std::string_view key) {
    const auto written = text(key);
    if (!written) return {};
    const auto n = parse_bytes(written->text);
    if (!n)
        errors_.report(errc::config_value, {written->where.line, written->where.column},
                       "`" + std::string(key) + "` is no size", "Write 512KiB, 256MiB or 2GiB.");
    return n;
}

std::optional<std::size_t> mapping_reader::word(std::string_view key, std::initializer_list<std::string_view> words,
                                                std::initializer_list<std::string_view> deferred) {
    const yaml_node* found = scalar(key, "a word");
    if (found == nullptr) return {};
    if (const auto at = std::ranges::find(words, found->text); at != words.end())
        return static_cast<std::size_t>(at - words.begin());
    if (std::ranges::find(deferred, found->text) != deferred.end()) {
        errors_.report(errc::config_not_supported, found->at,
                       "`" + std::string(key) + ": " + found->text + "` is planned, but this version cannot do it");
        return {};
    }
    std::string list;
    for (const std::string_view w : words) list += (list.empty() ? "" : ", ") + std::string(w);
    const std::string near = nearest_name(found->text, words);
    errors_.report(errc::config_value, found->at, "`" + std::string(key) + "` is one of: " + list,
                   near.empty() ? "" : "Did you mean `" + near + "`?");
    return {};
}

std::vector<located_text> mapping_reader::texts(std::string_view key) {
    std::vector<located_text> list;
    const yaml_node* found = sequence(key);
    if (found == nullptr) return list;
    for (const yaml_node& item : found->items) {
        if (item.is_scalar() && type_of(item) == scalar_type::text && !item.text.empty())
            list.push_back(to_located_text(item, errors_));
        else
            errors_.report(errc::config_type, item.at,
                           "`" + std::string(key) + "` is a list of texts, and this is " + describe(item));
    }
    return list;
}

std::optional<located_payload> mapping_reader::value(std::string_view key) {
    const yaml_node* found = node(key);
    if (found == nullptr) return {};
    auto made = to_located_payload(*found, errors_.file());
    if (made) return std::move(*made);
    errors_.report(std::move(made).error(), found->at);
    return {};
}

std::optional<located_payload> mapping_reader::object(std::string_view key) {
    return mapping(key) == nullptr ? std::nullopt : value(key);
}

const yaml_node* mapping_reader::sequence(std::string_view key) {
    const yaml_node* found = node(key);
    if (found == nullptr || found->is_sequence()) return found;
    errors_.report(errc::config_type, found->at, "`" + std::string(key) + "` is a list, not " + describe(*found));
    return nullptr;
}

const yaml_node* mapping_reader::mapping(std::string_view key) {
    const yaml_node* found = node(key);
    if (found == nullptr || found->is_mapping()) return found;
    errors_.report(errc::config_type, found->at, "`" + std::string(key) + "` is a mapping, not " + describe(*found));
    return nullptr;
}

void mapping_reader::defer(std::initializer_list<std::string_view> keys, std::string sentence) {
    for (const std::string_view key : keys) {
        const yaml_member* member = node_.find(key);
        if (member == nullptr) continue;
        find(key);
        errors_.report(errc::config_not_supported, member->at, "`" + std::string(key) + "`: " + sentence,
                       "Remove the key; docs/scope.md lists what is deferred.");
    }
}

void mapping_reader::refuse(std::string_view key, errc code, std::string message, std::string help) {
    if (const yaml_member* member = find(key)) errors_.report(code, member->at, std::move(message), std::move(help));
}

void mapping_reader::finish() {
    std::vector<std::string> known = known_;
    std::ranges::sort(known);
    for (const yaml_member& member : node_.members) {
        if (std::ranges::binary_search(known, member.key)) continue;
        const std::string near = nearest_name(member.key, known_);
        std::string help = "Did you mean `" + near + "`?";
        if (near.empty()) {
            help = "Known here:";
            for (const std::string& k : known) help += (k == known.front() ? " " : ", ") + k;
            help += ".";
        }
        errors_.report(errc::config_unknown_key, member.at,
                       "`" + internal::shown(member.key) + "` is no key of " + what_, std::move(help));
    }
}

} // namespace aivp
