#include "sim/property/internal/evaluation.hpp"

#include <charconv>
#include <utility>

#include "aivp/base/money.hpp"
#include "aivp/base/payload.hpp"
#include "aivp/base/time.hpp"

namespace aivp::sim {

namespace {

truth as_truth(bool b) { return b ? truth::yes : truth::no; }

std::optional<std::int64_t> json_integer(std::string_view text) {
    std::int64_t n = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), n);
    if (code != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return n;
}

bool in_order(node_kind kind, std::int64_t a, std::int64_t b) {
    switch (kind) {
    case node_kind::equal: return a == b;
    case node_kind::unequal: return a != b;
    case node_kind::less: return a < b;
    case node_kind::less_equal: return a <= b;
    case node_kind::greater: return a > b;
    default: return a >= b;
    }
}

} // namespace

operand evaluation::field(const property_node& n) {
    const property_cell& cell = (*row_)[n.index];
    if (n.type != value_type::json) return {true, cell.number, cell.text};
    const std::string_view document = cell.text.empty() ? std::string_view("null") : cell.text;
    if (n.pointer.empty()) return {true, 0, document};
    const auto part = pointer_text(document, n.pointer);
    return part ? operand{true, 0, *part} : operand{false, 0, {}};
}

operand evaluation::value(std::uint32_t node) {
    const property_node& n = program_.nodes[node];
    switch (n.kind) {
    case node_kind::literal: return {true, n.number, n.text};
    case node_kind::field: return field(n);
    case node_kind::aggregate: {
        const std::optional<std::int64_t>& v = aggregates_[n.index];
        return {v.has_value(), v.value_or(0), {}};
    }
    case node_kind::minus:
    case node_kind::add:
    case node_kind::subtract:
    case node_kind::multiply: return calculate(n);
    default: {
        const truth t = holds(node);
        return {t != truth::unknown, t == truth::yes, {}};
    }
    }
}

operand evaluation::value_as(std::uint32_t node, value_type type) {
    operand v = value(node);
    if (program_.nodes[node].type != value_type::json || type == value_type::json || !v.present) return v;
    if (type == value_type::boolean) return {v.text == "true" || v.text == "false", v.text == "true", {}};
    if (type == value_type::integer) {
        const auto n = json_integer(v.text);
        return {n.has_value(), n.value_or(0), {}};
    }
    if (v.text.empty() || v.text.front() != '"') return {false, 0, {}};
    if (v.text.find('\\') == std::string_view::npos) return {true, 0, v.text.substr(1, v.text.size() - 2)};
    decoded_.push_back(as_string(payload::from_canonical(std::string(v.text))).value_or(std::string()));
    return {true, 0, decoded_.back()};
}

operand evaluation::calculate(const property_node& n) {
    const auto number = [this](std::uint32_t node) {
        const bool json = program_.nodes[node].type == value_type::json;
        const operand v = value_as(node, json ? value_type::integer : program_.nodes[node].type);
        if (!v.present && json) fail_once("`" + program_.source(node) + "` is no integer there");
        return v;
    };
    const operand left = number(n.left);
    const operand right = n.right == no_node ? operand{} : number(n.right);
    operand out{left.present && right.present, 0, {}};
    if (!out.present) return out;
    bool over = false;
    if (n.kind == node_kind::minus)
        over = __builtin_sub_overflow(std::int64_t{0}, left.number, &out.number);
    else if (n.kind == node_kind::add)
        over = __builtin_add_overflow(left.number, right.number, &out.number);
    else if (n.kind == node_kind::subtract)
        over = __builtin_sub_overflow(left.number, right.number, &out.number);
    else
        over = __builtin_mul_overflow(left.number, right.number, &out.number);
    if (over)
        fail_once("`" + program_.source(static_cast<std::uint32_t>(&n - program_.nodes.data())) +
                  "` takes more than 64 bits");
    return out;
}

truth evaluation::holds(std::uint32_t node) {
    const property_node& n = program_.nodes[node];
    switch (n.kind) {
    case node_kind::negation: {
        const truth t = holds(n.left);
        return t == truth::unknown ? t : as_truth(t == truth::no);
    }
    case node_kind::both: {
        const truth left = holds(n.left);
        if (left == truth::no) return left;
        const truth right = holds(n.right);
        return right == truth::no ? right : left == truth::unknown ? left : right;
    }
    case node_kind::either: {
        const truth left = holds(n.left);
        if (left == truth::yes) return left;
        const truth right = holds(n.right);
        return right == truth::yes ? right : left == truth::unknown ? left : right;
    }
    case node_kind::exists: return as_truth(value(n.left).present);
    case node_kind::contains:
    case node_kind::starts_with: return texts(n);
    case node_kind::among: return among(n);
    case node_kind::literal:
    case node_kind::field:
    case node_kind::aggregate:
    case node_kind::minus:
    case node_kind::add:
    case node_kind::subtract:
    case node_kind::multiply: {
        const operand v = value_as(node, value_type::boolean);
        return as_truth(v.present && v.number != 0);
    }
    default: return compare(n);
    }
}

truth evaluation::compare(const property_node& n) {
    return compare(n.kind, n.as, value_as(n.left, n.as), value_as(n.right, n.as));
}

/// What is not there, or is of another kind, is equal to nothing and comes before nothing; the max of nothing is not known.
truth evaluation::compare(node_kind kind, value_type as, const operand& left, const operand& right) const {
    if (!left.present || !right.present) {
        if (!row_) return truth::unknown;
        return as_truth(kind == node_kind::unequal);
    }
    if (as == value_type::text || as == value_type::json)
        return as_truth((left.text == right.text) == (kind == node_kind::equal));
    return as_truth(in_order(kind, left.number, right.number));
}

truth evaluation::among(const property_node& n) {
    const operand left = value_as(n.left, n.as);
    for (const std::uint32_t element : n.elements) {
        const truth t = compare(node_kind::equal, n.as, left, value(element));
        if (t != truth::no) return t;
    }
    return truth::no;
}

truth evaluation::texts(const property_node& n) {
    const operand whole = value_as(n.left, value_type::text), part = value_as(n.right, value_type::text);
    if (!whole.present || !part.present) return truth::no;
    return as_truth(n.kind == node_kind::contains ? whole.text.find(part.text) != std::string_view::npos
                                                  : whole.text.starts_with(part.text));
}

std::string shown(value_type type, std::int64_t number, std::string_view text) {
    switch (type) {
    case value_type::boolean: return number != 0 ? "true" : "false";
    case value_type::integer: return std::to_string(number);
    case value_type::money: return to_string(usd_micros{number});
    case value_type::duration: return aivp::to_string(duration{number});
    case value_type::instant: return aivp::to_string(instant{number});
    case value_type::text: {
        std::string out;
        append_json_string(out, text);
        return out;
    }
    case value_type::json: return std::string(text);
    }
    return {};
}

} // namespace aivp::sim
