// Stores as the enumeration of crashes puts them between a process and its durable store: they do what a host does, and note
// what was committed.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "aivp/ports/store.hpp"
#include "runtime/store/sqlite_store.hpp"
#include "sim/disk/sim_disk.hpp"

namespace aivp::sim {

/// One commit of a recorded run.
struct commit_mark {
    std::uint64_t calls_before = 0; ///< of the disk
    std::uint64_t calls_after = 0;
    std::uint64_t effects_before = 0; ///< calls to the world that were made before it
    seq_no before, after;             ///< last record
    std::uint64_t events = 0;         ///< of the world until then, the one included that led to it
    instant at;                       ///< of the world
    bool asked = false; ///< somebody outside waits for its answer, and asks again when the process dies before it
    bool acknowledged = false;
};

/// A record of a journal in memory.
struct kept_record {
    seq_no seq;
    instant at;
    digest chain;
    std::string line;
};
using kept_journal = std::map<seq_no, kept_record>;

/// What moments of a world a commit is marked with.
struct world_watch {
    std::function<std::uint64_t()> effects;
    std::function<std::uint64_t()> events;
    std::function<instant()> now;
};

/// Empties the log when that is due, as the live host does: before the next commit, when the effects of the last one are out.
class hosted_store : public forwarding_store {
public:
    /// `next` is `durable`, or something in front of it.
    hosted_store(store_port& next, sqlite_store& durable) : forwarding_store(next), durable_(durable) {}
    /// Something happens elsewhere just before the n-th commit, n from 1.
    void interrupt(std::uint64_t n, std::function<void()> what) {
        interrupted_at_ = n;
        interruption_ = std::move(what);
    }
    commit_outcome commit(std::span<const journal_record> batch) override {
        if (++commits_ == interrupted_at_) interruption_();
        empty_log_when_due();
        return next_.commit(batch);
    }

protected:
    /// A log that cannot be emptied now is emptied later.
    void empty_log_when_due() {
        if (durable_.checkpoint_due()) (void)durable_.checkpoint();
    }
    sqlite_store& durable_;

private:
    std::uint64_t commits_ = 0;
    std::uint64_t interrupted_at_ = 0;
    std::function<void()> interruption_;
};

/// Notes where each commit lies among the calls to the disk and to the world.
class marking_store final : public hosted_store {
public:
    marking_store(store_port& next, sqlite_store& durable, const sim_disk& disk, world_watch watch)
        : hosted_store(next, durable), disk_(disk), watch_(std::move(watch)) {}
    commit_outcome commit(std::span<const journal_record> batch) override;

    std::vector<commit_mark> marks;
    kept_journal records;
    std::vector<std::pair<seq_no, std::string>> windows; ///< of schedules that became a run

private:
    const sim_disk& disk_;
    world_watch watch_;
};

/// From some commit on, records are kept in memory only: how a run goes on depends on the answers of its store, not on what
/// is behind them.
class tailed_store final : public hosted_store {
public:
    /// `after_commit` is asked after each durable commit whether it was the last one; null = there is no last one.
    tailed_store(store_port& next, sqlite_store& durable, std::function<bool(seq_no)> after_commit)
        : hosted_store(next, durable), after_commit_(std::move(after_commit)) {}

    /// The records up to this one, the last, are those of `run`, which outlives this. `state` is what they lead to.
    void trust(const state_snapshot& state, const kept_journal& run) {
        trusted_ = state;
        run_ = &run;
    }

    commit_outcome commit(std::span<const journal_record> batch) override;
    /// All records, those in memory included. What is trusted is not read from the disk again.
    result<void> read(seq_no from, const std::function<bool(const journal_record&)>& visit) override;
    result<void> save_snapshot(const state_snapshot& s) override;
    result<std::optional<state_snapshot>> load_snapshot() override;

    /// Of schedules that became a run since it was made.
    const std::vector<std::pair<seq_no, std::string>>& windows() const { return windows_; }

private:
    result<void> read_tail(seq_no from, const std::function<bool(const journal_record&)>& visit) const;

    std::function<bool(seq_no)> after_commit_;
    std::optional<state_snapshot> trusted_;
    const kept_journal* run_ = nullptr;
    bool in_memory_ = false;
    seq_no durable_last_;
    instant durable_at_;
    digest durable_chain_;
    std::vector<kept_record> tail_;
    std::vector<std::pair<seq_no, std::string>> windows_;
};

} // namespace aivp::sim
