#include "sim/crash_stores.hpp"

#include <algorithm>

#include "aivp/base/canonical_text.hpp"
#include "aivp/base/payload.hpp"

namespace aivp::sim {

namespace {

/// Does somebody outside wait for what becomes of this input? Answers and timers are nobody's question.
bool is_asked(std::string_view line) {
    const auto input = member(*payload::parse(line), "input");
    if (!input) return false;
    const auto type = member(*input, "type");
    return !type || *type != payload::of_string("timer_elapsed");
}

/// "agent trigger time" when the event is a trigger that was accepted.
void collect_window(seq_no seq, std::string_view event, std::vector<std::pair<seq_no, std::string>>& out) {
    std::string_view agent, trigger, time;
    bool accepted = false;
    for (const auto& [key, value] : member_texts(event)) {
        if (key == "agent") agent = value;
        if (key == "scheduled_for") time = value;
        if (key == "trigger") trigger = value;
        if (key == "type") accepted = value == "\"trigger_accepted\"";
    }
    if (accepted) out.emplace_back(seq, std::string(agent).append(" ").append(trigger).append(" ").append(time));
}

/// Of each window of a schedule that this record turned into a run.
void collect_windows(const journal_record& record, std::vector<std::pair<seq_no, std::string>>& out) {
    // What a timer says is short, and stands behind the events.
    constexpr std::size_t end_bytes = 200;
    const std::size_t skipped = record.line.size() > end_bytes ? record.line.size() - end_bytes : 0;
    if (record.line.substr(skipped).find("\"timer\":\"trigger\"") == std::string_view::npos) return;
    for (const auto& [key, events] : member_texts(record.line)) {
        if (key != "events") continue;
        for (const std::string_view event : item_texts(events)) collect_window(record.seq, event, out);
    }
}

} // namespace

commit_outcome marking_store::commit(std::span<const journal_record> batch) {
    empty_log_when_due(); // before the commit: it then is no part of it
    commit_mark m{.calls_before = disk_.calls(),
                  .effects_before = watch_.effects(),
                  .before = {batch.front().seq.value - 1},
                  .after = batch.back().seq,
                  .events = watch_.events(),
                  .at = watch_.now()};
    const commit_outcome how = next_.commit(batch);
    m.calls_after = disk_.calls();
    m.acknowledged = how == commit_outcome::ok;
    for (const journal_record& r : batch) {
        m.asked = m.asked || is_asked(r.line);
        records[r.seq] = {r.seq, r.at, r.chain, std::string(r.line)};
        if (m.acknowledged) collect_windows(r, windows);
    }
    marks.push_back(m);
    return how;
}

commit_outcome tailed_store::commit(std::span<const journal_record> batch) {
    if (!in_memory_) {
        const commit_outcome how = hosted_store::commit(batch);
        if (how != commit_outcome::ok) return how;
        durable_last_ = batch.back().seq;
        durable_at_ = batch.back().at;
        durable_chain_ = batch.back().chain;
    } else {
        seq_no last = tail_.empty() ? durable_last_ : tail_.back().seq;
        instant at = tail_.empty() ? durable_at_ : tail_.back().at;
        for (const journal_record& r : batch) {
            if (r.seq.value != ++last.value || r.at < at) return commit_outcome::failed;
            at = r.at;
        }
        for (const journal_record& r : batch) tail_.push_back({r.seq, r.at, r.chain, std::string(r.line)});
    }
    for (const journal_record& r : batch) collect_windows(r, windows_);
    if (!in_memory_ && after_commit_) in_memory_ = after_commit_(batch.back().seq);
    return commit_outcome::ok;
}

result<void> tailed_store::read(seq_no from, const std::function<bool(const journal_record&)>& visit) {
    from.value = std::max<std::uint64_t>(from.value, 1);
    if (trusted_) {
        for (auto r = run_->lower_bound(from); r != run_->end() && r->first <= trusted_->seq; ++r)
            if (!visit({r->second.seq, r->second.at, r->second.line, r->second.chain})) return {};
        from.value = std::max(from.value, trusted_->seq.value + 1);
        if (durable_last_.value == 0) return {}; // its head was compared, too
    }
    seq_no last{from.value - 1};
    bool go_on = true;
    AIVP_CHECK(next_.read(from, [&](const journal_record& record) {
        last = record.seq;
        return go_on = visit(record);
    }));
    if (!go_on) return {};
    if (last < durable_last_)
        return fail(errc::store_corrupt,
                    "record " + std::to_string(last.value + 1) + " was committed and is not there");
    if (!in_memory_) return {};
    return read_tail(from, visit);
}

result<void> tailed_store::read_tail(seq_no from, const std::function<bool(const journal_record&)>& visit) const {
    digest_chain chain(durable_chain_);
    for (const kept_record& k : tail_) {
        if (chain.append(k.line) != k.chain)
            return fail(errc::store_corrupt,
                        "record " + std::to_string(k.seq.value) + " does not fit the digest chain");
        if (k.seq >= from && !visit({k.seq, k.at, k.line, k.chain})) return {};
    }
    return {};
}

result<void> tailed_store::save_snapshot(const state_snapshot& s) {
    return in_memory_ ? result<void>() : next_.save_snapshot(s);
}

result<std::optional<state_snapshot>> tailed_store::load_snapshot() {
    return trusted_ ? result<std::optional<state_snapshot>>(trusted_) : next_.load_snapshot();
}

} // namespace aivp::sim
