#include "sim/replay.hpp"

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>

#include "aivp/tape/files.hpp"
#include "mocks/tape/player.hpp"
#include "runtime/codec/files.hpp"
#include "sim/recording.hpp"
#include "sim/workers.hpp"

namespace aivp::sim {

namespace {

constexpr std::uint64_t replay_events_max = 10'000'000;
constexpr std::int64_t replay_years_max = 20;

/// Skills are shared by many tapes; they are read once for each thread.
class agent_shelf {
public:
    explicit agent_shelf(const zone_loader& zones) : zones_(zones) {}

    result<snapshot_ptr> load(const std::string& folder, const tape_manifest& manifest) {
        if (manifest.agent_file.empty())
            return fail(errc::tape_format, "the manifest names no agent file, so there is nothing to replay",
                        {folder + "/manifest.json", 0, 0});
        std::string key;
        for (const std::string& skills : manifest.skill_folders) key += folder + "/" + skills + "\n";
        const shelved& space = workspace_for(key, folder, manifest);
        if (!space.broken.empty()) return std::unexpected(space.broken.front());
        const std::size_t before = space.skills->errors().size();
        snapshot_ptr agent = space.skills->load_agent(folder + "/" + manifest.agent_file);
        if (agent) return agent;
        if (before < space.skills->errors().size()) return std::unexpected(space.skills->errors()[before]);
        return fail(errc::config_value, "the agent cannot be loaded", {folder + "/" + manifest.agent_file, 0, 0});
    }

private:
    struct shelved {
        std::unique_ptr<workspace> skills;
        std::vector<error> broken; ///< of the skills alone
    };

    const shelved& workspace_for(const std::string& key, const std::string& folder, const tape_manifest& manifest) {
        std::string real;
        for (const std::string& skills : manifest.skill_folders) real += resolved(folder + "/" + skills) + "\n";
        auto& slot = spaces_[real.empty() ? key : real];
        if (!slot.skills) {
            slot.skills = std::make_unique<workspace>(zones_);
            for (const std::string& skills : manifest.skill_folders) slot.skills->load_skills(folder + "/" + skills);
            slot.broken = slot.skills->errors();
        }
        return slot;
    }

    /// "a/b/../c" -> "a/c", by text: the same folder by two ways is loaded twice, which costs time and nothing else.
    static std::string resolved(const std::string& path) {
        std::vector<std::string_view> parts;
        std::string_view rest = path;
        while (!rest.empty()) {
            const std::size_t end = std::min(rest.find('/'), rest.size());
            const std::string_view part = rest.substr(0, end);
            rest.remove_prefix(std::min(end + 1, rest.size()));
            if (part == ".." && !parts.empty() && parts.back() != "..")
                parts.pop_back();
            else if (part != ".")
                parts.push_back(part);
        }
        std::string out;
        for (const std::string_view part : parts) out.append(part).push_back('/');
        return out;
    }

    const zone_loader& zones_;
    std::map<std::string, shelved> spaces_;
};

void compare_ends(const tape_manifest& manifest, const simulation& world, replay_report& report) {
    const auto& runs = world.log().runs();
    const auto live = runs.empty() || !runs.begin()->second.outcome
                          ? std::string("the run did not end")
                          : std::string(to_string(runs.begin()->second.outcome->status)) + " " +
                                std::string(info(runs.begin()->second.outcome->code).name);
    if (!manifest.outcome) return;
    const std::string recorded =
        std::string(to_string(manifest.outcome->status)) + " " + std::string(info(manifest.outcome->code).name);
    if (recorded != live) report.diverged = {recorded, live};
}

void replay_one(const std::string& folder, agent_shelf& shelf, replay_report& report) {
    report.tape = folder;
    auto recorded = read_tape(folder);
    if (!recorded) {
        report.failed = std::move(recorded).error();
        return;
    }
    report.problems = recorded->problems;
    for (const tape_event& e : recorded->events) report.recorded += tape_key(e).has_value();
    auto agent = shelf.load(folder, recorded->manifest);
    if (!agent) {
        report.failed = std::move(agent).error();
        return;
    }
    std::shared_ptr<tape_player> player;
    simulation_setup setup;
    setup.start = recorded->manifest.recorded_at;
    setup.agents = {*agent};
    setup.secrets = stand_in_secrets(**agent);
    const auto folding = std::make_shared<const tape_folding>(setup.agents, setup.secrets);
    setup.ports = [&](const world_parts& parts) {
        tape_player_options options{.world = &parts.world};
        options.fold_arguments = [folding](std::string_view skill, const payload& value) {
            return folding->arguments(skill, value);
        };
        player = std::make_shared<tape_player>(recorded->events, std::move(options));
        return world_ports{player, player, player, player};
    };
    auto world = simulation::create(std::move(setup));
    if (!world) {
        report.failed = std::move(world).error();
        return;
    }
    simulation& s = **world;
    s.input_at(s.now(), start_run{agent_id{1}, recorded->manifest.trigger}, input_source::operator_);
    const instant end = s.now() + days(366 * replay_years_max);
    // What the agent's own schedule would start later is not on the tape.
    while (!player->missed() && !s.first_run_over() && s.time().fired() < replay_events_max && !s.time().empty() &&
           s.time().next_at() <= end)
        s.time().step_one();
    report.verdict = player->verdict();
    if (!player->missed()) compare_ends(recorded->manifest, s, report);
    report.outcome = s.engine().chain();
    report.inputs = s.engine().last_seq().value;
    report.virtual_time = s.now() - recorded->manifest.recorded_at;
}

} // namespace

result<std::vector<replay_report>> replay_all(const std::vector<std::string>& paths, const replay_options& options) {
    std::vector<std::string> folders;
    for (const std::string& path : paths) {
        if (!is_folder(path)) return fail(errc::io_not_found, "`" + path + "` is no folder", {path, 0, 0});
        AIVP_TRY(std::vector<std::string> found, find_tapes(path));
        folders.insert(folders.end(), found.begin(), found.end());
    }
    std::sort(folders.begin(), folders.end());
    folders.erase(std::unique(folders.begin(), folders.end()), folders.end());
    std::vector<replay_report> reports(folders.size());
    std::atomic<std::size_t> next{0};
    std::uint64_t done = 0;
    std::mutex progress;
    const auto work = [&] {
        agent_shelf shelf(options.zones);
        for (std::size_t i = next++; i < folders.size(); i = next++) {
            try {
                replay_one(folders[i], shelf, reports[i]);
            } catch (...) {
                reports[i].failed = {errc::internal_bug, text_of_thrown(), {folders[i], 0, 0}, {}, {}};
            }
            if (!options.progress) continue;
            const std::lock_guard lock(progress);
            options.progress(++done, folders.size());
        }
    };
    run_on_threads(options.jobs, work);
    return reports;
}

replay_totals sum_up(const std::vector<replay_report>& reports) {
    replay_totals t;
    digest_chain chain;
    for (const replay_report& r : reports) {
        ++t.tapes;
        t.passed += r.passed();
        t.matched += r.verdict.matched;
        t.matched_model += r.verdict.matched_model;
        t.matched_skill += r.verdict.matched_skill;
        t.matched_user += r.verdict.matched_user;
        t.missed += r.verdict.missed;
        t.unused += r.verdict.unused;
        t.diverged += r.diverged.has_value();
        t.failed += r.failed.has_value();
        t.edited += std::any_of(r.problems.begin(), r.problems.end(),
                                [](const error& e) { return e.code == errc::tape_chain; });
        t.inputs += r.inputs;
        chain.append(r.outcome.view());
    }
    t.outcomes = chain.head();
    return t;
}

} // namespace aivp::sim
