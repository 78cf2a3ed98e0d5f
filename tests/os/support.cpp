#include "tests/os/support.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

#include <unistd.h>

#include "runtime/os/internal/proc_table.hpp"

namespace aivp::os_test {

namespace fs = std::filesystem;

std::size_t open_files() {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator()));
}

std::size_t children() {
    std::size_t count = 0;
    for (const auto& entry : read_processes()) count += entry.parent == ::getpid() ? 1 : 0;
    return count;
}

std::size_t processes_with(const std::string& word) {
    std::size_t count = 0;
    for (const auto& entry : read_processes())
        count += read_file("/proc/" + std::to_string(entry.pid) + "/cmdline").find(word) != std::string::npos ? 1 : 0;
    return count;
}

const std::string& nap() {
    static const std::string text = "4000." + std::to_string(::getpid());
    return text;
}

temporary_folder::temporary_folder() : path_((fs::temp_directory_path() / "aivp-test-XXXXXX").string()) {
    BOOST_REQUIRE(::mkdtemp(path_.data()) != nullptr);
}

temporary_folder::~temporary_folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
}

std::size_t temporary_folder::entries() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(path_), fs::directory_iterator()));
}

std::string read_file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

void skipped(const std::string& why) {
    BOOST_TEST_MESSAGE("SKIPPED: " + why);
    std::cout << "SKIPPED: " << why << "\n";
}

} // namespace aivp::os_test
