// A world that takes no time, for benchmarks of what stands in front of it.
#pragma once

#include "aivp/base/payload.hpp"
#include "aivp/ports/connector.hpp"

namespace bench {

/// Answers every call at once with one prepared result.
class instant_connector final : public aivp::connector_port {
public:
    void call(const aivp::skill_request& r, aivp::completion_sink& sink) override {
        sink.skill_done({{r.run, r.call}, aivp::effect_outcome::ok, result_, aivp::errc::ok, {}});
    }
    void cancel(aivp::call_ref) override {}

private:
    aivp::payload result_ = *aivp::payload::parse(R"({"ok":true,"rows":3})");
};

} // namespace bench
