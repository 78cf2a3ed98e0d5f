#include "runtime/daemon/secrets.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>

#include "runtime/codec/files.hpp"

namespace aivp {

namespace {

constexpr std::size_t secret_bytes_max = 64u << 10;

bool is_secret_name(std::string_view name) {
    return !name.empty() && name.size() <= 128 && name.front() != '.' && std::ranges::all_of(name, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
               c == '.';
    });
}

bool is_owners_alone(const std::string& path) {
    struct stat s{};
    return ::stat(path.c_str(), &s) == 0 && (s.st_mode & 077) == 0;
}

/// No `why`: there is none.
std::unexpected<error> not_there(std::string_view name, const std::string& why = {}) {
    return fail(errc::secret_unavailable,
                why.empty() ? "there is no secret `" + std::string(name) + "`"
                            : "the secret `" + std::string(name) + "` " + why,
                {}, "Set " + secret_variable(name) + ", or put it into a file of that name in the folder of secrets.");
}

} // namespace

std::string secret_variable(std::string_view name) {
    std::string out = "AIVP_SECRET_";
    for (const char c : name)
        out += c >= 'a' && c <= 'z'                               ? static_cast<char>(c - 'a' + 'A')
               : (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ? c
                                                                  : '_';
    return out;
}

std::string live_secrets::trouble() const {
    if (folder_.empty()) return {};
    if (!is_folder(folder_)) return "the folder of secrets " + folder_ + " is not there";
    if (!is_owners_alone(folder_))
        return "the folder of secrets " + folder_ +
               " may be looked into by others, and nothing is read from it; it should "
               "have mode 0700";
    return {};
}

result<std::string> live_secrets::reveal(std::string_view name) {
    if (!is_secret_name(name)) return not_there(name, "has a name that no secret has");
    if (const char* value = std::getenv(secret_variable(name).c_str()); value != nullptr && *value != '\0')
        return std::string(value);
    if (folder_.empty()) return not_there(name);
    const std::string path = folder_ + "/" + std::string(name);
    auto text = read_file(path, secret_bytes_max);
    if (!text) return not_there(name);
    if (!is_owners_alone(folder_) || !is_owners_alone(path))
        return not_there(name, "stands in a file that others may read; its folder should have mode 0700, it 0600");
    while (!text->empty() && (text->back() == '\n' || text->back() == '\r')) text->pop_back();
    if (text->empty()) return not_there(name, "is empty");
    return text;
}

} // namespace aivp
