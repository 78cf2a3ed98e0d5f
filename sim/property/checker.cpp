#include "sim/property/internal/checker.hpp"

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "aivp/base/nearest.hpp"
#include "aivp/kernel/effect.hpp"
#include "aivp/skill/outcome.hpp"
#include "sim/property/internal/parser.hpp"

namespace aivp::sim {

namespace {

using checked_type = std::optional<value_type>; ///< nullopt: an error was reported below

bool has_order(value_type t) {
    return t == value_type::integer || t == value_type::money || t == value_type::duration || t == value_type::instant;
}

class property_checker_pass {
public:
    property_checker_pass(property_program& program, const property_names& names, std::vector<error>& errors)
        : program_(program), names_(names), errors_(errors) {}

    void check() {
        for (property_aggregate& a : program_.aggregates) check(a);
        const checked_type type = check(program_.root, nullptr);
        if (type && *type != value_type::boolean)
            report(errc::config_type, program_.root,
                   "a property is true or false, and this is " + std::string(to_string(*type)), "compare it: `… <= 1`");
        else if (program_.aggregates.empty() && errors_.empty())
            report(errc::config_value, program_.root, "this asks nothing of what happened",
                   "begin with count(TABLE where …)");
        check_groups();
    }

private:
    property_node& at(std::uint32_t n) { return program_.nodes[n]; }

    void report(errc code, std::uint32_t n, std::string message, std::string help = {}) {
        errors_.push_back({code, std::move(message), {{}, 0, at(n).begin + 1}, std::move(help), {}});
    }

    void check(property_aggregate& a) {
        const table_info& table = info(a.table);
        if (a.where != no_node) {
            const checked_type type = check(a.where, &table);
            if (type && !is_condition(*type))
                report(errc::config_type, a.where,
                       "what follows `where` is true or false, and this is " + std::string(to_string(*type)));
        }
        if (a.per != no_node) {
            const checked_type type = check(a.per, &table);
            if (type && *type == value_type::json && at(a.per).pointer.empty())
                report(errc::config_type, a.per, "`per` takes one value", "name a part: " + at(a.per).text + ".NAME");
        }
        if (a.value == no_node) return;
        const checked_type type = check(a.value, &table);
        if (!type) {
            bad_.push_back(&a);
            return;
        }
        a.type = *type == value_type::json ? value_type::integer : *type;
        const bool sums = a.kind == aggregate_kind::sum;
        if (!has_order(a.type) || (sums && a.type == value_type::instant)) {
            bad_.push_back(&a);
            report(errc::config_type, a.value,
                   std::string(to_string(*type)) + " has no " +
                       (sums                             ? "sum"
                        : a.kind == aggregate_kind::most ? "max"
                                                         : "min"),
                   sums ? "integers, money and durations have one"
                        : "integers, money, durations and instants have one");
        }
    }

    /// All groups of one property are of one kind.
    void check_groups() {
        std::optional<std::uint32_t> first;
        for (const property_aggregate& a : program_.aggregates) {
            if (a.per == no_node) continue;
            if (!first) {
                first = a.per;
            } else if (at(*first).type != at(a.per).type) {
                report(errc::config_type, a.per,
                       "these groups are " + std::string(to_string(at(a.per).type)) + ", and those of `per " +
                           program_.source(*first) + "` are " + to_string(at(*first).type));
            }
        }
    }

    static bool is_condition(value_type t) { return t == value_type::boolean || t == value_type::json; }

    checked_type set(std::uint32_t n, value_type t) { return at(n).type = t; }

    checked_type check(std::uint32_t n, const table_info* table) {
        switch (at(n).kind) {
        case node_kind::literal: return at(n).type;
        case node_kind::field: return check_field(n, table);
        case node_kind::aggregate: return check_aggregate(n, table);
        case node_kind::exists: return check_exists(n, table);
        case node_kind::contains:
        case node_kind::starts_with: return check_texts(n, table);
        case node_kind::negation:
        case node_kind::both:
        case node_kind::either: return check_logic(n, table);
        case node_kind::minus: return check_minus(n, table);
        case node_kind::add:
        case node_kind::subtract:
        case node_kind::multiply: return check_arithmetic(n, table);
        case node_kind::among: return check_among(n, table);
        default: return check_comparison(n, table);
        }
    }

    checked_type check_field(std::uint32_t n, const table_info* table) {
        if (!table) {
            report(errc::config_reference, n,
                   "`" + program_.source(n) + "` is a field, and fields stand inside of an aggregate",
                   "write count(TABLE where …), or put texts in quotes");
            return std::nullopt;
        }
        const std::optional<std::uint32_t> found = table->find(at(n).text);
        if (!found) {
            std::vector<std::string> known;
            for (const field_info& f : table->fields) known.emplace_back(f.name);
            const std::string near = nearest_name(at(n).text, known);
            std::string all;
            for (const std::string& name : known) all += (all.empty() ? "" : ", ") + name;
            report(errc::config_reference, n, "`" + std::string(table->name) + "` has no field `" + at(n).text + "`",
                   near.empty() ? "it has " + all : "did you mean `" + near + "`?");
            return std::nullopt;
        }
        at(n).index = *found;
        const field_info& field = table->fields[*found];
        if (!at(n).pointer.empty() && field.type != value_type::json) {
            report(errc::config_type, n, "`" + at(n).text + "` is " + to_string(field.type) + " and has no parts");
            return std::nullopt;
        }
        return set(n, field.type);
    }

    checked_type check_aggregate(std::uint32_t n, const table_info* table) {
        if (table) {
            report(errc::config_value, n, "an aggregate stands inside of another one");
            return std::nullopt;
        }
        const property_aggregate& a = program_.aggregates[at(n).index];
        if (std::find(bad_.begin(), bad_.end(), &a) != bad_.end()) return std::nullopt;
        return set(n, a.type);
    }

    checked_type check_exists(std::uint32_t n, const table_info* table) {
        const checked_type type = check(at(n).left, table);
        if (!type) return type;
        if (*type != value_type::json)
            report(errc::config_type, at(n).left, "`" + program_.source(at(n).left) + "` is always there",
                   "exists(…) asks for a part of JSON: exists(arguments.NAME)");
        return set(n, value_type::boolean);
    }

    checked_type check_texts(std::uint32_t n, const table_info* table) {
        const checked_type whole = check(at(n).left, table), part = check(at(n).right, table);
        for (const auto& [type, node] : {std::pair(whole, at(n).left), std::pair(part, at(n).right)}) {
            if (!type) continue;
            if (*type != value_type::text && *type != value_type::json)
                report(errc::config_type, node, "this is " + std::string(to_string(*type)) + " and not a text");
        }
        if (!whole || !part) return std::nullopt;
        return set(n, value_type::boolean);
    }

    checked_type check_logic(std::uint32_t n, const table_info* table) {
        bool good = true;
        for (const std::uint32_t operand : {at(n).left, at(n).right}) {
            if (operand == no_node) continue;
            const checked_type type = check(operand, table);
            good = good && type.has_value();
            if (!type || is_condition(*type)) continue;
            report(errc::config_type, operand,
                   "this is " + std::string(to_string(*type)) + " where true or false is needed");
        }
        if (!good) return std::nullopt;
        return set(n, value_type::boolean);
    }

    checked_type check_minus(std::uint32_t n, const table_info* table) {
        const checked_type type = check(at(n).left, table);
        if (!type) return type;
        const value_type t = *type == value_type::json ? value_type::integer : *type;
        if (t != value_type::integer && t != value_type::money && t != value_type::duration) {
            report(errc::config_type, n, std::string(to_string(*type)) + " cannot be negative");
            return std::nullopt;
        }
        return set(n, t);
    }

    static checked_type result_of(node_kind kind, value_type a, value_type b) {
        constexpr value_type integer = value_type::integer;
        if (kind == node_kind::multiply) {
            if (a == integer && is_amount(b)) return b;
            if (b == integer && is_amount(a)) return a;
            return std::nullopt;
        }
        if (a == b && is_amount(a)) return a;
        if (a == value_type::instant && b == value_type::duration) return a;
        if (kind == node_kind::subtract && a == value_type::instant && b == value_type::instant)
            return value_type::duration;
        if (kind == node_kind::add && a == value_type::duration && b == value_type::instant) return b;
        return std::nullopt;
    }
    static bool is_amount(value_type t) {
        return t == value_type::integer || t == value_type::money || t == value_type::duration;
    }

    checked_type check_arithmetic(std::uint32_t n, const table_info* table) {
        const checked_type left = check(at(n).left, table), right = check(at(n).right, table);
        if (!left || !right) return std::nullopt;
        const auto integers = [](value_type t) { return t == value_type::json ? value_type::integer : t; };
        const checked_type out = result_of(at(n).kind, integers(*left), integers(*right));
        if (!out) {
            const char* sign = at(n).kind == node_kind::add ? "+" : at(n).kind == node_kind::subtract ? "-" : "*";
            report(errc::config_type, n,
                   std::string(to_string(*left)) + " " + sign + " " + to_string(*right) + " means nothing");
            return std::nullopt;
        }
        return set(n, *out);
    }

    checked_type check_comparison(std::uint32_t n, const table_info* table) {
        const checked_type left = check(at(n).left, table), right = check(at(n).right, table);
        if (!left || !right) return std::nullopt;
        const checked_type common = common_type(n, *left, *right, program_.source(at(n).left));
        if (!common) return std::nullopt;
        at(n).as = *common;
        const bool ordered = at(n).kind != node_kind::equal && at(n).kind != node_kind::unequal;
        if (ordered && !has_order(*common)) {
            report(errc::config_type, n,
                   *common == value_type::json ? "nobody knows whether these have an order"
                                               : std::string(to_string(*common)) + " has no order",
                   "only == and != compare these");
            return std::nullopt;
        }
        check_words(at(n).left, at(n).right, table);
        check_words(at(n).right, at(n).left, table);
        return set(n, value_type::boolean);
    }

    checked_type check_among(std::uint32_t n, const table_info* table) {
        const checked_type left = check(at(n).left, table);
        if (!left) return left;
        const value_type first = at(at(n).elements.front()).type;
        const checked_type common = common_type(n, *left, first, program_.source(at(n).left));
        if (!common) return std::nullopt;
        at(n).as = *common;
        for (const std::uint32_t element : at(n).elements) {
            if (at(element).type != first) {
                report(errc::config_type, element,
                       "the list begins with " + std::string(to_string(first)) + ", and this is " +
                           to_string(at(element).type));
                return std::nullopt;
            }
            check_words(at(n).left, element, table);
        }
        return set(n, value_type::boolean);
    }

    checked_type common_type(std::uint32_t n, value_type left, value_type right, const std::string& shown) {
        if (left == right) return left;
        const value_type typed = left == value_type::json ? right : left;
        const bool json = left == value_type::json || right == value_type::json;
        if (json && (typed == value_type::integer || typed == value_type::text || typed == value_type::boolean))
            return typed;
        const std::string help = json ? "JSON holds integers, texts, true and false"
                                 : left == value_type::text || right == value_type::text
                                     ? "texts stand in quotes, everything else does not"
                                     : "";
        report(errc::config_type, n,
               "`" + shown + "` is " + to_string(left) + " and is compared with " + to_string(right), help);
        return std::nullopt;
    }

    /// A text that the field can never have makes a comparison that says nothing.
    void check_words(std::uint32_t field, std::uint32_t literal, const table_info* table) {
        if (at(field).kind != node_kind::field || at(literal).kind != node_kind::literal) return;
        if (!table || at(field).type != value_type::text) return;
        const field_info& f = table->fields[at(field).index];
        const std::vector<std::string> known = words_of(f.words);
        const std::string& word = at(literal).text;
        if (known.empty() || std::find(known.begin(), known.end(), word) != known.end()) return;
        const std::string near = nearest_name(word, known);
        std::string help = near.empty() ? "" : "did you mean \"" + near + "\"?";
        if (near.empty() && known.size() <= 8)
            for (const std::string& k : known) help += (help.empty() ? "there are " : ", ") + k;
        report(errc::config_reference, literal, "`" + at(field).text + "` is never \"" + word + "\"", std::move(help));
    }

    std::vector<std::string> words_of(field_words w) const {
        std::vector<std::string> out;
        switch (w) {
        case field_words::any: break;
        case field_words::outcome: return {"ok", "failed", "unknown"};
        case field_words::effect: return {"none", "read", "write"};
        case field_words::status: return {"success", "failure", "partial", "skipped"};
        case field_words::code:
            for (const error_info& e : error_table()) out.emplace_back(e.name);
            break;
        case field_words::stage:
            for (int s = 0; s <= static_cast<int>(gate_stage::evidence); ++s)
                out.emplace_back(aivp::to_string(static_cast<gate_stage>(s)));
            break;
        case field_words::agent: return names_.agents;
        case field_words::call: return names_.calls;
        case field_words::skill: return names_.skills;
        case field_words::operation: return names_.operations;
        }
        return out;
    }

    property_program& program_;
    const property_names& names_;
    std::vector<error>& errors_;
    std::vector<const property_aggregate*> bad_; ///< whose value has been reported
};

/// Columns count characters.
std::uint32_t column_of(std::string_view text, std::uint32_t byte) {
    std::uint32_t n = 0;
    for (std::uint32_t i = 0; i < byte && i < text.size(); ++i)
        n += (static_cast<unsigned char>(text[i]) & 0xc0) != 0x80;
    return n + 1;
}

void add_placed(std::vector<error>& errors, error e, const located_text& text) {
    e.where = place_in(text, e.where.column == 0 ? 0 : column_of(text.text, e.where.column - 1));
    errors.push_back(std::move(e));
}

} // namespace

void check_property(property_program& program, const property_names& names, std::vector<error>& errors) {
    property_checker_pass(program, names, errors).check();
}

std::string property_program::source(std::uint32_t node) const {
    const std::string_view part = std::string_view(text).substr(nodes[node].begin, nodes[node].end - nodes[node].begin);
    std::string out;
    for (const char c : part) {
        const bool space = c == ' ' || c == '\n' || c == '\t' || c == '\r';
        if (!space)
            out += c;
        else if (!out.empty() && out.back() != ' ')
            out += ' ';
    }
    return out;
}

property_program_ptr compile_property(const located_text& text, const property_names& names,
                                      std::vector<error>& errors) {
    auto parsed = parse_property(text.text);
    if (!parsed) {
        add_placed(errors, std::move(parsed).error(), text);
        return nullptr;
    }
    std::vector<error> found;
    check_property(*parsed, names, found);
    for (error& e : found) add_placed(errors, std::move(e), text);
    if (!found.empty()) return nullptr;
    return std::make_shared<const property_program>(std::move(*parsed));
}

const char* to_string(property_mode m) {
    switch (m) {
    case property_mode::always: return "always";
    case property_mode::finally: return "finally";
    case property_mode::sometimes: return "sometimes";
    }
    return "always";
}

} // namespace aivp::sim
