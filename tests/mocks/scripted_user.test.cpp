#include "mocks/scripted_user.hpp"

#include <boost/test/unit_test.hpp>

#include "support.hpp"

using namespace aivp;
using namespace aivp::mocks_test;

namespace {
user_completion put(scripted_user& user, manual_world& world, std::uint64_t run, std::uint64_t call) {
    collecting_sink sink;
    user.ask({{run}, {call}, "tester", payload::of_string("Which one?"), {}}, sink);
    world.run_all();
    BOOST_REQUIRE(sink.users.size() == 1u);
    return sink.users.front();
}
} // namespace

BOOST_AUTO_TEST_SUITE(mocks_user)

BOOST_AUTO_TEST_CASE(replies_are_played_to_each_run_and_then_the_person_leaves) {
    manual_world world;
    scripted_user user(world, parse_user_script(js(R"({"replies":["the blue one","thanks"]})")).value());
    BOOST_TEST(put(user, world, 1, 2).message.text() == R"("the blue one")");
    BOOST_TEST(put(user, world, 2, 2).message.text() == R"("the blue one")");
    BOOST_TEST(put(user, world, 1, 4).message.text() == R"("thanks")");
    BOOST_TEST(put(user, world, 1, 4).message.text() == R"("thanks")");
    const auto end = put(user, world, 1, 6);
    BOOST_TEST(end.ended);
    BOOST_TEST(end.message.is_null());
    user.forget({1});
    BOOST_TEST(put(user, world, 1, 8).message.text() == R"("the blue one")");
}

BOOST_AUTO_TEST_CASE(an_echo_repeats_what_was_said_for_a_while_and_takes_its_time) {
    manual_world world;
    const instant start = world.now();
    scripted_user user(world, parse_user_script(js(R"({"echo":true,"times":2,"latency":"30s"})")).value());
    BOOST_TEST(put(user, world, 1, 1).message.text() == R"("Which one?")");
    BOOST_TEST(put(user, world, 1, 2).message.text() == R"("Which one?")");
    BOOST_TEST(put(user, world, 1, 3).ended);
    BOOST_TEST((world.now() - start).us == 90'000'000);
}

BOOST_AUTO_TEST_SUITE_END()
