#include "aivp/base/probe.hpp"

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/base/probe_library.hpp"

using namespace aivp;

namespace {

const probe_entry* entry(const std::vector<probe_entry>& all, std::string_view name) {
    const auto it = std::find_if(all.begin(), all.end(), [name](const probe_entry& e) { return e.name == name; });
    return it == all.end() ? nullptr : &*it;
}

std::uint64_t hits(std::string_view name) {
    const std::vector<probe_entry> all = probe_catalogue();
    const probe_entry* e = entry(all, name);
    BOOST_REQUIRE_MESSAGE(e, name << " is registered");
    return e->hits;
}

std::uint64_t violations(std::string_view name) {
    const std::vector<probe_entry> all = probe_catalogue();
    const probe_entry* e = entry(all, name);
    BOOST_REQUIRE_MESSAGE(e, name << " is registered");
    return e->violations;
}

bool positive_sometimes(int n) {
    AIVP_SOMETIMES(n > 0, "test: a positive number");
    return n > 0;
}

void small_always(int n) { AIVP_ALWAYS(n < 100, "test: a small number"); }

void forbidden(bool go_there) {
    if (go_there) AIVP_UNREACHABLE("test: a forbidden place");
}

struct noted final : probe_sink {
    void violated(const probe_place& p) override { names.emplace_back(p.name); }
    std::vector<std::string> names;
};

std::vector<std::string> told;
void note(const probe_place& p) { told.emplace_back(p.name); }

void twice_one() { AIVP_REACHABLE("test: one name at two places"); }
void twice_two() { AIVP_REACHABLE("test: one name at two places"); }

template <class Number>
bool over_ten(Number n) {
    AIVP_SOMETIMES(n > Number(10), "test: in a template");
    return n > Number(10);
}

/// Runs before main(), in whatever order the units come.
const bool early = positive_sometimes(-1);

struct rearmed {
    rearmed() { rearm_probes(); }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(probes, rearmed)

BOOST_AUTO_TEST_CASE(a_probe_is_known_with_its_kind_and_place_before_it_was_reached) {
    BOOST_TEST(!early);
    const std::vector<probe_entry> all = probe_catalogue();
    const probe_entry* e = entry(all, "test: a positive number");
    BOOST_REQUIRE(e);
    BOOST_TEST((e->kind == probe_kind::sometimes));
    BOOST_TEST(e->where.file == "tests/base/probe.test.cpp");
    BOOST_TEST(e->where.line == 36U);
    BOOST_TEST(e->hits == 0U);
    BOOST_TEST(std::is_sorted(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.name < b.name; }));
    BOOST_TEST(std::string(to_string(probe_kind::always)) == "always");
    BOOST_TEST(std::string(to_string(probe_kind::unreachable)) == "unreachable");
    BOOST_TEST(std::string(to_string(probe_kind::reachable)) == "reachable");
    BOOST_TEST(std::string(to_string(probe_kind::sometimes)) == "sometimes");
}

BOOST_AUTO_TEST_CASE(what_a_static_library_holds_is_known_even_where_nobody_calls_it) {
    BOOST_TEST(library_answer() == 42);
    const std::vector<probe_entry> all = probe_catalogue();
    for (const char* name : {"library: reached", "library: a function that nobody calls", "library: an inline function",
                             "library: an inline function that nobody calls"})
        BOOST_TEST(entry(all, name), name);
    BOOST_TEST(entry(all, "library: reached")->hits == 1U);
    BOOST_TEST(entry(all, "library: an inline function")->hits == 0U);
    library_inline();
    library_inline_elsewhere();
    BOOST_TEST(hits("library: an inline function") == 1U);
}

BOOST_AUTO_TEST_CASE(a_condition_that_is_once_true_is_a_hit_and_false_ones_are_none) {
    positive_sometimes(-3);
    BOOST_TEST(hits("test: a positive number") == 0U);
    positive_sometimes(3);
    BOOST_TEST(hits("test: a positive number") == 1U);
    positive_sometimes(4);
    BOOST_TEST(hits("test: a positive number") == 1U);
}

BOOST_AUTO_TEST_CASE(the_condition_is_evaluated_once) {
    int n = 0;
    AIVP_SOMETIMES(++n == 1, "test: evaluated once");
    AIVP_ALWAYS(++n == 2, "test: evaluated once too");
    BOOST_TEST(n == 2);
    BOOST_TEST(hits("test: evaluated once") == 1U);
    BOOST_TEST(violations("test: evaluated once too") == 0U);
}

BOOST_AUTO_TEST_CASE(a_violation_goes_to_the_sink_of_its_thread_and_the_program_goes_on) {
    noted outer, inner;
    const probe_scope whole(outer);
    small_always(1);
    BOOST_TEST(outer.names.empty());
    small_always(100);
    {
        const probe_scope part(inner);
        forbidden(false);
        BOOST_TEST(inner.names.empty());
        forbidden(true);
    }
    small_always(101);
    BOOST_TEST(outer.names.size() == 2U);
    BOOST_TEST(inner.names == std::vector<std::string>{"test: a forbidden place"});
    BOOST_TEST(violations("test: a small number") == 2U);
    BOOST_TEST(violations("test: a forbidden place") == 1U);
}

BOOST_AUTO_TEST_CASE(without_a_sink_the_handler_is_told_and_without_one_it_is_counted) {
    BOOST_TEST(set_probe_handler(&note) == nullptr);
    small_always(100);
    BOOST_TEST(set_probe_handler(nullptr) == &note);
    small_always(100);
    BOOST_TEST(told == std::vector<std::string>{"test: a small number"});
    BOOST_TEST(violations("test: a small number") == 2U);
}

BOOST_AUTO_TEST_CASE(a_name_at_two_places_is_found_with_both) {
    twice_one();
    twice_two();
    const std::vector<probe_clash> found = probe_clashes();
    BOOST_REQUIRE(found.size() == 1U);
    BOOST_TEST(found[0].name == "test: one name at two places");
    BOOST_TEST(to_string(found[0].first) == "tests/base/probe.test.cpp:54");
    BOOST_TEST(to_string(found[0].second) == "tests/base/probe.test.cpp:55");
}

BOOST_AUTO_TEST_CASE(the_instances_of_a_template_are_one_probe) {
    over_ten(3);
    BOOST_TEST(hits("test: in a template") == 0U);
    over_ten(11);
    over_ten(11.5);
    BOOST_TEST(hits("test: in a template") == 2U);
    const std::vector<probe_entry> all = probe_catalogue();
    BOOST_TEST(std::count_if(all.begin(), all.end(), [](const auto& e) { return e.name == "test: in a template"; }) ==
               1);
}

BOOST_AUTO_TEST_CASE(threads_have_sinks_of_their_own_and_every_violation_counts) {
    constexpr int each = 500;
    std::vector<noted> sinks(4);
    std::vector<std::thread> threads;
    for (noted& mine : sinks)
        threads.emplace_back([&mine] {
            const probe_scope scope(mine);
            for (int i = 0; i < each; ++i) {
                small_always(1000);
                positive_sometimes(1);
            }
        });
    for (std::thread& t : threads) t.join();
    for (const noted& mine : sinks) BOOST_TEST(mine.names.size() == std::size_t{each});
    BOOST_TEST(violations("test: a small number") == 4U * each);
    BOOST_TEST(hits("test: a positive number") >= 1U);
}

BOOST_AUTO_TEST_SUITE_END()
