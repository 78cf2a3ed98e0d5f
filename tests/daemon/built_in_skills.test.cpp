// The key-value skills that the live host has itself, beside the mock of the simulator: the same calls get the same answers.
#include "runtime/daemon/internal/live_ports.hpp"

#include <boost/test/unit_test.hpp>
#include <rapidcheck/boost_test.h>

#include "tests/mocks/support.hpp"
#include "tests/store/scratch.hpp"

namespace {

using namespace aivp;
using namespace aivp::mocks_test;
using store_test::options_for;
using store_test::scratch_folder;

/// The store is closed and opened again between two calls whenever a test says so.
struct live_values {
    scratch_folder folder;
    std::unique_ptr<sqlite_store> store;
    std::uint64_t calls = 0;

    live_values() { open(); }
    void open() {
        store.reset();
        sqlite_options o = options_for(folder.file());
        o.durable = sqlite_options::durability::process_crash_safe;
        store = std::move(sqlite_store::open(std::move(o)).value());
    }
    skill_completion call(std::string_view skill, std::string_view arguments, const call_options& options = {}) {
        internal::skill_router router(*store, [] { return seq_no{1}; });
        collecting_sink sink;
        router.call(skill_call(skill, js(arguments), ++calls, options), sink);
        BOOST_REQUIRE(sink.skills.size() == 1);
        return sink.skills.front();
    }
    std::string text(std::string_view skill, std::string_view arguments, const call_options& options = {}) {
        const auto c = call(skill, arguments, options);
        if (c.outcome == effect_outcome::ok) return std::string(c.result.text());
        return std::string(info(c.code).name) + ": " + c.message;
    }
    std::string count(const std::string& table) {
        return store->query("SELECT count(*) FROM " + table, 1)->rows[0][0].value();
    }
};

std::string shown(const skill_completion& c) {
    return std::string(to_string(c.outcome)) + " " + std::string(info(c.code).name) + " \"" + c.message + "\" " +
           std::string(c.result.text());
}

struct step {
    std::string skill;
    std::string arguments;
    std::string agent;
    std::string space;
    std::string key;
    bool reopen = false;
};
[[maybe_unused]] std::ostream& operator<<(std::ostream& out, const step& s) {
    return out << (s.reopen ? "reopen; " : "") << s.skill << ' ' << s.arguments << " by " << s.agent << " in \""
               << s.space << "\" under \"" << s.key << '"';
}

template <class... T>
std::string one_of(const T&... words) {
    return *rc::gen::element<std::string>(words...);
}

std::string random_arguments(const std::string& operation) {
    std::string out;
    const auto add = [&out](std::string_view name, const std::string& json) {
        out += (out.empty() ? "\"" : ",\"") + std::string(name) + "\":" + json;
    };
    const auto seldom = [] { return *rc::gen::inRange(0, 12) == 0; };
    const std::string good_key =
        one_of(R"("a")", R"("a")", R"("a/b")", R"("ab")", R"("é")", R"("%")", R"("n")", R"("n")");
    if (operation == "list") {
        if (!seldom())
            add("prefix", seldom() ? one_of("3", "null") : one_of(R"("")", R"("a")", R"("a/")", R"("z")", R"("é")"));
    } else if (!seldom()) {
        const std::string long_key = '"' + std::string(201, 'k') + '"', longest_key = '"' + std::string(200, 'k') + '"';
        add("key", seldom() ? one_of(R"("")", "7", "null", "[]", long_key, longest_key) : good_key);
    }
    if (operation == "set" && !seldom())
        add("value", one_of("1", "-7", "9223372036854775807", "-9223372036854775807", "null", R"("text")", "[1,{}]",
                            R"({"b":2,"a":"é"})", "true", "1.5"));
    if ((operation == "set" || operation == "delete") && *rc::gen::inRange(0, 3) == 0)
        add("if_version", one_of("0", "1", "2", "3", "5", "8", "-1", "1.5", R"("1")"));
    if (operation == "incr" && *rc::gen::arbitrary<bool>())
        add("by", one_of("1", "-3", "9223372036854775807", "-9223372036854775807", "0.5", R"("2")", "null"));
    if (seldom()) add("extra", "1");
    return seldom() && seldom() ? one_of("[]", "3", "null", R"("key")") : "{" + out + "}";
}

step random_step() {
    const std::string operation = one_of("get", "set", "set", "delete", "incr", "incr", "list", "get", "swap");
    const std::string agent = one_of("one", "two");
    const std::string space = one_of("", "", "shared:desk");
    const std::string key = one_of("", "", "k1", "k2", "k3", "k4", "k5");
    return {"kv." + operation, random_arguments(operation), agent, space, key, *rc::gen::inRange(0, 20) == 0};
}

} // namespace

BOOST_AUTO_TEST_SUITE(built_in_key_value_skills)

RC_BOOST_PROP(any_sequence_of_calls_is_answered_as_the_mock_answers_it, ()) {
    live_values live;
    mocked simulated(R"({"kv":{}})");
    const int steps = *rc::gen::inRange(1, 40);
    for (int n = 0; n < steps; ++n) {
        const step s = random_step();
        if (s.reopen) live.open();
        const call_options how{.run = 1, .key = s.key, .agent = s.agent, .space = s.space};
        const skill_completion a = live.call(s.skill, s.arguments, how);
        const skill_completion b = simulated.call(s.skill, s.arguments, how);
        std::ostringstream what;
        what << s << "\n  live:      " << shown(a) << "\n  simulated: " << shown(b);
        if (shown(a) != shown(b)) RC_FAIL(what.str());
    }
    // And both know the same in the end.
    for (const std::string_view agent : {"one", "two"})
        for (const std::string_view space : {"", "shared:desk"})
            for (const std::string_view key : {"a", "a/b", "ab", "é", "%", "n"}) {
                const std::string arguments = "{\"key\":\"" + std::string(key) + "\"}";
                const call_options how{.agent = agent, .space = space};
                RC_ASSERT(live.text("kv.get", arguments, how) == simulated.text("kv.get", arguments, how));
            }
}

BOOST_AUTO_TEST_CASE(what_was_sent_under_a_key_and_is_sent_again_after_a_crash_happens_once) {
    live_values live;
    const call_options keyed{.key = "run 1, call 1"};
    BOOST_TEST(live.text("kv.incr", R"({"key":"n"})", keyed) == R"({"value":1,"version":1})");
    // The process died before the journal knew of the answer: the same call comes again.
    live.open();
    BOOST_TEST(live.text("kv.incr", R"({"key":"n"})", keyed) == R"({"value":1,"version":1})");
    BOOST_TEST(live.text("kv.get", R"({"key":"n"})") == R"({"found":true,"value":1,"version":1})");
    BOOST_TEST(live.text("kv.incr", R"({"key":"n","by":2})", keyed) ==
               "idem.other_args: kv.incr: the key was used before for kv.incr with other arguments");
    BOOST_TEST(live.text("kv.set", R"({"key":"n","value":1})", keyed) ==
               "idem.other_args: kv.set: the key was used before for kv.incr");
    BOOST_TEST(live.text("kv.incr", R"({"key":"n"})", {.key = "run 1, call 2"}) == R"({"value":2,"version":2})");
    BOOST_TEST(live.text("kv.incr", R"({"key":"n"})") == R"({"value":3,"version":3})");
}

BOOST_AUTO_TEST_CASE(what_failed_under_a_key_may_be_tried_again_under_it) {
    live_values live;
    const call_options keyed{.key = "k"};
    live.text("kv.set", R"({"key":"n","value":"text"})");
    BOOST_TEST(live.text("kv.incr", R"({"key":"n"})", keyed) ==
               R"(skill.conflict: kv: "n" holds a string, not an integer)");
    live.text("kv.delete", R"({"key":"n"})");
    BOOST_TEST(live.text("kv.incr", R"({"key":"n"})", keyed) == R"({"value":1,"version":3})");
}

BOOST_AUTO_TEST_CASE(keys_of_ended_runs_are_forgotten_and_those_of_others_are_not) {
    live_values live;
    for (const std::uint64_t run : {1, 2, 3})
        live.text("kv.incr", R"({"key":"n"})", {.run = run, .key = std::to_string(run)});
    BOOST_TEST(live.count("kv_effects") == "3");
    BOOST_REQUIRE(live.store->kv_forget_effects(run_id{3}).has_value());
    BOOST_TEST(live.count("kv_effects") == "1");
    BOOST_TEST(live.text("kv.incr", R"({"key":"n"})", {.run = 3, .key = "3"}) == R"({"value":3,"version":3})");
}

BOOST_AUTO_TEST_CASE(what_the_host_keeps_for_itself_is_nobody_s_value_and_counts_for_no_version) {
    live_values live;
    BOOST_REQUIRE(live.store->kv_put("aivp:host", "held_runs", "[1]", {1}).has_value());
    BOOST_TEST(live.text("kv.set", R"({"key":"a","value":1})") == R"({"previous":null,"version":1})");
    BOOST_REQUIRE(live.store->kv_erase("aivp:host", "held_runs").has_value());
    BOOST_TEST(live.text("kv.set", R"({"key":"a","value":2})") == R"({"previous":1,"version":2})");
    BOOST_TEST(live.text("kv.list", "{}") == R"({"count":1,"keys":["a"]})");
}

BOOST_AUTO_TEST_CASE(a_store_that_cannot_be_written_still_answers_who_only_looks) {
    live_values live;
    live.text("kv.set", R"({"key":"a","value":1})");
    sqlite_options o = options_for(live.folder.file());
    o.read_only = true;
    live.store.reset();
    live.store = std::move(sqlite_store::open(std::move(o)).value());
    BOOST_TEST(live.text("kv.get", R"({"key":"a"})") == R"({"found":true,"value":1,"version":1})");
    BOOST_TEST(live.text("kv.list", "{}") == R"({"count":1,"keys":["a"]})");
    for (const std::string_view skill : {"kv.set", "kv.delete", "kv.incr"}) {
        const auto c = live.call(skill, R"({"key":"a","value":1})");
        BOOST_TEST(std::string(info(c.code).name) == "skill.unavailable");
        BOOST_TEST(c.message.contains("opened for reading"), c.message);
    }
}

BOOST_AUTO_TEST_CASE(the_router_serves_the_operations_there_are_and_no_others) {
    live_values live;
    const internal::skill_router router(*live.store, [] { return seq_no{1}; });
    for (const char* skill : {"kv.get", "kv.set", "kv.delete", "kv.incr", "kv.list"})
        BOOST_TEST(router.serves(skill), skill);
    for (const char* skill : {"kv.swap", "kv.", "kv", "kv.get.more", "mail.send"})
        BOOST_TEST(!router.serves(skill), skill);
}

BOOST_AUTO_TEST_SUITE_END()
