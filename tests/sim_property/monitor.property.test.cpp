// The monitor against the same question asked of all rows at once.
#include "sim/property/monitor.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <rapidcheck/boost_test.h>

#include "tests/sim_property/support.hpp"

using namespace property_test;

namespace {

struct fact {
    std::string target;
    bool duplicate = false;
    std::int64_t cents = 0;
};

std::vector<fact> some_facts() {
    return *rc::gen::container<std::vector<fact>>(
        rc::gen::apply([](int target, bool duplicate,
                          std::int64_t cents) { return fact{"t" + std::to_string(target), duplicate, cents}; },
                       rc::gen::inRange(0, 4), rc::gen::arbitrary<bool>(), rc::gen::inRange<std::int64_t>(-50, 50)));
}

row_of row_from(const fact& f) {
    return row_of(table_id::ledger)
        .set("target", f.target)
        .set("duplicate", f.duplicate)
        .set("arguments", "{\"cents\":" + std::to_string(f.cents) + "}");
}

/// The first row after which a group of rows that are no duplicates breaks the bound.
std::optional<std::size_t> first_broken(const std::vector<fact>& facts, const std::string& aggregate, bool per,
                                        std::int64_t bound) {
    for (std::size_t n = 1; n <= facts.size(); ++n) {
        std::map<std::string, std::vector<std::int64_t>> groups;
        for (std::size_t i = 0; i < n; ++i)
            if (!facts[i].duplicate) groups[per ? facts[i].target : ""].push_back(facts[i].cents);
        for (const auto& [key, values] : groups) {
            std::int64_t v = aggregate == "count" ? static_cast<std::int64_t>(values.size()) : values.front();
            for (std::size_t i = 1; i < values.size() && aggregate != "count"; ++i)
                v = aggregate == "sum"   ? v + values[i]
                    : aggregate == "max" ? std::max(v, values[i])
                                         : std::min(v, values[i]);
            if (v > bound) return n - 1;
        }
    }
    return std::nullopt;
}

} // namespace

BOOST_AUTO_TEST_SUITE(property_monitor_model)

RC_BOOST_PROP(the_moment_of_a_violation_is_the_first_row_that_breaks_it, ()) {
    const std::vector<fact> facts = some_facts();
    const std::string aggregate = *rc::gen::element<std::string>("count", "sum", "max", "min");
    const bool per = *rc::gen::arbitrary<bool>();
    const std::int64_t bound = *rc::gen::inRange<std::int64_t>(0, 60);
    watched w((aggregate == "count" ? "count(ledger" : aggregate + "(arguments.cents of ledger") +
              std::string(" where !duplicate") + (per ? " per target" : "") + ") <= " + std::to_string(bound));
    std::optional<std::size_t> broken;
    for (std::size_t i = 0; i < facts.size(); ++i)
        if (w.add(row_from(facts[i]))) {
            RC_ASSERT(!broken);
            broken = i;
        }
    RC_ASSERT(broken == first_broken(facts, aggregate, per, bound));
}

RC_BOOST_PROP(telling_everything_again_gives_the_same_verdict, ()) {
    const std::vector<fact> facts = some_facts();
    const std::string text = "sum(arguments.cents of ledger where !duplicate per target) <= 60";
    watched once(text), twice(text);
    for (const fact& f : facts) once.add(row_from(f));
    for (const fact& f : facts) twice.monitor->add(table_id::ledger, row_from(f).row());
    twice.monitor->settle();
    once.monitor->conclude();
    twice.monitor->conclude();
    // Told at once, a bound that was broken for a while only may hold in the end.
    if (twice.verdict().violated) RC_ASSERT(once.verdict().violated);
    const bool at_the_end = [&] {
        std::map<std::string, std::int64_t> sums;
        for (const fact& f : facts)
            if (!f.duplicate) sums[f.target] += f.cents;
        for (const auto& [target, sum] : sums)
            if (sum > 60) return true;
        return false;
    }();
    RC_ASSERT(twice.verdict().violated == at_the_end);
}

BOOST_AUTO_TEST_SUITE_END()
