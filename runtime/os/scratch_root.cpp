#include "runtime/os/scratch_root.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/os/internal/spawn.hpp"

namespace aivp {

namespace {

constexpr std::string_view scratch_name = "aivp-processes-";
constexpr std::size_t scratch_digits = 32;
constexpr std::size_t scratch_note_bytes_max = 64u << 10;

/// The file may hold anything: only what can have been made here is ever removed.
bool may_be_ours(const std::string& path) {
    if (!path.starts_with('/') || path.contains("/../")) return false;
    const std::string_view name = std::string_view(path).substr(path.rfind('/') + 1);
    if (!name.starts_with(scratch_name) || name.size() != scratch_name.size() + scratch_digits) return false;
    if (name.find_first_not_of("0123456789abcdef", scratch_name.size()) != std::string_view::npos) return false;
    struct stat what{};
    return ::lstat(path.c_str(), &what) == 0 && S_ISDIR(what.st_mode) && what.st_uid == ::geteuid();
}

/// Links are removed, not followed. True when it is gone.
bool remove_tree(const std::string& path) {
    std::error_code failed;
    std::filesystem::remove_all(path, failed);
    return !std::filesystem::exists(std::filesystem::symlink_status(path, failed));
}

std::vector<std::string> read_note(const std::string& file) {
    const unique_fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    std::string text;
    char buffer[4096];
    while (fd && text.size() < scratch_note_bytes_max) {
        const ssize_t n = ::read(fd.get(), buffer, sizeof buffer);
        if (n <= 0) break;
        text.append(buffer, static_cast<std::size_t>(n));
    }
    std::vector<std::string> lines;
    for (std::size_t begin = 0, end = 0; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1)
        lines.push_back(text.substr(begin, end - begin));
    return lines;
}

/// Errors: io.write.
result<void> write_note(const std::string& file, const std::vector<std::string>& lines) {
    if (lines.empty()) {
        ::unlink(file.c_str());
        return {};
    }
    std::string text;
    for (const std::string& line : lines) text += line + "\n";
    const std::string fresh = file + ".new";
    const unique_fd fd(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (fd && ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
        ::rename(fresh.c_str(), file.c_str()) == 0)
        return {};
    return fail(errc::io_write, file + ": " + std::strerror(errno), {file, 0, 0});
}

std::string random_digits() {
    unsigned char bytes[scratch_digits / 2];
    if (::getrandom(bytes, sizeof bytes, 0) != static_cast<ssize_t>(sizeof bytes)) return {};
    std::string out;
    for (const unsigned char b : bytes) {
        out += "0123456789abcdef"[b >> 4];
        out += "0123456789abcdef"[b & 15];
    }
    return out;
}

} // namespace

result<scratch_root> scratch_root::make(const std::string& keeper) {
    scratch_root out;
    out.note_ = keeper + "/scratch";
    for (const std::string& left : read_note(out.note_))
        if (may_be_ours(left)) (remove_tree(left) ? out.removed_ : out.remaining_).push_back(left);
    const char* const temporary = std::getenv("TMPDIR");
    const std::string digits = random_digits();
    if (digits.empty()) return fail(errc::io_write, "the system gives no random bytes");
    const std::string below = std::filesystem::absolute(temporary && *temporary ? temporary : "/tmp").string();
    if (::access(below.c_str(), W_OK | X_OK) != 0)
        return fail(errc::io_write, "the folder for programs' own folders: " + below + ": " + std::strerror(errno),
                    {below, 0, 0}, "Set TMPDIR to a folder that may be written to.");
    std::string path = below + "/" + std::string(scratch_name) + digits;
    std::vector<std::string> noted = out.remaining_;
    noted.push_back(path);
    AIVP_CHECK(write_note(out.note_, noted));
    out.path_ = std::move(path);
    return out;
}

scratch_root::scratch_root(scratch_root&& other) noexcept
    : note_(std::move(other.note_)),
      path_(std::exchange(other.path_, {})),
      removed_(std::move(other.removed_)),
      remaining_(std::move(other.remaining_)) {}

scratch_root& scratch_root::operator=(scratch_root&& other) noexcept {
    note_.swap(other.note_);
    path_.swap(other.path_);
    removed_.swap(other.removed_);
    remaining_.swap(other.remaining_);
    return *this;
}

scratch_root::~scratch_root() {
    if (path_.empty()) return;
    if (!remove_tree(path_)) return;
    // When it cannot be written, the next one finds a path that is not there.
    (void)write_note(note_, remaining_);
}

} // namespace aivp
