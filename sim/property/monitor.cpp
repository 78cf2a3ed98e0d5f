#include "sim/property/monitor.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "sim/property/internal/evaluation.hpp"

namespace aivp::sim {

namespace {

/// One aggregate of one group.
struct accumulator {
    std::int64_t number = 0;
    bool any = false;
};

/// Of the value of `per`: what tells groups apart, and how they are shown.
std::string group_of(const operand& v, value_type type) { return v.present ? shown(type, v.number, v.text) : "(none)"; }

} // namespace

/// The aggregates of one property, and which of its groups are to be looked at again.
class property_monitor::state {
public:
    explicit state(const property_program& program) : program_(program), groups_(program.aggregates.size()) {}

    void add(table_id table, const property_row& row) {
        for (std::size_t i = 0; i < program_.aggregates.size(); ++i)
            if (program_.aggregates[i].table == table) add(i, row);
    }
    void forget_all_but_ledger() {
        for (std::size_t i = 0; i < groups_.size(); ++i)
            if (program_.aggregates[i].table != table_id::ledger) groups_[i].clear();
        everything_ = true;
    }
    void look_at_everything() { everything_ = true; }
    bool changed() const { return everything_ || !dirty_.empty(); }
    bool asks(table_id table) const {
        return std::any_of(program_.aggregates.begin(), program_.aggregates.end(),
                           [table](const property_aggregate& a) { return a.table == table; });
    }

    /// For each group that changed: what the whole is there. Forgets what changed.
    template <class Visit>
    void each_changed(Visit visit) {
        std::set<std::string> keys = std::exchange(dirty_, {});
        if (everything_ && program_.grouped) {
            for (std::size_t i = 0; i < groups_.size(); ++i)
                if (program_.aggregates[i].per != no_node)
                    for (const auto& [key, value] : groups_[i]) keys.insert(key);
        } else if (everything_) {
            keys.insert(std::string());
        }
        everything_ = false;
        for (const std::string& key : keys) visit(key, values_at(key));
    }

    const std::string& fault() const { return fault_; }
    /// What does not hold, and what it is instead.
    std::pair<std::string, std::string> explain(const std::string& key,
                                                const std::vector<std::optional<std::int64_t>>& values) const;

private:
    void add(std::size_t which, const property_row& row);
    std::vector<std::optional<std::int64_t>> values_at(const std::string& key) const;
    std::uint32_t culprit(evaluation& e, std::uint32_t node) const;
    std::string actual(evaluation& e, std::uint32_t node, const std::vector<std::optional<std::int64_t>>& values) const;
    void list_aggregates(std::uint32_t node, const std::vector<std::optional<std::int64_t>>& values,
                         std::string& out) const;

    const property_program& program_;
    std::vector<std::map<std::string, accumulator>> groups_; ///< by aggregate; "" without `per`
    std::set<std::string> dirty_;                            ///< groups
    bool everything_ = true;
    std::string fault_;
};

void property_monitor::state::add(std::size_t which, const property_row& row) {
    const property_aggregate& a = program_.aggregates[which];
    evaluation e(program_, row);
    const bool wanted = a.where == no_node || e.holds(a.where) == truth::yes;
    if (wanted) {
        std::string key;
        if (a.per != no_node) key = group_of(e.value(a.per), program_.nodes[a.per].type);
        std::int64_t number = 1;
        if (a.value != no_node) {
            const operand v = e.value_as(a.value, a.type);
            number = v.number;
            if (!v.present && fault_.empty()) fault_ = "`" + program_.source(a.value) + "` is no integer there";
        }
        accumulator& sum = groups_[which][key];
        if (a.kind == aggregate_kind::most)
            sum.number = sum.any ? std::max(sum.number, number) : number;
        else if (a.kind == aggregate_kind::least)
            sum.number = sum.any ? std::min(sum.number, number) : number;
        else if (__builtin_add_overflow(sum.number, number, &sum.number) && fault_.empty())
            fault_ = "a sum takes more than 64 bits";
        sum.any = true;
        // A number that all groups share changes what each of them is compared with.
        if (program_.grouped && a.per == no_node)
            everything_ = true;
        else
            dirty_.insert(std::move(key));
    }
    if (fault_.empty()) fault_ = e.fault();
    if (!fault_.empty()) everything_ = true;
}

std::vector<std::optional<std::int64_t>> property_monitor::state::values_at(const std::string& key) const {
    std::vector<std::optional<std::int64_t>> out;
    for (std::size_t i = 0; i < groups_.size(); ++i) {
        const property_aggregate& a = program_.aggregates[i];
        const auto found = groups_[i].find(a.per == no_node ? std::string() : key);
        const bool zero = a.kind == aggregate_kind::count || a.kind == aggregate_kind::sum;
        if (found != groups_[i].end())
            out.emplace_back(found->second.number);
        else
            out.push_back(zero ? std::optional<std::int64_t>(0) : std::nullopt);
    }
    return out;
}

/// The part of a conjunction that does not hold.
std::uint32_t property_monitor::state::culprit(evaluation& e, std::uint32_t node) const {
    const property_node& n = program_.nodes[node];
    if (n.kind != node_kind::both) return node;
    return culprit(e, e.holds(n.left) == truth::no ? n.left : n.right);
}

void property_monitor::state::list_aggregates(std::uint32_t node,
                                              const std::vector<std::optional<std::int64_t>>& values,
                                              std::string& out) const {
    const property_node& n = program_.nodes[node];
    if (n.kind == node_kind::aggregate) {
        const auto& value = values[n.index];
        out += (out.empty() ? "" : ", ") + program_.source(node) + " = " +
               (value ? shown(n.type, *value) : std::string("nothing"));
        return;
    }
    if (n.left != no_node) list_aggregates(n.left, values, out);
    if (n.right != no_node) list_aggregates(n.right, values, out);
}

std::string property_monitor::state::actual(evaluation& e, std::uint32_t node,
                                            const std::vector<std::optional<std::int64_t>>& values) const {
    const property_node& n = program_.nodes[node];
    if (is_comparison(n.kind)) {
        const auto side = [&](std::uint32_t s) {
            const operand v = e.value(s);
            return v.present ? shown(program_.nodes[s].type, v.number, v.text) : std::string("nothing");
        };
        if (program_.nodes[n.right].kind == node_kind::literal) return side(n.left);
        if (program_.nodes[n.left].kind == node_kind::literal) return side(n.right);
        return side(n.left) + " and " + side(n.right);
    }
    std::string out;
    list_aggregates(node, values, out);
    return out;
}

std::pair<std::string, std::string>
property_monitor::state::explain(const std::string& key, const std::vector<std::optional<std::int64_t>>& values) const {
    evaluation e(program_, values);
    const std::uint32_t node = culprit(e, program_.root);
    std::string what = actual(e, node, values);
    if (program_.grouped) {
        for (const property_aggregate& a : program_.aggregates) {
            if (a.per == no_node) continue;
            what += ", for " + program_.source(a.per) + " = " + key;
            break;
        }
    }
    return {program_.source(node), std::move(what)};
}

property_monitor::property_monitor(const std::vector<scenario_property>& properties)
    : properties_(properties), verdicts_(properties.size()) {
    for (const scenario_property& p : properties) states_.push_back(std::make_unique<state>(*p.program));
}

property_monitor::~property_monitor() = default;

void property_monitor::add(table_id table, const property_row& row) {
    for (const auto& s : states_) s->add(table, row);
}

bool property_monitor::asks(table_id table) const {
    return std::any_of(states_.begin(), states_.end(), [table](const auto& s) { return s->asks(table); });
}

void property_monitor::look_again(std::size_t property) {
    const scenario_property& p = properties_[property];
    property_verdict& v = verdicts_[property];
    state& s = *states_[property];
    const bool sometimes = p.mode == property_mode::sometimes;
    const auto violated = [&](std::string expected, std::string actual) {
        if (v.violated) return;
        v.violated = true;
        v.expected = std::move(expected);
        v.actual = std::move(actual);
        fresh_.push_back(property);
    };
    // Also of a `sometimes`: what cannot be calculated is a mistake of the file and never becomes true by itself.
    if (!s.fault().empty()) violated("a property that can be calculated", s.fault());
    s.each_changed([&](const std::string& key, const std::vector<std::optional<std::int64_t>>& values) {
        ++v.evaluations;
        evaluation e(*p.program, values);
        const truth t = e.holds(p.program->root);
        if (!e.fault().empty()) return violated("a property that can be calculated", e.fault());
        if (sometimes)
            v.reached |= t == truth::yes;
        else if (t == truth::no && !v.violated) {
            auto [expected, actual] = s.explain(key, values);
            violated(std::move(expected), std::move(actual));
        }
    });
}

const std::vector<std::size_t>& property_monitor::settle() {
    fresh_.clear();
    for (std::size_t i = 0; i < properties_.size(); ++i)
        if (properties_[i].mode != property_mode::finally && states_[i]->changed()) look_again(i);
    return fresh_;
}

void property_monitor::forget_all_but_ledger() {
    for (const auto& s : states_) s->forget_all_but_ledger();
}

const std::vector<std::size_t>& property_monitor::conclude() {
    fresh_.clear();
    for (std::size_t i = 0; i < properties_.size(); ++i) {
        if (properties_[i].mode == property_mode::finally) states_[i]->look_at_everything();
        if (states_[i]->changed()) look_again(i);
    }
    return fresh_;
}

} // namespace aivp::sim
