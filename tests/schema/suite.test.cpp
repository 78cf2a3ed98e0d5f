#include "aivp/schema/schema.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "tests/schema/vectors.hpp"

namespace {

using namespace aivp;
using namespace aivp::schema_test;

struct known_exception {
    std::string_view suite, file, group, test, reason;
};

/// Tests of the official suite whose verdict is knowingly another one; docs/json-schema.md shows them.
constexpr known_exception exceptions[] = {
    {"draft-07", "optional/content.json", "validation of string-encoded content based on media type",
     "an invalid JSON document", "content keywords are annotations"},
    {"draft-07", "optional/content.json", "validation of binary string-encoding",
     "an invalid base64 string (% is not a valid character)", "content keywords are annotations"},
    {"draft-07", "optional/content.json", "validation of binary-encoded media type documents",
     "a validly-encoded invalid JSON document", "content keywords are annotations"},
    {"draft-07", "optional/content.json", "validation of binary-encoded media type documents",
     "an invalid base64 string that is valid JSON", "content keywords are annotations"},
};

using file_counts = std::map<std::string, std::pair<int, int>>; ///< file -> passed, all

/// Runs a suite and compares what fails with the list of exceptions, both ways.
file_counts check_suite(const std::string& suite, const std::string& vectors, schema_dialect dialect) {
    const auto files = read_vectors(vectors);
    const auto remotes = read_vectors("remotes.json.gz");
    if (!files || !remotes) {
        BOOST_TEST_MESSAGE("the JSON Schema test suite is not here: " << vectors);
        std::printf("SKIPPED: JSON Schema test suite %s (set AIVP_DATA)\n", suite.c_str());
        return {};
    }
    std::set<std::string> excepted;
    for (const auto& e : exceptions)
        if (e.suite == suite)
            excepted.insert(std::string(e.file) + " | " + std::string(e.group) + " | " + std::string(e.test));
    file_counts counts;
    for (const auto& c : run_suite(*files, *remotes, dialect)) {
        auto& [passed, all] = counts[c.file];
        ++all;
        passed += c.outcome.empty();
        const auto name = c.file + " | " + c.group + " | " + c.test;
        const bool listed = excepted.erase(name) != 0;
        if (!listed)
            BOOST_TEST(c.outcome.empty(),
                       name << ": expected " << (c.valid ? "valid" : "invalid") << ", " << c.outcome);
        if (listed) BOOST_TEST(!c.outcome.empty(), name << ": passes, and is still listed as an exception");
    }
    for (const auto& name : excepted) BOOST_ERROR("no such test: " + name);
    return counts;
}

std::string count_table(const file_counts& counts) {
    std::ostringstream out;
    out << "| file | passed | tests |\n|---|---|---|\n";
    int all_passed = 0;
    int all_tests = 0;
    for (const auto& [file, count] : counts) {
        out << "| " << file << " | " << count.first << " | " << count.second << " |\n";
        all_passed += count.first;
        all_tests += count.second;
    }
    out << "| **all** | **" << all_passed << "** | **" << all_tests << "** |\n";
    return out.str();
}

std::string exception_table() {
    std::ostringstream out;
    out << "| suite | file | group | test | reason |\n|---|---|---|---|---|\n";
    for (const auto& e : exceptions)
        out << "| " << e.suite << " | " << e.file << " | " << e.group << " | " << e.test << " | " << e.reason << " |\n";
    return out.str();
}

/// The part of docs/json-schema.md between the markers of `section` must be `expected`; AIVP_SNAP_UPDATE=1 rewrites it.
void check_page(const std::string& section, const std::string& expected) {
    const std::string path = AIVP_SOURCE_DIR "/docs/json-schema.md";
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    auto page = text.str();
    const auto begin_mark = "<!-- begin " + section + " -->\n";
    const auto begin = page.find(begin_mark);
    const auto end = page.find("<!-- end " + section + " -->");
    BOOST_REQUIRE_MESSAGE(begin != std::string::npos && end != std::string::npos,
                          path << " lacks the section " << section);
    const auto from = begin + begin_mark.size();
    if (const char* const update = std::getenv("AIVP_SNAP_UPDATE"); update && *update == '1') {
        page.replace(from, end - from, expected);
        std::ofstream(path) << page;
        return;
    }
    BOOST_TEST(page.substr(from, end - from) == expected,
               path << ": section " << section << " differs; AIVP_SNAP_UPDATE=1 rewrites it");
}

} // namespace

BOOST_AUTO_TEST_SUITE(schema_suite)

BOOST_AUTO_TEST_CASE(the_official_suite_of_2020_12_passes_but_for_the_listed_exceptions) {
    const auto counts = check_suite("2020-12", "draft2020-12.json.gz", schema_dialect::draft_2020_12);
    if (!counts.empty()) check_page("2020-12", count_table(counts));
}

BOOST_AUTO_TEST_CASE(the_official_suite_of_draft_07_passes_but_for_the_listed_exceptions) {
    const auto counts = check_suite("draft-07", "draft7.json.gz", schema_dialect::draft_07);
    if (!counts.empty()) check_page("draft-07", count_table(counts));
}

BOOST_AUTO_TEST_CASE(the_page_lists_the_exceptions) { check_page("exceptions", exception_table()); }

BOOST_AUTO_TEST_CASE(every_schema_of_the_suite_that_compiles_is_one_by_the_metaschema) {
    const auto files = read_vectors("draft2020-12.json.gz");
    if (!files) {
        std::printf("SKIPPED: JSON Schema test suite (set AIVP_DATA)\n");
        return;
    }
    const auto meta =
        json_schema::compile(*payload::parse(R"({"$ref":"https://json-schema.org/draft/2020-12/schema"})"));
    BOOST_REQUIRE(meta);
    for (const auto& [file, groups] : members(*files)) {
        for (const auto& group : items(groups)) {
            const auto schema = *member(group, "schema");
            if (!json_schema::compile(schema)) continue;
            const auto v = meta->validate(schema);
            BOOST_TEST(!v.has_value(),
                       file << ": " << schema.text() << " " << (v ? v->instance_pointer + " " + v->message : ""));
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()
