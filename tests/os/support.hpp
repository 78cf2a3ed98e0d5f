// What the tests of the adapters share: a sink that remembers, and counts of what a process must not leak.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "aivp/ports/completion.hpp"

namespace aivp::os_test {

struct recording_sink final : completion_sink {
    void model_done(model_completion) override {}
    void skill_done(skill_completion c) override { skills.push_back(std::move(c)); }
    void user_done(user_completion) override {}
    void timer_fired(timer_key key) override {
        fired.push_back(key);
        if (on_timer) on_timer(key);
    }

    std::vector<skill_completion> skills;
    std::vector<timer_key> fired;
    std::function<void(timer_key)> on_timer;
};

std::size_t open_files();
/// Children of this process, those that wait to be reaped included.
std::size_t children();
/// Processes whose command line holds `word`.
std::size_t processes_with(const std::string& word);

/// An argument for `sleep` by which its processes are told from those of any other test: long, and of this process.
const std::string& nap();

/// A new empty folder, removed at the end.
class temporary_folder {
public:
    temporary_folder();
    ~temporary_folder();
    const std::string& path() const { return path_; }
    std::size_t entries() const;

private:
    std::string path_;
};

std::string read_file(const std::string& path);
/// Prints that a test was skipped, and why.
void skipped(const std::string& why);

} // namespace aivp::os_test
