#include "sim/crash_images.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace aivp::sim {

result<known_content> verified_contents::examine(sqlite_store& store) {
    AIVP_TRY(database_bytes bytes, store.bytes());
    for (const kept& k : kept_)
        if (k.bytes.view() == bytes.view()) return k.known;
    AIVP_TRY(const std::uint64_t records, store.verify());
    AIVP_TRY(const journal_record head, store.head());
    if (head.seq.value != records)
        return fail(errc::store_corrupt,
                    "the last of " + std::to_string(records) + " records is number " + std::to_string(head.seq.value));
    if (kept_.size() == kept_max) kept_.pop_back();
    kept_.push_front({std::move(bytes), {next_id_++, {head.seq, head.at, {}, head.chain}}});
    return kept_.front().known;
}

result<const state_snapshot*> folded_states::after(sqlite_store& store, const journal_record& head) {
    const auto fits = [&](const kept& k) { return k.encoded.seq == head.seq && k.encoded.chain == head.chain; };
    const auto known = std::find_if(kept_.begin(), kept_.end(), fits);
    if (known != kept_.end()) return &known->encoded;
    const auto older = [&](const kept& k) { return k.encoded.seq < head.seq; };
    const auto before = std::find_if(kept_.begin(), kept_.end(), older); // the newest ones stand in front
    const bool whole = folded_++ % read_whole_every == 0;
    std::optional<kept> made;
    if (before != kept_.end()) {
        AIVP_TRY(made, read_on(*before, store, head));
    }
    if (whole || !made) {
        AIVP_TRY(kept read, read_whole(store));
        if (made && made->encoded.state != read.encoded.state)
            return fail(errc::store_corrupt,
                        "the whole journal leads to another state than its last records after a state before them");
        made = std::move(read);
    }
    if (made->encoded.seq != head.seq || made->encoded.chain != head.chain)
        return fail(errc::store_corrupt, "the journal ends elsewhere than its head says");
    if (kept_.size() == kept_max) kept_.pop_back();
    kept_.push_front(std::move(*made));
    return &kept_.front().encoded;
}

result<folded_states::kept> folded_states::read_whole(sqlite_store& store) {
    AIVP_TRY(recovered_state all, read_state(store, snapshots_));
    const state_snapshot encoded{all.seq, all.at, all.chain, encode_state(all.state)};
    return kept{std::move(all.state), encoded};
}

result<folded_states::kept> folded_states::read_on(const kept& before, sqlite_store& store,
                                                   const journal_record& head) {
    kept out = before;
    std::optional<error> wrong;
    AIVP_CHECK(store.read({before.encoded.seq.value + 1}, [&](const journal_record& record) {
        if (record.seq > head.seq) return false;
        if (auto step = replay_line(out.state, record.line, snapshots_); !step) {
            wrong = std::move(step.error());
            return false;
        }
        out.encoded.seq = record.seq;
        out.encoded.at = record.at;
        out.encoded.chain = record.chain;
        return true;
    }));
    if (wrong) return std::unexpected(std::move(*wrong));
    out.encoded.state = encode_state(out.state);
    return out;
}

} // namespace aivp::sim
