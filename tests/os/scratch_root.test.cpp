#include "runtime/os/scratch_root.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>

namespace {

using namespace aivp;
namespace fs = std::filesystem;

/// A keeper's folder and a TMPDIR, both gone at the end.
struct two_folders {
    fs::path root;
    std::string keeper, temporary;
    std::string tmpdir_before = std::getenv("TMPDIR") ? std::getenv("TMPDIR") : "";

    two_folders() {
        std::string pattern = (fs::temp_directory_path() / "aivp-scratch-XXXXXX").string();
        BOOST_REQUIRE(::mkdtemp(pattern.data()) != nullptr);
        root = pattern;
        keeper = (root / "keeper").string();
        temporary = (root / "tmp").string();
        fs::create_directories(keeper);
        fs::create_directories(temporary);
        ::setenv("TMPDIR", temporary.c_str(), 1);
    }
    ~two_folders() {
        if (tmpdir_before.empty())
            ::unsetenv("TMPDIR");
        else
            ::setenv("TMPDIR", tmpdir_before.c_str(), 1);
        std::error_code ignored;
        fs::remove_all(root, ignored);
    }
    void note(const std::string& text) const { std::ofstream(keeper + "/scratch") << text; }
    std::size_t there() const {
        return static_cast<std::size_t>(std::distance(fs::directory_iterator(temporary), fs::directory_iterator()));
    }
    /// As a process that is killed at once: nothing is cleared away.
    void leave_one() const {
        const pid_t child = ::fork();
        if (child == 0) {
            const auto made = scratch_root::make(keeper);
            if (made) {
                fs::create_directories(made->path() + "/aivp-process-1/deep");
                std::ofstream(made->path() + "/aivp-process-1/deep/file") << "x";
            }
            ::_exit(made ? 0 : 1);
        }
        int status = 1;
        ::waitpid(child, &status, 0);
        BOOST_REQUIRE(status == 0);
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(scratch_roots)

BOOST_FIXTURE_TEST_CASE(it_goes_with_everything_in_it, two_folders) {
    {
        const auto made = scratch_root::make(keeper);
        BOOST_REQUIRE(made.has_value());
        BOOST_TEST(made->path().starts_with(temporary + "/aivp-processes-"));
        BOOST_TEST(there() == 0U, "it is made by whoever needs it");
        fs::create_directories(made->path() + "/a/b");
        fs::create_directory_symlink(keeper, made->path() + "/a/link");
        BOOST_TEST(there() == 1U);
        BOOST_TEST(fs::exists(keeper + "/scratch"));
    }
    BOOST_TEST(there() == 0U);
    BOOST_TEST(fs::exists(keeper), "a link was followed");
    BOOST_TEST(!fs::exists(keeper + "/scratch"));
}

BOOST_FIXTURE_TEST_CASE(what_a_killed_process_left_is_removed_by_the_next_one, two_folders) {
    leave_one();
    BOOST_TEST(there() == 1U);
    const auto next = scratch_root::make(keeper);
    BOOST_REQUIRE(next.has_value());
    BOOST_TEST(next->removed().size() == 1U);
    BOOST_TEST(next->remaining().empty());
    BOOST_TEST(there() == 0U);
}

BOOST_FIXTURE_TEST_CASE(a_process_that_was_killed_before_its_folder_was_made_leaves_nothing, two_folders) {
    note(temporary + "/aivp-processes-0123456789abcdef0123456789abcdef\n");
    const auto next = scratch_root::make(keeper);
    BOOST_REQUIRE(next.has_value());
    BOOST_TEST(next->removed().empty());
    BOOST_TEST(next->remaining().empty());
}

BOOST_FIXTURE_TEST_CASE(what_cannot_have_been_made_by_one_is_never_touched, two_folders) {
    const std::string good = "aivp-processes-0123456789abcdef0123456789abcdef";
    const std::string diary = (root / "diary").string();
    fs::create_directories(diary);
    fs::create_directory_symlink(diary, temporary + "/" + good);
    std::ofstream(temporary + "/aivp-processes-00000000000000000000000000000000") << "a file";
    fs::create_directories(temporary + "/aivp-processes-short");
    fs::create_directories(temporary + "/x/" + good);
    note(diary + "\n\n/\n" + temporary + "/" + good + "\n" + temporary +
         "/aivp-processes-00000000000000000000000000000000\n" + temporary + "/aivp-processes-short\n" + temporary +
         "/y/../x/" + good + "\nx/" + good + "\n" + std::string(1000, '\xff') + "\n" + temporary + "/x/" + good);
    const auto next = scratch_root::make(keeper);
    BOOST_REQUIRE(next.has_value());
    BOOST_TEST(next->removed().empty());
    BOOST_TEST(fs::exists(diary));
    BOOST_TEST(there() == 4U);
    BOOST_TEST(fs::exists(temporary + "/x/" + good), "a line without its end was taken for whole");
}

BOOST_FIXTURE_TEST_CASE(one_that_cannot_be_removed_is_tried_again_the_next_time, two_folders) {
    if (::geteuid() == 0) {
        BOOST_TEST_MESSAGE("SKIPPED: nothing is too hard for root to remove");
        std::puts("SKIPPED: nothing is too hard for root to remove");
        return;
    }
    leave_one();
    const std::string stubborn = fs::directory_iterator(temporary)->path().string();
    ::chmod((stubborn + "/aivp-process-1").c_str(), 0500);
    ::chmod((stubborn + "/aivp-process-1/deep").c_str(), 0500);
    for (int i = 0; i < 2; ++i) {
        const auto next = scratch_root::make(keeper);
        BOOST_REQUIRE(next.has_value());
        BOOST_TEST(next->remaining() == std::vector<std::string>{stubborn}, boost::test_tools::per_element());
    }
    ::chmod((stubborn + "/aivp-process-1").c_str(), 0700);
    ::chmod((stubborn + "/aivp-process-1/deep").c_str(), 0700);
    BOOST_TEST(scratch_root::make(keeper)->remaining().empty());
    BOOST_TEST(there() == 0U);
}

BOOST_FIXTURE_TEST_CASE(a_place_that_is_not_there_is_an_error, two_folders) {
    ::setenv("TMPDIR", (temporary + "/nowhere").c_str(), 1);
    const auto nowhere = scratch_root::make(keeper);
    BOOST_REQUIRE(!nowhere.has_value());
    BOOST_TEST(std::string(info(nowhere.error().code).name) == "io.write");
    BOOST_TEST(nowhere.error().help.contains("TMPDIR"));
    BOOST_TEST(!scratch_root::make(keeper + "/missing").has_value());
}

BOOST_AUTO_TEST_SUITE_END()
