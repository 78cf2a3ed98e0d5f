#include "aivp/engine/recovery.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace aivp {

namespace {

/// The state of the latest snapshot, or an empty one with the reason why it is not used.
recovered_state start_of(store_port& store, snapshot_source& snapshots) {
    recovered_state out;
    auto saved = store.load_snapshot();
    if (!saved) {
        out.warnings.push_back("the snapshot cannot be read: " + saved.error().message);
        return out;
    }
    if (!*saved) return out;
    auto state = decode_state((*saved)->state, snapshots);
    if (!state) {
        out.warnings.push_back("the snapshot at record " + std::to_string((*saved)->seq.value) +
                               " is not used: " + state.error().message);
        return out;
    }
    out.state = std::move(*state);
    out.seq = (*saved)->seq;
    out.at = (*saved)->at;
    out.chain = (*saved)->chain;
    return out;
}

/// The records after `out`, applied to it.
result<void> read_on(recovered_state& out, store_port& store, snapshot_source& snapshots) {
    std::optional<error> wrong;
    AIVP_CHECK(store.read({out.seq.value + 1}, [&](const journal_record& record) {
        auto step = replay_line(out.state, record.line, snapshots);
        if (step && step->seq != record.seq) step = fail(errc::store_corrupt, "the line has another number");
        if (step && step->at != record.at) step = fail(errc::store_corrupt, "the line has another time");
        if (!step) {
            wrong = std::move(step.error());
            wrong->message = "record " + std::to_string(record.seq.value) + ": " + wrong->message;
            return false;
        }
        out.seq = record.seq;
        out.at = record.at;
        out.chain = record.chain;
        ++out.records_read;
        return true;
    }));
    if (wrong) return std::unexpected(std::move(*wrong));
    return {};
}

} // namespace

result<recovered_state> read_state(store_port& store, snapshot_source& snapshots) {
    recovered_state out = start_of(store, snapshots);
    const seq_no start = out.seq;
    const auto read = read_on(out, store, snapshots);
    if (read) return out;
    if (start.value == 0 || read.error().code != errc::store_corrupt) return std::unexpected(read.error());
    // The journal is the truth: when it does not go on from a snapshot, that may be the snapshot's fault.
    recovered_state whole;
    whole.warnings = std::move(out.warnings);
    AIVP_CHECK(read_on(whole, store, snapshots));
    whole.warnings.push_back("the snapshot at record " + std::to_string(start.value) +
                             " is not used: the journal does not go on from it: " + read.error().message);
    return whole;
}

} // namespace aivp
