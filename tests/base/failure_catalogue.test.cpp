#include "aivp/base/failure_catalogue.hpp"

#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>

#include <boost/test/unit_test.hpp>

using namespace aivp;

BOOST_AUTO_TEST_SUITE(failure_catalogue)

BOOST_AUTO_TEST_CASE(it_has_the_size_that_aos_documents) {
    BOOST_TEST(failure_table().size() == 54u);
    BOOST_TEST(failure_category_table().size() == 11u);
    std::size_t successes = 0;
    std::size_t failures = 0;
    for (const aos_code_info& c : aos_code_table()) ++(c.code.starts_with("ERR_") ? failures : successes);
    BOOST_TEST(successes == 4u);
    BOOST_TEST(failures == 38u);
}

BOOST_AUTO_TEST_CASE(codes_are_unique_across_both_vocabularies) {
    std::set<std::string_view> codes;
    for (const failure_entry& e : failure_table()) BOOST_TEST(codes.insert(e.code).second, "twice: " << e.code);
    for (const aos_code_info& c : aos_code_table()) BOOST_TEST(codes.insert(c.code).second, "twice: " << c.code);
}

BOOST_AUTO_TEST_CASE(entries_of_each_category_are_as_many_as_documented) {
    std::map<std::string_view, int> count;
    for (const failure_entry& e : failure_table()) ++count[info(e.category).name];
    const std::map<std::string_view, int> expected{
        {"TRANSIENT", 5},  {"INFRASTRUCTURE", 3}, {"PLANNER", 4}, {"CHECKPOINT", 5}, {"PERMANENT", 6}, {"RESOURCE", 6},
        {"PERMISSION", 6}, {"VALIDATION", 6},     {"SKILL", 5},   {"DATA", 4},       {"SECURITY", 4}};
    BOOST_TEST((count == expected));
}

BOOST_AUTO_TEST_CASE(an_entry_that_repeats_is_retryable_and_no_other) {
    for (const failure_entry& e : failure_table()) {
        BOOST_TEST_CONTEXT(e.code) {
            const bool repeats =
                e.recovery == recovery_mode::retry_immediate || e.recovery == recovery_mode::retry_exponential ||
                e.recovery == recovery_mode::retry_with_jitter || e.recovery == recovery_mode::checkpoint_restore;
            BOOST_TEST(e.retryable == repeats);
            BOOST_TEST(e.http_status >= 400);
            BOOST_TEST(e.http_status < 600);
            BOOST_TEST(e.message.ends_with('.'));
            BOOST_TEST(e.suggestion.ends_with('.'));
        }
    }
}

BOOST_AUTO_TEST_CASE(an_entry_beats_its_category) {
    const failure_advice advice = advise("RATE_LIMITED", failure_category::resource);
    BOOST_TEST((advice.match == failure_match::entry));
    BOOST_TEST((advice.recovery == recovery_mode::retry_exponential));
    BOOST_TEST(advice.retryable);
    BOOST_TEST(advice.http_status == 429);
    BOOST_TEST(advice.entry->code == "RATE_LIMITED");
    BOOST_TEST((info(failure_category::resource).recovery == recovery_mode::escalate));
    BOOST_TEST(!info(failure_category::resource).retryable);
}

BOOST_AUTO_TEST_CASE(a_category_beats_the_global_default) {
    const failure_advice advice = advise("SOMETHING_NEW", failure_category::planner);
    BOOST_TEST((advice.match == failure_match::category));
    BOOST_TEST((advice.recovery == recovery_mode::retry_with_jitter));
    BOOST_TEST(advice.retryable);
    BOOST_TEST(advice.entry == nullptr);
}

BOOST_AUTO_TEST_CASE(without_entry_and_category_the_advice_is_to_abort) {
    for (const std::string_view code : {"SOMETHING_NEW", "", "timeout", "TIMEOUT ", "TIMEOU", "OK"}) {
        const failure_advice advice = advise(code);
        BOOST_TEST((advice.match == failure_match::global));
        BOOST_TEST((advice.recovery == recovery_mode::abort));
        BOOST_TEST(!advice.retryable);
    }
}

BOOST_AUTO_TEST_CASE(every_taxonomy_code_leads_to_an_entry) {
    for (const aos_code_info& c : aos_code_table()) {
        BOOST_TEST_CONTEXT(c.code) {
            if (c.code.starts_with("OK")) {
                BOOST_TEST(c.catalogue_code.empty());
                continue;
            }
            BOOST_TEST((find_failure(c.catalogue_code) != nullptr));
            BOOST_TEST((advise(c.code) == advise(c.catalogue_code)));
            // An alias must not make something repeatable that the taxonomy says is not.
            if (!c.retryable) BOOST_TEST(!advise(c.code).retryable);
        }
    }
}

BOOST_AUTO_TEST_CASE(every_error_maps_to_a_taxonomy_code) {
    for (const error_info& row : error_table()) {
        BOOST_TEST((find_aos_code(row.aos_code) != nullptr), row.name << " names the unknown code " << row.aos_code);
        if (row.code != errc::ok) BOOST_TEST((advise(row.code).match == failure_match::entry), row.name);
    }
    BOOST_TEST((find_aos_code("ERR_NONE") == nullptr));
}

BOOST_AUTO_TEST_CASE(names_are_those_of_aos) {
    BOOST_TEST(to_string(recovery_mode::abort) == "ABORT");
    BOOST_TEST(to_string(recovery_mode::manual_intervention) == "MANUAL_INTERVENTION");
    BOOST_TEST(to_string(recovery_mode::checkpoint_restore) == "CHECKPOINT_RESTORE");
    BOOST_TEST(to_string(failure_severity::critical) == "CRITICAL");
    BOOST_TEST(to_string(error_category::internal) == "internal");
    BOOST_TEST(to_string(error_category::third_party) == "third_party");
    BOOST_TEST(to_string(error_severity::critical) == "critical");
}

BOOST_AUTO_TEST_CASE(the_generated_page_has_every_code_once_as_a_row) {
    const std::string page = errors_markdown();
    const auto rows = [&page](const std::string& start) {
        std::size_t count = 0;
        for (std::size_t at = page.find(start); at != std::string::npos; at = page.find(start, at + 1)) ++count;
        return count;
    };
    for (const error_info& row : error_table()) BOOST_TEST(rows("\n| " + code_number(row.code) + " |") == 1u, row.name);
    for (const failure_entry& e : failure_table())
        BOOST_TEST(rows("\n| `" + std::string(e.code) + "` |") == 1u, e.code);
    for (const aos_code_info& c : aos_code_table())
        BOOST_TEST(rows("\n| `" + std::string(c.code) + "` |") == 1u, c.code);
}

BOOST_AUTO_TEST_CASE(docs_errors_md_is_what_the_tables_say) {
    std::ifstream file(AIVP_SOURCE_DIR "/docs/errors.md", std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    BOOST_TEST(
        (text == errors_markdown()),
        "docs/errors.md is out of date; regenerate it with: cmake --build --preset dev --target aivp_gen_errors && "
        "build/dev/tests/base/aivp_gen_errors");
}

BOOST_AUTO_TEST_SUITE_END()
