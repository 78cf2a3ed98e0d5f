#include "tools/aivp-sim/run_record.hpp"

#include <utility>

#include "aivp/base/payload.hpp"

namespace aivp::tools {

namespace {

result<std::uint64_t> number_at(const payload& object, std::string_view key, std::int64_t least) {
    const auto value = member(object, key);
    const auto n = value ? as_integer(*value) : std::nullopt;
    if (!n || *n < least) return fail(errc::config_value, "`" + std::string(key) + "` is no number of a recorded run");
    return static_cast<std::uint64_t>(*n);
}

} // namespace

std::string to_json(const last_run& r) {
    std::string failed;
    for (const std::string& file : r.failed)
        failed += (failed.empty() ? "" : ",") + std::string(payload::of_string(file).text());
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

} // namespace aivp::tools
