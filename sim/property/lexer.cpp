#include "sim/property/internal/lexer.hpp"

#include <charconv>
#include <utility>

#include "aivp/base/money.hpp"
#include "aivp/base/time.hpp"

namespace aivp::sim {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

std::unexpected<error> lexer_error(std::uint32_t at, std::string message, std::string help = {}) {
    return fail(errc::config_value, std::move(message), {{}, 0, at + 1}, std::move(help));
}

class property_lexer {
public:
    property_lexer(std::string_view text, std::uint32_t at) : text_(text), at_(at) {}

    result<token> next(bool after_dot) {
        while (at_ < text_.size() && is_space(text_[at_])) ++at_;
        token t;
        t.begin = t.end = at_;
        if (at_ >= text_.size()) return t;
        const char c = text_[at_];
        if (c == '"' || c == '\'') return quoted(c);
        if (is_letter(c)) return name();
        if (is_digit(c)) return after_dot ? name() : number();
        if (c == '$') return money();
        return sign();
    }

private:
    char peek(std::uint32_t ahead) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
    token made(token_kind kind, std::uint32_t begin) const {
        token t;
        t.kind = kind;
        t.begin = begin;
        t.end = at_;
        return t;
    }
    token literal(value_type type, std::int64_t number, std::uint32_t begin) const {
        token t = made(token_kind::literal, begin);
        t.type = type;
        t.number = number;
        return t;
    }

    result<token> name() {
        const std::uint32_t begin = at_;
        while (at_ < text_.size() && (is_letter(text_[at_]) || is_digit(text_[at_]))) ++at_;
        const std::string_view word = text_.substr(begin, at_ - begin);
        if (word == "true" || word == "false") return literal(value_type::boolean, word == "true", begin);
        token t = made(token_kind::name, begin);
        t.text = word;
        return t;
    }

    result<token> quoted(char quote) {
        const std::uint32_t begin = at_++;
        std::string out;
        for (; at_ < text_.size() && text_[at_] != quote; ++at_) {
            if (text_[at_] != '\\') {
                out += text_[at_];
                continue;
            }
            const char escaped = peek(1);
            if (escaped != '"' && escaped != '\'' && escaped != '\\' && escaped != 'n')
                return lexer_error(at_, "this escape does not exist", "there are \\\\, \\\", \\' and \\n");
            out += escaped == 'n' ? '\n' : escaped;
            ++at_;
        }
        if (at_ >= text_.size()) return lexer_error(begin, "a text without its closing quote");
        ++at_;
        token t = literal(value_type::text, 0, begin);
        t.text = std::move(out);
        return t;
    }

    /// An integer, a duration ("1h30m") or an instant ("2026-03-01T09:00:00Z").
    result<token> number() {
        const std::uint32_t begin = at_;
        if (looks_like_instant()) return moment(begin);
        while (is_digit(peek(0))) ++at_;
        if (peek(0) == '.' && is_digit(peek(1)))
            return lexer_error(begin, "there are no fractions", "write money as $1.50 and time as 1500ms");
        if (is_letter(peek(0))) {
            while (is_letter(peek(0)) || is_digit(peek(0))) ++at_;
            const auto span = parse_duration(text_.substr(begin, at_ - begin));
            if (!span)
                return lexer_error(begin, "`" + std::string(text_.substr(begin, at_ - begin)) + "` is no duration",
                                   "durations are written 1h30m, 20s or 250ms");
            return literal(value_type::duration, span->us, begin);
        }
        std::int64_t n = 0;
        const auto [end, code] = std::from_chars(text_.data() + begin, text_.data() + at_, n);
        if (code != std::errc() || end != text_.data() + at_)
            return lexer_error(begin, "this integer takes more than 64 bits");
        return literal(value_type::integer, n, begin);
    }

    bool looks_like_instant() const {
        constexpr std::string_view shape = "0000-00-00T";
        for (std::uint32_t i = 0; i < shape.size(); ++i)
            if (shape[i] == '0' ? !is_digit(peek(i)) : peek(i) != shape[i]) return false;
        return true;
    }

    result<token> moment(std::uint32_t begin) {
        while (is_digit(peek(0)) || is_letter(peek(0)) || peek(0) == ':' || peek(0) == '-' || peek(0) == '+' ||
               peek(0) == '.')
            ++at_;
        const auto when = parse_instant(text_.substr(begin, at_ - begin));
        if (!when) return lexer_error(begin, when.error().message, "instants are written 2026-03-01T09:00:00Z");
        return literal(value_type::instant, when->us, begin);
    }

    result<token> money() {
        const std::uint32_t begin = at_++;
        while (is_digit(peek(0)) || peek(0) == '.') ++at_;
        const auto amount = parse_usd(text_.substr(begin + 1, at_ - begin - 1));
        if (!amount) return lexer_error(begin, amount.error().message, "money is written $1.50");
        return literal(value_type::money, amount->value, begin);
    }

    result<token> sign() {
        static constexpr std::pair<std::string_view, token_kind> signs[] = {
            {"==", token_kind::equal},         {"!=", token_kind::unequal}, {"<=", token_kind::less_equal},
            {">=", token_kind::greater_equal}, {"&&", token_kind::both},    {"||", token_kind::either},
            {"<", token_kind::less},           {">", token_kind::greater},  {"!", token_kind::negation},
            {"+", token_kind::plus},           {"-", token_kind::minus},    {"*", token_kind::times},
            {"(", token_kind::open},           {")", token_kind::close},    {"[", token_kind::bracket},
            {"]", token_kind::unbracket},      {",", token_kind::comma},    {".", token_kind::dot}};
        const std::uint32_t begin = at_;
        for (const auto& [written, kind] : signs) {
            if (!text_.substr(at_).starts_with(written)) continue;
            at_ += static_cast<std::uint32_t>(written.size());
            return made(kind, begin);
        }
        static constexpr std::pair<char, const char*> advice[] = {
            {'=', "write `==`"},
            {'&', "write `&&`"},
            {'|', "write `||`"},
            {'/', "there is no division: multiply the other side"},
            {'%', "there is no remainder"}};
        for (const auto& [c, help] : advice)
            if (text_[at_] == c) return lexer_error(at_, std::string("there is no operator `") + c + "`", help);
        return lexer_error(at_, "this sign means nothing here");
    }

    std::string_view text_;
    std::uint32_t at_;
};

} // namespace

result<token> next_token(std::string_view text, std::uint32_t at, bool after_dot) {
    return property_lexer(text, at).next(after_dot);
}

} // namespace aivp::sim
