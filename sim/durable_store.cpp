#include "sim/durable_store.hpp"

#include <utility>

namespace aivp::sim {

namespace {

std::mutex& one_at_a_time() {
    static std::mutex m;
    return m;
}

constexpr int opens_max = 20; ///< more faults in a row than any plan has

disk_fault translated(const fault& f) {
    const bool once = f.times == 1;
    switch (f.kind) {
    case fault_kind::disk_full:
        return {f.ordinal, once ? disk_fault_kind::no_space_once : disk_fault_kind::no_space_sticky, 0};
    case fault_kind::disk_sync_fails: return {f.ordinal, disk_fault_kind::sync_fails, 0};
    case fault_kind::disk_short_read: return {f.ordinal, disk_fault_kind::short_read, 0};
    case fault_kind::disk_bit_rot:
        return {f.ordinal, f.form == 0 ? disk_fault_kind::bit_rot_read : disk_fault_kind::bit_rot_stored, 1000};
    case fault_kind::disk_slow:
        return {f.ordinal, disk_fault_kind::slow, static_cast<std::uint64_t>(f.effective_span().us)};
    default: return {f.ordinal, once ? disk_fault_kind::io_error_once : disk_fault_kind::io_error_sticky, 0};
    }
}

bool is_of_disk(const fault& f) { return f.port() == fault_port::disk; }

} // namespace

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
            return {};
        }
        if (!repair() || i == opens_max) return std::unexpected(std::move(opened).error());
    }
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
