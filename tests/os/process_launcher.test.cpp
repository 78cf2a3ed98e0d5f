#include "runtime/os/process_launcher.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/posix/stream_descriptor.hpp>

#include "runtime/os/internal/asio_loop.hpp"
#include "tests/os/support.hpp"

using namespace aivp;
using os_test::temporary_folder;

namespace {

using end = std::optional<result<process_result>>;

/// Every test is watched for what it leaves: descriptors, children, private folders.
struct bench {
    explicit bench(process_launcher_options o = {}) {
        o.scratch_folder = folder.path();
        if (o.kill_grace == process_launcher_options{}.kill_grace) o.kill_grace = milliseconds(100);
        if (o.profile_default == "bwrap") o.profile_default = "rlimits";
        launcher.emplace(loop, std::move(o));
    }
    ~bench() {
        launcher.reset();
        BOOST_TEST(folder.entries() == 0U);
        loop.poll();
        BOOST_TEST(os_test::children() == children_before);
        BOOST_TEST(os_test::open_files() <= files_before + loop_files);
    }
    /// "@" in the script is a time to sleep that no other process sleeps.
    static process_spec shell(std::string script, std::string profile = "") {
        for (auto at = script.find('@'); at != std::string::npos; at = script.find('@'))
            script.replace(at, 1, os_test::nap());
        return {{"sh", "-c", script}, {}, seconds(20), 0, 0, std::move(profile)};
    }
    result<process_result> run(const process_spec& spec, duration limit = seconds(20)) {
        end e;
        const auto started = launcher->start(spec, [&](result<process_result> r) { e = std::move(r); });
        if (!started) return std::unexpected(started.error());
        BOOST_TEST(!e.has_value());
        if (!loop.run_until([&] { return e.has_value(); }, limit)) {
            launcher->cancel(*started);
            return fail(errc::internal_bug, "the test waited too long");
        }
        BOOST_TEST(launcher->running() == 0U);
        return std::move(*e);
    }

    static constexpr std::size_t loop_files = 8; ///< what the loop itself holds: epoll, timer, wake-up, signal pipe
    temporary_folder folder;
    std::size_t files_before = os_test::open_files();
    std::size_t children_before = os_test::children();
    event_loop loop;
    std::optional<process_launcher> launcher;
};

std::string text_of(const error& e) { return to_string(e); }

#define REQUIRE_ENDED(r) \
    BOOST_REQUIRE_MESSAGE((r).has_value(), ((r).has_value() ? std::string() : text_of((r).error())))
void check_code(const result<process_result>& r, errc expected) {
    BOOST_TEST((!r && r.error().code == expected),
               (r ? "no error, exit code " + std::to_string(r->exit_code) : text_of(r.error())));
}

} // namespace

BOOST_AUTO_TEST_SUITE(process_launcher_suite)

BOOST_AUTO_TEST_CASE(a_program_gets_its_arguments_and_input_and_its_streams_come_back) {
    bench b;
    const auto r =
        b.run({{"sh", "-c", "cat; echo \"$1\" >&2; exit 3", "sh", "a b $HOME"}, "hello", seconds(20), 0, 0, ""});
    REQUIRE_ENDED(r);
    BOOST_TEST(r->exit_code == 3);
    BOOST_TEST(!r->killed);
    BOOST_TEST(r->output == "hello");
    BOOST_TEST(r->log == "a b $HOME\n");
}

BOOST_AUTO_TEST_CASE(large_inputs_and_outputs_arrive_whole_whoever_reads_or_not) {
    bench b;
    std::string input(3'000'000, 'x');
    input += "end";
    const auto echoed = b.run({{"cat"}, input, seconds(20), 0, 4'000'000, ""});
    REQUIRE_ENDED(echoed);
    BOOST_TEST((echoed->output == input));
    const auto ignored = b.run({{"true"}, input, seconds(20), 0, 0, ""});
    REQUIRE_ENDED(ignored);
    BOOST_TEST(ignored->exit_code == 0);
}

BOOST_AUTO_TEST_CASE(a_program_inherits_nothing) {
    ::setenv("AIVP_TEST_SECRET", "secret", 1);
    ::setenv("AIVP_TEST_OPEN", "open", 1);
    ::signal(SIGPIPE, SIG_IGN);
    const int leaky = ::open("/dev/null", O_RDONLY); // without O_CLOEXEC
    process_launcher_options o;
    o.environment_names = {"AIVP_TEST_OPEN", "AIVP_TEST_ABSENT"};
    bench b(o);
    const auto files = b.run({{"ls", "/proc/self/fd"}, {}, seconds(20), 0, 0, ""});
    const auto r =
        b.run(bench::shell("env | sed 's/=.*//' | sort | tr '\\n' ' '; echo $AIVP_TEST_OPEN; pwd; ls -A; umask;"
                           "cut -d' ' -f1,5,6 /proc/$$/stat; echo $$; grep SigIgn /proc/$$/status"));
    ::close(leaky);
    ::signal(SIGPIPE, SIG_DFL);
    REQUIRE_ENDED(files);
    BOOST_TEST(files->output == "0\n1\n2\n3\n"); // 3 is the folder that is listed
    REQUIRE_ENDED(r);
    BOOST_TEST(r->output.find("secret") == std::string::npos);
    const std::string names = "AIVP_PROCESS AIVP_TEST_OPEN HOME LANG PATH PWD TMPDIR open\n";
    const std::string folder = b.folder.path() + "/aivp-process-";
    BOOST_TEST(r->output.starts_with(names + folder), r->output);
    // Its folder is empty; its session and its group have its number; no signal is ignored.
    const std::string rest = r->output.substr(std::min(r->output.size(), names.size() + folder.size() + 6));
    const auto pid = rest.substr(rest.find("0077\n") + 5, rest.find(' ') - rest.find("0077\n") - 5);
    BOOST_TEST(rest == "\n0077\n" + pid + " " + pid + " " + pid + "\n" + pid + "\nSigIgn:\t0000000000000000\n");
}

BOOST_AUTO_TEST_CASE(what_cannot_start_is_refused_at_once) {
    bench b;
    check_code(b.run({{}, {}, {}, 0, 0, ""}), errc::config_not_supported);
    check_code(b.run({{"sh", std::string("a\0b", 3)}, {}, {}, 0, 0, ""}), errc::config_not_supported);
    check_code(b.run({{"relative/path"}, {}, {}, 0, 0, ""}), errc::config_not_supported);
    check_code(b.run({{"sh"}, {}, {}, 0, 0, "castle"}), errc::config_not_supported);
    check_code(b.run({{"no-such-program-here"}, {}, {}, 0, 0, ""}), errc::io_not_found);
    check_code(b.run({{"/no/such/program"}, {}, {}, 0, 0, ""}), errc::io_not_found);
    check_code(b.run({{"/etc/passwd"}, {}, {}, 0, 0, ""}), errc::process_start);
    check_code(b.run({{"/usr"}, {}, {}, 0, 0, ""}), errc::process_start);
    const temporary_folder programs;
    const std::string broken = programs.path() + "/broken";
    std::ofstream(broken) << "#!/no/such/interpreter\n";
    ::chmod(broken.c_str(), 0700);
    check_code(b.run({{broken}, {}, {}, 0, 0, ""}), errc::io_not_found);
    std::ofstream(broken) << "\x7f"
                             "ELF but not really";
    check_code(b.run({{broken}, {}, {}, 0, 0, ""}), errc::process_start);
    for (const errc code :
         {errc::config_not_supported, errc::io_not_found, errc::process_start, errc::sandbox_unavailable})
        BOOST_TEST(never_started(code));
    for (const errc code : {errc::limit_step_time, errc::limit_output, errc::process_memory, errc::process_died})
        BOOST_TEST(!never_started(code));
}

BOOST_AUTO_TEST_CASE(a_hanging_program_is_ended_at_its_time) {
    bench b;
    auto spec = bench::shell("echo started >&2; exec sleep 100");
    spec.wall_time_max = milliseconds(150);
    const auto start = monotonic_now();
    const auto r = b.run(spec);
    check_code(r, errc::limit_step_time);
    BOOST_TEST((monotonic_now() - start).us >= 150'000);
    BOOST_TEST((monotonic_now() - start).us < 5'000'000);
    BOOST_REQUIRE(!r.error().context.empty());
    BOOST_TEST(r.error().context.back().first == "log");
    BOOST_TEST(r.error().context.back().second == "started\n");
}

BOOST_AUTO_TEST_CASE(one_that_ignores_the_polite_signal_gets_the_other_one) {
    bench b;
    auto spec = bench::shell("trap '' TERM INT HUP; while :; do sleep 1; done");
    spec.wall_time_max = milliseconds(100);
    check_code(b.run(spec), errc::limit_step_time);
}

BOOST_AUTO_TEST_CASE(one_that_takes_the_polite_signal_can_tidy_up_even_when_it_is_stopped) {
    for (const char* then : {"while :; do sleep 0.01; done", "kill -STOP $$; sleep 100"}) {
        const temporary_folder out;
        process_launcher_options o;
        o.kill_grace = seconds(10);
        bench b(o);
        auto spec = bench::shell("trap 'echo tidy > " + out.path() + "/note; exit 0' TERM; " + then);
        spec.wall_time_max = milliseconds(300);
        check_code(b.run(spec), errc::limit_step_time);
        BOOST_TEST(os_test::read_file(out.path() + "/note") == "tidy\n");
    }
}

BOOST_AUTO_TEST_CASE(one_that_babbles_on_stdout_is_ended_at_its_cap) {
    bench b;
    process_spec spec{{"cat", "/dev/zero"}, {}, seconds(20), 0, 100'000, ""};
    check_code(b.run(spec), errc::limit_output);
    spec = bench::shell("head -c 100000 /dev/zero");
    spec.output_bytes_max = 100'000;
    const auto exactly = b.run(spec);
    REQUIRE_ENDED(exactly);
    BOOST_TEST(exactly->output.size() == 100'000U);
    spec.output_bytes_max = 99'999;
    check_code(b.run(spec), errc::limit_output);
}

BOOST_AUTO_TEST_CASE(of_a_babbling_stderr_the_end_is_kept) {
    process_launcher_options o;
    o.log_bytes_max = 1000;
    bench b(o);
    const auto r = b.run(bench::shell("head -c 5000000 /dev/zero | tr '\\0' x >&2; echo last >&2"));
    REQUIRE_ENDED(r);
    BOOST_TEST(r->log.size() == 1000U);
    BOOST_TEST(r->log.ends_with("xlast\n"));
}

BOOST_AUTO_TEST_CASE(one_that_closes_its_streams_and_goes_on_is_ended_at_its_time) {
    bench b;
    auto spec = bench::shell("exec >&- 2>&- <&-; sleep 100");
    spec.wall_time_max = milliseconds(150);
    check_code(b.run(spec), errc::limit_step_time);
}

BOOST_AUTO_TEST_CASE(what_a_program_leaves_behind_is_ended_with_it) {
    bench b;
    const auto start = monotonic_now();
    const auto in_group = b.run(bench::shell("sleep @ & echo done"));
    REQUIRE_ENDED(in_group);
    BOOST_TEST(in_group->output == "done\n");
    BOOST_TEST(os_test::processes_with(os_test::nap()) == 0U);

    const auto own_session =
        b.run(bench::shell("setsid sh -c 'trap \"\" TERM HUP; sleep @; sleep @' & sleep 0.1; echo done"));
    REQUIRE_ENDED(own_session);
    BOOST_TEST(own_session->output == "done\n");
    BOOST_TEST(os_test::processes_with(os_test::nap()) == 0U);

    const auto daemon = b.run(bench::shell("(setsid env -i /bin/sh -c '(sleep @ >/dev/null 2>&1 &) ; sleep @' "
                                           ">/dev/null 2>&1 &) ; sleep 0.1; echo done"));
    REQUIRE_ENDED(daemon);
    BOOST_TEST(os_test::processes_with(os_test::nap()) == 0U);
    BOOST_TEST((monotonic_now() - start).us < 10'000'000);
}

BOOST_AUTO_TEST_CASE(what_a_running_program_has_started_is_left_alone_when_another_one_ends) {
    bench b;
    end slow, fast;
    const auto script = "(setsid sh -c 'sleep 0.4; echo late' &) ; sleep 0.8; echo end";
    BOOST_REQUIRE(b.launcher->start(bench::shell(script), [&](auto r) { slow = std::move(r); }));
    b.loop.run_until([] { return false; }, milliseconds(150));
    BOOST_REQUIRE(b.launcher->start(bench::shell("exit 0"), [&](auto r) { fast = std::move(r); }));
    BOOST_TEST(b.loop.run_until([&] { return slow && fast; }, seconds(10)));
    REQUIRE_ENDED(*slow);
    BOOST_TEST((*slow)->output == "late\nend\n");
}

BOOST_AUTO_TEST_CASE(an_end_that_somebody_else_was_told_of_is_an_error) {
    bench b;
    ::signal(SIGCHLD, SIG_IGN); // the kernel reaps by itself
    const auto r = b.run(bench::shell("exit 0"));
    ::signal(SIGCHLD, SIG_DFL);
    check_code(r, errc::process_died);
}

BOOST_AUTO_TEST_CASE(an_end_by_a_signal_is_told) {
    bench b;
    const auto r = b.run(bench::shell("echo before; kill -SEGV $$"));
    REQUIRE_ENDED(r);
    BOOST_TEST(r->killed);
    BOOST_TEST(r->exit_code == 128 + SIGSEGV);
    BOOST_TEST(r->output == "before\n");
}

BOOST_AUTO_TEST_CASE(the_profile_rlimits_limits) {
    process_launcher_options o;
    o.file_bytes_max = 4096;
    o.open_files_max = 20;
    bench b(o);
    auto spec = bench::shell("ulimit -v; ulimit -t; ulimit -n; ulimit -c; ulimit -f; grep NoNewPrivs /proc/$$/status");
    spec.memory_bytes_max = 256u << 20;
    spec.wall_time_max = seconds(7);
    const auto limits = b.run(spec);
    REQUIRE_ENDED(limits);
    BOOST_TEST(limits->output == "262144\n8\n20\n0\n8\nNoNewPrivs:\t1\n");
    const auto file = b.run(bench::shell("head -c 100000 /dev/zero > big; stat -c %s big"));
    REQUIRE_ENDED(file);
    BOOST_TEST(file->output == "4096\n");
    const auto bare = b.run(bench::shell("ulimit -f; grep NoNewPrivs /proc/$$/status", "none"));
    REQUIRE_ENDED(bare);
    BOOST_TEST(bare->output == "unlimited\nNoNewPrivs:\t0\n");
}

BOOST_AUTO_TEST_CASE(one_that_takes_too_much_memory_is_told_apart) {
    if (::access("/usr/bin/python3", X_OK) != 0) return os_test::skipped("no /usr/bin/python3");
    bench b;
    rusage own{};
    ::getrusage(RUSAGE_SELF, &own);
    const auto cap = static_cast<std::uint64_t>(own.ru_maxrss) * 2048 + (64u << 20); // above what this process has had
    process_spec spec{
        {"/usr/bin/python3", "-c", "a = []\nwhile True: a.append(bytearray(1 << 20))"}, {}, seconds(20), cap, 0, ""};
    check_code(b.run(spec), errc::process_memory);
    spec.command[2] = "import sys; sys.exit(1)";
    const auto small = b.run(spec);
    REQUIRE_ENDED(small);
    BOOST_TEST(small->exit_code == 1);
}

BOOST_AUTO_TEST_CASE(one_that_burns_time_is_ended) {
    bench b;
    auto spec = bench::shell("while :; do :; done");
    spec.wall_time_max = milliseconds(200);
    check_code(b.run(spec), errc::limit_step_time);
}

BOOST_AUTO_TEST_CASE(no_more_run_at_once_than_may_and_the_others_have_their_turn) {
    process_launcher_options o;
    o.concurrent_max = 2;
    o.queued_max = 4;
    bench b(o);
    std::string order;
    for (int i = 0; i < 6; ++i) {
        const auto script = i == 3 ? std::string("exec /no/such") : "sleep 0.05";
        auto spec = bench::shell(script);
        if (i == 4) spec.command = {"sh", "-c", "exit 0"};
        BOOST_REQUIRE(b.launcher->start(spec, [&order, i](auto) { order += static_cast<char>('0' + i); }));
    }
    BOOST_TEST(b.launcher->running() == 2U);
    BOOST_TEST(b.launcher->queued() == 4U);
    const auto refused = b.launcher->start(bench::shell("exit 0"), [&](auto) { order += "x"; });
    BOOST_TEST(!refused.has_value());
    std::size_t most = 0;
    BOOST_TEST(b.loop.run_until(
        [&] {
            most = std::max(most, b.launcher->running());
            return order.size() == 6;
        },
        seconds(20)));
    BOOST_TEST(most == 2U);
    std::ranges::sort(order);
    BOOST_TEST(order == "012345");
}

BOOST_AUTO_TEST_CASE(the_memory_of_all_is_shared_out) {
    process_launcher_options o;
    o.memory_bytes_total = 512u << 20;
    bench b(o);
    auto spec = bench::shell("sleep 0.05");
    spec.memory_bytes_max = 300u << 20;
    int ended = 0;
    for (int i = 0; i < 3; ++i) BOOST_REQUIRE(b.launcher->start(spec, [&](auto) { ++ended; }));
    BOOST_TEST(b.launcher->running() == 1U);
    spec.memory_bytes_max = 600u << 20;
    check_code(b.run(spec), errc::config_not_supported);
    BOOST_TEST(b.loop.run_until([&] { return ended == 3; }, seconds(20)));
}

BOOST_AUTO_TEST_CASE(a_cancelled_program_ends_and_is_not_heard_of_again) {
    process_launcher_options o;
    o.concurrent_max = 1;
    bench b(o);
    int heard = 0;
    const auto running = b.launcher->start(bench::shell("sleep @"), [&](auto) { ++heard; });
    const auto waiting = b.launcher->start(bench::shell("sleep @"), [&](auto) { ++heard; });
    const auto last = b.launcher->start(bench::shell("exit 0"), [&](auto) { heard += 10; });
    BOOST_REQUIRE(running);
    BOOST_REQUIRE(waiting);
    BOOST_REQUIRE(last);
    b.launcher->cancel(*running);
    b.launcher->cancel(*running);
    b.launcher->cancel(*waiting);
    b.launcher->cancel({999});
    BOOST_TEST(b.loop.run_until([&] { return heard == 10; }, seconds(10)));
    BOOST_TEST(b.launcher->running() == 0U);
    BOOST_TEST(os_test::processes_with(os_test::nap()) == 0U);
}

BOOST_AUTO_TEST_CASE(the_launcher_s_end_is_the_end_of_all) {
    bench b;
    bool heard = false;
    for (const char* script : {"trap '' TERM; sleep @; sleep @", "(setsid sleep @ &) ; sleep @"})
        BOOST_REQUIRE(b.launcher->start(bench::shell(script), [&](auto) { heard = true; }));
    b.loop.run_until([] { return false; }, milliseconds(100));
    BOOST_TEST(os_test::processes_with(os_test::nap()) > 0U);
    b.launcher.reset();
    BOOST_TEST(os_test::processes_with(os_test::nap()) == 0U);
    b.loop.poll();
    BOOST_TEST(!heard);
}

BOOST_AUTO_TEST_CASE(programs_die_with_a_killed_host) {
    const temporary_folder folder;
    const pid_t host = ::fork();
    if (host == 0) {
        event_loop loop;
        process_launcher_options o;
        o.probe_bwrap = false;
        o.scratch_folder = folder.path();
        process_launcher launcher(loop, o);
        if (!launcher.start({{"sleep", os_test::nap()}, {}, seconds(100), 0, 0, "rlimits"}, [](auto) {})) ::_exit(1);
        loop.run();
    }
    const auto present = [] { return os_test::processes_with(os_test::nap()); };
    event_loop waiting;
    for (int i = 0; i < 500 && present() == 0; ++i) waiting.run_until([] { return false; }, milliseconds(10));
    BOOST_TEST(present() == 1U);
    ::kill(host, SIGKILL);
    ::waitpid(host, nullptr, 0);
    for (int i = 0; i < 500 && present() > 0; ++i) waiting.run_until([] { return false; }, milliseconds(10));
    BOOST_TEST(present() == 0U);
    while (::waitpid(-1, nullptr, WNOHANG) > 0) {}
}

BOOST_AUTO_TEST_CASE(without_pidfd_the_signal_tells_of_ends) {
    process_launcher_options o;
    o.use_pidfd = false;
    bench b(o);
    int ended = 0;
    for (int i = 0; i < 8; ++i)
        BOOST_REQUIRE(b.launcher->start(bench::shell(i % 2 ? "exit 0" : "sleep 0.05"), [&](auto) { ++ended; }));
    BOOST_TEST(b.loop.run_until([&] { return ended == 8; }, seconds(10)));
}

BOOST_AUTO_TEST_CASE(a_scratch_folder_on_demand_is_there_while_programs_run) {
    const temporary_folder folder;
    process_launcher_options o;
    o.scratch_folder = folder.path() + "/root";
    o.scratch_on_demand = true;
    event_loop loop;
    process_launcher launcher(loop, o);
    BOOST_TEST(folder.entries() == 0U);
    int ended = 0;
    std::string mode;
    for (const char* script : {"stat -c %a ..", "sleep 0.2"})
        BOOST_REQUIRE(launcher.start({{"sh", "-c", script}, {}, seconds(20), 0, 0, "rlimits"}, [&](auto r) {
            ++ended;
            if (r) mode += r->output;
        }));
    BOOST_TEST(folder.entries() == 1U);
    BOOST_TEST(loop.run_until([&] { return ended == 1; }, seconds(20)));
    BOOST_TEST(folder.entries() == 1U, "it was taken from under a program");
    BOOST_TEST(loop.run_until([&] { return ended == 2; }, seconds(20)));
    BOOST_TEST(mode == "700\n");
    BOOST_TEST(folder.entries() == 0U);
    BOOST_TEST(!launcher.start({{"sh", "-c", "x"}, {}, seconds(20), 0, 0, "no such profile"}, [](auto) {}));
    BOOST_TEST(folder.entries() == 0U);
}

BOOST_AUTO_TEST_CASE(three_hundred_starts_leave_nothing) {
    bench b;
    BOOST_REQUIRE(b.run(bench::shell("exit 0")).has_value());
    const auto files = os_test::open_files();
    int ended = 0, ok = 0;
    for (int i = 0; i < 300; ++i)
        BOOST_REQUIRE(b.launcher->start({{"true"}, "x", seconds(30), 0, 0, i % 2 ? "none" : "rlimits"}, [&](auto r) {
            ++ended;
            ok += r && r->exit_code == 0 ? 1 : 0;
        }));
    BOOST_TEST(b.loop.run_until([&] { return ended == 300; }, seconds(60)));
    BOOST_TEST(ok == 300);
    BOOST_TEST(os_test::open_files() == files);
}

BOOST_AUTO_TEST_CASE(where_files_run_out_the_start_fails_and_nothing_else) {
    bench b;
    std::vector<int> taken;
    rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    rlimit low = before;
    low.rlim_cur = os_test::open_files() + 6;
    ::setrlimit(RLIMIT_NOFILE, &low);
    for (int fd = 0; (fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0;) taken.push_back(fd);
    for (std::size_t free = 0; free < 7; ++free) {
        const auto r = b.launcher->start(bench::shell("exit 0"), [](auto) {});
        BOOST_TEST((!r && r.error().code == errc::process_start));
        if (taken.empty()) break;
        ::close(taken.back());
        taken.pop_back();
    }
    for (const int fd : taken) ::close(fd);
    ::setrlimit(RLIMIT_NOFILE, &before);
    BOOST_TEST(b.run(bench::shell("exit 0")).has_value());
}

BOOST_AUTO_TEST_CASE(a_profile_that_cannot_be_met_is_refused) {
    process_launcher_options o;
    o.bwrap_program = "/no/such/bwrap";
    bench b(o);
    BOOST_TEST(!b.launcher->sandboxes().bwrap);
    const auto r = b.run(bench::shell("exit 0", "bwrap"));
    check_code(r, errc::sandbox_unavailable);
    BOOST_TEST(r.error().message.find("/no/such/bwrap") != std::string::npos);
    o.bwrap_program = "/usr/bin/false";
    bench broken(o);
    check_code(broken.run(bench::shell("exit 0", "bwrap")), errc::sandbox_unavailable);
}

BOOST_AUTO_TEST_CASE(bwrap_hides_the_machine) {
    const temporary_folder shown, hidden;
    process_launcher_options o;
    o.readable = {shown.path()};
    bench b(o);
    if (!b.launcher->sandboxes().bwrap) return os_test::skipped("bwrap: " + b.launcher->sandboxes().why);
    std::ofstream(shown.path() + "/file") << "shown";
    std::ofstream(hidden.path() + "/file") << "hidden";
    const auto r = b.run(
        bench::shell("cat " + shown.path() + "/file; cat " + hidden.path() +
                         "/file; echo; pwd; id -u;"
                         "ls -d /root /home /work /etc/passwd 2>/dev/null | wc -l;"
                         "(echo x > " +
                         shown.path() +
                         "/new) 2>/dev/null || echo read-only;"
                         "(echo x > /usr/new) 2>/dev/null || echo read-only;"
                         "(echo x > /new) 2>/dev/null || echo read-only;"
                         "echo x > /tmp/new && echo scratch;"
                         "tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' ';"
                         "ls -d /proc/[0-9]* | wc -l; grep CapEff /proc/$$/status; grep NoNewPrivs /proc/$$/status",
                     "bwrap"));
    REQUIRE_ENDED(r);
    BOOST_TEST(r->exit_code == 0);
    const std::string expected = "shown\n/tmp\n65534\n0\nread-only\nread-only\nread-only\nscratch\nlo\n";
    BOOST_TEST(r->output.starts_with(expected), r->output + r->log);
    BOOST_TEST(r->output.ends_with("CapEff:\t0000000000000000\nNoNewPrivs:\t1\n"), r->output);
    BOOST_TEST(r->log.find("hidden") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(bwrap_ends_everything_and_passes_exit_codes_on) {
    bench b;
    if (!b.launcher->sandboxes().bwrap) return os_test::skipped("bwrap: " + b.launcher->sandboxes().why);
    auto spec = bench::shell("(setsid env -i sleep @ &) ; cat; exit 7", "bwrap");
    spec.input = "through";
    auto r = b.run(spec);
    REQUIRE_ENDED(r);
    BOOST_TEST(r->exit_code == 7);
    BOOST_TEST(r->output == "through");
    spec = bench::shell("trap '' TERM; (setsid sleep @ &) ; sleep @; sleep @", "bwrap");
    spec.wall_time_max = milliseconds(300);
    check_code(b.run(spec), errc::limit_step_time);
    BOOST_TEST(os_test::processes_with(os_test::nap()) == 0U);
}

BOOST_AUTO_TEST_CASE(a_program_that_bwrap_would_hide_is_refused) {
    const temporary_folder programs;
    const std::string script = programs.path() + "/script";
    std::ofstream(script) << "#!/bin/sh\necho ran\n";
    ::chmod(script.c_str(), 0755);
    ::chmod(programs.path().c_str(), 0755);
    const process_spec spec{{script}, {}, seconds(20), 0, 0, "bwrap"};
    {
        bench b;
        if (!b.launcher->sandboxes().bwrap) return os_test::skipped("bwrap: " + b.launcher->sandboxes().why);
        check_code(b.run(spec), errc::sandbox_unavailable);
    }
    process_launcher_options o;
    o.readable = {programs.path()};
    bench b(o);
    const auto r = b.run(spec);
    REQUIRE_ENDED(r);
    BOOST_TEST(r->output == "ran\n");
}

BOOST_AUTO_TEST_CASE(a_user_s_processes_are_limited) {
    if (::geteuid() != 0) return os_test::skipped("only root can become another user");
    const temporary_folder folder;
    ::chmod(folder.path().c_str(), 0777);
    const pid_t host = ::fork();
    if (host == 0) {
        if (::setgid(65534) != 0 || ::setuid(65534) != 0) ::_exit(10);
        ::prctl(PR_SET_DUMPABLE, 1); // off since the change of user; /proc/self would belong to root
        event_loop loop;
        process_launcher_options o;
        o.probe_bwrap = false;
        o.scratch_folder = folder.path();
        o.processes_max = 10;
        process_launcher launcher(loop, o);
        end e;
        const auto started =
            launcher.start({{"sh", "-c", "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do sleep 5 & done; echo all"},
                            {},
                            seconds(10),
                            0,
                            0,
                            "rlimits"},
                           [&](auto r) { e = std::move(r); });
        if (!started || !loop.run_until([&] { return e.has_value(); }, seconds(10)) || !*e) ::_exit(11);
        const bool refused =
            (*e)->exit_code != 0 && (*e)->output.empty() && (*e)->log.find("fork") != std::string::npos;
        ::_exit(refused ? 0 : 12);
    }
    int status = 0;
    ::waitpid(host, &status, 0);
    BOOST_TEST(WIFEXITED(status));
    BOOST_TEST(WEXITSTATUS(status) == 0);
}

// Events of descriptors that are closed before they are looked at reach whoever the loop gives their place to.
BOOST_AUTO_TEST_CASE(an_end_is_seen_also_after_a_wait_that_ended_for_no_reason) {
    bench b;
    using descriptor = boost::asio::posix::stream_descriptor;
    std::vector<descriptor> ready;
    std::vector<int> writers;
    for (int i = 0; i < 6; ++i) {
        int fds[2];
        BOOST_REQUIRE(::pipe2(fds, O_CLOEXEC) == 0);
        ready.emplace_back(asio_context(b.loop), fds[0]);
        writers.push_back(fds[1]);
    }
    end e;
    for (descriptor& d : ready)
        d.async_wait(descriptor::wait_read, [&](boost::system::error_code failed) {
            if (failed || ready.empty()) return;
            ready.clear();
            const auto started =
                b.launcher->start(bench::shell("exec sleep 0.1"), [&](result<process_result> r) { e = std::move(r); });
            BOOST_TEST(started.has_value());
        });
    for (const int fd : writers) BOOST_REQUIRE(::write(fd, "x", 1) == 1);
    BOOST_TEST(b.loop.run_until([&] { return e.has_value(); }, seconds(10)));
    for (const int fd : writers) ::close(fd);
    BOOST_REQUIRE(e);
    REQUIRE_ENDED(*e);
    BOOST_TEST((*e)->exit_code == 0);
}

BOOST_AUTO_TEST_CASE(the_command_of_the_sandbox_is_as_the_layout_says) {
    const system_layout layout{{{"/bin", "usr/bin"}}, {"/lib64"}};
    const auto words =
        bwrap_command({"/usr/bin/bwrap", "/usr/bin/x", {"--unshare-net", "a b"}, {"/skills"}, 4096}, layout);
    BOOST_TEST(words.front() == "/usr/bin/bwrap");
    BOOST_TEST((std::vector<std::string>(words.end() - 4, words.end()) ==
                std::vector<std::string>{"--", "/usr/bin/x", "--unshare-net", "a b"}));
    for (const char* needed : {"--unshare-all", "--die-with-parent", "--remount-ro"})
        BOOST_TEST(std::ranges::count(words, needed) == 1, needed);
    BOOST_TEST(is_seen("/usr/bin/x", layout, {}));
    BOOST_TEST(is_seen("/lib64/ld.so", layout, {}));
    BOOST_TEST(is_seen("/skills", layout, {"/skills"}));
    BOOST_TEST(!is_seen("/skills2/x", layout, {"/skills"}));
    BOOST_TEST(!is_seen("/usrx", layout, {}));
    BOOST_TEST(!is_seen("/home/x", layout, {"/skills"}));
}

BOOST_AUTO_TEST_SUITE_END()
