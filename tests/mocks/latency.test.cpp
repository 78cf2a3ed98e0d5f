#include "mocks/latency.hpp"

#include <boost/test/unit_test.hpp>
#include <map>

#include "support.hpp"

using namespace aivp;
using namespace aivp::mocks_test;

namespace {
random_stream stream(std::uint64_t seed = 1) { return random_stream(seed, "test", "latency", "draw"); }
} // namespace

BOOST_AUTO_TEST_SUITE(mocks_latency)

BOOST_AUTO_TEST_CASE(nothing_said_is_no_delay_and_fixed_is_always_the_same) {
    auto s = stream();
    latency_model none;
    BOOST_TEST(none.draw(s).us == 0);
    auto fixed = latency_model::fixed(milliseconds(250));
    BOOST_TEST(fixed.draw(s).us == 250'000);
    BOOST_TEST(fixed.constant());
    BOOST_TEST(s.ordinal() == 0u);
}

BOOST_AUTO_TEST_CASE(uniform_stays_within_its_ends_and_reaches_both) {
    auto model = latency_model::uniform(microseconds(3), microseconds(6));
    auto s = stream();
    std::map<std::int64_t, int> seen;
    for (int i = 0; i < 4000; ++i) ++seen[model.draw(s).us];
    BOOST_TEST(seen.size() == 4u);
    BOOST_TEST(seen.begin()->first == 3);
    BOOST_TEST(seen.rbegin()->first == 6);
    for (const auto& [us, n] : seen) BOOST_TEST((n > 850 && n < 1150), us << ": " << n);
}

BOOST_AUTO_TEST_CASE(exponential_has_its_mean_above_the_least_and_never_exceeds_the_most) {
    auto model = latency_model::exponential(milliseconds(100), milliseconds(20), milliseconds(400));
    auto s = stream();
    std::int64_t sum = 0;
    std::int64_t longest = 0;
    for (int i = 0; i < 20'000; ++i) {
        const auto us = model.draw(s).us;
        BOOST_REQUIRE(us >= 20'000);
        BOOST_REQUIRE(us <= 400'000);
        longest = std::max(longest, us);
        sum += us;
    }
    // The mean of min(exp(100 ms), 380 ms) is 100 (1 - e^-3.8) = 97.8 ms.
    BOOST_TEST((sum / 20'000 > 115'000 && sum / 20'000 < 120'600), sum / 20'000);
    BOOST_TEST(longest == 400'000);
}

BOOST_AUTO_TEST_CASE(empirical_draws_its_samples_as_often_as_they_occur) {
    auto model = latency_model::empirical({seconds(9), seconds(1), seconds(1), seconds(2)});
    auto s = stream();
    std::map<std::int64_t, int> seen;
    for (int i = 0; i < 4000; ++i) ++seen[model.draw(s).us];
    BOOST_TEST(seen.size() == 3u);
    BOOST_TEST((seen[1'000'000] > 1850 && seen[1'000'000] < 2150), seen[1'000'000]);
    BOOST_TEST((seen[9'000'000] > 850 && seen[9'000'000] < 1150), seen[9'000'000]);
}

BOOST_AUTO_TEST_CASE(recorded_gaps_come_in_their_order_and_begin_again) {
    auto model = latency_model::recorded({seconds(3), seconds(1)});
    auto s = stream();
    BOOST_TEST(model.draw(s).us == 3'000'000);
    BOOST_TEST(model.draw(s).us == 1'000'000);
    auto fork = model;
    BOOST_TEST(model.draw(s).us == 3'000'000);
    BOOST_TEST(fork.draw(s).us == 3'000'000);
    BOOST_TEST(s.ordinal() == 0u);
}

BOOST_AUTO_TEST_CASE(one_draw_belongs_to_one_call) {
    auto model = latency_model::uniform(seconds(0), seconds(100));
    const auto draw = [&](std::uint64_t seed, std::string_view entity, std::uint64_t run, std::uint64_t call) {
        return draw_for_call(model, seed, "c", entity, {{run}, {call}}).us;
    };
    const auto a = draw(1, "mail.send", 7, 3);
    BOOST_TEST(draw(1, "mail.send", 7, 4) != a);
    BOOST_TEST(draw(1, "mail.send", 8, 3) != a);
    BOOST_TEST(draw(1, "mail.read", 7, 3) != a);
    BOOST_TEST(draw(2, "mail.send", 7, 3) != a);
    BOOST_TEST(draw(1, "mail.send", 7, 3) == a);
}

BOOST_AUTO_TEST_CASE(each_form_of_text_gives_its_model) {
    auto s = stream();
    const auto parsed = [](std::string_view text) { return latency_model::parse(js(text)).value(); };
    BOOST_TEST(parsed(R"("250ms")").draw(s).us == 250'000);
    BOOST_TEST(parsed("40").draw(s).us == 40);
    BOOST_TEST(parsed(R"({"fixed":"2s"})").draw(s).us == 2'000'000);
    BOOST_TEST(parsed(R"({"uniform":["5us","5us"]})").draw(s).us == 5);
    BOOST_TEST(parsed(R"({"samples":[7]})").draw(s).us == 7);
    BOOST_TEST(parsed(R"({"recorded":["1ms",2]})").draw_constant().us == 1000);
    BOOST_TEST(parsed(R"({"exponential":"1s","least":"3s","most":"3s"})").draw(s).us == 3'000'000);
}

BOOST_AUTO_TEST_CASE(a_table_prefers_the_more_exact_name) {
    auto table = latency_table::parse(js(R"({"*":"1s","mail":"2s","mail.send":"3s"})")).value();
    BOOST_TEST(table.find("mail.send")->draw_constant().us == 3'000'000);
    BOOST_TEST(table.find("mail.read")->draw_constant().us == 2'000'000);
    BOOST_TEST(table.find("chat.post")->draw_constant().us == 1'000'000);
    auto everywhere = latency_table::parse(js(R"({"fixed":"4s"})")).value();
    BOOST_TEST(everywhere.find("chat.post")->draw_constant().us == 4'000'000);
    auto partial = latency_table::parse(js(R"({"mail":"2s"})")).value();
    BOOST_TEST((partial.find("chat.post") == nullptr));
}

BOOST_AUTO_TEST_SUITE_END()
