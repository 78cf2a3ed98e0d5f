// What led to what in a journal: which earlier record each record answers.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "sim/search/case.hpp"
#include "sim/search/journal_view.hpp"

namespace aivp::tools {

struct caused_record {
    seq_no seq;
    instant at;
    sim::record_view told;
    std::int64_t run = 0;    ///< that it is about; 0 = none
    std::uint64_t cause = 0; ///< number of the record that led to it; 0 = it came from outside
};

/// All records. A completion is led to by the record that asked for it, a timer by the one that armed it, an operator's word
/// about a run by the last record of that run.
std::vector<caused_record> causes_of(const sim::journal_text& journal);

/// Numbers of the records that led to this one, ascending, itself the last.
std::vector<std::uint64_t> chain_to(const std::vector<caused_record>& records, seq_no seq);

/// Names for the numbers of a journal.
class journal_names {
public:
    journal_names(const sim::scenario& s, const std::vector<caused_record>& records);
    /// "agent 3" when it is not known.
    std::string agent(std::int64_t number) const;
    std::string agent_of_run(std::int64_t run) const;
    /// The binding of a `call_intended`.
    std::string binding(std::int64_t run, std::int64_t number) const;
    /// Of any call that was asked for: the binding, "the model", "the user".
    std::string call(std::int64_t run, std::int64_t number) const;

private:
    const sim::scenario& scenario_;
    std::map<std::int64_t, std::string> agents_;
    std::map<std::int64_t, std::int64_t> agent_of_run_;
    std::map<std::pair<std::int64_t, std::int64_t>, std::string> calls_;
};

/// The run of an event; where the event leaves it out, that of its record.
inline std::int64_t run_of(const sim::event_view& e, const caused_record& r) {
    const std::int64_t run = e.number("run");
    return run != 0 ? run : r.told.correlation;
}

/// Does it ask a port for an answer: model_requested, call_intended, user_asked, call_resent?
bool asks(const sim::event_view& e);
/// Is it the answer: model_settled, call_settled, user_answered?
bool settles(const sim::event_view& e);

} // namespace aivp::tools
