// The file system, as far as the codec needs it: whole files and the names in a folder. Nothing else in runtime/codec
// touches a file.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "aivp/base/error.hpp"

namespace aivp {

/// The whole file. Errors: io.not_found, io.read (no regular file, no permission), json.size (more than `bytes_max`).
result<std::string> read_file(const std::string& path, std::size_t bytes_max);
/// Regular files anywhere below the folder, as `folder` + "/" + relative path, ascending by bytes. Symbolic links to
/// folders are not followed. Errors: io.not_found, io.read.
result<std::vector<std::string>> list_files(const std::string& folder);
bool is_folder(const std::string& path);
/// The folder that holds the file: "a/b.yaml" -> "a", "b.yaml" -> ".".
std::string folder_of(const std::string& path);

/// `folder`/`relative`, which must exist and lie below `folder`, also after following symbolic links. Errors:
/// io.unsafe_path, io.not_found.
result<std::string> path_below(const std::string& folder, const std::string& relative);

} // namespace aivp
