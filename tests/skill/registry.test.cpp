#include "aivp/skill/registry.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

namespace {

aivp::skill_ptr registry_skill(std::string id, std::string version, bool enabled = true,
                               std::string_view content = "x") {
    aivp::skill_contract skill;
    skill.id = std::move(id);
    skill.version = std::move(version);
    skill.enabled = enabled;
    skill.hash = aivp::sha256(content);
    return std::make_shared<const aivp::skill_contract>(std::move(skill));
}

aivp::skill_registry registry_of(const std::vector<aivp::skill_ptr>& skills) {
    aivp::skill_registry registry;
    for (const aivp::skill_ptr& skill : skills) BOOST_REQUIRE(registry.add(skill));
    return registry;
}

std::string resolved(const aivp::skill_registry& registry, std::string_view use) {
    const auto skill = registry.resolve(use);
    return skill ? (*skill)->id + "@" + (*skill)->version : std::string(aivp::info(skill.error().code).name);
}

} // namespace

BOOST_AUTO_TEST_SUITE(registry)

BOOST_AUTO_TEST_CASE(versions_are_ordered_as_semver_says) {
    // The example of semver.org, item 11, with numbers around it.
    const char* ascending[] = {
        "0.0.1",      "0.2.0",        "0.10.0",        "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta",
        "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1",  "1.0.0",         "1.0.1",
        "1.1.0",      "2.0.0",        "10.0.0"};
    for (std::size_t i = 0; i < std::size(ascending); ++i)
        for (std::size_t j = 0; j < std::size(ascending); ++j) {
            const auto a = aivp::parse_semantic_version(ascending[i]);
            const auto b = aivp::parse_semantic_version(ascending[j]);
            BOOST_REQUIRE((a && b));
            BOOST_TEST((*a < *b) == (i < j), ascending[i] << " < " << ascending[j]);
            BOOST_TEST((*a == *b) == (i == j));
        }
    BOOST_TEST((*aivp::parse_semantic_version("1.0.0+a") == *aivp::parse_semantic_version("1.0.0+b")));
}

BOOST_AUTO_TEST_CASE(what_is_no_version_is_refused) {
    for (const char* text : {"",
                             "1",
                             "1.2",
                             "1.2.3.4",
                             "01.2.3",
                             "1.02.3",
                             "1.2.03",
                             "a.b.c",
                             "1.2.3-",
                             "1.2.3-01",
                             "1.2.3-a..b",
                             "1.2.3-a.",
                             "1.2.3+",
                             "1.2.3+a+b",
                             " 1.2.3",
                             "1.2.3 ",
                             "v1.2.3",
                             "1.2.-3",
                             "99999999999999999999.0.0",
                             "1.2.3-ä"}) {
        const auto version = aivp::parse_semantic_version(text);
        BOOST_REQUIRE(!version);
        BOOST_TEST((version.error().code == aivp::errc::config_value), text);
    }
    for (const char* text : {"0.0.0", "1.2.3-0", "1.2.3--", "1.2.3-a-b.0a", "1.2.3+001", "18446744073709551615.0.0"})
        BOOST_TEST(aivp::parse_semantic_version(text).has_value(), text);
}

BOOST_AUTO_TEST_CASE(the_highest_enabled_version_is_taken_by_number_and_not_by_text) {
    const auto registry = registry_of({registry_skill("a.b", "1.9.0"), registry_skill("a.b", "1.10.0"),
                                       registry_skill("a.b", "2.0.0-rc.1"), registry_skill("a.b", "1.2.5"),
                                       registry_skill("a.b", "3.0.0", false), registry_skill("a.b", "0.9.0", false),
                                       registry_skill("a.bc", "7.0.0")});
    BOOST_TEST(resolved(registry, "a.b") == "a.b@2.0.0-rc.1");
    BOOST_TEST(resolved(registry, "a.b@1") == "a.b@1.10.0");
    BOOST_TEST(resolved(registry, "a.b@1.2") == "a.b@1.2.5");
    BOOST_TEST(resolved(registry, "a.b@1.9.0") == "a.b@1.9.0");
    BOOST_TEST(resolved(registry, "a.b@1.1") == "skill.unknown");
    BOOST_TEST(resolved(registry, "a.b@3") == "skill.disabled");
    BOOST_TEST(resolved(registry, "a.b@0.9.0") == "skill.disabled");
    BOOST_TEST(resolved(registry, "a.b@") == "config.value");
    BOOST_TEST(resolved(registry, "a.c") == "skill.unknown");
    BOOST_TEST(resolved(registry, "") == "skill.unknown");
}

BOOST_AUTO_TEST_CASE(the_order_of_adding_changes_nothing) {
    std::vector<aivp::skill_ptr> skills{registry_skill("b", "1.0.0"), registry_skill("a", "2.0.0"),
                                        registry_skill("a", "10.0.0"), registry_skill("a", "2.0.0-x")};
    std::ranges::sort(skills);
    do {
        const auto registry = registry_of(skills);
        std::string order;
        for (const aivp::skill_ptr& skill : registry.all()) order += skill->id + skill->version + " ";
        BOOST_TEST(order == "a2.0.0-x a2.0.0 a10.0.0 b1.0.0 ");
        BOOST_TEST(registry.ids() == (std::vector<std::string>{"a", "b"}), boost::test_tools::per_element());
    } while (std::ranges::next_permutation(skills).found);
}

BOOST_AUTO_TEST_CASE(one_version_has_one_content) {
    aivp::skill_registry registry;
    BOOST_TEST(registry.empty());
    BOOST_TEST(registry.add(registry_skill("a", "1.0.0", true, "x")).has_value());
    BOOST_TEST(registry.add(registry_skill("a", "1.0.0", true, "x")).has_value());
    BOOST_TEST(registry.all().size() == 1U);
    const auto other = registry.add(registry_skill("a", "1.0.0", true, "y"));
    BOOST_REQUIRE(!other);
    BOOST_TEST((other.error().code == aivp::errc::skill_duplicate));
    BOOST_TEST(registry.add(registry_skill("a", "1.0.0+b", true, "y")).has_value());
    BOOST_TEST(!registry.add(registry_skill("a", "1")).has_value());
}

BOOST_AUTO_TEST_CASE(a_mistyped_id_is_answered_with_the_nearest_one) {
    const auto registry = registry_of({registry_skill("mail.send", "1.0.0"), registry_skill("mail.search", "1.0.0"),
                                       registry_skill("chat.post", "1.0.0")});
    BOOST_TEST(registry.nearest("mail.sned") == "mail.send");
    BOOST_TEST(registry.nearest("mali.search") == "mail.search");
    BOOST_TEST(registry.nearest("payment.charge").empty());
    BOOST_TEST(registry.resolve("chat.pots").error().help.find("chat.post") != std::string::npos);
    BOOST_TEST(registry.resolve("chat.post@2").error().help.find("1.0.0") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
