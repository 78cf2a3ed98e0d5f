#include "sim/disk/sim_disk.hpp"

#include <map>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>
#include <rapidcheck/boost_test.h>

using namespace aivp;
using namespace aivp::sim;

namespace {

const random_stream no_fates{0, "", "", ""};

random_stream fates(std::uint64_t seed) { return {seed, "disk", "test", "crash"}; }

std::span<const std::byte> bytes_of(std::string_view text) {
    return std::as_bytes(std::span(text.data(), text.size()));
}

file_node opened(sim_disk& disk, std::string_view path) { return disk.open(path, open_mode::create).value(); }

disk_status write(sim_disk& disk, file_node file, std::string_view text, std::uint64_t offset = 0) {
    return disk.write(file, offset, bytes_of(text));
}

std::string read(sim_disk& disk, file_node file, std::size_t size) {
    std::string out(size, '?');
    const auto got = disk.read(file, 0, std::as_writable_bytes(std::span(out)));
    if (!got) return to_string(got.error());
    out.resize(*got);
    return out;
}

std::map<std::string, std::string> everything(const sim_disk& disk) {
    std::map<std::string, std::string> all;
    for (const std::string& path : disk.paths()) all[path] = disk.contents(path);
    return all;
}

/// One fault at call 2, which is a write; call 1 opens "f".
struct one_write {
    explicit one_write(disk_fault_kind kind, std::uint64_t parameter = 0) {
        disk.plan({2, kind, parameter});
        file = opened(disk, "f");
        first = write(disk, file, "text");
    }
    sim_disk disk;
    file_node file{};
    disk_status first = disk_status::ok;
};

/// A few dozen calls of all kinds, derived from a seed.
void scribble(sim_disk& disk, std::uint64_t seed, int steps) {
    random_stream choice(seed, "test", "scribble", "choice");
    const std::vector<std::string> names{"a", "b", "d/c"};
    std::map<std::string, file_node> open;
    for (int i = 0; i < steps; ++i) {
        const std::string& name = names[choice.below(names.size())];
        if (open.count(name) == 0) {
            const auto file = disk.open(name, open_mode::create);
            if (file) open[name] = *file;
            continue;
        }
        const file_node file = open[name];
        switch (choice.below(9)) {
        case 0: disk.sync(file); break;
        case 1: disk.truncate(file, choice.below(9000)); break;
        case 2: disk.sync_directory(directory_of(name)); break;
        case 3:
            disk.unlink(name);
            disk.close(file);
            open.erase(name);
            break;
        case 4:
            disk.close(file);
            open.erase(name);
            disk.rename(name, name + "2");
            break;
        default:
            write(disk, file, std::string(choice.below(6000), static_cast<char>('a' + i % 26)), choice.below(9000));
            break;
        }
    }
}

} // namespace

BOOST_AUTO_TEST_SUITE(simulated_disk)

BOOST_AUTO_TEST_CASE(a_file_is_created_only_where_that_was_asked_for) {
    sim_disk disk;
    BOOST_CHECK(disk.open("f", open_mode::existing).error() == disk_status::not_found);
    BOOST_TEST(disk.open("f", open_mode::create_new).has_value());
    BOOST_CHECK(disk.open("f", open_mode::create_new).error() == disk_status::exists);
    BOOST_TEST(disk.open("f", open_mode::existing).has_value());
    BOOST_CHECK(disk.unlink("g") == disk_status::not_found);
}

BOOST_AUTO_TEST_CASE(renaming_is_within_one_directory) {
    sim_disk disk;
    opened(disk, "d/f");
    BOOST_CHECK(disk.rename("d/f", "e/f") == disk_status::cross_directory);
    BOOST_CHECK(disk.rename("d/x", "d/y") == disk_status::not_found);
    BOOST_CHECK(disk.rename("d/f", "d/g") == disk_status::ok);
    BOOST_CHECK(disk.rename("d/g", "d/g") == disk_status::ok);
    BOOST_TEST(disk.exists("d/g"));
    BOOST_TEST(!disk.exists("d/f"));
}

BOOST_AUTO_TEST_CASE(every_call_counts_and_shows_in_the_digest) {
    const auto digest_of = [](auto&& change) {
        sim_disk disk;
        const file_node f = opened(disk, "f");
        change(disk, f);
        return std::pair(disk.calls(), disk.digest());
    };
    const auto base = digest_of([](sim_disk& d, file_node f) { write(d, f, "text"); });
    BOOST_TEST(base.first == 2U);
    BOOST_CHECK(base == digest_of([](sim_disk& d, file_node f) { write(d, f, "text"); }));
    const std::vector<std::pair<std::uint64_t, std::uint64_t>> others = {
        digest_of([](sim_disk& d, file_node f) { write(d, f, "tent"); }),
        digest_of([](sim_disk& d, file_node f) { write(d, f, "text", 1); }),
        digest_of([](sim_disk& d, file_node f) { read(d, f, 4); }),
        digest_of([](sim_disk& d, file_node f) { d.sync(f); }),
        digest_of([](sim_disk& d, file_node f) { d.truncate(f, 4); }),
        digest_of([](sim_disk& d, file_node) { d.unlink("f"); }),
        digest_of([](sim_disk& d, file_node) { d.rename("f", "g"); }),
        digest_of([](sim_disk& d, file_node) { d.rename("f", "h"); }),
        digest_of([](sim_disk& d, file_node) { d.sync_directory(""); }),
    };
    for (std::size_t i = 0; i < others.size(); ++i) {
        BOOST_TEST(others[i].first == 2U);
        BOOST_TEST(others[i].second != base.second, "call " << i);
    }
    BOOST_TEST(others[6].second != others[7].second); // renamed to different names
}

BOOST_AUTO_TEST_CASE(after_a_crash_nothing_happens_any_more) {
    one_write w(disk_fault_kind::crash);
    BOOST_CHECK(w.first == disk_status::dead);
    BOOST_TEST(w.disk.dead());
    BOOST_CHECK(w.disk.sync(w.file) == disk_status::dead);
    BOOST_CHECK(w.disk.open("g", open_mode::create).error() == disk_status::dead);
    BOOST_TEST(w.disk.calls() == 2U);
    const sim_disk after = w.disk.after_crash(crash_mode::process_kill, no_fates);
    BOOST_TEST(after.contents("f") == "text");
    BOOST_TEST(!after.exists("g"));
    BOOST_TEST(!after.dead());
    BOOST_TEST(after.calls() == 0U);
}

BOOST_AUTO_TEST_CASE(a_sync_during_which_the_power_fails_made_nothing_durable) {
    sim_disk disk;
    disk.plan({3, disk_fault_kind::crash});
    const file_node f = opened(disk, "f");
    disk.sync_directory("");
    disk.sync(f);
    BOOST_TEST(disk.dead());
    sim_disk other;
    other.plan({3, disk_fault_kind::crash});
    const file_node g = opened(other, "g");
    write(other, g, "text");
    other.sync(g);
    BOOST_TEST(other.after_crash(crash_mode::power_loss_all, no_fates).contents("g").empty());
}

BOOST_AUTO_TEST_CASE(an_io_error_has_no_effect_and_passes_or_stays) {
    one_write once(disk_fault_kind::io_error_once);
    BOOST_CHECK(once.first == disk_status::io_error);
    BOOST_TEST(once.disk.contents("f").empty());
    BOOST_CHECK(write(once.disk, once.file, "text") == disk_status::ok);

    one_write sticky(disk_fault_kind::io_error_sticky);
    BOOST_CHECK(sticky.first == disk_status::io_error);
    BOOST_CHECK(sticky.disk.sync(sticky.file) == disk_status::io_error);
    sticky.disk.heal();
    BOOST_CHECK(sticky.disk.sync(sticky.file) == disk_status::ok);
    BOOST_TEST(sticky.disk.injected().size() == 2U);
    BOOST_CHECK(
        (sticky.disk.injected()[0] == injected_fault{2, disk_fault_kind::io_error_sticky, disk_operation::write, "f"}));
    BOOST_CHECK(sticky.disk.injected()[1].operation == disk_operation::sync);
}

BOOST_AUTO_TEST_CASE(an_io_error_can_be_kept_to_some_operations) {
    one_write w(disk_fault_kind::io_error_sticky, only(disk_operation::sync, disk_operation::sync_directory));
    BOOST_CHECK(w.first == disk_status::ok);
    BOOST_CHECK(w.disk.sync(w.file) == disk_status::io_error);
    BOOST_CHECK(w.disk.sync_directory("") == disk_status::io_error);
    BOOST_CHECK(write(w.disk, w.file, "more") == disk_status::ok);
}

BOOST_AUTO_TEST_CASE(a_full_disk_refuses_what_needs_room_and_nothing_else) {
    one_write w(disk_fault_kind::no_space_sticky);
    BOOST_CHECK(w.first == disk_status::no_space);
    BOOST_TEST(read(w.disk, w.file, 4).empty());
    BOOST_CHECK(w.disk.open("g", open_mode::create).error() == disk_status::no_space);
    BOOST_CHECK(w.disk.truncate(w.file, 0) == disk_status::ok);
    BOOST_CHECK(w.disk.truncate(w.file, 1) == disk_status::no_space);
    BOOST_CHECK(w.disk.sync(w.file) == disk_status::ok);
    w.disk.heal();
    BOOST_CHECK(write(w.disk, w.file, "text") == disk_status::ok);
}

BOOST_AUTO_TEST_CASE(a_short_read_delivers_the_beginning_once) {
    one_write w(disk_fault_kind::short_read, 3);
    BOOST_TEST(read(w.disk, w.file, 4) == "tex");
    BOOST_TEST(read(w.disk, w.file, 4) == "text");
}

BOOST_AUTO_TEST_CASE(a_sync_that_fails_or_lies_makes_nothing_durable) {
    for (const auto& [kind, answer] : {std::pair(disk_fault_kind::sync_fails, disk_status::io_error),
                                       std::pair(disk_fault_kind::sync_lies, disk_status::ok)}) {
        one_write w(kind);
        BOOST_CHECK(w.disk.sync(w.file) == answer);
        BOOST_CHECK(w.disk.sync_directory("") == disk_status::ok);
        BOOST_TEST(w.disk.after_crash(crash_mode::power_loss_all, no_fates).contents("f").empty());
        BOOST_TEST(w.disk.injected().size() == 1U);
        BOOST_CHECK(w.disk.sync(w.file) == disk_status::ok);
        BOOST_TEST(w.disk.after_crash(crash_mode::power_loss_all, no_fates).contents("f") == "text");
    }
}

BOOST_AUTO_TEST_CASE(every_nth_sync_lies_until_healed) {
    one_write w(disk_fault_kind::sync_lies_every, 3);
    std::vector<std::uint64_t> lies;
    for (int i = 0; i < 7; ++i) w.disk.sync(w.file);
    for (const injected_fault& f : w.disk.injected()) lies.push_back(f.ordinal);
    BOOST_TEST(lies == (std::vector<std::uint64_t>{5, 8}), boost::test_tools::per_element());
    w.disk.heal();
    for (int i = 0; i < 7; ++i) w.disk.sync(w.file);
    BOOST_TEST(w.disk.injected().size() == 2U);
}

BOOST_AUTO_TEST_CASE(rot_in_a_read_passes_and_rot_on_the_disk_stays) {
    one_write reading(disk_fault_kind::bit_rot_read, 8);
    BOOST_TEST(read(reading.disk, reading.file, 4) == "tdxt");
    BOOST_TEST(read(reading.disk, reading.file, 4) == "text");

    one_write stored(disk_fault_kind::bit_rot_stored, 8);
    stored.disk.sync(stored.file);
    BOOST_TEST(read(stored.disk, stored.file, 4) == "tdxt");
    stored.disk.sync_directory("");
    BOOST_TEST(stored.disk.after_crash(crash_mode::power_loss_all, no_fates).contents("f") == "tdxt");
}

BOOST_AUTO_TEST_CASE(a_slow_disk_takes_virtual_time) {
    sim_disk disk;
    std::int64_t taken_us = 0;
    disk.on_delay([&](duration d) { taken_us += d.us; });
    disk.plan({2, disk_fault_kind::slow, 250});
    const file_node f = opened(disk, "f");
    BOOST_TEST(taken_us == 0);
    write(disk, f, "text");
    disk.sync(f);
    BOOST_TEST(taken_us == 500);
    disk.heal();
    disk.sync(f);
    BOOST_TEST(taken_us == 500);
}

BOOST_AUTO_TEST_CASE(a_copy_goes_its_own_way) {
    sim_disk disk;
    const file_node f = opened(disk, "f");
    write(disk, f, "text");
    sim_disk copy = disk;
    write(copy, f, "tent");
    BOOST_TEST(disk.contents("f") == "text");
    BOOST_TEST(copy.contents("f") == "tent");
    BOOST_TEST(disk.digest() != copy.digest());
}

BOOST_AUTO_TEST_CASE(a_disk_that_was_switched_off_does_nothing_any_more) {
    sim_disk disk;
    const file_node f = opened(disk, "f");
    BOOST_CHECK(write(disk, f, "text") == disk_status::ok);
    disk.die();
    BOOST_CHECK(write(disk, f, "more") == disk_status::dead);
    BOOST_TEST(disk.contents("f") == "text");
}

RC_BOOST_PROP(disks_look_alike_when_names_and_bytes_are_the_same, (std::uint64_t seed)) {
    const int steps = *rc::gen::inRange(1, 60);
    sim_disk one, two;
    scribble(one, seed, steps);
    scribble(two, *rc::gen::element(seed, seed + 1), steps);
    RC_ASSERT(one.looks_like(two) == (everything(one) == everything(two)));
    const sim_disk image = one.after_crash(crash_mode::process_kill, fates(seed));
    RC_ASSERT(image.looks_like(one));
    sim_disk copy = one;
    RC_ASSERT(copy.looks_like(one));
    scribble(copy, seed + 2, 3);
    RC_ASSERT(copy.looks_like(one) == (everything(copy) == everything(one)));
}

BOOST_AUTO_TEST_CASE(a_recording_may_begin_late_and_knows_its_crash_points) {
    sim_disk disk;
    const file_node f = opened(disk, "f");
    write(disk, f, "old");
    disk.sync(f);
    disk.sync_directory("");
    disk.record();
    read(disk, f, 3);      // 5
    write(disk, f, "new"); // 6
    read(disk, f, 3);      // 7
    disk.sync(f);          // 8
    BOOST_TEST(disk.crash_points() == (std::vector<std::uint64_t>{6, 8, 9}), boost::test_tools::per_element());
    BOOST_TEST(disk.crash_image(5, crash_mode::process_kill, no_fates).contents("f") == "old");
    BOOST_TEST(disk.crash_image(6, crash_mode::process_kill, no_fates).contents("f") == "new");
    BOOST_TEST(disk.crash_image(8, crash_mode::power_loss_all, no_fates).contents("f") == "old");
    BOOST_TEST(disk.crash_image(9, crash_mode::power_loss_all, no_fates).contents("f") == "new");
}

BOOST_AUTO_TEST_CASE(each_of_many_syncs_is_missing_from_the_image_of_a_crash_during_it) {
    // With one call more before them the syncs meet the other places between the recording's own copies of the disk.
    for (const std::uint64_t calls_before : {2U, 3U}) {
        sim_disk disk;
        disk.record();
        const file_node f = opened(disk, "f");
        while (disk.calls() < calls_before) disk.sync_directory("");
        for (std::uint64_t i = 0; i < 200; ++i) {
            write(disk, f, "x", i);
            disk.sync(f);
        }
        for (std::uint64_t k = calls_before + 1; k <= disk.calls() + 1; ++k) {
            const std::uint64_t completed_syncs = (k - calls_before - 1) / 2;
            const sim_disk image = disk.crash_image(k, crash_mode::power_loss_all, no_fates);
            BOOST_TEST(image.contents("f").size() == completed_syncs);
        }
    }
}

RC_BOOST_PROP(a_crash_image_is_what_a_run_with_that_crash_leaves, ()) {
    const auto seed = *rc::gen::inRange<std::uint64_t>(0, 1'000'000);
    const bool powersafe = *rc::gen::arbitrary<bool>();
    const disk_options options{512, powersafe};
    sim_disk recorded(options);
    recorded.record();
    scribble(recorded, seed, 400);
    const auto k = *rc::gen::inRange<std::uint64_t>(1, recorded.calls() + 2);
    sim_disk crashed(options);
    crashed.plan({k, disk_fault_kind::crash});
    scribble(crashed, seed, 400);
    for (const crash_mode mode : {crash_mode::process_kill, crash_mode::power_loss, crash_mode::power_loss_all}) {
        RC_ASSERT(everything(recorded.crash_image(k, mode, fates(seed))) ==
                  everything(crashed.after_crash(mode, fates(seed))));
    }
}

RC_BOOST_PROP(recording_changes_nothing, ()) {
    const auto seed = *rc::gen::inRange<std::uint64_t>(0, 1'000'000);
    sim_disk plain;
    sim_disk recorded;
    recorded.record();
    scribble(plain, seed, 200);
    scribble(recorded, seed, 200);
    RC_ASSERT(plain.digest() == recorded.digest());
    RC_ASSERT(everything(plain) == everything(recorded));
}

BOOST_AUTO_TEST_SUITE_END()
