// Runs a body that must abort, in a process of its own, and returns what it wrote to stderr.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <string>

namespace base_test {

struct death {
    bool aborted = false;
    std::string message;
};

template <class Body>
death dies(Body body) {
    int pipe_ends[2];
    if (pipe(pipe_ends) != 0) return {};
    const pid_t child = fork();
    if (child == 0) {
        dup2(pipe_ends[1], STDERR_FILENO);
        // Boost.Test's handlers would turn the signal into a report of their own.
        std::signal(SIGABRT, SIG_DFL);
        body();
        _exit(0);
    }
    close(pipe_ends[1]);
    death d;
    char buffer[512];
    for (ssize_t n = 0; (n = read(pipe_ends[0], buffer, sizeof buffer)) > 0;)
        d.message.append(buffer, static_cast<std::size_t>(n));
    close(pipe_ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    d.aborted = WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
    return d;
}

} // namespace base_test
