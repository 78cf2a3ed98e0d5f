#include "mocks/connector.hpp"

#include <boost/test/unit_test.hpp>

#include "support.hpp"

using namespace aivp;
using namespace aivp::mocks_test;

namespace {
constexpr std::string_view shop = R"({"payment":{"customers":{"cus-anna":{"funds_cents":1000}}}})";
constexpr std::string_view charge = R"({"customer":"cus-anna","amount_cents":300,"currency":"EUR","order":"o-1"})";
} // namespace

BOOST_AUTO_TEST_SUITE(mocks_connector)

BOOST_AUTO_TEST_CASE(a_skill_reaches_the_mock_named_by_its_first_part) {
    mocked w(R"({"kv":{},"files":{"files":{"/a.txt":"hello"}}})");
    BOOST_TEST(w.text("files.read", R"({"path":"/a.txt"})") == R"({"content":"hello","path":"/a.txt","size":5})");
    BOOST_TEST(w.text("kv.get", R"({"key":"k"})") == R"({"found":false,"value":null})");
    BOOST_TEST(w.ledger.size() == 2u);
}

BOOST_AUTO_TEST_CASE(a_skill_without_a_mock_fails_and_never_reaches_the_world) {
    mocked w(R"({"kv":{}})");
    BOOST_TEST(w.text("mail.send", "{}") == R"(connector.missing: no mock serves "mail.send"; this world has "kv")");
    BOOST_TEST(w.text("plain", "{}").starts_with("connector.missing"));
    BOOST_TEST(w.ledger.size() == 0u);
}

BOOST_AUTO_TEST_CASE(a_failure_shows_code_and_message_to_the_model) {
    mocked w(R"({"files":{}})");
    const auto c = w.call("files.read", R"({"path":"/none"})");
    BOOST_TEST((c.outcome == effect_outcome::failed));
    BOOST_TEST((c.code == errc::skill_not_found));
    BOOST_TEST(c.result.text() == R"({"error":"skill.not_found","message":"files: there is no file \"/none\""})");
    BOOST_TEST(w.ledger.entries().at(0).target == "/none");
    BOOST_TEST((w.ledger.entries().at(0).code == errc::skill_not_found));
}

BOOST_AUTO_TEST_CASE(the_same_key_with_the_same_arguments_has_one_effect) {
    mocked w(shop);
    const auto first = w.call("payment.charge", charge, {.key = "k1"});
    const auto second = w.call("payment.charge", charge, {.run = 9, .key = "k1"});
    BOOST_TEST(first.result.text() == R"({"charge_id":"ch-1","receipt_token":"receipt-1","status":"succeeded"})");
    BOOST_TEST(first.result.text() == second.result.text());
    BOOST_TEST(second.ref.run.value == 9u);
    BOOST_TEST(w.ledger.entries().at(1).duplicate_of == 1u);
    BOOST_TEST(w.ledger.effects() == 1u);
    BOOST_TEST(w.text("payment.balance", R"({"customer":"cus-anna"})") ==
               R"({"charged_cents":300,"currency":"EUR","funds_cents":700,"refunded_cents":0})");
}

BOOST_AUTO_TEST_CASE(the_same_key_with_other_arguments_is_refused) {
    mocked w(shop);
    w.call("payment.charge", charge, {.key = "k1"});
    const auto c =
        w.call("payment.charge", R"({"customer":"cus-anna","amount_cents":301,"currency":"EUR","order":"o-1"})",
               {.key = "k1"});
    BOOST_TEST((c.code == errc::idem_other_args));
    BOOST_TEST((w.call("payment.refund", R"({"charge_id":"ch-1","amount_cents":1})", {.key = "k1"}).code ==
                errc::idem_other_args));
    BOOST_TEST(w.ledger.effects() == 1u);
}

BOOST_AUTO_TEST_CASE(another_key_and_no_key_are_other_effects) {
    mocked w(shop);
    for (const std::string_view key : {"k1", "k2", "", ""})
        w.call("payment.charge", R"({"customer":"cus-anna","amount_cents":1,"currency":"EUR","order":"o"})",
               {.key = key});
    BOOST_TEST(w.ledger.effects() == 4u);
}

BOOST_AUTO_TEST_CASE(a_keyed_call_that_failed_may_be_tried_again) {
    mocked w(R"({"chat":{"channels":{}}})");
    BOOST_TEST((w.call("chat.post", R"({"channel":"#ops","text":"x"})", {.key = "k"}).code == errc::skill_not_found));
    BOOST_TEST(w.connector.seed(js(R"({"chat":{"channels":{"#ops":[]}}})")).has_value());
    BOOST_TEST(w.text("chat.post", R"({"channel":"#ops","text":"x"})", {.key = "k"}) == R"({"id":"post-1"})");
}

BOOST_AUTO_TEST_CASE(the_effect_comes_at_once_and_the_answer_after_its_latency) {
    mocked w(shop);
    w.connector.set_latencies(latency_table::parse(js(R"("2s")")).value());
    collecting_sink sink;
    const instant start = w.world.now();
    w.connector.call(skill_call("payment.charge", js(charge), 1), sink);
    BOOST_TEST(sink.skills.empty());
    BOOST_TEST(w.ledger.effects() == 1u);
    BOOST_TEST(w.connector.open_calls() == 1u);
    w.world.run_all();
    BOOST_REQUIRE(sink.skills.size() == 1u);
    BOOST_TEST((w.world.now() - start).us == 2'000'000);
    BOOST_TEST(w.connector.open_calls() == 0u);
}

BOOST_AUTO_TEST_CASE(cancelling_drops_the_answer_and_leaves_the_effect) {
    mocked w(shop);
    w.connector.set_latencies(latency_table::parse(js(R"("2s")")).value());
    collecting_sink sink;
    w.connector.call(skill_call("payment.charge", js(charge), 1), sink);
    w.connector.call(skill_call("payment.charge", js(charge), 2), sink);
    w.connector.cancel({{1}, {1}});
    w.world.run_all();
    BOOST_REQUIRE(sink.skills.size() == 1u);
    BOOST_TEST(sink.skills[0].ref.call.value == 2u);
    BOOST_TEST(w.ledger.effects() == 2u);
    w.connector.call(skill_call("payment.charge", js(charge), 3), sink);
    w.world.run_all();
    BOOST_TEST(sink.skills.size() == 2u);
}

BOOST_AUTO_TEST_CASE(without_synchronous_completion_even_no_latency_goes_through_the_world) {
    manual_world world;
    world_ledger ledger;
    mock_connector connector(world, ledger, {.seed = 0, .synchronous = false});
    connector.add(make_mock("kv"));
    collecting_sink sink;
    connector.call(skill_call("kv.get", js(R"({"key":"k"})"), 1), sink);
    BOOST_TEST(sink.skills.empty());
    BOOST_TEST(world.waiting() == 1u);
    world.run_all();
    BOOST_TEST(sink.skills.size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_dump_seeds_the_same_world_again) {
    mocked w(R"({"kv":{"values":{"tester":{"a":1}}},"files":{"files":{"/x/ä~1.txt":"1"}},
        "mail":{"messages":[{"from":"a@x.test","received_at":"2026-03-01T08:00:00Z","subject":"s"}]},
        "chat":{"channels":{"#ops":[{"user":"u","text":"t","at":"2026-03-01T08:00:00Z"}]}},
        "calendar":{"calendars":{"primary":[{"title":"t","start":"2026-03-03T08:00:00Z","end":"2026-03-03T09:00:00Z"}]}},
        "sheet":{"sheets":{"s":{"Sheet1":[[1,"a",null]]}}},"expense":{},
        "http":{"routes":[{"url":"https://x.test/a","body":{"n":1}}]},
        "payment":{"customers":{"cus-anna":{"funds_cents":50}}}})");
    w.call("kv.incr", R"({"key":"a"})");
    w.call("files.write", R"({"path":"/y","content":"2"})");
    w.call("mail.send", R"({"to":["me@example.test"],"subject":"s","body":"b","reply_to_id":"msg-s1"})");
    w.call("chat.post", R"({"channel":"#ops","text":"x","thread":"post-s1"})");
    w.call("calendar.create_event", R"({"title":"t","start":"2026-03-03T08:30:00Z","end":"2026-03-03T09:30:00Z"})");
    w.call("sheet.append", R"({"sheet":"s","rows":[["x"]]})");
    w.call("http.get", R"({"url":"https://x.test/a"})");
    w.call("payment.charge", R"({"customer":"cus-anna","amount_cents":20,"currency":"EUR","order":"o"})");
    w.call("payment.refund", R"({"charge_id":"ch-1","amount_cents":5})");
    BOOST_TEST(w.ledger.count("", effect_outcome::ok) == 9u);
    mocked again(w.connector.dump().text());
    BOOST_TEST(again.connector.dump().text() == w.connector.dump().text());
    BOOST_TEST(again.text("mail.send", R"({"to":["b@x.test"],"subject":"s","body":"b"})") ==
               w.text("mail.send", R"({"to":["b@x.test"],"subject":"s","body":"b"})"));
}

BOOST_AUTO_TEST_CASE(a_failed_seed_changes_nothing) {
    mocked w(R"({"kv":{"values":{"tester":{"a":1}}}})");
    const auto before = std::string(w.connector.dump().text());
    const auto seeded = w.connector.seed(js(R"({"kv":{"values":{"tester":3}}})"));
    BOOST_REQUIRE(!seeded);
    BOOST_TEST(seeded.error().context.at(0).second == "/kv/values/tester");
    BOOST_TEST(w.connector.dump().text() == before);
}

BOOST_AUTO_TEST_CASE(every_mock_can_be_made_and_knows_its_name_and_operations) {
    for (const std::string& name : mock_names()) {
        const auto service = make_mock(name);
        BOOST_REQUIRE(service != nullptr);
        BOOST_TEST(service->name() == name);
        BOOST_TEST(std::ranges::is_sorted(service->operations()));
        std::string target;
        for (const std::string& operation : service->operations()) {
            const auto answer = service->perform({operation, "a", js(R"({"nonsense":1})"), {}}, target);
            BOOST_REQUIRE(!answer);
            BOOST_TEST((answer.error().code == errc::skill_bad_request),
                       name << "." << operation << ": " << to_string(answer.error()));
        }
        const auto unknown = service->perform({"fly", "a", js("{}"), {}}, target);
        BOOST_REQUIRE(!unknown);
        BOOST_TEST((unknown.error().code == errc::skill_unknown_operation));
    }
    BOOST_TEST((make_mock("nothing") == nullptr));
}

BOOST_AUTO_TEST_SUITE_END()
