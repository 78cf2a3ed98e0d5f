#include "aivp/tape/files.hpp"

#include <boost/test/unit_test.hpp>
#include <rapidcheck/boost_test.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

#include "tests/tape/sample.hpp"

namespace {

using namespace aivp;
using namespace aivp::tape_tests;

std::string slurp(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    std::stringstream out;
    out << in.rdbuf();
    return out.str();
}

void spit(const std::string& path, std::string_view text) { std::ofstream(path, std::ios::binary) << text; }

std::string replaced(std::string text, std::string_view from, std::string_view to) {
    const std::size_t at = text.find(from);
    BOOST_REQUIRE_MESSAGE(at != std::string::npos, "the text does not hold " << from);
    return text.replace(at, from.size(), to);
}

std::vector<tape_body> bodies(const tape& t) {
    std::vector<tape_body> out;
    for (const tape_event& e : t.events) out.push_back(e.body);
    return out;
}

tape through_text(const tape& t) {
    const auto back = tape_from_text(tape_to_text(t), "x.tape");
    BOOST_REQUIRE_MESSAGE(back.has_value(), (back ? "" : to_string(back.error())));
    BOOST_TEST(back->problems.empty());
    return *back;
}

std::string error_of(const result<tape>& r) { return r ? "no error" : to_string(r.error()); }

} // namespace

BOOST_AUTO_TEST_SUITE(tape_files)

BOOST_AUTO_TEST_CASE(a_written_tape_reads_back_as_it_was) {
    const scratch_folder scratch("tape-round-trip");
    const tape t = sample_tape();
    BOOST_REQUIRE(write_tape(scratch / "a.tape", t).has_value());
    const auto back = read_tape(scratch / "a.tape");
    BOOST_REQUIRE_MESSAGE(back.has_value(), error_of(back));
    BOOST_TEST(back->problems.empty());
    BOOST_CHECK(back->manifest == t.manifest);
    BOOST_CHECK(bodies(*back) == bodies(t));
    for (std::size_t i = 0; i < t.events.size(); ++i) {
        BOOST_TEST(back->events[i].seq.value == i + 1);
        BOOST_CHECK(back->events[i].at == t.events[i].at);
        BOOST_TEST(back->events[i].lane == t.events[i].lane);
    }
}

BOOST_AUTO_TEST_CASE(every_line_is_canonical_and_chained) {
    const tape_text text = tape_to_text(sample_tape());
    std::istringstream lines(text.events);
    digest previous;
    std::size_t count = 0;
    for (std::string line; std::getline(lines, line); ++count) {
        BOOST_TEST(json(line).text() == line);
        const std::string stored = *as_string(*member(json(line), "digest"));
        const std::string without = replaced(line, ",\"digest\":\"" + stored + "\"", "");
        previous = sha256(previous.view(), without);
        BOOST_TEST(stored == to_hex(previous));
    }
    BOOST_TEST(count == sample_tape().events.size());
    const payload manifest = json(text.manifest);
    BOOST_TEST(as_string(*at_pointer(manifest, "/digests/last")).value() == to_hex(previous));
}

BOOST_AUTO_TEST_CASE(a_model_call_stores_only_what_was_added_since_the_one_before) {
    tape t;
    history h = history().appended(system_message("s")).appended(user_message("u"));
    for (int i = 0; i < 50; ++i) {
        const model_response r = says("turn " + std::to_string(i));
        t.events.push_back(event_of(i, model_call(h, r)));
        h = h.appended(assistant_message(r, 0)).appended(user_message("go on"));
    }
    const tape_text text = tape_to_text(t);
    BOOST_TEST(text.events.size() < 50u * 700u);
    BOOST_CHECK(bodies(through_text(t)) == bodies(t));
}

BOOST_AUTO_TEST_CASE(lanes_and_new_conversations_keep_their_own_histories) {
    tape t;
    const history a = history().appended(user_message("a"));
    const history b = history().appended(user_message("b"));
    const history a2 = a.appended(assistant_message(says("ok"), 0)).appended(user_message("more"));
    t.events.push_back(event_of(1, model_call(a, says("ok"))));
    t.events.push_back(event_of(2, model_call(b, says("ok")), "main/helper"));
    t.events.push_back(event_of(3, model_call(a2, says("ok"))));
    t.events.push_back(event_of(4, model_call(b.appended(user_message("c")), says("ok")), "main/helper"));
    t.events.push_back(event_of(5, model_call(b, says("a shorter history"))));
    t.events.push_back(event_of(6, model_call(b, says("asked again"))));
    const tape back = through_text(t);
    BOOST_CHECK(bodies(back) == bodies(t));
}

BOOST_AUTO_TEST_CASE(values_above_4_kib_stand_in_blobs_and_equal_ones_only_once) {
    const scratch_folder scratch("tape-blobs");
    const std::string large(5000, 'x');
    tape t = sample_tape();
    const payload result = text(large);
    t.events.push_back(event_of(9, skill_call("bank.read", json("{}"), result)));
    t.events.push_back(event_of(10, model_call(history().appended(tool_message("call#0", result, true)), says(large))));
    t.events.push_back(
        event_of(11, model_call(history().appended(assistant_message(
                                    proposes("f", json("{\"t\":" + std::string(result.text()) + "}")), 3)),
                                {})));
    BOOST_REQUIRE(write_tape(scratch / "a.tape", t).has_value());
    const std::string hex = to_hex(result.hash());
    BOOST_TEST(slurp(scratch / ("a.tape/blobs/" + hex.substr(0, 2) + "/" + hex)) == result.text());
    BOOST_TEST(slurp(scratch / "a.tape/events.jsonl").find(large) == std::string::npos);
    BOOST_TEST(tape_to_text(t).blobs.size() == 2u);
    const auto back = read_tape(scratch / "a.tape");
    BOOST_REQUIRE_MESSAGE(back.has_value(), error_of(back));
    BOOST_TEST(back->problems.empty());
    BOOST_CHECK(bodies(*back) == bodies(t));
}

BOOST_AUTO_TEST_CASE(a_value_that_looks_like_a_blob_reference_stays_itself) {
    for (const char* value : {R"({"$blob":"sha256:00"})", R"({"$$blob":1})", R"({"$$$blob":{"$blob":2}})", R"({"$":1})",
                              R"({"$blob":1,"b":2})", R"({"$blobs":1})"}) {
        tape t;
        const payload odd = json(value);
        t.events.push_back(event_of(1, skill_call("a.b", odd, odd)));
        t.events.push_back(
            event_of(2, model_call(history().appended(tool_message("call#0", odd, false)), proposes("f", odd))));
        t.events.push_back(
            event_of(3, model_call(history().appended(assistant_message(proposes("f", odd), 0)), says("x"))));
        BOOST_CHECK_MESSAGE(bodies(through_text(t)) == bodies(t), value);
    }
}

BOOST_AUTO_TEST_CASE(the_tool_list_is_stored_once) {
    tape t;
    const payload tools = json(R"([{"description":"adds","name":"add","parameters":{}}])");
    const history h = history().appended(user_message("u"));
    t.events.push_back(event_of(1, model_call(h, says("a"), tools)));
    t.events.push_back(event_of(2, model_call(h.appended(user_message("v")), says("b"), tools)));
    const std::string events = tape_to_text(t).events;
    BOOST_TEST(events.find("\"adds\"") == events.rfind("\"adds\""));
    BOOST_CHECK(bodies(through_text(t)) == bodies(t));

    std::get<tape_model_call>(t.events[0].body).tools.reset();
    std::get<tape_model_call>(t.events[1].body).tools.reset();
    BOOST_TEST(tape_to_text(t).events.find("\"adds\"") == std::string::npos);
    BOOST_CHECK(bodies(through_text(t)) == bodies(t));
}

BOOST_AUTO_TEST_CASE(a_torn_last_line_is_reported_and_the_rest_is_kept) {
    const tape t = sample_tape();
    tape_text text = tape_to_text(t);
    const std::string whole = text.events;
    const std::size_t last_line = whole.rfind('\n', whole.size() - 2) + 1;
    std::set<std::size_t> cuts{last_line + 1, last_line + 20, whole.size() - 2};
    for (const std::size_t cut : cuts) {
        text.events = whole.substr(0, cut);
        const auto back = tape_from_text(text, "x.tape");
        BOOST_REQUIRE_MESSAGE(back.has_value(), error_of(back));
        BOOST_TEST(back->events.size() == t.events.size() - 1);
        BOOST_REQUIRE(back->problems.size() == 1u);
        BOOST_CHECK(back->problems.front().code == errc::tape_torn);
        BOOST_TEST(back->problems.front().where.file == "x.tape/events.jsonl");
        BOOST_TEST(back->problems.front().where.line == t.events.size());
    }
    text.events = whole.substr(0, whole.size() - 1);
    BOOST_TEST(tape_from_text(text, "x.tape")->problems.empty());
}

BOOST_AUTO_TEST_CASE(an_edited_event_is_named_and_keeps_its_edited_content) {
    tape_text text = tape_to_text(sample_tape());
    text.events = replaced(text.events, R"("recipient":"SPOTIFY"},"as")", R"("recipient":"SPOTIFI"},"as")");
    const auto back = tape_from_text(text, "x.tape");
    BOOST_REQUIRE_MESSAGE(back.has_value(), error_of(back));
    BOOST_REQUIRE(back->problems.size() == 1u);
    const error& e = back->problems.front();
    BOOST_CHECK(e.code == errc::tape_chain);
    BOOST_TEST(e.where.line == 3u);
    BOOST_TEST((e.context.front() == std::pair<std::string, std::string>("seq", "3")));
    const auto& call = std::get<tape_skill_call>(back->events[2].body);
    BOOST_TEST(call.arguments.text() == R"({"amount":98.7,"recipient":"SPOTIFI"})");
    BOOST_CHECK(*tape_key(back->events[2]) == tape_skill_key("bank.send_money", call.arguments));
}

BOOST_AUTO_TEST_CASE(white_space_is_no_edit) {
    tape_text text = tape_to_text(sample_tape());
    text.events = replaced(text.events, "{\"at\":0,", "{ \"at\" : 0 ,");
    text.events = replaced(text.events, "\n", "\r\n");
    BOOST_TEST(tape_from_text(text, "x.tape")->problems.empty());
}

BOOST_AUTO_TEST_CASE(a_line_that_was_taken_out_breaks_the_chain_at_the_next_one) {
    tape_text text = tape_to_text(sample_tape());
    const std::size_t second = text.events.find('\n', text.events.find('\n') + 1) + 1;
    const std::size_t third = text.events.find('\n', second) + 1;
    text.events.erase(second, third - second);
    const auto back = tape_from_text(text, "x.tape");
    BOOST_REQUIRE_MESSAGE(back.has_value(), error_of(back));
    BOOST_REQUIRE(!back->problems.empty());
    BOOST_CHECK(back->problems.front().code == errc::tape_chain);
    BOOST_TEST(back->problems.front().context.front().second == "4");
}

BOOST_AUTO_TEST_CASE(lines_that_were_cut_off_cleanly_differ_from_the_manifest) {
    tape_text text = tape_to_text(sample_tape());
    text.events.erase(text.events.rfind('\n', text.events.size() - 2) + 1);
    const auto back = tape_from_text(text, "x.tape");
    BOOST_REQUIRE(back.has_value());
    BOOST_REQUIRE(back->problems.size() == 1u);
    BOOST_CHECK(back->problems.front().code == errc::tape_chain);
    BOOST_TEST(back->problems.front().where.file == "x.tape/manifest.json");
}

BOOST_AUTO_TEST_CASE(an_edited_message_still_finds_its_parent) {
    tape_text text = tape_to_text(sample_tape());
    text.events = replaced(text.events, "Pay bill 17.", "Pay bill 18.");
    text.events = replaced(text.events, "\"key\":\"k1:", "\"key\":\"k1:0");
    const auto back = tape_from_text(text, "x.tape");
    BOOST_REQUIRE_MESSAGE(back.has_value(), error_of(back));
    const auto& second = std::get<tape_model_call>(back->events[3].body);
    BOOST_TEST(second.messages.size() == 4u);
    BOOST_TEST(second.messages.messages()[1].text() == R"({"content":"Pay bill 18.","role":"user"})");
}

BOOST_AUTO_TEST_CASE(an_edited_blob_is_reported_and_used) {
    const scratch_folder scratch("tape-edited-blob");
    tape t;
    const payload result = text(std::string(5000, 'x'));
    t.events.push_back(event_of(9, skill_call("bank.read", json("{}"), result)));
    BOOST_REQUIRE(write_tape(scratch / "a.tape", t).has_value());
    const std::string hex = to_hex(result.hash());
    const std::string blob = scratch / ("a.tape/blobs/" + hex.substr(0, 2) + "/" + hex);
    spit(blob, "\"edited\"");
    const auto back = read_tape(scratch / "a.tape");
    BOOST_REQUIRE_MESSAGE(back.has_value(), error_of(back));
    BOOST_REQUIRE(back->problems.size() == 1u);
    BOOST_CHECK(back->problems.front().code == errc::tape_blob);
    BOOST_TEST(back->problems.front().where.file == blob);
    BOOST_TEST(std::get<tape_skill_call>(back->events[0].body).result.text() == "\"edited\"");
    spit(blob, "no json");
    BOOST_CHECK(read_tape(scratch / "a.tape").error().code == errc::tape_blob);
    std::filesystem::remove(blob);
    const auto missing = read_tape(scratch / "a.tape");
    BOOST_CHECK(missing.error().code == errc::tape_blob);
    BOOST_TEST(missing.error().where.file == scratch / "a.tape/events.jsonl");
    BOOST_TEST(missing.error().where.line == 1u);
}

BOOST_AUTO_TEST_CASE(a_secret_never_reaches_the_disk_in_any_form) {
    const std::string value = "Tr0ub4dor&3 \"quoted\"";
    const std::string base64 = "VHIwdWI0ZG9yJjMgInF1b3RlZCI=";
    std::string hex;
    for (const char c : value) {
        constexpr std::string_view digits = "0123456789abcdef";
        hex += digits[static_cast<unsigned char>(c) >> 4];
        hex += digits[static_cast<unsigned char>(c) & 15u];
    }
    tape_write_options options;
    BOOST_REQUIRE(options.secrets.add("bank_password", value));
    options.durable = false;
    const std::vector<std::string> forms{value, "Authorization: Basic " + base64, hex,
                                         "q=Tr0ub4dor%263%20%22quoted%22"};
    std::size_t folder = 0;
    for (const std::string& form : forms) {
        std::vector<tape> tapes(6, sample_tape());
        tapes[0].events.push_back(event_of(9, skill_call("a.b", payload::of_object({{"p", text(form)}}), text("ok"))));
        tapes[1].events.push_back(event_of(9, skill_call("a.b", json("{}"), text(std::string(5000, '.') + form))));
        tapes[2].events.push_back(event_of(9, model_call(history().appended(user_message(form)), says("ok"))));
        tapes[3].events.push_back(event_of(9, model_call({}, says(form))));
        tape_skill_call failed = skill_call("a.b", json("{}"), {});
        failed.ending = {effect_outcome::failed, errc::skill_failed, "said " + form, {}, true};
        tapes[4].events.push_back(event_of(9, failed));
        tapes[5].manifest.provenance = payload::of_object({{"note", text(form)}});
        for (const tape& t : tapes) {
            const scratch_folder scratch("tape-secret-" + std::to_string(folder++));
            const auto written = write_tape(scratch / "a.tape", t, options);
            BOOST_REQUIRE_MESSAGE(!written.has_value(), "written although it holds " << form);
            BOOST_CHECK(written.error().code == errc::tape_secret);
            BOOST_TEST(written.error().message.find("bank_password") != std::string::npos);
            BOOST_TEST(to_string(written.error()).find(form) == std::string::npos);
            BOOST_TEST(std::filesystem::is_empty(scratch.path()));
        }
    }
    const scratch_folder scratch("tape-no-secret");
    BOOST_CHECK(write_tape(scratch / "a.tape", sample_tape(), options).has_value());
    options.files.emplace_back("agent.yaml", "goal: use " + value);
    BOOST_CHECK(write_tape(scratch / "b.tape", sample_tape(), options).error().code == errc::tape_secret);
}

BOOST_AUTO_TEST_CASE(an_existing_tape_is_only_replaced_when_that_is_wanted) {
    const scratch_folder scratch("tape-overwrite");
    BOOST_REQUIRE(write_tape(scratch / "a.tape", sample_tape()).has_value());
    const std::string before = slurp(scratch / "a.tape/events.jsonl");
    BOOST_CHECK(write_tape(scratch / "a.tape", tape{}).error().code == errc::io_exists);
    BOOST_TEST(slurp(scratch / "a.tape/events.jsonl") == before);
    BOOST_REQUIRE(write_tape(scratch / "a.tape/", tape{}, {.overwrite = true}).has_value());
    BOOST_TEST(slurp(scratch / "a.tape/events.jsonl").empty());
    std::size_t entries = 0;
    for (const auto& entry : std::filesystem::directory_iterator(scratch.path())) {
        ++entries;
        BOOST_TEST(entry.path().filename() == "a.tape");
    }
    BOOST_TEST(entries == 1u);
}

BOOST_AUTO_TEST_CASE(further_files_stay_inside_the_tape) {
    const scratch_folder scratch("tape-files");
    tape_write_options options;
    options.files = {{"agent.yaml", "id: a\n"}, {"skills/a.skill.yaml", "id: b\n"}};
    BOOST_REQUIRE(write_tape(scratch / "a.tape", sample_tape(), options).has_value());
    BOOST_TEST(slurp(scratch / "a.tape/skills/a.skill.yaml") == "id: b\n");
    for (const char* name : {"../x", "/etc/x", "a/../../x", "", "./a", "manifest.json", "blobs/aa/x"}) {
        options.files = {{name, "x"}};
        const auto written = write_tape(scratch / "b.tape", sample_tape(), options);
        BOOST_REQUIRE_MESSAGE(!written.has_value(), name);
        BOOST_CHECK(written.error().code == errc::io_unsafe_path);
    }
    BOOST_TEST(!std::filesystem::exists(scratch / "b.tape"));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_written_says_so_and_leaves_nothing) {
    const scratch_folder scratch("tape-unwritable");
    spit(scratch / "file", "x");
    BOOST_CHECK(write_tape(scratch / "file/a.tape", sample_tape()).error().code == errc::io_write);
    BOOST_CHECK(write_tape(scratch / "file", sample_tape()).error().code == errc::io_exists);
}

BOOST_AUTO_TEST_CASE(tapes_are_found_in_order_and_a_missing_tape_fails) {
    const scratch_folder scratch("tape-find");
    BOOST_CHECK(find_tapes(scratch.path()).error().code == errc::tape_missing);
    BOOST_CHECK(find_tapes(scratch / "nothing").error().code == errc::tape_missing);
    BOOST_CHECK(read_tape(scratch / "nothing").error().code == errc::tape_missing);
    for (const char* name : {"b.tape", "a/z.tape", "a/y.tape"})
        BOOST_REQUIRE(write_tape(scratch / name, sample_tape()).has_value());
    const std::vector<std::string> expected{scratch / "a/y.tape", scratch / "a/z.tape", scratch / "b.tape"};
    BOOST_TEST(*find_tapes(scratch.path() + "/") == expected, boost::test_tools::per_element());
    BOOST_TEST(*find_tapes(scratch / "b.tape") == std::vector<std::string>{scratch / "b.tape"},
               boost::test_tools::per_element());
    std::filesystem::remove(scratch / "b.tape/events.jsonl");
    BOOST_CHECK(read_tape(scratch / "b.tape").error().code == errc::tape_missing);
}

BOOST_AUTO_TEST_CASE(bytes_that_are_no_utf8_are_replaced_and_the_tape_stays_readable) {
    tape t;
    tape_skill_call s = skill_call("a.b", json("{}"), text("x"));
    s.ending = {
        effect_outcome::failed, errc::skill_failed, "cut \xE2\x82 here \xFF, \xED\xA0\x80 there, \xC3\xA4", {}, true};
    t.events.push_back(event_of(1, s));
    const tape back = through_text(t);
    BOOST_TEST(std::get<tape_skill_call>(back.events[0].body).ending.message ==
               "cut \xEF\xBF\xBD\xEF\xBF\xBD here \xEF\xBF\xBD, \xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD there, \xC3\xA4");
}

namespace {

rc::Gen<std::string> any_text() {
    return rc::gen::oneOf(
        rc::gen::container<std::string>(rc::gen::inRange<char>(32, 127)),
        rc::gen::element<std::string>("", "ä €", "\"\\\n", std::string(4200, 'y'), "$blob", "{\"$blob\":1}"));
}

payload any_value() {
    switch (*rc::gen::inRange(0, 5)) {
    case 0: return text(*any_text());
    case 1: return payload::of_integer(*rc::gen::arbitrary<std::int64_t>());
    case 2:
        return payload::of_object({{*rc::gen::element<std::string>("$blob", "$$blob", "a", ""), text(*any_text())}});
    case 3: return payload::of_array({text(*any_text()), payload::of_bool(*rc::gen::arbitrary<bool>())});
    default: return json("{}");
    }
}

tape_ending any_ending() {
    tape_ending e;
    e.latency.us = *rc::gen::inRange<std::int64_t>(0, 1'000'000'000);
    switch (*rc::gen::inRange(0, 4)) {
    case 0: e = {effect_outcome::failed, errc::skill_failed, *any_text(), e.latency, true}; break;
    case 1:
        e = {effect_outcome::unknown, errc::skill_outcome_unknown, *any_text(), e.latency, *rc::gen::arbitrary<bool>()};
        break;
    default: break;
    }
    return e;
}

tape_body any_body(std::vector<history>& histories) {
    switch (*rc::gen::inRange(0, 5)) {
    case 0: {
        history h = *rc::gen::arbitrary<bool>() ? histories.back() : *rc::gen::elementOf(histories);
        const int count = *rc::gen::inRange(0, 3);
        for (int i = 0; i < count; ++i)
            h = h.appended(tool_message("call#1", any_value(), *rc::gen::arbitrary<bool>()));
        model_response r = proposes(*any_text(), any_value());
        if (*rc::gen::arbitrary<bool>()) r.content = text(*any_text());
        if (*rc::gen::arbitrary<bool>()) r.usage = {1, 2, 3, true};
        h = h.appended(assistant_message(r, 0));
        histories.push_back(h);
        tape_model_call m = model_call(h, r);
        m.ending = any_ending();
        return m;
    }
    case 1: {
        tape_skill_call s = skill_call(*any_text(), any_value(), any_value());
        s.ending = any_ending();
        s.effect = *rc::gen::element(effect_class::none, effect_class::read, effect_class::write);
        return s;
    }
    case 2: {
        tape_user_turn u;
        u.text = text(*any_text());
        u.ended = *rc::gen::arbitrary<bool>();
        if (!u.ended) u.message = text(*any_text());
        return u;
    }
    case 3: return tape_run_started{*any_text(), any_value()};
    default: return tape_run_finished{outcome_status::partial, errc::limit_model_calls, *any_text()};
    }
}

} // namespace

RC_BOOST_PROP(any_tape_survives_the_way_to_text_and_back, ()) {
    tape t;
    std::vector<history> histories{history()};
    const int count = *rc::gen::inRange(0, 12);
    for (int i = 0; i < count; ++i)
        t.events.push_back(event_of(*rc::gen::arbitrary<std::int64_t>(), any_body(histories),
                                    *rc::gen::element<std::string>("main", "main/b")));
    const tape_text written = tape_to_text(t);
    const auto back = tape_from_text(written, "x.tape");
    if (!back) RC_FAIL(to_string(back.error()));
    RC_ASSERT(back->problems.empty());
    RC_ASSERT(bodies(*back) == bodies(t));
    RC_ASSERT(tape_to_text(*back).events == written.events);
    RC_ASSERT(tape_to_text(*back).manifest == written.manifest);
}

RC_BOOST_PROP(a_changed_byte_never_passes_unnoticed, ()) {
    tape_text text = tape_to_text(sample_tape());
    const std::size_t at = *rc::gen::inRange<std::size_t>(0, text.events.size());
    const char c = *rc::gen::inRange<char>(32, 127);
    RC_PRE(text.events[at] != c);
    text.events[at] = c;
    const auto back = tape_from_text(text, "x.tape");
    RC_ASSERT(!back || !back->problems.empty());
    if (!back) RC_ASSERT(back.error().where.line > 0u);
}

BOOST_AUTO_TEST_SUITE_END()
