// A Pratt parser. Binding, loosest first: || · && · comparison and `in` (no chains) · + - · * · ! and unary -.
#include "sim/property/internal/parser.hpp"

#include <array>
#include <string>
#include <utility>

#include "aivp/base/nearest.hpp"
#include "sim/property/internal/lexer.hpp"

namespace aivp::sim {

namespace {

struct binary_operator {
    token_kind token = token_kind::end;
    node_kind node = node_kind::both;
    int power = 0;
};

constexpr int comparison_power = 3;
constexpr int unary_power = 6;
constexpr std::array<binary_operator, 11> binary_operators{{
    {token_kind::either, node_kind::either, 1},
    {token_kind::both, node_kind::both, 2},
    {token_kind::equal, node_kind::equal, comparison_power},
    {token_kind::unequal, node_kind::unequal, comparison_power},
    {token_kind::less, node_kind::less, comparison_power},
    {token_kind::less_equal, node_kind::less_equal, comparison_power},
    {token_kind::greater, node_kind::greater, comparison_power},
    {token_kind::greater_equal, node_kind::greater_equal, comparison_power},
    {token_kind::plus, node_kind::add, 4},
    {token_kind::minus, node_kind::subtract, 4},
    {token_kind::times, node_kind::multiply, 5},
}};

const binary_operator* find_operator(token_kind t) {
    for (const binary_operator& o : binary_operators)
        if (o.token == t) return &o;
    return nullptr;
}

void append_pointer(std::string& pointer, std::string_view part) {
    pointer += '/';
    for (const char c : part) pointer += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
}

class property_parser {
public:
    explicit property_parser(std::string_view text) : text_(text) {}

    result<property_program> parse() {
        if (text_.size() > property_bytes_max)
            return fail(errc::config_value, "a property takes at most " + std::to_string(property_bytes_max) + " bytes",
                        {{}, 0, 1});
        AIVP_CHECK(advance());
        AIVP_TRY(out_.root, expression(0));
        if (now_.kind != token_kind::end)
            return unexpected("an operator or the end",
                              now_.kind == token_kind::name && now_.text == "per"
                                  ? "`per` stands inside of count(…), sum(…), max(…) or min(…)"
                                  : "");
        out_.text = text_;
        return std::move(out_);
    }

private:
    result<void> advance(bool after_dot = false) {
        end_ = now_.end;
        AIVP_TRY(now_, next_token(text_, now_.end, after_dot));
        return {};
    }
    bool is_word(std::string_view word) const { return now_.kind == token_kind::name && now_.text == word; }
    std::string shown() const {
        if (now_.kind == token_kind::end) return "the end";
        return "`" + std::string(text_.substr(now_.begin, now_.end - now_.begin)) + "`";
    }
    std::unexpected<error> at(std::uint32_t byte, std::string message, std::string help = {}) const {
        return fail(errc::config_value, std::move(message), {{}, 0, byte + 1}, std::move(help));
    }
    std::unexpected<error> unexpected(const std::string& wanted, std::string help = {}) const {
        return at(now_.begin, "expected " + wanted + ", not " + shown(), std::move(help));
    }
    result<void> expect(token_kind kind, const char* wanted) {
        if (now_.kind != kind) return unexpected(wanted);
        return advance();
    }
    result<void> expect_word(std::string_view word, std::string help) {
        if (!is_word(word)) return unexpected("`" + std::string(word) + "`", std::move(help));
        return advance();
    }
    std::uint32_t add(property_node node) {
        out_.nodes.push_back(std::move(node));
        return static_cast<std::uint32_t>(out_.nodes.size() - 1);
    }
    std::uint32_t add(node_kind kind, std::uint32_t begin, std::uint32_t left = no_node,
                      std::uint32_t right = no_node) {
        property_node n;
        n.kind = kind;
        n.begin = begin;
        n.end = end_;
        n.left = left;
        n.right = right;
        return add(std::move(n));
    }

    result<std::uint32_t> expression(int power) {
        if (++depth_ > property_depth_max) return at(now_.begin, "this property is nested too deeply");
        AIVP_TRY(std::uint32_t left, prefix());
        // A long chain grows as deep as it is long.
        const std::uint32_t outer = depth_;
        for (;;) {
            if (is_word("in") && comparison_power > power) {
                AIVP_TRY(left, among(left));
                continue;
            }
            const binary_operator* o = find_operator(now_.kind);
            if (!o || o->power <= power) break;
            if (++depth_ > property_depth_max) return at(now_.begin, "this property is nested too deeply");
            if (o->power == comparison_power && is_compared(left))
                return at(now_.begin, "comparisons make no chains", "write `a < b && b < c`");
            const node_kind kind = o->node;
            const int right_power = o->power;
            AIVP_CHECK(advance());
            AIVP_TRY(const std::uint32_t right, expression(right_power));
            left = add(kind, out_.nodes[left].begin, left, right);
        }
        depth_ = outer - 1;
        return left;
    }

    /// Without parentheses around it.
    bool is_compared(std::uint32_t node) const {
        return node != parenthesised_ &&
               (is_comparison(out_.nodes[node].kind) || out_.nodes[node].kind == node_kind::among);
    }

    result<std::uint32_t> prefix() {
        const std::uint32_t begin = now_.begin;
        if (now_.kind == token_kind::negation || now_.kind == token_kind::minus) {
            const node_kind kind = now_.kind == token_kind::minus ? node_kind::minus : node_kind::negation;
            AIVP_CHECK(advance());
            AIVP_TRY(const std::uint32_t operand, expression(unary_power));
            return add(kind, begin, operand);
        }
        if (now_.kind == token_kind::open) {
            AIVP_CHECK(advance());
            AIVP_TRY(const std::uint32_t inner, expression(0));
            AIVP_CHECK(expect(token_kind::close, "`)`"));
            out_.nodes[inner].begin = begin;
            out_.nodes[inner].end = end_;
            return parenthesised_ = inner;
        }
        if (now_.kind == token_kind::literal) return literal();
        if (now_.kind == token_kind::name) return named();
        return unexpected("a value, a field, `!`, `(`, count, sum, max or min");
    }

    result<std::uint32_t> literal() {
        property_node n;
        n.kind = node_kind::literal;
        n.type = now_.type;
        n.number = now_.number;
        n.text = now_.text;
        n.begin = now_.begin;
        n.end = now_.end;
        AIVP_CHECK(advance());
        return add(std::move(n));
    }

    result<std::uint32_t> named() {
        const std::string name = now_.text;
        static constexpr std::pair<std::string_view, aggregate_kind> aggregates[] = {{"count", aggregate_kind::count},
                                                                                     {"sum", aggregate_kind::sum},
                                                                                     {"max", aggregate_kind::most},
                                                                                     {"min", aggregate_kind::least}};
        const token first = now_;
        AIVP_CHECK(advance());
        if (now_.kind != token_kind::open) return field(first);
        for (const auto& [word, kind] : aggregates)
            if (name == word) return aggregate(kind, first.begin);
        if (name == "exists") return exists(first.begin);
        if (name == "contains") return of_two_texts(node_kind::contains, first.begin);
        if (name == "starts_with") return of_two_texts(node_kind::starts_with, first.begin);
        static const std::vector<std::string> known{"count", "sum", "max", "min", "exists", "contains", "starts_with"};
        const std::string near = nearest_name(name, known);
        return at(first.begin, "there is no function `" + name + "`",
                  near.empty() ? "there are count, sum, max, min, exists, contains and starts_with"
                               : "did you mean `" + near + "`?");
    }

    /// The name has been read.
    result<std::uint32_t> field(const token& name) {
        property_node n;
        n.kind = node_kind::field;
        n.begin = name.begin;
        n.text = name.text;
        while (now_.kind == token_kind::dot) {
            AIVP_CHECK(advance(true));
            const bool quoted = now_.kind == token_kind::literal && now_.type == value_type::text;
            const bool word = now_.kind == token_kind::literal && now_.type == value_type::boolean;
            if (now_.kind != token_kind::name && !quoted && !word)
                return unexpected("the name of a member", "names with other signs stand in quotes: arguments.\"a-b\"");
            append_pointer(n.pointer,
                           quoted ? std::string_view(now_.text) : text_.substr(now_.begin, now_.end - now_.begin));
            AIVP_CHECK(advance());
        }
        n.end = end_;
        return add(std::move(n));
    }

    /// count(TABLE where … per …), sum(… of TABLE where … per …)
    result<std::uint32_t> aggregate(aggregate_kind kind, std::uint32_t begin) {
        AIVP_CHECK(advance());
        property_aggregate a;
        a.kind = kind;
        if (kind != aggregate_kind::count) {
            AIVP_TRY(a.value, expression(0));
            AIVP_CHECK(expect_word("of", "write sum(FIELD of TABLE where …)"));
        }
        if (now_.kind != token_kind::name) return unexpected("a table", tables());
        const table_info* table = find_table(now_.text);
        if (!table) {
            std::vector<std::string> known;
            for (const table_info& t : property_tables()) known.emplace_back(t.name);
            const std::string near = nearest_name(now_.text, known);
            error e{errc::config_reference,
                    "there is no table `" + now_.text + "`",
                    {{}, 0, now_.begin + 1},
                    near.empty() ? tables() : "did you mean `" + near + "`?",
                    {}};
            return std::unexpected(std::move(e));
        }
        a.table = table->id;
        AIVP_CHECK(advance());
        if (is_word("where")) {
            AIVP_CHECK(advance());
            AIVP_TRY(a.where, expression(0));
        }
        if (is_word("per")) {
            AIVP_CHECK(advance());
            if (now_.kind != token_kind::name) return unexpected("a field");
            const token name = now_;
            AIVP_CHECK(advance());
            AIVP_TRY(a.per, field(name));
        }
        if (now_.kind != token_kind::close)
            return unexpected(a.per != no_node ? "`)`" : a.where != no_node ? "`per` or `)`" : "`where`, `per` or `)`");
        AIVP_CHECK(advance());
        const std::uint32_t node = add(node_kind::aggregate, begin);
        out_.nodes[node].index = static_cast<std::uint32_t>(out_.aggregates.size());
        out_.grouped |= a.per != no_node;
        out_.aggregates.push_back(a);
        return node;
    }

    static std::string tables() {
        std::string out = "there are ";
        for (const table_info& t : property_tables())
            out += (t.id == table_id::ledger ? "" : ", ") + std::string(t.name);
        return out;
    }

    result<std::uint32_t> exists(std::uint32_t begin) {
        AIVP_CHECK(advance());
        if (now_.kind != token_kind::name) return unexpected("a field with a path");
        const token name = now_;
        AIVP_CHECK(advance());
        AIVP_TRY(const std::uint32_t of, field(name));
        AIVP_CHECK(expect(token_kind::close, "`)`"));
        return add(node_kind::exists, begin, of);
    }

    result<std::uint32_t> of_two_texts(node_kind kind, std::uint32_t begin) {
        AIVP_CHECK(advance());
        AIVP_TRY(const std::uint32_t whole, expression(0));
        AIVP_CHECK(expect(token_kind::comma, "`,`"));
        AIVP_TRY(const std::uint32_t part, expression(0));
        AIVP_CHECK(expect(token_kind::close, "`)`"));
        return add(kind, begin, whole, part);
    }

    result<std::uint32_t> among(std::uint32_t left) {
        if (is_compared(left)) return at(now_.begin, "comparisons make no chains");
        AIVP_CHECK(advance());
        AIVP_CHECK(expect(token_kind::bracket, "a list: [\"a\", \"b\"]"));
        std::vector<std::uint32_t> elements;
        do {
            if (!elements.empty()) AIVP_CHECK(advance());
            const std::uint32_t begin = now_.begin;
            const bool negative = now_.kind == token_kind::minus;
            if (negative) AIVP_CHECK(advance());
            if (now_.kind != token_kind::literal) return unexpected("a value");
            AIVP_TRY(const std::uint32_t element, literal());
            property_node& n = out_.nodes[element];
            n.begin = begin;
            if (negative) {
                if (n.type != value_type::integer && n.type != value_type::money && n.type != value_type::duration)
                    return at(begin, "only numbers, money and durations can be negative");
                n.number = -n.number;
            }
            elements.push_back(element);
        } while (now_.kind == token_kind::comma);
        AIVP_CHECK(expect(token_kind::unbracket, "`,` or `]`"));
        const std::uint32_t node = add(node_kind::among, out_.nodes[left].begin, left);
        out_.nodes[node].elements = std::move(elements);
        return node;
    }

    std::string_view text_;
    property_program out_;
    token now_;
    std::uint32_t end_ = 0; ///< of the token before
    std::uint32_t depth_ = 0;
    std::uint32_t parenthesised_ = no_node;
};

} // namespace

result<property_program> parse_property(std::string_view text) { return property_parser(text).parse(); }

} // namespace aivp::sim
