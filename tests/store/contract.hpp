// What every journal store must do, written once and run against each of them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "aivp/ports/store.hpp"

namespace store_test {

/// Commits lines with their chain, and knows what it had an `ok` for.
class chain_writer {
public:
    explicit chain_writer(aivp::store_port& store) : store_(&store) {}
    /// Goes on behind the store's head. False when the head cannot be read.
    bool resume();
    aivp::commit_outcome write(const std::vector<std::string>& lines, std::uint64_t first_seq, aivp::instant at);
    /// The next lines, {"n":seq}, one microsecond apart.
    aivp::commit_outcome write(std::size_t count = 1);
    /// The next line with this text.
    aivp::commit_outcome write_line(const std::string& line);
    const aivp::digest& chain() const { return chain_.head(); }
    std::uint64_t written() const { return next_ - 1; }

private:
    aivp::store_port* store_;
    aivp::digest_chain chain_;
    std::uint64_t next_ = 1;
};

/// "seq line" of what read() visits; the test fails when it cannot be read.
std::vector<std::string> lines(aivp::store_port& s, std::uint64_t from, std::size_t limit = 1'000'000);
/// "store.corrupt"; "" for success.
std::string read_error(aivp::store_port& s, std::uint64_t from);

struct store_maker {
    std::string name;
    std::function<std::unique_ptr<aivp::store_port>()> make; ///< an empty one each time
};

void an_empty_store_has_an_empty_head(const store_maker& m);
void what_was_committed_is_read_back_from_anywhere(const store_maker& m);
void a_batch_is_there_whole_or_not_at_all(const store_maker& m);
void a_record_must_follow_the_last_one_in_number_and_time(const store_maker& m);
void a_chain_that_does_not_fit_is_found_when_it_is_read(const store_maker& m);
void lines_may_hold_any_bytes(const store_maker& m);
void a_snapshot_must_fit_the_journal(const store_maker& m);
void the_latest_snapshot_is_loaded(const store_maker& m);
void reading_stops_when_the_visitor_says_so(const store_maker& m);

} // namespace store_test

/// All of it as test cases. `MAKER` is an expression for a store_maker.
#define STORE_CONTRACT_CASE(NAME, MAKER) \
    BOOST_AUTO_TEST_CASE(NAME) { store_test::NAME(MAKER); }
#define STORE_CONTRACT(MAKER)                                                        \
    STORE_CONTRACT_CASE(an_empty_store_has_an_empty_head, MAKER)                     \
    STORE_CONTRACT_CASE(what_was_committed_is_read_back_from_anywhere, MAKER)        \
    STORE_CONTRACT_CASE(a_batch_is_there_whole_or_not_at_all, MAKER)                 \
    STORE_CONTRACT_CASE(a_record_must_follow_the_last_one_in_number_and_time, MAKER) \
    STORE_CONTRACT_CASE(a_chain_that_does_not_fit_is_found_when_it_is_read, MAKER)   \
    STORE_CONTRACT_CASE(lines_may_hold_any_bytes, MAKER)                             \
    STORE_CONTRACT_CASE(a_snapshot_must_fit_the_journal, MAKER)                      \
    STORE_CONTRACT_CASE(the_latest_snapshot_is_loaded, MAKER)                        \
    STORE_CONTRACT_CASE(reading_stops_when_the_visitor_says_so, MAKER)
