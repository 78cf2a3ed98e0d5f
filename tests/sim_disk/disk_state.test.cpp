#include "sim/disk/disk_state.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>
#include <rapidcheck/boost_test.h>

using namespace aivp;
using namespace aivp::sim;

namespace {

const disk_options safe{512, true};
const disk_options unsafe{512, false};
const random_stream no_fates{0, "", "", ""};

random_stream fates(std::uint64_t seed) { return {seed, "disk", "test", "crash"}; }

written_bytes bytes_of(const std::string& text) { return written_bytes::copy_of(std::as_bytes(std::span(text))); }

std::string text_of(const paged_bytes& bytes) {
    std::string text(static_cast<std::size_t>(bytes.size()), '?');
    bytes.read(0, std::as_writable_bytes(std::span(text)));
    return text;
}

std::map<std::string, std::string> everything(const disk_state& disk) {
    std::map<std::string, std::string> all;
    for (const std::string& path : disk.paths()) all[path] = text_of(disk.live(disk.find(path)));
    return all;
}

std::map<std::string, std::string> after(disk_state disk, crash_mode mode, const disk_options& options = safe,
                                         const random_stream& stream = no_fates) {
    disk.crash(mode, stream, options);
    return everything(disk);
}

using files = std::map<std::string, std::string>;

/// What power losses with many different fates leave.
std::set<files> all_outcomes(const disk_state& disk, const disk_options& options = safe) {
    std::set<files> seen;
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
        seen.insert(after(disk, crash_mode::power_loss, options, fates(seed)));
    }
    return seen;
}

/// A durable file "f" of these bytes.
disk_state durable_file(const std::string& text) {
    disk_state disk;
    const file_node f = disk.create(1, "f");
    disk.write(2, f, 0, bytes_of(text));
    disk.sync(f);
    disk.sync_directory("");
    return disk;
}

} // namespace

BOOST_AUTO_TEST_SUITE(crash_model)

BOOST_AUTO_TEST_CASE(killing_the_process_loses_nothing) {
    disk_state disk = durable_file("old");
    disk.write(3, disk.find("f"), 0, bytes_of("new"));
    disk.create(4, "g");
    BOOST_CHECK((after(disk, crash_mode::process_kill) == files{{"f", "new"}, {"g", ""}}));
}

BOOST_AUTO_TEST_CASE(what_a_killed_process_wrote_can_still_be_lost_with_the_power) {
    disk_state disk = durable_file("old");
    disk.write(3, disk.find("f"), 0, bytes_of("new"));
    disk.crash(crash_mode::process_kill, no_fates, safe);
    BOOST_CHECK((after(disk, crash_mode::power_loss_all) == files{{"f", "old"}}));
}

BOOST_AUTO_TEST_CASE(a_write_that_was_not_synced_is_there_or_not) {
    disk_state disk = durable_file("old");
    disk.write(3, disk.find("f"), 0, bytes_of("new"));
    BOOST_CHECK((all_outcomes(disk) == std::set<files>{{{"f", "old"}}, {{"f", "new"}}}));
    disk.sync(disk.find("f"));
    BOOST_CHECK((all_outcomes(disk) == std::set<files>{{{"f", "new"}}}));
}

BOOST_AUTO_TEST_CASE(writes_arrive_in_any_order) {
    disk_state disk = durable_file("..");
    disk.write(3, disk.find("f"), 0, bytes_of("a"));
    disk.write(4, disk.find("f"), 1, bytes_of("b"));
    const std::set<files> expected{{{"f", ".."}}, {{"f", "a."}}, {{"f", ".b"}}, {{"f", "ab"}}};
    BOOST_CHECK(all_outcomes(disk) == expected);
}

BOOST_AUTO_TEST_CASE(a_later_write_to_the_same_place_wins_when_both_are_kept) {
    disk_state disk = durable_file(".");
    disk.write(3, disk.find("f"), 0, bytes_of("a"));
    disk.write(4, disk.find("f"), 0, bytes_of("b"));
    BOOST_CHECK((all_outcomes(disk) == std::set<files>{{{"f", "."}}, {{"f", "a"}}, {{"f", "b"}}}));
}

BOOST_AUTO_TEST_CASE(a_truncation_is_a_change_like_any_other) {
    disk_state disk = durable_file("abcdef");
    disk.truncate(3, disk.find("f"), 2);
    BOOST_CHECK((all_outcomes(disk) == std::set<files>{{{"f", "abcdef"}}, {{"f", "ab"}}}));
    disk.sync(disk.find("f"));
    BOOST_CHECK((all_outcomes(disk) == std::set<files>{{{"f", "ab"}}}));
}

BOOST_AUTO_TEST_CASE(a_torn_write_consists_of_whole_sectors) {
    disk_state disk = durable_file(std::string(1536, '.'));
    disk.write(3, disk.find("f"), 0, bytes_of(std::string(1536, 'x')));
    const std::set<files> outcomes = all_outcomes(disk);
    for (const files& outcome : outcomes) {
        for (std::size_t sector = 0; sector < 3; ++sector) {
            const std::string part = outcome.at("f").substr(sector * 512, 512);
            BOOST_TEST((part == std::string(512, '.') || part == std::string(512, 'x')));
        }
    }
    BOOST_TEST(outcomes.size() == 8U); // every choice of three sectors
}

BOOST_AUTO_TEST_CASE(powersafe_overwrite_spares_the_bytes_beside_a_write) {
    disk_state disk = durable_file(std::string(1024, '.'));
    disk.write(3, disk.find("f"), 500, bytes_of(std::string(100, 'x')));
    for (const files& outcome : all_outcomes(disk, safe)) {
        BOOST_TEST(outcome.at("f").substr(0, 500) == std::string(500, '.'));
        BOOST_TEST(outcome.at("f").substr(600) == std::string(424, '.'));
    }
    bool damaged = false;
    for (const files& outcome : all_outcomes(disk, unsafe)) {
        BOOST_TEST(outcome.at("f").size() == 1024U);
        damaged = damaged || outcome.at("f").substr(0, 500) != std::string(500, '.');
    }
    BOOST_TEST(damaged);
}

BOOST_AUTO_TEST_CASE(without_powersafe_overwrite_other_sectors_are_spared) {
    disk_state disk = durable_file(std::string(2048, '.'));
    disk.write(3, disk.find("f"), 600, bytes_of(std::string(10, 'x')));
    for (const files& outcome : all_outcomes(disk, unsafe)) {
        BOOST_TEST(outcome.at("f").substr(0, 512) == std::string(512, '.'));
        BOOST_TEST(outcome.at("f").substr(1024) == std::string(1024, '.'));
    }
}

BOOST_AUTO_TEST_CASE(a_synced_file_without_a_synced_name_can_vanish) {
    disk_state disk;
    const file_node f = disk.create(1, "f");
    disk.write(2, f, 0, bytes_of("text"));
    disk.sync(f);
    BOOST_CHECK((all_outcomes(disk) == std::set<files>{{}, {{"f", "text"}}}));
}

BOOST_AUTO_TEST_CASE(a_sync_of_a_directory_covers_every_name_in_it_and_no_other) {
    disk_state disk;
    disk.create(1, "d/main");
    disk.create(2, "d/main-journal");
    disk.create(3, "e/other");
    disk.create(4, "d/sub/deep");
    disk.sync_directory("d");
    BOOST_CHECK((after(disk, crash_mode::power_loss_all) == files{{"d/main", ""}, {"d/main-journal", ""}}));
}

BOOST_AUTO_TEST_CASE(a_sync_of_a_directory_does_not_cover_the_bytes) {
    disk_state disk;
    disk.write(2, disk.create(1, "f"), 0, bytes_of("text"));
    disk.sync_directory("");
    BOOST_CHECK((after(disk, crash_mode::power_loss_all) == files{{"f", ""}}));
}

BOOST_AUTO_TEST_CASE(an_unlink_is_pending_until_its_directory_is_synced) {
    disk_state disk = durable_file("text");
    disk.unlink(3, "f");
    BOOST_TEST(!disk.exists("f"));
    BOOST_CHECK((all_outcomes(disk) == std::set<files>{{}, {{"f", "text"}}}));
    disk.sync_directory("");
    BOOST_CHECK((all_outcomes(disk) == std::set<files>{{}}));
}

BOOST_AUTO_TEST_CASE(a_name_that_was_used_again_is_never_given_the_bytes_of_the_other_file) {
    disk_state disk = durable_file("old");
    disk.unlink(3, "f");
    const file_node second = disk.create(4, "f");
    disk.write(5, second, 0, bytes_of("new"));
    disk.sync(second);
    BOOST_CHECK((all_outcomes(disk) == std::set<files>{{}, {{"f", "old"}}, {{"f", "new"}}}));
}

BOOST_AUTO_TEST_CASE(a_rename_happens_at_once_or_not_at_all) {
    disk_state disk = durable_file("old");
    const file_node draft = disk.create(3, "f.draft");
    disk.write(4, draft, 0, bytes_of("new"));
    disk.sync(draft);
    disk.sync_directory("");
    disk.rename(5, "f.draft", "f");
    BOOST_CHECK((after(disk, crash_mode::process_kill) == files{{"f", "new"}}));
    BOOST_CHECK((all_outcomes(disk) == std::set<files>{{{"f", "old"}, {"f.draft", "new"}}, {{"f", "new"}}}));
    disk.sync_directory("");
    BOOST_CHECK((all_outcomes(disk) == std::set<files>{{{"f", "new"}}}));
}

BOOST_AUTO_TEST_CASE(an_unlinked_file_lives_as_long_as_it_is_open) {
    disk_state disk = durable_file("text");
    const file_node f = disk.find("f");
    const std::size_t before = disk.weight();
    disk.opened(f);
    disk.unlink(3, "f");
    disk.sync_directory("");
    BOOST_TEST(text_of(disk.live(f)) == "text");
    disk.closed(f);
    BOOST_TEST(disk.weight() + 5 == before); // two names, the file, a page live and durable
}

BOOST_AUTO_TEST_CASE(the_fate_of_a_change_does_not_depend_on_other_files) {
    const auto both = [](bool with_other) {
        disk_state disk = durable_file(std::string(2048, '.'));
        if (with_other) disk.write(3, disk.create(2, "e"), 0, bytes_of("other"));
        disk.write(7, disk.find("f"), 0, bytes_of(std::string(2048, 'x')));
        return disk;
    };
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        const files alone = after(both(false), crash_mode::power_loss, safe, fates(seed));
        const files beside = after(both(true), crash_mode::power_loss, safe, fates(seed));
        BOOST_TEST(alone.at("f") == beside.at("f"));
    }
}

/// Beside a model of plain strings: what is live, what was last synced, and for each byte what could be there.
RC_BOOST_PROP(agrees_with_a_naive_model, ()) {
    disk_state disk;
    const file_node f = disk.create(1, "f");
    disk.sync_directory("");
    std::string live;
    std::string durable;
    const auto bit = [](char c) { return std::uint64_t{1} << (c == '\0' ? 0 : c - 'a' + 1); };
    std::vector<std::uint64_t> candidates(40'000, bit('\0')); // for each byte the set of what could be there
    const auto remember = [&](const std::string& text) {
        for (std::size_t i = 0; i < text.size(); ++i) candidates[i] |= bit(text[i]);
    };
    const auto steps = *rc::gen::inRange<std::uint64_t>(1, 25);
    for (std::uint64_t i = 2; i < steps + 2; ++i) {
        const auto offset = *rc::gen::inRange<std::size_t>(0, 20'000);
        const auto what = *rc::gen::inRange(0, 6);
        if (what == 0) {
            disk.sync(f);
            durable = live;
            for (auto& c : candidates) c = bit('\0');
        } else if (what == 1) {
            disk.truncate(i, f, offset);
            live.resize(offset);
        } else {
            const std::string piece(*rc::gen::inRange<std::size_t>(1, 9'000), static_cast<char>('a' + i));
            disk.write(i, f, offset, bytes_of(piece));
            if (live.size() < offset + piece.size()) live.resize(offset + piece.size());
            live.replace(offset, piece.size(), piece);
        }
        remember(live);
        remember(durable);
    }
    RC_ASSERT(after(disk, crash_mode::process_kill).at("f") == live);
    RC_ASSERT(after(disk, crash_mode::power_loss_all).at("f") == durable);
    const auto seed = *rc::gen::arbitrary<std::uint64_t>();
    const std::string lost = after(disk, crash_mode::power_loss, safe, fates(seed)).at("f");
    for (std::size_t i = 0; i < lost.size(); ++i) RC_ASSERT((candidates[i] & bit(lost[i])) != 0U);
}

BOOST_AUTO_TEST_SUITE_END()
