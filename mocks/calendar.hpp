// Calendars with events; times are RFC 3339.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "mocks/service.hpp"

namespace aivp {

struct calendar_event {
    std::string id;
    std::string title;
    instant start;
    instant end; ///< after start; not part of the event
    std::vector<std::string> attendees;
    std::string description;
    friend bool operator==(const calendar_event&, const calendar_event&) = default;
};

struct calendar_state {
    std::map<std::string, std::vector<calendar_event>> calendars{{"primary", {}}}; ///< events in order of creation
    bool refuse_conflicts = false; ///< an event that overlaps another one is refused
    std::uint64_t minted = 0;      ///< ids "evt-<n>" handed out
    friend bool operator==(const calendar_state&, const calendar_state&) = default;
};

/// list {calendar?, from, to}; create_event {calendar?, title, start, end, attendees?, description?} → {id, conflicts};
/// delete_event {calendar?, id}; free_busy {calendar?, from, to} → {busy:[{start,end}]}, merged.
class calendar_mock final : public mock_service {
public:
    std::string_view name() const override { return "calendar"; }
    const std::vector<std::string>& operations() const override;
    result<payload> perform(const mock_request& request, std::string& target) override;
    /// {"calendars": {"primary": [{"id","title","start","end","attendees","description"}]}, "refuse_conflicts", "minted"}
    result<void> seed(const payload& state, std::string at) override;
    payload dump() const override;
    std::unique_ptr<mock_service> clone() const override { return std::make_unique<calendar_mock>(*this); }

    const calendar_state& state() const { return state_; }

private:
    result<payload> list(const mock_request& request, std::string& target) const;
    result<payload> free_busy(const mock_request& request, std::string& target) const;
    result<payload> create(const mock_request& request, std::string& target);
    result<payload> remove(const mock_request& request, std::string& target);

    calendar_state state_;
};

} // namespace aivp
