// The durable store itself under the crash model: created, written and checkpointed, with a crash at every call.
#include "sim/disk/sim_vfs.hpp"

#include <memory>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "aivp/base/hash.hpp"
#include "runtime/store/sqlite_store.hpp"
#include "sim/disk/disk_files.hpp"

using namespace aivp;
using namespace aivp::sim;

namespace {

constexpr std::uint64_t batches = 12;

random_stream entropy() { return {1, "sqlite", "store", "entropy"}; }

struct store_world {
    explicit store_world(sqlite_options o) : options(std::move(o)) { options.files = &files; }
    void mount(sim_disk& disk) {
        vfs.mount(disk, entropy());
        files.mount(disk);
    }
    result<std::unique_ptr<sqlite_store>> open() { return sqlite_store::open(options); }

    sim_disk unused;
    sim_vfs vfs{unused, entropy()};
    disk_files files{unused};
    sqlite_options options;
};

sqlite_options options_of(sqlite_options::journal_mode journal, sqlite_options::locking lock,
                          sqlite_options::durability durable = sqlite_options::durability::power_loss_safe) {
    sqlite_options o;
    o.path = "store/agent.db";
    o.journal = journal;
    o.durable = durable;
    o.lock = lock;
    o.writer = "test";
    return o;
}

std::string line_of(std::uint64_t seq) { return "{\"seq\":" + std::to_string(seq) + "}"; }

struct acknowledged_record {
    std::uint64_t seq;
    std::uint64_t calls; ///< of the disk, when the commit returned
};

/// Two records a batch; in the middle of it all a checkpoint.
std::vector<acknowledged_record> write_batches(sqlite_store& store, const sim_disk& disk) {
    std::vector<acknowledged_record> done;
    digest_chain chain;
    for (std::uint64_t batch = 1; batch <= batches; ++batch) {
        std::vector<std::string> lines;
        std::vector<journal_record> records;
        for (const std::uint64_t seq : {2 * batch - 1, 2 * batch}) lines.push_back(line_of(seq));
        for (std::size_t i = 0; i < lines.size(); ++i) {
            const std::uint64_t seq = 2 * batch - 1 + i;
            const auto at = static_cast<std::int64_t>(seq);
            records.push_back({seq_no{seq}, instant{at}, lines[i], chain.append(lines[i])});
        }
        if (store.commit(records) == commit_outcome::ok) done.push_back({2 * batch, disk.calls()});
        if (batch == batches / 2) BOOST_TEST(store.checkpoint().has_value());
    }
    return done;
}

struct verdicts {
    std::uint64_t cycles = 0;
    std::uint64_t unreadable = 0;
    std::uint64_t torn = 0;
    std::uint64_t lost = 0;
};

void check(store_world& world, std::uint64_t acknowledged, verdicts& v) {
    ++v.cycles;
    const auto store = world.open();
    if (!store) {
        BOOST_TEST_MESSAGE(store.error().message);
        ++v.unreadable;
        return;
    }
    const auto records = (*store)->verify();
    if (!records) {
        ++v.unreadable;
        return;
    }
    v.torn += *records % 2;
    v.lost += *records < acknowledged ? 1U : 0U;
}

verdicts crash_everywhere(const sqlite_options& options, const disk_options& device) {
    store_world world(options);
    sim_disk recorded(device);
    recorded.record();
    world.mount(recorded);
    std::vector<acknowledged_record> done;
    {
        const auto store = world.open();
        BOOST_REQUIRE(store.has_value());
        done = write_batches(**store, recorded);
    }
    BOOST_TEST(done.size() == batches);
    verdicts v;
    sim_disk image;
    for (const std::uint64_t k : recorded.crash_points()) {
        std::uint64_t acknowledged = 0;
        for (const acknowledged_record& r : done) acknowledged = r.calls < k ? r.seq : acknowledged;
        for (std::uint64_t i = 0; i < 3; ++i) {
            const crash_mode mode = i == 0 ? crash_mode::power_loss_all : crash_mode::power_loss;
            image = recorded.crash_image(k, mode, {k, "disk", "store", "crash " + std::to_string(i)});
            world.mount(image);
            check(world, acknowledged, v);
        }
    }
    world.mount(world.unused);
    BOOST_TEST_MESSAGE("calls " << recorded.calls() << " cycles " << v.cycles << " unreadable " << v.unreadable
                                << " torn " << v.torn << " lost " << v.lost);
    return v;
}

using journal_mode = sqlite_options::journal_mode;
using locking = sqlite_options::locking;
using durability = sqlite_options::durability;

} // namespace

BOOST_AUTO_TEST_SUITE(durable_store_after_power_loss)

BOOST_AUTO_TEST_CASE(a_safe_store_opens_with_every_acknowledged_batch_whole) {
    for (const disk_options& device : {disk_options{512, false}, disk_options{4096, true}}) {
        for (const sqlite_options& options :
             {options_of(journal_mode::wal, locking::shared), options_of(journal_mode::wal, locking::exclusive),
              options_of(journal_mode::rollback, locking::shared)}) {
            const verdicts v = crash_everywhere(options, device);
            BOOST_TEST(v.cycles > 100U);
            BOOST_TEST(v.unreadable == 0U);
            BOOST_TEST(v.torn == 0U);
            BOOST_TEST(v.lost == 0U);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_store_that_is_safe_from_process_crashes_alone_loses_batches_but_never_half_of_one) {
    const verdicts v =
        crash_everywhere(options_of(journal_mode::wal, locking::shared, durability::process_crash_safe), {4096, true});
    BOOST_TEST(v.unreadable == 0U);
    BOOST_TEST(v.torn == 0U);
    BOOST_TEST(v.lost > 0U);
}

BOOST_AUTO_TEST_CASE(equal_worlds_write_the_same_store) {
    const auto digest_of_run = [] {
        store_world world(options_of(journal_mode::wal, locking::shared));
        sim_disk disk;
        world.mount(disk);
        {
            const auto store = world.open();
            BOOST_REQUIRE(store.has_value());
            write_batches(**store, disk);
        }
        world.mount(world.unused);
        return disk.digest();
    };
    BOOST_TEST(digest_of_run() == digest_of_run());
}

BOOST_AUTO_TEST_SUITE_END()
