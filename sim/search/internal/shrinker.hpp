// A case that is made smaller step by step. The steps themselves: shrink_faults.cpp, shrink_workload.cpp,
// shrink_settings.cpp.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "sim/search/internal/expectation_pin.hpp"
#include "sim/search/shrink.hpp"

namespace aivp::sim::internal {

/// The finding about the property; nullptr when there is none.
const finding* broken_in(const run_report& r, const std::string& what);

class shrinker {
public:
    shrinker(run_case found, std::string property, const shrink_options& options)
        : best_(std::move(found)), property_(std::move(property)), options_(options) {}

    /// The first execution. Errors as shrink().
    result<void> begin();
    bool shrinks() const { return !is_expectation_ || (options_.reference && best_.edits.expect); }
    /// Which faults of the best case, whose expectation is pinned to a reference, it takes.
    std::vector<bool> required() const;
    void run();
    run_case& best() { return best_; }
    const run_report& report() const { return report_; }
    shrink_statistics& statistics() { return statistics_; }

private:
    bool fails(const case_result& r) const { return r.find(property_) != nullptr; }
    std::optional<run_case> right_for(const run_case& c) const { return with_right(c, service_, options_.reference); }
    result<void> pin(const finding& broken);
    std::size_t first_failing(std::vector<run_case>& candidates);
    bool finished() {
        if (!statistics_.out_of_time && options_.expired && options_.expired()) statistics_.out_of_time = true;
        return statistics_.out_of_time || statistics_.tries >= options_.tries_max;
    }
    /// The first of the candidates that fails is the best case from now on.
    std::optional<std::size_t> take_first(std::vector<run_case> candidates);
    bool take(run_case candidate) {
        std::vector<run_case> one;
        one.push_back(std::move(candidate));
        return take_first(std::move(one)).has_value();
    }
    bool take_edits(workload_edits edits) {
        auto candidate = with_edits(best_, std::move(edits));
        return candidate && take(std::move(*candidate));
    }
    /// Keeps a smallest part of n things without which it does not fail; `make` builds the case of those that stay.
    void minimise(std::size_t n, const std::function<std::optional<run_case>(const std::vector<bool>&)>& make);

    void drop_unmet();
    void drop_faults();
    void weaken_faults();
    void weaken_fault(std::size_t i);
    void cut_time();
    void end_at_an_event();
    void drop_triggers();
    void shorten_triggers();
    void expand_triggers();
    void restore_bodies();
    void drop_agents();
    void close_gaps();
    void lower_settings();
    bool lower(const setting& s, std::int64_t to);
    void lower_seed();

    run_case best_;
    std::string property_;
    const shrink_options& options_;
    run_report report_; ///< of the best case
    shrink_statistics statistics_;
    std::set<digest> tried_; ///< and did not fail
    bool is_expectation_ = false;
    std::string service_; ///< that a pinned expectation of the world is about
};

} // namespace aivp::sim::internal
