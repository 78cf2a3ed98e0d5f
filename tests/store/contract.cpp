#include "tests/store/contract.hpp"

#include <boost/test/unit_test.hpp>

using namespace aivp;

namespace store_test {

bool chain_writer::resume() {
    const auto head = store_->head();
    if (!head) return false;
    chain_ = digest_chain(head->chain);
    next_ = head->seq.value + 1;
    return true;
}

commit_outcome chain_writer::write(const std::vector<std::string>& texts, std::uint64_t first_seq, instant at) {
    digest_chain next = chain_;
    std::vector<journal_record> batch;
    for (const std::string& text : texts) {
        const auto seq = first_seq + batch.size();
        batch.push_back({{seq}, {at.us + static_cast<std::int64_t>(batch.size())}, text, next.append(text)});
    }
    const commit_outcome how = store_->commit(batch);
    if (how == commit_outcome::ok) {
        chain_ = next;
        next_ = first_seq + texts.size();
    }
    return how;
}

commit_outcome chain_writer::write(std::size_t count) {
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < count; ++i) texts.push_back("{\"n\":" + std::to_string(next_ + i) + "}");
    return write(texts, next_, {static_cast<std::int64_t>(next_)});
}

commit_outcome chain_writer::write_line(const std::string& line) {
    return write({line}, next_, {static_cast<std::int64_t>(next_)});
}

std::vector<std::string> lines(store_port& s, std::uint64_t from, std::size_t limit) {
    std::vector<std::string> out;
    const auto done = s.read({from}, [&](const journal_record& r) {
        out.push_back(std::to_string(r.seq.value) + " " + std::string(r.line));
        return out.size() < limit;
    });
    BOOST_TEST(done.has_value(), (done ? "" : to_string(done.error())));
    return out;
}

std::string read_error(store_port& s, std::uint64_t from) {
    const auto done = s.read({from}, [](const journal_record&) { return true; });
    return done ? "" : std::string(info(done.error().code).name);
}

void an_empty_store_has_an_empty_head(const store_maker& m) {
    const auto s = m.make();
    BOOST_TEST(s->head()->seq.value == 0U);
    BOOST_TEST(!s->head()->chain);
    BOOST_TEST(lines(*s, 1).empty());
    BOOST_TEST(lines(*s, 0).empty());
    BOOST_TEST(!s->load_snapshot()->has_value());
}

void what_was_committed_is_read_back_from_anywhere(const store_maker& m) {
    const auto s = m.make();
    chain_writer w(*s);
    for (int i = 0; i < 3; ++i) BOOST_CHECK(w.write() == commit_outcome::ok);
    BOOST_TEST(s->head()->seq.value == 3U);
    BOOST_TEST(s->head()->at.us == 3);
    BOOST_CHECK(s->head()->chain == w.chain());
    const std::vector<std::string> all{"1 {\"n\":1}", "2 {\"n\":2}", "3 {\"n\":3}"};
    BOOST_TEST(lines(*s, 0) == all, boost::test_tools::per_element());
    BOOST_TEST(lines(*s, 1) == all, boost::test_tools::per_element());
    BOOST_TEST(lines(*s, 3) == std::vector<std::string>(all.begin() + 2, all.end()), boost::test_tools::per_element());
    BOOST_TEST(lines(*s, 4).empty());
    BOOST_TEST(lines(*s, 99).empty());
    std::vector<std::int64_t> times;
    BOOST_CHECK(s->read({2}, [&](const journal_record& r) {
        times.push_back(r.at.us);
        return true;
    }));
    BOOST_TEST(times == (std::vector<std::int64_t>{2, 3}), boost::test_tools::per_element());
}

void a_batch_is_there_whole_or_not_at_all(const store_maker& m) {
    const auto s = m.make();
    chain_writer w(*s);
    BOOST_CHECK(w.write(3) == commit_outcome::ok);
    BOOST_CHECK(w.write(64) == commit_outcome::ok);
    BOOST_TEST(s->head()->seq.value == 67U);
    BOOST_CHECK(s->head()->chain == w.chain());
    BOOST_TEST(lines(*s, 1).size() == 67U);
    const digest none;
    const std::vector<journal_record> gap{{{68}, {100}, "a", none}, {{70}, {100}, "b", none}};
    BOOST_CHECK(s->commit(gap) == commit_outcome::failed);
    const std::vector<journal_record> back_in_time{{{68}, {100}, "a", none}, {{69}, {99}, "b", none}};
    BOOST_CHECK(s->commit(back_in_time) == commit_outcome::failed);
    BOOST_TEST(s->head()->seq.value == 67U);
    BOOST_TEST(lines(*s, 1).size() == 67U);
    BOOST_CHECK(w.write(2) == commit_outcome::ok);
    BOOST_TEST(lines(*s, 68).size() == 2U);
}

void a_record_must_follow_the_last_one_in_number_and_time(const store_maker& m) {
    const auto s = m.make();
    chain_writer w(*s);
    BOOST_CHECK(w.write({"x"}, 2, {1}) == commit_outcome::failed);
    BOOST_CHECK(w.write({"x"}, 0, {1}) == commit_outcome::failed);
    BOOST_CHECK(w.write({"x"}, 1, {5}) == commit_outcome::ok);
    BOOST_CHECK(w.write({"x"}, 1, {6}) == commit_outcome::failed);
    BOOST_CHECK(w.write({"x"}, 3, {6}) == commit_outcome::failed);
    BOOST_CHECK(w.write({"x"}, 2, {4}) == commit_outcome::failed);
    BOOST_TEST(lines(*s, 1).size() == 1U);
    BOOST_CHECK(w.write({"y"}, 2, {5}) == commit_outcome::ok);
    BOOST_TEST(lines(*s, 1).size() == 2U);
}

void a_chain_that_does_not_fit_is_found_when_it_is_read(const store_maker& m) {
    const auto s = m.make();
    digest_chain chain;
    const std::vector<journal_record> records{
        {{1}, {1}, "a", chain.append("a")}, {{2}, {1}, "b", chain.append("other")}, {{3}, {1}, "c", chain.append("c")}};
    for (const journal_record& r : records) BOOST_CHECK(s->commit({&r, 1}) == commit_outcome::ok);
    std::uint64_t visited = 0;
    const auto read = s->read({1}, [&](const journal_record&) { return ++visited > 0; });
    BOOST_REQUIRE(!read);
    BOOST_TEST(std::string(info(read.error().code).name) == "store.corrupt");
    BOOST_TEST(read.error().message.find("record 2") != std::string::npos);
    BOOST_TEST(visited == 1U);
    BOOST_TEST(read_error(*s, 2) == "store.corrupt");
    BOOST_TEST(read_error(*s, 3) == "");
}

void lines_may_hold_any_bytes(const store_maker& m) {
    const auto s = m.make();
    chain_writer w(*s);
    const std::vector<std::string> texts{"", std::string("a\0b", 3), "\xff\xfe", std::string(300'000, 'x'),
                                         "\xc3\xa9 \xf0\x9f\x98\x80"};
    for (const std::string& text : texts) BOOST_CHECK(w.write_line(text) == commit_outcome::ok);
    std::vector<std::string> found;
    BOOST_CHECK(s->read({1}, [&](const journal_record& r) {
        found.emplace_back(r.line);
        return true;
    }));
    BOOST_CHECK(found == texts);
}

void a_snapshot_must_fit_the_journal(const store_maker& m) {
    const auto s = m.make();
    chain_writer w(*s);
    BOOST_CHECK(w.write(2) == commit_outcome::ok);
    const auto early = s->save_snapshot({{3}, {3}, w.chain(), "state"});
    BOOST_REQUIRE(!early);
    BOOST_TEST(std::string(info(early.error().code).name) == "io.write");
    BOOST_TEST(!s->load_snapshot()->has_value());
    BOOST_CHECK(s->save_snapshot({{2}, {2}, w.chain(), "state"}));
    BOOST_TEST(s->load_snapshot()->has_value());
}

void the_latest_snapshot_is_loaded(const store_maker& m) {
    const auto s = m.make();
    chain_writer w(*s);
    for (int i = 1; i <= 4; ++i) {
        BOOST_CHECK(w.write(2) == commit_outcome::ok);
        const std::string state = std::string("state\0", 6) + std::to_string(i);
        BOOST_CHECK(s->save_snapshot({{w.written()}, {static_cast<std::int64_t>(w.written())}, w.chain(), state}));
        const auto loaded = s->load_snapshot();
        BOOST_REQUIRE(loaded && loaded->has_value());
        BOOST_TEST((*loaded)->seq.value == w.written());
        BOOST_TEST((*loaded)->at.us == static_cast<std::int64_t>(w.written()));
        BOOST_CHECK((*loaded)->chain == w.chain());
        BOOST_TEST((*loaded)->state == state);
    }
    BOOST_CHECK(w.write() == commit_outcome::ok);
    BOOST_TEST((*s->load_snapshot())->seq.value == 8U);
}

void reading_stops_when_the_visitor_says_so(const store_maker& m) {
    const auto s = m.make();
    chain_writer w(*s);
    BOOST_CHECK(w.write(5) == commit_outcome::ok);
    BOOST_TEST(lines(*s, 1, 2).size() == 2U);
    BOOST_CHECK(w.write() == commit_outcome::ok);
    BOOST_TEST(lines(*s, 1).size() == 6U);
}

} // namespace store_test
