#include "tools/aivp-sim/last_run.hpp"

#include <unistd.h>

#include <filesystem>

#include "runtime/codec/files.hpp"
#include "tools/aivp-sim/results.hpp"
#include "tools/common/output.hpp"

namespace aivp::tools {

namespace {

constexpr std::size_t bytes_max = 64u << 20;

std::string path_of(const arguments& a) { return record_folder(a) + "/last-run.json"; }

result<std::uint64_t> number_at(const payload& object, std::string_view key, std::int64_t least) {
    const auto value = member(object, key);
    const auto n = value ? as_integer(*value) : std::nullopt;
    if (!n || *n < least) return fail(errc::config_value, "`" + std::string(key) + "` is no number of a recorded run");
    return static_cast<std::uint64_t>(*n);
}

} // namespace

std::string to_json(const last_run& r) {
    std::string failed;
    for (const std::string& file : r.failed) failed += (failed.empty() ? "" : ",") + tools::quoted(file);
    return "{\"failed\":[" + failed + "],\"seed\":" + std::to_string(r.first_seed) +
           ",\"seeds\":" + std::to_string(r.seeds) + ",\"version\":1}\n";
}

result<last_run> parse_last_run(std::string_view text) {
    AIVP_TRY(const payload root, payload::parse(text));
    if (!root.is_object()) return fail(errc::config_value, "this is no record of a run");
    last_run out;
    AIVP_TRY(out.first_seed, number_at(root, "seed", 0));
    AIVP_TRY(out.seeds, number_at(root, "seeds", 1));
    const auto failed = member(root, "failed");
    if (!failed || !failed->is_array()) return fail(errc::config_value, "`failed` of a recorded run is a list");
    for (const payload& file : items(*failed)) {
        auto name = as_string(file);
        if (!name || name->empty()) return fail(errc::config_value, "`failed` of a recorded run is a list of files");
        out.failed.push_back(std::move(*name));
    }
    return out;
}

std::string record_folder(const arguments& a) { return a.has("record") ? a.text("record") : ".aivp"; }

result<last_run> read_last_run(const arguments& a) {
    const std::string path = path_of(a);
    std::error_code ec;
    if (!std::filesystem::exists(path, ec))
        return fail(errc::io_not_found, "no run is recorded in " + path, {},
                    "Run scenarios first, or name the folder with --record.");
    AIVP_TRY(const std::string text, read_file(path, bytes_max));
    auto out = parse_last_run(text);
    if (!out) out.error().where.file = path;
    return out;
}

result<void> record_run(const arguments& a, const last_run& r) {
    namespace fs = std::filesystem;
    const std::string path = path_of(a);
    std::error_code ec;
    if (!a.has("record") && r.failed.empty() && !fs::exists(path, ec)) return {};
    fs::create_directories(record_folder(a), ec);
    const std::string written = path + "." + std::to_string(getpid());
    AIVP_CHECK(write_whole_file(written, to_json(r)));
    fs::rename(written, path, ec);
    if (ec) return fail(errc::io_write, "cannot write " + path + ": " + ec.message());
    return {};
}

} // namespace aivp::tools
