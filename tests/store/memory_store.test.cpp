// The contract of a journal store, and what a store that injects faults must look like.
#include "runtime/store/memory_store.hpp"

#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

using namespace aivp;

namespace {

/// Commits lines "1", "2", … with their chain, one second apart.
class writer {
public:
    explicit writer(store_port& store) : store_(store) {}
    commit_outcome write(std::string line, std::uint64_t seq, instant at) {
        digest_chain next = chain_;
        const commit_outcome how = store_.commit({{seq}, at, line, next.append(line)});
        if (how == commit_outcome::ok) chain_ = next;
        return how;
    }
    commit_outcome write() {
        const commit_outcome how =
            write("{\"n\":" + std::to_string(next_) + "}", next_, {static_cast<std::int64_t>(next_)});
        next_ += how == commit_outcome::ok;
        return how;
    }
    const digest& chain() const { return chain_.head(); }

private:
    store_port& store_;
    digest_chain chain_;
    std::uint64_t next_ = 1;
};

std::vector<std::string> lines(store_port& s, std::uint64_t from, std::size_t limit = 100) {
    std::vector<std::string> out;
    const auto done = s.read({from}, [&](const journal_record& r) {
        out.push_back(std::to_string(r.seq.value) + " " + std::string(r.line));
        return out.size() < limit;
    });
    BOOST_TEST(done.has_value());
    return out;
}

/// Refuses the n-th commit, keeps the n-th record without saying so, or spoils what is read.
class faulty_store final : public forwarding_store {
public:
    using forwarding_store::forwarding_store;
    std::uint64_t fail_at = 0, lose_answer_at = 0, rot_at = 0;
    commit_outcome commit(const journal_record& r) override {
        if (++commits_ == fail_at) return commit_outcome::failed;
        const commit_outcome how = forwarding_store::commit(r);
        return commits_ == lose_answer_at ? commit_outcome::unknown : how;
    }
    result<void> read(seq_no from, const std::function<bool(const journal_record&)>& visit) override {
        digest_chain chain;
        std::uint64_t broken = 0;
        AIVP_CHECK(forwarding_store::read({1}, [&](const journal_record& r) {
            std::string line(r.line);
            if (r.seq.value == rot_at) line[0] ^= 1;
            if (chain.append(line) != r.chain) {
                broken = r.seq.value;
                return false;
            }
            return r.seq < from || visit(r);
        }));
        if (broken) return fail(errc::store_corrupt, "record " + std::to_string(broken));
        return {};
    }

private:
    std::uint64_t commits_ = 0;
};

} // namespace

BOOST_AUTO_TEST_SUITE(store_in_memory)

BOOST_AUTO_TEST_CASE(an_empty_store_has_an_empty_head) {
    memory_store s;
    BOOST_TEST(s.head()->seq.value == 0U);
    BOOST_TEST(!s.head()->chain);
    BOOST_TEST(s.size() == 0U);
    BOOST_TEST(lines(s, 1).empty());
    BOOST_TEST(lines(s, 0).empty());
}

BOOST_AUTO_TEST_CASE(what_was_committed_is_read_back_from_anywhere) {
    memory_store s;
    writer w(s);
    for (int i = 0; i < 3; ++i) BOOST_CHECK(w.write() == commit_outcome::ok);
    BOOST_TEST(s.size() == 3U);
    BOOST_TEST(s.bytes() == 21U);
    BOOST_TEST(s.line(2) == "{\"n\":2}");
    BOOST_CHECK(s.chain(3) == w.chain());
    BOOST_TEST(s.head()->seq.value == 3U);
    BOOST_TEST(s.head()->at.us == 3);
    BOOST_CHECK(s.head()->chain == w.chain());
    const std::vector<std::string> all{"1 {\"n\":1}", "2 {\"n\":2}", "3 {\"n\":3}"};
    BOOST_TEST(lines(s, 0) == all, boost::test_tools::per_element());
    BOOST_TEST(lines(s, 1) == all, boost::test_tools::per_element());
    BOOST_TEST(lines(s, 3) == std::vector<std::string>(all.begin() + 2, all.end()), boost::test_tools::per_element());
    BOOST_TEST(lines(s, 4).empty());
    BOOST_TEST(lines(s, 99).empty());
    BOOST_TEST(lines(s, 1, 2).size() == 2U);
}

BOOST_AUTO_TEST_CASE(a_record_must_follow_the_last_one_in_number_and_time) {
    memory_store s;
    writer w(s);
    BOOST_CHECK(w.write("x", 2, {1}) == commit_outcome::failed);
    BOOST_CHECK(w.write("x", 0, {1}) == commit_outcome::failed);
    BOOST_CHECK(w.write("x", 1, {5}) == commit_outcome::ok);
    BOOST_CHECK(w.write("x", 1, {6}) == commit_outcome::failed);
    BOOST_CHECK(w.write("x", 3, {6}) == commit_outcome::failed);
    BOOST_CHECK(w.write("x", 2, {4}) == commit_outcome::failed);
    BOOST_TEST(s.size() == 1U);
    BOOST_CHECK(w.write("y", 2, {5}) == commit_outcome::ok);
    BOOST_TEST(lines(s, 1).size() == 2U);
}

BOOST_AUTO_TEST_CASE(a_chain_that_does_not_fit_is_found_when_it_is_read) {
    memory_store s;
    digest_chain chain;
    BOOST_CHECK(s.commit({{1}, {1}, "a", chain.append("a")}) == commit_outcome::ok);
    BOOST_CHECK(s.commit({{2}, {1}, "b", chain.append("other")}) == commit_outcome::ok);
    BOOST_CHECK(s.commit({{3}, {1}, "c", chain.append("c")}) == commit_outcome::ok);
    std::uint64_t visited = 0;
    const auto read = s.read({1}, [&](const journal_record&) { return ++visited > 0; });
    BOOST_REQUIRE(!read);
    BOOST_TEST(std::string(info(read.error().code).name) == "store.corrupt");
    BOOST_TEST(read.error().message.find("record 2") != std::string::npos);
    BOOST_TEST(visited == 1U);
    BOOST_CHECK(!s.read({2}, [](const journal_record&) { return true; }));
    BOOST_CHECK(s.read({3}, [](const journal_record&) { return true; }));
}

BOOST_AUTO_TEST_CASE(a_store_that_keeps_the_head_only_cannot_be_read) {
    memory_store s(memory_store::retention::head);
    writer w(s);
    for (int i = 0; i < 3; ++i) BOOST_CHECK(w.write() == commit_outcome::ok);
    BOOST_TEST(s.size() == 3U);
    BOOST_TEST(s.bytes() == 21U);
    BOOST_CHECK(s.head()->chain == w.chain());
    const auto read = s.read({1}, [](const journal_record&) { return true; });
    BOOST_REQUIRE(!read);
    BOOST_TEST(std::string(info(read.error().code).name) == "io.read");
}

BOOST_AUTO_TEST_CASE(a_forwarding_store_can_refuse_a_commit_for_once) {
    memory_store inner;
    faulty_store s(inner);
    s.fail_at = 2;
    writer w(s);
    BOOST_CHECK(w.write() == commit_outcome::ok);
    BOOST_CHECK(w.write() == commit_outcome::failed);
    BOOST_TEST(s.head()->seq.value == 1U);
    BOOST_CHECK(w.write() == commit_outcome::ok);
    BOOST_TEST(lines(s, 1).size() == 2U);
    BOOST_CHECK(inner.head()->chain == w.chain());
}

BOOST_AUTO_TEST_CASE(after_an_unknown_outcome_only_the_journal_tells_whether_the_record_is_there) {
    memory_store inner;
    faulty_store s(inner);
    s.lose_answer_at = 2;
    writer w(s);
    BOOST_CHECK(w.write() == commit_outcome::ok);
    BOOST_CHECK(w.write() == commit_outcome::unknown);
    BOOST_TEST(s.head()->seq.value == 2U);
    BOOST_TEST(lines(s, 2).size() == 1U);
    BOOST_CHECK(s.head()->chain != w.chain());
}

BOOST_AUTO_TEST_CASE(rot_is_found_by_the_chain) {
    memory_store inner;
    faulty_store s(inner);
    writer w(s);
    for (int i = 0; i < 3; ++i) BOOST_CHECK(w.write() == commit_outcome::ok);
    BOOST_TEST(lines(s, 1).size() == 3U);
    BOOST_TEST(lines(s, 3).size() == 1U);
    s.rot_at = 2;
    const auto read = s.read({3}, [](const journal_record&) { return true; });
    BOOST_REQUIRE(!read);
    BOOST_TEST(std::string(info(read.error().code).name) == "store.corrupt");
}

BOOST_AUTO_TEST_SUITE_END()
