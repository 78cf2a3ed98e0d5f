#include "sim/workers.hpp"

#include <atomic>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <boost/test/unit_test.hpp>

using namespace aivp::sim;

namespace {

auto says(std::string text) {
    return [text = std::move(text)](const std::exception& e) { return e.what() == text; };
}

} // namespace

BOOST_AUTO_TEST_SUITE(workers)

BOOST_AUTO_TEST_CASE(every_item_is_taken_once_whatever_the_number_of_threads) {
    for (const unsigned jobs : {0U, 1U, 2U, 64U}) {
        std::vector<int> taken(1000);
        std::atomic<std::size_t> next{0};
        run_on_threads(jobs, [&] {
            for (std::size_t i = next++; i < taken.size(); i = next++) ++taken[i];
        });
        BOOST_TEST(taken == std::vector<int>(1000, 1), "with " << jobs << " jobs");
    }
}

BOOST_AUTO_TEST_CASE(what_another_thread_throws_reaches_the_caller_when_all_have_ended) {
    const auto caller = std::this_thread::get_id();
    std::atomic<int> running{0};
    std::atomic<bool> thrown{false};
    const auto work = [&] {
        struct counted {
            explicit counted(std::atomic<int>& n) : n_(n) { ++n_; }
            ~counted() { --n_; }
            std::atomic<int>& n_;
        } const inside(running);
        if (std::this_thread::get_id() != caller && !thrown.exchange(true)) {
            thrown.notify_all();
            throw std::runtime_error("planted");
        }
        thrown.wait(false);
    };
    BOOST_CHECK_EXCEPTION(run_on_threads(4, work), std::runtime_error, says("planted"));
    BOOST_TEST(running == 0);
}

BOOST_AUTO_TEST_CASE(the_other_threads_finish_the_items_that_a_throwing_one_leaves) {
    std::atomic<int> done{0};
    std::atomic<int> next{0};
    const auto work = [&] {
        for (int i = next++; i < 1000; i = next++) {
            if (i == 0) throw std::runtime_error("the first item");
            ++done;
        }
    };
    BOOST_CHECK_EXCEPTION(run_on_threads(2, work), std::runtime_error, says("the first item"));
    BOOST_TEST(done == 999);
}

BOOST_AUTO_TEST_CASE(when_all_threads_throw_one_exception_arrives) {
    for (const unsigned jobs : {1U, 2U, 64U}) {
        std::atomic<unsigned> calls{0};
        const auto work = [&] {
            ++calls;
            throw std::logic_error("each of them");
        };
        BOOST_CHECK_EXCEPTION(run_on_threads(jobs, work), std::logic_error, says("each of them"));
        BOOST_TEST(calls == jobs);
    }
}

BOOST_AUTO_TEST_CASE(what_is_no_exception_class_arrives_as_it_is) {
    BOOST_CHECK_EXCEPTION(run_on_threads(3, [] { throw 42; }), int, [](int n) { return n == 42; });
}

BOOST_AUTO_TEST_CASE(the_text_of_what_was_thrown) {
    const auto text = [](auto thrown) {
        try {
            throw thrown;
        } catch (...) {
            return text_of_thrown();
        }
    };
    BOOST_TEST(text(std::runtime_error("why")) == "why");
    BOOST_TEST(text(7) == "something that is no std::exception was thrown");
}

BOOST_AUTO_TEST_SUITE_END()
