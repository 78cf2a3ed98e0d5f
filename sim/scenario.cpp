#include "sim/scenario.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "aivp/base/nearest.hpp"
#include "aivp/tape/files.hpp"
#include "mocks/canned.hpp"
#include "mocks/scripted_model.hpp"
#include "mocks/scripted_user.hpp"
#include "mocks/tape/player.hpp"
#include "runtime/codec/files.hpp"
#include "runtime/codec/reader.hpp"
#include "sim/faults/plan_file.hpp"
#include "sim/recording.hpp"
#include "sim/regression.hpp"

namespace aivp::sim {

namespace {

constexpr std::int64_t count_max = 1'000'000'000;

/// Paths are relative to the file that names them, or absolute.
std::string beside(const std::string& file, const std::string& path) {
    return path.starts_with('/') ? path : folder_of(file) + "/" + path;
}

/// The reader of one scenario file.
class scenario_reader {
public:
    /// Without `zones`, the files that it names are not opened.
    scenario_reader(const yaml_document& document, const zone_loader* zones, scenario& out, std::vector<error>& errors,
                    source_texts& texts)
        : document_(document),
          zones_(zones),
          out_(out),
          all_errors_(errors),
          errors_(document.file, errors),
          texts_(texts) {}

    void read();
    /// An empty `agent_file`: the fixture alone.
    void read_fixture(const std::string& agent_file);

private:
    void read_common(mapping_reader& top);
    void load_agents(const std::vector<located_text>& skills, const std::vector<located_text>& agents, bool relative);
    void read_agents(mapping_reader& top);
    void read_world(mapping_reader& top);
    void read_model(mapping_reader& top);
    void read_users(mapping_reader& top);
    void read_answers(mapping_reader& top);
    void read_secrets(mapping_reader& top);
    void read_triggers(mapping_reader& top);
    void read_trigger(const yaml_node& node);
    void read_faults(mapping_reader& top);
    void read_properties(mapping_reader& top);
    property_names names_for_properties() const;
    void read_own_properties(const yaml_node& section, property_mode mode);
    void read_expectations(mapping_reader& top);
    void read_run_counts(const yaml_node& node, const std::string& agent);
    void read_expectation_list(mapping_reader& section, std::string_view key, expectation::kind what);
    expectation read_expectation(const yaml_node& node, expectation::kind what, std::string_view key);
    expected_count read_count(mapping_reader& m);
    expected_count read_count(const yaml_node& node, const std::string& what);
    /// Reports a name that no agent of the scenario has.
    void check_agent(const located_text& id);
    /// There is no `what` of this name; the nearest known one is the help.
    void report_unknown(const std::string& what, const located_text& name, const std::vector<std::string>& known) {
        const std::string near = nearest_name(name.text, known);
        all_errors_.push_back({errc::config_value,
                               "there is no " + what + " `" + name.text + "`",
                               name.where,
                               near.empty() ? "" : "Did you mean `" + near + "`?",
                               {}});
    }
    /// Puts an error of a part of `value` at the place where that part stands.
    void report(error e, const located_payload& value);

    const yaml_document& document_;
    const zone_loader* zones_;
    scenario& out_;
    std::vector<error>& all_errors_;
    file_errors errors_;
    source_texts& texts_;
    std::set<std::string> stated_; ///< names of its own properties, wrong ones too
};

void scenario_reader::report(error e, const located_payload& value) {
    std::string_view pointer;
    for (const auto& [key, text] : e.context)
        if (key == "pointer") pointer = text;
    const payload_place& place = value.at(pointer);
    if (e.where.line == 0) e.where = e.code == errc::config_unknown_key ? place.key : place.value;
    all_errors_.push_back(std::move(e));
}

void scenario_reader::read() {
    mapping_reader top(document_.root, "a scenario", errors_);
    top.word("schema_version", {"scenario.v1"});
    top.required("schema_version");
    if (const auto name = top.required_text("name")) out_.name = name->text;
    if (const auto text = top.text("description")) out_.description = text->text;
    read_agents(top);
    read_common(top);
    out_.snapshot_every = static_cast<std::uint64_t>(top.integer("snapshot_every", 1, count_max).value_or(0));
    read_triggers(top);
    read_faults(top);
    read_properties(top);
    read_expectations(top);
    top.finish();
}

void scenario_reader::read_fixture(const std::string& agent_file) {
    mapping_reader top(document_.root, "a fixture", errors_);
    top.word("schema_version", {"fixture.v1"});
    top.required("schema_version");
    if (const auto text = top.text("description")) out_.description = text->text;
    std::vector<located_text> agents;
    if (!agent_file.empty()) agents.push_back({agent_file, {}, {}});
    load_agents(top.texts("skills"), agents, false);
    read_common(top);
    planned_trigger now;
    if (const auto body = top.value("payload")) now.body = body->value;
    if (!out_.agents.empty()) now.agent = out_.agents.front()->id;
    out_.name = now.agent;
    out_.triggers.push_back(std::move(now));
    top.finish();
}

void scenario_reader::read_common(mapping_reader& top) {
    out_.start = top.moment("start").value_or(simulation_setup{}.start);
    out_.horizon = top.span("duration", microseconds(1), days(366 * 20)).value_or(days(1));
    out_.max_events = static_cast<std::uint64_t>(top.integer("max_events", 1, count_max).value_or(1'000'000));
    out_.synchronous = top.boolean("synchronous").value_or(true);
    read_world(top);
    read_model(top);
    read_users(top);
    read_answers(top);
    read_secrets(top);
}

void scenario_reader::read_agents(mapping_reader& top) {
    const std::vector<located_text> skills = top.texts("skills");
    const std::vector<located_text> agents = top.texts("agents");
    top.required("agents");
    load_agents(skills, agents, true);
}

void scenario_reader::load_agents(const std::vector<located_text>& skills, const std::vector<located_text>& agents,
                                  bool relative) {
    if (!zones_) return;
    workspace space(*zones_);
    std::size_t taken = 0;
    // What a file says about itself has a place there; what cannot be opened at all is an error of this file.
    const auto take_errors = [&](const located_text& path) {
        for (; taken < space.errors().size(); ++taken) {
            error e = space.errors()[taken];
            if (e.where.line == 0) e.where = path.where;
            all_errors_.push_back(std::move(e));
        }
    };
    for (const located_text& path : skills) {
        out_.skill_paths.push_back(beside(document_.file, path.text));
        space.load_skills(out_.skill_paths.back());
        take_errors(path);
    }
    for (const located_text& path : agents) {
        const snapshot_ptr agent = space.load_agent(relative ? beside(document_.file, path.text) : path.text);
        take_errors(path);
        if (!agent) continue;
        for (const snapshot_ptr& other : out_.agents)
            if (other->id == agent->id)
                all_errors_.push_back(
                    {errc::config_duplicate, "two agents have the id `" + agent->id + "`", path.where, {}, {}});
        out_.agents.push_back(agent);
    }
    texts_.add(space.texts());
}

void scenario_reader::read_world(mapping_reader& top) {
    if (const auto world = top.object("world")) {
        out_.world = world->value;
        simulation_setup trial;
        trial.world = world->value;
        if (auto built = simulation::create(std::move(trial)); !built) report(std::move(built).error(), *world);
    }
    if (const auto latency = top.object("latency")) {
        if (auto table = latency_table::parse(latency->value))
            out_.latencies = std::move(*table);
        else
            report(std::move(table).error(), *latency);
    }
}

void scenario_reader::read_model(mapping_reader& top) {
    const auto section = top.object("model");
    if (!section) return;
    if (auto trial = parse_model_script(section->value, 1); !trial) {
        report(std::move(trial).error(), *section);
        return;
    }
    out_.model = section->value;
}

void scenario_reader::read_users(mapping_reader& top) {
    const auto section = top.value("users");
    if (!section) return;
    if (auto trial = parse_user_script(section->value); !trial) {
        report(std::move(trial).error(), *section);
        return;
    }
    out_.users = section->value;
}

void scenario_reader::read_answers(mapping_reader& top) {
    if (const auto section = top.value("answers")) {
        if (auto trial = parse_canned_answers(section->value); !trial)
            report(std::move(trial).error(), *section);
        else
            out_.answers = section->value;
    }
    const auto path = top.text("tape");
    if (!path || !zones_) return;
    auto recorded = read_tape(beside(document_.file, path->text));
    if (!recorded) {
        error e = std::move(recorded).error();
        if (e.where.line == 0) e.where = path->where;
        all_errors_.push_back(std::move(e));
        return;
    }
    for (const error& problem : recorded->problems) all_errors_.push_back(problem);
    out_.recorded = std::make_shared<const tape>(std::move(*recorded));
}

void scenario_reader::read_secrets(mapping_reader& top) {
    const yaml_node* section = top.mapping("secrets");
    if (!section) return;
    for (const yaml_member& m : section->members) {
        if (m.value.is_scalar() && m.value.text.size() >= 6)
            out_.secrets.emplace(m.key, m.value.text);
        else
            errors_.report(errc::config_value, m.value.at, "a secret is a text of at least 6 characters");
    }
}

void scenario_reader::read_triggers(mapping_reader& top) {
    const yaml_node* list = top.sequence("triggers");
    if (!list) return;
    for (const yaml_node& node : list->items) read_trigger(node);
}

void scenario_reader::read_trigger(const yaml_node& node) {
    mapping_reader m(node, "a trigger", errors_);
    if (!node.is_mapping()) return;
    planned_trigger t;
    t.where = errors_.position(node.at);
    t.after = m.span("after", {}, days(366 * 20)).value_or(duration{});
    t.every = m.span("every", microseconds(1), days(366 * 20));
    t.times = static_cast<std::uint64_t>(m.integer("times", 1, 1'000'000).value_or(t.every ? 2 : 1));
    const auto agent = m.text("start"), event = m.text("event"), cancelled = m.text("cancel"),
               resolved = m.text("resolve");
    if (static_cast<int>(agent.has_value()) + event.has_value() + cancelled.has_value() + resolved.has_value() != 1)
        errors_.report(errc::config_missing_key, node.at,
                       "a trigger has exactly one of `start`, `event`, `cancel` and `resolve`");
    if (agent) t.agent = agent->text;
    if (event) t.event = event->text;
    if (cancelled) {
        t.agent = cancelled->text;
        t.cancel = true;
        t.waiting = m.boolean("waiting").value_or(false);
    }
    if (resolved) {
        t.agent = resolved->text;
        m.required("finding");
        t.resolve = m.word("finding", {"failed", "again"}) == 1U ? call_finding::again : call_finding::failed;
    }
    const auto& named = agent ? agent : cancelled ? cancelled : resolved;
    if (named) check_agent(*named);
    if (const auto body = m.value("payload")) t.body = body->value;
    if (t.times > 1 && !t.every) errors_.report(errc::config_missing_key, node.at, "`times` needs `every`");
    m.finish();
    out_.triggers.push_back(std::move(t));
}

void scenario_reader::check_agent(const located_text& id) {
    std::vector<std::string> ids;
    for (const snapshot_ptr& agent : out_.agents) ids.push_back(agent->id);
    // An agent that could not be loaded has been reported already; its name is not known then.
    if (all_errors_.empty() && std::find(ids.begin(), ids.end(), id.text) == ids.end())
        report_unknown("agent", id, ids);
}

void scenario_reader::read_faults(mapping_reader& top) {
    if (const yaml_node* list = top.sequence("faults")) out_.faults = sim::read_faults(*list, errors_);
    for (const located_text& pattern : top.texts("swarm")) {
        if (pattern.text == swarm_workload || !matching_kinds(pattern.text).empty()) {
            out_.swarm.push_back(pattern.text);
            continue;
        }
        std::vector<std::string> names;
        for (const fault_kind_info& k : fault_kinds()) names.push_back(full_name(k));
        report_unknown("kind of fault", pattern, names);
    }
}

void scenario_reader::read_properties(mapping_reader& top) {
    const yaml_node* section = top.mapping("properties");
    if (!section) return;
    mapping_reader m(*section, "properties", errors_);
    const yaml_node* muted = m.mapping("muted");
    for (const property_mode mode : {property_mode::always, property_mode::finally, property_mode::sometimes})
        if (const yaml_node* own = m.mapping(to_string(mode))) read_own_properties(*own, mode);
    m.finish();
    if (!muted) return;
    for (const yaml_member& entry : muted->members) {
        const property_info* p = find_property(entry.key);
        std::vector<std::string> names;
        for (const property_info& row : property_table()) names.emplace_back(row.name);
        if (!p)
            report_unknown("property", {entry.key, errors_.position(entry.at), {}}, names);
        else if (!entry.value.is_scalar() || entry.value.text.size() < 10)
            errors_.report(errc::config_value, entry.value.at, "a muted property needs a written reason");
        else
            out_.muted.push_back(p->id);
    }
}

/// Agents that could not be loaded have been reported already; then no name is known well enough to be missed.
property_names scenario_reader::names_for_properties() const {
    property_names names;
    if (!all_errors_.empty()) return names;
    for (const snapshot_ptr& agent : out_.agents) {
        names.agents.push_back(agent->id);
        for (const skill_binding& b : agent->bindings) {
            names.calls.push_back(b.as);
            names.skills.push_back(b.skill->id);
        }
    }
    names.operations = names.skills;
    return names;
}

void scenario_reader::read_own_properties(const yaml_node& section, property_mode mode) {
    const property_names names = names_for_properties();
    for (const yaml_member& entry : section.members) {
        if (find_property(entry.key) || !stated_.insert(entry.key).second) {
            errors_.report(errc::config_duplicate, entry.at, "there is a property `" + entry.key + "` already");
            continue;
        }
        if (!entry.value.is_scalar() || entry.value.text.empty()) {
            errors_.report(errc::config_type, entry.value.at, "a property is written as text: 'count(ledger) <= 1'");
            continue;
        }
        const located_text text = to_located_text(entry.value, errors_);
        if (auto program = compile_property(text, names, all_errors_))
            out_.properties.push_back({entry.key, mode, text.where, std::move(program), text.text});
    }
}

expected_count scenario_reader::read_count(const yaml_node& node, const std::string& what) {
    if (!node.is_mapping()) {
        const auto value = to_payload(node, document_.file);
        const auto n = value ? as_integer(*value) : std::nullopt;
        if (n && *n >= 0) return {static_cast<std::uint64_t>(*n), static_cast<std::uint64_t>(*n)};
        errors_.report(errc::config_type, node.at, what + " is a count or a mapping with `at_least` and `at_most`");
        return {};
    }
    mapping_reader m(node, what, errors_);
    expected_count c = read_count(m);
    m.finish();
    return c;
}

expected_count scenario_reader::read_count(mapping_reader& m) {
    const auto exact = m.integer("count", 0, count_max);
    const auto least = m.integer("at_least", 0, count_max), most = m.integer("at_most", 0, count_max);
    if (exact) return {static_cast<std::uint64_t>(*exact), static_cast<std::uint64_t>(*exact)};
    expected_count c{least || !most ? 1u : 0u, {}};
    if (least) c.least = static_cast<std::uint64_t>(*least);
    if (most) c.most = static_cast<std::uint64_t>(*most);
    if (c.most && *c.most < c.least) errors_.report(errc::config_value, m.at(), "`at_most` is less than `at_least`");
    return c;
}

void scenario_reader::read_run_counts(const yaml_node& node, const std::string& agent) {
    static constexpr std::string_view known[] = {"total",   "success", "failure",   "partial",
                                                 "skipped", "open",    "abstained", "refused_triggers"};
    mapping_reader m(node, "runs", errors_);
    for (const std::string_view status : known) {
        const yaml_node* value = m.node(status);
        if (!value) continue;
        expectation e;
        e.what = status == "refused_triggers" ? expectation::kind::refused_triggers : expectation::kind::runs;
        e.where = errors_.position(m.key_at(status));
        e.agent = agent;
        e.run_status = status;
        e.count = read_count(*value, std::string(status));
        out_.expectations.push_back(std::move(e));
    }
    m.finish();
}

expectation scenario_reader::read_expectation(const yaml_node& node, expectation::kind what, std::string_view key) {
    using kind = expectation::kind;
    mapping_reader m(node, "an entry of `" + std::string(key) + "`", errors_);
    expectation e;
    e.what = what;
    e.where = errors_.position(node.at);
    if (!node.is_mapping()) return e;
    const auto text = [&m](std::string_view name) { return m.text(name).value_or(located_text{}).text; };
    if (const auto agent = m.text("agent")) {
        check_agent(*agent);
        e.agent = agent->text;
    }
    if (what == kind::ledger) {
        e.filter.operation = text("operation");
        if (const auto target = m.text("target")) e.filter.target = target->text;
        if (const auto arguments = m.object("arguments")) e.filter.arguments = arguments->value;
        if (!e.agent.empty()) e.filter.agent = e.agent;
        if (const auto outcome = m.word("outcome", {"ok", "failed", "unknown"}))
            e.filter.outcome = static_cast<effect_outcome>(*outcome);
        if (const auto effect = m.word("effect", {"none", "read", "write"}))
            e.filter.effect = static_cast<effect_class>(*effect);
        e.filter.duplicate = m.boolean("duplicate");
    }
    if (what == kind::calls || what == kind::refused) e.as = text("call");
    if (what == kind::refused_triggers) e.as = text("trigger");
    if (what == kind::calls && m.has("outcome")) {
        static constexpr const char* outcomes[] = {"ok", "failed", "unknown", "open"};
        if (const auto o = m.word("outcome", {"ok", "failed", "unknown", "open"})) e.outcome = outcomes[*o];
    }
    if (what != kind::ledger && what != kind::answer) {
        const auto code = what == kind::outcomes ? m.required_text("code") : m.text("code");
        if (code && !find_error(code->text)) {
            std::vector<std::string> names;
            for (const error_info& row : error_table()) names.emplace_back(row.name);
            report_unknown("code", *code, names);
        }
        if (code) e.code = code->text;
    }
    if (what == kind::answer) {
        if (const auto contains = m.required_text("contains")) e.contains = contains->text;
    }
    e.count = read_count(m);
    m.finish();
    return e;
}

void scenario_reader::read_expectation_list(mapping_reader& section, std::string_view key, expectation::kind what) {
    const yaml_node* list = section.sequence(key);
    if (!list) return;
    for (const yaml_node& node : list->items) out_.expectations.push_back(read_expectation(node, what, key));
}

void scenario_reader::read_expectations(mapping_reader& top) {
    const yaml_node* section = top.mapping("expect");
    if (!section) return;
    mapping_reader m(*section, "expect", errors_);
    if (const yaml_node* runs = m.mapping("runs")) read_run_counts(*runs, {});
    if (const yaml_node* agents = m.mapping("agents"))
        for (const yaml_member& a : agents->members) {
            check_agent({a.key, errors_.position(a.at), {}});
            read_run_counts(a.value, a.key);
        }
    read_expectation_list(m, "ledger", expectation::kind::ledger);
    read_expectation_list(m, "calls", expectation::kind::calls);
    read_expectation_list(m, "refused", expectation::kind::refused);
    read_expectation_list(m, "refused_triggers", expectation::kind::refused_triggers);
    read_expectation_list(m, "outcomes", expectation::kind::outcomes);
    read_expectation_list(m, "answers", expectation::kind::answer);
    if (const auto world = m.object("world")) {
        expectation e;
        e.what = expectation::kind::world;
        e.where = errors_.position(m.key_at("world"));
        e.part = world->value;
        out_.expectations.push_back(std::move(e));
    }
    m.finish();
}

} // namespace

namespace {

template <class Read>
std::shared_ptr<const scenario> load_text(std::string_view text, const std::string& file, const zone_loader* zones,
                                          std::vector<error>& errors, source_texts& texts, Read read) {
    const std::size_t before = errors.size();
    const auto document = read_document(text, file, errors);
    if (!document) return nullptr;
    auto out = std::make_shared<scenario>();
    out->file = file;
    out->hash = sha256(text);
    scenario_reader reader(*document, zones, *out, errors, texts);
    read(reader);
    return errors.size() == before ? out : nullptr;
}

template <class Read>
std::shared_ptr<const scenario> load_file(const std::string& file, const zone_loader& zones, std::vector<error>& errors,
                                          source_texts& texts, Read read) {
    auto text = read_file(file, yaml_bytes_max);
    if (!text) {
        errors.push_back(std::move(text).error());
        return nullptr;
    }
    texts.add(file, *text);
    return load_text(*text, file, &zones, errors, texts, read);
}

/// Has the text a line `schema_version: …` that begins so?
bool says_version(std::string_view text, std::string_view begin) {
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string_view line = text.substr(0, end);
        if (line.starts_with("schema_version:") && line.find(begin) != std::string_view::npos) return true;
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return false;
}

/// The scenario that it names, under its faults, workload and seed. What that expects is not asked.
std::shared_ptr<const scenario> load_regression(const std::string& text, const std::string& file,
                                                const zone_loader& zones, std::vector<error>& errors,
                                                source_texts& texts) {
    const std::size_t before = errors.size();
    texts.add(file, text);
    const auto document = read_document(text, file, errors);
    if (!document) return nullptr;
    regression r = read_regression(*document, errors);
    if (errors.size() != before) return nullptr;
    const auto written =
        load_file(beside(file, r.scenario), zones, errors, texts, [](scenario_reader& s) { s.read(); });
    if (!written) return nullptr;
    auto edited = apply_edits(written, r.workload);
    if (!edited) {
        edited.error().where = {file, 0, 0};
        errors.push_back(std::move(edited).error());
        return nullptr;
    }
    auto out = std::make_shared<scenario>(**edited);
    out->name = r.property + ": " + written->name;
    out->file = file;
    out->hash = sha256(text);
    out->faults = std::move(r.plan);
    out->seed = r.seed;
    if (out->pinned) return out;
    out->expectations.clear();
    // What fails as it is written is judged as it is written: a tape, say, is for that plan and workload.
    out->heals = !r.workload.empty() || out->faults != written->faults;
    return out;
}

} // namespace

std::shared_ptr<const scenario> load_scenario(const std::string& file, const zone_loader& zones,
                                              std::vector<error>& errors, source_texts& texts) {
    if (const auto text = read_file(file, yaml_bytes_max); text && says_version(*text, regression_version))
        return load_regression(*text, file, zones, errors, texts);
    return load_file(file, zones, errors, texts, [](scenario_reader& r) { r.read(); });
}

std::shared_ptr<const scenario> load_fixture(const std::string& folder, const std::string& agent_file,
                                             const zone_loader& zones, std::vector<error>& errors,
                                             source_texts& texts) {
    return load_file(folder + "/fixture.yaml", zones, errors, texts,
                     [&](scenario_reader& r) { r.read_fixture(agent_file); });
}

bool check_fixture(const std::string& file, const zone_loader& zones, std::vector<error>& errors, source_texts& texts) {
    return load_file(file, zones, errors, texts, [](scenario_reader& r) { r.read_fixture({}); }) != nullptr;
}

std::shared_ptr<const scenario> parse_scenario(std::string_view text, const std::string& file,
                                               std::vector<error>& errors) {
    source_texts texts;
    return load_text(text, file, nullptr, errors, texts, [](scenario_reader& r) { r.read(); });
}

std::shared_ptr<const scenario> parse_fixture(std::string_view text, const std::string& file,
                                              std::vector<error>& errors) {
    source_texts texts;
    return load_text(text, file, nullptr, errors, texts, [](scenario_reader& r) { r.read_fixture({}); });
}

result<std::vector<std::string>> find_scenarios(const std::vector<std::string>& paths, bool slow) {
    std::vector<std::string> out;
    for (const std::string& path : paths) {
        if (!is_folder(path)) {
            out.push_back(path);
            continue;
        }
        AIVP_TRY(const std::vector<std::string> files, list_files(path));
        for (const std::string& f : files) {
            if (!f.ends_with(".yaml") || (!slow && f.ends_with(".slow.yaml"))) continue;
            AIVP_TRY(const std::string text, read_file(f, yaml_bytes_max));
            if (says_version(text, "scenario.") || says_version(text, regression_version)) out.push_back(f);
        }
    }
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
}

namespace {

// The scripts were parsed once when the scenario was read, so that they parse again here is certain.
world_ports make_ports(const scenario& s, const world_parts& parts) {
    world_ports out;
    if (s.recorded) {
        const auto folding = std::make_shared<const tape_folding>(s.agents, s.secrets);
        tape_player_options options{.world = &parts.world};
        options.fold_arguments = [folding](std::string_view skill, const payload& value) {
            return folding->arguments(skill, value);
        };
        const auto player = std::make_shared<tape_player>(s.recorded->events, std::move(options));
        return {player, player, player, player};
    }
    if (!s.model.is_null()) {
        auto script = parse_model_script(s.model, parts.seed);
        auto model =
            std::make_shared<scripted_model>(parts.world, std::move(script->source),
                                             scripted_model_options{.seed = parts.seed, .synchronous = s.synchronous});
        model->set_latencies(std::move(script->latencies));
        out.model = std::move(model);
    }
    if (!s.users.is_null())
        out.users =
            std::make_shared<scripted_user>(parts.world, *parse_user_script(s.users),
                                            scripted_user_options{.seed = parts.seed, .synchronous = s.synchronous});
    if (!s.answers.is_null())
        out.connector = std::make_shared<canned_connector>(
            parts.world, parts.ledger, *parse_canned_answers(s.answers), &parts.mocks,
            mock_connector_options{.seed = parts.seed, .synchronous = s.synchronous});
    return out;
}

} // namespace

simulation_setup make_setup(const scenario& s, std::uint64_t seed) {
    simulation_setup setup;
    setup.start = s.start;
    setup.seed = s.seed.value_or(seed);
    setup.agents = s.agents;
    setup.world = s.world;
    setup.latencies = s.latencies;
    setup.synchronous = s.synchronous;
    setup.secrets = s.secrets;
    setup.snapshot_every = s.snapshot_every;
    setup.properties = &s.properties;
    setup.ports = [&s](const world_parts& parts) { return make_ports(s, parts); };
    return setup;
}

result<void> plan_triggers(const scenario& s, simulation& sim) {
    for (const planned_trigger& t : s.triggers) {
        agent_id agent;
        if (!t.agent.empty()) {
            AIVP_TRY(agent, sim.agent(t.agent));
        }
        // What lies beyond the horizon never happens, and the sum stays below two horizons.
        duration after = t.after;
        for (std::uint64_t n = 0; n < t.times && after <= s.horizon;
             ++n, after = after + t.every.value_or(duration{})) {
            const instant when = s.start + after;
            if (t.cancel)
                sim.cancel_at(when, agent, "cancelled by the scenario", t.waiting);
            else if (t.resolve)
                sim.resolve_at(when, agent, *t.resolve);
            else if (!t.event.empty())
                sim.input_at(when, publish_event{t.event, t.body}, input_source::event_bus);
            else
                sim.input_at(when, start_run{agent, t.body}, input_source::operator_);
        }
    }
    return {};
}

} // namespace aivp::sim
