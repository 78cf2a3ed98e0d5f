// Any text is refused as a property with a code, a place and a message, or it can be watched over any rows.
#include "sim/property/property.hpp"

#include <string>
#include <vector>

#include "ci/fuzz/fuzz.hpp"
#include "sim/property/monitor.hpp"

namespace {

using namespace aivp;
using namespace aivp::sim;

/// Rows with texts, numbers and JSON of several kinds.
property_row row_of(const table_info& table, std::int64_t n) {
    static constexpr std::string_view documents[] = {"null", R"({"a":1,"b":"x\"y","c":[true,{"a":-5}],"order":"A1"})",
                                                     R"({"a":9223372036854775807,"order":2})", "[]", "\"text\""};
    static constexpr std::string_view words[] = {"ok", "failed", "payment.charge", "a", ""};
    property_row row;
    for (const field_info& f : table.fields) {
        const auto i = static_cast<std::size_t>(n) + row.size();
        if (f.type == value_type::json)
            row.push_back({0, documents[i % std::size(documents)]});
        else if (f.type == value_type::text)
            row.push_back({0, words[i % std::size(words)]});
        else if (f.type == value_type::boolean)
            row.push_back({n % 2, {}});
        else
            row.push_back({n == 3 ? INT64_MAX : n - 2, {}});
    }
    return row;
}

std::vector<property_verdict> watch(const std::vector<scenario_property>& properties, bool restart) {
    property_monitor monitor(properties);
    monitor.settle();
    for (std::int64_t n = 0; n < 6; ++n) {
        for (const table_info& t : property_tables()) monitor.add(t.id, row_of(t, n));
        monitor.settle();
    }
    if (restart) {
        monitor.forget_all_but_ledger();
        for (std::int64_t n = 0; n < 6; ++n)
            for (const table_info& t : property_tables())
                if (t.id != table_id::ledger) monitor.add(t.id, row_of(t, n));
        monitor.settle();
    }
    monitor.conclude();
    return monitor.verdicts();
}

void check(std::string_view text) {
    std::vector<error> errors;
    const property_names names{{"a"}, {"charge"}, {"payment.charge"}, {"payment.charge"}};
    const located_text located{std::string(text), {"s.yaml", 1, 1}, {"s.yaml", 1, 1}};
    const auto program = compile_property(located, names, errors);
    fuzz::require((program == nullptr) == !errors.empty(), "either a program or errors");
    for (const error& e : errors) {
        fuzz::require(e.code == errc::config_value || e.code == errc::config_type || e.code == errc::config_reference,
                      "a refusal has a code");
        fuzz::require(e.where.column > 0 && e.where.column <= text.size() + 1, "a refusal has a place in the text");
        fuzz::require(!e.message.empty(), "a refusal has a message");
    }
    if (!program) return;
    std::vector<scenario_property> properties;
    for (const property_mode mode : {property_mode::always, property_mode::finally, property_mode::sometimes})
        properties.push_back({to_string(mode), mode, {}, program});
    const std::vector<property_verdict> once = watch(properties, false), again = watch(properties, false);
    for (std::size_t i = 0; i < once.size(); ++i) {
        fuzz::require(once[i].violated == again[i].violated && once[i].actual == again[i].actual &&
                          once[i].reached == again[i].reached,
                      "watching is a function");
        fuzz::require(once[i].violated == !once[i].expected.empty(), "a violation says what was expected");
    }
    fuzz::require(!once[1].violated || once[0].violated, "what does not hold at the end does not hold always");
    watch(properties, true);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    check(fuzz::as_text(data, size));
    return 0;
}
