#include "runtime/daemon/config.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <utility>

#include "runtime/codec/files.hpp"
#include "runtime/codec/reader.hpp"
#include "runtime/codec/skill_file.hpp"
#include "runtime/codec/yaml.hpp"
#include "runtime/net/url.hpp"
#include "runtime/os/program.hpp"

namespace aivp {

namespace {

namespace config_fs = std::filesystem;

constexpr std::string_view config_version = "daemon.v1";

std::string absolute_below(const std::string& folder, const std::string& path) {
    return config_fs::path(folder).append(path).lexically_normal().string();
}

class config_reader {
public:
    config_reader(const yaml_document& document, std::string folder, std::vector<error>& errors)
        : errors_(document.file, errors), root_(document.root) {
        out_.file = document.file;
        out_.folder = std::move(folder);
        out_.state_folder = absolute_below(out_.folder, ".aivp");
    }

    daemon_config read() {
        mapping_reader keys(root_, "the configuration", errors_);
        if (const auto version = keys.required_text("schema_version"); version && version->text != config_version)
            keys.refuse("schema_version", errc::config_value,
                        "the version is not `" + std::string(config_version) + "`");
        out_.agents = paths(keys, "agents", "agents");
        out_.skill_files = paths(keys, "skill_files", "skills");
        if (const auto at = keys.text("state")) out_.state_folder = absolute_below(out_.folder, at->text);
        if (const auto at = keys.text("secrets")) out_.secret_folder = absolute_below(out_.folder, at->text);
        if (const auto at = keys.text("ca_file")) out_.ca_file = absolute_below(out_.folder, at->text);
        if (const yaml_node* skills = keys.mapping("skills")) read_skills(*skills);
        if (const yaml_node* models = keys.mapping("models")) read_models(*models);
        if (const yaml_node* store = keys.mapping("store")) read_store(*store);
        if (const yaml_node* limits = keys.mapping("limits")) read_limits(*limits);
        if (const yaml_node* timing = keys.mapping("timing")) read_timing(*timing);
        keys.finish();
        return std::move(out_);
    }

private:
    std::vector<std::string> paths(mapping_reader& keys, std::string_view key, const std::string& usual) {
        std::vector<std::string> found;
        if (!keys.has(key)) {
            std::string path = absolute_below(out_.folder, usual);
            if (is_folder(path)) found.push_back(std::move(path));
            return found;
        }
        for (const located_text& t : keys.texts(key)) found.push_back(absolute_below(out_.folder, t.text));
        return found;
    }

    void read_skills(const yaml_node& skills) {
        for (const yaml_member& m : skills.members) {
            if (!is_skill_id(m.key)) {
                errors_.report(errc::config_value, m.at, "`" + m.key + "` is no skill id");
                continue;
            }
            mapping_reader keys(m.value, "skill `" + m.key + "`", errors_);
            const bool program = keys.has("command");
            const bool call = keys.has("http");
            if (m.value.is_mapping() && program == call)
                errors_.report(errc::config_value, m.at,
                               "skill `" + m.key + "` has " +
                                   (program ? "both `command` and `http`" : "neither `command` nor `http`"),
                               "Say how it is performed: a `command`, or `http`.");
            else if (program)
                out_.programs.emplace(m.key, read_program(keys));
            else if (const yaml_node* http = keys.mapping("http"))
                if (auto binding = read_http(*http, m.key)) out_.calls.emplace(m.key, std::move(*binding));
            keys.finish();
        }
    }

    subprocess_skill read_program(mapping_reader& keys) {
        subprocess_skill s;
        for (const located_text& word : keys.texts("command")) s.command.push_back(word.text);
        if (s.command.empty() && keys.sequence("command") != nullptr)
            errors_.report(errc::config_value, keys.key_at("command"), "`command` is empty",
                           "Name a program and its arguments: [python3, \"{folder}/skill.py\"].");
        program_command command = command_in(std::move(s.command), out_.folder);
        s.command = std::move(command.words);
        s.readable = std::move(command.readable);
        constexpr std::array<const char*, 3> profiles{"none", "rlimits", "bwrap"};
        if (const auto word = keys.word("sandbox", {"none", "rlimits", "bwrap"})) s.sandbox_profile = profiles[*word];
        if (const auto t = keys.span("wall_time", milliseconds(1), hours(24))) s.wall_time_max = *t;
        if (const auto n = keys.bytes("memory")) s.memory_bytes_max = *n;
        if (const auto n = keys.bytes("output")) s.output_bytes_max = *n;
        return s;
    }

    std::optional<http_binding> read_http(const yaml_node& node, const std::string& skill) {
        mapping_reader keys(node, "`http` of skill `" + skill + "`", errors_);
        http_binding b;
        if (const auto method = keys.text("method")) b.method = method->text;
        const auto address = keys.required_text("url");
        if (address) b.url = address->text;
        b.headers = read_headers(keys);
        if (const auto body = keys.word("body", {"none", "arguments"}))
            b.body = *body == 0 ? http_body::none : http_body::arguments;
        else if (b.method == "GET" || b.method == "DELETE")
            b.body = http_body::none;
        if (const auto header = keys.text("key_header")) b.key_header = header->text;
        if (const auto t = keys.span("timeout", milliseconds(1), hours(24))) b.timeout = *t;
        if (const auto n = keys.bytes("response")) b.response_bytes_max = *n;
        const bool is_private = keys.boolean("private_addresses").value_or(false);
        keys.finish();
        if (!address) return {};
        allow(address->text, is_private, *address);
        return b;
    }

    std::vector<http_binding_header> read_headers(mapping_reader& keys) {
        std::vector<http_binding_header> out;
        const yaml_node* headers = keys.sequence("headers");
        if (headers == nullptr) return out;
        for (const yaml_node& item : headers->items) {
            mapping_reader header(item, "a header", errors_);
            http_binding_header h;
            if (const auto name = header.required_text("name")) h.name = name->text;
            if (const auto value = header.text("value")) h.value = value->text;
            if (const auto secret = header.text("secret")) h.secret = secret->text;
            header.finish();
            out.push_back(std::move(h));
        }
        return out;
    }

    /// Whoever wrote the address into this file permits its host, and no other.
    void allow(const std::string& address, bool is_private, const located_text& where) {
        // Places of arguments stand in path and query only, which do not matter here.
        const std::size_t path =
            address.find('/', address.find("://") == std::string::npos ? 0 : address.find("://") + 3);
        auto host = parse_url(address.substr(0, path));
        if (!host) {
            host.error().where = where.where;
            errors_.report(std::move(host).error(), {where.where.line, where.where.column});
            return;
        }
        out_.egress.push_back({host->host, host->port, is_private});
    }

    void read_models(const yaml_node& models) {
        for (const yaml_member& m : models.members) {
            mapping_reader keys(m.value, "model `" + m.key + "`", errors_);
            openai_options o;
            const auto address = keys.text("base_url");
            if (address) o.base_url = address->text;
            o.secret = keys.text("api_key_secret").value_or(located_text{}).text;
            if (const auto header = keys.text("key_header")) o.key_header = header->text;
            if (const yaml_node* prefix = keys.node("key_prefix"); prefix != nullptr && prefix->is_scalar())
                o.key_prefix = prefix->text;
            for (http_binding_header& h : read_headers(keys)) o.headers.push_back({h.name, h.value});
            o.dialect.stream = keys.boolean("stream").value_or(false);
            if (const auto key = keys.text("tokens_key")) o.dialect.tokens_key = key->text;
            if (const auto usage = keys.boolean("stream_usage")) o.dialect.asks_stream_usage = *usage;
            if (const auto t = keys.span("timeout", milliseconds(1), hours(24))) o.timeout = *t;
            const bool is_private = keys.boolean("private_addresses").value_or(false);
            keys.finish();
            allow(o.base_url, is_private, address.value_or(located_text{{}, errors_.position(m.at), {}}));
            out_.models.emplace(m.key, std::move(o));
        }
    }

    void read_store(const yaml_node& node) {
        mapping_reader keys(node, "`store`", errors_);
        if (const auto path = keys.text("path")) out_.store.path = path->text;
        if (const auto word = keys.word("durability", {"power-loss-safe", "process-crash-safe"}))
            out_.store.durable = *word == 0 ? sqlite_options::durability::power_loss_safe
                                            : sqlite_options::durability::process_crash_safe;
        if (const auto word = keys.word("journal", {"wal", "rollback"}))
            out_.store.journal =
                *word == 0 ? sqlite_options::journal_mode::wal : sqlite_options::journal_mode::rollback;
        if (const auto n = keys.bytes("size_max")) out_.store.pages_max = std::max<std::uint64_t>(1, *n / 4'096);
        keys.finish();
    }

    void read_limits(const yaml_node& node) {
        mapping_reader keys(node, "`limits`", errors_);
        if (const auto n = keys.integer("processes", 1, 10'000))
            out_.processes.concurrent_max = static_cast<std::size_t>(*n);
        if (const auto n = keys.bytes("memory")) out_.processes.memory_bytes_total = *n;
        if (const auto n = keys.integer("batch", 1, 100'000)) out_.batch_max = static_cast<std::size_t>(*n);
        for (const located_text& name : keys.texts("environment"))
            out_.processes.environment_names.push_back(name.text);
        for (const located_text& path : keys.texts("readable"))
            out_.processes.readable.push_back(absolute_below(out_.folder, path.text));
        keys.finish();
    }

    void read_timing(const yaml_node& node) {
        mapping_reader keys(node, "`timing`", errors_);
        if (const auto t = keys.span("stop_grace", {}, hours(1))) out_.stop_grace = *t;
        if (const auto t = keys.span("heartbeat", milliseconds(100), hours(1))) out_.heartbeat = *t;
        if (const auto t = keys.span("snapshot_time", milliseconds(100), hours(24))) out_.snapshot_time = *t;
        if (const auto n = keys.integer("snapshot_records", 1, 1'000'000'000))
            out_.snapshot_records = static_cast<std::uint64_t>(*n);
        keys.finish();
    }

    file_errors errors_;
    const yaml_node& root_;
    daemon_config out_;
};

std::string current_folder() {
    std::error_code ec;
    return config_fs::current_path(ec).string();
}

void settle_paths(daemon_config& c, const std::string& state) {
    if (!state.empty()) c.state_folder = absolute_below(current_folder(), state);
    while (c.state_folder.size() > 1 && c.state_folder.ends_with('/')) c.state_folder.pop_back();
    c.store.path = absolute_below(c.state_folder, c.store.path.empty() ? "aivp.db" : c.store.path);
}

} // namespace

daemon_config parse_daemon_config(std::string_view text, const std::string& file, const std::string& folder,
                                  std::vector<error>& errors) {
    const auto document = read_document(text, file, errors);
    if (!document) {
        daemon_config none;
        none.file = file;
        none.folder = folder;
        none.state_folder = absolute_below(folder, ".aivp");
        return none;
    }
    return config_reader(*document, folder, errors).read();
}

daemon_config load_daemon_config(const std::string& config, const std::string& state, std::vector<error>& errors,
                                 source_texts& texts) {
    std::error_code ec;
    std::string file = config;
    if (file.empty() && config_fs::exists("aivp.yaml", ec)) file = "aivp.yaml";
    if (file.empty() && !state.empty() && config_fs::exists(state + "/aivp.yaml", ec)) file = state + "/aivp.yaml";
    daemon_config out;
    if (file.empty()) {
        out = parse_daemon_config("schema_version: daemon.v1\n", "", current_folder(), errors);
    } else if (const auto text = read_file(file, yaml_bytes_max); !text) {
        errors.push_back(text.error());
    } else {
        texts.add(file, *text);
        out = parse_daemon_config(*text, file, absolute_below(current_folder(), folder_of(file)), errors);
        while (out.folder.size() > 1 && out.folder.ends_with('/')) out.folder.pop_back();
    }
    settle_paths(out, state);
    return out;
}

std::string control_socket_of(const std::string& state_folder) { return state_folder + "/control.sock"; }

} // namespace aivp
