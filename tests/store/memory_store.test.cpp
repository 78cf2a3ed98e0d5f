// The store in memory, and what a store that injects faults must look like.
#include "runtime/store/memory_store.hpp"

#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/store/contract.hpp"

using namespace aivp;
using store_test::chain_writer;
using store_test::lines;

namespace {

store_test::store_maker in_memory() {
    return {"memory", [] { return std::make_unique<memory_store>(); }};
}

/// Refuses the n-th commit, keeps the n-th batch without saying so, or spoils what is read.
class faulty_store final : public forwarding_store {
public:
    using forwarding_store::forwarding_store;
    std::uint64_t fail_at = 0, lose_answer_at = 0, rot_at = 0;
    commit_outcome commit(std::span<const journal_record> batch) override {
        if (++commits_ == fail_at) return commit_outcome::failed;
        const commit_outcome how = forwarding_store::commit(batch);
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

STORE_CONTRACT(in_memory())

BOOST_AUTO_TEST_CASE(it_counts_and_shows_what_it_holds) {
    memory_store s;
    chain_writer w(s);
    BOOST_TEST(s.size() == 0U);
    BOOST_CHECK(w.write(3) == commit_outcome::ok);
    BOOST_TEST(s.size() == 3U);
    BOOST_TEST(s.bytes() == 21U);
    BOOST_TEST(s.line(2) == "{\"n\":2}");
    BOOST_CHECK(s.chain(3) == w.chain());
}

BOOST_AUTO_TEST_CASE(a_store_that_keeps_the_head_only_cannot_be_read) {
    memory_store s(memory_store::retention::head);
    chain_writer w(s);
    for (int i = 0; i < 3; ++i) BOOST_CHECK(w.write() == commit_outcome::ok);
    BOOST_TEST(s.size() == 3U);
    BOOST_TEST(s.bytes() == 21U);
    BOOST_CHECK(s.head()->chain == w.chain());
    BOOST_TEST(store_test::read_error(s, 1) == "io.read");
}

BOOST_AUTO_TEST_CASE(a_forwarding_store_can_refuse_a_commit_for_once) {
    memory_store inner;
    faulty_store s(inner);
    s.fail_at = 2;
    chain_writer w(s);
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
    chain_writer w(s);
    BOOST_CHECK(w.write() == commit_outcome::ok);
    BOOST_CHECK(w.write() == commit_outcome::unknown);
    BOOST_TEST(s.head()->seq.value == 2U);
    BOOST_TEST(lines(s, 2).size() == 1U);
    BOOST_CHECK(s.head()->chain != w.chain());
    BOOST_CHECK(w.resume());
    BOOST_CHECK(s.head()->chain == w.chain());
}

BOOST_AUTO_TEST_CASE(rot_is_found_by_the_chain) {
    memory_store inner;
    faulty_store s(inner);
    chain_writer w(s);
    BOOST_CHECK(w.write(3) == commit_outcome::ok);
    BOOST_TEST(lines(s, 1).size() == 3U);
    BOOST_TEST(lines(s, 3).size() == 1U);
    s.rot_at = 2;
    BOOST_TEST(store_test::read_error(s, 3) == "store.corrupt");
}

BOOST_AUTO_TEST_SUITE_END()
