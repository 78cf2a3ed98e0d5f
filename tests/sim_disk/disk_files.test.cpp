#include "sim/disk/disk_files.hpp"

#include <boost/test/unit_test.hpp>

using namespace aivp;
using namespace aivp::sim;

namespace {

void create(sim_disk& disk, std::string_view path) { disk.close(disk.open(path, open_mode::create).value()); }

} // namespace

BOOST_AUTO_TEST_SUITE(files_on_a_simulated_disk)

BOOST_AUTO_TEST_CASE(a_rename_never_replaces_a_file) {
    sim_disk disk;
    disk_files files(disk);
    create(disk, "d/new");
    create(disk, "d/old");
    BOOST_CHECK(files.rename("d/new", "d/old").error().code == errc::io_exists);
    BOOST_TEST(files.remove("d/old").has_value());
    BOOST_TEST(files.rename("d/new", "d/old").has_value());
    BOOST_TEST(files.exists("d/old"));
    BOOST_CHECK(files.rename("d/new", "d/other").error().code == errc::io_write);
}

BOOST_AUTO_TEST_CASE(what_is_not_there_is_removed_already) {
    sim_disk disk;
    BOOST_TEST(disk_files(disk).remove("f").has_value());
}

BOOST_AUTO_TEST_CASE(names_are_durable_after_a_sync_of_their_folder) {
    sim_disk disk;
    disk_files files(disk);
    create(disk, "d/f");
    const random_stream no_fates{0, "", "", ""};
    BOOST_TEST(!disk.after_crash(crash_mode::power_loss_all, no_fates).exists("d/f"));
    BOOST_TEST(files.sync_dir("d/f").has_value());
    BOOST_TEST(disk.after_crash(crash_mode::power_loss_all, no_fates).exists("d/f"));
}

BOOST_AUTO_TEST_CASE(a_fault_is_an_error_and_has_no_effect) {
    sim_disk disk;
    disk_files files(disk);
    create(disk, "f");
    disk.plan({disk.calls() + 1, disk_fault_kind::io_error_sticky});
    BOOST_CHECK(files.rename("f", "g").error().code == errc::io_write);
    BOOST_CHECK(files.remove("f").error().code == errc::io_write);
    BOOST_CHECK(files.sync_dir("f").error().code == errc::io_write);
    BOOST_TEST(files.exists("f"));
    sim_disk other;
    files.mount(other);
    BOOST_TEST(!files.exists("f"));
    BOOST_TEST(files.sync_dir("f").has_value());
}

BOOST_AUTO_TEST_SUITE_END()
