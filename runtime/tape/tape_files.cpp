#include "aivp/tape/files.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/tape/internal/tape_decode.hpp"

namespace aivp {

namespace {

namespace fs = std::filesystem;

class tape_descriptor {
public:
    explicit tape_descriptor(int fd) : fd_(fd) {}
    ~tape_descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    tape_descriptor(const tape_descriptor&) = delete;
    tape_descriptor& operator=(const tape_descriptor&) = delete;
    int get() const { return fd_; }

private:
    int fd_;
};

result<std::string> tape_read_file(const std::string& path) {
    const tape_descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (file.get() < 0)
        return fail(errno == ENOENT ? errc::io_not_found : errc::io_read, std::string(std::strerror(errno)), {path});
    struct stat status{};
    if (::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode))
        return fail(errc::io_read, "it is not a regular file", {path});
    std::string text(static_cast<std::size_t>(status.st_size), '\0');
    std::size_t size = 0;
    while (size < text.size()) {
        const ssize_t n = ::read(file.get(), text.data() + size, text.size() - size);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return fail(errc::io_read, std::string(std::strerror(errno)), {path});
        if (n == 0) break;
        size += static_cast<std::size_t>(n);
    }
    text.resize(size);
    return text;
}

result<void> tape_write_failed(const std::string& path) {
    return fail(errc::io_write, "cannot write: " + std::string(std::strerror(errno)), {path});
}

result<void> tape_write_file(const std::string& path, std::string_view text, bool durable) {
    const tape_descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (file.get() < 0) return tape_write_failed(path);
    while (!text.empty()) {
        const ssize_t n = ::write(file.get(), text.data(), text.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return tape_write_failed(path);
        text.remove_prefix(static_cast<std::size_t>(n));
    }
    if (durable && ::fsync(file.get()) != 0) return tape_write_failed(path);
    return {};
}

result<void> tape_sync_folder(const std::string& path) {
    const tape_descriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (folder.get() < 0 || ::fsync(folder.get()) != 0) return tape_write_failed(path);
    return {};
}

result<void> tape_make_folder(const std::string& path) {
    std::error_code ec;
    fs::create_directories(path, ec);
    if (ec) return fail(errc::io_write, "cannot make the folder: " + ec.message(), {path});
    return {};
}

result<void> tape_check_name(const std::string& name) {
    const fs::path path(name);
    bool safe = !name.empty() && path.is_relative();
    for (const fs::path& part : path) safe = safe && part != ".." && part != "." && !part.empty();
    const bool taken = name == "manifest.json" || name == "events.jsonl" || name.starts_with("blobs/");
    if (safe && !taken) return {};
    return fail(errc::io_unsafe_path, "\"" + name + "\" cannot be a further file of a tape");
}

// `lines`: the text is looked at line by line, so that the message says which.
result<void> tape_refuse_secret(const known_secrets& secrets, std::string_view text, const std::string& file,
                                bool lines) {
    std::uint32_t number = 1;
    for (std::size_t at = 0; at < text.size(); ++number) {
        const std::size_t stop = lines ? text.find('\n', at) : std::string_view::npos;
        const std::string_view found =
            secrets.find_in(text.substr(at, stop == std::string_view::npos ? stop : stop - at));
        if (!found.empty())
            return fail(errc::tape_secret, "a secret would be written: " + std::string(found), {file, number, 1});
        if (stop == std::string_view::npos) break;
        at = stop + 1;
    }
    return {};
}

result<void> tape_refuse_secrets(const tape_text& text, const std::string& folder, const tape_write_options& options) {
    if (options.secrets.empty()) return {};
    const auto check = [&](std::string_view content, const std::string& name, bool lines) {
        return tape_refuse_secret(options.secrets, content, folder + "/" + name, lines);
    };
    AIVP_CHECK(check(text.events, "events.jsonl", true));
    for (const auto& [name, content] : text.blobs)
        AIVP_CHECK(check(content.text(), internal::tape_blob_path(name), false));
    AIVP_CHECK(check(text.manifest, "manifest.json", true));
    for (const auto& [name, content] : options.files) AIVP_CHECK(check(content, name, true));
    return {};
}

result<void> tape_write_all(const std::string& folder, const tape_text& text, const tape_write_options& options) {
    AIVP_CHECK(tape_write_file(folder + "/events.jsonl", text.events, options.durable));
    for (const auto& [name, content] : text.blobs) {
        const std::string path = folder + "/" + internal::tape_blob_path(name);
        AIVP_CHECK(tape_make_folder(fs::path(path).parent_path().string()));
        AIVP_CHECK(tape_write_file(path, content.text(), options.durable));
    }
    for (const auto& [name, content] : options.files) {
        const fs::path path = fs::path(folder) / name;
        if (path.parent_path() != fs::path(folder)) AIVP_CHECK(tape_make_folder(path.parent_path().string()));
        AIVP_CHECK(tape_write_file(path.string(), content, options.durable));
    }
    AIVP_CHECK(tape_write_file(folder + "/manifest.json", text.manifest, options.durable));
    if (options.durable) AIVP_CHECK(tape_sync_folder(folder));
    return {};
}

// Removes what an unfinished or replaced tape left behind; that it may not be there is the usual case.
void tape_remove(const std::string& path) {
    std::error_code ignored;
    fs::remove_all(path, ignored);
}

std::string tape_without_slash(std::string folder) {
    while (folder.size() > 1 && folder.back() == '/') folder.pop_back();
    return folder;
}

} // namespace

result<void> write_tape(const std::string& folder_name, const tape& t, const tape_write_options& options) {
    const std::string folder = tape_without_slash(folder_name);
    for (const auto& file : options.files) AIVP_CHECK(tape_check_name(file.first));
    std::error_code ec;
    const bool exists = fs::exists(fs::symlink_status(folder, ec));
    if (exists && !options.overwrite) return fail(errc::io_exists, "there is something at this path already", {folder});
    const tape_text text = tape_to_text(t);
    AIVP_CHECK(tape_refuse_secrets(text, folder, options));

    const std::string partial = folder + ".partial";
    const std::string replaced = folder + ".replaced";
    tape_remove(partial);
    AIVP_CHECK(tape_make_folder(partial));
    if (auto written = tape_write_all(partial, text, options); !written) {
        tape_remove(partial);
        return written;
    }
    if (exists) {
        tape_remove(replaced);
        if (std::rename(folder.c_str(), replaced.c_str()) != 0) return tape_write_failed(folder);
    }
    if (std::rename(partial.c_str(), folder.c_str()) != 0) return tape_write_failed(folder);
    if (exists) tape_remove(replaced);
    const std::string parent = fs::path(folder).parent_path().string();
    if (options.durable) AIVP_CHECK(tape_sync_folder(parent.empty() ? "." : parent));
    return {};
}

result<tape> read_tape(const std::string& folder_name) {
    const std::string folder = tape_without_slash(folder_name);
    auto manifest = tape_read_file(folder + "/manifest.json");
    if (!manifest) {
        const bool absent = manifest.error().code == errc::io_not_found || errno == ENOTDIR;
        return fail(absent ? errc::tape_missing : errc::io_read,
                    absent ? "there is no tape here: no manifest.json" : "manifest.json: " + manifest.error().message,
                    {folder});
    }
    auto events = tape_read_file(folder + "/events.jsonl");
    if (!events) {
        const bool absent = events.error().code == errc::io_not_found;
        return fail(absent ? errc::tape_missing : errc::io_read,
                    absent ? "the tape has no events.jsonl" : "events.jsonl: " + events.error().message, {folder});
    }
    const internal::tape_blob_source blobs = [&folder](const digest& name) {
        return tape_read_file(folder + "/" + internal::tape_blob_path(name));
    };
    return internal::decode_tape(*manifest, *events, blobs, folder);
}

result<std::vector<std::string>> find_tapes(const std::string& path_name) {
    const std::string path = tape_without_slash(path_name);
    std::vector<std::string> found;
    std::vector<std::string> folders{path};
    while (!folders.empty()) {
        const std::string folder = std::move(folders.back());
        folders.pop_back();
        std::error_code ec;
        if (fs::exists(folder + "/manifest.json", ec)) {
            found.push_back(folder);
            continue;
        }
        fs::directory_iterator entries(folder, ec);
        if (ec && folder == path) return fail(errc::tape_missing, "no folder of tapes: " + ec.message(), {path});
        if (ec) return fail(errc::io_read, "cannot list the folder: " + ec.message(), {folder});
        for (const fs::directory_entry& entry : entries) {
            if (entry.is_directory(ec) && !entry.is_symlink(ec)) folders.push_back(entry.path().string());
        }
    }
    std::sort(found.begin(), found.end());
    if (found.empty()) return fail(errc::tape_missing, "there is no tape in this folder", {path});
    return found;
}

} // namespace aivp
