// Statements about the code that stand in the code: what must always hold there, and what must happen there at least once in
// a good suite. Each has a unique name and is known before main(), so that one that was never reached can be reported too.
//
//   AIVP_ALWAYS(reserved >= 0, "a reservation is never negative");     // false: a violation
//   AIVP_SOMETIMES(window < now, "a window of the past is taken");     // never true in the whole suite: a gap of the suite
//   AIVP_REACHABLE("a breaker opens");                                 // the same, of the place itself
//   AIVP_UNREACHABLE("a call passes without a grant");                 // reached: a violation
//
// None of them changes what the program does: a violated one is counted and told, and the program goes on. In a world that is
// simulated it becomes a finding of that world. Once hit, a probe costs its condition and one relaxed load of a flag.
// After the assertions of Antithesis, which register the same way (see docs/adr/0019-properties.md).
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "aivp/base/error.hpp"

namespace aivp {

enum class probe_kind : std::uint8_t { always, sometimes, reachable, unreachable };
const char* to_string(probe_kind k);

/// Where a probe stands. Static storage.
struct probe_place {
    probe_kind kind = probe_kind::sometimes;
    const char* name = "";
    const char* file = ""; ///< as the compiler was given it
    std::uint32_t line = 0;
};
/// The file as seen from the root of the project: "runtime/engine/gate.cpp:71".
source_pos position_of(const probe_place& p);

/// One name of the catalogue. Several instances of a template, or of a lambda in one, are one entry.
struct probe_entry {
    probe_kind kind = probe_kind::sometimes;
    std::string name;
    source_pos where;             ///< column 0
    std::uint64_t hits = 0;       ///< 0 = never reached, or never true; counting ends once the flag is set
    std::uint64_t violations = 0; ///< of always and unreachable: every one
};
/// All probes that are linked into this program, by name. From any thread.
std::vector<probe_entry> probe_catalogue();

/// Two places with one name.
struct probe_clash {
    std::string name;
    source_pos first;
    source_pos second;
};
/// Empty in a correct program. By name.
std::vector<probe_clash> probe_clashes();

/// As if nothing had been reached or violated yet. Nobody else may be running probes meanwhile.
void rearm_probes();

/// Who is told of violations, on the thread on which they happen. Must not throw, and must not run what holds probes.
class probe_sink {
public:
    virtual void violated(const probe_place& p) = 0;

protected:
    ~probe_sink() = default;
};

/// While it lives, violations on this thread go to `sink`, which must outlive it. Scopes nest; of one thread each.
class probe_scope {
public:
    explicit probe_scope(probe_sink& sink);
    ~probe_scope();
    probe_scope(const probe_scope&) = delete;
    probe_scope& operator=(const probe_scope&) = delete;

private:
    probe_sink* outer_;
};

/// Told of violations on threads that have no sink; nullptr (the beginning): they are counted only. Returns the one before.
using probe_handler = void (*)(const probe_place&);
probe_handler set_probe_handler(probe_handler handler);

namespace detail {

/// Constant-initialised: usable before the constructors of any unit have run.
class probe {
public:
    explicit constexpr probe(const probe_place& place) : place_(place) {}
    void hit() noexcept {
        if (!hit_.load(std::memory_order_relaxed)) [[unlikely]]
            first_hit();
    }
    [[gnu::cold, gnu::noinline]] void violated() noexcept;

private:
    friend class probe_registry;
    [[gnu::cold, gnu::noinline]] void first_hit() noexcept;

    probe_place place_;
    std::atomic<bool> hit_ = false;
    std::atomic<std::uint64_t> hits_ = 0;
    std::atomic<std::uint64_t> violations_ = 0;
    probe* next_ = nullptr; ///< in the list of all
};

bool register_probe(probe& p) noexcept;

/// One a site: `Site` is a type of that very place. Naming `registered` is what makes the compiler emit it.
template <class Site>
struct probe_of {
    static constinit inline probe instance{Site::place()};
    static inline const bool registered = register_probe(instance);
    static probe& here() noexcept {
        (void)&registered;
        return instance;
    }
};

} // namespace detail
} // namespace aivp

#define AIVP_PROBE_SITE(what, text)                                         \
    struct aivp_probe_site {                                                \
        static constexpr ::aivp::probe_place place() {                      \
            return {::aivp::probe_kind::what, "" text, __FILE__, __LINE__}; \
        }                                                                   \
    }

#define AIVP_ALWAYS(cond, name)                                                                \
    do {                                                                                       \
        AIVP_PROBE_SITE(always, name);                                                         \
        ::aivp::detail::probe& aivp_probe = ::aivp::detail::probe_of<aivp_probe_site>::here(); \
        aivp_probe.hit();                                                                      \
        if (!(cond)) [[unlikely]]                                                              \
            aivp_probe.violated();                                                             \
    } while (false)

#define AIVP_SOMETIMES(cond, name)                                         \
    do {                                                                   \
        AIVP_PROBE_SITE(sometimes, name);                                  \
        if (cond) ::aivp::detail::probe_of<aivp_probe_site>::here().hit(); \
    } while (false)

#define AIVP_REACHABLE(name)                                     \
    do {                                                         \
        AIVP_PROBE_SITE(reachable, name);                        \
        ::aivp::detail::probe_of<aivp_probe_site>::here().hit(); \
    } while (false)

#define AIVP_UNREACHABLE(name)                                        \
    do {                                                              \
        AIVP_PROBE_SITE(unreachable, name);                           \
        ::aivp::detail::probe_of<aivp_probe_site>::here().violated(); \
    } while (false)
