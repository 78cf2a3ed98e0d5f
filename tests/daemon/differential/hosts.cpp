#include "tests/daemon/differential/hosts.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <thread>
#include <utility>

#include <boost/test/unit_test.hpp>

#include "runtime/codec/files.hpp"
#include "runtime/codec/yaml.hpp"
#include "runtime/os/live_clock.hpp"
#include "runtime/os/tzdb.hpp"
#include "runtime/store/sqlite_store.hpp"

namespace differential_test {

using namespace aivp;
namespace fs = std::filesystem;

namespace {

constexpr duration free_of_schedules = seconds(20);

/// What a program says is put into a file when its time has come; the file is known by the call's key and the attempt.
constexpr const char* program_text = R"sh(#!/bin/sh
key=$(sed -n 's/.*"key":"\([0-9a-f]*\)".*/\1/p')
n=$(($(cat "$1/$key.count" 2>/dev/null || echo 0) + 1))
echo $n >"$1/$key.count"
until [ -e "$1/$key.$n" ]; do sleep 0.01; done
exec cat "$1/$key.$n"
)sh";

void write_file(const fs::path& path, std::string_view text) {
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
}

/// A schedule that fires during the play would fire at another moment of it in each host.
void wait_for_quiet(const sim::scenario& s) {
    live_clock clock;
    const duration longest = std::max(free_of_schedules, s.horizon);
    for (bool quiet = false; !quiet;) {
        quiet = true;
        const instant now = clock.now();
        for (const snapshot_ptr& a : s.agents)
            for (const trigger_spec& t : a->triggers) {
                const auto next = next_fire(t.when, now);
                if (!next || *next - now > longest) continue;
                quiet = false;
                std::this_thread::sleep_for(std::chrono::microseconds((*next - now).us + 10'000));
            }
    }
}

} // namespace

play load_play(const std::string& file, std::map<std::string, means, std::less<>> others) {
    play out;
    out.file = file;
    out.others = std::move(others);
    std::vector<error> errors;
    source_texts texts;
    const auto zones = [](std::string_view name) { return tz_database().load(name); };
    out.scenario = sim::load_scenario(file, zones, errors, texts);
    BOOST_TEST_REQUIRE(out.scenario, render(errors, texts));
    const auto document = parse_yaml(std::string(*texts.text(file)), file);
    for (const yaml_node& agent : document->root.find("agents")->value.items)
        out.agent_files.push_back(fs::canonical(fs::path(file).parent_path() / agent.text).string());
    return out;
}

std::vector<std::string> lines_of(store_port& store) {
    std::vector<std::string> out;
    const auto read = store.read({1}, [&](const journal_record& r) {
        out.emplace_back(r.line);
        return true;
    });
    BOOST_TEST_REQUIRE(read.has_value());
    return out;
}

// ---- the simulator ---------------------------------------------------------------------------------------------------

std::vector<std::string> play_simulated(const play& p, const beginning& from, const std::string& origin,
                                        script* written, store_port* store) {
    const sim::scenario& s = *p.scenario;
    script unwanted;
    script_writer writer(written ? *written : unwanted, origin, p.others);
    sim::world_ports inner;
    sim::simulation_setup setup = sim::make_setup(s, 1);
    setup.start = from.at;
    setup.store = store;
    setup.ports = [&, made = setup.ports](const sim::world_parts& parts) {
        inner = sim::complete_ports(made(parts), parts.mocks);
        writer.stand_before(*inner.connector, *inner.model);
        const std::shared_ptr<script_writer> before(std::shared_ptr<void>(), &writer);
        return sim::world_ports{before, inner.users, before, nullptr};
    };
    auto made = sim::simulation::create(std::move(setup));
    BOOST_TEST_REQUIRE(made.has_value());
    sim::simulation& world = **made;
    world.engine().observe(writer);
    BOOST_TEST_REQUIRE(world.engine().submit(open_journal{from.name}, input_source::host).has_value());
    sim::scenario shifted = s;
    shifted.start = from.at;
    BOOST_TEST_REQUIRE(sim::plan_triggers(shifted, world).has_value());
    world.run(from.at + s.horizon, s.max_events);
    BOOST_TEST(world.engine().state().runs.empty(), s.file + ": every run has to end");
    if (store) return lines_of(*store);
    std::vector<std::string> lines;
    for (std::uint64_t n = 1; n <= world.journal().size(); ++n) lines.emplace_back(world.journal().line(n));
    return lines;
}

// ---- the far side ----------------------------------------------------------------------------------------------------

namespace {

std::string header_of(const std::string& request, std::string_view name) {
    const std::size_t at = request.find("\r\n" + std::string(name) + ": ");
    if (at == std::string::npos) return {};
    const std::size_t begin = at + name.size() + 4;
    return request.substr(begin, request.find("\r\n", begin) - begin);
}

std::string body_of(const std::string& request) { return request.substr(request.find("\r\n\r\n") + 4); }

std::string http_text(int status, std::string_view body, std::int64_t retry_after_ms) {
    return "HTTP/1.1 " + std::to_string(status) +
           " As It Is\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
           (retry_after_ms > 0 ? "\r\nretry-after-ms: " + std::to_string(retry_after_ms) : "") + "\r\n\r\n" +
           std::string(body);
}

payload integer(std::int64_t n) { return payload::of_integer(n); }

/// OpenAI's openapi.json, CreateChatCompletionResponse.
payload chat_completion(const model_response& r) {
    std::vector<std::pair<std::string, payload>> message{{"role", payload::of_string("assistant")},
                                                         {"content", r.content}};
    std::vector<payload> calls;
    for (const proposed_call& c : r.calls) {
        const auto text = as_string(c.arguments);
        const payload function =
            payload::of_object({{"name", payload::of_string(c.name)},
                                {"arguments", payload::of_string(text ? *text : std::string(c.arguments.text()))}});
        calls.push_back(payload::of_object({{"id", payload::of_string("call_" + std::to_string(calls.size()))},
                                            {"type", payload::of_string("function")},
                                            {"function", function}}));
    }
    if (!calls.empty()) message.emplace_back("tool_calls", payload::of_array(calls));
    const payload choice = payload::of_object({{"index", integer(0)},
                                               {"message", payload::of_object(std::move(message))},
                                               {"finish_reason", payload::of_string(r.finish)}});
    const payload usage = payload::of_object(
        {{"prompt_tokens", integer(r.usage.input)},
         {"completion_tokens", integer(r.usage.output)},
         {"prompt_tokens_details", payload::of_object({{"cached_tokens", integer(r.usage.cached_input)}})}});
    return payload::of_object({{"id", payload::of_string("x")},
                               {"object", payload::of_string("chat.completion")},
                               {"choices", payload::of_array({choice})},
                               {"usage", usage}});
}

} // namespace

far_side::far_side()
    : server_(std::make_unique<net_test::loopback_server>([this](net_test::peer& p, int) { serve(p); })) {}

far_side::~far_side() { server_.reset(); }

void far_side::begin(const script& s) {
    const std::lock_guard lock(mutex_);
    script_ = s;
    for (std::size_t i = 0; i < s.exchanges.size(); ++i)
        if (s.exchanges[i].by == means::http) waiting_[s.exchanges[i].match].push_back(i);
}

void far_side::release(std::size_t exchange) {
    {
        const std::lock_guard lock(mutex_);
        released_.insert(exchange);
    }
    changed_.notify_all();
}

std::vector<std::string> far_side::strangers() const {
    const std::lock_guard lock(mutex_);
    return strangers_;
}

void far_side::serve(net_test::peer& p) {
    for (std::string request = p.read_request(); !request.empty(); request = p.read_request()) {
        const std::string answer = answer_to(p, request);
        if (answer.empty() || !p.send(answer)) return;
    }
}

/// Empty: none, and the connection ends.
std::string far_side::answer_to(net_test::peer& p, const std::string& request) {
    std::string match = header_of(request, "Idempotency-Key");
    if (match.empty()) {
        const auto body = payload::parse(body_of(request));
        match = body ? conversation_of(member(*body, "messages").value_or(payload())) : "nothing readable";
    }
    std::size_t exchange = 0;
    {
        const std::lock_guard lock(mutex_);
        auto& those = waiting_[match];
        if (those.empty()) {
            strangers_.push_back(request);
            return http_text(418, R"({"message":"this is not in the script"})", 0);
        }
        exchange = those.front();
        those.pop_front();
    }
    return wait_and_say(p, exchange);
}

std::string far_side::wait_and_say(net_test::peer& p, std::size_t exchange) {
    {
        std::unique_lock lock(mutex_);
        while (!released_.contains(exchange) && !p.stopping()) changed_.wait_for(lock, std::chrono::milliseconds(20));
    }
    const differential_test::exchange& e = script_.exchanges[exchange];
    if (p.stopping() || e.answer.what != wire_answer::kind::answer) return {};
    if (!e.of_model)
        return http_text(e.answer.status, e.answer.body.is_null() ? "" : e.answer.body.text(), e.answer.retry_after_ms);
    if (e.answer.status == 200) return http_text(200, chat_completion(e.answer.response).text(), 0);
    return http_text(e.answer.status, payload::of_object({{"error", e.answer.body}}).text(), 0);
}

// ---- the live host ---------------------------------------------------------------------------------------------------

live_stage::live_stage(const play& p) : play_(p) {
    write_file(fs::path(folder_.path()) / "answer.sh", program_text);
    ::chmod((folder_.path() + "/answer.sh").c_str(), 0755);
    fs::create_directories(folder_.path() + "/answers");
    write_secrets();
    std::vector<error> errors;
    source_texts texts;
    const std::string file = folder_.path() + "/aivp.yaml";
    write_file(file, configuration());
    options_.config = load_daemon_config(file, "", errors, texts);
    BOOST_TEST_REQUIRE(errors.empty(), render(errors, texts));
    seed_values();
    options_.log = [this](log_level level, const std::string& text) {
        if (level == log_level::error) log_.push_back(text);
    };
    if (!p.schedules) wait_for_quiet(*p.scenario);
    auto host = live_host::start(loop_, options_);
    BOOST_TEST_REQUIRE(host.has_value(), net_test::why(host));
    host_ = std::move(*host);
    host_->follow([this](seq_no, std::string_view text) {
        const payload line = payload::from_canonical(std::string(text));
        const auto of_record = member(line, "correlation");
        for (const payload& e : items(*member(line, "events"))) {
            const auto own = member(e, "run");
            const auto n = as_integer(own ? *own : of_record.value_or(payload()));
            // As run_of(): these two are about a trigger.
            const std::string type = as_string(*member(e, "type")).value_or("");
            if (n && type != "trigger_refused" && type != "trigger_armed")
                ++counts_[run_id{static_cast<std::uint64_t>(*n)}];
        }
        return true;
    });
}

live_stage::~live_stage() = default;

std::string live_stage::configuration() const {
    std::string out = "schema_version: daemon.v1\nagents:\n";
    for (const std::string& f : play_.agent_files) out += "  - " + f + "\n";
    out += "skill_files:\n";
    for (const std::string& f : play_.scenario->skill_paths) out += "  - " + fs::canonical(f).string() + "\n";
    std::set<std::string> skills;
    std::set<std::string> models;
    for (const snapshot_ptr& a : play_.scenario->agents) {
        for (const skill_binding& b : a->bindings) skills.insert(b.skill->id);
        if (const auto* loop = std::get_if<loop_brain>(&a->brain)) models.insert(loop->model.name);
    }
    out += "secrets: secrets\nstore: {durability: process-crash-safe}\nskills:\n  unused.skill: {command: [\"true\"], "
           "sandbox: rlimits}\n";
    for (const std::string& id : skills) {
        const auto other = play_.others.find(id);
        if (other == play_.others.end())
            out += "  " + id + ": {http: {url: \"" + world_.url("/" + id) +
                   "\", key_header: Idempotency-Key, private_addresses: true}}\n";
        else if (other->second == means::program)
            out += "  " + id + ": {command: [\"{folder}/answer.sh\", \"{folder}/answers\"], sandbox: rlimits}\n";
    }
    if (!models.empty()) out += "models:\n";
    for (const std::string& name : models)
        out += "  " + name + ": {base_url: \"" + world_.url("/v1") +
               "\", api_key_secret: model_key, private_addresses: true}\n";
    return out;
}

void live_stage::write_secrets() const {
    const fs::path folder = folder_.path() + "/secrets";
    fs::create_directories(folder);
    ::chmod(folder.c_str(), 0700);
    auto secrets = play_.scenario->secrets;
    secrets["model_key"] = "sk-for-nobody-1234";
    for (const auto& [name, value] : secrets) {
        write_file(folder / name, value);
        ::chmod((folder / name).c_str(), 0600);
    }
}

/// Values that the scenario's world has from the start, where the live host keeps them itself.
void live_stage::seed_values() const {
    const auto values = at_pointer(play_.scenario->world, "/kv/values");
    const auto kept = play_.others.find("kv.get");
    if (!values || kept == play_.others.end() || kept->second != means::built_in) return;
    fs::create_directories(options_.config.state_folder);
    ::chmod(options_.config.state_folder.c_str(), 0700);
    sqlite_options where = options_.config.store;
    auto store = sqlite_store::open(where);
    BOOST_TEST_REQUIRE(store.has_value(), net_test::why(store));
    for (const auto& [agent, of_agent] : members(*values))
        for (const auto& [key, value] : members(of_agent)) {
            const auto put = [&](kept_values& v) -> result<void> {
                AIVP_CHECK(v.put(key, value));
                return {};
            };
            BOOST_TEST_REQUIRE((*store)->kv_change(agent, {}, put).has_value());
        }
}

beginning live_stage::start() const { return {host_->state().journal, live_clock().now()}; }

std::string live_stage::perform(const script& s, duration longest) {
    world_.begin(s);
    loop_handle ticker;
    std::function<void()> tick = [&] { ticker = loop_.call_after(milliseconds(1), [&] { tick(); }); };
    tick();
    const bool done = loop_.run_until(
        [&] {
            conduct(s);
            return next_ == s.steps.size() && host_->state().runs.empty();
        },
        longest);
    std::string wrong = done ? "" : where_it_stands(s);
    for (const std::string& request : world_.strangers()) wrong += "\nnot in the script: " + request;
    return wrong;
}

/// Answers may come as soon as their own run is as far as it was and all that came from outside before them has come; what
/// comes from outside waits for all runs.
void live_stage::conduct(const script& s) {
    while (next_ < s.steps.size()) {
        const script_step& step = s.steps[next_];
        if (step.what == script_step::kind::answer) {
            const run_id run = s.exchanges[step.exchange].ref.run;
            if (!early_.contains(next_)) {
                if (counts_[run] < step.before.at(run)) break;
                release(s, step.exchange);
            }
        } else if (!submit(step)) {
            break;
        }
        ++next_;
    }
    for (std::size_t n = next_; n < s.steps.size() && s.steps[n].what == script_step::kind::answer; ++n) {
        const run_id run = s.exchanges[s.steps[n].exchange].ref.run;
        const auto before = s.steps[n].before.find(run);
        if (before == s.steps[n].before.end() || counts_[run] < before->second || !early_.insert(n).second) continue;
        release(s, s.steps[n].exchange);
    }
}

bool live_stage::submit(const script_step& step) {
    for (const auto& [run, n] : step.before)
        if (counts_[run] < n) return false;
    if (step.what == script_step::kind::reply) {
        const auto text = as_string(step.answer.message);
        return host_->answer(step.answer.ref.run, text.value_or(""), step.answer.ended).has_value();
    }
    // What is refused is in the journal, and is compared there.
    if (const auto* start = std::get_if<start_run>(&step.input))
        (void)host_->start_run(play_.scenario->agents[start->agent.value - 1]->id, start->body);
    else if (const auto* event = std::get_if<publish_event>(&step.input))
        (void)host_->publish(event->type, event->body);
    else if (const auto* cancel = std::get_if<cancel_run>(&step.input))
        (void)host_->cancel(cancel->run, cancel->reason);
    return true;
}

void live_stage::release(const script& s, std::size_t exchange) {
    const differential_test::exchange& e = s.exchanges[exchange];
    if (e.by != means::program) return world_.release(exchange);
    const std::string name = folder_.path() + "/answers/" + e.match + "." + std::to_string(++tries_[e.match]);
    write_file(name + ".part", e.answer.body.text());
    fs::rename(name + ".part", name);
}

std::string live_stage::where_it_stands(const script& s) const {
    std::string out = "it stands at step " + std::to_string(next_ + 1) + " of " + std::to_string(s.steps.size());
    if (next_ < s.steps.size()) {
        for (const auto& [run, n] : s.steps[next_].before) {
            const auto have = counts_.find(run);
            out += "\n  " + to_string(run) + " has " + std::to_string(have == counts_.end() ? 0 : have->second) +
                   " events, and " + std::to_string(n) + " in the script";
        }
    }
    for (const std::string& line : log_) out += "\n  log: " + line;
    return out;
}

std::vector<std::string> live_stage::journal() {
    bool stopped = false;
    host_->stop([&] { stopped = true; });
    BOOST_TEST(loop_.run_until([&] { return stopped; }, seconds(15)));
    host_.reset();
    sqlite_options where = options_.config.store;
    where.read_only = true;
    auto store = sqlite_store::open(where);
    BOOST_TEST_REQUIRE(store.has_value(), net_test::why(store));
    BOOST_TEST((*store)->verify().has_value());
    return lines_of(**store);
}

} // namespace differential_test
