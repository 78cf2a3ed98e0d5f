#include "aivp/agent/snapshot.hpp"

#include <set>
#include <string>

#include <boost/test/unit_test.hpp>
#include <rapidcheck.h>
#include <rapidcheck/boost_test.h>

using namespace aivp;

namespace {

agent_snapshot with_bindings(const std::set<std::string>& names) {
    agent_snapshot snapshot;
    for (const std::string& name : names) {
        skill_binding binding;
        binding.as = name;
        snapshot.bindings.push_back(std::move(binding));
    }
    return snapshot;
}

} // namespace

BOOST_AUTO_TEST_SUITE(snapshots)

BOOST_AUTO_TEST_CASE(a_binding_is_found_by_its_whole_name) {
    const agent_snapshot snapshot = with_bindings({"mail.send", "mail", "calendar"});
    BOOST_TEST(snapshot.find_binding("calendar").value() == 0U);
    BOOST_TEST(snapshot.find_binding("mail").value() == 1U);
    BOOST_TEST(snapshot.find_binding("mail.send").value() == 2U);
    BOOST_TEST(!snapshot.find_binding("mail.").has_value());
    BOOST_TEST(!snapshot.find_binding("").has_value());
    BOOST_TEST(!snapshot.find_binding("zebra").has_value());
    BOOST_TEST(!agent_snapshot().find_binding("mail").has_value());
}

RC_BOOST_PROP(exactly_the_bound_names_are_found, (const std::set<std::string>& names, const std::string& other)) {
    const agent_snapshot snapshot = with_bindings(names);
    for (const std::string& name : names) {
        const auto index = snapshot.find_binding(name);
        RC_ASSERT(index.has_value());
        RC_ASSERT(snapshot.bindings[*index].as == name);
    }
    RC_ASSERT(snapshot.find_binding(other).has_value() == names.contains(other));
}

BOOST_AUTO_TEST_SUITE_END()
