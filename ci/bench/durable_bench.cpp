// Durable steps a second through the whole engine, beside what the disk does with a bare append + fdatasync of as many bytes in
// the same seconds: one agent whose steps follow each other, 64 agents whose answers come together, and the mode that
// survives the death of the process only. Wall time: a sync is waiting.
//
//   bench_durable [seconds for each measurement, default 3]      in $TMPDIR
//   strace -c -f -e trace=fdatasync,fsync bench_durable 1        one fdatasync a sequential step
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include "aivp/engine/driver.hpp"
#include "aivp/testing/fixtures.hpp"
#include "runtime/store/sqlite_store.hpp"

namespace {

using namespace aivp;
using namespace aivp::testing;
using wall = std::chrono::steady_clock;

double seconds_since(wall::time_point begin) { return std::chrono::duration<double>(wall::now() - begin).count(); }

std::string new_folder() {
    std::string folder = (std::filesystem::temp_directory_path() / "aivp-durable-XXXXXX").string();
    if (::mkdtemp(folder.data()) == nullptr) std::abort();
    return folder;
}

/// Every port but the store: time stands still, and answers wait until they are asked for.
class bench_ports final : public clock_port,
                          public timer_port,
                          public model_provider,
                          public connector_port,
                          public user_channel,
                          public secret_port {
public:
    instant now() override { return instant{1'767'225'600'000'000}; }
    void arm(timer_key, instant) override {}
    void disarm(timer_key) override {}
    void call(const model_request&, completion_sink&) override { std::abort(); }
    void call(const skill_request& r, completion_sink&) override { waiting.push_back({r.run, r.call}); }
    void ask(const user_question&, completion_sink&) override { std::abort(); }
    void cancel(call_ref) override {}
    result<std::string> reveal(std::string_view name) override { return std::string(name); }
    std::vector<call_ref> waiting;
};

/// Appends as many bytes as a commit takes in the write-ahead log, and syncs: what no durable step can do without.
double raw_rate(const std::string& folder, double seconds) {
    const int file = ::open((folder + "/raw").c_str(), O_CREAT | O_WRONLY | O_APPEND, 0600);
    if (file < 0) std::abort();
    const std::string bytes(4120, 'x');
    std::uint64_t n = 0;
    const auto begin = wall::now();
    for (; seconds_since(begin) < seconds; ++n)
        if (::write(file, bytes.data(), bytes.size()) < 0 || ::fdatasync(file) != 0) std::abort();
    ::close(file);
    return static_cast<double>(n) / seconds_since(begin);
}

/// `agents` agents whose answers come in rounds; each answer is a step: its outcome, and the next intent.
double step_rate(const std::string& folder, std::size_t agents, sqlite_options::durability mode, double seconds) {
    constexpr std::uint32_t steps = 5000;
    sqlite_options options;
    options.path = folder + "/" + std::to_string(agents) +
                   (mode == sqlite_options::durability::power_loss_safe ? "p" : "c") + ".db";
    options.durable = mode;
    auto store = *sqlite_store::open(options);
    bench_ports ports;
    driver engine({ports, ports, *store, ports, ports, ports, ports}, {.batch_max = 256});
    std::vector<step_row> rows;
    for (std::uint32_t i = 0; i < steps; ++i)
        rows.push_back({"s" + std::to_string(i), "a", {.arguments = R"({"path":"/a"})"}});
    for (std::size_t i = 0; i < agents; ++i) {
        const auto agent = make_steps_agent("a" + std::to_string(i),
                                            {make_binding("a", make_skill("files.write", {.takes_key = true}))}, rows,
                                            {.limits = {.skill_calls = steps + 1, .repeated_calls = steps + 1}});
        if (!engine.activate(agent) || !engine.submit(start_run{{i + 1}, {}}, input_source::host)) std::abort();
    }
    const payload answer = *payload::parse(R"({"ok":true})");
    std::uint64_t n = 0;
    const auto begin = wall::now();
    while (seconds_since(begin) < seconds) {
        const std::vector<call_ref> round = std::exchange(ports.waiting, {});
        if (round.empty()) {
            for (std::size_t i = 0; i < agents; ++i) (void)engine.submit(start_run{{i + 1}, {}}, input_source::host);
            continue;
        }
        engine.hold();
        for (const call_ref ref : round) engine.skill_done({.ref = ref, .result = answer, .message = {}});
        engine.release();
        n += round.size();
        if (store->checkpoint_due()) (void)store->checkpoint();
    }
    return static_cast<double>(n) / seconds_since(begin);
}

} // namespace

int main(int argc, char** argv) {
    const double seconds = argc > 1 ? std::strtod(argv[1], nullptr) : 3;
    const std::string folder = new_folder();
    using enum sqlite_options::durability;
    // Raw before and after: the disk drifts, and both sides must meet the same minute.
    const double before = raw_rate(folder, seconds);
    const double sequential = step_rate(folder, 1, power_loss_safe, seconds);
    const double between = raw_rate(folder, seconds);
    const double grouped = step_rate(folder, 64, power_loss_safe, seconds);
    const double after = raw_rate(folder, seconds);
    const double crash_safe = step_rate(folder, 1, process_crash_safe, seconds);
    const double crash_safe_64 = step_rate(folder, 64, process_crash_safe, seconds);
    std::printf("raw append + fdatasync               %10.0f /s, %.0f, %.0f\n", before, between, after);
    std::printf("1 agent, power-loss-safe             %10.0f steps/s   %.2f of raw\n", sequential,
                sequential / ((before + between) / 2));
    std::printf("64 agents, power-loss-safe           %10.0f steps/s   %.1f x raw\n", grouped,
                grouped / ((between + after) / 2));
    std::printf("1 agent, process-crash-safe          %10.0f steps/s\n", crash_safe);
    std::printf("64 agents, process-crash-safe        %10.0f steps/s\n", crash_safe_64);
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
    return 0;
}
