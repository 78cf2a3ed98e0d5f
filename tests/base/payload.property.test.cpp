// Properties of payloads against a model: a tree of values with a slow, obvious writer of canonical text, and a writer of
// every other spelling that JSON allows (white space, key order, escapes).
#include "aivp/base/payload.hpp"

#include <cmath>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include <boost/test/unit_test.hpp>
#include <rapidcheck.h>
#include <rapidcheck/boost_test.h>

using namespace aivp;

namespace {

struct model;
using model_array = std::vector<model>;
using model_object = std::map<std::u16string, model>; // std::u16string orders by UTF-16 units, as RFC 8785 does
struct model {
    std::variant<std::monostate, bool, std::int64_t, std::u32string, model_array, model_object> value;
    bool operator==(const model&) const = default;
};

std::u16string to_utf16(const std::u32string& text) {
    std::u16string units;
    for (const char32_t c : text) {
        if (c < 0x10000) {
            units += static_cast<char16_t>(c);
        } else {
            units += static_cast<char16_t>(0xD800 + ((c - 0x10000) >> 10));
            units += static_cast<char16_t>(0xDC00 + ((c - 0x10000) & 0x3FF));
        }
    }
    return units;
}

std::u32string to_utf32(const std::u16string& units) {
    std::u32string text;
    for (std::size_t i = 0; i < units.size(); ++i) {
        if (units[i] >= 0xD800 && units[i] < 0xDC00) {
            text += 0x10000 + (static_cast<char32_t>(units[i] - 0xD800) << 10) + (units[i + 1] - 0xDC00);
            ++i;
        } else {
            text += units[i];
        }
    }
    return text;
}

std::string to_utf8(char32_t c) {
    const auto tail = [](char32_t bits) { return static_cast<char>(0x80 | (bits & 0x3F)); };
    if (c < 0x80) return {static_cast<char>(c)};
    if (c < 0x800) return {static_cast<char>(0xC0 | c >> 6), tail(c)};
    if (c < 0x10000) return {static_cast<char>(0xE0 | c >> 12), tail(c >> 6), tail(c)};
    return {static_cast<char>(0xF0 | c >> 18), tail(c >> 12), tail(c >> 6), tail(c)};
}

std::string to_utf8(const std::u32string& text) {
    std::string bytes;
    for (const char32_t c : text) bytes += to_utf8(c);
    return bytes;
}

std::string hex4(unsigned unit, const char* digits) {
    return {digits[unit >> 12 & 15], digits[unit >> 8 & 15], digits[unit >> 4 & 15], digits[unit & 15]};
}

std::string canonical_string(const std::u32string& text) {
    std::string out = "\"";
    for (const char32_t c : text) {
        switch (c) {
        case '"': out += "\\\""; break;
        case '\\': out += "\\\\"; break;
        case '\b': out += "\\b"; break;
        case '\f': out += "\\f"; break;
        case '\n': out += "\\n"; break;
        case '\r': out += "\\r"; break;
        case '\t': out += "\\t"; break;
        default: out += c < 0x20 ? "\\u" + hex4(c, "0123456789abcdef") : to_utf8(c);
        }
    }
    return out + '"';
}

std::string canonical_text(const model& m) {
    if (const auto* b = std::get_if<bool>(&m.value)) return *b ? "true" : "false";
    if (const auto* n = std::get_if<std::int64_t>(&m.value)) return std::to_string(*n);
    if (const auto* s = std::get_if<std::u32string>(&m.value)) return canonical_string(*s);
    std::string out;
    if (const auto* items = std::get_if<model_array>(&m.value)) {
        for (const model& item : *items) out += (out.empty() ? "" : ",") + canonical_text(item);
        return '[' + out + ']';
    }
    if (const auto* members = std::get_if<model_object>(&m.value)) {
        for (const auto& [key, value] : *members)
            out += (out.empty() ? "" : ",") + canonical_string(to_utf32(key)) + ':' + canonical_text(value);
        return '{' + out + '}';
    }
    return "null";
}

// The same value in another spelling. Choices come from a small generator that rapidcheck seeds.
class messy_writer {
public:
    explicit messy_writer(std::uint64_t seed) : state_(seed) {}

    std::string text(const model& m) { return space() + value(m) + space(); }

private:
    unsigned choose(unsigned bound) {
        state_ = state_ * 6364136223846793005u + 1442695040888963407u;
        return static_cast<unsigned>(state_ >> 33) % bound;
    }
    std::string space() {
        std::string out;
        while (choose(3) == 0) out += " \t\r\n"[choose(4)];
        return out;
    }
    std::string value(const model& m) {
        if (const auto* n = std::get_if<std::int64_t>(&m.value)) return number(*n);
        if (const auto* s = std::get_if<std::u32string>(&m.value)) return string(*s);
        std::string out;
        if (const auto* items = std::get_if<model_array>(&m.value)) {
            for (const model& item : *items) out += (out.empty() ? "" : ",") + text(item);
            return '[' + (out.empty() ? space() : out) + ']';
        }
        if (const auto* members = std::get_if<model_object>(&m.value)) {
            std::vector<std::string> parts;
            for (const auto& [key, v] : *members)
                parts.push_back(space() + string(to_utf32(key)) + space() + ':' + text(v));
            for (std::size_t i = parts.size(); i > 1; --i)
                std::swap(parts[i - 1], parts[choose(static_cast<unsigned>(i))]);
            for (const std::string& part : parts) out += (out.empty() ? "" : ",") + part;
            return '{' + (out.empty() ? space() : out) + '}';
        }
        return canonical_text(m);
    }
    std::string number(std::int64_t n) {
        const std::string plain = std::to_string(n);
        if (std::abs(n) >= 1'000'000'000) return plain;
        switch (choose(4)) {
        case 0: return plain + ".000";
        case 1: return plain + "e0";
        case 2: return n == 0 ? "0E-1" : plain + "0E-1";
        default: return plain;
        }
    }
    std::string string(const std::u32string& text) {
        std::string out = "\"";
        for (const char32_t c : text) {
            if (choose(4) == 0) {
                const char* const digits = choose(2) == 0 ? "0123456789abcdef" : "0123456789ABCDEF";
                for (const char16_t unit : to_utf16({c})) out += "\\u" + hex4(unit, digits);
            } else if (c == '/' && choose(2) == 0) {
                out += "\\/";
            } else {
                const std::string literal = canonical_string({c});
                out += literal.substr(1, literal.size() - 2);
            }
        }
        return out + '"';
    }
    std::uint64_t state_;
};

rc::Gen<std::u32string> some_text() {
    const auto character = rc::gen::weightedOneOf<char32_t>({
        {8, rc::gen::inRange<char32_t>('a', 'e')},
        {4, rc::gen::inRange<char32_t>(0x20, 0x80)},
        {2, rc::gen::inRange<char32_t>(0, 0x20)},
        {2, rc::gen::element<char32_t>('"', '\\', '/', '~', '{', '}', '[', ']', ',', ':')},
        {2, rc::gen::inRange<char32_t>(0x80, 0xD800)},
        {1, rc::gen::inRange<char32_t>(0xE000, 0x10000)},
        {1, rc::gen::inRange<char32_t>(0x10000, 0x110000)},
    });
    return rc::gen::container<std::u32string>(character);
}

rc::Gen<model> some_model(int depth);

rc::Gen<model_object> some_object(int depth) {
    return rc::gen::resize(
        6, rc::gen::container<model_object>(rc::gen::map(some_text(), to_utf16), some_model(depth - 1)));
}

rc::Gen<model> some_model(int depth) {
    const auto of = [](auto generator) {
        return rc::gen::map(std::move(generator), [](auto v) { return model{std::move(v)}; });
    };
    const auto integer = rc::gen::oneOf(rc::gen::arbitrary<std::int64_t>(), rc::gen::inRange<std::int64_t>(-100, 100));
    auto scalar = rc::gen::oneOf(rc::gen::just(model{}), of(rc::gen::arbitrary<bool>()), of(integer), of(some_text()));
    if (depth == 0) return scalar;
    auto inner = rc::gen::resize(6, rc::gen::container<std::vector<model>>(some_model(depth - 1)));
    return rc::gen::oneOf(std::move(scalar), of(std::move(inner)), of(some_object(depth)));
}

std::string show(const payload& p) { return std::string(p.text()); }

} // namespace

namespace rc {
// Keys must be whole characters; rapidcheck's own strings of char16_t are not.
template <>
struct Arbitrary<model_object> {
    static Gen<model_object> arbitrary() { return some_object(3); }
};
template <>
struct Arbitrary<model> {
    static Gen<model> arbitrary() { return some_model(3); }
};
} // namespace rc

namespace {
std::ostream& operator<<(std::ostream& out, const model& m) { return out << canonical_text(m); }
} // namespace

BOOST_AUTO_TEST_SUITE(payload_properties)

RC_BOOST_PROP(every_spelling_of_a_value_has_its_one_canonical_text, (const model& m, std::uint64_t seed)) {
    const std::string text = messy_writer(seed).text(m);
    const auto parsed = payload::parse(text);
    if (!parsed) RC_FAIL(to_string(parsed.error()) + " in " + text);
    RC_ASSERT(show(*parsed) == canonical_text(m));
    RC_ASSERT(parsed->hash() == sha256(canonical_text(m)));
}

RC_BOOST_PROP(a_canonical_text_is_its_own_canonical_text, (const model& m)) {
    const std::string text = canonical_text(m);
    const auto parsed = payload::parse(text);
    RC_ASSERT(parsed.has_value());
    RC_ASSERT(show(*parsed) == text);
}

RC_BOOST_PROP(a_value_can_be_taken_apart_and_put_together, (const model& m)) {
    const payload p = payload::parse(canonical_text(m)).value();
    if (p.is_object()) {
        auto parts = members(p);
        for (const auto& [key, value] : parts) {
            RC_ASSERT(member(p, key) == value);
            RC_ASSERT(member_text(p.text(), key) == value.text());
        }
        std::reverse(parts.begin(), parts.end());
        RC_ASSERT(payload::of_object(parts) == p);
        RC_ASSERT(merged(p, p) == p);
    } else if (p.is_array()) {
        const auto parts = items(p);
        RC_ASSERT(payload::of_array(parts) == p);
        for (std::size_t i = 0; i < parts.size(); ++i) RC_ASSERT(at_pointer(p, "/" + std::to_string(i)) == parts[i]);
    } else if (const auto* s = std::get_if<std::u32string>(&m.value)) {
        RC_ASSERT(as_string(p) == to_utf8(*s));
        RC_ASSERT(payload::of_string(to_utf8(*s)) == p);
    } else if (const auto* n = std::get_if<std::int64_t>(&m.value)) {
        RC_ASSERT(as_integer(p) == *n);
        RC_ASSERT(payload::of_integer(*n) == p);
    }
}

RC_BOOST_PROP(there_are_differences_exactly_where_values_differ, (const model& left, const model& right)) {
    const payload l = payload::parse(canonical_text(left)).value();
    const payload r = payload::parse(canonical_text(right)).value();
    const auto found = differences(l, r, 1000);
    RC_ASSERT(found.empty() == (left == right));
    RC_ASSERT(differences(r, l, 1000).size() == found.size());
    for (const json_difference& d : found) {
        RC_ASSERT(d.left != d.right);
        RC_ASSERT(at_pointer(l, d.pointer) == d.left);
        RC_ASSERT(at_pointer(r, d.pointer) == d.right);
    }
}

RC_BOOST_PROP(one_changed_item_is_one_difference, (const model& before, const model& after, std::uint8_t width)) {
    RC_PRE(!(before == after));
    const payload item = payload::parse(canonical_text(before)).value();
    const payload other = payload::parse(canonical_text(after)).value();
    std::vector<payload> list(width % 8 + 1, item);
    const payload left = payload::of_array(list);
    list.back() = other;
    for (const json_difference& d : differences(left, payload::of_array(list), 1000))
        RC_ASSERT(d.pointer.starts_with("/" + std::to_string(list.size() - 1)));
}

RC_BOOST_PROP(merging_keeps_each_member_once_and_the_overlay_wins,
              (const model_object& base, const model_object& overlay)) {
    model_object expected = overlay;
    expected.insert(base.begin(), base.end());
    const payload b = payload::parse(canonical_text({base})).value();
    const payload o = payload::parse(canonical_text({overlay})).value();
    RC_ASSERT(show(merged(b, o)) == canonical_text({expected}));
}

RC_BOOST_PROP(a_repeated_key_is_refused_wherever_it_stands,
              (const model_object& object, std::uint64_t seed, std::uint8_t at)) {
    RC_PRE(!object.empty());
    messy_writer writer(seed);
    std::vector<std::string> parts;
    for (const auto& [key, value] : object) parts.push_back(canonical_string(to_utf32(key)) + ":" + writer.text(value));
    const std::string again = parts[seed % parts.size()];
    parts.insert(parts.begin() + at % static_cast<int>(parts.size() + 1), again);
    std::string text;
    for (const std::string& part : parts) text += (text.empty() ? "" : ",") + part;
    const auto parsed = payload::parse('{' + text + '}');
    RC_ASSERT(!parsed.has_value());
    RC_ASSERT(parsed.error().code == errc::json_duplicate_key);
}

RC_BOOST_PROP(damaged_text_is_refused_in_place_or_read_as_another_value,
              (const model& m, std::uint64_t seed, std::uint8_t byte, std::uint16_t where)) {
    std::string text = messy_writer(seed).text(m);
    const std::size_t at = where % (text.size() + 1);
    if (byte % 3 == 0)
        text.resize(at);
    else if (byte % 3 == 1)
        text.insert(text.begin() + static_cast<std::ptrdiff_t>(at), static_cast<char>(byte));
    else if (at < text.size())
        text[at] = static_cast<char>(byte);
    const auto parsed = payload::parse(text);
    if (parsed) {
        RC_ASSERT(payload::parse(parsed->text()).value() == *parsed);
    } else {
        const source_pos where_it_is = parsed.error().where;
        const auto lines = 1 + static_cast<std::uint32_t>(std::count(text.begin(), text.end(), '\n'));
        RC_ASSERT(where_it_is.line >= 1 && where_it_is.line <= lines);
        RC_ASSERT(where_it_is.column >= 1 && where_it_is.column <= text.size() + 1);
        RC_ASSERT(!parsed.error().message.empty());
    }
}

RC_BOOST_PROP(any_double_is_written_so_that_it_reads_back, (std::uint64_t bits)) {
    const double value = std::bit_cast<double>(bits);
    RC_PRE(std::isfinite(value));
    std::string text;
    append_number(text, value);
    RC_ASSERT(std::strtod(text.c_str(), nullptr) == value);
    RC_ASSERT(payload::parse(text)->text() == text);
    char exact[64];
    std::snprintf(exact, sizeof exact, "%.17e", value);
    RC_ASSERT(payload::parse(exact)->text() == text);
}

BOOST_AUTO_TEST_SUITE_END()
