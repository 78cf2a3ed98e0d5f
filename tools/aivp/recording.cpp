#include "tools/aivp/recording.hpp"

#include <filesystem>

namespace aivp::tools {

namespace {

std::string seen_from(const std::string& path, const std::string& folder) {
    std::error_code ec;
    const auto relative = std::filesystem::relative(std::filesystem::weakly_canonical(path, ec),
                                                    std::filesystem::weakly_canonical(folder, ec), ec);
    return ec || relative.empty() ? path : relative.generic_string();
}

} // namespace

result<void> write_recording(const sim::run_recording& recording, const sim::scenario& s, const arguments& a) {
    const std::string folder = a.text("record");
    sim::tape_origin origin;
    origin.agent_file = seen_from(a.positional.front(), folder);
    for (const std::string& path : s.skill_paths) origin.skill_folders.push_back(seen_from(path, folder));
    origin.provenance = payload::of_object({{"fixtures", payload::of_string(seen_from(a.text("fixtures"), folder))},
                                            {"recorded_by", payload::of_string("aivp run --dry-run")},
                                            {"seed", payload::of_string(a.text("seed"))}});
    return recording.write(run_id{1}, folder, origin);
}

} // namespace aivp::tools
