// The real store on a simulated disk, under the faults that a plan has for the disk.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "aivp/ports/store.hpp"
#include "runtime/store/sqlite_store.hpp"
#include "sim/disk/disk_files.hpp"
#include "sim/disk/sim_disk.hpp"
#include "sim/disk/sim_vfs.hpp"
#include "sim/faults/injector.hpp"
#include "sim/simulation.hpp"

namespace aivp::sim {

/// Remembers what was acknowledged, and looks whether it is still there whenever somebody reads.
class acknowledging_store final : public forwarding_store {
public:
    acknowledging_store(store_port& next, const sim_disk& disk) : forwarding_store(next), disk_(disk) {}
    commit_outcome commit(std::span<const journal_record> batch) override;
    result<void> read(seq_no from, const std::function<bool(const journal_record&)>& visit) override;

    /// What was acknowledged and is gone, in words; empty = nothing.
    const std::string& lost() const { return lost_; }
    /// Operations of the disk up to the end of the n-th commit that was acknowledged, at n - 1.
    const std::vector<std::uint64_t>& calls_by_commit() const { return calls_by_commit_; }

private:
    const sim_disk& disk_;
    seq_no acknowledged_;
    digest chain_; ///< of that record
    std::string lost_;
    std::vector<std::uint64_t> calls_by_commit_;
};

/// One at a time in a process, as sim_vfs wants it: the constructor waits for the one before.
class durable_store final : public store_keeper {
public:
    durable_store(instant start, std::uint64_t seed, const fault_plan& plan);

    /// Opens it. A fault of the disk that is in the way ends, as if somebody had waited. Errors: as sqlite_store::open().
    result<void> open();
    /// After open().
    store_port& port() { return *watched_; }
    const acknowledging_store& watched() const { return *watched_; }
    bool is_open() const { return watched_ != nullptr; }

    result<void> reopen() override;
    std::optional<duration> repair() override;
    /// Also what is planned and was not met: it is over for good.
    void heal() override;
    void on_delay(std::function<void(duration)> take_time) override { disk_.on_delay(std::move(take_time)); }

    /// Operations that a fault could have hit: up to heal().
    std::uint64_t calls() const { return calls_healed_.value_or(disk_.calls()); }
    /// The plan's faults that took effect, by their index; `at` and `after` are those of the end.
    std::vector<met_fault> met() const;

private:
    /// The plan's fault behind an injected one.
    std::optional<std::size_t> index_of(const injected_fault& f) const;

    std::unique_lock<std::mutex> alone_;
    const fault_plan& plan_;
    sim_disk disk_;
    sim_vfs vfs_;
    disk_files files_;
    sqlite_options options_;
    std::unique_ptr<sqlite_store> store_;
    std::unique_ptr<acknowledging_store> watched_;
    std::size_t seen_ = 0; ///< of the injected faults
    std::optional<std::uint64_t> calls_healed_;
};

} // namespace aivp::sim
