// How long the mocked world takes to answer. Values; every draw comes from the stream that the caller keyed.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "aivp/base/error.hpp"
#include "aivp/base/payload.hpp"
#include "aivp/base/random.hpp"
#include "aivp/base/time.hpp"
#include "aivp/ports/completion.hpp"

namespace aivp {

class latency_model {
public:
    latency_model() = default; ///< no delay at all

    static latency_model fixed(duration d);
    /// Uniform in [low, high]. Precondition: 0 <= low <= high.
    static latency_model uniform(duration low, duration high);
    /// `least` plus an exponentially distributed part with the given mean, at most `most`.
    static latency_model exponential(duration mean, duration least = {}, duration most = hours(24));
    /// Draws one of the samples, each equally often (inverse of their distribution function). They need not be sorted.
    /// Precondition: not empty, none negative.
    static latency_model empirical(std::vector<duration> samples);
    /// The recorded gaps in their order, from the beginning again after the last. Precondition: as empirical().
    static latency_model recorded(std::vector<duration> gaps);

    /// "250ms" | {"fixed":d} | {"uniform":[low,high]} | {"exponential":mean,"least":d,"most":d} | {"samples":[…]} |
    /// {"recorded":[…]}; a duration is text, an integer counts microseconds. Errors: config.*, time.*.
    static result<latency_model> parse(const payload& document, std::string at = {});

    /// Never negative. Needs no stream when constant(). recorded() advances with each draw.
    duration draw(random_stream& stream);
    bool constant() const { return what_ == kind::fixed || what_ == kind::recorded; }
    /// Only for constant() models: the next value.
    duration draw_constant();

private:
    enum class kind : std::uint8_t { fixed, uniform, exponential, empirical, recorded };
    kind what_ = kind::fixed;
    duration a_; ///< fixed value, low, mean
    duration b_; ///< high, most
    duration c_; ///< least
    std::shared_ptr<const std::vector<duration>> samples_;
    std::size_t position_ = 0;
};

/// One draw for one call: the same for the same seed, component, entity and call, whatever else is drawn.
duration draw_for_call(latency_model& model, std::uint64_t seed, std::string_view component, std::string_view entity,
                       call_ref ref);

/// Latencies by name, for skills and for models: "mail.send" before "mail" before "" (everything else). A value.
class latency_table {
public:
    void set(std::string_view name, latency_model model);
    /// A latency for everything, or {"": …, "mail": …, "mail.send": …}; `*` is the same as "". An object with a key of
    /// latency_model::parse is a latency. Errors: config.*, time.*.
    static result<latency_table> parse(const payload& document, std::string at = {});
    /// nullptr when nothing is said about it: no latency.
    latency_model* find(std::string_view name);

private:
    std::map<std::string, latency_model, std::less<>> models_;
};

} // namespace aivp
