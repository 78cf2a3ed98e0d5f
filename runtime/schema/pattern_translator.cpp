// ECMA 262 syntax (u flag, with the common leniencies of Annex B) to RE2 syntax. RE2 reads ECMA patterns without complaint but
// differently: `\s`, `.`, `\a`, `\cX` and `\Z` are not what they look like. So every pattern is parsed here.
#include <algorithm>
#include <array>
#include <charconv>

#include "runtime/schema/internal/pattern.hpp"

namespace aivp::schema_internal {
namespace {

constexpr std::uint32_t unlimited = 0x7fffffff;
constexpr int group_depth_max = 200;

code_set make_set(std::initializer_list<code_set::range> ranges) {
    code_set out;
    for (const auto& [first, last] : ranges) out.add(first, last);
    out.normalize();
    return out;
}

code_set digit_set() { return make_set({{'0', '9'}}); }
code_set word_set() { return make_set({{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}); }
/// `\s`; the Unicode property White_Space has U+0085 instead of U+FEFF.
code_set space_set(std::uint32_t extra = 0xfeff) {
    return make_set({{9, 13},
                     {' ', ' '},
                     {0xa0, 0xa0},
                     {0x1680, 0x1680},
                     {0x2000, 0x200a},
                     {0x2028, 0x2029},
                     {0x202f, 0x202f},
                     {0x205f, 0x205f},
                     {0x3000, 0x3000},
                     {extra, extra}});
}
code_set line_end_set() { return make_set({{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}}); }

/// Long names of general categories (Unicode PropertyValueAliases) to the short ones that RE2 knows.
constexpr std::array<std::pair<std::string_view, std::string_view>, 39> category_names{{
    {"Letter", "L"},
    {"Cased_Letter", "LC"},
    {"Uppercase_Letter", "Lu"},
    {"Lowercase_Letter", "Ll"},
    {"Titlecase_Letter", "Lt"},
    {"Modifier_Letter", "Lm"},
    {"Other_Letter", "Lo"},
    {"Mark", "M"},
    {"Combining_Mark", "M"},
    {"Nonspacing_Mark", "Mn"},
    {"Spacing_Mark", "Mc"},
    {"Enclosing_Mark", "Me"},
    {"Number", "N"},
    {"Decimal_Number", "Nd"},
    {"digit", "Nd"},
    {"Letter_Number", "Nl"},
    {"Other_Number", "No"},
    {"Punctuation", "P"},
    {"punct", "P"},
    {"Connector_Punctuation", "Pc"},
    {"Dash_Punctuation", "Pd"},
    {"Open_Punctuation", "Ps"},
    {"Close_Punctuation", "Pe"},
    {"Initial_Punctuation", "Pi"},
    {"Final_Punctuation", "Pf"},
    {"Other_Punctuation", "Po"},
    {"Symbol", "S"},
    {"Math_Symbol", "Sm"},
    {"Currency_Symbol", "Sc"},
    {"Modifier_Symbol", "Sk"},
    {"Other_Symbol", "So"},
    {"Separator", "Z"},
    {"Space_Separator", "Zs"},
    {"Line_Separator", "Zl"},
    {"Paragraph_Separator", "Zp"},
    {"Other", "C"},
    {"Control", "Cc"},
    {"cntrl", "Cc"},
    {"Format", "Cf"},
}};

/// A class under construction: ranges, and properties that only RE2 can resolve.
struct class_item {
    code_set set;
    std::string properties;

    bool single() const {
        return properties.empty() && set.ranges().size() == 1 && set.ranges()[0].first == set.ranges()[0].second;
    }
    std::uint32_t code() const { return set.ranges()[0].first; }
};

class pattern_translator {
public:
    explicit pattern_translator(std::string_view source) : source_(source) {}

    std::expected<translated_pattern, pattern_problem> run() {
        disjunction(0);
        if (problem_.message.empty() && at_ != source_.size()) invalid("an unmatched ')'");
        if (!problem_.message.empty()) return std::unexpected(std::move(problem_));
        return std::move(out_);
    }

private:
    bool failed() const { return !problem_.message.empty(); }
    bool more() const { return at_ < source_.size() && !failed(); }
    char peek(std::size_t ahead = 0) const { return at_ + ahead < source_.size() ? source_[at_ + ahead] : '\0'; }
    bool take(std::string_view text) {
        if (!source_.substr(at_).starts_with(text)) return false;
        at_ += text.size();
        return true;
    }
    void invalid(std::string_view what) { problem(false, what); }
    void unsupported(std::string_view what) { problem(true, what); }
    void problem(bool is_unsupported, std::string_view what) {
        if (failed()) return;
        problem_ = {is_unsupported, (is_unsupported ? "the regular expression uses " : "the regular expression has ") +
                                        std::string(what)};
    }

    void disjunction(int depth) {
        if (depth > group_depth_max) return unsupported("groups nested too deeply");
        while (more()) {
            if (peek() == ')') return;
            if (take("|")) {
                out_.re2 += '|';
                out_.sequence = false;
            } else {
                term(depth);
            }
        }
    }

    void term(int depth) {
        if (take("^")) {
            out_.re2 += "\\A";
            out_.sequence = out_.sequence && out_.steps.empty() && !out_.at_end;
            out_.at_begin = true;
        } else if (take("$")) {
            out_.re2 += "\\z";
            out_.at_end = true;
        } else if (take("\\b") || take("\\B")) {
            out_.re2 += source_.substr(at_ - 2, 2);
            out_.sequence = false;
        } else if (peek() == '(') {
            out_.sequence = false;
            group(depth);
        } else {
            atom();
        }
    }

    void group(int depth) {
        take("(");
        if (take("?")) {
            if (take("=") || take("!") || take("<=") || take("<!")) return unsupported("look-around");
            if (take("<")) {
                const auto close = source_.find('>', at_);
                if (close == std::string_view::npos || close == at_) return invalid("a group without a name");
                at_ = close + 1;
            } else if (!take(":")) {
                return invalid("a group that ECMA 262 does not know");
            }
        }
        out_.re2 += "(?:";
        disjunction(depth + 1);
        if (!failed() && !take(")")) return invalid("an unclosed group");
        out_.re2 += ')';
        const auto [min, max, present] = quantifier();
        if (present) append_quantifier(min, max);
    }

    void atom() {
        // An anchor in the middle of a sequence is legal, rare, and RE2's business.
        if (out_.at_end) out_.sequence = false;
        class_item item;
        const char c = peek();
        if (c == '*' || c == '+' || c == '?' || (c == '{' && is_quantifier()))
            return invalid("a quantifier with nothing to repeat");
        if (take("[")) {
            item = char_class();
        } else if (take(".")) {
            item.set = line_end_set().complement();
        } else if (take("\\")) {
            item = escape(false);
        } else {
            item = literal();
        }
        if (failed()) return;
        append_class(item);
        const auto [min, max, present] = quantifier();
        if (present) append_quantifier(min, max);
        if (!item.properties.empty()) out_.sequence = false;
        out_.steps.push_back({.set = std::move(item.set), .min = min, .max = max});
    }

    class_item literal() {
        const auto code = next_code_point(source_, at_);
        class_item out;
        out.set.add(code, code);
        return out;
    }

    static class_item set_item(code_set set, bool negated) { return {negated ? set.complement() : std::move(set), {}}; }

    /// After the backslash.
    class_item escape(bool in_class) {
        if (!more()) return invalid("a backslash at its end"), class_item{};
        const char c = source_[at_];
        constexpr std::string_view classes = "dDwWsS";
        if (const auto kind = classes.find(c); kind != std::string_view::npos) {
            ++at_;
            return set_item(kind < 2 ? digit_set() : kind < 4 ? word_set() : space_set(), kind % 2 == 1);
        }
        if (c == 'p' || c == 'P') return property();
        class_item out;
        const auto code = escaped_code(in_class);
        if (!failed()) out.set.add(code, code);
        return out;
    }

    std::uint32_t escaped_code(bool in_class) {
        const char c = source_[at_++];
        constexpr std::string_view names = "tnvfr";
        constexpr std::string_view codes = "\t\n\v\f\r";
        if (const auto i = names.find(c); i != std::string_view::npos) return static_cast<std::uint32_t>(codes[i]);
        switch (c) {
        case 'c': {
            const char letter = static_cast<char>(peek() | 0x20);
            if (letter < 'a' || letter > 'z') return invalid("\\c without a letter"), 0;
            return static_cast<std::uint32_t>(source_[at_++]) % 32;
        }
        case '0':
            if (peek() >= '0' && peek() <= '9') return invalid("an octal escape"), 0;
            return 0;
        case 'x': return hex(2);
        case 'u': return unicode();
        case 'k': return unsupported("a backreference"), 0;
        case 'b':
            if (in_class) return '\b';
            break;
        default: break;
        }
        if (c >= '1' && c <= '9') return unsupported("a backreference"), 0;
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
            return invalid("\\" + std::string(1, c) + ", which is no escape of ECMA 262"), 0;
        --at_;
        return next_code_point(source_, at_);
    }

    std::uint32_t hex(std::size_t digits) {
        std::uint32_t code = 0;
        const auto* const first = source_.data() + at_;
        if (at_ + digits > source_.size() || std::from_chars(first, first + digits, code, 16).ptr != first + digits)
            return invalid("an incomplete hexadecimal escape"), 0;
        at_ += digits;
        return code;
    }

    std::uint32_t unicode() {
        if (take("{")) {
            const auto close = source_.find('}', at_);
            if (close == std::string_view::npos || close == at_ || close - at_ > 8)
                return invalid("an incomplete \\u{...}"), 0;
            const auto code = hex(close - at_);
            ++at_;
            if (code > 0x10ffff) return invalid("a code point beyond U+10FFFF"), 0;
            return code;
        }
        const auto high = hex(4);
        if (high >= 0xd800 && high < 0xdc00 && take("\\u")) {
            const auto low = hex(4);
            if (low < 0xdc00 || low > 0xdfff) return invalid("half a surrogate pair"), 0;
            return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
        }
        return high;
    }

    class_item property() {
        const bool negated = source_[at_++] == 'P';
        const auto close = source_.find('}', at_);
        if (!take("{") || close == std::string_view::npos) return invalid("\\p without {name}"), class_item{};
        auto name = source_.substr(at_, close - at_);
        at_ = close + 1;
        if (const auto equals = name.find('='); equals != std::string_view::npos) name.remove_prefix(equals + 1);
        if (name == "Any" || name == "ASCII")
            return set_item(make_set({{0, name == "Any" ? 0x10ffff : 0x7f}}), negated);
        if (name == "White_Space" || name == "space") return set_item(space_set(0x85), negated);
        for (const auto& [long_name, short_name] : category_names)
            if (name == long_name) name = short_name;
        const bool cased = name == "LC";
        if (name.empty() || name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789") !=
                                std::string_view::npos)
            return invalid("a property without a name"), class_item{};
        if (cased && negated) return unsupported("\\P{LC}"), class_item{};
        class_item out;
        out.properties = cased ? "\\p{Lu}\\p{Ll}\\p{Lt}" : (negated ? "\\P{" : "\\p{") + std::string(name) + "}";
        return out;
    }

    class_item char_class() {
        class_item out;
        const bool negated = take("^");
        while (more() && peek() != ']') {
            auto first = class_atom();
            if (peek() == '-' && peek(1) != ']' && at_ + 1 < source_.size()) {
                take("-");
                const auto last = class_atom();
                if (failed()) break;
                if (!first.single() || !last.single() || first.code() > last.code())
                    return invalid("a range out of order"), out;
                out.set.add(first.code(), last.code());
            } else {
                out.set.add(first.set);
                out.properties += first.properties;
            }
        }
        if (!failed() && !take("]")) invalid("an unclosed character class");
        out.set.normalize();
        if (!negated) return out;
        if (out.properties.empty()) {
            out.set = out.set.complement();
        } else {
            std::string ranges;
            append_ranges(ranges, out.set);
            out.properties = "^" + ranges + out.properties;
            out.set = {};
        }
        return out;
    }

    class_item class_atom() { return take("\\") ? escape(true) : literal(); }

    static void append_code(std::string& out, std::uint32_t code) {
        std::array<char, 8> digits{};
        const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), code, 16).ptr;
        out.append("\\x{").append(digits.data(), end).append("}");
    }

    static void append_ranges(std::string& out, const code_set& set) {
        for (const auto& [first, last] : set.ranges()) {
            append_code(out, first);
            if (first == last) continue;
            out += '-';
            append_code(out, last);
        }
    }

    void append_class(const class_item& item) {
        if (item.properties.empty() && item.set.ranges().empty()) {
            out_.re2 += "[^\\x{0}-\\x{10ffff}]";
            return;
        }
        out_.re2 += '[';
        // A negated class with properties carries its '^' and its ranges in `properties`.
        if (item.properties.starts_with('^')) out_.re2 += item.properties;
        append_ranges(out_.re2, item.set);
        if (!item.properties.starts_with('^')) out_.re2 += item.properties;
        out_.re2 += ']';
    }

    bool is_quantifier() const {
        auto i = at_ + 1;
        const auto digits = [&] {
            const auto first = i;
            while (i < source_.size() && source_[i] >= '0' && source_[i] <= '9') ++i;
            return i != first;
        };
        if (!digits()) return false;
        if (i < source_.size() && source_[i] == ',') {
            ++i;
            digits();
        }
        return i < source_.size() && source_[i] == '}';
    }

    struct repetition {
        std::uint32_t min = 1;
        std::uint32_t max = 1;
        bool present = true;
    };

    repetition quantifier() {
        repetition out;
        if (take("*")) {
            out = {0, unlimited};
        } else if (take("+")) {
            out = {1, unlimited};
        } else if (take("?")) {
            out = {0, 1};
        } else if (peek() == '{' && is_quantifier()) {
            ++at_;
            out.min = out.max = number();
            if (take(",")) out.max = peek() == '}' ? unlimited : number();
            take("}");
            if (out.min > out.max) invalid("a repetition out of order");
        } else {
            return {1, 1, false};
        }
        // Lazy or greedy: whether there is a match at all does not depend on it.
        take("?");
        return out;
    }

    std::uint32_t number() {
        std::uint64_t value = 0;
        for (; peek() >= '0' && peek() <= '9'; ++at_)
            value = std::min<std::uint64_t>(value * 10 + static_cast<unsigned>(peek() - '0'), unlimited - 1);
        return static_cast<std::uint32_t>(value);
    }

    void append_quantifier(std::uint32_t min, std::uint32_t max) {
        out_.re2 += '{' + std::to_string(min);
        if (max != min) out_.re2 += ',';
        if (max != min && max != unlimited) out_.re2 += std::to_string(max);
        out_.re2 += '}';
    }

    std::string_view source_;
    std::size_t at_ = 0;
    translated_pattern out_;
    pattern_problem problem_;
};

} // namespace

std::expected<translated_pattern, pattern_problem> translate_pattern(std::string_view source) {
    return pattern_translator(source).run();
}

} // namespace aivp::schema_internal
