// The sample skills and the mocks say the same: what a skill's schema accepts, its mock takes; what the mock returns, the
// skill's output schema accepts.
#include "mocks/service.hpp"

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "mocks/canned.hpp"
#include "mocks/internal/value_grammar.hpp"
#include "mocks/model_source.hpp"
#include "runtime/codec/skill_file.hpp"
#include "runtime/codec/yaml.hpp"
#include "support.hpp"

using namespace aivp;
using namespace aivp::mocks_test;

namespace {

std::map<std::string, skill_ptr> sample_skills() {
    std::map<std::string, skill_ptr> out;
    for (const auto& entry : std::filesystem::directory_iterator(AIVP_SOURCE_DIR "/fixtures/skills")) {
        if (entry.path().extension() != ".md") continue;
        std::ifstream file(entry.path());
        std::stringstream text;
        text << file.rdbuf();
        std::vector<error> errors;
        const auto skill = parse_skill(text.str(), entry.path().filename().string(), errors);
        BOOST_REQUIRE_MESSAGE(skill, entry.path() << ": " << (errors.empty() ? "?" : to_string(errors.front())));
        out.emplace(skill->contract->id, skill->contract);
    }
    return out;
}

constexpr std::string_view office = R"({"kv":{"values":{"tester":{"a":1}}},"files":{"files":{"/a.txt":"hello"}},
    "mail":{"messages":[{"id":"m1","from":"a@x.test","received_at":"2026-03-01T08:00:00Z","subject":"s","body":"b","labels":["unread"],
        "attachments":[{"name":"n","media_type":"text/plain"}]}]},
    "chat":{"channels":{"#ops":[]}},"calendar":{"calendars":{"primary":[{"id":"e","title":"t","start":"2026-03-03T08:00:00Z",
        "end":"2026-03-03T09:00:00Z","attendees":["x@y.test"],"description":"d"}]}},"expense":{},
    "sheet":{"sheets":{"s":{"Sheet1":[[1,"a",null,true]]}}},"http":{"routes":[{"url":"https://x.test/*","body":"ok"},{"method":"POST","url":"https://x.test/*","status":201}]},
    "payment":{"customers":{"cus-a":{"funds_cents":50}},"charges":{"ch-1":{"customer":"cus-a","amount_cents":10}}}})";

struct sample_call {
    std::string_view skill;
    std::string_view arguments;
};
constexpr sample_call good_calls[] = {
    {"calendar.create_event",
     R"({"title":"t","start":"2026-03-03T08:30:00Z","end":"2026-03-03T09:30:00Z","attendees":["a@b.test"],"description":"d"})"},
    {"calendar.list", R"({"from":"2026-03-03T00:00:00Z","to":"2026-03-04T00:00:00Z"})"},
    {"chat.post", R"({"channel":"#ops","text":"x"})"},
    {"expense.extract",
     R"({"messages":[{"id":"1","from":"a@b.test","subject":"EUR 5","received_at":"2026-03-03T08:30:00Z"}]})"},
    {"files.delete", R"({"path":"/a.txt"})"},
    {"files.list", R"({"folder":"/","recursive":true})"},
    {"files.read", R"({"path":"/a.txt"})"},
    {"files.write", R"({"path":"/b.txt","content":"x"})"},
    {"http.get", R"({"url":"https://x.test/a"})"},
    {"http.post", R"({"url":"https://x.test/a","body":"x"})"},
    {"kv.delete", R"({"key":"b"})"},
    {"kv.get", R"({"key":"a"})"},
    {"kv.incr", R"({"key":"a","by":2})"},
    {"kv.list", R"({"prefix":"a"})"},
    {"kv.set", R"({"key":"a","value":[1]})"},
    {"mail.label", R"({"ids":["m1"],"add":["x"]})"},
    {"mail.read", R"({"id":"m1"})"},
    {"mail.search", R"({"query":"s"})"},
    {"mail.send", R"({"to":["b@x.test"],"subject":"s","body":"b","reply_to_id":"m1"})"},
    {"payment.charge", R"({"customer":"cus-a","amount_cents":5,"currency":"EUR","order":"o"})"},
    {"payment.charge", R"({"customer":"cus-a","amount_cents":500,"currency":"EUR","order":"o"})"},
    {"payment.refund", R"({"charge_id":"ch-1","amount_cents":5})"},
    {"payment.refund", R"({"charge_id":"ch-1","amount_cents":500})"},
    {"sheet.append", R"({"sheet":"s","rows":[["x",1]]})"},
    {"sheet.read", R"({"sheet":"s"})"},
};

// What a schema cannot say: an event ends after it began, an address names a host.
bool beyond_schemas(const std::string& message) {
    return message.find("must be after") != std::string::npos || message.find("and a host") != std::string::npos;
}

void check_output(const skill_contract& skill, const skill_completion& c) {
    if (c.outcome != effect_outcome::ok || !skill.output) return;
    const auto broken = skill.output->validate(c.result);
    BOOST_TEST(!broken,
               skill.id << " returned " << std::string(c.result.text()) << ": " << (broken ? broken->message : ""));
}

} // namespace

BOOST_AUTO_TEST_SUITE(mocks_fixture_skills)

BOOST_AUTO_TEST_CASE(every_sample_skill_has_a_mock_with_its_operation_and_is_called_below) {
    const auto skills = sample_skills();
    BOOST_TEST(skills.size() >= 20u);
    for (const auto& [id, skill] : skills) {
        const std::size_t dot = id.find('.');
        const auto mock = make_mock(id.substr(0, dot));
        BOOST_REQUIRE_MESSAGE(mock, id << " has no mock");
        BOOST_TEST((std::ranges::find(mock->operations(), id.substr(dot + 1)) != mock->operations().end()), id);
        BOOST_TEST(std::ranges::any_of(good_calls, [&](const sample_call& c) { return c.skill == id; }),
                   id << " is not called by this test");
    }
}

BOOST_AUTO_TEST_CASE(good_calls_fit_the_skills_input_and_their_answers_its_output) {
    const auto skills = sample_skills();
    for (const sample_call& call : good_calls) {
        mocked w(office);
        const auto& skill = *skills.at(std::string(call.skill));
        BOOST_TEST(skill.input.accepts(js(call.arguments)), call.skill);
        const auto c = w.call(call.skill, call.arguments, {.effect = skill.effect});
        BOOST_TEST((c.outcome == effect_outcome::ok), call.skill << ": " << c.message);
        check_output(skill, c);
    }
}

BOOST_AUTO_TEST_CASE(what_a_skills_schema_accepts_its_mock_understands) {
    for (const auto& [id, skill] : sample_skills()) {
        const auto grammar = value_grammar::compile(skill->input.source());
        random_stream draws(17, "test", "fixtures", id);
        mocked w(office);
        std::size_t accepted = 0;
        for (int i = 0; i < 200; ++i) {
            const payload arguments = grammar.generate(draws);
            const auto broken = skill->input.validate(arguments);
            BOOST_TEST(!broken, id << " " << std::string(arguments.text()) << ": " << (broken ? broken->message : ""));
            const auto c = w.call(id, arguments.text(), {.effect = skill->effect});
            BOOST_TEST((c.code != errc::skill_bad_request || beyond_schemas(c.message)),
                       id << " " << std::string(arguments.text()) << ": " << c.message);
            check_output(*skill, c);
            accepted += !broken;
        }
        BOOST_TEST(accepted == 200u);
    }
}

BOOST_AUTO_TEST_CASE(the_examples_of_the_page_about_mocks_are_accepted) {
    std::ifstream file(AIVP_SOURCE_DIR "/docs/mocks.md");
    std::stringstream text;
    text << file.rdbuf();
    const std::string page = text.str();
    const std::string fence = "```yaml\n";
    std::map<std::string, int> seen;
    for (std::size_t open = page.find(fence); open != std::string::npos; open = page.find(fence, open + 1)) {
        const std::size_t begin = open + fence.size();
        const auto document = parse_yaml(page.substr(begin, page.find("```", begin) - begin), "docs/mocks.md");
        BOOST_REQUIRE_MESSAGE(document, (document ? "" : to_string(document.error())));
        const auto whole = to_payload(document->root, "docs/mocks.md");
        BOOST_REQUIRE_MESSAGE(whole, (whole ? "" : to_string(whole.error())));
        for (const auto& [key, section] : members(*whole)) {
            ++seen[key];
            std::optional<error> problem;
            mocked w;
            if (key == "world") {
                if (auto r = w.connector.seed(section); !r) problem = r.error();
            } else if (key == "answers") {
                if (auto r = parse_canned_answers(section); !r) problem = r.error();
            } else if (auto r = parse_model_script(section, 1); !r) {
                problem = r.error();
            }
            BOOST_TEST(!problem, key << ": " << (problem ? to_string(*problem) : ""));
        }
    }
    BOOST_TEST((seen == std::map<std::string, int>{{"answers", 1}, {"model", 1}, {"world", 1}}));
}

BOOST_AUTO_TEST_SUITE_END()
