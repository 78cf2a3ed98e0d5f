// What SQLite does not do with files: look whether one is there, and give a finished one its name. Everything else that a
// store does to a disk goes through SQLite and its VFS.
//
// Ownership: the host owns it and keeps it until the store is gone. Threads: the store's.
// Fault model: any call may fail; a rename that was not followed by a successful sync_dir may be undone by a power loss.
#pragma once

#include <string>

#include "aivp/base/error.hpp"

namespace aivp {

class store_files {
public:
    virtual ~store_files() = default;
    /// Anything of that name, a folder too. What cannot be looked at is not there.
    virtual bool exists(const std::string& path) = 0;
    /// Never over another file: io.exists. Other errors: io.write.
    virtual result<void> rename(const std::string& from, const std::string& to) = 0;
    /// Removing what is not there is no error. Errors: io.write.
    virtual result<void> remove(const std::string& path) = 0;
    /// Makes the entries of the folder that holds `path` durable. Errors: io.write.
    virtual result<void> sync_dir(const std::string& path) = 0;
    /// A name beside `path` that no other process uses at the same time.
    virtual std::string temporary_name(const std::string& path) { return path + ".new"; }
};

/// The file system of this machine. No state; may be shared.
store_files& posix_store_files();

} // namespace aivp
