#include "sim/durable_store.hpp"

#include <utility>

namespace aivp::sim {

namespace {

std::mutex& one_at_a_time() {
    static std::mutex m;
    return m;
}

constexpr int opens_max = 20; ///< more faults in a row than any plan has

/// Another place of the file for each ordinal.
std::uint64_t rotten_bit(std::uint64_t ordinal) { return (ordinal * 0x9E37'79B9'7F4A'7C15U) >> 20; }

disk_fault translated(const fault& f) {
    const bool once = f.times == 1;
    switch (f.kind) {
    case fault_kind::disk_full:
        return {f.ordinal, once ? disk_fault_kind::no_space_once : disk_fault_kind::no_space_sticky, 0};
    case fault_kind::disk_sync_fails: return {f.ordinal, disk_fault_kind::sync_fails, 0};
    case fault_kind::disk_short_read: return {f.ordinal, disk_fault_kind::short_read, 0};
    case fault_kind::disk_bit_rot:
        return {f.ordinal, f.form == 0 ? disk_fault_kind::bit_rot_read : disk_fault_kind::bit_rot_stored,
                rotten_bit(f.ordinal)};
    case fault_kind::disk_slow:
        return {f.ordinal, disk_fault_kind::slow, static_cast<std::uint64_t>(f.effective_span().us)};
    default: return {f.ordinal, once ? disk_fault_kind::io_error_once : disk_fault_kind::io_error_sticky, 0};
    }
}

bool is_of_disk(const fault& f) { return f.port() == fault_port::disk; }

} // namespace

commit_outcome acknowledging_store::commit(std::span<const journal_record> batch) {
    const commit_outcome outcome = next_.commit(batch);
    if (outcome != commit_outcome::ok) return outcome;
    acknowledged_ = batch.back().seq;
    chain_ = batch.back().chain;
    calls_by_commit_.push_back(disk_.calls());
    return outcome;
}

result<void> acknowledging_store::read(seq_no from, const std::function<bool(const journal_record&)>& visit) {
    seq_no last{from.value - 1};
    bool to_the_end = true, is_another = false;
    auto done = next_.read(from, [&](const journal_record& record) {
        last = record.seq;
        is_another |= record.seq == acknowledged_ && record.chain != chain_;
        return to_the_end = visit(record);
    });
    // A store that says that it is not whole loses nothing in silence.
    if (!done || !lost_.empty()) return done;
    if (is_another) lost_ = "record " + std::to_string(acknowledged_.value) + " is another one";
    if (to_the_end && last < acknowledged_)
        lost_ = std::to_string(last.value) + " of " + std::to_string(acknowledged_.value) + " records";
    return done;
}

durable_store::durable_store(instant start, std::uint64_t seed, const fault_plan& plan)
    : alone_(one_at_a_time()), plan_(plan), vfs_(disk_, {seed, "sqlite", "store", "entropy"}), files_(disk_) {
    for (const fault& f : plan.faults)
        if (is_of_disk(f)) disk_.plan(translated(f));
    options_.path = "store/aivp.db";
    options_.files = &files_;
    options_.writer = "simulation";
    options_.opened_at = start;
}

result<void> durable_store::open() {
    for (int i = 0;; ++i) {
        auto opened = sqlite_store::open(options_);
        if (opened) {
            store_ = std::move(*opened);
            watched_ = std::make_unique<acknowledging_store>(*store_, disk_);
            return {};
        }
        if (!repair() || i == opens_max) return std::unexpected(std::move(opened).error());
    }
}

void durable_store::heal() {
    if (!calls_healed_) calls_healed_ = disk_.calls();
    disk_.plan_nothing();
}

result<void> durable_store::reopen() { return store_->reopen(); }

std::optional<duration> durable_store::repair() {
    const std::vector<injected_fault>& all = disk_.injected();
    if (seen_ == all.size()) return std::nullopt;
    const auto cause = index_of(all.back());
    seen_ = all.size();
    disk_.heal();
    return cause ? plan_.faults[*cause].effective_span() : duration{};
}

std::optional<std::size_t> durable_store::index_of(const injected_fault& injected) const {
    std::optional<std::size_t> found;
    for (std::size_t i = 0; i < plan_.faults.size(); ++i) {
        const fault& f = plan_.faults[i];
        if (!is_of_disk(f) || translated(f).kind != injected.kind || f.ordinal > injected.ordinal) continue;
        if (!found || plan_.faults[*found].ordinal < f.ordinal) found = i;
    }
    return found;
}

std::vector<met_fault> durable_store::met() const {
    std::vector<met_fault> out;
    for (const injected_fault& f : disk_.injected())
        if (const auto i = index_of(f)) out.push_back({.index = *i, .ordinal = f.ordinal, .at = {}, .after = {}});
    return out;
}

} // namespace aivp::sim
