#include "runtime/os/subprocess_connector.hpp"

#include <boost/test/unit_test.hpp>
#include <rapidcheck/boost_test.h>

#include <optional>

#include <unistd.h>

#include "runtime/os/deadline.hpp"
#include "runtime/os/skill_answer.hpp"
#include "tests/os/support.hpp"

using namespace aivp;
using os_test::recording_sink;

namespace {

class fixed_clock final : public clock_port {
public:
    instant now() override { return at; }
    instant at{1'772'366'400'000'000}; // 2026-03-01T12:00:00Z
};

/// Keeps what is started until the test ends it.
class held_starter final : public process_starter {
public:
    result<process_ticket> start(const process_spec& spec, done_function done) override {
        if (refusal) return std::unexpected(*refusal);
        specs.push_back(spec);
        held.push_back(std::move(done));
        return process_ticket{held.size()};
    }
    void cancel(process_ticket ticket) override { cancelled.push_back(ticket); }

    std::optional<error> refusal;
    std::vector<process_spec> specs;
    std::vector<done_function> held;
    std::vector<process_ticket> cancelled;
};

payload json(std::string_view text) {
    auto parsed = payload::parse(text);
    BOOST_REQUIRE(parsed);
    return *parsed;
}

skill_request request_for(std::string_view skill, effect_class effect = effect_class::write) {
    skill_request r;
    r.run = {7};
    r.call = {3};
    r.agent = "clerk";
    r.skill = skill;
    r.skill_version = "1.2.0";
    r.as = "tool";
    r.effect = effect;
    r.arguments = json(R"({"to":"ada","n":[1,2]})");
    r.idempotency_key.bytes[15] = 0xab;
    r.deadline = {1'772'366'400'000'000 + 30'000'000};
    return r;
}

/// One call whose program ended as given.
skill_completion after(result<process_result> end, effect_class effect = effect_class::write) {
    held_starter starter;
    fixed_clock clock;
    recording_sink sink;
    subprocess_connector connector(starter, clock, {{"x.do", {{"prog"}, "none", {}, 0, 0}}});
    connector.call(request_for("x.do", effect), sink);
    BOOST_REQUIRE(sink.skills.empty());
    BOOST_REQUIRE(connector.open_calls() == 1U);
    starter.held.at(0)(std::move(end));
    BOOST_REQUIRE(sink.skills.size() == 1U);
    BOOST_TEST(connector.open_calls() == 0U);
    BOOST_TEST((sink.skills[0].ref == call_ref{{7}, {3}}));
    return sink.skills[0];
}

result<process_result> ended(std::string output, int exit_code = 0, bool killed = false) {
    return process_result{exit_code, killed, std::move(output), "last words\n"};
}

void check(const skill_completion& c, effect_outcome outcome, errc code) {
    BOOST_TEST((c.outcome == outcome), to_string(c.outcome));
    BOOST_TEST((c.code == code), std::string(info(c.code).name) + ": " + c.message);
}

/// Real processes.
struct bench {
    bench() {
        process_launcher_options o;
        o.scratch_folder = folder.path();
        o.kill_grace = milliseconds(100);
        launcher.emplace(loop, std::move(o));
    }
    skill_completion call(const std::string& script, effect_class effect = effect_class::write,
                          duration limit = seconds(10), std::string profile = "rlimits") {
        connector.emplace(
            *launcher, clock,
            subprocess_connector::skill_table{{"x.do", {{"sh", "-c", script}, std::move(profile), limit, 0, 1000}}});
        sink.skills.clear();
        connector->call(request_for("x.do", effect), sink);
        BOOST_REQUIRE(loop.run_until([&] { return !sink.skills.empty() && launcher->running() == 0; }, seconds(20)));
        BOOST_REQUIRE(sink.skills.size() == 1U);
        return sink.skills[0];
    }

    os_test::temporary_folder folder;
    event_loop loop;
    fixed_clock clock;
    recording_sink sink;
    std::optional<process_launcher> launcher;
    std::optional<subprocess_connector> connector;
};

} // namespace

BOOST_AUTO_TEST_SUITE(subprocess_connector_suite)

BOOST_AUTO_TEST_CASE(a_skill_reads_one_document) {
    held_starter starter;
    fixed_clock clock;
    recording_sink sink;
    subprocess_connector connector(starter, clock, {{"x.do", {{"prog", "arg"}, "rlimits", seconds(5), 1000, 2000}}});
    BOOST_TEST(connector.serves("x.do"));
    BOOST_TEST(!connector.serves("x"));
    connector.call(request_for("x.do"), sink);
    BOOST_REQUIRE(starter.specs.size() == 1U);
    const auto& spec = starter.specs[0];
    BOOST_TEST((spec.command == std::vector<std::string>{"prog", "arg"}));
    BOOST_TEST(spec.sandbox_profile == "rlimits");
    BOOST_TEST(spec.memory_bytes_max == 1000U);
    BOOST_TEST(spec.output_bytes_max == 2000U);
    BOOST_TEST((spec.wall_time_max == seconds(5)));
    BOOST_TEST(spec.input ==
               "{\"arguments\":{\"n\":[1,2],\"to\":\"ada\"},\"call\":3,\"deadline\":\"2026-03-01T12:00:30Z\","
               "\"key\":\"000000000000000000000000000000ab\",\"run\":7,\"skill\":\"x.do\",\"version\":\"1.2.0\"}\n");
    auto bare = request_for("x.do");
    bare.idempotency_key = {};
    bare.deadline = instant::max();
    const auto document = skill_request_document(bare);
    BOOST_TEST((member(document, "key") == payload()));
    BOOST_TEST((member(document, "deadline") == payload()));
}

BOOST_AUTO_TEST_CASE(a_program_has_no_more_time_than_the_call) {
    held_starter starter;
    fixed_clock clock;
    recording_sink sink;
    subprocess_connector connector(starter, clock,
                                   {{"x.do", {{"prog"}, "", minutes(5), 0, 0}}, {"x.free", {{"prog"}, "", {}, 0, 0}}});
    connector.call(request_for("x.do"), sink);
    connector.call(request_for("x.free"), sink);
    BOOST_REQUIRE(starter.specs.size() == 2U);
    BOOST_TEST((starter.specs[0].wall_time_max == seconds(30) + deadline_grace));
    BOOST_TEST((starter.specs[1].wall_time_max == seconds(30) + deadline_grace));
    auto late = request_for("x.do");
    late.deadline = clock.at;
    connector.call(late, sink);
    BOOST_TEST(starter.specs.size() == 2U);
    BOOST_REQUIRE(sink.skills.size() == 1U);
    check(sink.skills[0], effect_outcome::failed, errc::limit_step_time);
}

BOOST_AUTO_TEST_CASE(answers_are_passed_on) {
    const auto ok = after(ended(" {\"ok\": {\"b\":1,\"a\":2}}\n"));
    check(ok, effect_outcome::ok, errc::ok);
    BOOST_TEST(ok.result.text() == R"({"a":2,"b":1})");
    check(after(ended(R"({"ok":null})")), effect_outcome::ok, errc::ok);

    const auto failed = after(ended(R"({"error":{"code":"no_such_user","message":"who?"}})"));
    check(failed, effect_outcome::failed, errc::skill_failed);
    BOOST_TEST(failed.result.text() == R"({"error":"no_such_user","message":"who?"})");
    const auto later = after(ended(R"({"error":{"code":"busy","retry_after_ms":1500}})"));
    check(later, effect_outcome::failed, errc::skill_unavailable);
    BOOST_TEST(later.result.text() == R"({"error":"busy","message":"","retry_after_ms":1500})");
    check(after(ended(R"({"error":{"code":"skill.unavailable"}})")), effect_outcome::failed, errc::skill_unavailable);
    check(after(ended(R"({"error":{"code":"rate.limited"}})")), effect_outcome::failed, errc::rate_limited);
    check(after(ended(R"({"error":{"code":"store.corrupt"}})")), effect_outcome::failed, errc::skill_failed);
    check(after(ended(R"({"error":{"code":"skill.outcome_unknown"}})")), effect_outcome::unknown,
          errc::skill_outcome_unknown);
    check(after(ended(R"({"error":{"code":"e"}})", 1)), effect_outcome::failed, errc::skill_failed);
}

BOOST_AUTO_TEST_CASE(what_ran_without_a_valid_answer_is_unknown_for_writes_and_failed_for_the_rest) {
    const std::pair<result<process_result>, errc> ends[] = {
        {ended(""), errc::process_protocol},
        {ended("hello"), errc::process_protocol},
        {ended("{\"ok\":1}{\"ok\":2}"), errc::process_protocol},
        {ended(R"({"ok":1})", 1), errc::process_died},
        {ended("", 137), errc::process_died},
        {ended(R"({"ok":1})", 139, true), errc::process_died},
        {ended(R"({"error":{"code":"e"}})", 139, true), errc::process_died},
        {fail(errc::limit_step_time, "late"), errc::limit_step_time},
        {fail(errc::limit_output, "much"), errc::limit_output},
        {fail(errc::process_memory, "big"), errc::process_memory},
    };
    for (const auto& [end, code] : ends) {
        check(after(end, effect_class::write), effect_outcome::unknown, code);
        check(after(end, effect_class::read), effect_outcome::failed, code);
        check(after(end, effect_class::none), effect_outcome::failed, code);
    }
    BOOST_TEST(after(ended("", 1)).message.find("last words") != std::string::npos);
    BOOST_TEST(after(ended("my secret")).message.find("secret") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_never_ran_has_failed) {
    for (const errc code :
         {errc::process_start, errc::sandbox_unavailable, errc::io_not_found, errc::config_not_supported}) {
        check(after(fail(code, "not started")), effect_outcome::failed, code);
        held_starter starter;
        starter.refusal = error{code, "not started", {}, {}, {}};
        fixed_clock clock;
        recording_sink sink;
        subprocess_connector connector(starter, clock, {{"x.do", {{"prog"}, "", {}, 0, 0}}});
        connector.call(request_for("x.do"), sink);
        BOOST_REQUIRE(sink.skills.size() == 1U);
        check(sink.skills[0], effect_outcome::failed, code);
        connector.call(request_for("y.do"), sink);
        BOOST_REQUIRE(sink.skills.size() == 2U);
        check(sink.skills[1], effect_outcome::failed, errc::connector_missing);
        BOOST_TEST(connector.open_calls() == 0U);
    }
}

BOOST_AUTO_TEST_CASE(cancelled_calls_are_ended_and_so_are_those_of_a_connector_that_ends) {
    held_starter starter;
    fixed_clock clock;
    recording_sink sink;
    {
        subprocess_connector connector(starter, clock, {{"x.do", {{"prog"}, "", {}, 0, 0}}});
        auto request = request_for("x.do");
        connector.call(request, sink);
        request.call = {4};
        connector.call(request, sink);
        connector.cancel({{7}, {3}});
        connector.cancel({{7}, {3}});
        connector.cancel({{7}, {9}});
        BOOST_TEST((starter.cancelled == std::vector<process_ticket>{{1}}));
        BOOST_TEST(connector.open_calls() == 1U);
    }
    BOOST_TEST((starter.cancelled == std::vector<process_ticket>{{1}, {2}}));
    BOOST_TEST(sink.skills.empty());
}

BOOST_AUTO_TEST_CASE(answers_are_strict) {
    for (const char* bad : {"",
                            " \n",
                            "x",
                            "1",
                            "[]",
                            "{}",
                            "null",
                            "{\"ok\":1,\"x\":2}",
                            "{\"ok\":1,\"error\":{\"code\":\"e\"}}",
                            "{\"error\":\"e\"}",
                            "{\"error\":{}}",
                            "{\"error\":{\"code\":\"\"}}",
                            "{\"error\":{\"code\":1}}",
                            "{\"error\":{\"code\":\"e\",\"message\":1}}",
                            "{\"error\":{\"code\":\"e\",\"retry_after_ms\":-1}}",
                            "{\"error\":{\"code\":\"e\",\"retry_after_ms\":\"1\"}}",
                            "{\"error\":{\"code\":\"e\",\"more\":1}}",
                            "{\"ok\":1} x",
                            "{\"ok\":1}\n{\"ok\":1}",
                            "{\"ok\":\"\xff\"}",
                            "{\"ok\":1,\"ok\":2}"}) {
        const auto r = parse_skill_answer(bad);
        BOOST_TEST((!r && r.error().code == errc::process_protocol), bad);
    }
}

RC_BOOST_PROP(no_output_is_taken_for_an_answer_that_it_is_not, (const std::string& output, bool in_object)) {
    const auto r = parse_skill_answer(in_object ? "{\"ok\":" + output + "}" : output);
    if (!r) {
        RC_ASSERT(r.error().code == errc::process_protocol);
        return;
    }
    RC_ASSERT(in_object);
    RC_ASSERT(payload::parse(output).has_value());
}

RC_BOOST_PROP(every_result_comes_through, (const std::string& text, std::int64_t number, int wrapping)) {
    std::string utf8;
    for (const char c : text) utf8 += static_cast<char>(c & 0x7f);
    payload value = wrapping % 2 ? payload::of_string(utf8) : payload::of_integer(number);
    if (wrapping % 3 == 0) value = payload::of_array({value, payload::of_bool(true)});
    const auto r = parse_skill_answer(payload::of_object({{"ok", value}}).text());
    RC_ASSERT(r.has_value());
    RC_ASSERT(r->ok);
    RC_ASSERT(r->result == value);
}

BOOST_AUTO_TEST_CASE(real_programs_answer_or_do_not) {
    bench b;
    const auto echoed = b.call("printf '{\"ok\":'; cat; printf '}'");
    check(echoed, effect_outcome::ok, errc::ok);
    BOOST_TEST(as_string(*at_pointer(echoed.result, "/arguments/to")).value_or("") == "ada");
    check(b.call("echo '{\"error\":{\"code\":\"full\"}}'; exit 4"), effect_outcome::failed, errc::skill_failed);
    check(b.call("echo garbage"), effect_outcome::unknown, errc::process_protocol);
    check(b.call("echo oops >&2; kill -KILL $$"), effect_outcome::unknown, errc::process_died);
    check(b.call("kill -KILL $$", effect_class::read), effect_outcome::failed, errc::process_died);
    check(b.call("while :; do echo babble; done"), effect_outcome::unknown, errc::limit_output);
    check(b.call("echo '{\"ok\":1}'; exec sleep 100", effect_class::write, milliseconds(100)), effect_outcome::unknown,
          errc::limit_step_time);
    check(b.call("echo '{\"ok\":1}'; sleep 100 &", effect_class::write), effect_outcome::ok, errc::ok);
    check(b.call("exit 0", effect_class::write, seconds(1), "castle"), effect_outcome::failed,
          errc::config_not_supported);
    b.launcher.reset();
    BOOST_TEST(os_test::children() == 0U);
    BOOST_TEST(b.folder.entries() == 0U);
}

BOOST_AUTO_TEST_CASE(real_programs_in_the_sandbox_answer) {
    bench b;
    if (!b.launcher->sandboxes().bwrap) return os_test::skipped("bwrap: " + b.launcher->sandboxes().why);
    check(b.call("cat >/dev/null; echo '{\"ok\":true}'", effect_class::read, seconds(10), "bwrap"), effect_outcome::ok,
          errc::ok);
}

BOOST_AUTO_TEST_CASE(a_cancelled_real_program_ends_in_silence) {
    bench b;
    b.connector.emplace(*b.launcher, b.clock,
                        subprocess_connector::skill_table{{"x.do", {{"sleep", os_test::nap()}, "rlimits", {}, 0, 0}}});
    b.connector->call(request_for("x.do"), b.sink);
    BOOST_TEST(os_test::processes_with(os_test::nap()) == 1U);
    b.connector->cancel({{7}, {3}});
    BOOST_TEST(b.loop.run_until([&] { return b.launcher->running() == 0; }, seconds(10)));
    BOOST_TEST(os_test::processes_with(os_test::nap()) == 0U);
    BOOST_TEST(b.sink.skills.empty());
}

BOOST_AUTO_TEST_SUITE_END()
