// The real store on a simulated disk, under the faults that a plan has for the disk.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "runtime/store/sqlite_store.hpp"
#include "sim/disk/disk_files.hpp"
#include "sim/disk/sim_disk.hpp"
#include "sim/disk/sim_vfs.hpp"
#include "sim/faults/injector.hpp"
#include "sim/simulation.hpp"

namespace aivp::sim {

/// One at a time in a process, as sim_vfs wants it: the constructor waits for the one before.
class durable_store final : public store_keeper {
public:
    durable_store(instant start, std::uint64_t seed, const fault_plan& plan);

    /// Opens it. A fault of the disk that is in the way ends, as if somebody had waited. Errors: as sqlite_store::open().
    result<void> open();
    store_port& port() { return *store_; }

    result<void> reopen() override;
    std::optional<duration> repair() override;
    void heal() override { disk_.heal(); }
    void on_delay(std::function<void(duration)> take_time) override { disk_.on_delay(std::move(take_time)); }

    std::uint64_t calls() const { return disk_.calls(); }
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
    std::size_t seen_ = 0; ///< of the injected faults
};

} // namespace aivp::sim
