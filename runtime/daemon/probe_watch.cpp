#include "runtime/daemon/probe_watch.hpp"

#include <algorithm>
#include <mutex>
#include <utility>
#include <vector>

#include "aivp/base/probe.hpp"

namespace aivp {

struct probe_watch::watching {
    std::function<void(const std::string&)> first;
    std::vector<const probe_place*> told;
};

namespace {

struct watcher_list {
    std::mutex mutex;
    std::vector<std::pair<const void*, std::function<void(const probe_place&)>>> all;
    probe_handler before = nullptr;
};
watcher_list& watchers() {
    static watcher_list list;
    return list;
}

void tell_watchers(const probe_place& place) {
    static thread_local bool telling = false; // what tells may itself come by a probe
    if (std::exchange(telling, true)) return;
    auto& list = watchers();
    {
        const std::lock_guard lock(list.mutex);
        for (const auto& [owner, tell] : list.all) tell(place);
    }
    telling = false;
}

std::string place_text(const source_pos& where) { return where.file + ":" + std::to_string(where.line); }

payload probe_count(std::uint64_t n) { return payload::of_integer(static_cast<std::int64_t>(n)); }

} // namespace

probe_watch::probe_watch(std::function<void(const std::string& text)> first)
    : watching_(std::make_shared<watching>(watching{std::move(first), {}})) {
    auto& list = watchers();
    const std::lock_guard lock(list.mutex);
    list.all.emplace_back(this, [w = watching_](const probe_place& place) {
        if (std::ranges::find(w->told, &place) != w->told.end()) return;
        w->told.push_back(&place);
        w->first(std::string("a statement about aivp's own code is violated: ") +
                 (place.kind == probe_kind::always ? "always: " : "never: ") + place.name + " (" +
                 place_text(position_of(place)) +
                 "). This is a defect of aivp; it goes on, and `aivpd status` counts how often it happens");
    });
    if (list.all.size() == 1) list.before = set_probe_handler(&tell_watchers);
}

probe_watch::~probe_watch() {
    auto& list = watchers();
    const std::lock_guard lock(list.mutex);
    std::erase_if(list.all, [this](const auto& w) { return w.first == this; });
    if (list.all.empty()) set_probe_handler(std::exchange(list.before, nullptr));
}

payload probe_watch::report() {
    std::uint64_t known = 0, reached = 0;
    std::vector<payload> violated;
    for (const probe_entry& e : probe_catalogue()) {
        if (e.kind == probe_kind::sometimes || e.kind == probe_kind::reachable) {
            ++known;
            reached += e.hits > 0;
        }
        if (e.violations > 0)
            violated.push_back(payload::of_object({{"count", probe_count(e.violations)},
                                                   {"kind", payload::of_string(to_string(e.kind))},
                                                   {"name", payload::of_string(e.name)},
                                                   {"where", payload::of_string(place_text(e.where))}}));
    }
    return payload::of_object(
        {{"known", probe_count(known)}, {"reached", probe_count(reached)}, {"violated", payload::of_array(violated)}});
}

} // namespace aivp
