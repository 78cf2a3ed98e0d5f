#include "mocks/ledger.hpp"

#include <algorithm>
#include <utility>

#include "mocks/matching.hpp"

namespace aivp {

// Written member by member in canonical order: a digest over a long ledger spends its time here.
std::string to_json_line(const ledger_entry& e) {
    std::string out;
    out.reserve(320 + e.arguments.text().size() + e.target.size());
    const auto text = [&out](std::string_view key, std::string_view value) {
        out += out.empty() ? "{\"" : ",\"";
        out += key;
        out += "\":";
        append_json_string(out, value);
    };
    const auto number = [&out](std::string_view key, std::uint64_t value) {
        out += ",\"";
        out += key;
        out += "\":";
        append_integer(out, static_cast<std::int64_t>(value));
    };
    if (!e.agent.empty()) text("agent", e.agent);
    out += out.empty() ? "{\"arguments\":" : ",\"arguments\":";
    out += e.arguments.text();
    text("at", to_string(e.at));
    number("call", e.call.value);
    if (e.code != errc::ok) text("code", info(e.code).name);
    text("connector", e.connector);
    if (e.duplicate_of != 0) number("duplicate_of", e.duplicate_of);
    text("effect", to_string(e.effect));
    if (e.idempotency_key) text("key", to_hex(e.idempotency_key).substr(0, 16));
    text("operation", e.operation);
    number("ordinal", e.ordinal);
    text("outcome", to_string(e.outcome));
    text("result", to_hex(e.result, 16));
    number("run", e.run.value);
    if (!e.target.empty()) text("target", e.target);
    return out += '}';
}

bool ledger_filter::matches(const ledger_entry& e) const {
    if (operation.ends_with(".*")) {
        if (!e.operation.starts_with(std::string_view(operation).substr(0, operation.size() - 1))) return false;
    } else if (!operation.empty() && e.operation != operation) {
        return false;
    }
    if (target && e.target != *target) return false;
    if (agent && e.agent != *agent) return false;
    if (run && e.run != *run) return false;
    if (effect && e.effect != *effect) return false;
    if (outcome && e.outcome != *outcome) return false;
    if (duplicate && (e.duplicate_of != 0) != *duplicate) return false;
    return !arguments || subset_matches(e.arguments, *arguments);
}

std::uint64_t world_ledger::append(ledger_entry e) {
    e.ordinal = ++size_;
    if (e.duplicate_of != 0) {
        ++duplicates_;
    } else {
        auto& counts = counts_[static_cast<std::size_t>(e.outcome)];
        const auto found = counts.find(e.operation);
        if (found != counts.end())
            ++found->second;
        else
            counts.emplace(e.operation, 1);
        if (e.outcome == effect_outcome::ok && e.effect == effect_class::write) ++effects_;
    }
    if (mode_ == ledger_mode::counts) {
        chain_.append(to_json_line(e));
        ++chained_;
    } else if (mode_ == ledger_mode::entries) {
        entries_.push_back(std::move(e));
    }
    return size_;
}

result<void> world_ledger::need_entries() const {
    if (mode_ == ledger_mode::entries) return {};
    return fail(errc::config_not_supported,
                "this ledger keeps counts only and cannot answer questions about single calls", {},
                "Use ledger_mode::entries.");
}

result<std::uint64_t> world_ledger::count(const ledger_filter& filter) const {
    AIVP_CHECK(need_entries());
    return static_cast<std::uint64_t>(
        std::ranges::count_if(entries_, [&](const ledger_entry& e) { return filter.matches(e); }));
}

result<const ledger_entry*> world_ledger::first(const ledger_filter& filter) const {
    AIVP_CHECK(need_entries());
    for (const ledger_entry& e : entries_)
        if (filter.matches(e)) return &e;
    return nullptr;
}

result<const ledger_entry*> world_ledger::last(const ledger_filter& filter) const {
    AIVP_CHECK(need_entries());
    for (std::size_t i = entries_.size(); i > 0; --i)
        if (filter.matches(entries_[i - 1])) return &entries_[i - 1];
    return nullptr;
}

std::uint64_t world_ledger::count(std::string_view operation, effect_outcome outcome) const {
    const auto& counts = counts_[static_cast<std::size_t>(outcome)];
    if (!operation.empty()) {
        const auto found = counts.find(operation);
        return found == counts.end() ? 0 : found->second;
    }
    std::uint64_t sum = 0;
    for (const auto& [name, n] : counts) sum += n;
    return sum;
}

std::string world_ledger::to_json_lines() const {
    std::string out;
    for (const ledger_entry& e : entries_) {
        out += to_json_line(e);
        out += '\n';
    }
    return out;
}

const digest& world_ledger::digest_head() const {
    for (; chained_ < entries_.size(); ++chained_) chain_.append(to_json_line(entries_[chained_]));
    return chain_.head();
}

} // namespace aivp
