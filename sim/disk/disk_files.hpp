// What a store does with files beside SQLite, on the simulated disk.
#pragma once

#include <string>

#include "runtime/store/store_files.hpp"
#include "sim/disk/sim_disk.hpp"

namespace aivp::sim {

/// A dead disk and injected errors answer io.write. Used by one thread.
class disk_files final : public store_files {
public:
    /// `disk` must outlive it, or the next mount().
    explicit disk_files(sim_disk& disk) : disk_(&disk) {}
    void mount(sim_disk& disk) { disk_ = &disk; }

    bool exists(const std::string& path) override { return disk_->exists(path); }
    result<void> rename(const std::string& from, const std::string& to) override {
        if (disk_->exists(to)) return fail(errc::io_exists, "cannot rename: the name is taken", {to, 0, 0});
        return answer(disk_->rename(from, to), "rename", to);
    }
    result<void> remove(const std::string& path) override {
        const disk_status s = disk_->unlink(path);
        return s == disk_status::not_found ? result<void>{} : answer(s, "remove the file", path);
    }
    result<void> sync_dir(const std::string& path) override {
        return answer(disk_->sync_directory(directory_of(path)), "sync the folder of", path);
    }

private:
    static result<void> answer(disk_status s, const char* what, const std::string& path) {
        if (s == disk_status::ok) return {};
        return fail(errc::io_write, std::string("cannot ") + what + ": " + to_string(s), {path, 0, 0});
    }

    sim_disk* disk_;
};

} // namespace aivp::sim
