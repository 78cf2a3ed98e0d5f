#include "mocks/calendar.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "aivp/skill/fields.hpp"
#include "mocks/internal/json_out.hpp"

namespace aivp {
namespace {

std::string calendar_event_json(const calendar_event& e) {
    object_writer out;
    out.text("id", e.id).text("title", e.title).text("start", to_string(e.start)).text("end", to_string(e.end));
    if (!e.attendees.empty()) out.texts("attendees", e.attendees);
    if (!e.description.empty()) out.text("description", e.description);
    return out.json();
}

bool calendar_overlaps(const calendar_event& e, instant from, instant to) { return e.start < to && from < e.end; }

std::unexpected<error> calendar_missing(const calendar_state& state, std::string_view name) {
    std::vector<std::string> names;
    for (const auto& [calendar, events] : state.calendars) names.push_back(calendar);
    return fail(errc::skill_not_found,
                "calendar: there is no calendar \"" + shortened(name, 60) + "\"; there are " + some_of(names));
}

struct calendar_window {
    std::vector<calendar_event> events; // by start, then id
    instant from;
    instant to;
};

result<calendar_window> calendar_read_window(const calendar_state& state, const mock_request& request,
                                             std::string& target) {
    field_reader in(request.arguments, field_origin::request);
    target = in.text_or("calendar", "primary");
    calendar_window w;
    w.from = in.time("from");
    w.to = in.time("to");
    if (in.ok() && w.to <= w.from) in.refuse("to", errc::config_range, "must be after \"from\"");
    AIVP_CHECK(in.done());
    const auto found = state.calendars.find(target);
    if (found == state.calendars.end()) return calendar_missing(state, target);
    std::ranges::copy_if(found->second, std::back_inserter(w.events),
                         [&](const calendar_event& e) { return calendar_overlaps(e, w.from, w.to); });
    std::ranges::sort(w.events, [](const calendar_event& a, const calendar_event& b) {
        return a.start != b.start ? a.start < b.start : a.id < b.id;
    });
    return w;
}

calendar_event calendar_read_event(field_reader& in) {
    calendar_event e;
    e.title = in.text("title");
    e.start = in.time("start");
    e.end = in.time("end");
    e.attendees = in.texts("attendees");
    e.description = in.text_or("description", "");
    if (in.ok() && e.end <= e.start) in.refuse("end", errc::config_range, "must be after \"start\"");
    return e;
}

} // namespace

const std::vector<std::string>& calendar_mock::operations() const {
    static const std::vector<std::string> names{"create_event", "delete_event", "free_busy", "list"};
    return names;
}

result<payload> calendar_mock::perform(const mock_request& request, std::string& target) {
    if (request.operation == "list") return list(request, target);
    if (request.operation == "create_event") return create(request, target);
    if (request.operation == "free_busy") return free_busy(request, target);
    if (request.operation == "delete_event") return remove(request, target);
    return unknown_operation(*this, request);
}

result<payload> calendar_mock::list(const mock_request& request, std::string& target) const {
    AIVP_TRY(const auto window, calendar_read_window(state_, request, target));
    array_writer events;
    for (const calendar_event& e : window.events) events.raw(calendar_event_json(e));
    return object_writer().raw("events", events.json()).build();
}

result<payload> calendar_mock::free_busy(const mock_request& request, std::string& target) const {
    AIVP_TRY(const auto window, calendar_read_window(state_, request, target));
    std::vector<std::pair<instant, instant>> busy;
    for (const calendar_event& e : window.events) {
        const instant start = std::max(e.start, window.from);
        const instant end = std::min(e.end, window.to);
        if (!busy.empty() && start <= busy.back().second)
            busy.back().second = std::max(busy.back().second, end);
        else
            busy.emplace_back(start, end);
    }
    array_writer out;
    for (const auto& [start, end] : busy)
        out.raw(object_writer().text("start", to_string(start)).text("end", to_string(end)).json());
    return object_writer().raw("busy", out.json()).build();
}

result<payload> calendar_mock::create(const mock_request& request, std::string& target) {
    field_reader in(request.arguments, field_origin::request);
    target = in.text_or("calendar", "primary");
    calendar_event e = calendar_read_event(in);
    AIVP_CHECK(in.done());
    const auto found = state_.calendars.find(target);
    if (found == state_.calendars.end()) return calendar_missing(state_, target);
    std::vector<std::string> conflicts;
    for (const calendar_event& other : found->second)
        if (calendar_overlaps(other, e.start, e.end)) conflicts.push_back(other.id);
    if (state_.refuse_conflicts && !conflicts.empty())
        return fail(errc::skill_conflict,
                    "calendar: \"" + target + "\" is taken at that time by " + some_of(conflicts));
    e.id = "evt-" + std::to_string(++state_.minted);
    const std::string id = e.id;
    found->second.push_back(std::move(e));
    return object_writer().text("id", id).texts("conflicts", conflicts).build();
}

result<payload> calendar_mock::remove(const mock_request& request, std::string& target) {
    field_reader in(request.arguments, field_origin::request);
    target = in.text_or("calendar", "primary");
    const std::string id = in.text("id");
    AIVP_CHECK(in.done());
    const auto found = state_.calendars.find(target);
    if (found == state_.calendars.end()) return calendar_missing(state_, target);
    return object_writer()
        .boolean("deleted", std::erase_if(found->second, [&](const calendar_event& e) { return e.id == id; }) > 0)
        .build();
}

result<void> calendar_mock::seed(const payload& state, std::string at) {
    field_reader in(state, field_origin::seed, at);
    calendar_state next;
    next.refuse_conflicts = in.boolean_or("refuse_conflicts", false);
    next.minted = static_cast<std::uint64_t>(in.integer_or("minted", 0, 0, 1'000'000'000));
    std::set<std::string> ids;
    for (const auto& [name, events] : in.map("calendars")) {
        const std::string where = in.pointer("calendars") + pointer_step(name);
        if (!events.is_array()) {
            in.adopt({errc::config_type,
                      where + ": must be an array of events and is " + std::string(json_kind(events)),
                      {},
                      {},
                      {{"pointer", where}}});
            break;
        }
        auto& list = next.calendars[name];
        for (const payload& document : items(events)) {
            field_reader one(document, field_origin::seed, where + "/" + std::to_string(list.size()));
            calendar_event e = calendar_read_event(one);
            e.id = one.text_or("id", "evt-s" + std::to_string(ids.size() + 1));
            if (!ids.insert(e.id).second)
                one.refuse("id", errc::config_duplicate, "two events have the id \"" + e.id + "\"");
            if (auto read = one.done(); !read) in.adopt(read.error());
            next.minted = std::max(next.minted, minted_number(e.id, "evt-"));
            list.push_back(std::move(e));
        }
    }
    AIVP_CHECK(in.done());
    state_ = std::move(next);
    return {};
}

payload calendar_mock::dump() const {
    std::vector<std::pair<std::string, payload>> calendars;
    for (const auto& [name, events] : state_.calendars) {
        array_writer list;
        for (const calendar_event& e : events) list.raw(calendar_event_json(e));
        calendars.emplace_back(name, payload::from_canonical(list.json()));
    }
    object_writer out;
    out.boolean("refuse_conflicts", state_.refuse_conflicts)
        .value("calendars", payload::of_object(std::move(calendars)));
    return out.integer("minted", static_cast<std::int64_t>(state_.minted)).build();
}

} // namespace aivp
