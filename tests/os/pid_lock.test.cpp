#include "runtime/os/pid_lock.hpp"

#include <boost/test/unit_test.hpp>

#include <csignal>
#include <fstream>

#include <sys/wait.h>
#include <unistd.h>

#include "runtime/os/internal/proc_table.hpp"
#include "tests/os/support.hpp"

using namespace aivp;
using os_test::temporary_folder;

namespace {

/// A process that holds the lock of a folder until it is killed.
class holder {
public:
    explicit holder(const std::string& folder) {
        int ready[2];
        BOOST_REQUIRE(::pipe(ready) == 0);
        pid_ = ::fork();
        if (pid_ == 0) {
            const auto lock = pid_lock::acquire(folder);
            const char word = lock ? 'y' : 'n';
            if (::write(ready[1], &word, 1) != 1) ::_exit(1);
            for (;;) ::pause();
        }
        char word = 0;
        BOOST_REQUIRE(::read(ready[0], &word, 1) == 1);
        ::close(ready[0]);
        ::close(ready[1]);
        BOOST_REQUIRE(word == 'y');
    }
    ~holder() { kill(); }
    void kill() {
        if (pid_ <= 0) return;
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        pid_ = 0;
    }
    pid_t pid() const { return pid_; }

private:
    pid_t pid_ = 0;
};

std::string context_of(const error& e, const std::string& key) {
    for (const auto& [name, value] : e.context)
        if (name == key) return value;
    return {};
}

} // namespace

BOOST_AUTO_TEST_SUITE(pid_lock_suite)

BOOST_AUTO_TEST_CASE(one_holder_at_a_time_and_the_next_one_after_it) {
    const temporary_folder folder;
    {
        const auto first = pid_lock::acquire(folder.path());
        BOOST_REQUIRE(first);
        BOOST_TEST(!first->died_before().has_value());
        const auto second = pid_lock::acquire(folder.path());
        BOOST_REQUIRE(!second);
        BOOST_TEST((second.error().code == errc::daemon_running));
        BOOST_TEST(context_of(second.error(), "pid") == std::to_string(::getpid()));
    }
    const auto third = pid_lock::acquire(folder.path());
    BOOST_REQUIRE(third);
    BOOST_TEST(!third->died_before().has_value());
}

BOOST_AUTO_TEST_CASE(another_process_s_lock_names_it_and_is_taken_over_when_it_was_killed) {
    const temporary_folder folder;
    holder other(folder.path());
    const pid_t pid = other.pid();
    const auto refused = pid_lock::acquire(folder.path());
    BOOST_REQUIRE(!refused);
    BOOST_TEST((refused.error().code == errc::daemon_running));
    BOOST_TEST(context_of(refused.error(), "pid") == std::to_string(pid));
    other.kill();
    const auto taken = pid_lock::acquire(folder.path());
    BOOST_REQUIRE(taken);
    BOOST_REQUIRE(taken->died_before());
    BOOST_TEST(taken->died_before()->pid == pid);
    BOOST_TEST(!is_running(*taken->died_before()));
}

BOOST_AUTO_TEST_CASE(a_file_that_names_another_boot_or_nobody_is_stale) {
    const temporary_folder folder;
    auto self = own_identity();
    self.boot = "another";
    for (const std::string& text : {to_text(self), std::string("garbage \x01{"), std::string()}) {
        std::ofstream(folder.path() + "/daemon.lock") << text;
        const auto lock = pid_lock::acquire(folder.path());
        BOOST_REQUIRE(lock);
        BOOST_TEST(lock->died_before().has_value() == (text == to_text(self)));
    }
}

BOOST_AUTO_TEST_CASE(a_forked_copy_does_not_give_the_lock_back) {
    const temporary_folder folder;
    {
        auto lock = pid_lock::acquire(folder.path());
        BOOST_REQUIRE(lock);
        const pid_t child = ::fork();
        if (child == 0) {
            {
                const pid_lock copy = std::move(*lock);
            }
            ::_exit(0);
        }
        ::waitpid(child, nullptr, 0);
        BOOST_TEST(!pid_lock::acquire(folder.path()).has_value());
        BOOST_TEST(parse_identity(os_test::read_file(folder.path() + "/daemon.lock")).has_value());
    }
    BOOST_TEST(pid_lock::acquire(folder.path()).has_value());
}

BOOST_AUTO_TEST_CASE(locks_can_be_moved) {
    const temporary_folder one, two;
    auto a = pid_lock::acquire(one.path());
    BOOST_REQUIRE(a);
    pid_lock b = std::move(*a);
    auto c = pid_lock::acquire(two.path());
    BOOST_REQUIRE(c);
    b = std::move(*c);
    c = fail(errc::io_read, "");
    BOOST_TEST(!pid_lock::acquire(two.path()).has_value());
}

BOOST_AUTO_TEST_CASE(many_processes_that_race_for_it_have_one_winner) {
    const temporary_folder folder;
    std::vector<pid_t> racers;
    int go[2], done[2];
    BOOST_REQUIRE(::pipe(go) == 0);
    BOOST_REQUIRE(::pipe(done) == 0);
    for (int i = 0; i < 16; ++i) {
        const pid_t pid = ::fork();
        if (pid == 0) {
            ::close(go[1]);
            char word = 0;
            if (::read(go[0], &word, 1) != 0) ::_exit(2);
            const auto lock = pid_lock::acquire(folder.path());
            word = lock ? 'w' : lock.error().code == errc::daemon_running ? 'l' : '?';
            if (::write(done[1], &word, 1) != 1) ::_exit(2);
            for (;;) ::pause();
        }
        racers.push_back(pid);
    }
    ::close(go[1]);
    std::string words;
    for (char word = 0; words.size() < racers.size() && ::read(done[0], &word, 1) == 1;) words += word;
    for (const pid_t pid : racers) {
        ::kill(pid, SIGKILL);
        ::waitpid(pid, nullptr, 0);
    }
    for (const int fd : {go[0], done[0], done[1]}) ::close(fd);
    BOOST_TEST(std::ranges::count(words, 'w') == 1);
    BOOST_TEST(std::ranges::count(words, 'l') == 15);
}

BOOST_AUTO_TEST_CASE(a_folder_that_is_not_there_is_an_error) {
    const auto lock = pid_lock::acquire("/nonexistent/folder");
    BOOST_REQUIRE(!lock);
    BOOST_TEST((lock.error().code == errc::io_not_found));
}

BOOST_AUTO_TEST_CASE(a_link_is_not_followed) {
    const temporary_folder folder;
    BOOST_REQUIRE(::symlink("/tmp/elsewhere", (folder.path() + "/daemon.lock").c_str()) == 0);
    const auto lock = pid_lock::acquire(folder.path());
    BOOST_REQUIRE(!lock);
    BOOST_TEST((lock.error().code == errc::io_write));
}

BOOST_AUTO_TEST_CASE(an_identity_is_that_of_one_process_and_survives_text) {
    const auto self = own_identity();
    BOOST_TEST(self.pid == ::getpid());
    BOOST_TEST(!self.boot.empty());
    BOOST_TEST(is_running(self));
    BOOST_TEST((parse_identity(to_text(self)) == self));
    auto other = self;
    ++other.start_ticks;
    BOOST_TEST(!is_running(other));
    for (const char* bad :
         {"", "{}", "[1]", R"({"pid":-1,"boot":"x","start_ticks":1})", R"({"pid":1,"boot":2,"start_ticks":1})"})
        BOOST_TEST(!parse_identity(bad).has_value());
}

BOOST_AUTO_TEST_CASE(proc_stat_is_read_whatever_the_program_is_called) {
    const auto entry = parse_proc_stat("42 (a ) b (c) R 7 42 41 0 -1 4194560 1 0 0 0 1 2 0 0 20 0 3 0 987654 1 2\n");
    BOOST_REQUIRE(entry);
    BOOST_TEST(entry->pid == 42);
    BOOST_TEST(entry->parent == 7);
    BOOST_TEST(entry->session == 41);
    BOOST_TEST(entry->state == 'R');
    BOOST_TEST(entry->threads == 3U);
    BOOST_TEST(entry->start_ticks == 987654U);
    for (const char* bad :
         {"", "x", "1 (a", ") (", "1 (a) R 1 2", "x (a) R 7 42 41 0 -1 4194560 1 0 0 0 1 2 0 0 20 0 3 0 9"})
        BOOST_TEST(!parse_proc_stat(bad).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
