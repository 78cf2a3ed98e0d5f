#include "sim/crash.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "sim/crash_images.hpp"
#include "sim/crash_stores.hpp"
#include "sim/disk/disk_files.hpp"
#include "sim/disk/sim_vfs.hpp"

namespace aivp::sim {

namespace {

constexpr std::size_t findings_kept = 10;
constexpr int retries_max = 20;

/// The commit that call k belongs to, or that is the next after it; as many as there are when none is.
std::size_t commit_at(const std::vector<commit_mark>& marks, std::uint64_t k) {
    const auto after =
        std::partition_point(marks.begin(), marks.end(), [k](const commit_mark& m) { return m.calls_after < k; });
    return static_cast<std::size_t>(after - marks.begin());
}

/// Of a process that does not live to see this commit; where there is no such commit, it lives to the end.
death_plan death_at(std::size_t commit) { return {.at_commit = commit + 1}; }

/// What happens elsewhere while a process works.
struct interruption {
    std::uint64_t at_commit = 0; ///< just before it; 0 = never
    std::function<void()> what;
};

class crash_enumeration {
public:
    crash_enumeration(const scenario& s, const crash_options& options)
        : scenario_(s),
          options_(options),
          disk_(options.disk),
          vfs_(disk_, entropy()),
          files_(disk_),
          agents_(s.agents),
          folded_(agents_) {
        store_options_ = options.store;
        store_options_.path = "store/aivp.db";
        store_options_.files = &files_;
        store_options_.writer = "simulation";
        store_options_.opened_at = s.start;
        store_options_.wal_bytes_max = options.log_bytes_max;
        for (const snapshot_ptr& agent : s.agents)
            for (const skill_binding& b : agent->bindings)
                if (b.skill->idempotent) idempotent_.insert(b.skill->id);
    }

    crash_report run() {
        if (!run_forward()) return std::move(report_);
        kill_everywhere();
        report_.contents = contents_.distinct();
        crash_during_recovery();
        fail_and_crash();
        pause_and_take_over();
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
    /// What decides how a run goes on after a crash, and nothing else does: what the store holds, what was done to the world
    /// and when, and whether somebody outside asks again because he got no answer. Answers on their way to the process that
    /// died go nowhere, and its timers are forgotten.
    struct ending {
        std::uint64_t content = 0;
        std::uint64_t effects = 0;
        instant at;
        std::size_t asks_again = nobody; ///< for which commit
        friend auto operator<=>(const ending&, const ending&) = default;
    };
    static constexpr std::size_t nobody = static_cast<std::size_t>(-1);

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
        created_ = disk_.after_crash(crash_mode::process_kill, {1, "disk", "store", "created"});
        const std::unique_ptr<store_port> planted = options_.plant_store ? options_.plant_store(**store) : nullptr;
        simulation* world = nullptr;
        marking_store marking(planted ? *planted : **store, **store, disk_,
                              {[&world] { return world ? world->performed() : 0; },
                               [&world] { return world ? world->time().fired() : 0; },
                               [&] { return world ? world->now() : scenario_.start; }});
        simulation_setup setup = setup_of(&marking, {});
        auto made = simulation::create(std::move(setup));
        if (!made) {
            find(made.error().code, "world", "a world that can be built", made.error().message, "");
            return false;
        }
        world = made->get();
        const std::uint64_t calls_before = disk_.calls();
        if (!plan_triggers(scenario_, *world)) return false;
        const stop_reason stopped = world->run(scenario_.start + scenario_.horizon, scenario_.max_events);
        calls_of_the_run_ = disk_.calls() - calls_before;
        effects_ = world->performed();
        check_end(*world, stopped, "without a crash");
        marks_ = std::move(marking.marks);
        records_ = std::move(marking.records);
        windows_ = std::move(marking.windows);
        report_.records = marks_.empty() ? 0 : marks_.back().after.value;
        return true;
    }

    // ---- every call to the disk, and every call to the world

    /// In the order of the run, so that what is known of one image is at hand for the next ones.
    void kill_everywhere() {
        const std::vector<std::uint64_t> all = disk_.crash_points();
        report_.points_all = all.size();
        const std::uint64_t step = all.size() / options_.points_max + 1;
        std::size_t commits = 0;
        for (std::size_t i = 0; i < all.size(); i += step) {
            for (const std::size_t c = commit_at(marks_, all[i]); commits < c; ++commits)
                kill_before_effects_of(commits);
            ++report_.points;
            kill_at(all[i]);
        }
        for (; commits < marks_.size(); ++commits) kill_before_effects_of(commits);
    }

    struct outcome {
        crash_mode mode;
        std::uint64_t call;
        random_stream fates;
        std::string where;
    };

    void kill_at(std::uint64_t k) {
        for (std::uint32_t i = 0; i < options_.power_losses + 2; ++i) {
            const crash_mode mode = i == 0   ? crash_mode::process_kill
                                    : i == 1 ? crash_mode::power_loss_all
                                             : crash_mode::power_loss;
            check_image({mode,
                         k,
                         {k, "disk", "store", "crash " + std::to_string(i)},
                         "killed at call " + std::to_string(k) + ", outcome " + std::to_string(i)});
        }
    }

    sim_disk image_of(const outcome& o) const { return disk_.crash_image(o.call, o.mode, o.fates); }

    void check_image(const outcome& o) {
        const std::size_t c = commit_at(marks_, o.call);
        const bool under_way = c < marks_.size() && marks_[c].calls_before < o.call;
        const std::uint64_t acknowledged = c == 0 ? 0 : marks_[c - 1].after.value;
        const std::uint64_t possible = under_way ? marks_[c].after.value : acknowledged;
        sim_disk image = image_of(o);
        mounted_store store{nullptr, {&image}};
        ++report_.images;
        std::optional<known_content> found = known_of(image);
        if (!found) {
            const sim_disk untouched = image;
            store = opened(image, o.where);
            if (!store) return;
            found = verified(*store, o.where);
            if (!found) return;
            if (examined_.size() == examined_max) examined_.pop_back();
            examined_.push_front({untouched, *found});
        }
        const std::uint64_t records = found->head.seq.value;
        // Nothing unsynced is promised to survive a power loss in this mode.
        const bool may_lose = o.mode != crash_mode::process_kill && !options_.promises_power_loss_safe &&
                              options_.store.durable == sqlite_options::durability::process_crash_safe;
        if (records < acknowledged && !may_lose) {
            ++report_.lost;
            find(errc::store_corrupt, "store.acknowledged_survives", std::to_string(acknowledged) + " records",
                 std::to_string(records), o.where);
            return;
        }
        if (records > possible) {
            find(errc::store_corrupt, "store.no_ghosts", "at most " + std::to_string(possible) + " records",
                 std::to_string(records), o.where);
            return;
        }
        if (records < acknowledged) return; // the world has seen effects of what is gone: that is what this mode says
        if (!is_new(ending_at(c, found->id))) {
            if (store) commit_one_more(*store, found->head, o.where);
            return;
        }
        if (!store) store = opened(image, o.where);
        if (!store) return;
        if (sampled_.size() < options_.double_crashes_max) sampled_.push_back({image_of(o), death_at(c)});
        go_on(*store, *found, death_at(c), o.where);
    }

    /// What the store holds on a disk that looks like one that was examined. Only the last few are remembered: images come in
    /// the order of the run.
    std::optional<known_content> known_of(const sim_disk& image) {
        for (const examined& e : examined_) {
            if (!e.image.looks_like(image)) continue;
            ++report_.images_equal;
            return e.found;
        }
        return std::nullopt;
    }

    /// The process saw the commits before this one and their effects, and not the answer of this one.
    ending ending_at(std::size_t commit, std::uint64_t content) const {
        if (commit == marks_.size()) return {content, effects_, instant::max(), nobody};
        const commit_mark& m = marks_[commit];
        return {content, m.effects_before, m.at, m.asked ? commit : nobody};
    }

    bool is_new(const ending& e) {
        if (endings_.insert(e).second) return true;
        ++report_.endings_equal;
        return false;
    }

    void kill_before_effects_of(std::size_t commit) {
        const std::uint64_t end = commit + 1 < marks_.size() ? marks_[commit + 1].effects_before : effects_;
        for (std::uint64_t e = marks_[commit].effects_before + 1; e <= end; ++e) {
            ++report_.effect_points;
            ++report_.images;
            const std::string where = "killed before effect " + std::to_string(e);
            sim_disk image = image_of({crash_mode::process_kill,
                                       marks_[commit].calls_after + 1,
                                       {e, "disk", "store", "before effect"},
                                       where});
            const mounted_store store = opened(image, where);
            if (!store) continue;
            const auto found = verified(*store, where);
            if (found && is_new({found->id, e - 1, marks_[commit].at, nobody}))
                go_on(*store, *found, {.at_effect = e}, where);
        }
    }

    /// A store whose process dies: nothing is put in order when it goes.
    struct unmount {
        sim_disk* disk = nullptr;
        void operator()(sqlite_store* s) const {
            disk->die();
            delete s;
        }
    };
    using mounted_store = std::unique_ptr<sqlite_store, unmount>;

    mounted_store opened(sim_disk& image, const std::string& where) {
        mount(image);
        auto store = open();
        if (store) return {store->release(), unmount{&image}};
        unreadable(store.error(), where);
        return {nullptr, unmount{&image}};
    }

    /// Pages and chain verify, and the chain is the one of the run.
    std::optional<known_content> verified(sqlite_store& store, const std::string& where) {
        const auto found = contents_.examine(store);
        if (!found) return unreadable(found.error(), where);
        const auto last = records_.find(found->head.seq);
        if (found->head.seq.value != 0 && (last == records_.end() || last->second.chain != found->head.chain)) {
            find(errc::store_corrupt, "journal.same_chain", "the chain of the run", "another one", where);
            return std::nullopt;
        }
        return *found;
    }
    std::nullopt_t unreadable(const error& e, const std::string& where) {
        ++report_.unreadable;
        find(e.code, "store.opens_and_verifies", "a store that opens and verifies", e.message, where);
        return std::nullopt;
    }

    void commit_one_more(sqlite_store& store, const journal_record& head, const std::string& where) {
        digest_chain chain(head.chain);
        const std::string line = "{\"events\":[],\"seq\":" + std::to_string(head.seq.value + 1) + "}";
        const journal_record next{{head.seq.value + 1}, head.at, line, chain.append(line)};
        if (store.commit({&next, 1}) != commit_outcome::ok)
            find(errc::store_commit_failed, "store.goes_on", "a commit that succeeds", "it does not", where);
    }

    // ---- to the end

    void go_on(sqlite_store& store, const known_content& found, death_plan death, const std::string& where) {
        const std::unique_ptr<simulation> world = world_until(nullptr, death);
        if (!world) return;
        if (!world->killed()) world->kill();
        ++report_.endings;
        std::optional<state_snapshot> known;
        if (!options_.plant_store && options_.snapshot_every == 0 && found.head.seq.value != 0) {
            const auto state = folded_.after(store, found.head);
            if (!state)
                return find(state.error().code, "recovery", "a journal that can be read back", state.error().message,
                            where);
            known = **state;
        }
        resume(*world, store, known, found.head.seq, where);
    }

    /// `known`: what the store leads to. `common`: so many of its records are those of the run without a crash.
    void resume(simulation& world, sqlite_store& store, const std::optional<state_snapshot>& known, seq_no common,
                const std::string& where, interruption other = {}) {
        const std::unique_ptr<store_port> planted = options_.plant_store ? options_.plant_store(store) : nullptr;
        tailed_store journal(planted ? *planted : store, store,
                             [this, n = std::uint64_t{0}, planted = planted != nullptr](seq_no) mutable {
                                 return !planted && ++n == options_.durable_commits;
                             });
        if (known) journal.trust(*known, records_);
        if (other.at_commit != 0) journal.interrupt(other.at_commit, std::move(other.what));
        if (options_.snapshot_every != 0) check_snapshot(journal, where);
        const auto back = world.restart(journal, options_.away);
        if (!back) {
            find(back.error().code, "recovery", "a process that takes up what was open", back.error().message, where);
            return;
        }
        check_taken_up(world.engine().state(), where);
        const stop_reason stopped = world.run(end_of_time(world), scenario_.max_events);
        check_end(world, stopped, where); // reads the journal, and so verifies its chain
        check_windows(journal, common, where);
    }

    /// Recovery does without a snapshot that does not fit; there should be none.
    void check_snapshot(store_port& journal, const std::string& where) {
        const auto found = read_state(journal, agents_);
        if (!found) return; // whoever restarts on it says so
        for (const std::string& warning : found->warnings)
            find(errc::store_snapshot, "snapshot.fits_the_journal", "a snapshot that the journal goes on from", warning,
                 where);
    }

    /// A run that waits for nothing would end by its timeout only, as if nobody had worked on it.
    void check_taken_up(const engine_state& state, const std::string& where) {
        for (const auto& [id, r] : state.runs)
            if (r.started && r.open.empty() && !r.paused)
                find(errc::scenario_property, "run.waits_for_something", "an open call", to_string(id) + " has none",
                     where);
    }

    /// No window of a schedule becomes two runs.
    void check_windows(const tailed_store& journal, seq_no common, const std::string& where) {
        if (journal.windows().empty()) return;
        std::set<std::string_view> seen;
        for (const auto& [seq, window] : windows_)
            if (seq <= common) seen.insert(window);
        for (const auto& [seq, window] : journal.windows()) {
            if (seen.insert(window).second) continue;
            ++report_.duplicates;
            find(errc::scenario_property, "trigger.window_once", "one run for a window", "two for " + window, where);
        }
    }

    instant end_of_time(const simulation& world) const {
        return std::max(scenario_.start + scenario_.horizon, world.now()) + options_.away;
    }

    void check_end(simulation& world, stop_reason stopped, const std::string& where) {
        world.conclude(stopped);
        for (const violation& v : world.properties().violations())
            if (std::find(scenario_.muted.begin(), scenario_.muted.end(), v.property) == scenario_.muted.end())
                find(errc::scenario_property, v.name, v.expected, v.actual, where);
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
        if (!restart_recorded(first, image, death_at(options_.durable_commits), &marks)) return;
        const std::vector<std::uint64_t> points = image.crash_points();
        for (std::uint64_t n = 0; n < count; ++n) {
            const std::uint64_t k = points[n * points.size() / count];
            sim_disk second = image.crash_image(k, crash_mode::power_loss, {k, "disk", "store", "second crash"});
            sim_disk again = first.image;
            const auto world = restart_recorded(first, again, death_at(commit_at(marks, k)), nullptr);
            if (!world) return;
            if (!world->killed()) world->kill();
            ++report_.double_crashes;
            const std::string where = "killed again at call " + std::to_string(k) + " of the recovery";
            // What the recovery wrote is not what the run without a crash wrote.
            if (const auto store = opened(second, where)) resume(*world, *store, std::nullopt, {}, where);
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
        marking_store marking(**store, **store, image,
                              {[&world] { return world->performed(); }, [&world] { return world->time().fired(); },
                               [&world] { return world->now(); }});
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
        if (calls_of_the_run_ == 0) return;
        constexpr disk_fault_kind kinds[] = {io_error_once,   io_error_sticky, no_space_once,
                                             no_space_sticky, sync_fails,      short_read};
        const std::uint64_t places = calls_of_the_run_ * std::size(kinds);
        const std::uint64_t runs = std::min<std::uint64_t>(options_.faults_max, places);
        for (std::uint64_t n = 0; n < runs; ++n) {
            const std::uint64_t at = n * places / runs;
            fail_once({1 + at / std::size(kinds), kinds[at % std::size(kinds)], 0});
        }
    }

    /// `fault`: with the number of the call after the agents were activated.
    void fail_once(disk_fault fault) {
        ++report_.fault_runs;
        const std::string where = std::string(to_string(fault.kind)) + " at call " + std::to_string(fault.ordinal) +
                                  " after the agents were activated";
        sim_disk disk = created_;
        std::uint64_t acknowledged = 0;
        std::optional<sim_disk> image;
        const auto cut_power = [&] {
            image = disk.after_crash(crash_mode::power_loss_all, {fault.ordinal, "disk", "store", "fault"});
        };
        {
            mount(disk);
            auto store = open();
            if (!store) return (void)unreadable(store.error(), where);
            // The power goes so many commits after the fault; what comes later is about the world.
            tailed_store journal(**store, **store, [&, after = std::uint64_t{0}](seq_no last) mutable {
                acknowledged = last.value;
                if (disk.injected().empty() || ++after < options_.durable_commits) return false;
                cut_power();
                return true;
            });
            auto world = simulation::create(setup_of(&journal, {}));
            fault.ordinal += disk.calls();
            disk.plan(fault);
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
            if (!image) {
                acknowledged = (*world)->engine().last_seq().value;
                cut_power();
            }
        }
        const mounted_store store = opened(*image, where);
        if (!store) return;
        const auto records = store->verify();
        if (!records) return (void)unreadable(records.error(), where);
        if (*records >= acknowledged || options_.store.durable == sqlite_options::durability::process_crash_safe)
            return;
        ++report_.lost;
        find(errc::store_corrupt, "store.acknowledged_survives", std::to_string(acknowledged) + " records",
             std::to_string(*records), where);
    }

    // ---- a process that was taken for dead

    /// The older process stands still between two events, another one takes over, and then the older one goes on: before the
    /// newer one has committed anything, in the middle of its work, and when it is done.
    void pause_and_take_over() {
        if (options_.store.lock == sqlite_options::locking::exclusive) return; // then nobody can take over
        std::vector<std::size_t> moments;
        for (std::size_t c = 0; c < marks_.size(); ++c)
            if (marks_[c].events > 0 && (c == 0 || marks_[c - 1].events != marks_[c].events)) moments.push_back(c);
        const std::uint64_t runs = std::min<std::uint64_t>(options_.takeovers_max, 3 * moments.size());
        constexpr std::uint64_t wake_at[] = {1, 3, 0};
        for (std::uint64_t n = 0; n < runs; ++n)
            take_over(moments[n * moments.size() / runs], wake_at[n % std::size(wake_at)]);
    }

    /// `wake_at`: before that commit of the newer process; 0 = when it is done.
    void take_over(std::size_t commit, std::uint64_t wake_at) {
        const std::string where =
            "paused before commit " + std::to_string(commit + 1) + ", woken " +
            (wake_at == 0 ? "at the end" : "before commit " + std::to_string(wake_at) + " of another process");
        sim_disk disk = created_;
        mount(disk);
        auto first = open();
        if (!first) return (void)unreadable(first.error(), where);
        const std::unique_ptr<store_port> planted = options_.plant_store ? options_.plant_store(**first) : nullptr;
        hosted_store journal(planted ? *planted : **first, **first);
        auto older = simulation::create(setup_of(&journal, {}));
        if (!older || !plan_triggers(scenario_, **older)) return;
        (*older)->run(scenario_.start + scenario_.horizon, marks_[commit].events - 1);
        auto second = open();
        if (!second) return (void)unreadable(second.error(), where);
        const std::unique_ptr<simulation> newer = world_until(nullptr, death_at(commit));
        if (!newer) return;
        if (!newer->killed()) newer->kill();
        const auto wake = [&] { wake_up(**older, **first, where); };
        resume(*newer, **second, std::nullopt, {}, where, {wake_at, wake});
        if (wake_at == 0) wake();
    }

    void wake_up(simulation& older, sqlite_store& store, const std::string& where) {
        const std::uint64_t effects = older.ledger().size();
        const seq_no last = older.engine().last_seq();
        const stop_reason stopped = older.run(scenario_.start + scenario_.horizon, scenario_.max_events);
        if (older.engine().last_seq() == last && stopped != stop_reason::store_failed) return; // it had nothing to do
        ++report_.takeovers;
        const bool fenced = store.last_error() && store.last_error()->code == errc::store_fenced;
        if (stopped != stop_reason::store_failed || !fenced || older.engine().last_seq() != last)
            find(errc::store_fenced, "store.one_writer", "store.fenced for a process that was taken over from",
                 "it went on to record " + std::to_string(older.engine().last_seq().value), where);
        if (older.ledger().size() != effects) {
            report_.duplicates += older.ledger().size() - effects;
            find(errc::scenario_property, "effect.of_the_writer_only",
                 "no effect of a process that was taken over from",
                 std::to_string(older.ledger().size() - effects) + " more", where);
        }
    }

    const scenario& scenario_;
    const crash_options& options_;
    sim_disk disk_;
    sim_vfs vfs_;
    disk_files files_;
    sqlite_options store_options_;
    crash_report report_;
    std::vector<commit_mark> marks_;
    kept_journal records_;                                ///< of the run without a crash
    std::vector<std::pair<seq_no, std::string>> windows_; ///< and what became of them
    listed_snapshots agents_;
    verified_contents contents_;
    folded_states folded_;
    std::set<std::string, std::less<>> idempotent_; ///< skills
    std::uint64_t effects_ = 0;
    sim_disk created_;                   ///< with a store on it that has nothing in it yet
    std::uint64_t calls_of_the_run_ = 0; ///< since the agents were activated
    static constexpr std::size_t examined_max = 8;
    struct examined {
        sim_disk image;
        known_content found;
    };
    std::deque<examined> examined_;
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
