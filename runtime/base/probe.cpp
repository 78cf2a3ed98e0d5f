#include "aivp/base/probe.hpp"

#include <algorithm>
#include <map>
#include <string_view>
#include <tuple>
#include <utility>

#include "runtime/base/probe_recorder.hpp"

namespace aivp {

namespace detail {

namespace {
constinit std::atomic<probe*> probes_known = nullptr;
constinit thread_local probe_sink* probe_sink_here = nullptr;
constinit std::atomic<probe_handler> probe_handler_now = nullptr;
constinit std::atomic<unsigned> recordings = 0;
constinit thread_local probe_recorder* recorder_here = nullptr;
} // namespace

/// What the functions below may look at.
class probe_registry {
public:
    static void add(probe& p) {
        p.next_ = probes_known.load(std::memory_order_relaxed);
        while (!probes_known.compare_exchange_weak(p.next_, &p, std::memory_order_release, std::memory_order_relaxed)) {
        }
    }
    template <class Visit>
    static void each(Visit visit) {
        for (probe* p = probes_known.load(std::memory_order_acquire); p; p = p->next_) visit(*p);
    }
    static const probe_place& place(const probe& p) { return p.place_; }
    static std::uint64_t hits(const probe& p) { return p.hits_.load(std::memory_order_relaxed); }
    static std::uint64_t violations(const probe& p) { return p.violations_.load(std::memory_order_relaxed); }
    static void rearm(probe& p) {
        p.hit_ = false;
        p.hits_ = 0;
        p.violations_ = 0;
    }
    /// The next hit is told again.
    static void wake(probe& p) { p.hit_.store(false, std::memory_order_relaxed); }
};

bool register_probe(probe& p) noexcept {
    probe_registry::add(p);
    return true;
}

void probe::first_hit() noexcept {
    if (recordings.load(std::memory_order_relaxed) == 0) {
        hits_.fetch_add(1, std::memory_order_relaxed);
        hit_.store(true, std::memory_order_relaxed);
        return;
    }
    if (hits_.load(std::memory_order_relaxed) == 0) hits_.fetch_add(1, std::memory_order_relaxed);
    if (recorder_here) recorder_here->hit(place_);
}

void probe::violated() noexcept {
    hit();
    violations_.fetch_add(1, std::memory_order_relaxed);
    if (probe_sink_here)
        probe_sink_here->violated(place_);
    else if (const probe_handler told = probe_handler_now.load(std::memory_order_acquire))
        told(place_);
}

} // namespace detail

namespace {

/// From the root of the project. The build gives the compiler absolute paths, or (with a shared compiler cache) paths from
/// beside the root: "../aivp/runtime/…".
std::string_view probe_file(const char* file) {
    constexpr std::string_view here = __FILE__, below_root = "runtime/base/probe.cpp";
    constexpr std::string_view root = here.substr(0, here.size() - below_root.size());
    std::string_view path = file;
    if (path.starts_with(root)) return path.substr(root.size());
    while (path.starts_with("../")) path.remove_prefix(3);
    const std::string_view folder = root.substr(root.size() < 2 ? 0 : root.rfind('/', root.size() - 2) + 1);
    return path.starts_with(folder) ? path.substr(folder.size()) : path;
}

using probe_key = std::tuple<std::string_view, std::string_view, std::uint32_t>;

probe_key key_of(const probe_place& p) { return {p.name, probe_file(p.file), p.line}; }

/// By name, file and line: the instances of a template share all three.
std::map<probe_key, probe_entry> probes_by_place() {
    std::map<probe_key, probe_entry> out;
    detail::probe_registry::each([&out](const detail::probe& p) {
        const probe_place& place = detail::probe_registry::place(p);
        probe_entry& e = out[key_of(place)];
        e.kind = place.kind;
        e.name = place.name;
        e.where = position_of(place);
        e.hits += detail::probe_registry::hits(p);
        e.violations += detail::probe_registry::violations(p);
    });
    return out;
}

} // namespace

const char* to_string(probe_kind k) {
    switch (k) {
    case probe_kind::always: return "always";
    case probe_kind::sometimes: return "sometimes";
    case probe_kind::reachable: return "reachable";
    case probe_kind::unreachable: return "unreachable";
    }
    return "sometimes";
}

source_pos position_of(const probe_place& p) { return {std::string(probe_file(p.file)), p.line, 0}; }

std::vector<probe_entry> probe_catalogue() {
    std::vector<probe_entry> out;
    for (auto& [key, entry] : probes_by_place()) out.push_back(std::move(entry));
    return out;
}

std::vector<probe_clash> probe_clashes() {
    std::vector<probe_clash> out;
    const std::vector<probe_entry> all = probe_catalogue();
    for (std::size_t i = 1; i < all.size(); ++i)
        if (all[i].name == all[i - 1].name) out.push_back({all[i].name, all[i - 1].where, all[i].where});
    return out;
}

void rearm_probes() {
    detail::probe_registry::each([](detail::probe& p) { detail::probe_registry::rearm(p); });
}

probe_recording::probe_recording() {
    if (detail::recordings.fetch_add(1) == 0)
        detail::probe_registry::each([](detail::probe& p) { detail::probe_registry::wake(p); });
}
probe_recording::~probe_recording() { detail::recordings.fetch_sub(1); }
bool probe_recording::active() { return detail::recordings.load(std::memory_order_relaxed) != 0; }

probe_recorder::probe_recorder() : outer_(std::exchange(detail::recorder_here, this)) {}
probe_recorder::~probe_recorder() { detail::recorder_here = outer_; }

void probe_recorder::hit(const probe_place& p) {
    if (p.kind != probe_kind::sometimes && p.kind != probe_kind::reachable) return;
    const probe_place*& slot = recent_[(reinterpret_cast<std::uintptr_t>(&p) >> 5) % recent_.size()];
    if (slot == &p) return;
    slot = &p;
    if (std::find(seen_.begin(), seen_.end(), &p) == seen_.end()) seen_.push_back(&p);
}

std::vector<std::uint64_t> probe_recorder::hits() const {
    std::vector<std::uint64_t> out;
    for (const probe_place* p : seen_) {
        std::uint64_t hash = 14695981039346656037U; // FNV-1a
        for (const char c : std::string_view(p->name)) hash = (hash ^ static_cast<std::uint8_t>(c)) * 1099511628211U;
        out.push_back(hash);
    }
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
}

probe_scope::probe_scope(probe_sink& sink) : outer_(std::exchange(detail::probe_sink_here, &sink)) {}
probe_scope::~probe_scope() { detail::probe_sink_here = outer_; }

probe_handler set_probe_handler(probe_handler handler) { return detail::probe_handler_now.exchange(handler); }

} // namespace aivp
