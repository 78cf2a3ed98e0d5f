// From the text of a tape to its values; where the text comes from is the caller's business.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "aivp/tape/tape.hpp"

namespace aivp::internal {

/// The bytes of a blob; any error means that there are none.
using tape_blob_source = std::function<result<std::string>(const digest& name)>;

/// Errors as for read_tape(); messages name the files by `folder`/….
result<tape> decode_tape(std::string_view manifest, std::string_view events, const tape_blob_source& blobs,
                         const std::string& folder);

/// "blobs/ab/<sha256>".
std::string tape_blob_path(const digest& name);

} // namespace aivp::internal
