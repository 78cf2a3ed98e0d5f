#include "sim/import/import.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <set>

#include "aivp/tape/files.hpp"
#include "runtime/codec/files.hpp"
#include "sim/import/internal/imported_run.hpp"
#include "sim/import/internal/log_file.hpp"
#include "sim/import/internal/skill_set.hpp"
#include "sim/import/internal/tape_builder.hpp"

namespace aivp::sim {

namespace {

namespace fs = std::filesystem;
using namespace internal;

using run_reader = std::function<result<imported_run>(const payload& document, const std::string& file)>;

// Two passes over the files: the tool list is part of every key, so all calls must be known before the first tape.
class importer {
public:
    importer(std::string format, std::string out, const import_options& options, run_reader read)
        : out_(std::move(out)), options_(options), read_(std::move(read)) {
        summary_.format = std::move(format);
        while (out_.size() > 1 && out_.back() == '/') out_.pop_back();
    }

    result<import_summary> run(const std::vector<std::string>& files) {
        if (files.empty()) return fail(errc::import_format, "there is no file to import");
        for (const std::string& file : files)
            AIVP_CHECK(read_log(file, [&](const log_document& document) { return collect(document, file); }));
        if (summary_.runs == 0) return fail(errc::import_format, "the file holds no run", {files.front()});
        for (auto& [key, set] : sets_) AIVP_CHECK(set->compile(summary_.widenings));
        AIVP_CHECK(write_skills());
        for (const std::string& file : files)
            AIVP_CHECK(read_log(file, [&](const log_document& document) { return write(document, file); }));
        AIVP_CHECK(write_report(files));
        return std::move(summary_);
    }

private:
    skill_set& set_of(const imported_run& run) { return *sets_.at({run.suite, run.version}); }

    result<void> collect(const log_document& document, const std::string& file) {
        AIVP_TRY(const imported_run run, read_(document.value, file));
        ++summary_.runs;
        std::unique_ptr<skill_set>& set = sets_[{run.suite, run.version}];
        if (!set) {
            set = std::make_unique<skill_set>(run.suite, run.version);
            AIVP_CHECK(declare(*set, run, file));
        }
        if (!run.skip.empty()) {
            summary_.skipped.push_back({file, document.line, run.skip});
            return {};
        }
        for (const imported_turn& turn : run.turns)
            for (const imported_call& call : turn.calls) set->observe(call.name, call.arguments);
        return {};
    }

    result<void> declare(skill_set& set, const imported_run& run, const std::string& file) {
        AIVP_TRY(const std::string schema_file, find_schema_file(run.suite + "." + run.version + ".json", file));
        if (schema_file.empty()) return {};
        AIVP_TRY(const std::string text, read_file(schema_file, json_bytes_max));
        const auto document = payload::parse(text);
        if (!document) {
            error e = document.error();
            e.where.file = schema_file;
            return std::unexpected(std::move(e));
        }
        return set.declare(*document, schema_file);
    }

    // Empty: there is none.
    result<std::string> find_schema_file(const std::string& name, const std::string& log) const {
        std::error_code ec;
        if (!options_.tools.empty()) {
            if (!fs::is_directory(options_.tools, ec)) return options_.tools;
            const std::string path = options_.tools + "/" + name;
            return fs::exists(path, ec) ? path : std::string();
        }
        // A suite's name comes from the log: it must not lead out of the folder.
        if (name.find('/') != std::string::npos) return std::string();
        fs::path folder = fs::absolute(log, ec).parent_path();
        for (int level = 0; level < 6 && !folder.empty(); ++level, folder = folder.parent_path()) {
            const fs::path path = folder / "suites" / name;
            if (fs::exists(path, ec)) return path.string();
            if (folder == folder.parent_path()) break;
        }
        return std::string();
    }

    result<void> write_skills() {
        std::error_code ec;
        for (const auto& [key, set] : sets_) {
            const std::string folder = out_ + "/skills/" + set->group();
            if (fs::exists(folder, ec))
                return fail(errc::io_exists, "the skills of this suite were imported already", {folder},
                            "Import into another folder, or remove this one.");
        }
        for (const auto& [key, set] : sets_) {
            const std::string folder = out_ + "/skills/" + set->group();
            fs::create_directories(out_ + "/skills", ec);
            if (!fs::create_directory(folder, ec))
                return fail(errc::io_write, "cannot make the folder: " + ec.message(), {folder});
            for (const auto& [name, skill] : set->skills()) {
                AIVP_CHECK(write_file(folder + "/" + skill.id + ".skill.yaml", skill.text));
                ++summary_.skills;
            }
        }
        return {};
    }

    static result<void> write_file(const std::string& path, const std::string& text) {
        std::ofstream file(path, std::ios::binary | std::ios::trunc);
        file << text;
        file.close();
        if (!file) return fail(errc::io_write, "cannot write the file", {path});
        return {};
    }

    result<void> write(const log_document& document, const std::string& file) {
        AIVP_TRY(imported_run run, read_(document.value, file));
        if (!run.skip.empty()) return {};
        if (run.recorded_at == instant{}) run.recorded_at = options_.recorded_at;
        const std::string wanted = run.folder;
        for (int n = 2; !folders_.insert(run.folder).second; ++n) run.folder = wanted + "-" + std::to_string(n);
        const skill_set& set = set_of(run);
        const tape t = build_tape(run, set);
        count(run, t);
        tape_write_options options;
        options.files.emplace_back("agent.yaml", agent_text(run, set));
        options.durable = false;
        return write_tape(out_ + "/" + run.folder + ".tape", t, options);
    }

    void count(const imported_run& run, const tape& t) {
        ++summary_.tapes;
        for (const tape_event& e : t.events) {
            summary_.model_calls += e.kind() == tape_kind::model_call ? 1 : 0;
            summary_.skill_calls += e.kind() == tape_kind::skill_call ? 1 : 0;
            summary_.user_turns += e.kind() == tape_kind::user_turn ? 1 : 0;
        }
        summary_.capped_runs += ending_of(run) == imported_ending::capped ? 1 : 0;
        summary_.cut_runs += ending_of(run) == imported_ending::cut ? 1 : 0;
    }

    result<void> write_report(const std::vector<std::string>& files) const {
        const auto text = [](const std::string& s) { return payload::of_string(s); };
        const auto number = [](std::uint64_t n) { return payload::of_integer(static_cast<std::int64_t>(n)); };
        std::string out = "{\n\"format\":" + std::string(text(summary_.format).text());
        const auto list = [&out](std::string_view key, const std::vector<payload>& entries) {
            out += ",\n\"" + std::string(key) + "\":[";
            for (std::size_t i = 0; i < entries.size(); ++i)
                out += (i == 0 ? "\n" : ",\n") + std::string(entries[i].text());
            out += "]";
        };
        std::vector<payload> names;
        for (const std::string& file : files) names.push_back(text(file));
        list("files", names);
        std::vector<payload> groups;
        for (const auto& [key, set] : sets_)
            groups.push_back(
                payload::of_object({{"name", text(set->group())},
                                    {"schemas", text(set->declared() ? "from a file" : "derived from the log")},
                                    {"skills", number(set->skills().size())}}));
        list("groups", groups);
        out += ",\n\"counts\":";
        out += payload::of_object({{"capped_runs", number(summary_.capped_runs)},
                                   {"cut_runs", number(summary_.cut_runs)},
                                   {"model_calls", number(summary_.model_calls)},
                                   {"runs", number(summary_.runs)},
                                   {"skill_calls", number(summary_.skill_calls)},
                                   {"tapes", number(summary_.tapes)},
                                   {"user_turns", number(summary_.user_turns)}})
                   .text();
        std::vector<payload> widened;
        for (const import_summary::widening& w : summary_.widenings)
            widened.push_back(
                payload::of_object({{"change", text(w.change)}, {"group", text(w.group)}, {"skill", text(w.skill)}}));
        list("widened", widened);
        std::vector<payload> skipped;
        for (const import_summary::skipped_run& s : summary_.skipped)
            skipped.push_back(
                payload::of_object({{"file", text(s.file)}, {"line", number(s.line)}, {"reason", text(s.reason)}}));
        list("skipped", skipped);
        return write_file(out_ + "/import-report.json", out + "\n}\n");
    }

    std::string out_;
    const import_options& options_;
    run_reader read_;
    import_summary summary_;
    std::map<std::pair<std::string, std::string>, std::unique_ptr<skill_set>> sets_;
    std::set<std::string> folders_;
};

} // namespace

std::string to_string(const import_summary& s) {
    std::string out = s.format + ": " + std::to_string(s.tapes) + " tapes from " + std::to_string(s.runs) + " runs, " +
                      std::to_string(s.model_calls) + " model turns, " + std::to_string(s.skill_calls) +
                      " skill calls, " + std::to_string(s.user_turns) + " user turns, " + std::to_string(s.skills) +
                      " skills";
    if (s.capped_runs > 0)
        out += "\n" + std::to_string(s.capped_runs) + " runs end with calls that the harness did not perform any more";
    if (s.cut_runs > 0)
        out += "\n" + std::to_string(s.cut_runs) + " runs are cut off: their tapes end with a failed model turn";
    if (!s.widenings.empty())
        out += "\n" + std::to_string(s.widenings.size()) + " places of schemas were widened to fit what was logged:";
    for (const import_summary::widening& w : s.widenings) out += "\n  " + w.group + " " + w.skill + " " + w.change;
    if (!s.skipped.empty()) out += "\n" + std::to_string(s.skipped.size()) + " runs were skipped:";
    for (const import_summary::skipped_run& r : s.skipped)
        out += "\n  " + r.file + ":" + std::to_string(r.line) + ": " + r.reason;
    return out;
}

result<import_summary> import_agentdojo(const std::vector<std::string>& files, const std::string& out,
                                        const import_options& options) {
    return importer("agentdojo", out, options,
                    [](const payload& document, const std::string&) { return read_agentdojo_run(document); })
        .run(files);
}

result<import_summary> import_tau_bench(const std::vector<std::string>& files, const std::string& out,
                                        const import_options& options) {
    const auto read = [&options](const payload& document, const std::string& file) {
        const std::string stem = log_stem(file);
        std::string model = stem;
        std::string suite = "tau";
        for (const char* known : {"airline", "retail", "telecom"}) {
            const std::size_t at = stem.find(known);
            if (at == std::string::npos) continue;
            suite = known;
            model = stem.substr(0, at > 0 ? at - 1 : 0);
        }
        if (!options.model.empty()) model = options.model;
        if (!options.suite.empty()) suite = options.suite;
        return read_tau_bench_run(document, model.empty() ? "unknown" : model, suite);
    };
    return importer("tau-bench", out, options, read).run(files);
}

} // namespace aivp::sim
