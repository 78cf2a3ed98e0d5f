#include "runtime/store/memory_store.hpp"

namespace aivp {

commit_outcome memory_store::commit(std::span<const journal_record> batch) {
    std::uint64_t last = count_;
    instant at = last_at_;
    for (const journal_record& record : batch) {
        if (record.seq.value != ++last || record.at < at) return commit_outcome::failed;
        at = record.at;
    }
    for (const journal_record& record : batch) keep(record);
    return commit_outcome::ok;
}

void memory_store::keep(const journal_record& record) {
    ++count_;
    bytes_ += record.line.size();
    last_at_ = record.at;
    head_ = record.chain;
    if (keep_ == retention::head) return;
    const std::uint64_t begin = text_.size();
    text_ += record.line;
    entries_.push_back({begin, text_.size(), record.at, record.chain});
}

result<void> memory_store::save_snapshot(const state_snapshot& s) {
    if (s.seq.value > count_) return fail(errc::io_write, "a snapshot of a record that is not in the journal");
    snapshot_ = s;
    return {};
}

std::string_view memory_store::line(std::uint64_t n) const {
    const entry& e = entries_.at(n - 1);
    return std::string_view(text_).substr(e.begin, e.end - e.begin);
}

result<void> memory_store::read(seq_no from, const std::function<bool(const journal_record&)>& visit) {
    if (keep_ == retention::head) return fail(errc::io_read, "this store keeps the head of the journal only");
    digest_chain chain(from.value > 1 && from.value <= count_ + 1 ? entries_[from.value - 2].chain : digest{});
    for (std::uint64_t n = from.value < 1 ? 1 : from.value; n <= count_; ++n) {
        const entry& e = entries_[n - 1];
        if (chain.append(line(n)) != e.chain)
            return fail(errc::store_corrupt, "record " + std::to_string(n) + " does not fit the digest chain");
        if (!visit({seq_no{n}, e.at, line(n), e.chain})) return {};
    }
    return {};
}

result<journal_record> memory_store::head() { return journal_record{seq_no{count_}, last_at_, {}, head_}; }

} // namespace aivp
