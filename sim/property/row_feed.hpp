// Makes rows of what happened: of committed events, and of what reached the world.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "aivp/engine/driver.hpp"
#include "mocks/ledger.hpp"
#include "sim/property/monitor.hpp"

namespace aivp::sim {

class row_feed {
public:
    /// `out` must outlive it.
    explicit row_feed(property_monitor& out) : out_(out) {}

    void add(const ledger_entry& e);
    /// `agents`: as they are after the events.
    void add(const std::vector<engine_event>& events, const std::vector<agent_state>& agents, instant at);
    /// The events will be told again, from the first on.
    void forget_events() { runs_.clear(); }

private:
    struct call_watch {
        std::uint64_t number = 0;
        bool model = false;
        std::uint32_t binding = 0;
        std::uint32_t attempts = 1;
        instant started;
        payload arguments;
    };
    struct run_watch {
        snapshot_ptr snapshot;
        std::string trigger;
        instant accepted;
        instant started;
        bool has_started = false;
        payload body;
        std::int64_t calls = 0;
        std::int64_t turns = 0;
        std::vector<call_watch> open;
    };
    /// Fills one row, field after field.
    class row_writer;

    void add(const trigger_accepted& e, const std::vector<agent_state>& agents, instant at);
    void add(const trigger_refused& e, const std::vector<agent_state>& agents, instant at);
    void add(const run_started& e, instant at);
    void add(const call_intended& e, instant at);
    void add(const model_requested& e, instant at);
    void add(const call_retry_planned& e, instant at);
    void add(const call_refused& e, instant at);
    void add(const call_settled& e, instant at);
    void add(const model_settled& e, instant at);
    void add(const run_finished& e, instant at);
    run_watch* find(run_id run);
    static call_watch* find(run_watch& r, call_id call);

    property_monitor& out_;
    std::map<run_id, run_watch> runs_;
    property_row row_;
};

} // namespace aivp::sim
