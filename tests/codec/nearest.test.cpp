#include "aivp/base/nearest.hpp"

#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(nearest)

BOOST_AUTO_TEST_CASE(distances_count_insertions_removals_changes_and_swaps) {
    const std::tuple<const char*, const char*, std::size_t> cases[] = {
        {"", "", 0},
        {"a", "", 1},
        {"abc", "abc", 0},
        {"abc", "abd", 1},
        {"abc", "acb", 1},
        {"abc", "xabc", 1},
        {"kitten", "sitting", 3},
        {"triger", "trigger", 1},
        {"mail.sned", "mail.send", 1},
        {"abcd", "badc", 2},
    };
    for (const auto& [a, b, distance] : cases) {
        BOOST_TEST(aivp::edit_distance(a, b) == distance, a << " " << b);
        BOOST_TEST(aivp::edit_distance(b, a) == distance, b << " " << a);
    }
    const std::string long_name(129, 'a');
    BOOST_TEST(aivp::edit_distance(long_name, long_name) == 0U);
    BOOST_TEST(aivp::edit_distance(long_name, "a") == 129U);
}

BOOST_AUTO_TEST_CASE(only_what_is_near_enough_to_be_meant_is_suggested) {
    const std::vector<std::string> names{"as", "use", "fixed", "skill_bindings"};
    BOOST_TEST(aivp::nearest_name("a", names) == "as");
    BOOST_TEST(aivp::nearest_name("fxied", names) == "fixed");
    BOOST_TEST(aivp::nearest_name("skil_binding", names) == "skill_bindings");
    BOOST_TEST(aivp::nearest_name("xyz", names) == "");
    BOOST_TEST(aivp::nearest_name("colour", names) == "");
    BOOST_TEST(aivp::nearest_name("b", std::vector<std::string>{"c", "a"}) == "c");
    BOOST_TEST(aivp::nearest_name("b", std::vector<std::string>{}) == "");
}

BOOST_AUTO_TEST_SUITE_END()
