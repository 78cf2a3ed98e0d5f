#include "sim/crash.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "sim/disk/disk_files.hpp"
#include "sim/disk/sim_vfs.hpp"

namespace aivp::sim {

namespace {

constexpr std::size_t findings_kept = 10;
constexpr int retries_max = 20;

/// One commit of a recorded run.
struct commit_mark {
    std::uint64_t calls_before = 0; ///< of the disk
    std::uint64_t calls_after = 0;
    std::uint64_t effects_before = 0; ///< calls to the world that were made before it
    seq_no before, after;             ///< last record
    bool acknowledged = false;
};

/// Notes where each commit lies among the calls to the disk and to the world.
class marking_store final : public forwarding_store {
public:
    marking_store(store_port& next, const sim_disk& disk, const std::function<std::uint64_t()>& effects)
        : forwarding_store(next), disk_(disk), effects_(effects) {}
    commit_outcome commit(std::span<const journal_record> batch) override {
        commit_mark m{.calls_before = disk_.calls(),
                      .effects_before = effects_(),
                      .before = {batch.front().seq.value - 1},
                      .after = batch.back().seq};
        const commit_outcome how = next_.commit(batch);
        m.calls_after = disk_.calls();
        m.acknowledged = how == commit_outcome::ok;
        marks.push_back(m);
        for (const journal_record& r : batch) chains[r.seq.value] = r.chain;
        return how;
    }
    std::vector<commit_mark> marks;
    std::map<std::uint64_t, digest> chains;

private:
    const sim_disk& disk_;
    std::function<std::uint64_t()> effects_;
};

/// The commit that call k belongs to, or that is the next after it; as many as there are when none is.
std::size_t commit_at(const std::vector<commit_mark>& marks, std::uint64_t k) {
    const auto after =
        std::partition_point(marks.begin(), marks.end(), [k](const commit_mark& m) { return m.calls_after < k; });
    return static_cast<std::size_t>(after - marks.begin());
}

/// Of a process that does not live to see this commit; when there is none, it lives to the end.
death_plan death_at(const std::vector<commit_mark>& marks, std::size_t commit) {
    return {.at_commit = commit < marks.size() ? commit + 1 : death_plan::never};
}

class crash_enumeration {
public:
    crash_enumeration(const scenario& s, const crash_options& options)
        : scenario_(s), options_(options), disk_(options.disk), vfs_(disk_, entropy()), files_(disk_) {
        store_options_ = options.store;
        store_options_.path = "store/aivp.db";
        store_options_.files = &files_;
        store_options_.writer = "simulation";
        store_options_.opened_at = s.start;
        for (const snapshot_ptr& agent : s.agents)
            for (const skill_binding& b : agent->bindings)
                if (b.skill->idempotent) idempotent_.insert(b.skill->id);
        for (const snapshot_ptr& agent : s.agents)
            for (const trigger_spec& t : agent->triggers)
                has_schedules_ = has_schedules_ || !(std::holds_alternative<manual_schedule>(t.when) ||
                                                     std::holds_alternative<event_schedule>(t.when));
    }

    crash_report run() {
        if (!run_forward()) return std::move(report_);
        kill_at_every_call();
        kill_before_every_effect();
        crash_during_recovery();
        fail_and_crash();
        return std::move(report_);
    }

    run_report run_plainly() {
        mount(disk_);
        auto store = open();
        run_report r;
        if (!store) {
            r.findings.push_back({store.error().code, "store", {}, "a store that opens", store.error().message, {}});
            return r;
        }
        r = run_once(scenario_, options_.seed, [&](simulation_setup& setup) {
            setup.store = store->get();
            setup.snapshot_every = options_.snapshot_every;
        });
        if (const auto whole = (*store)->verify(); !whole)
            r.findings.push_back({whole.error().code, "store", {}, "a store that verifies", whole.error().message, {}});
        return r;
    }

private:
    /// What decides how a run goes on after a crash: the commit that was to follow or under way, and what the journal holds.
    struct ending {
        death_plan death;
        std::uint64_t records = 0;
        friend auto operator<=>(const ending&, const ending&) = default;
    };

    random_stream entropy() const { return {options_.seed, "sqlite", "store", "entropy"}; }
    void mount(sim_disk& disk) {
        vfs_.mount(disk, entropy());
        files_.mount(disk);
    }
    result<std::unique_ptr<sqlite_store>> open() { return sqlite_store::open(store_options_); }

    void find(errc code, std::string what, std::string expected, std::string actual, const std::string& where) {
        ++report_.findings_all;
        if (report_.findings.size() < findings_kept)
            report_.findings.push_back(
                {code, std::move(what), {scenario_.file, 0, 0}, std::move(expected), std::move(actual), where});
    }

    simulation_setup setup_of(store_port* store, death_plan death) const {
        simulation_setup setup = make_setup(scenario_, options_.seed);
        setup.store = store;
        setup.death = death;
        setup.keep_run_log = false;
        setup.snapshot_every = options_.snapshot_every;
        if (options_.plant_world) options_.plant_world(setup);
        return setup;
    }

    /// A world whose process dies as planned, or lives to the end when it does not.
    std::unique_ptr<simulation> world_until(store_port* store, death_plan death) {
        auto world = simulation::create(setup_of(store, death));
        if (!world) {
            find(world.error().code, "world", "a world that can be built", world.error().message, "");
            return nullptr;
        }
        if (const auto planned = plan_triggers(scenario_, **world); !planned) {
            find(planned.error().code, "triggers", "an agent that is active", planned.error().message, "");
            return nullptr;
        }
        (*world)->run(scenario_.start + scenario_.horizon, scenario_.max_events);
        return std::move(*world);
    }

    // ---- the run without a crash

    bool run_forward() {
        if (options_.plant_disk) options_.plant_disk(disk_);
        disk_.record();
        mount(disk_);
        auto store = open();
        if (!store) {
            find(store.error().code, "store", "a store that can be made", store.error().message, "");
            return false;
        }
        const std::unique_ptr<store_port> planted = options_.plant_store ? options_.plant_store(**store) : nullptr;
        simulation* world = nullptr;
        marking_store marking(planted ? *planted : **store, disk_, [&world] { return world ? world->performed() : 0; });
        simulation_setup setup = setup_of(&marking, {});
        auto made = simulation::create(std::move(setup));
        if (!made) {
            find(made.error().code, "world", "a world that can be built", made.error().message, "");
            return false;
        }
        world = made->get();
        first_call_after_activation_ = disk_.calls() + 1;
        if (!plan_triggers(scenario_, *world)) return false;
        const stop_reason stopped = world->run(scenario_.start + scenario_.horizon, scenario_.max_events);
        effects_ = world->performed();
        check_end(*world, stopped, "without a crash");
        marks_ = std::move(marking.marks);
        chains_ = std::move(marking.chains);
        report_.records = marks_.empty() ? 0 : marks_.back().after.value;
        return true;
    }

    // ---- every call to the disk

    void kill_at_every_call() {
        const std::vector<std::uint64_t> all = disk_.crash_points();
        report_.points_all = all.size();
        const std::uint64_t step = all.size() / options_.points_max + 1;
        for (std::size_t i = 0; i < all.size(); i += step) {
            ++report_.points;
            kill_at(all[i]);
        }
    }

    void kill_at(std::uint64_t k) {
        for (std::uint32_t i = 0; i < options_.power_losses + 2; ++i) {
            const crash_mode mode = i == 0   ? crash_mode::process_kill
                                    : i == 1 ? crash_mode::power_loss_all
                                             : crash_mode::power_loss;
            sim_disk image = disk_.crash_image(k, mode, {k, "disk", "store", "crash " + std::to_string(i)});
            const std::string where = "killed at call " + std::to_string(k) + ", outcome " + std::to_string(i);
            // Nothing unsynced is promised to survive a power loss in this mode.
            const bool may_lose = mode != crash_mode::process_kill && !options_.promises_power_loss_safe &&
                                  options_.store.durable == sqlite_options::durability::process_crash_safe;
            check_image(image, k, where, may_lose);
        }
    }

    void check_image(sim_disk& image, std::uint64_t k, const std::string& where, bool may_lose) {
        const std::size_t c = commit_at(marks_, k);
        const bool under_way = c < marks_.size() && marks_[c].calls_before < k;
        const std::uint64_t acknowledged = c == 0 ? 0 : marks_[c - 1].after.value;
        const std::uint64_t possible = under_way ? marks_[c].after.value : acknowledged;
        const death_plan death = death_at(marks_, c);
        const sim_disk untouched = image;
        const std::unique_ptr<sqlite_store> store = opened(image, where);
        if (!store) return;
        const auto records = verified(*store, where);
        if (!records) return;
        if (*records < acknowledged && !may_lose) {
            ++report_.lost;
            find(errc::store_corrupt, "store.acknowledged_survives", std::to_string(acknowledged) + " records",
                 std::to_string(*records), where);
            return;
        }
        if (*records > possible) {
            find(errc::store_corrupt, "store.no_ghosts", "at most " + std::to_string(possible) + " records",
                 std::to_string(*records), where);
            return;
        }
        if (*records < acknowledged) return; // the world has seen effects of what is gone: that is what this mode says
        if (!endings_.insert({death, *records}).second) {
            commit_one_more(*store, *records, where);
            return;
        }
        if (sampled_.size() < options_.double_crashes_max) sampled_.push_back({untouched, death});
        go_on(*store, death, where);
    }

    std::unique_ptr<sqlite_store> opened(sim_disk& image, const std::string& where) {
        mount(image);
        auto store = open();
        if (store) return std::move(*store);
        unreadable(store.error(), where);
        return nullptr;
    }

    /// Verifies pages and chain, and compares the chain with the one of the run; the number of records.
    std::optional<std::uint64_t> verified(sqlite_store& store, const std::string& where) {
        ++report_.images;
        const auto records = store.verify();
        if (!records) return unreadable(records.error(), where);
        const auto head = store.head();
        if (!head) return unreadable(head.error(), where);
        const auto chain = chains_.find(*records);
        if (*records != 0 && (chain == chains_.end() || chain->second != head->chain)) {
            find(errc::store_corrupt, "journal.same_chain", "the chain of the run", "another one", where);
            return std::nullopt;
        }
        return records.value();
    }
    std::nullopt_t unreadable(const error& e, const std::string& where) {
        ++report_.unreadable;
        find(e.code, "store.opens_and_verifies", "a store that opens and verifies", e.message, where);
        return std::nullopt;
    }

    void commit_one_more(sqlite_store& store, std::uint64_t records, const std::string& where) {
        const auto head = store.head();
        if (!head) return (void)unreadable(head.error(), where);
        digest_chain chain(head->chain);
        const std::string line = "{\"events\":[],\"seq\":" + std::to_string(records + 1) + "}";
        const journal_record next{{records + 1}, head->at, line, chain.append(line)};
        if (store.commit({&next, 1}) != commit_outcome::ok)
            find(errc::store_commit_failed, "store.goes_on", "a commit that succeeds", "it does not", where);
    }

    // ---- to the end

    void go_on(sqlite_store& store, death_plan death, const std::string& where) {
        const std::unique_ptr<simulation> world = world_until(nullptr, death);
        if (!world) return;
        if (!world->killed()) world->kill();
        ++report_.endings;
        resume(*world, store, where);
    }

    void resume(simulation& world, sqlite_store& store, const std::string& where) {
        const std::unique_ptr<store_port> planted = options_.plant_store ? options_.plant_store(store) : nullptr;
        const auto back = world.restart(planted ? *planted : store, options_.away);
        if (!back) {
            find(back.error().code, "recovery", "a process that takes up what was open", back.error().message, where);
            return;
        }
        check_taken_up(world.engine().state(), where);
        const stop_reason stopped = world.run(end_of_time(world), scenario_.max_events);
        check_end(world, stopped, where); // reads the whole journal, and so verifies its chain
        if (has_schedules_) check_windows(store, where);
    }

    /// A run that waits for nothing would end by its timeout only, as if nobody had worked on it.
    void check_taken_up(const engine_state& state, const std::string& where) {
        for (const auto& [id, r] : state.runs)
            if (r.started && r.open.empty() && !r.paused)
                find(errc::scenario_property, "run.waits_for_something", "an open call", to_string(id) + " has none",
                     where);
    }

    /// No window of a schedule becomes two runs.
    void check_windows(sqlite_store& store, const std::string& where) {
        std::set<std::string> seen;
        const auto read = store.read({1}, [&](const journal_record& record) {
            if (record.line.find("\"trigger_accepted\"") == std::string_view::npos ||
                record.line.find("\"timer\":\"trigger\"") == std::string_view::npos)
                return true;
            for (const payload& e : items(*member(*payload::parse(record.line), "events"))) {
                if (as_string(*member(e, "type")) != "trigger_accepted") continue;
                const auto part = [&e](const char* key) {
                    return std::string(member(e, key).value_or(payload()).text());
                };
                const std::string window = part("agent") + " " + part("trigger") + " " + part("scheduled_for");
                if (seen.insert(window).second) continue;
                ++report_.duplicates;
                find(errc::scenario_property, "trigger.window_once", "one run for a window", "two for " + window,
                     where);
            }
            return true;
        });
        if (!read) unreadable(read.error(), where);
    }

    instant end_of_time(const simulation& world) const {
        return std::max(scenario_.start + scenario_.horizon, world.now()) + options_.away;
    }

    void check_end(simulation& world, stop_reason stopped, const std::string& where) {
        world.conclude(stopped);
        for (const violation& v : world.properties().violations())
            if (std::find(scenario_.muted.begin(), scenario_.muted.end(), v.property) == scenario_.muted.end())
                find(errc::scenario_property, std::string(info(v.property).name), v.expected, v.actual, where);
        for (const error& e : world.engine().failures())
            find(e.code, "store", "every commit succeeds", e.message, where);
        if (stopped == stop_reason::event_limit)
            find(errc::scenario_budget, "max_events", "an end", "none after " + std::to_string(scenario_.max_events),
                 where);
        check_duplicates(world.ledger(), where);
    }

    /// What really happened to the world: once for each key, and once for each call without one.
    void check_duplicates(const world_ledger& ledger, const std::string& where) {
        std::set<effect_key> keys;
        std::set<call_ref> calls;
        for (const ledger_entry& e : ledger.entries()) {
            if (e.effect != effect_class::write || e.outcome == effect_outcome::failed || e.duplicate_of != 0) continue;
            if (idempotent_.contains(e.operation)) continue; // repeating it changes nothing more
            const bool new_key = !e.idempotency_key || keys.insert(e.idempotency_key).second;
            if (calls.insert({e.run, e.call}).second && new_key) continue;
            ++report_.duplicates;
            find(errc::scenario_property, "effect.once_in_the_world", "one " + e.operation,
                 "a second one for " + to_string(e.run) + " " + to_string(e.call), where);
        }
    }

    // ---- every call to the world

    void kill_before_every_effect() {
        for (std::uint64_t e = 1; e <= effects_; ++e) {
            // The last commit before the effect; it is on the disk when the effect would be made.
            std::size_t c = 0;
            while (c + 1 < marks_.size() && marks_[c + 1].effects_before < e) ++c;
            sim_disk image = disk_.crash_image(marks_[c].calls_after + 1, crash_mode::process_kill,
                                               {e, "disk", "store", "before effect"});
            ++report_.effect_points;
            const std::string where = "killed before effect " + std::to_string(e);
            if (const auto store = opened(image, where)) go_on(*store, {.at_effect = e}, where);
        }
    }

    // ---- crashes during recovery

    struct sample {
        sim_disk image;
        death_plan death;
    };

    void crash_during_recovery() {
        const std::vector<sample> samples = std::exchange(sampled_, {});
        if (samples.empty()) return;
        const std::uint64_t each = std::max<std::uint64_t>(options_.double_crashes_max / samples.size(), 1);
        for (const sample& first : samples) {
            if (report_.double_crashes >= options_.double_crashes_max) return;
            crash_again(first, each);
        }
    }

    void crash_again(const sample& first, std::uint64_t count) {
        sim_disk image = first.image;
        image.record();
        std::vector<commit_mark> marks;
        if (!restart_recorded(first, image, {}, &marks)) return;
        const std::vector<std::uint64_t> points = image.crash_points();
        for (std::uint64_t n = 0; n < count; ++n) {
            const std::uint64_t k = points[n * points.size() / count];
            sim_disk second = image.crash_image(k, crash_mode::power_loss, {k, "disk", "store", "second crash"});
            sim_disk again = first.image;
            const auto world = restart_recorded(first, again, death_at(marks, commit_at(marks, k)), nullptr);
            if (!world) return;
            if (!world->killed()) world->kill();
            ++report_.double_crashes;
            const std::string where = "killed again at call " + std::to_string(k) + " of the recovery";
            if (const auto store = opened(second, where)) resume(*world, *store, where);
        }
    }

    /// The first crash, and the process after it until it dies too.
    std::unique_ptr<simulation> restart_recorded(const sample& first, sim_disk& image, death_plan second,
                                                 std::vector<commit_mark>* marks) {
        std::unique_ptr<simulation> world = world_until(nullptr, first.death);
        if (!world) return nullptr;
        if (!world->killed()) world->kill();
        mount(image);
        auto store = open();
        if (!store) return unreadable(store.error(), "a second time"), nullptr;
        marking_store marking(**store, image, [&] { return world->performed(); });
        if (const auto back = world->restart(marking, options_.away, second); !back) {
            find(back.error().code, "recovery", "a process that takes up what was open", back.error().message, "");
            return nullptr;
        }
        world->run(end_of_time(*world), scenario_.max_events);
        if (marks) *marks = std::move(marking.marks);
        return world;
    }

    // ---- one fault of the disk, and then a power loss

    void fail_and_crash() {
        using enum disk_fault_kind;
        const std::uint64_t calls = disk_.calls();
        if (calls < first_call_after_activation_) return;
        constexpr disk_fault_kind kinds[] = {io_error_once,   io_error_sticky, no_space_once,
                                             no_space_sticky, sync_fails,      short_read};
        const std::uint64_t span = calls - first_call_after_activation_ + 1;
        const std::uint64_t runs = std::min<std::uint64_t>(options_.faults_max, span * std::size(kinds));
        for (std::uint64_t n = 0; n < runs; ++n) {
            const std::uint64_t at = n * span * std::size(kinds) / runs;
            fail_once({first_call_after_activation_ + at / std::size(kinds), kinds[at % std::size(kinds)], 0});
        }
    }

    void fail_once(disk_fault fault) {
        ++report_.fault_runs;
        const std::string where = std::string(to_string(fault.kind)) + " at call " + std::to_string(fault.ordinal);
        sim_disk disk(options_.disk);
        disk.plan(fault);
        std::uint64_t acknowledged = 0;
        {
            mount(disk);
            auto store = open();
            if (!store) return (void)unreadable(store.error(), where);
            marking_store marking(**store, disk, [] { return 0; });
            auto world = simulation::create(setup_of(&marking, {}));
            if (!world || !plan_triggers(scenario_, **world)) return;
            stop_reason stopped = (*world)->run(end_of_time(**world), scenario_.max_events);
            for (int i = 0; stopped == stop_reason::store_failed && i < retries_max; ++i) {
                // What a host does: it waits, the disk works again, the store is opened anew, and the driver goes on.
                (*world)->time().step_for(seconds(1));
                if (i > 0) disk.heal();
                if (!(*store)->reopen()) continue;
                (void)(*world)->retry();
                stopped = (*world)->run(end_of_time(**world), scenario_.max_events);
            }
            check_end(**world, stopped, where);
            acknowledged = (*world)->engine().last_seq().value;
        }
        sim_disk image = disk.after_crash(crash_mode::power_loss_all, {fault.ordinal, "disk", "store", "fault"});
        mount(image);
        auto store = open();
        if (!store) return (void)unreadable(store.error(), where);
        const auto records = (*store)->verify();
        if (!records) return (void)unreadable(records.error(), where);
        if (*records >= acknowledged || options_.store.durable == sqlite_options::durability::process_crash_safe)
            return;
        ++report_.lost;
        find(errc::store_corrupt, "store.acknowledged_survives", std::to_string(acknowledged) + " records",
             std::to_string(*records), where);
    }

    const scenario& scenario_;
    const crash_options& options_;
    sim_disk disk_;
    sim_vfs vfs_;
    disk_files files_;
    sqlite_options store_options_;
    crash_report report_;
    std::vector<commit_mark> marks_;
    std::map<std::uint64_t, digest> chains_;
    std::set<std::string, std::less<>> idempotent_; ///< skills
    bool has_schedules_ = false;
    std::uint64_t effects_ = 0;
    std::uint64_t first_call_after_activation_ = 1;
    std::set<ending> endings_;
    std::vector<sample> sampled_;
};

} // namespace

crash_report enumerate_crashes(const scenario& s, const crash_options& options) {
    return crash_enumeration(s, options).run();
}

run_report run_durably(const scenario& s, std::uint64_t seed, const crash_options& options) {
    crash_options with_seed = options;
    with_seed.seed = seed;
    return crash_enumeration(s, with_seed).run_plainly();
}

} // namespace aivp::sim
