#include <algorithm>
#include <string>
#include <utility>

#include "aivp/agent/template.hpp"
#include "runtime/agent/internal/decimal_order.hpp"
#include "runtime/agent/internal/reference.hpp"

namespace aivp {

enum class condition_kind : std::uint8_t { literal, reference, exists, empty, negation, all, any, comparison };
enum class condition_order : std::uint8_t { equal, unequal, less, less_equal, greater, greater_equal };
using condition_node = std::shared_ptr<const condition::node>;

struct condition::node {
    condition_kind kind = condition_kind::literal;
    condition_order order = condition_order::equal; // of a comparison
    payload literal;
    std::uint32_t reference = 0;
    std::size_t offset = 0; // in the text
    // all, any: two or more, so that a long chain is no deep tree; comparison: two; negation: one.
    std::vector<condition_node> children;
};

namespace {

enum class condition_type : std::uint8_t { null, boolean, number, string, array, object };

condition_type condition_type_of(std::string_view value) {
    switch (value.front()) {
    case 'n': return condition_type::null;
    case 't':
    case 'f': return condition_type::boolean;
    case '"': return condition_type::string;
    case '[': return condition_type::array;
    case '{': return condition_type::object;
    default: return condition_type::number;
    }
}

const char* condition_name_of(condition_type t) {
    switch (t) {
    case condition_type::null: return "null";
    case condition_type::boolean: return "true or false";
    case condition_type::number: return "a number";
    case condition_type::string: return "a string";
    case condition_type::array: return "an array";
    case condition_type::object: return "an object";
    }
    return "null";
}

bool condition_has_order(condition_type t) { return t == condition_type::number || t == condition_type::string; }

enum class condition_token : std::uint8_t {
    end,
    open,
    close,
    negation,
    all,
    any,
    comparison,
    literal,
    reference,
    exists,
    empty
};

// What stands at `offset`; `order`, `value`, `reference` hold for tokens of these kinds.
struct condition_lexeme {
    condition_token kind = condition_token::end;
    std::size_t offset = 0;
    std::size_t length = 0;
    condition_order order = condition_order::equal;
    payload value;
    value_reference reference;
};

std::unexpected<error> condition_fault(std::string_view text, std::size_t offset, std::string message,
                                       std::string help = {}) {
    return fail(errc::config_value, std::move(message), {{}, 1, internal::column_of(text, offset)}, std::move(help));
}

bool condition_is_word_start(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}

bool condition_is_number_start(char c) { return (c >= '0' && c <= '9') || c == '-'; }

class condition_lexer {
public:
    condition_lexer(std::string_view text, const name_resolver& resolve) : text_(text), resolve_(resolve) {}

    // The next token; moves past it.
    result<condition_lexeme> next() {
        while (at_ < text_.size() &&
               (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r'))
            ++at_;
        const std::string_view rest = text_.substr(at_);
        if (rest.empty()) return take(condition_token::end, 0);
        if (rest.starts_with("${")) return bracketed("}");
        if (rest.starts_with("{{")) return bracketed("}}");
        if (rest.front() == '"') return literal(string_length(rest));
        if (rest.front() == '[' || rest.front() == '{') return literal(container_length(rest));
        if (condition_is_number_start(rest.front())) return literal(number_length(rest));
        if (condition_is_word_start(rest.front())) return word(rest);
        return sign(rest);
    }

private:
    condition_lexeme take(condition_token kind, std::size_t length) {
        condition_lexeme t{.kind = kind, .offset = at_, .length = length};
        at_ += length;
        return t;
    }

    result<condition_lexeme> sign(std::string_view rest) {
        struct spelling {
            std::string_view text;
            condition_token kind;
            condition_order order = condition_order::equal;
        };
        static constexpr spelling spellings[] = {
            {"&&", condition_token::all},
            {"||", condition_token::any},
            {"==", condition_token::comparison, condition_order::equal},
            {"!=", condition_token::comparison, condition_order::unequal},
            {"<=", condition_token::comparison, condition_order::less_equal},
            {">=", condition_token::comparison, condition_order::greater_equal},
            {"<", condition_token::comparison, condition_order::less},
            {">", condition_token::comparison, condition_order::greater},
            {"!", condition_token::negation},
            {"(", condition_token::open},
            {")", condition_token::close},
        };
        for (const spelling& s : spellings) {
            if (!rest.starts_with(s.text)) continue;
            condition_lexeme t = take(s.kind, s.text.size());
            t.order = s.order;
            return t;
        }
        switch (rest.front()) {
        case '=': return condition_fault(text_, at_, "\"=\" is no comparison", "Write == for equality.");
        case '&': return condition_fault(text_, at_, "\"&\" is no operator", "Write && for \"and\".");
        case '|': return condition_fault(text_, at_, "\"|\" is no operator", "Write || for \"or\".");
        case '\'':
            return condition_fault(text_, at_, "a string in single quotes",
                                   "Write strings in double quotes, as in JSON.");
        case '$': return condition_fault(text_, at_, "\"$\" begins no reference", "Write ${step.field} or step.field.");
        default: break;
        }
        const auto byte = static_cast<unsigned char>(rest.front());
        const bool printable = byte >= 0x20 && byte < 0x7f;
        return condition_fault(text_, at_,
                               (printable ? std::string{'"', rest.front(), '"'} : std::string("a control character")) +
                                   " is not expected here",
                               "A condition holds references, JSON literals, == != < <= > >= ! && || and parentheses.");
    }

    result<condition_lexeme> bracketed(std::string_view closing) {
        const std::size_t close = text_.find(closing, at_ + 2);
        if (close == std::string_view::npos) {
            return condition_fault(text_, at_, "a reference is opened here and never closed",
                                   "Close it with " + std::string(closing) + ".");
        }
        return reference(at_ + 2, close, close + closing.size() - at_);
    }

    result<condition_lexeme> reference(std::size_t begin, std::size_t end, std::size_t length) {
        AIVP_TRY(value_reference r, internal::parse_reference(text_, begin, end, resolve_));
        condition_lexeme t = take(condition_token::reference, length);
        t.reference = std::move(r);
        return t;
    }

    result<condition_lexeme> word(std::string_view rest) {
        std::size_t length = 1;
        while (length < rest.size() && (internal::is_reference_char(rest[length]) || rest[length] == '.')) ++length;
        const std::string_view w = rest.substr(0, length);
        if (w == "true" || w == "false" || w == "null") return literal(length);
        std::size_t after = length;
        while (after < rest.size() && rest[after] == ' ') ++after;
        if (after < rest.size() && rest[after] == '(') {
            if (w == "exists") return take(condition_token::exists, length);
            if (w == "empty") return take(condition_token::empty, length);
            return condition_fault(text_, at_, "there is no function \"" + std::string(w) + "\"",
                                   "Use exists(…) or empty(…).");
        }
        if (w == "and" || w == "or" || w == "not") {
            return condition_fault(text_, at_, "\"" + std::string(w) + "\" is no operator",
                                   w == "and"  ? "Write &&."
                                   : w == "or" ? "Write ||."
                                               : "Write !.");
        }
        return reference(at_, at_ + length, length);
    }

    // Lengths of literals never exceed `rest`; whether the text is JSON is for the JSON parser to say.
    static std::size_t string_length(std::string_view rest) {
        std::size_t i = 1;
        while (i < rest.size() && rest[i] != '"') i += rest[i] == '\\' ? 2 : 1;
        return std::min(i + 1, rest.size());
    }

    static std::size_t container_length(std::string_view rest) {
        std::size_t depth = 0;
        for (std::size_t i = 0; i < rest.size(); ++i) {
            const char c = rest[i];
            if (c == '"') {
                i += string_length(rest.substr(i)) - 1;
            } else if (c == '[' || c == '{') {
                ++depth;
            } else if ((c == ']' || c == '}') && --depth == 0) {
                return i + 1;
            }
        }
        return rest.size();
    }

    static std::size_t number_length(std::string_view rest) {
        const std::size_t end = rest.find_first_not_of("0123456789+-.eE");
        return std::min(end, rest.size());
    }

    result<condition_lexeme> literal(std::size_t length) {
        auto parsed = payload::parse(text_.substr(at_, length));
        if (!parsed) {
            return condition_fault(text_, at_, "no JSON literal: " + parsed.error().message,
                                   "Write a number, a string in double quotes, true, false, null, [..] or {..}.");
        }
        condition_lexeme t = take(condition_token::literal, length);
        t.value = *std::move(parsed);
        return t;
    }

    std::string_view text_;
    const name_resolver& resolve_;
    std::size_t at_ = 0;
};

// A Pratt parser: an operator takes what binds tighter than itself.
class condition_parser {
public:
    condition_parser(std::string_view text, const name_resolver& resolve) : text_(text), lexer_(text, resolve) {}

    result<condition_node> parse() {
        AIVP_CHECK(advance());
        if (token_.kind == condition_token::end) {
            return condition_fault(text_, 0, "the condition is empty", "Leave `when` out for \"always\".");
        }
        AIVP_TRY(condition_node root, expression(power_any));
        if (token_.kind != condition_token::end) return unexpected("an operator or the end");
        AIVP_CHECK(check_truth(*root));
        return root;
    }

    std::vector<value_reference> take_references() { return std::move(references_); }

private:
    static constexpr int power_any = 1;
    static constexpr int power_all = 2;
    static constexpr int power_comparison = 3;
    static constexpr int power_negation = 4;

    static int power_of(condition_token t) {
        return t == condition_token::any          ? power_any
               : t == condition_token::all        ? power_all
               : t == condition_token::comparison ? power_comparison
                                                  : 0;
    }

    result<void> advance() {
        AIVP_TRY(token_, lexer_.next());
        return {};
    }

    std::unexpected<error> unexpected(std::string_view wanted) const {
        const std::string found = token_.kind == condition_token::end
                                      ? "the condition ends"
                                      : "\"" + std::string(text_.substr(token_.offset, token_.length)) + "\" stands";
        return condition_fault(text_, token_.offset, found + " where " + std::string(wanted) + " is expected");
    }

    result<condition_node> expression(int power_min) {
        AIVP_TRY(condition_node left, operand());
        while (power_of(token_.kind) >= power_min) {
            if (token_.kind == condition_token::comparison) {
                AIVP_TRY(left, comparison(std::move(left)));
            } else {
                AIVP_TRY(left, junction(std::move(left)));
            }
        }
        return left;
    }

    // left && right && ... at one level.
    result<condition_node> junction(condition_node left) {
        const condition_token kind = token_.kind;
        auto n = std::make_shared<condition::node>();
        n->kind = kind == condition_token::all ? condition_kind::all : condition_kind::any;
        n->offset = left->offset;
        AIVP_CHECK(check_truth(*left));
        n->children.push_back(std::move(left));
        while (token_.kind == kind) {
            AIVP_CHECK(advance());
            AIVP_TRY(condition_node right, expression(power_of(kind) + 1));
            AIVP_CHECK(check_truth(*right));
            n->children.push_back(std::move(right));
        }
        return n;
    }

    result<condition_node> comparison(condition_node left) {
        const condition_lexeme sign = token_;
        AIVP_CHECK(advance());
        AIVP_TRY(condition_node right, expression(power_comparison + 1));
        if (token_.kind == condition_token::comparison) {
            return condition_fault(text_, token_.offset, "comparisons cannot be chained", "Write a < b && b < c.");
        }
        if (sign.order != condition_order::equal && sign.order != condition_order::unequal) {
            AIVP_CHECK(check_order(*left));
            AIVP_CHECK(check_order(*right));
            const bool both = left->kind == condition_kind::literal && right->kind == condition_kind::literal;
            if (both && condition_type_of(left->literal.text()) != condition_type_of(right->literal.text())) {
                return condition_fault(text_, sign.offset, "a number and a string have no order");
            }
        }
        auto n = std::make_shared<condition::node>();
        n->kind = condition_kind::comparison;
        n->order = sign.order;
        n->offset = sign.offset;
        n->children = {std::move(left), std::move(right)};
        return n;
    }

    result<condition_node> operand() {
        const condition_lexeme first = token_;
        if (first.kind == condition_token::open || first.kind == condition_token::negation) return nested(first);
        auto n = std::make_shared<condition::node>();
        n->offset = first.offset;
        switch (first.kind) {
        case condition_token::literal:
            n->kind = condition_kind::literal;
            n->literal = first.value;
            AIVP_CHECK(advance());
            return n;
        case condition_token::reference: {
            n->kind = condition_kind::reference;
            AIVP_TRY(n->reference, refer(first));
            AIVP_CHECK(advance());
            return n;
        }
        case condition_token::exists:
        case condition_token::empty:
            n->kind = first.kind == condition_token::exists ? condition_kind::exists : condition_kind::empty;
            return function(std::move(n));
        default: return unexpected("a value");
        }
    }

    result<condition_node> function(std::shared_ptr<condition::node> n) {
        AIVP_CHECK(advance());
        AIVP_CHECK(advance()); // the lexer has seen the parenthesis
        if (token_.kind != condition_token::reference) return unexpected("a reference");
        AIVP_TRY(n->reference, refer(token_));
        AIVP_CHECK(advance());
        if (token_.kind != condition_token::close) return unexpected("\")\"");
        AIVP_CHECK(advance());
        return n;
    }

    result<condition_node> nested(const condition_lexeme& first) {
        if (depth_ == condition::depth_max) {
            return condition_fault(text_, first.offset,
                                   "nested more than " + std::to_string(condition::depth_max) + " levels deep");
        }
        ++depth_;
        AIVP_CHECK(advance());
        const bool negated = first.kind == condition_token::negation;
        AIVP_TRY(condition_node inner, expression(negated ? power_negation : power_any));
        --depth_;
        if (!negated) {
            if (token_.kind != condition_token::close) return unexpected("\")\"");
            AIVP_CHECK(advance());
            return inner;
        }
        AIVP_CHECK(check_truth(*inner));
        auto n = std::make_shared<condition::node>();
        n->kind = condition_kind::negation;
        n->offset = first.offset;
        n->children.push_back(std::move(inner));
        return n;
    }

    result<std::uint32_t> refer(const condition_lexeme& t) {
        const auto index = internal::intern_reference(references_, t.reference);
        if (index) return *index;
        return condition_fault(text_, t.offset,
                               "more than " + std::to_string(references_max) + " different references");
    }

    // A literal is known now; what a reference holds shows at run time.
    result<void> check_truth(const condition::node& n) const {
        if (n.kind != condition_kind::literal || condition_type_of(n.literal.text()) == condition_type::boolean)
            return {};
        return condition_fault(text_, n.offset,
                               std::string(condition_name_of(condition_type_of(n.literal.text()))) +
                                   " is neither true nor false",
                               "Compare it with something.");
    }

    result<void> check_order(const condition::node& n) const {
        if (n.kind == condition_kind::reference) return {};
        const condition_type t =
            n.kind == condition_kind::literal ? condition_type_of(n.literal.text()) : condition_type::boolean;
        if (condition_has_order(t)) return {};
        return condition_fault(text_, n.offset, std::string(condition_name_of(t)) + " has no order",
                               "Only numbers and strings do; use == or !=.");
    }

    std::string_view text_;
    condition_lexer lexer_;
    condition_lexeme token_;
    std::vector<value_reference> references_;
    std::uint32_t depth_ = 0;
};

} // namespace

result<condition> condition::compile(std::string_view text, const name_resolver& resolve) {
    if (text.size() > bytes_max) {
        return fail(errc::config_value, "the condition has " + std::to_string(text.size()) + " bytes", {{}, 1, 1},
                    "Keep it below " + std::to_string(bytes_max) + " bytes.");
    }
    condition_parser parser(text, resolve);
    condition made;
    AIVP_TRY(made.root_, parser.parse());
    made.text_ = text;
    made.references_ = parser.take_references();
    return made;
}

namespace {

// By code points, which is the order of their UTF-8 bytes; a literal without escapes is its own text.
int condition_compare_strings(std::string_view left, std::string_view right) {
    if (left.find('\\') == std::string_view::npos && right.find('\\') == std::string_view::npos) {
        return left.substr(1, left.size() - 2).compare(right.substr(1, right.size() - 2));
    }
    return as_string(payload::from_canonical(std::string(left)))
        ->compare(*as_string(payload::from_canonical(std::string(right))));
}

class condition_evaluator {
public:
    condition_evaluator(const std::vector<value_reference>& references, const value_lookup& lookup)
        : references_(references), lookup_(lookup) {}

    result<bool> truth(const condition::node& n) const {
        switch (n.kind) {
        case condition_kind::exists: return internal::find_value(references_[n.reference], lookup_).has_value();
        case condition_kind::empty: return is_empty(n);
        case condition_kind::negation: {
            AIVP_TRY(const bool inner, truth(*n.children.front()));
            return !inner;
        }
        case condition_kind::all:
        case condition_kind::any: return junction(n);
        case condition_kind::comparison: return compare(n);
        case condition_kind::literal:
        case condition_kind::reference: break;
        }
        AIVP_TRY(const std::string_view v, value(n));
        if (v == "true" || v == "false") return v == "true";
        return run_fault(n, "${" + references_[n.reference].text + "} is " + condition_name_of(condition_type_of(v)) +
                                ", neither true nor false");
    }

private:
    result<std::string_view> value(const condition::node& n) const {
        if (n.kind == condition_kind::literal) return n.literal.text();
        if (n.kind == condition_kind::reference) return internal::read_value(references_[n.reference], lookup_);
        AIVP_TRY(const bool b, truth(n));
        return std::string_view(b ? "true" : "false");
    }

    bool is_empty(const condition::node& n) const {
        const std::optional<std::string_view> v = internal::find_value(references_[n.reference], lookup_);
        if (!v) return true;
        return *v == "null" || *v == "\"\"" || *v == "[]" || *v == "{}";
    }

    result<bool> junction(const condition::node& n) const {
        const bool deciding = n.kind == condition_kind::any;
        for (const condition_node& child : n.children) {
            AIVP_TRY(const bool b, truth(*child));
            if (b == deciding) return deciding;
        }
        return !deciding;
    }

    result<bool> compare(const condition::node& n) const {
        AIVP_TRY(const std::string_view left, value(*n.children[0]));
        AIVP_TRY(const std::string_view right, value(*n.children[1]));
        const condition_type type = condition_type_of(left);
        const bool same_type = type == condition_type_of(right);
        if (n.order == condition_order::equal || n.order == condition_order::unequal) {
            const bool equal =
                same_type &&
                (type == condition_type::number ? internal::compare_decimals(left, right) == 0 : left == right);
            return equal == (n.order == condition_order::equal);
        }
        if (!same_type || !condition_has_order(type)) {
            return run_fault(n, std::string(condition_name_of(type)) + " and " +
                                    condition_name_of(condition_type_of(right)) + " have no order");
        }
        const int sign = type == condition_type::number ? internal::compare_decimals(left, right)
                                                        : condition_compare_strings(left, right);
        switch (n.order) {
        case condition_order::less: return sign < 0;
        case condition_order::less_equal: return sign <= 0;
        case condition_order::greater: return sign > 0;
        default: return sign >= 0;
        }
    }

    std::unexpected<error> run_fault(const condition::node& n, std::string message) const {
        auto fault = fail(errc::run_reference, "the condition cannot be decided: " + std::move(message));
        if (n.kind == condition_kind::reference)
            fault.error().context.emplace_back("reference", references_[n.reference].text);
        return fault;
    }

    const std::vector<value_reference>& references_;
    const value_lookup& lookup_;
};

} // namespace

result<bool> condition::evaluate(const value_lookup& lookup) const {
    if (!root_) return true;
    return condition_evaluator(references_, lookup).truth(*root_);
}

} // namespace aivp
