#include "sim/faults/fault.hpp"

#include <set>
#include <string>

#include <boost/test/unit_test.hpp>

using namespace aivp;
using namespace aivp::sim;

BOOST_AUTO_TEST_SUITE(faults)

BOOST_AUTO_TEST_CASE(the_table_has_each_kind_once_and_finds_it_by_its_name) {
    BOOST_TEST(fault_kinds().size() == fault_kind_count);
    std::set<std::string> names;
    for (const fault_kind_info& k : fault_kinds()) {
        BOOST_TEST((info(k.kind).kind == k.kind));
        BOOST_TEST(find_fault_kind(k.port, k.name) == &k);
        BOOST_TEST(names.insert(full_name(k)).second);
        BOOST_TEST(!k.text.empty());
        for (const std::string_view form : k.forms) BOOST_TEST(!form.empty());
    }
    BOOST_TEST(find_fault_kind(fault_port::model, "unavailable") == nullptr);
}

BOOST_AUTO_TEST_CASE(spans_grow_with_the_severity_and_a_kind_without_one_has_none) {
    for (const fault_kind_info& k : fault_kinds()) {
        const auto& [mild, usual, harsh] = k.span.by_severity;
        BOOST_TEST((mild <= usual && usual <= harsh));
        BOOST_TEST(k.span.name.empty() == (harsh == duration{}));
    }
    fault f{.kind = fault_kind::skill_late};
    BOOST_TEST((f.effective_span() == minutes(2)));
    f.severity = 3;
    BOOST_TEST((f.effective_span() == hours(2)));
    f.span = seconds(7);
    BOOST_TEST((f.effective_span() == seconds(7)));
}

BOOST_AUTO_TEST_CASE(patterns_name_kinds) {
    BOOST_TEST(matching_kinds("*").size() == fault_kind_count);
    BOOST_TEST(matching_kinds("skill.lost").size() == 1U);
    BOOST_TEST(matching_kinds("user.*").size() == 4U);
    BOOST_TEST(matching_kinds("use.*").empty());
    BOOST_TEST(matching_kinds("lost").empty());
    BOOST_TEST(matching_kinds("").empty());
}

BOOST_AUTO_TEST_CASE(a_fault_hits_its_ordinal_and_as_many_calls_after_it_as_it_lasts) {
    const fault once{.ordinal = 3};
    BOOST_TEST(!once.hits(2));
    BOOST_TEST(once.hits(3));
    BOOST_TEST(!once.hits(4));
    const fault twice{.ordinal = 3, .times = 2};
    BOOST_TEST(twice.hits(4));
    BOOST_TEST(!twice.hits(5));
    const fault always{.ordinal = 3, .times = fault::always};
    BOOST_TEST(!always.hits(2));
    BOOST_TEST(always.hits(1'000'000));
}

BOOST_AUTO_TEST_CASE(a_fault_says_in_one_line_what_differs_from_the_usual) {
    BOOST_TEST(to_string(fault{.site = "skill/clerk/charge", .ordinal = 2, .kind = fault_kind::skill_swallowed}) ==
               "skill/clerk/charge #2 swallowed");
    BOOST_TEST(to_string(fault{.site = "model/clerk",
                               .kind = fault_kind::model_rate_limited,
                               .times = fault::always,
                               .severity = 1,
                               .form = 2}) == "model/clerk #1 rate_limited wait=1s form=date times=always");
}

BOOST_AUTO_TEST_CASE(kinds_apply_at_their_port_and_nobody_delivers_a_write_without_a_key_twice) {
    const fault_site write{.name = "skill/a/b", .port = fault_port::skill, .calls = 1, .writes = true};
    const fault_site keyed{.name = "skill/a/b", .port = fault_port::skill, .calls = 1, .writes = true, .keyed = true};
    const fault_site read{.name = "skill/a/b", .port = fault_port::skill, .calls = 1};
    BOOST_TEST(applies(info(fault_kind::skill_lost), write));
    BOOST_TEST(!applies(info(fault_kind::model_lost), write));
    BOOST_TEST(!applies(info(fault_kind::skill_delivered_twice), write));
    BOOST_TEST(applies(info(fault_kind::skill_delivered_twice), keyed));
    BOOST_TEST(applies(info(fault_kind::skill_delivered_twice), read));
}

BOOST_AUTO_TEST_CASE(only_faults_of_the_disk_need_one) {
    BOOST_TEST(!needs_disk({}));
    BOOST_TEST(!needs_disk({{{.site = "store", .kind = fault_kind::store_commit_lost}}}));
    BOOST_TEST(needs_disk(
        {{{.site = "store", .kind = fault_kind::store_commit_lost}, {.site = "disk", .kind = fault_kind::disk_full}}}));
}

BOOST_AUTO_TEST_SUITE_END()
