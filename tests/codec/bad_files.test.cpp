// Every file in tests/codec/bad is broken in the way that its first comment says:
//
//     # expect: config.unknown_key 7:5, config.type 9:3
//
// Exactly these errors must be found, with these codes at these places. The name of the file says what it is: agent-*,
// skill-* or pool-*. JSON has no comments; there the line stands in <file>.expect. What people are told contains the text of
// a line "# says: ", where there is one.
#include "runtime/codec/workspace.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "runtime/codec/files.hpp"
#include "tests/codec/support.hpp"

namespace {

const std::string bad_folder = AIVP_SOURCE_DIR "/tests/codec/bad";

std::string expectation_of(const std::string& path) {
    const auto text = aivp::read_file(path.ends_with(".json") ? path + ".expect" : path, 8u << 20);
    BOOST_REQUIRE(text);
    const std::string_view mark = "# expect: ";
    const std::size_t begin = text->find(mark);
    BOOST_REQUIRE_MESSAGE(begin != std::string::npos, path << " says what to expect");
    return text->substr(begin + mark.size(), text->find('\n', begin) - begin - mark.size());
}

std::vector<std::string> sorted_items(std::string_view list) {
    std::vector<std::string> found;
    while (!list.empty()) {
        const std::size_t end = std::min(list.find(", "), list.size());
        found.emplace_back(list.substr(0, end));
        list.remove_prefix(std::min(end + 2, list.size()));
    }
    std::ranges::sort(found);
    return found;
}

void check_bad_file(const std::string& path) {
    aivp::workspace w(codec_test::zones);
    const std::string name = path.substr(bad_folder.size() + 1);
    if (name.starts_with("agent-")) {
        BOOST_REQUIRE(w.load_skills(AIVP_SOURCE_DIR "/fixtures/skills"));
        BOOST_TEST((w.load_agent(path) == nullptr));
    } else {
        BOOST_TEST(!w.load_skills(path));
        BOOST_TEST(w.skills().empty());
    }
    std::string found;
    for (const aivp::error& e : w.errors()) {
        BOOST_TEST(e.where.file == path);
        BOOST_TEST(!e.message.empty());
        found += (found.empty() ? "" : ", ") + std::string(aivp::info(e.code).name) + " " +
                 std::to_string(e.where.line) + ":" + std::to_string(e.where.column);
    }
    BOOST_TEST(sorted_items(found) == sorted_items(expectation_of(path)), boost::test_tools::per_element());
    const auto text = aivp::read_file(path, 8u << 20).value_or("");
    const std::string_view says = "# says: ";
    if (const std::size_t at = text.find(says); at != std::string::npos && !path.ends_with(".json")) {
        const std::size_t begin = at + says.size();
        const std::string wanted = text.substr(begin, text.find('\n', begin) - begin);
        BOOST_TEST(w.report().contains(wanted), "the report lacks " + wanted + "\n" + w.report());
    }
    BOOST_TEST_INFO_SCOPE(w.report());
}

/// One test case a file, under the file's name.
struct bad_file_cases {
    bad_file_cases() {
        const auto files = aivp::list_files(bad_folder);
        if (!files) return;
        for (const std::string& path : *files) {
            if (path.ends_with(".expect")) continue;
            std::string name = path.substr(bad_folder.size() + 1);
            std::ranges::replace_if(name, [](char c) { return c == '.' || c == '-'; }, '_');
            boost::unit_test::ut_detail::auto_test_unit_registrar(
                boost::unit_test::make_test_case([path] { check_bad_file(path); }, name, __FILE__, __LINE__),
                boost::unit_test::decorator::collector_t::instance());
        }
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(bad_files)
const bad_file_cases all_bad_file_cases;
BOOST_AUTO_TEST_CASE(there_are_more_than_two_hundred_of_them) {
    const auto files = aivp::list_files(bad_folder);
    BOOST_REQUIRE(files);
    BOOST_TEST(std::ranges::count_if(*files, [](const std::string& path) { return !path.ends_with(".expect"); }) > 200);
}
BOOST_AUTO_TEST_SUITE_END()
