#include "tools/aivp-sim/reference.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <utility>
#include <vector>

#include "aivp/base/payload.hpp"
#include "sim/search/token.hpp"

extern char** environ;

namespace aivp::tools {

namespace {

/// What the program writes; its errors go nowhere. Empty when it cannot be started.
std::string output_of(std::vector<std::string> words) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return {};
    std::vector<char*> raw;
    for (std::string& w : words) raw.push_back(w.data());
    raw.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    pid_t child = 0;
    const int failed = ::posix_spawnp(&child, raw[0], &actions, nullptr, raw.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    std::string out;
    char buffer[4096];
    for (ssize_t n = 0; failed == 0 && (n = ::read(ends[0], buffer, sizeof buffer)) > 0;)
        out.append(buffer, static_cast<std::size_t>(n));
    ::close(ends[0]);
    if (failed == 0) ::waitpid(child, nullptr, 0);
    return out;
}

} // namespace

std::function<std::optional<std::string>(const sim::run_case&)>
reference_program(std::string program, std::string folder, std::string property) {
    return [program = std::move(program), folder = std::move(folder),
            property = std::move(property)](const sim::run_case& c) -> std::optional<std::string> {
        const std::string token = sim::to_token(c);
        if (token.empty()) return std::nullopt;
        std::vector<std::string> words = {program, "repro", token, "--times", "1", "--json", "--property", property};
        if (!folder.empty()) words.insert(words.end(), {"--in", folder});
        const auto answer = payload::parse(output_of(std::move(words)));
        const auto actual = answer ? member(*answer, "actual") : std::nullopt;
        return actual ? as_string(*actual) : std::nullopt;
    };
}

} // namespace aivp::tools
