// Journals and states read back: what they lead to, and that nonsense is refused.
#include "aivp/engine/recovery.hpp"

#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "runtime/store/memory_store.hpp"
#include "tests/engine/interrupted.hpp"

using namespace aivp;
using namespace aivp::testing;
using namespace engine_test;

BOOST_AUTO_TEST_SUITE(reading_back)

// ---- reading -----------------------------------------------------------------------------------------------------------

namespace {

struct journal_of {
    std::vector<snapshot_ptr> agents;
    std::vector<std::string> lines;
    std::vector<engine_state> states{engine_state{}};

    void put(engine_input input, duration later = {}) {
        now = now + later;
        engine_state state = states.back();
        const input_envelope in{{lines.size() + 1}, now, input_source::host, {}, {}, std::move(input)};
        decision d;
        step(state, in, d);
        append_journal_line(lines.emplace_back(), in, d);
        states.push_back(std::move(state));
    }
    instant now = spec::start;
};

journal_of some_journal() {
    journal_of j;
    j.agents = {steps_of({"look", "send"}), make_loop_agent("b", bindings(), "go", {.converse = true})};
    for (const snapshot_ptr& a : j.agents) j.put(activate_agent{a});
    j.put(start_run{{1}, {}});
    j.put(start_run{{2}, {}});
    j.put(start_run{{1}, {}});
    j.put(model_completion{.ref = {{2}, {1}},
                           .response = make_turn({make_call("look"), make_call("none"), make_call("send")}),
                           .message = {}});
    j.put(skill_completion{.ref = {{2}, {2}}, .outcome = effect_outcome::ok, .result = json("{}"), .message = {}});
    j.put(ok(1));
    j.put(recover{seconds(1)}, seconds(1));
    return j;
}

std::string replaced(std::string text, std::string_view what, std::string_view with) {
    const std::size_t found = text.find(what);
    BOOST_REQUIRE_MESSAGE(found != std::string::npos, what << " is not in " << text);
    return text.replace(found, what.size(), with);
}

} // namespace

BOOST_AUTO_TEST_CASE(a_journal_leads_to_the_state_that_it_came_from) {
    const journal_of j = some_journal();
    listed_snapshots agents(j.agents);
    engine_state state;
    for (std::size_t i = 0; i < j.lines.size(); ++i) {
        const auto step = replay_line(state, j.lines[i], agents);
        BOOST_REQUIRE_MESSAGE(step.has_value(), j.lines[i]);
        BOOST_TEST(step->seq.value == i + 1);
        BOOST_CHECK(state == j.states[i + 1]);
    }
}

BOOST_AUTO_TEST_CASE(a_line_that_is_left_out_or_comes_twice_or_too_early_is_noticed_or_harmless) {
    const journal_of j = some_journal();
    listed_snapshots agents(j.agents);
    std::size_t refused = 0;
    for (std::size_t left_out = 2; left_out < j.lines.size(); ++left_out) {
        engine_state state;
        bool good = true;
        for (std::size_t i = 0; i < j.lines.size() && good; ++i)
            if (i != left_out) good = replay_line(state, j.lines[i], agents).has_value();
        refused += !good;
        engine_state twice;
        for (std::size_t i = 0; i <= left_out; ++i) BOOST_REQUIRE(replay_line(twice, j.lines[i], agents));
        const auto again = replay_line(twice, j.lines[left_out], agents);
        if (left_out + 1 < j.lines.size()) BOOST_TEST(!again.has_value(), "line " << left_out << " twice");
    }
    BOOST_TEST(refused >= 4U);
}

BOOST_AUTO_TEST_CASE(a_line_that_tells_what_cannot_have_happened_is_refused) {
    const journal_of j = some_journal();
    listed_snapshots agents(j.agents);
    struct lie {
        std::size_t line; ///< from 1
        const char* what;
        const char* with;
    };
    for (const lie& l : std::vector<lie>{
             {3, "\"agent\":1", "\"agent\":3"},
             {3, "\"agent\":1", "\"agent\":0"},
             {3, "\"agent\":1", "\"agent\":-1"},
             {3, "\"run\":1", "\"run\":2"},
             {3, "call_intended", "call_invented"},
             {3, "\"binding\":1", "\"binding\":99"},
             {3, "\"call\":1", "\"call\":2"},
             {3, "\"step\":0", "\"step\":2"},
             {3, "\"step\":0", "\"step\":1"},
             {3, "\"waits\":false", "\"waits\":true"},
             {3, "\"events\":[", "\"events\":{},\"f\":["},
             {4, "\"call\":1", "\"call\":\"1\""},
             {4, "model_requested", "user_asked"},
             {6, "\"call\":1", "\"call\":2"},
             {6, "\"step\":2", "\"step\":3"},
             {6, "\"step\":1", "\"step\":2"},
             {6, "\"calls\":[", "\"called\":["},
             {7, "call_settled", "turn_completed"},
             {7, "\"call\":2", "\"call\":3,\"cost\":-5"},
             {8, "\"call\":1", "\"call\":9"},
             {8, "\"step\":0", "\"step\":1"},
             {8, "step_finished", "run_finished"},
             {9, "\"by\":1000000", "\"by\":-1000000"},
             {9, "\"by\":1000000", "\"by\":1e6"},
         }) {
        engine_state state = j.states[l.line - 1];
        const std::string line = replaced(j.lines[l.line - 1], l.what, l.with);
        const auto read = replay_line(state, line, agents);
        BOOST_TEST(!read.has_value(), l.what << " as " << l.with << ": " << line);
        if (!read) BOOST_TEST(info(read.error().code).name == "store.corrupt");
    }
}

BOOST_AUTO_TEST_CASE(an_agent_that_is_not_known_is_named) {
    const journal_of j = some_journal();
    std::vector<snapshot_ptr> none;
    listed_snapshots nobody(none);
    engine_state state;
    const auto line = replay_line(state, j.lines[0], nobody);
    BOOST_REQUIRE(!line.has_value());
    BOOST_TEST(info(line.error().code).name == "store.snapshot");
    BOOST_TEST(line.error().message.find("`a`") != std::string::npos);
    const auto decoded = decode_state(encode_state(j.states.back()), nobody);
    BOOST_REQUIRE(!decoded.has_value());
    BOOST_TEST(info(decoded.error().code).name == "store.snapshot");
}

BOOST_AUTO_TEST_CASE(a_state_with_anything_missing_or_of_another_kind_is_refused) {
    const journal_of j = some_journal();
    listed_snapshots agents(j.agents);
    const std::string text = encode_state(j.states.back());
    BOOST_REQUIRE(decode_state(text, agents));
    BOOST_CHECK(!decode_state("", agents));
    BOOST_CHECK(!decode_state(text + " ", agents));
    BOOST_CHECK(!decode_state("{}", agents));
    for (const char* member : {"agents", "finished_runs", "journal", "last_run", "runs", "v"}) {
        BOOST_TEST(!decode_state(
                        replaced(text, "\"" + std::string(member) + "\":", "\"" + std::string(member) + "_\":"), agents)
                        .has_value(),
                   member);
    }
    for (const auto& [what, with] : std::vector<std::pair<const char*, const char*>>{
             {"\"v\":1", "\"v\":2"},
             {"\"active\":1", "\"active\":3"},
             {"\"active\":1", "\"active\":2"},
             {"\"waiting\":[3]", "\"waiting\":[]"},
             {"\"waiting\":[3]", "\"waiting\":[3,3]"},
             {"\"waiting\":[3]", "\"waiting\":[1]"},
             {"\"waiting\":[3]", "\"waiting\":[\"3\"]"},
             {"\"last_run\":3", "\"last_run\":2"},
             {"\"kind\":\"skill\"", "\"kind\":\"model\""},
             {"\"next_step\":1", "\"next_step\":3"},
             {"\"spent\":0", "\"spent\":-1"},
             {"\"last_call\":2", "\"last_call\":1"},
             {"\"reserved\":5", "\"reserved\":6"},
         }) {
        BOOST_TEST(!decode_state(replaced(text, what, with), agents).has_value(), what << " as " << with);
    }
}

// ---- from a store ------------------------------------------------------------------------------------------------------

namespace {

/// Writes the lines into a store, as a driver does.
void fill(memory_store& store, const journal_of& j) {
    digest_chain chain;
    instant t = spec::start;
    for (std::size_t i = 0; i < j.lines.size(); ++i) {
        t = instant{*as_integer(*member(json(j.lines[i]), "at"))};
        const journal_record record{{i + 1}, t, j.lines[i], chain.append(j.lines[i])};
        BOOST_REQUIRE(store.commit({&record, 1}) == commit_outcome::ok);
    }
}

} // namespace

BOOST_AUTO_TEST_CASE(a_state_is_read_from_the_journal_alone_or_from_a_snapshot_and_the_rest) {
    const journal_of j = some_journal();
    listed_snapshots agents(j.agents);
    memory_store store;
    fill(store, j);
    const auto whole = read_state(store, agents);
    BOOST_REQUIRE(whole.has_value());
    BOOST_CHECK(whole->state == j.states.back());
    BOOST_TEST(whole->records_read == j.lines.size());
    BOOST_CHECK(whole->chain == store.head()->chain);
    BOOST_REQUIRE(store.save_snapshot({{5}, spec::start, store.chain(5), encode_state(j.states[5])}));
    const auto rest = read_state(store, agents);
    BOOST_REQUIRE(rest.has_value());
    BOOST_CHECK(rest->state == j.states.back());
    BOOST_TEST(rest->records_read == j.lines.size() - 5);
    BOOST_CHECK(rest->chain == whole->chain && rest->at == whole->at && rest->seq == whole->seq);
    BOOST_TEST(rest->warnings.empty());
    BOOST_REQUIRE(store.save_snapshot({{5}, spec::start, store.chain(5), "nonsense"}));
    const auto again = read_state(store, agents);
    BOOST_REQUIRE(again.has_value());
    BOOST_CHECK(again->state == j.states.back());
    BOOST_TEST(again->records_read == j.lines.size());
    BOOST_TEST(again->warnings.size() == 1U);
}

BOOST_AUTO_TEST_CASE(an_empty_journal_leads_to_an_empty_state) {
    memory_store store;
    std::vector<snapshot_ptr> none;
    listed_snapshots agents(none);
    const auto read = read_state(store, agents);
    BOOST_REQUIRE(read.has_value());
    BOOST_CHECK(read->state == engine_state{});
    BOOST_TEST(read->seq.value == 0U);
}

BOOST_AUTO_TEST_CASE(a_record_that_cannot_be_read_back_is_named) {
    journal_of j = some_journal();
    listed_snapshots agents(j.agents);
    j.lines[6] = replaced(j.lines[6], "\"call\":2", "\"call\":8");
    memory_store store;
    fill(store, j);
    const auto read = read_state(store, agents);
    BOOST_REQUIRE(!read.has_value());
    BOOST_TEST(info(read.error().code).name == "store.corrupt");
    BOOST_TEST(read.error().message.find("record 7") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_record_whose_time_is_not_the_one_of_its_line_is_corrupt) {
    const journal_of j = some_journal();
    listed_snapshots agents(j.agents);
    memory_store store;
    digest_chain chain;
    for (std::size_t i = 0; i < j.lines.size(); ++i) {
        const instant at = i + 1 == j.lines.size() ? j.now + seconds(1) : spec::start;
        const journal_record record{{i + 1}, at, j.lines[i], chain.append(j.lines[i])};
        BOOST_REQUIRE(store.commit({&record, 1}) == commit_outcome::ok);
    }
    const auto read = read_state(store, agents);
    BOOST_REQUIRE(!read.has_value());
    BOOST_TEST(info(read.error().code).name == "store.corrupt");
    BOOST_TEST(read.error().message.find("record " + std::to_string(j.lines.size())) != std::string::npos);
    BOOST_TEST(read.error().message.find("time") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_snapshot_that_the_journal_does_not_go_on_from_is_passed_over_with_a_warning) {
    const journal_of j = some_journal();
    listed_snapshots agents(j.agents);
    memory_store store;
    fill(store, j);
    BOOST_REQUIRE(store.save_snapshot({{6}, spec::start, store.chain(6), encode_state(j.states[3])}));
    const auto read = read_state(store, agents);
    BOOST_REQUIRE(read.has_value());
    BOOST_CHECK(read->state == j.states.back());
    BOOST_TEST(read->records_read == j.lines.size());
    BOOST_CHECK(read->chain == store.head()->chain);
    BOOST_REQUIRE(read->warnings.size() == 1U);
    BOOST_TEST(read->warnings[0].find("snapshot at record 6") != std::string::npos);
    BOOST_TEST(read->warnings[0].find("record 7") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(where_the_journal_itself_is_wrong_no_snapshot_is_blamed) {
    journal_of j = some_journal();
    listed_snapshots agents(j.agents);
    j.lines[6] = replaced(j.lines[6], "\"call\":2", "\"call\":8");
    memory_store store;
    fill(store, j);
    BOOST_REQUIRE(store.save_snapshot({{5}, spec::start, store.chain(5), encode_state(j.states[5])}));
    const auto read = read_state(store, agents);
    BOOST_REQUIRE(!read.has_value());
    BOOST_TEST(info(read.error().code).name == "store.corrupt");
    BOOST_TEST(read.error().message.find("record 7") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
