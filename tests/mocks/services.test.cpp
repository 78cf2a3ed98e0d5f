#include "mocks/service.hpp"

#include <boost/test/unit_test.hpp>

#include "support.hpp"

using namespace aivp;
using namespace aivp::mocks_test;

namespace {
constexpr std::string_view mailbox =
    R"({"mail":{"address":"me@example.test","undeliverable":["gone@x.test"],"messages":[
  {"id":"m1","from":"Anna Ek <anna@shop.test>","subject":"Invoice 771","body":"Please pay 12.50 EUR","received_at":"2026-03-01T08:00:00Z","labels":["unread","bill"]},
  {"id":"m2","from":"bob@work.test","to":["team@work.test"],"subject":"Re: lunch","body":"Noon?","received_at":"2026-03-02T08:30:00Z"},
  {"id":"m3","thread":"m2","from":"eve@work.test","subject":"lunch","body":"Invoice me","received_at":"2026-02-01T08:00:00Z","labels":["unread"],
   "attachments":[{"name":"menu.pdf","media_type":"application/pdf"}]},
  {"id":"m4","folder":"archive","from":"old@x.test","subject":"Invoice 1","received_at":"2025-01-01T00:00:00Z"}]}})";

std::vector<std::string> found(mocked& w, const std::string& arguments) {
    std::vector<std::string> ids;
    const auto c = w.call("mail.search", arguments);
    for (const payload& m : items(member(c.result, "messages").value_or(payload())))
        ids.push_back(as_string(*member(m, "id")).value());
    return ids;
}
using texts = std::vector<std::string>;
} // namespace

BOOST_AUTO_TEST_SUITE(mocks_services)

BOOST_AUTO_TEST_CASE(mail_search_understands_words_operators_and_filters) {
    mocked w(mailbox);
    const auto query = [&](std::string_view q) {
        return found(w, std::string(R"({"query":)") + std::string(payload::of_string(q).text()) + "}");
    };
    BOOST_TEST(found(w, "{}") == (texts{"m2", "m1", "m3"}), boost::test_tools::per_element());
    BOOST_TEST(query("invoice") == (texts{"m1", "m3"}), boost::test_tools::per_element());
    BOOST_TEST(query("subject:invoice") == (texts{"m1"}), boost::test_tools::per_element());
    BOOST_TEST(query("from:WORK.test") == (texts{"m2", "m3"}), boost::test_tools::per_element());
    BOOST_TEST(query("to:team@work.test") == (texts{"m2"}), boost::test_tools::per_element());
    BOOST_TEST(query("is:unread") == (texts{"m1", "m3"}), boost::test_tools::per_element());
    BOOST_TEST(query("is:read") == (texts{"m2"}), boost::test_tools::per_element());
    BOOST_TEST(query("label:bill") == (texts{"m1"}), boost::test_tools::per_element());
    BOOST_TEST(query("-label:unread") == (texts{"m2"}), boost::test_tools::per_element());
    BOOST_TEST(query("has:attachment") == (texts{"m3"}), boost::test_tools::per_element());
    BOOST_TEST(query("\"pay 12.50\"") == (texts{"m1"}), boost::test_tools::per_element());
    BOOST_TEST(query("from:\"anna ek\"") == (texts{"m1"}), boost::test_tools::per_element());
    BOOST_TEST(query("re: lunch") == (texts{"m2"}), boost::test_tools::per_element());
    BOOST_TEST(query("after:2026-03-01 before:2026-03-02") == (texts{"m1"}), boost::test_tools::per_element());
    BOOST_TEST(query("invoice lunch") == (texts{"m3"}), boost::test_tools::per_element());
    BOOST_TEST(query("nothing like it").empty());
    BOOST_TEST(found(w, R"({"folder":"archive"})") == (texts{"m4"}), boost::test_tools::per_element());
    BOOST_TEST(found(w, R"({"newer_than_days":2})") == (texts{"m2", "m1"}), boost::test_tools::per_element());
    BOOST_TEST(found(w, R"({"label":"unread","without_label":"bill"})") == (texts{"m3"}),
               boost::test_tools::per_element());
    BOOST_TEST(found(w, R"({"limit":1})") == (texts{"m2"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(mail_read_gives_the_whole_message_and_changes_nothing) {
    mocked w(mailbox);
    const auto before = std::string(w.connector.dump().text());
    BOOST_TEST(
        w.text("mail.read", R"({"id":"m3"})") ==
        R"({"attachments":[{"handle":"m3/0","media_type":"application/pdf","name":"menu.pdf"}],"body":"Invoice me","from":"eve@work.test",)"
        R"("id":"m3","labels":["unread"],"received_at":"2026-02-01T08:00:00Z","subject":"lunch","thread":"m2","to":["me@example.test"]})");
    BOOST_TEST(w.text("mail.read", R"({"id":"m9"})") ==
               R"(skill.not_found: mail: there is no message "m9"; there are "m1", "m2", "m3", "m4")");
    BOOST_TEST(w.connector.dump().text() == before);
}

BOOST_AUTO_TEST_CASE(mail_sent_lands_in_sent_and_in_the_thread_that_it_answers) {
    mocked w(mailbox);
    BOOST_TEST(
        w.text("mail.send", R"({"to":["bob@work.test"],"subject":"Re: lunch","body":"ok","reply_to_id":"m3"})") ==
        R"({"id":"msg-1"})");
    BOOST_TEST(found(w, R"({"folder":"sent"})") == (texts{"msg-1"}), boost::test_tools::per_element());
    const auto thread = w.call("mail.thread", R"({"id":"m2"})");
    BOOST_TEST(as_integer(*member(thread.result, "count")).value() == 3);
    BOOST_TEST(w.ledger.entries().at(0).target == "bob@work.test");
    BOOST_TEST(w.text("mail.send", R"({"to":["gone@x.test"],"subject":"s","body":"b"})") ==
               R"(skill.conflict: mail: the server refuses the recipient "gone@x.test")");
    BOOST_TEST(w.text("mail.send", R"({"to":["me@example.test"],"subject":"note","body":"b"})") == R"({"id":"msg-2"})");
    BOOST_TEST(found(w, R"({"query":"is:unread note"})") == (texts{"msg-3"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(ids_are_never_minted_twice_whatever_ids_were_seeded) {
    mocked w(R"({"mail":{"messages":[{"id":"msg-7","from":"a@x.test","received_at":"2026-03-01T08:00:00Z"},
        {"id":"msg-007","from":"a@x.test","received_at":"2026-03-01T08:00:00Z"},{"id":"msg-9x","from":"a@x.test","received_at":"2026-03-01T08:00:00Z"},
        {"id":"msg-99999999999999999999","from":"a@x.test","received_at":"2026-03-01T08:00:00Z"}]},
        "chat":{"channels":{"#a":[],"#b":[{"id":"post-3","user":"u","text":"t","at":"2026-03-01T08:00:00Z"}]}},
        "calendar":{"calendars":{"x":[{"id":"evt-2","title":"t","start":"2026-03-03T08:00:00Z","end":"2026-03-03T09:00:00Z"}]}},
        "payment":{"customers":{"cus-a":{}},"charges":{"ch-4":{"customer":"cus-a","amount_cents":1}}}})");
    BOOST_TEST(w.text("mail.send", R"({"to":["b@x.test"],"subject":"s","body":"b"})") == R"({"id":"msg-8"})");
    BOOST_TEST(w.text("chat.post", R"({"channel":"#a","text":"x"})") == R"({"id":"post-4"})");
    BOOST_TEST(w.text("calendar.create_event",
                      R"({"title":"t","start":"2026-03-03T08:00:00Z","end":"2026-03-03T09:00:00Z"})") ==
               R"({"conflicts":[],"id":"evt-3"})");
    BOOST_TEST(w.text("payment.charge", R"({"customer":"cus-a","amount_cents":1,"currency":"EUR","order":"o"})")
                   .find("ch-5") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(mail_labels_count_the_messages_that_changed) {
    mocked w(mailbox);
    BOOST_TEST(w.text("mail.label", R"({"ids":["m1","m2"],"add":["bill"],"remove":["unread"]})") == R"({"changed":2})");
    BOOST_TEST(w.text("mail.label", R"({"ids":["m1","m2"],"add":["bill"]})") == R"({"changed":0})");
    BOOST_TEST(w.text("mail.label", R"({"ids":["m1","m9"],"add":["x"]})").starts_with("skill.not_found"));
    BOOST_TEST(found(w, R"({"label":"x"})").empty());
    BOOST_TEST(found(w, R"({"query":"is:unread"})") == (texts{"m3"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(chat_posts_in_known_channels_and_shows_the_history) {
    mocked w(
        R"({"chat":{"user":"bot","channels":{"#ops":[{"id":"p0","user":"anna","text":"down?","at":"2026-03-02T08:00:00Z"}],"#dev":[]}}})");
    BOOST_TEST(w.text("chat.post", R"({"channel":"#ops","text":"looking","thread":"p0"})") == R"({"id":"post-1"})");
    BOOST_TEST(w.text("chat.history", R"({"channel":"#ops"})") ==
               R"({"count":2,"messages":[{"at":"2026-03-02T08:00:00Z","id":"p0","text":"down?","user":"anna"},)"
               R"({"at":"2026-03-02T09:00:00Z","id":"post-1","text":"looking","thread":"p0","user":"bot"}]})");
    BOOST_TEST(
        w.text("chat.history", R"({"channel":"#ops","limit":1,"since":"2026-03-02T08:30:00Z"})").find("post-1") !=
        std::string::npos);
    BOOST_TEST(w.text("chat.channels", "{}") == R"({"channels":["#dev","#ops"]})");
    BOOST_TEST(w.text("chat.post", R"({"channel":"#none","text":"x"})") ==
               R"(skill.not_found: chat: there is no channel "#none"; there are "#dev", "#ops")");
    BOOST_TEST(w.text("chat.post", R"({"channel":"#dev","text":"x","thread":"p0"})").starts_with("skill.not_found"));
    mocked open(R"({"chat":{"open":true}})");
    BOOST_TEST(open.text("chat.post", R"({"channel":"#new","text":"x"})") == R"({"id":"post-1"})");
}

BOOST_AUTO_TEST_CASE(calendar_lists_what_overlaps_the_window_and_merges_busy_times) {
    mocked w(R"({"calendar":{"calendars":{"primary":[
        {"id":"a","title":"A","start":"2026-03-03T08:00:00Z","end":"2026-03-03T09:00:00Z"},
        {"id":"b","title":"B","start":"2026-03-03T08:30:00+00:00","end":"2026-03-03T10:00:00Z","attendees":["x@y.test"]},
        {"id":"c","title":"C","start":"2026-03-03T11:00:00Z","end":"2026-03-03T12:00:00Z"}]}}})");
    const auto ids = [&](std::string_view from, std::string_view to) {
        texts out;
        const auto c =
            w.call("calendar.list", R"({"from":")" + std::string(from) + R"(","to":")" + std::string(to) + "\"}");
        for (const payload& e : items(*member(c.result, "events"))) out.push_back(as_string(*member(e, "id")).value());
        return out;
    };
    BOOST_TEST(ids("2026-03-03T00:00:00Z", "2026-03-04T00:00:00Z") == (texts{"a", "b", "c"}),
               boost::test_tools::per_element());
    BOOST_TEST(ids("2026-03-03T09:00:00Z", "2026-03-03T11:00:00Z") == (texts{"b"}), boost::test_tools::per_element());
    BOOST_TEST(
        w.text("calendar.free_busy", R"({"from":"2026-03-03T08:15:00Z","to":"2026-03-03T11:30:00Z"})") ==
        R"({"busy":[{"end":"2026-03-03T10:00:00Z","start":"2026-03-03T08:15:00Z"},{"end":"2026-03-03T11:30:00Z","start":"2026-03-03T11:00:00Z"}]})");
    BOOST_TEST(w.text("calendar.create_event",
                      R"({"title":"N","start":"2026-03-03T09:30:00Z","end":"2026-03-03T11:30:00Z"})") ==
               R"({"conflicts":["b","c"],"id":"evt-1"})");
    BOOST_TEST(w.text("calendar.delete_event", R"({"id":"evt-1"})") == R"({"deleted":true})");
    BOOST_TEST(w.text("calendar.delete_event", R"({"id":"evt-1"})") == R"({"deleted":false})");
    BOOST_TEST(w.text("calendar.create_event",
                      R"({"title":"N","start":"2026-03-03T10:00:00Z","end":"2026-03-03T11:00:00Z"})") ==
               R"({"conflicts":[],"id":"evt-2"})");
    BOOST_TEST(w.text("calendar.list", R"({"calendar":"x","from":"2026-03-03T10:00:00Z","to":"2026-03-03T11:00:00Z"})")
                   .starts_with("skill.not_found"));
    mocked strict(R"({"calendar":{"refuse_conflicts":true}})");
    const auto event = R"({"title":"N","start":"2026-03-03T10:00:00Z","end":"2026-03-03T11:00:00Z"})";
    BOOST_TEST(strict.text("calendar.create_event", event) == R"({"conflicts":[],"id":"evt-1"})");
    BOOST_TEST(strict.text("calendar.create_event", event) ==
               R"(skill.conflict: calendar: "primary" is taken at that time by "evt-1")");
}

BOOST_AUTO_TEST_CASE(files_make_a_tree_that_nobody_leaves) {
    mocked w(
        R"({"files":{"files":{"/a/b.txt":"xy","/a/c/d.txt":"z"},"file_bytes_max":8,"total_bytes_max":12,"files_max":3}})");
    BOOST_TEST(w.text("files.list", R"({"folder":"/a"})") ==
               R"({"files":[{"modified_at":"1970-01-01T00:00:00Z","path":"/a/b.txt","size":2}]})");
    BOOST_TEST(items(*member(w.call("files.list", R"({"folder":"/","recursive":true})").result, "files")).size() == 2u);
    BOOST_TEST(w.text("files.list", R"({"folder":"/nope/"})") == R"({"files":[]})");
    BOOST_TEST(w.text("files.write", R"({"path":"/a/b.txt","content":"1","overwrite":false})") ==
               R"(skill.conflict: files: "/a/b.txt" exists)");
    BOOST_TEST(w.text("files.write", R"({"path":"/a/b.txt/x","content":"1"})") ==
               R"(skill.conflict: files: "/a/b.txt" is a file, not a folder)");
    BOOST_TEST(w.text("files.write", R"({"path":"/a/c","content":"1"})") ==
               R"(skill.conflict: files: "/a/c" is a folder)");
    BOOST_TEST(w.text("files.write", R"({"path":"/big","content":"123456789"})").starts_with("skill.bad_request"));
    BOOST_TEST(w.text("files.write", R"({"path":"/one","content":"12345678"})") == R"({"path":"/one","size":8})");
    BOOST_TEST(w.text("files.write", R"({"path":"/a/b.txt","content":"1234"})") ==
               "skill.conflict: files: the disk is full");
    BOOST_TEST(w.text("files.write", R"({"path":"/two","content":""})")
                   .starts_with("skill.conflict: files: there are 3 files"));
    BOOST_TEST(w.text("files.move", R"({"from":"/one","to":"/a/b.txt"})") ==
               R"(skill.conflict: files: "/a/b.txt" exists)");
    BOOST_TEST(w.text("files.move", R"({"from":"/one","to":"/a/b.txt","overwrite":true})") == R"({"path":"/a/b.txt"})");
    BOOST_TEST(w.text("files.move", R"({"from":"/a/b.txt","to":"/a/b.txt/deeper"})") ==
               R"({"path":"/a/b.txt/deeper"})");
    BOOST_TEST(w.text("files.delete", R"({"path":"/a/b.txt/deeper"})") == R"({"deleted":true})");
    BOOST_TEST(w.text("files.delete", R"({"path":"/a/b.txt/deeper"})") == R"({"deleted":false})");
    for (const std::string_view path :
         {"a.txt", "/a/../etc/passwd", "/./a", "/a//b", "/a/", "/", "", "/a\\\\b", "/a\\u0000b", "/.."}) {
        const auto c = w.call("files.read", R"({"path":")" + std::string(path) + "\"}");
        BOOST_TEST((c.code == errc::io_unsafe_path), path << ": " << c.message);
    }
}

BOOST_AUTO_TEST_CASE(kv_keeps_values_by_agent_with_versions) {
    mocked w(R"({"kv":{"values":{"tester":{"cursor":5}}}})");
    BOOST_TEST(w.text("kv.get", R"({"key":"cursor"})") == R"({"found":true,"value":5,"version":1})");
    BOOST_TEST(w.text("kv.get", R"({"key":"cursor"})", {.agent = "other"}) == R"({"found":false,"value":null})");
    BOOST_TEST(w.text("kv.set", R"({"key":"cursor","value":{"a":[1]},"if_version":1})") ==
               R"({"previous":5,"version":2})");
    BOOST_TEST(w.text("kv.set", R"({"key":"cursor","value":1,"if_version":1})") ==
               R"(skill.conflict: kv: "cursor" has version 2, not 1)");
    BOOST_TEST(w.text("kv.set", R"({"key":"new","value":1,"if_version":0})") == R"({"previous":null,"version":3})");
    BOOST_TEST(w.text("kv.incr", R"({"key":"new","by":-3})") == R"({"value":-2,"version":4})");
    BOOST_TEST(w.text("kv.incr", R"({"key":"cursor"})") ==
               R"(skill.conflict: kv: "cursor" holds an object, not an integer)");
    BOOST_TEST(w.text("kv.set", R"({"key":"big","value":9223372036854775807})") == R"({"previous":null,"version":5})");
    BOOST_TEST(w.text("kv.incr", R"({"key":"big"})") == R"(skill.conflict: kv: "big" would overflow)");
    BOOST_TEST(w.text("kv.list", R"({"prefix":"c"})") == R"({"count":1,"keys":["cursor"]})");
    BOOST_TEST(w.text("kv.delete", R"({"key":"cursor","if_version":9})").starts_with("skill.conflict"));
    BOOST_TEST(w.text("kv.delete", R"({"key":"cursor"})") == R"({"deleted":true})");
    BOOST_TEST(w.text("kv.delete", R"({"key":"cursor"})") == R"({"deleted":false})");
}

BOOST_AUTO_TEST_CASE(kv_values_of_a_shared_namespace_belong_to_all_agents_that_name_it) {
    mocked w(R"({"kv":{"values":{"tester":{"k":"mine"},"shared:desk":{"k":"ours"}}}})");
    const call_options mine{}, shared{.space = "shared:desk"}, too{.agent = "other", .space = "shared:desk"};
    BOOST_TEST(w.text("kv.get", R"({"key":"k"})", mine) == R"({"found":true,"value":"mine","version":2})");
    BOOST_TEST(w.text("kv.set", R"({"key":"k","value":1})", shared) == R"({"previous":"ours","version":3})");
    BOOST_TEST(w.text("kv.incr", R"({"key":"k"})", too) == R"({"value":2,"version":4})");
    BOOST_TEST(w.text("kv.list", "{}", too) == R"({"count":1,"keys":["k"]})");
    BOOST_TEST(w.text("kv.get", R"({"key":"k"})", {.agent = "other"}) == R"({"found":false,"value":null})");
    BOOST_TEST(w.text("kv.get", R"({"key":"k"})", {.agent = "desk"}) == R"({"found":false,"value":null})");
    BOOST_TEST(w.text("kv.delete", R"({"key":"k"})", shared) == R"({"deleted":true})");
    BOOST_TEST(w.text("kv.get", R"({"key":"k"})", too) == R"({"found":false,"value":null})");
    BOOST_TEST(w.text("kv.get", R"({"key":"k"})", mine) == R"({"found":true,"value":"mine","version":2})");
    BOOST_TEST(w.ledger.entries().back().agent == "tester");
}

BOOST_AUTO_TEST_CASE(payments_decline_what_is_not_covered_and_refuse_refunds_beyond_the_charge) {
    mocked w(R"({"payment":{"customers":{"cus-anna":{"funds_cents":500},"cus-rich":{"currency":"USD"}}}})");
    const auto charge = [&](std::string_view who, int cents, std::string_view currency) {
        return w.text("payment.charge", R"({"customer":")" + std::string(who) + R"(","amount_cents":)" +
                                            std::to_string(cents) + R"(,"currency":")" + std::string(currency) +
                                            R"(","order":"o"})");
    };
    BOOST_TEST(charge("cus-anna", 501, "EUR") ==
               R"({"charge_id":"","reason":"insufficient funds","status":"declined"})");
    BOOST_TEST(charge("cus-anna", 5, "USD") ==
               R"({"charge_id":"","reason":"the customer pays in EUR","status":"declined"})");
    BOOST_TEST(charge("cus-none", 5, "USD").starts_with("skill.not_found"));
    BOOST_TEST(charge("cus-anna", 500, "EUR") ==
               R"({"charge_id":"ch-1","receipt_token":"receipt-1","status":"succeeded"})");
    BOOST_TEST(charge("cus-anna", 1, "EUR").find("declined") != std::string::npos);
    BOOST_TEST(charge("cus-rich", 1'000'000, "USD").find("succeeded") != std::string::npos);
    const auto refund = [&](int cents) {
        return w.text("payment.refund", R"({"charge_id":"ch-1","amount_cents":)" + std::to_string(cents) + "}");
    };
    BOOST_TEST(refund(200) == R"({"refund_id":"re-3","status":"succeeded"})");
    BOOST_TEST(refund(301) == R"({"refund_id":"","status":"refused","why":"only 300 cents of the charge are left"})");
    BOOST_TEST(refund(300) == R"({"refund_id":"re-4","status":"succeeded"})");
    BOOST_TEST(refund(1) == R"({"refund_id":"","status":"refused","why":"the charge is refunded wholly"})");
    BOOST_TEST(w.text("payment.refund", R"({"charge_id":"ch-9","amount_cents":1})").starts_with("skill.not_found"));
    BOOST_TEST(w.text("payment.balance", R"({"customer":"cus-anna"})") ==
               R"({"charged_cents":500,"currency":"EUR","funds_cents":500,"refunded_cents":500})");
    BOOST_TEST(w.text("payment.balance", R"({"customer":"cus-rich"})") ==
               R"({"charged_cents":1000000,"currency":"USD","funds_cents":null,"refunded_cents":0})");
}

BOOST_AUTO_TEST_CASE(sheets_append_read_and_update_blocks) {
    mocked w(R"({"sheet":{"sheets":{"book":{"Sheet1":[["a",1],["b",2,true]],"Empty":[]}},"cells_max":40}})");
    BOOST_TEST(w.text("sheet.append", R"({"sheet":"book","rows":[["c",null]]})") == R"({"appended":1,"first_row":3})");
    BOOST_TEST(w.text("sheet.read", R"({"sheet":"book","first_row":2,"limit":5})") ==
               R"({"count":2,"rows":[["b",2,true],["c",null]]})");
    BOOST_TEST(w.text("sheet.read", R"({"sheet":"book","range":"B1:C2"})") == R"({"count":2,"rows":[[1],[2,true]]})");
    BOOST_TEST(w.text("sheet.read", R"({"sheet":"book","range":"a3"})") == R"({"count":1,"rows":[["c"]]})");
    BOOST_TEST(w.text("sheet.read", R"({"sheet":"book","first_row":99})") == R"({"count":0,"rows":[]})");
    BOOST_TEST(w.text("sheet.update", R"({"sheet":"book","cell":"C3","rows":[["x","y"],["z"]]})") ==
               R"({"updated":3})");
    BOOST_TEST(w.text("sheet.read", R"({"sheet":"book","first_row":3})") ==
               R"({"count":2,"rows":[["c",null,"x","y"],[null,null,"z"]]})");
    BOOST_TEST(w.text("sheet.update", R"({"sheet":"book","cell":"A9","rows":[["x"]]})").starts_with("skill.conflict"));
    BOOST_TEST(w.text("sheet.update", R"({"sheet":"book","cell":"ZZZ1","rows":[["x"]]})") ==
               "skill.conflict: sheet: the tab is full");
    BOOST_TEST(w.text("sheet.append", R"({"sheet":"none","rows":[]})") ==
               R"(skill.not_found: sheet: there is no sheet "none"; there are "book")");
    BOOST_TEST(w.text("sheet.read", R"({"sheet":"book","tab":"T"})") ==
               R"(skill.not_found: sheet: "book" has no tab "T"; there are "Empty", "Sheet1")");
}

BOOST_AUTO_TEST_CASE(http_routes_answer_in_order_and_count_their_calls) {
    mocked w(R"({"http":{"routes":[
        {"url":"https://api.test/status","answers":[{"status":503,"body":"busy"},{"body":{"ok":true,"n":"${hits}"}}]},
        {"url":"https://api.test/toggle","after":"start_again","answers":[{"body":"a"},{"body":"b"}]},
        {"method":"POST","url":"https://api.test/items*","body_contains":"pen","status":201,"body":"made"},
        {"url":"https://api.test/private","authorization":"Bearer t","body":"secret"},
        {"url":"https://down.test/*","fail":"skill.unavailable"},
        {"method":"POST","url":"https://slow.test/*","fail":"skill.outcome_unknown"}]}})");
    const auto get = [&](std::string_view url) { return w.text("http.get", R"({"url":")" + std::string(url) + "\"}"); };
    BOOST_TEST(get("https://api.test/status") == R"({"body":"busy","content_type":"text/plain","status":503})");
    BOOST_TEST(get("https://api.test/status") ==
               R"({"body":"{\"n\":\"2\",\"ok\":true}","content_type":"application/json","status":200})");
    BOOST_TEST(get("https://api.test/status").find("\\\"3\\\"") != std::string::npos);
    texts toggled;
    for (int i = 0; i < 3; ++i) toggled.push_back(get("https://api.test/toggle").substr(9, 1));
    BOOST_TEST(toggled == (texts{"a", "b", "a"}), boost::test_tools::per_element());
    BOOST_TEST(w.text("http.post", R"({"url":"https://api.test/items/7","body":"a pen"})") ==
               R"({"body":"made","content_type":"text/plain","status":201})");
    BOOST_TEST(w.text("http.post", R"({"url":"https://api.test/items/7","body":"a cup"})").find("404") !=
               std::string::npos);
    BOOST_TEST(get("https://api.test/private").find("401") != std::string::npos);
    BOOST_TEST(w.text("http.get", R"({"url":"https://api.test/private","authorization":"Bearer t"})").find("secret") !=
               std::string::npos);
    BOOST_TEST(get("https://down.test/x") == "skill.unavailable: http: https://down.test cannot be reached");
    const auto lost = w.call("http.post", R"({"url":"https://slow.test/x","body":""})");
    BOOST_TEST((lost.outcome == effect_outcome::unknown));
    BOOST_TEST((lost.code == errc::skill_outcome_unknown));
    BOOST_TEST(get("https://other.test/")
                   .starts_with("skill.not_found: http: no route names the host of \"https://other.test/\""));
}

BOOST_AUTO_TEST_CASE(expenses_are_found_beside_a_currency_or_with_two_decimals) {
    mocked w(R"({"expense":{}})");
    const auto c = w.call("expense.extract", R"({"messages":[
        {"id":"1","from":"Anna Ek <anna@shop.test>","subject":"Invoice 771","received_at":"2026-03-01T08:00:00Z","snippet":"Total: EUR 1.234,50 due"},
        {"id":"2","from":"billing@mail.cloudy.test","subject":"Your bill $12","received_at":"2026-03-02T08:00:00Z"},
        {"id":"3","from":"x@y.test","subject":"Lunch at 12","received_at":"2026-03-02T08:00:00Z"},
        {"id":"4","from":"taxi@ride.test","subject":"Ride 45678","snippet":"you paid 7.05.","received_at":"2026-03-02T08:00:00Z"}]})");
    BOOST_TEST(
        c.result.text() ==
        R"({"count":3,"ids":["1","2","4"],"report":"2026-03-01  Anna Ek  1234.50 EUR\n2026-03-02  cloudy  12.00 USD\n2026-03-02  ride  7.05 EUR\n",)"
        R"("rows":[["2026-03-01","Anna Ek",123450,"EUR","1"],["2026-03-02","cloudy",1200,"USD","2"],["2026-03-02","ride",705,"EUR","4"]],"total_cents":125355})");
    BOOST_TEST(w.text("expense.extract", R"({"messages":[]})") ==
               R"({"count":0,"ids":[],"report":"","rows":[],"total_cents":0})");
}

BOOST_AUTO_TEST_SUITE_END()
