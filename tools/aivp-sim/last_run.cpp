#include "tools/aivp-sim/last_run.hpp"

#include <unistd.h>

#include <filesystem>

#include "runtime/codec/files.hpp"
#include "tools/aivp-sim/results.hpp"

namespace aivp::tools {

namespace {

constexpr std::size_t bytes_max = 64u << 20;

std::string path_of(const arguments& a) { return record_folder(a) + "/last-run.json"; }

} // namespace

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
