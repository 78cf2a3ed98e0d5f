// How long it takes until a process goes on where a dead one was: open the store, read snapshot and journal, take up what was
// open. Wall time, on the file system of $TMPDIR; the journal was just written, so it is in the page cache.
//
//   bench_recovery [records of the long journal, default 1000000]
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <unistd.h>

#include "aivp/testing/fixtures.hpp"
#include "runtime/store/sqlite_store.hpp"
#include "sim/simulation.hpp"

namespace {

using namespace aivp;
using namespace aivp::testing;
using wall = std::chrono::steady_clock;

double ms_since(wall::time_point begin) {
    return std::chrono::duration<double, std::milli>(wall::now() - begin).count();
}

class instant_connector final : public connector_port {
public:
    explicit instant_connector(std::uint64_t answers) : left_(answers) {}
    void call(const skill_request& r, completion_sink& sink) override {
        if (left_ == 0) return; // this one is open when the process dies
        --left_;
        sink.skill_done({.ref = {r.run, r.call}, .result = result_, .message = {}});
    }
    void cancel(call_ref) override {}

private:
    std::uint64_t left_;
    payload result_ = *payload::parse(R"({"ok":true,"rows":3})");
};

snapshot_ptr agent_of(std::uint32_t steps) {
    std::vector<step_row> rows;
    for (std::uint32_t i = 0; i < steps; ++i)
        rows.push_back({"s" + std::to_string(i), "a", {.arguments = R"({"path":"/inbox/report.txt","n":3})"}});
    return make_steps_agent("bench", {make_binding("a", make_skill("files.write", {.takes_key = true}))}, rows,
                            {.limits = {.skill_calls = steps + 1, .repeated_calls = steps + 1}});
}

/// Writes a journal of about so many records whose last run is under way, then recovers from it.
void measure(const char* name, std::uint32_t steps, std::uint64_t records, std::uint64_t snapshot_every) {
    std::string folder = (std::filesystem::temp_directory_path() / "aivp-recovery-XXXXXX").string();
    if (::mkdtemp(folder.data()) == nullptr) std::abort();
    sqlite_options options;
    options.path = folder + "/aivp.db";
    options.durable = sqlite_options::durability::process_crash_safe;
    const snapshot_ptr agent = agent_of(steps);
    std::uint64_t written = 0;
    const auto writing = wall::now();
    {
        auto store = *sqlite_store::open(options);
        sim::simulation_setup setup;
        setup.agents = {agent};
        setup.store = store.get();
        setup.ledger = ledger_mode::tally;
        setup.keep_run_log = false;
        setup.check_properties = false;
        setup.snapshot_every = snapshot_every;
        // The last run stays open: its last call is never answered.
        const std::uint64_t per_run = steps + 1; // the start, and each answer
        const std::uint64_t answers = records - 1 - (records + per_run - 2) / per_run;
        setup.ports = [answers](const sim::world_parts&) {
            return sim::world_ports{nullptr, nullptr, std::make_shared<instant_connector>(answers)};
        };
        auto s = *sim::simulation::create(std::move(setup));
        while (s->engine().last_seq().value < records && s->engine().state().runs.empty()) {
            s->input_at(s->now(), start_run{agent_id{1}, {}}, input_source::host);
            s->run(s->now(), 1);
            if (store->checkpoint_due()) (void)store->checkpoint();
        }
        written = s->engine().last_seq().value;
    }
    const double write_ms = ms_since(writing);
    const auto begin = wall::now();
    auto store = *sqlite_store::open(options);
    const std::vector<snapshot_ptr> agents{agent};
    listed_snapshots snapshots(agents);
    auto found = *read_state(*store, snapshots);
    const double read_ms = ms_since(begin);
    std::printf("%-44s %9.1f ms   %llu records, %llu read after the snapshot, %zu runs open, %.0f records/s written\n",
                name, read_ms, static_cast<unsigned long long>(written),
                static_cast<unsigned long long>(found.records_read), found.state.runs.size(),
                static_cast<double>(written) / write_ms * 1000);
    store.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
}

} // namespace

int main(int argc, char** argv) {
    const std::uint64_t records = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000;
    measure("a run of 1,000 steps, no snapshot", 1001, 1000, 0);
    measure("a long journal, snapshot every 10,000", 1000, records, 10'000);
    return 0;
}
