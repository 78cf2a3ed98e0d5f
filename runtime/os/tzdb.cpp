#include "runtime/os/tzdb.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <utility>

#include "aivp/schedule/tzif.hpp"

namespace aivp {
namespace {

// The largest file of tzdata has 4 KiB.
constexpr std::size_t tzif_bytes_max = 1 << 20;

char to_lower_ascii(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

/// Names are paths below the folder and must stay there.
bool is_safe_zone_name(std::string_view name) {
    const auto allowed = [](char c) {
        const char lower = to_lower_ascii(c);
        return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '/' || c == '_' || c == '-' || c == '+';
    };
    return !name.empty() && name.size() <= 64 && name.front() != '/' && name.back() != '/' &&
           std::ranges::all_of(name, allowed);
}

/// Unlike those of the folders right/ (which counts leap seconds) and posix/ (which repeats every name).
bool begins_with_capital(std::string_view name) { return name.front() >= 'A' && name.front() <= 'Z'; }

std::optional<std::string> read_small_file(const std::string& path) {
    std::error_code failure;
    if (!std::filesystem::is_regular_file(path, failure)) return std::nullopt;
    std::ifstream in(path, std::ios::binary);
    if (!in) return std::nullopt;
    std::string bytes(tzif_bytes_max, '\0');
    in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    bytes.resize(static_cast<std::size_t>(in.gcount()));
    return bytes;
}

/// Levenshtein distance without regard to case.
std::size_t name_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replaced = diagonal + (to_lower_ascii(a[i - 1]) == to_lower_ascii(b[j - 1]) ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
        }
    }
    return row[b.size()];
}

/// "Europe/Berlin" for "Berlin": people leave out the continent.
std::size_t zone_distance(std::string_view wanted, std::string_view known) {
    std::size_t best = name_distance(wanted, known);
    if (const std::size_t slash = known.rfind('/'); slash != known.npos && wanted.find('/') == wanted.npos)
        best = std::min(best, name_distance(wanted, known.substr(slash + 1)) + 1);
    return best;
}

std::string nearest_names(std::string_view wanted, const std::vector<std::string>& names) {
    std::vector<std::pair<std::size_t, std::string_view>> ranked;
    const std::size_t limit = std::max<std::size_t>(2, wanted.size() / 3);
    for (const std::string& name : names)
        if (const std::size_t distance = zone_distance(wanted, name); distance <= limit)
            ranked.emplace_back(distance, name);
    std::ranges::sort(ranked);
    std::string out;
    for (std::size_t i = 0; i < ranked.size() && i < 3; ++i)
        out += (i == 0 ? "" : ", ") + std::string(ranked[i].second);
    return out;
}

std::string shown_name(std::string_view name) {
    std::string out;
    for (const char c : name.substr(0, 64)) out += c >= ' ' && c < '\x7f' ? c : '?';
    return "\"" + out + "\"";
}

} // namespace

std::string zoneinfo_folder() {
    const char* folder = std::getenv("TZDIR");
    return folder != nullptr && *folder != '\0' ? folder : "/usr/share/zoneinfo";
}

result<zone_rules> tz_database::load(std::string_view name) const {
    if (name == "UTC") return zone_rules::utc();
    if (!is_safe_zone_name(name)) return fail(errc::config_zone, shown_name(name) + " is not the name of a time zone");
    std::optional<std::string> bytes;
    if (begins_with_capital(name)) bytes = read_small_file(folder_ + "/" + std::string(name));
    if (!bytes || !bytes->starts_with("TZif")) {
        const std::vector<std::string> known = names();
        if (known.empty())
            return fail(errc::config_zone,
                        "time zone " + shown_name(name) + " cannot be looked up: there is no time-zone data in " +
                            folder_,
                        {}, "Install it (Debian: apt install tzdata), or use UTC.");
        const std::string nearest = nearest_names(name, known);
        return fail(errc::config_zone, "time zone " + shown_name(name) + " is not known", {},
                    nearest.empty() ? "" : "Nearest names: " + nearest + ".");
    }
    return parse_tzif(name, *bytes);
}

std::string tz_database::version() const {
    const std::optional<std::string> text = read_small_file(folder_ + "/tzdata.zi");
    constexpr std::string_view prefix = "# version ";
    if (!text || !text->starts_with(prefix)) return {};
    const std::size_t end = text->find('\n');
    return text->substr(prefix.size(), end == std::string::npos ? end : end - prefix.size());
}

std::vector<std::string> tz_database::names() const {
    namespace files = std::filesystem;
    std::vector<std::string> out;
    std::error_code failure;
    files::recursive_directory_iterator at(folder_, files::directory_options::skip_permission_denied, failure);
    while (!failure && at != files::recursive_directory_iterator()) {
        std::string name = at->path().lexically_relative(folder_).generic_string();
        std::error_code ignored;
        const bool directory = at->is_directory(ignored);
        if (directory && !begins_with_capital(name)) at.disable_recursion_pending();
        if (!directory && begins_with_capital(name) && is_safe_zone_name(name)) out.push_back(std::move(name));
        at.increment(failure);
    }
    std::ranges::sort(out);
    return out;
}

} // namespace aivp
