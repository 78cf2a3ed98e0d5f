#include "aivp/skill/fields.hpp"

#include <algorithm>

namespace aivp {

std::string_view json_kind(const payload& value) {
    if (value.is_object()) return "an object";
    if (value.is_array()) return "an array";
    if (value.is_string()) return "a string";
    if (value.is_null()) return "null";
    return as_bool(value) ? "a boolean" : "a number";
}

std::string some_of(const std::vector<std::string>& names, std::size_t limit) {
    if (names.empty()) return "none";
    std::string text;
    for (std::size_t i = 0; i < names.size() && i < limit; ++i) {
        if (i > 0) text += ", ";
        text += '"' + names[i] + '"';
    }
    if (names.size() > limit) text += ", …";
    return text;
}

std::string shortened(std::string_view text, std::size_t bytes) {
    if (text.size() <= bytes) return std::string(text);
    while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xC0u) == 0x80u) --bytes;
    return std::string(text.substr(0, bytes)) + "…";
}

std::uint64_t minted_number(std::string_view id, std::string_view prefix) {
    if (!id.starts_with(prefix)) return 0;
    id.remove_prefix(prefix.size());
    if (id.empty() || id.size() > 9 || id.front() == '0') return 0;
    std::uint64_t n = 0;
    for (const char c : id) {
        if (c < '0' || c > '9') return 0;
        n = n * 10 + static_cast<std::uint64_t>(c - '0');
    }
    return n;
}

std::string pointer_step(std::string_view key) {
    std::string out = "/";
    for (const char c : key) {
        if (c == '~')
            out += "~0";
        else if (c == '/')
            out += "~1";
        else
            out += c;
    }
    return out;
}

field_reader::field_reader(const payload& object, field_origin origin, std::string at)
    : at_(std::move(at)), origin_(origin) {
    if (!object.is_object()) {
        const errc code = origin == field_origin::request ? errc::skill_bad_request : errc::config_type;
        std::string what = (at_.empty() ? std::string("this") : '"' + at_ + '"') + " must be an object and is ";
        problem_ = error{code, what.append(json_kind(object)), {}, {}, {{"pointer", at_}}};
        return;
    }
    for (auto& [key, value] : members(object)) entries_.push_back({std::move(key), std::move(value), false});
}

std::string field_reader::pointer(std::string_view key) const { return at_ + pointer_step(key); }
std::string field_reader::pointer(std::string_view key, std::size_t index) const {
    return pointer(key) + "/" + std::to_string(index);
}

void field_reader::adopt(error e) {
    if (!problem_) problem_ = std::move(e);
}

void field_reader::refuse(std::string_view key, errc code_for_seeds, std::string message) {
    const errc code = origin_ == field_origin::request ? errc::skill_bad_request : code_for_seeds;
    std::string where = key.empty() ? at_ : pointer(key);
    const std::string shown = origin_ == field_origin::request && at_.empty() ? std::string(key) : where;
    if (!shown.empty()) message = shown + ": " + message; // the root has no name
    adopt({code, std::move(message), {}, {}, {{"pointer", std::move(where)}}});
}

bool field_reader::has(std::string_view key) const {
    return std::ranges::any_of(entries_, [&](const entry& e) { return e.key == key; });
}

const payload* field_reader::take(std::string_view key, bool required) {
    known_.emplace_back(key);
    for (entry& e : entries_) {
        if (e.key != key) continue;
        e.used = true;
        return &e.value;
    }
    if (required) refuse(key, errc::config_missing_key, "is required and missing");
    return nullptr;
}

void field_reader::wrong_type(std::string_view key, std::string_view wanted, const payload& found) {
    refuse(key, errc::config_type, std::string("must be ").append(wanted) + " and is " + std::string(json_kind(found)));
}

std::optional<std::string> field_reader::maybe_text(std::string_view key) {
    const payload* found = take(key, false);
    if (!found) return std::nullopt;
    auto text = as_string(*found);
    if (!text) wrong_type(key, "a string", *found);
    return text;
}
std::string field_reader::text_or(std::string_view key, std::string_view fallback) {
    return maybe_text(key).value_or(std::string(fallback));
}
std::string field_reader::text(std::string_view key) {
    if (!has(key)) {
        take(key, true);
        return {};
    }
    return text_or(key, "");
}

std::optional<std::int64_t> field_reader::maybe_integer(std::string_view key, std::int64_t low, std::int64_t high) {
    const payload* found = take(key, false);
    if (!found) return std::nullopt;
    const auto number = as_integer(*found);
    if (!number) {
        wrong_type(key, "an integer", *found);
    } else if (*number < low || *number > high) {
        refuse(key, errc::config_range,
               "must be between " + std::to_string(low) + " and " + std::to_string(high) + " and is " +
                   std::to_string(*number));
        return std::nullopt;
    }
    return number;
}
std::int64_t field_reader::integer_or(std::string_view key, std::int64_t fallback, std::int64_t low,
                                      std::int64_t high) {
    return maybe_integer(key, low, high).value_or(fallback);
}
std::int64_t field_reader::integer(std::string_view key, std::int64_t low, std::int64_t high) {
    if (!has(key)) take(key, true);
    return integer_or(key, low, low, high);
}

bool field_reader::boolean_or(std::string_view key, bool fallback) {
    const payload* found = take(key, false);
    if (!found) return fallback;
    const auto flag = as_bool(*found);
    if (!flag) wrong_type(key, "true or false", *found);
    return flag.value_or(fallback);
}

std::optional<instant> field_reader::maybe_time(std::string_view key) {
    const auto text = maybe_text(key);
    if (!text) return std::nullopt;
    auto parsed = parse_instant(*text);
    if (!parsed) {
        refuse(key, parsed.error().code, "\"" + shortened(*text, 60) + "\" is no instant such as 2026-03-01T09:00:00Z");
        return std::nullopt;
    }
    return *parsed;
}
instant field_reader::time(std::string_view key) {
    if (!has(key)) take(key, true);
    return maybe_time(key).value_or(instant{});
}
std::optional<duration> field_reader::maybe_duration(std::string_view key) {
    const auto text = maybe_text(key);
    if (!text) return std::nullopt;
    auto parsed = parse_duration(*text);
    if (!parsed || parsed->us < 0) {
        refuse(key, parsed ? errc::time_range : parsed.error().code,
               "\"" + shortened(*text, 60) + "\" is no duration such as 250ms or 1h30m");
        return std::nullopt;
    }
    return *parsed;
}

std::vector<payload> field_reader::list(std::string_view key) {
    const payload* found = take(key, false);
    if (!found) return {};
    if (!found->is_array()) {
        wrong_type(key, "an array", *found);
        return {};
    }
    return items(*found);
}

std::vector<std::string> field_reader::texts(std::string_view key) {
    std::vector<std::string> out;
    for (const payload& item : list(key)) {
        auto text = as_string(item);
        if (!text) {
            refuse(key, errc::config_type,
                   "item " + std::to_string(out.size()) + " must be a string and is " + std::string(json_kind(item)));
            return {};
        }
        out.push_back(std::move(*text));
    }
    return out;
}

std::vector<std::pair<std::string, payload>> field_reader::map(std::string_view key) {
    const payload* found = take(key, false);
    if (!found) return {};
    if (!found->is_object()) {
        wrong_type(key, "an object", *found);
        return {};
    }
    return members(*found);
}

std::optional<payload> field_reader::maybe_value(std::string_view key) {
    const payload* found = take(key, false);
    return found ? std::optional(*found) : std::nullopt;
}
payload field_reader::value(std::string_view key) {
    const payload* found = take(key, true);
    return found ? *found : payload();
}

result<void> field_reader::done() {
    if (!problem_) {
        for (const entry& e : entries_) {
            if (e.used) continue;
            std::ranges::sort(known_);
            known_.erase(std::unique(known_.begin(), known_.end()), known_.end());
            refuse(shortened(e.key, 60), errc::config_unknown_key,
                   "is not known here; known are " + some_of(known_, known_.size()));
            break;
        }
    }
    if (problem_) return std::unexpected(*problem_);
    return {};
}

error unknown_operation(std::string_view service, std::string_view operation, const std::vector<std::string>& known) {
    return {errc::skill_unknown_operation,
            std::string(service) + ": there is no operation \"" + shortened(operation, 60) + "\"; known are " +
                some_of(known, known.size()),
            {},
            {},
            {}};
}

error key_used_before(std::string_view skill, std::string_view before) {
    return {errc::idem_other_args,
            std::string(skill) + ": the key was used before for " + std::string(before) +
                (before == skill ? " with other arguments" : ""),
            {},
            {},
            {}};
}

payload failure_details(const error& e) {
    std::vector<std::pair<std::string, payload>> out{{"error", payload::of_string(info(e.code).name)},
                                                     {"message", payload::of_string(e.message)}};
    for (const auto& [key, value] : e.context)
        if (std::ranges::none_of(out, [&](const auto& m) { return m.first == key; }))
            out.emplace_back(key, payload::of_string(value));
    return payload::of_object(std::move(out));
}

} // namespace aivp
