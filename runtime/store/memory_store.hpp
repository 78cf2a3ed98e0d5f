// The journal in memory: the same contract as a durable store, minus durability. Used by dry runs, the simulator and
// tests. Records are kept in one growing block of bytes, so a million of them cost a few allocations.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "aivp/ports/store.hpp"

namespace aivp {

class memory_store final : public store_port {
public:
    enum class retention : std::uint8_t {
        all,  ///< everything can be read back
        head, ///< only the last record's number and digest: for endless runs; read() then fails with io.read
    };
    explicit memory_store(retention keep = retention::all) : keep_(keep) {}

    /// Fails (never unknown) when a record does not follow the last one in number or time.
    commit_outcome commit(std::span<const journal_record> batch) override;
    result<void> read(seq_no from, const std::function<bool(const journal_record&)>& visit) override;
    result<journal_record> head() override;
    result<void> save_snapshot(const state_snapshot& s) override;
    result<std::optional<state_snapshot>> load_snapshot() override { return snapshot_; }

    std::uint64_t size() const { return count_; }
    std::uint64_t bytes() const { return bytes_; }
    /// The n-th line, n from 1. Requires retention::all and n <= size().
    std::string_view line(std::uint64_t n) const;
    /// The chain digest after the n-th record. Same requirements.
    const digest& chain(std::uint64_t n) const { return entries_[n - 1].chain; }

private:
    struct entry {
        std::uint64_t begin;
        std::uint64_t end;
        instant at;
        digest chain;
    };
    void keep(const journal_record& record);

    retention keep_;
    std::string text_;
    std::vector<entry> entries_;
    std::uint64_t count_ = 0;
    std::uint64_t bytes_ = 0;
    instant last_at_;
    digest head_;
    std::optional<state_snapshot> snapshot_;
};

} // namespace aivp
