#include "runtime/os/program.hpp"

#include <fstream>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "runtime/os/skill_answer.hpp"
#include "tests/os/support.hpp"

using namespace aivp;
using strings = std::vector<std::string>;

BOOST_AUTO_TEST_SUITE(programs)

BOOST_AUTO_TEST_CASE(the_folder_stands_for_itself_in_every_word) {
    const auto c =
        command_in({"python3", "{folder}/a.py", "--in={folder}/x:{folder}/y", "plain", "{folder}"}, "/srv/shop");
    BOOST_TEST((c.words == strings{"python3", "/srv/shop/a.py", "--in=/srv/shop/x:/srv/shop/y", "plain", "/srv/shop"}));
    BOOST_TEST(command_in({}, "/srv/shop").words.empty());
    BOOST_TEST((command_in({"{folder}", "{folder}{folder}"}, "/{folder}").words ==
                strings{"/{folder}", "/{folder}/{folder}"}));
}

BOOST_AUTO_TEST_CASE(a_program_with_a_relative_path_is_one_of_the_folder) {
    for (const auto& [given, made] : std::vector<std::pair<std::string, std::string>>{{"bin/run", "/srv/shop/bin/run"},
                                                                                      {"./run", "/srv/shop/run"},
                                                                                      {"../run", "/srv/run"},
                                                                                      {"/usr/bin/run", "/usr/bin/run"},
                                                                                      {"run", "run"}})
        BOOST_TEST((command_in({given, "bin/x"}, "/srv/shop").words == strings{made, "bin/x"}), given);
}

BOOST_AUTO_TEST_CASE(what_is_there_below_the_folder_may_be_read_and_nothing_else) {
    const os_test::temporary_folder folder;
    const std::string& at = folder.path();
    std::ofstream(at + "/run") << "x";
    std::ofstream(at + "/rules") << "x";
    const auto c =
        command_in({"./run", "{folder}/rules", "{folder}/rules", "{folder}/none", "{folder}", "--x={folder}/run"}, at);
    BOOST_TEST((c.readable == strings{at + "/run", at + "/rules"}));
    BOOST_TEST(command_in({"cat", at + "/rules"}, at).readable.empty());
}

BOOST_AUTO_TEST_CASE(deadlines_are_instants_as_far_as_years_have_four_digits) {
    BOOST_TEST(deadline_payload({1'772'366'400'000'000}).text() == R"("2026-03-01T12:00:00Z")");
    BOOST_TEST(deadline_payload(instant::max()).is_null());
    BOOST_TEST(deadline_payload({253'402'300'800'000'000}).is_null());
    BOOST_TEST(deadline_payload({253'402'300'799'999'999}).is_string());
    BOOST_TEST(deadline_payload({-1}).is_null());
}

BOOST_AUTO_TEST_CASE(why_there_is_no_answer_is_told_with_the_last_words) {
    const auto said = [](result<process_result> end) {
        const auto answer = answer_of(end, &parse_skill_answer);
        return answer ? std::string(answer->ok ? "ok" : "error") : answer.error().message;
    };
    BOOST_TEST(said(process_result{0, false, R"({"ok":1})", "noise\n"}) == "ok");
    BOOST_TEST(said(process_result{3, false, R"({"error":{"code":"e"}})", ""}) == "error");
    BOOST_TEST(said(process_result{3, false, R"({"ok":1})", ""}) == "it ended with exit code 3");
    BOOST_TEST(said(process_result{3, false, "", "oops\n \n"}) == "it ended with exit code 3; stderr: oops");
    BOOST_TEST(said(process_result{143, true, R"({"error":{"code":"e"}})", ""}) == "it was ended by signal 15");
    BOOST_TEST(said(process_result{0, false, "", "oops"}) == "it wrote nothing to stdout; stderr: oops");
    const std::string words(600, 'w');
    BOOST_TEST(said(process_result{1, false, "", words}).ends_with("stderr: …" + words.substr(100)));
    BOOST_TEST(said(std::unexpected(error{errc::limit_step_time, "late", {}, {}, {{"log", "where was I?\n"}}})) ==
               "late; stderr: where was I?");
}

BOOST_AUTO_TEST_SUITE_END()
