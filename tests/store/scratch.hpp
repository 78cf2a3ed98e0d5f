// A folder that goes away with its owner, files as bytes, and stores in it.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>

#include <unistd.h>

#include "runtime/store/sqlite_store.hpp"

struct sqlite3;

namespace store_test {

class scratch_folder {
public:
    scratch_folder() {
        // In memory where that is possible: nothing here cuts the power, and a sync costs nothing.
        const std::filesystem::path memory = "/dev/shm";
        const bool usable = std::filesystem::is_directory(memory) && ::access(memory.c_str(), W_OK) == 0;
        std::string pattern =
            ((usable ? memory : std::filesystem::temp_directory_path()) / "aivp-store-XXXXXX").string();
        if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
        path_ = pattern;
    }
    scratch_folder(const scratch_folder&) = delete;
    scratch_folder& operator=(const scratch_folder&) = delete;
    ~scratch_folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    std::string file(const std::string& name = "s.db") const { return path_ + "/" + name; }
    const std::string& path() const { return path_; }

private:
    std::string path_;
};

inline std::string read_file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

inline void write_file(const std::string& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

inline aivp::sqlite_options options_for(const std::string& path) {
    aivp::sqlite_options o;
    o.path = path;
    o.writer = "test";
    o.busy_timeout_ms = 20;
    return o;
}

/// "store.corrupt"; "" for success.
template <class T>
std::string code_of(const aivp::result<T>& r) {
    return r ? std::string() : std::string(aivp::info(r.error().code).name);
}

/// The test ends when it cannot be opened.
std::unique_ptr<aivp::sqlite_store> must_open(const aivp::sqlite_options& o);
/// "store.foreign"; "" for success.
std::string open_error(const aivp::sqlite_options& o);

/// A connection beside the store, as another program would have one.
class raw_database {
public:
    explicit raw_database(const std::string& path);
    raw_database(const raw_database&) = delete;
    raw_database& operator=(const raw_database&) = delete;
    ~raw_database();
    /// The first value, or the error in brackets.
    std::string run(const std::string& sql);

private:
    sqlite3* db_ = nullptr;
};

} // namespace store_test
