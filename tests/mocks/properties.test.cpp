// Properties over random histories of calls: what holds in a mocked world whatever anybody asks of it.
#include "mocks/connector.hpp"

#include <boost/test/unit_test.hpp>
#include <map>
#include <optional>
#include <rapidcheck/boost_test.h>
#include <rapidcheck/state.h>

#include "mocks/payment.hpp"
#include "support.hpp"

using namespace aivp;
using namespace aivp::mocks_test;

namespace {

// Payments against the plainest account of money: per customer an amount, per charge what is left of it.
struct money_model {
    std::map<int, std::int64_t> funds{{0, 1000}, {1, 250}};
    std::map<int, std::string> effects; // by key: what the first call with it did
};

struct money_world {
    mocked world{R"({"payment":{"customers":{"cus-0":{"funds_cents":1000},"cus-1":{"funds_cents":250}}}})"};
    std::map<int, skill_completion> by_key;

    const payment_state& state() { return dynamic_cast<payment_mock&>(*world.connector.find("payment")).state(); }

    void check() {
        std::map<std::string, std::int64_t> moved; // from the ledger: each succeeded effect once
        std::map<std::string, std::string> payer;
        std::map<std::string, int> ok_by_key;
        for (const ledger_entry& e : world.ledger.entries()) {
            if (e.outcome != effect_outcome::ok || e.duplicate_of != 0) continue;
            if (e.idempotency_key) RC_ASSERT(++ok_by_key[to_hex(e.idempotency_key)] == 1);
            const auto amount = as_integer(*member(e.arguments, "amount_cents")).value();
            if (e.operation == "payment.charge")
                moved[as_string(*member(e.arguments, "customer")).value()] += succeeded(e) ? amount : 0;
            else if (succeeded(e))
                moved[state().charges.at(as_string(*member(e.arguments, "charge_id")).value()).customer] -= amount;
        }
        RC_ASSERT(state().customers.at("cus-0").funds_cents.value() == 1000 - moved["cus-0"]);
        RC_ASSERT(state().customers.at("cus-1").funds_cents.value() == 250 - moved["cus-1"]);
        for (const auto& [id, c] : state().customers) RC_ASSERT(c.funds_cents.value() >= 0);
        for (const auto& [id, c] : state().charges)
            RC_ASSERT(c.refunded_cents >= 0 && c.refunded_cents <= c.amount_cents);
    }
    // What was answered is known by its hash only, so the answers of succeeded calls are kept beside.
    bool succeeded(const ledger_entry& e) const { return good_results.contains(to_hex(e.result)); }
    std::map<std::string, bool> good_results;

    skill_completion call(std::string_view skill, const std::string& arguments, int key) {
        const std::string text = "key-" + std::to_string(key);
        auto c = world.call(skill, arguments, {.key = key == 0 ? std::string_view() : std::string_view(text)});
        const auto status = member(c.result, "status");
        if (c.outcome == effect_outcome::ok && status && as_string(*status) == "succeeded")
            good_results[to_hex(c.result.hash())] = true;
        if (key != 0 && c.outcome == effect_outcome::ok) {
            const auto before = by_key.find(key);
            if (before != by_key.end()) RC_ASSERT(before->second.result == c.result);
            by_key.emplace(key, c);
        }
        check();
        return c;
    }
};

using money_command = rc::state::Command<money_model, money_world>;

struct charge_command : money_command {
    int customer = *rc::gen::inRange(0, 2);
    int cents = *rc::gen::inRange(1, 400);
    int key = *rc::gen::inRange(0, 6);

    std::string arguments() const {
        return R"({"customer":"cus-)" + std::to_string(customer) + R"(","amount_cents":)" + std::to_string(cents) +
               R"(,"currency":"EUR","order":"o"})";
    }
    void apply(money_model& m) const override {
        const std::string call = "charge" + arguments();
        if (key != 0 && m.effects.contains(key)) return;
        if (key != 0) m.effects[key] = call;
        if (m.funds[customer] >= cents) m.funds[customer] -= cents;
    }
    void run(const money_model& before, money_world& w) const override {
        const auto c = w.call("payment.charge", arguments(), key);
        const auto used = before.effects.find(key);
        if (key != 0 && used != before.effects.end()) {
            RC_ASSERT((c.outcome == effect_outcome::ok) == (used->second == "charge" + arguments()));
            if (c.outcome != effect_outcome::ok) RC_ASSERT(c.code == errc::idem_other_args);
            return;
        }
        const bool covered = before.funds.at(customer) >= cents;
        RC_ASSERT(as_string(*member(c.result, "status")) == (covered ? "succeeded" : "declined"));
    }
    void show(std::ostream& os) const override { os << "charge " << arguments() << " key " << key; }
};

std::string step_text(int i) { return std::string(1, static_cast<char>('a' + i)); }

} // namespace

BOOST_AUTO_TEST_SUITE(mocks_properties)

RC_BOOST_PROP(charges_follow_the_account_and_a_key_has_one_effect, ()) {
    money_model model;
    money_world world;
    rc::state::check(model, world, rc::state::gen::execOneOfWithArgs<charge_command>());
}

RC_BOOST_PROP(charges_and_refunds_never_make_or_lose_money, ()) {
    money_world w;
    const auto steps = *rc::gen::container<std::vector<std::tuple<bool, int, int, int>>>(rc::gen::tuple(
        rc::gen::arbitrary<bool>(), rc::gen::inRange(0, 2), rc::gen::inRange(1, 300), rc::gen::inRange(0, 8)));
    for (const auto& [refund, who, cents, key] : steps) {
        if (refund)
            w.call("payment.refund",
                   R"({"charge_id":"ch-)" + std::to_string(1 + key) + R"(","amount_cents":)" + std::to_string(cents) +
                       "}",
                   10 + key);
        else
            w.call("payment.charge",
                   R"({"customer":"cus-)" + std::to_string(who) + R"(","amount_cents":)" + std::to_string(cents) +
                       R"(,"currency":"EUR","order":"o"})",
                   key);
    }
}

RC_BOOST_PROP(kv_does_what_a_map_does, ()) {
    mocked w(R"({"kv":{}})");
    std::map<std::string, std::int64_t> model;
    const auto steps = *rc::gen::container<std::vector<std::tuple<int, int, int>>>(
        rc::gen::tuple(rc::gen::inRange(0, 5), rc::gen::inRange(0, 4), rc::gen::inRange(-9, 10)));
    for (const auto& [what, which, n] : steps) {
        const std::string key = step_text(which);
        const std::string named = R"({"key":")" + key + "\"";
        const bool known = model.contains(key);
        switch (what) {
        case 0: {
            const auto c = w.call("kv.set", named + ",\"value\":" + std::to_string(n) + "}");
            RC_ASSERT(member(c.result, "previous")->text() == (known ? std::to_string(model[key]) : "null"));
            model[key] = n;
            break;
        }
        case 1: {
            const auto c = w.call("kv.get", named + "}");
            RC_ASSERT(as_bool(*member(c.result, "found")) == known);
            RC_ASSERT(member(c.result, "value")->text() == (known ? std::to_string(model[key]) : "null"));
            break;
        }
        case 2:
            RC_ASSERT(as_bool(*member(w.call("kv.delete", named + "}").result, "deleted")) == (model.erase(key) > 0));
            break;
        case 3:
            RC_ASSERT(as_integer(*member(w.call("kv.incr", named + ",\"by\":" + std::to_string(n) + "}").result,
                                         "value")) == (model[key] += n));
            break;
        default: {
            const auto version = member(w.call("kv.get", named + "}").result, "version");
            const auto current = version ? as_integer(*version).value() : 0;
            const auto c =
                w.call("kv.set", named + ",\"value\":1,\"if_version\":" + std::to_string(current + (n > 0)) + "}");
            RC_ASSERT((c.outcome == effect_outcome::ok) == (n <= 0));
            if (n <= 0) model[key] = 1;
        }
        }
    }
    RC_ASSERT(as_integer(*member(w.call("kv.list", "{}").result, "count")) == static_cast<std::int64_t>(model.size()));
}

RC_BOOST_PROP(files_do_what_a_map_of_paths_does_and_no_file_is_a_folder, ()) {
    mocked w(R"({"files":{}})");
    std::map<std::string, std::string> model;
    const auto path_of = [](int i) {
        std::string path;
        for (int rest = i; path.empty() || rest > 0; rest /= 3) path += "/" + step_text(rest % 3);
        return path;
    };
    const auto fits = [&](const std::string& path) {
        return std::ranges::none_of(
            model, [&](const auto& m) { return m.first.starts_with(path + "/") || path.starts_with(m.first + "/"); });
    };
    const auto steps = *rc::gen::container<std::vector<std::tuple<int, int, int>>>(
        rc::gen::tuple(rc::gen::inRange(0, 4), rc::gen::inRange(0, 27), rc::gen::inRange(0, 27)));
    for (const auto& [what, a, b] : steps) {
        const std::string path = path_of(a);
        const std::string other = path_of(b);
        const std::string named = R"({"path":")" + path + "\"";
        if (what == 0) {
            const bool fine = fits(path);
            RC_ASSERT((w.call("files.write", named + R"(,"content":")" + std::to_string(b) + "\"}").outcome ==
                       effect_outcome::ok) == fine);
            if (fine) model[path] = std::to_string(b);
        } else if (what == 1) {
            const auto c = w.call("files.read", named + "}");
            RC_ASSERT((c.outcome == effect_outcome::ok) == model.contains(path));
            if (model.contains(path)) RC_ASSERT(as_string(*member(c.result, "content")) == model[path]);
        } else if (what == 2) {
            RC_ASSERT(as_bool(*member(w.call("files.delete", named + "}").result, "deleted")) ==
                      (model.erase(path) > 0));
        } else {
            auto before = model;
            const auto moved = model.extract(path);
            const bool fine = !moved.empty() && (path == other || (!model.contains(other) && fits(other)));
            RC_ASSERT((w.call("files.move", R"({"from":")" + path + R"(","to":")" + other + "\"}").outcome ==
                       effect_outcome::ok) == fine);
            if (fine)
                model[other] = moved.mapped();
            else
                model = std::move(before);
        }
    }
    const auto listed = items(*member(w.call("files.list", R"({"folder":"/","recursive":true})").result, "files"));
    RC_ASSERT(listed.size() == model.size());
    std::size_t i = 0;
    for (const auto& [path, content] : model) RC_ASSERT(as_string(*member(listed[i++], "path")) == path);
}

RC_BOOST_PROP(the_same_calls_give_the_same_world_digest_and_answers, ()) {
    const auto steps = *rc::gen::container<std::vector<std::tuple<int, int>>>(
        rc::gen::tuple(rc::gen::inRange(0, 6), rc::gen::inRange(0, 5)));
    const auto play = [&](ledger_mode mode) {
        manual_world world;
        world_ledger ledger(mode);
        mock_connector connector(world, ledger, {.seed = 3});
        if (!connector.seed(js(
                R"({"kv":{},"mail":{},"chat":{"open":true},"files":{},"payment":{"customers":{"cus-0":{"funds_cents":40}}},"calendar":{}})")))
            RC_FAIL("seed");
        connector.set_latencies(
            latency_table::parse(js(R"({"*":{"exponential":"2s"},"mail":{"uniform":["1ms","9s"]}})")).value());
        collecting_sink sink;
        std::uint64_t call = 0;
        for (const auto& [what, n] : steps) {
            const std::string text = std::to_string(n);
            const std::pair<std::string, std::string> calls[] = {
                {"kv.incr", R"({"key":"k)" + text + "\"}"},
                {"mail.send", R"({"to":["a@b.test"],"subject":"s)" + text + R"(","body":""})"},
                {"chat.post", R"({"channel":"#c)" + text + R"(","text":"t"})"},
                {"files.write", R"({"path":"/f)" + text + R"(","content":"c"})"},
                {"payment.charge",
                 R"({"customer":"cus-0","amount_cents":1)" + text + R"(,"currency":"EUR","order":"o"})"},
                {"calendar.list", R"({"from":"2026-03-01T00:00:00Z","to":"2026-03-02T00:00:0)" + text + R"(Z"})"}};
            const auto& [skill, arguments] = calls[what];
            connector.call(skill_call(skill, js(arguments), ++call,
                                      {.run = 1 + static_cast<std::uint64_t>(n), .key = n == 0 ? "k" : ""}),
                           sink);
            if (n == 4) world.run_all();
        }
        world.run_all();
        std::string answers(connector.dump().text());
        for (const skill_completion& c : sink.skills)
            answers += to_string(c.ref.run) + to_string(c.ref.call) + std::string(c.result.text());
        return std::pair(answers, ledger.digest_head());
    };
    const auto first = play(ledger_mode::entries);
    const auto second = play(ledger_mode::counts);
    RC_ASSERT(first.first == second.first);
    RC_ASSERT(first.second == second.second);
}

BOOST_AUTO_TEST_SUITE_END()
