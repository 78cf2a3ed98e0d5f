// Which probes one run hits, for a search that wants to know what is new about it. A probe by itself only knows whether it was
// ever hit; while somebody records, every hit is told to the recorder of its thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "aivp/base/probe.hpp"

namespace aivp {

/// While one lives, probes do not stop telling. Scopes nest. Nobody may be running probes while the first begins: what was
/// known to be hit is looked at anew from then on, without being forgotten.
class probe_recording {
public:
    probe_recording();
    ~probe_recording();
    probe_recording(const probe_recording&) = delete;
    probe_recording& operator=(const probe_recording&) = delete;

    static bool active();
};

/// What its thread hits while it lives: of sometimes and reachable each the hash of its name. Without a probe_recording it
/// sees nothing that anybody can rely on. Scopes nest, and only the innermost is told.
class probe_recorder {
public:
    probe_recorder();
    ~probe_recorder();
    probe_recorder(const probe_recorder&) = delete;
    probe_recorder& operator=(const probe_recorder&) = delete;

    void hit(const probe_place& p);
    /// Sorted, each once.
    std::vector<std::uint64_t> hits() const;

private:
    probe_recorder* outer_;
    std::array<const probe_place*, 64> recent_{}; ///< by address: most hits are of what was hit before
    std::vector<const probe_place*> seen_;        ///< each once
};

} // namespace aivp
