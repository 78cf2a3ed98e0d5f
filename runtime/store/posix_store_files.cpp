#include <cerrno>
#include <cstdio>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/store/store_files.hpp"

namespace aivp {

namespace {

std::unexpected<error> file_error(const char* what, const std::string& path, int number) {
    return fail(number == EEXIST ? errc::io_exists : errc::io_write,
                std::string("cannot ") + what + ": " + std::strerror(number), {path, 0, 0});
}

class posix_files final : public store_files {
public:
    bool exists(const std::string& path) override {
        struct stat status{};
        return ::lstat(path.c_str(), &status) == 0;
    }
    result<void> rename(const std::string& from, const std::string& to) override {
        if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return {};
        if (errno != EINVAL && errno != ENOSYS) return file_error("name the new store", to, errno);
        // A file system without that flag: a link is refused as well when the name is taken.
        if (::link(from.c_str(), to.c_str()) != 0) return file_error("name the new store", to, errno);
        return remove(from);
    }
    result<void> remove(const std::string& path) override {
        if (::unlink(path.c_str()) != 0 && errno != ENOENT) return file_error("remove the file", path, errno);
        return {};
    }
    result<void> sync_dir(const std::string& path) override {
        const auto slash = path.rfind('/');
        const std::string folder = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
        const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0) return file_error("open the folder", folder, errno);
        const int number = ::fsync(fd) == 0 ? 0 : errno;
        ::close(fd);
        if (number != 0) return file_error("sync the folder", folder, number);
        return {};
    }
    std::string temporary_name(const std::string& path) override { return path + ".new-" + std::to_string(::getpid()); }
};

} // namespace

store_files& posix_store_files() {
    static posix_files files;
    return files;
}

} // namespace aivp
