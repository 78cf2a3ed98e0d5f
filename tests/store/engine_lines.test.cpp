// Lines as the engine writes them, derived into tables: finds a format that one side changed alone.
#include "runtime/store/projector.hpp"

#include <boost/test/unit_test.hpp>

#include "aivp/engine/engine.hpp"
#include "tests/store/contract.hpp"
#include "tests/store/scratch.hpp"

using namespace aivp;
using store_test::chain_writer;
using store_test::options_for;
using store_test::scratch_folder;

namespace {

using strings = std::vector<std::string>;

strings rows(sqlite_store& s, const std::string& sql) {
    const auto found = s.query(sql, 100);
    BOOST_REQUIRE_MESSAGE(found.has_value(), (found ? "" : to_string(found.error())));
    strings out;
    for (const auto& row : found->rows) {
        std::string text;
        for (const auto& cell : row) text += (text.empty() ? "" : "|") + cell.value_or("NULL");
        out.push_back(text);
    }
    return out;
}

/// One record of the given run with the given events.
void add(chain_writer& w, run_id run, std::vector<engine_event> events) {
    const std::uint64_t seq = w.written() + 1;
    const input_envelope input{{seq}, {static_cast<std::int64_t>(seq)}, input_source::connector, run,
                               {0},   cancel_run{run, "because"}};
    decision d;
    d.events = std::move(events);
    std::string line;
    append_journal_line(line, input, d);
    BOOST_CHECK(w.write_line(line) == commit_outcome::ok);
}

} // namespace

BOOST_AUTO_TEST_SUITE(store_engine_lines)

BOOST_AUTO_TEST_CASE(what_the_engine_writes_is_what_the_tables_hold) {
    const scratch_folder folder;
    auto opened = sqlite_store::open(options_for(folder.file()));
    BOOST_REQUIRE(opened.has_value());
    sqlite_store& s = **opened;
    chain_writer w(s);

    effect_key key;
    key.bytes.fill(0xab);
    const auto refused = std::make_shared<refusal>();
    const auto answer = std::make_shared<model_response>();
    answer->content = payload::of_string("say \"hi\"");
    answer->usage = {10, 20, 5, true};
    const auto outcome = std::make_shared<structured_outcome>();
    outcome->status = outcome_status::failure;
    outcome->code = errc::store_full;
    outcome->message = "no room";
    outcome->cost = {77};
    outcome->latency = {99};

    trigger_accepted accepted{{2}, 1, {5}, {400}, *payload::parse(R"({"a":1})"), false};
    add(w, {0}, {accepted, run_started{{5}}, timer_armed{{5}, {900}}});
    model_requested asked;
    asked.run = {5};
    asked.call = {1};
    asked.reserved = {50};
    asked.deadline = {800};
    add(w, {5}, {asked});
    model_settled said;
    said.run = {5};
    said.call = {1};
    said.response = answer;
    said.cost = {40};
    call_intended intended;
    intended.run = {5};
    intended.call = {2};
    intended.step = 3;
    intended.binding = 4;
    intended.arguments = *payload::parse(R"({"to":"x"})");
    intended.arguments_hash = intended.arguments.hash();
    intended.idempotency_key = key;
    intended.deadline = {801};
    call_refused no;
    no.run = {5};
    no.call = {3};
    no.as = "pay";
    no.why = refused;
    add(w, {5}, {said, intended, no});
    call_settled settled;
    settled.run = {5};
    settled.call = {2};
    settled.result = *payload::parse(R"({"ok":true})");
    step_finished step;
    step.run = {5};
    step.step = 3;
    add(w, {5}, {settled, step});
    add(w, {5}, {run_finished{{5}, outcome}, timer_armed{{6}, {950}}});

    BOOST_TEST(*projector(s).catch_up() == 5U);
    const auto same = [&](const std::string& sql, const strings& expected) {
        BOOST_TEST(rows(s, sql) == expected, boost::test_tools::per_element());
    };
    same("SELECT run, agent, \"trigger\", scheduled_for, state, status, code, message, cost_usd_micros, latency_us, "
         "body "
         "FROM v_runs",
         {R"(5|2|1|400|finished|failure|store.full|no room|77|99|{"a":1})"});
    same("SELECT call, kind, state, step, binding, key, request, response, outcome, code, cost_usd_micros, deadline, "
         "input_tokens, output_tokens FROM v_calls WHERE call < 3 AND kind = 'skill'",
         {R"(2|skill|settled|3|4|abababababababababababababababab|{"to":"x"}|{"ok":true}|ok|ok|0|801|NULL|NULL)"});
    same("SELECT call, state, response, outcome, code, cost_usd_micros, reserved_usd_micros, input_tokens, "
         "output_tokens "
         "FROM v_calls WHERE kind = 'model'",
         {R"(1|settled|"say \"hi\""|ok|ok|40|50|10|20)"});
    same("SELECT call, state, name, code, stage FROM v_calls WHERE state = 'refused'",
         {"3|refused|pay|policy.no_rule|policy"});
    same("SELECT run, step, status, code FROM v_steps", {"5|3|success|ok"});
    same("SELECT due, run FROM v_timers", {"950|6"});
    same("SELECT kind, run, code FROM v_dead_letters", {"run|5|store.full"});
    same("SELECT key, outcome FROM v_idempotency WHERE kind = 'skill'", {"abababababababababababababababab|ok"});
    same("SELECT DISTINCT run FROM v_journal ORDER BY 1", {"NULL", "5"});
}

BOOST_AUTO_TEST_SUITE_END()
