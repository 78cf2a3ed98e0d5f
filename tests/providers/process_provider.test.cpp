#include "runtime/providers/process_provider.hpp"

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include <unistd.h>

#include <boost/test/unit_test.hpp>

#include "runtime/os/deadline.hpp"
#include "tests/os/support.hpp"
#include "tests/providers/support.hpp"

using namespace aivp;
using provider_test::json;
using provider_test::name_of;
using provider_test::summary;

namespace {

constexpr instant now_in_tests{1'772'366'400'000'000}; // 2026-03-01T12:00:00Z

struct answers_sink final : completion_sink {
    void model_done(model_completion c) override { models.push_back(std::move(c)); }
    void skill_done(skill_completion) override {}
    void user_done(user_completion) override {}
    void timer_fired(timer_key) override {}
    std::vector<model_completion> models;
};

class still_clock final : public clock_port {
public:
    instant now() override { return now_in_tests; }
};

/// Keeps what is started until the test ends it.
class kept_starter final : public process_starter {
public:
    result<process_ticket> start(const process_spec& spec, done_function done) override {
        if (refusal) return std::unexpected(*refusal);
        specs.push_back(spec);
        kept.push_back(std::move(done));
        return process_ticket{kept.size()};
    }
    void cancel(process_ticket ticket) override { cancelled.push_back(ticket); }

    std::optional<error> refusal;
    std::vector<process_spec> specs;
    std::vector<done_function> kept;
    std::vector<process_ticket> cancelled;
};

model_request asked(std::uint64_t call = 3) {
    model_request r;
    r.run = {7};
    r.call = {call};
    r.agent = "clerk";
    r.model = "process:clerk";
    r.params = json("{}");
    r.tools = json("[]");
    r.messages = history().appended(user_message("Go."));
    r.deadline = now_in_tests + seconds(30);
    return r;
}

process_turn turn_with(brain_program program) { return {std::move(program), "Go.", json(R"({"n":1})")}; }

/// One turn whose program ended as given.
model_completion after(result<process_result> end) {
    kept_starter starter;
    still_clock clock;
    answers_sink sink;
    process_provider provider(starter, clock, "/srv/shop",
                              [](run_id) { return turn_with({{"decide"}, "", {}, 0, 0}); });
    provider.call(asked(), sink);
    BOOST_REQUIRE(sink.models.empty());
    starter.kept.at(0)(std::move(end));
    BOOST_REQUIRE(sink.models.size() == 1U);
    BOOST_TEST(provider.open_calls() == 0U);
    BOOST_TEST((sink.models[0].ref == call_ref{{7}, {3}}));
    return sink.models[0];
}

result<process_result> ended(std::string output, int exit_code = 0, bool killed = false) {
    return process_result{exit_code, killed, std::move(output), "last words\n"};
}

void check_failed(const model_completion& c, errc code, std::string_view words) {
    BOOST_TEST((c.outcome == effect_outcome::failed), to_string(c.outcome));
    BOOST_TEST(name_of(c.code) == name_of(code));
    BOOST_TEST(c.message.find(words) != std::string::npos, c.message);
}

/// Real processes.
struct real_programs {
    real_programs() {
        process_launcher_options o;
        o.scratch_folder = folder.path();
        o.kill_grace = milliseconds(100);
        launcher.emplace(loop, std::move(o));
    }
    model_completion turn(brain_program program) {
        provider.emplace(*launcher, clock, files.path(), [p = std::move(program)](run_id) { return turn_with(p); });
        sink.models.clear();
        provider->call(asked(), sink);
        BOOST_REQUIRE(loop.run_until([&] { return !sink.models.empty() && launcher->running() == 0; }, seconds(30)));
        BOOST_REQUIRE(sink.models.size() == 1U);
        return sink.models[0];
    }
    model_completion shell(const std::string& script, duration wall_time = seconds(20)) {
        return turn({{"sh", "-c", script}, "rlimits", wall_time, 0, 1000});
    }
    void write(const std::string& name, const std::string& text) {
        std::ofstream(files.path() + "/" + name) << text;
        std::filesystem::permissions(files.path() + "/" + name, std::filesystem::perms::owner_all);
    }

    os_test::temporary_folder folder, files;
    event_loop loop;
    still_clock clock;
    answers_sink sink;
    std::optional<process_launcher> launcher;
    std::optional<process_provider> provider;
};

constexpr const char* python_agent = R"(import json, sys
line = sys.stdin.readline()
assert line.endswith("\n") and sys.stdin.read() == ""
request = json.loads(line)
print("thinking", file=sys.stderr)
print(json.dumps({"calls": [{"skill": "tell", "arguments": {"n": request["trigger"]["n"], "turn": request["turn"]}}]}))
)";

} // namespace

BOOST_AUTO_TEST_SUITE(process_provider_suite)

BOOST_AUTO_TEST_CASE(a_turn_is_one_start_with_the_caps_of_the_agent_file) {
    kept_starter starter;
    still_clock clock;
    answers_sink sink;
    brain_program program{{"bin/decide", "{folder}/rules.txt", "--log={folder}"}, "rlimits", seconds(5), 1000, 2000};
    process_provider provider(starter, clock, "/srv/shop", [&](run_id run) -> std::optional<process_turn> {
        return run == run_id{7} ? std::optional(turn_with(program)) : std::nullopt;
    });
    provider.call(asked(), sink);
    BOOST_REQUIRE(starter.specs.size() == 1U);
    const process_spec& spec = starter.specs[0];
    BOOST_TEST(
        (spec.command == std::vector<std::string>{"/srv/shop/bin/decide", "/srv/shop/rules.txt", "--log=/srv/shop"}));
    BOOST_TEST(spec.sandbox_profile == "rlimits");
    BOOST_TEST((spec.wall_time_max == seconds(5)));
    BOOST_TEST(spec.memory_bytes_max == 1000U);
    BOOST_TEST(spec.output_bytes_max == 2000U);
    BOOST_TEST(spec.readable.empty(), "nothing of it is there");
    BOOST_TEST(spec.input.ends_with("\"turn\":1}\n"));
    BOOST_TEST(std::ranges::count(spec.input, '\n') == 1);
    BOOST_TEST(member(*payload::parse(spec.input), "trigger")->text() == R"({"n":1})");
    program.wall_time = minutes(5);
    provider.call(asked(4), sink);
    program.wall_time = {};
    provider.call(asked(5), sink);
    BOOST_TEST((starter.specs.at(1).wall_time_max == seconds(30) + deadline_grace), "no longer than the turn");
    BOOST_TEST((starter.specs.at(2).wall_time_max == seconds(30) + deadline_grace));
    model_request late = asked(6);
    late.deadline = now_in_tests;
    provider.call(late, sink);
    BOOST_REQUIRE(sink.models.size() == 1U);
    check_failed(sink.models[0], errc::limit_step_time, "deadline has passed");
    model_request other = asked(7);
    other.run = {8};
    provider.call(other, sink);
    check_failed(sink.models.at(1), errc::connector_missing, "no program decides for the agent clerk");
    BOOST_TEST(starter.specs.size() == 3U);
}

BOOST_AUTO_TEST_CASE(answers_become_turns) {
    const auto calls = after(ended(R"({"calls":[{"skill":"tell","arguments":{"a":1}}]})"));
    BOOST_TEST((calls.outcome == effect_outcome::ok));
    BOOST_TEST(summary(calls.response) == R"(tool_calls null tell{"a":1})");
    const auto done = after(ended(R"({"finish":"done","usage":{"input":2,"output":1}})"));
    BOOST_TEST(summary(done.response) == R"(stop "done" 2/0/1)");
    check_failed(after(ended(R"({"error":{"code":"no_order","message":"17?"}})", 4)), errc::model_failed,
                 "no_order: 17?");
    check_failed(after(ended(R"({"error":{"code":"model.context_length"}})")), errc::model_context_length, "model.");
    check_failed(after(ended(R"({"error":{"code":"rate.limited"}})")), errc::model_rate_limited, "rate.limited");
    check_failed(after(ended(R"({"error":{"code":"model.unknown"}})")), errc::model_failed, "model.unknown");
    check_failed(after(ended(R"({"error":{"code":"store.corrupt"}})")), errc::model_failed, "store.corrupt");
    const auto busy = after(ended(R"({"error":{"code":"busy","retry_after_ms":1500}})"));
    BOOST_TEST((busy.retry_after == milliseconds(1500)));
    const auto never = after(ended(R"({"error":{"code":"busy","retry_after_ms":9223372036854775807}})"));
    BOOST_TEST((never.retry_after > hours(24)));
}

BOOST_AUTO_TEST_CASE(what_gives_no_valid_answer_has_failed_for_certain) {
    check_failed(after(ended("")), errc::process_protocol,
                 "the agent's program: it wrote nothing to stdout; stderr: last words");
    check_failed(after(ended("my secret")), errc::process_protocol, "no JSON");
    BOOST_TEST(after(ended("my secret")).message.find("secret") == std::string::npos);
    check_failed(after(ended(R"({"finish":1})", 3)), errc::process_died, "exit code 3; stderr: last words");
    check_failed(after(ended(R"({"finish":1})", 137, true)), errc::process_died, "signal 9");
    for (const errc code : {errc::limit_step_time, errc::limit_output, errc::process_memory, errc::sandbox_unavailable,
                            errc::io_not_found, errc::process_start}) {
        check_failed(after(fail(code, "why")), code, "the agent's program: why");
        kept_starter starter;
        starter.refusal = error{code, "why", {}, {}, {}};
        still_clock clock;
        answers_sink sink;
        process_provider provider(starter, clock, "/", [](run_id) { return turn_with({{"decide"}, "", {}, 0, 0}); });
        provider.call(asked(), sink);
        check_failed(sink.models.at(0), code, "the agent's program: why");
        BOOST_TEST(provider.open_calls() == 0U);
    }
}

BOOST_AUTO_TEST_CASE(cancelled_turns_are_ended_and_so_are_those_of_a_provider_that_ends) {
    kept_starter starter;
    still_clock clock;
    answers_sink sink;
    {
        process_provider provider(starter, clock, "/", [](run_id) { return turn_with({{"decide"}, "", {}, 0, 0}); });
        provider.call(asked(3), sink);
        provider.call(asked(4), sink);
        provider.cancel({{7}, {3}});
        provider.cancel({{7}, {3}});
        provider.cancel({{7}, {9}});
        BOOST_TEST((starter.cancelled == std::vector<process_ticket>{{1}}));
        BOOST_TEST(provider.open_calls() == 1U);
    }
    BOOST_TEST((starter.cancelled == std::vector<process_ticket>{{1}, {2}}));
    BOOST_TEST(sink.models.empty());
}

BOOST_AUTO_TEST_CASE(real_programs_decide_or_do_not) {
    real_programs b;
    b.write("decide.py", python_agent);
    const auto python = b.turn({{"python3", "{folder}/decide.py"}, "rlimits", seconds(20), 0, 0});
    BOOST_TEST(summary(python.response) == R"(tool_calls null tell{"n":1,"turn":1})", python.message);
    BOOST_TEST(summary(b.shell("cat >/dev/null; echo '{\"finish\":\"done\"}'").response) == R"(stop "done")");
    check_failed(b.shell("echo garbage"), errc::process_protocol, "no JSON");
    check_failed(b.shell("echo '{\"finish\":1}'; echo '{\"finish\":1}'"), errc::process_protocol, "no JSON");
    check_failed(b.shell("echo oops >&2; exit 3"), errc::process_died, "exit code 3; stderr: oops");
    check_failed(b.shell("echo '{\"finish\":1}'; kill -SEGV $$"), errc::process_died, "signal 11");
    check_failed(b.shell("while :; do echo babble; done"), errc::limit_output, "1000 bytes");
    check_failed(b.shell("trap '' TERM; echo '{\"finish\":1}'; while :; do sleep 1; done", milliseconds(200)),
                 errc::limit_step_time, "200ms");
    check_failed(b.turn({{"there-is-no-such-program"}, "rlimits", {}, 0, 0}), errc::io_not_found,
                 "there is no program");
    check_failed(b.turn({{"{folder}/nothing-here"}, "rlimits", {}, 0, 0}), errc::io_not_found, "nothing-here");
    check_failed(b.turn({{"python3", "-c", "x = bytearray(1 << 30)"}, "rlimits", seconds(20), 64u << 20, 0}),
                 errc::process_died, "MemoryError");
    // No descriptor of the host is seen: stdin, stdout, stderr and the folder that is being read.
    const int inherited = ::dup(0);
    check_failed(b.shell("for f in /proc/self/fd/*; do [ \"${f##*/}\" -gt 9 ] && echo open >&2; done; ls /proc/self/fd "
                         "| wc -l >&2; exit 1"),
                 errc::process_died, "stderr: 4");
    ::close(inherited);
    b.provider.reset();
    b.launcher.reset();
    BOOST_TEST(os_test::children() == 0U);
    BOOST_TEST(b.folder.entries() == 0U);
}

BOOST_AUTO_TEST_CASE(in_its_sandbox_a_program_sees_its_own_files_and_no_network) {
    real_programs b;
    if (!b.launcher->sandboxes().bwrap) return os_test::skipped("bwrap: " + b.launcher->sandboxes().why);
    b.write("decide.py",
            std::string("import os, socket, sys\n") + python_agent +
                "here = os.path.dirname(os.path.abspath(__file__))\n"
                "print(sorted(os.listdir(here)), sorted(n for _, n in socket.if_nameindex()), file=sys.stderr)\n"
                "sys.exit(int(sys.argv[1]))\n");
    b.write("secret.txt", "nobody reads this");
    const auto good = b.turn({{"python3", "{folder}/decide.py", "0"}, "bwrap", seconds(20), 0, 0});
    BOOST_TEST(summary(good.response) == R"(tool_calls null tell{"n":1,"turn":1})", good.message);
    check_failed(b.turn({{"python3", "{folder}/decide.py", "1"}, "", seconds(20), 0, 0}), errc::process_died,
                 "['decide.py'] ['lo']");
    const std::string outside = b.files.path() + "/secret.txt";
    check_failed(b.turn({{"cat", outside}, "bwrap", seconds(20), 0, 0}), errc::process_died, "No such file");
    b.write("decide", "#!/bin/sh\ncat >/dev/null\necho '{\"finish\":\"by itself\"}'\n");
    BOOST_TEST(summary(b.turn({{"./decide"}, "bwrap", seconds(20), 0, 0}).response) == R"(stop "by itself")");
}

BOOST_AUTO_TEST_CASE(a_cancelled_real_program_ends_in_silence) {
    real_programs b;
    b.provider.emplace(*b.launcher, b.clock, b.files.path(),
                       [](run_id) { return turn_with({{"sleep", os_test::nap()}, "rlimits", {}, 0, 0}); });
    b.provider->call(asked(), b.sink);
    BOOST_TEST(os_test::processes_with(os_test::nap()) == 1U);
    b.provider->cancel({{7}, {3}});
    BOOST_TEST(b.loop.run_until([&] { return b.launcher->running() == 0; }, seconds(10)));
    BOOST_TEST(os_test::processes_with(os_test::nap()) == 0U);
    BOOST_TEST(b.sink.models.empty());
}

BOOST_AUTO_TEST_SUITE_END()
