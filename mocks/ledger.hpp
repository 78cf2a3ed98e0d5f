// The world ledger: every call that reached the mocked world, in order of arrival. Expectations of a scenario are questions
// to it, and its digest says in 32 bytes whether two runs did the same to the world.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aivp/base/error.hpp"
#include "aivp/base/hash.hpp"
#include "aivp/base/id.hpp"
#include "aivp/base/payload.hpp"
#include "aivp/base/time.hpp"
#include "aivp/kernel/effect.hpp"

namespace aivp {

struct ledger_entry {
    std::uint64_t ordinal = 0; ///< from 1
    instant at;
    run_id run;
    call_id call;
    std::string agent;
    std::string connector;      ///< "mail"
    std::string operation;      ///< "mail.send"
    std::string target;         ///< whom or what it concerns: recipients, path, address; may be empty
    payload arguments;          ///< as received, filled-in secrets included
    effect_key idempotency_key; ///< zeros when the call carried none
    effect_class effect = effect_class::write;
    effect_outcome outcome = effect_outcome::ok;
    errc code = errc::ok;           ///< why it did not end well
    digest result;                  ///< hash of what was answered
    std::uint64_t duplicate_of = 0; ///< ordinal of the call whose effect this one repeats; nothing happened again
    friend bool operator==(const ledger_entry&, const ledger_entry&) = default;
};

/// Canonical JSON. `key` holds the first 16 digits of the idempotency key; absent fields are empty or zero.
std::string to_json_line(const ledger_entry& e);

/// All conditions must hold; what is not set holds always.
struct ledger_filter {
    std::string operation;            ///< "mail.send", "mail.*" or empty
    std::optional<payload> arguments; ///< a part of the arguments, see subset_matches
    std::optional<std::string> target;
    std::optional<std::string> agent;
    std::optional<run_id> run;
    std::optional<effect_class> effect;
    std::optional<effect_outcome> outcome;
    std::optional<bool> duplicate; ///< true: only repeats of a keyed effect; false: none of them
    bool matches(const ledger_entry& e) const;
};

enum class ledger_mode : std::uint8_t {
    entries, ///< keeps everything
    counts,  ///< bounded memory: counts per operation and the digest
    tally,   ///< counts only; digest() stays at its start
};

/// Threads: the driver's. A value: copying it forks it.
class world_ledger {
public:
    explicit world_ledger(ledger_mode mode = ledger_mode::entries) : mode_(mode) {}

    /// Sets the ordinal and returns it.
    std::uint64_t append(ledger_entry e);

    std::uint64_t size() const { return size_; }
    ledger_mode mode() const { return mode_; }
    /// Empty unless entries are kept.
    const std::vector<ledger_entry>& entries() const { return entries_; }

    /// The three questions need kept entries: config.not_supported in the other modes.
    result<std::uint64_t> count(const ledger_filter& filter) const;
    /// nullptr = none.
    result<const ledger_entry*> first(const ledger_filter& filter) const;
    result<const ledger_entry*> last(const ledger_filter& filter) const;

    /// In every mode: calls of an operation ("mail.send"; empty = all) that ended so, repeats not counted.
    std::uint64_t count(std::string_view operation, effect_outcome outcome) const;
    /// In every mode: repeats of keyed effects.
    std::uint64_t duplicates() const { return duplicates_; }
    /// In every mode: writes that took place, each keyed one once.
    std::uint64_t effects() const { return effects_; }

    /// One canonical JSON object a line, each with a newline.
    std::string to_json_lines() const;
    /// Chain over the JSON lines; the same whether entries are kept or not.
    const digest& digest_head() const;

private:
    result<void> need_entries() const;

    ledger_mode mode_;
    std::uint64_t size_ = 0;
    std::uint64_t duplicates_ = 0;
    std::uint64_t effects_ = 0;
    std::map<std::string, std::uint64_t, std::less<>> counts_[3];
    std::vector<ledger_entry> entries_;
    mutable digest_chain chain_;
    mutable std::uint64_t chained_ = 0;
};

} // namespace aivp
