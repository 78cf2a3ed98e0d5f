// What a live host says of the statements in its own code (aivp/base/probe.hpp): a violated one is a defect of aivp, and
// nobody else would hear of it.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "aivp/base/payload.hpp"

namespace aivp {

/// While one lives, it is told of violations on threads that have no sink, of each place once; places are forgotten with it.
/// Any number at a time. Nothing else may set the probe handler meanwhile.
class probe_watch {
public:
    /// `first` gets a sentence for people, on the thread of the violation, which may be any. It must hold no probes.
    explicit probe_watch(std::function<void(const std::string& text)> first);
    ~probe_watch();
    probe_watch(const probe_watch&) = delete;
    probe_watch& operator=(const probe_watch&) = delete;

    /// Of this process since its start: {"known","reached","violated":[{"count","kind","name","where"}]}. `known` and
    /// `reached` count those that should happen sometimes; `violated` is by name.
    static payload report();

private:
    struct watching;
    std::shared_ptr<watching> watching_;
};

} // namespace aivp
