#include "mocks/latency.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "aivp/base/assert.hpp"
#include "aivp/skill/fields.hpp"

namespace aivp {
namespace {

std::shared_ptr<const std::vector<duration>> latency_samples(std::vector<duration> samples) {
    AIVP_ASSERT(!samples.empty(), "a latency model needs samples");
    AIVP_ASSERT(std::ranges::min(samples) >= duration{}, "nothing takes a negative time");
    return std::make_shared<const std::vector<duration>>(std::move(samples));
}

std::unexpected<error> latency_error(errc code, const std::string& at, const std::string& message) {
    return std::unexpected(error{code, (at.empty() ? "latency" : at) + ": " + message, {}, {}, {{"pointer", at}}});
}

result<duration> latency_duration(const payload& value, const std::string& at) {
    if (const auto us = as_integer(value)) {
        if (*us >= 0) return duration{*us};
        return latency_error(errc::time_range, at, "is negative");
    }
    const auto text = as_string(value);
    if (!text) {
        return latency_error(errc::config_type, at,
                             "must be a duration such as 250ms or microseconds, and is " +
                                 std::string(json_kind(value)));
    }
    auto parsed = parse_duration(*text);
    if (!parsed)
        return latency_error(parsed.error().code, at, "\"" + shortened(*text, 60) + "\" is no duration such as 250ms");
    if (parsed->us < 0) return latency_error(errc::time_range, at, "is negative");
    return *parsed;
}

result<std::vector<duration>> latency_list(const payload& value, const std::string& at) {
    if (!value.is_array()) return latency_error(errc::config_type, at, "must be an array of durations");
    std::vector<duration> out;
    for (const payload& item : items(value)) {
        AIVP_TRY(const duration d, latency_duration(item, at + "/" + std::to_string(out.size())));
        out.push_back(d);
    }
    if (out.empty()) return latency_error(errc::config_value, at, "holds no durations");
    return out;
}

} // namespace

latency_model latency_model::fixed(duration d) {
    latency_model m;
    m.a_ = d;
    return m;
}
latency_model latency_model::uniform(duration low, duration high) {
    AIVP_ASSERT(duration{} <= low && low <= high, "a latency range goes from 0 or more upwards");
    latency_model m;
    m.what_ = kind::uniform;
    m.a_ = low;
    m.b_ = high;
    return m;
}
latency_model latency_model::exponential(duration mean, duration least, duration most) {
    latency_model m;
    m.what_ = kind::exponential;
    m.a_ = mean;
    m.b_ = most;
    m.c_ = least;
    return m;
}
latency_model latency_model::empirical(std::vector<duration> samples) {
    std::ranges::sort(samples);
    latency_model m;
    m.what_ = kind::empirical;
    m.samples_ = latency_samples(std::move(samples));
    return m;
}
latency_model latency_model::recorded(std::vector<duration> gaps) {
    latency_model m;
    m.what_ = kind::recorded;
    m.samples_ = latency_samples(std::move(gaps));
    return m;
}

result<latency_model> latency_model::parse(const payload& document, std::string at) {
    if (!document.is_object()) {
        AIVP_TRY(const duration d, latency_duration(document, at));
        return fixed(d);
    }
    field_reader in(document, field_origin::seed, at);
    const auto fixed_value = in.maybe_value("fixed");
    const auto range = in.maybe_value("uniform");
    const auto mean = in.maybe_value("exponential");
    const auto samples = in.maybe_value("samples");
    const auto gaps = in.maybe_value("recorded");
    const auto least = mean ? in.maybe_value("least") : std::nullopt;
    const auto most = mean ? in.maybe_value("most") : std::nullopt;
    AIVP_CHECK(in.done());
    if (fixed_value.has_value() + range.has_value() + mean.has_value() + samples.has_value() + gaps.has_value() != 1)
        return latency_error(errc::config_value, at,
                             "names exactly one of fixed, uniform, exponential, samples, recorded");
    if (fixed_value) {
        AIVP_TRY(const duration d, latency_duration(*fixed_value, in.pointer("fixed")));
        return fixed(d);
    }
    if (range) {
        AIVP_TRY(const auto ends, latency_list(*range, in.pointer("uniform")));
        if (ends.size() != 2 || ends[0] > ends[1])
            return latency_error(errc::config_range, in.pointer("uniform"), "must be [low, high] with low <= high");
        return uniform(ends[0], ends[1]);
    }
    if (mean) {
        duration low{};
        duration high = hours(24);
        AIVP_TRY(const duration average, latency_duration(*mean, in.pointer("exponential")));
        if (least) {
            AIVP_TRY(low, latency_duration(*least, in.pointer("least")));
        }
        if (most) {
            AIVP_TRY(high, latency_duration(*most, in.pointer("most")));
        }
        if (low > high) return latency_error(errc::config_range, in.pointer("least"), "is more than \"most\"");
        return exponential(average, low, high);
    }
    AIVP_TRY(auto list, latency_list(samples ? *samples : *gaps, in.pointer(samples ? "samples" : "recorded")));
    return samples ? empirical(std::move(list)) : recorded(std::move(list));
}

duration latency_model::draw_constant() {
    if (what_ == kind::fixed) return a_;
    const duration d = (*samples_)[position_];
    position_ = position_ + 1 == samples_->size() ? 0 : position_ + 1;
    return d;
}

duration latency_model::draw(random_stream& stream) {
    switch (what_) {
    case kind::uniform: return {stream.between(a_.us, b_.us)};
    case kind::exponential: return std::min(c_ + stream.exponential(a_), b_);
    case kind::empirical: return (*samples_)[stream.below(samples_->size())];
    case kind::fixed:
    case kind::recorded: break;
    }
    return draw_constant();
}

duration draw_for_call(latency_model& model, std::uint64_t seed, std::string_view component, std::string_view entity,
                       call_ref ref) {
    if (model.constant()) return model.draw_constant();
    random_stream stream(seed, component, entity, std::to_string(ref.run.value) + '/' + std::to_string(ref.call.value));
    return model.draw(stream);
}

void latency_table::set(std::string_view name, latency_model model) {
    models_.insert_or_assign(std::string(name), std::move(model));
}

result<latency_table> latency_table::parse(const payload& document, std::string at) {
    latency_table table;
    const auto kinds = {"fixed", "uniform", "exponential", "samples", "recorded"};
    const bool one = std::ranges::any_of(kinds, [&](const char* key) { return member(document, key).has_value(); });
    if (one || !document.is_object()) {
        AIVP_TRY(auto everywhere, latency_model::parse(document, at));
        table.set("", std::move(everywhere));
        return table;
    }
    for (const auto& [name, value] : members(document)) {
        AIVP_TRY(auto model, latency_model::parse(value, at + pointer_step(name)));
        table.set(name == "*" ? "" : name, std::move(model));
    }
    return table;
}

latency_model* latency_table::find(std::string_view name) {
    if (models_.empty()) return nullptr;
    auto found = models_.find(name);
    if (found == models_.end()) found = models_.find(name.substr(0, name.find('.')));
    if (found == models_.end()) found = models_.find(std::string_view());
    return found == models_.end() ? nullptr : &found->second;
}

} // namespace aivp
