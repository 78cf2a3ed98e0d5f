// The folder in which the private folders of programs are made, and which nobody has to clear away by hand after a kill.
#pragma once

#include <string>
#include <vector>

#include "aivp/base/error.hpp"

namespace aivp {

/// The path of a folder below TMPDIR (else /tmp) that nobody else has a reason to make; whoever needs it makes it
/// (process_launcher_options::scratch_on_demand), and at its end it is removed with everything in it. The path is noted in the
/// keeper's folder before that: when this process is killed, whoever keeps that folder next removes what is left.
/// Below TMPDIR and not in the keeper's folder, because programs look upwards for what belongs to them, and because what
/// they write must not take the room of the journal.
class scratch_root {
public:
    /// `keeper` is held by nobody else (pid_lock). What a killed process has left is removed if it is a folder of this user
    /// with such a name. Errors: io.write (also when nothing can be made
    /// there).
    static result<scratch_root> make(const std::string& keeper);
    scratch_root(scratch_root&& other) noexcept;
    scratch_root& operator=(scratch_root&& other) noexcept;
    ~scratch_root();

    const std::string& path() const { return path_; }
    /// What was left and is removed now.
    const std::vector<std::string>& removed() const { return removed_; }
    /// What was left and cannot be removed; it is tried again the next time.
    const std::vector<std::string>& remaining() const { return remaining_; }

private:
    scratch_root() = default;

    std::string note_; ///< the file with the paths, one a line
    std::string path_;
    std::vector<std::string> removed_;
    std::vector<std::string> remaining_;
};

} // namespace aivp
