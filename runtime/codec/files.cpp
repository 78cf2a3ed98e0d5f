#include "runtime/codec/files.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <system_error>

namespace aivp {

namespace {

namespace files_std = std::filesystem;

std::unexpected<error> file_failure(errc code, const std::string& path, const std::string& what) {
    return fail(code, "`" + path + "` " + what, {path, 0, 0});
}

} // namespace

result<std::string> read_file(const std::string& path, std::size_t bytes_max) {
    std::error_code failure;
    const auto status = files_std::status(path, failure);
    if (!files_std::exists(status)) return file_failure(errc::io_not_found, path, "does not exist");
    if (!files_std::is_regular_file(status)) return file_failure(errc::io_read, path, "is no regular file");
    std::ifstream stream(path, std::ios::binary);
    if (!stream) return file_failure(errc::io_read, path, "cannot be opened");
    std::string text;
    std::string chunk(64u << 10, '\0');
    while (stream.read(chunk.data(), static_cast<std::streamsize>(chunk.size())) || stream.gcount() > 0) {
        text.append(chunk, 0, static_cast<std::size_t>(stream.gcount()));
        if (text.size() > bytes_max)
            return file_failure(errc::json_size, path, "has more than " + std::to_string(bytes_max) + " bytes");
    }
    if (stream.bad()) return file_failure(errc::io_read, path, "cannot be read to its end");
    return text;
}

result<std::vector<std::string>> list_files(const std::string& folder) {
    std::error_code failure;
    if (!files_std::exists(folder, failure)) return file_failure(errc::io_not_found, folder, "does not exist");
    std::vector<std::string> found;
    files_std::recursive_directory_iterator at(folder, failure);
    for (; !failure && at != files_std::recursive_directory_iterator(); at.increment(failure))
        if (at->is_regular_file(failure)) found.push_back(at->path().generic_string());
    if (failure) return file_failure(errc::io_read, folder, "cannot be listed: " + failure.message());
    std::ranges::sort(found);
    return found;
}

bool is_folder(const std::string& path) {
    std::error_code failure;
    return files_std::is_directory(path, failure);
}

std::string folder_of(const std::string& path) {
    const std::string folder = files_std::path(path).parent_path().generic_string();
    return folder.empty() ? "." : folder;
}

result<std::string> path_below(const std::string& folder, const std::string& relative) {
    const files_std::path wanted(relative);
    const auto leaves = [](const files_std::path& path) {
        return path.empty() || path.is_absolute() || *path.begin() == "..";
    };
    if (leaves(wanted) || leaves(wanted.lexically_normal()))
        return file_failure(errc::io_unsafe_path, relative, "leaves the folder `" + folder + "`");
    std::error_code failure;
    const files_std::path joined = files_std::path(folder) / wanted;
    if (!files_std::exists(joined, failure))
        return file_failure(errc::io_not_found, joined.generic_string(), "does not exist");
    const files_std::path root = files_std::canonical(folder, failure);
    if (failure) return file_failure(errc::io_read, folder, "cannot be resolved: " + failure.message());
    const files_std::path target = files_std::canonical(joined, failure);
    if (failure)
        return file_failure(errc::io_read, joined.generic_string(), "cannot be resolved: " + failure.message());
    if (leaves(target.lexically_relative(root)))
        return file_failure(errc::io_unsafe_path, relative,
                            "leaves the folder `" + folder + "` through a symbolic link");
    return joined.generic_string();
}

} // namespace aivp
