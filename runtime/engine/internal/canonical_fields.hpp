// Reads the members of a canonical JSON object from its text, one lookup after the other, and remembers the first that is
// missing or of another type. Errors are looked at once, when all is read.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "aivp/base/canonical_text.hpp"
#include "aivp/base/error.hpp"
#include "aivp/base/hash.hpp"
#include "aivp/base/id.hpp"
#include "aivp/base/money.hpp"
#include "aivp/base/payload.hpp"
#include "aivp/base/time.hpp"
#include "aivp/kernel/effect.hpp"
#include "aivp/kernel/model_call.hpp"

namespace aivp {

class canonical_fields {
public:
    explicit canonical_fields(std::string_view object) : object_(object) {}

    bool has(std::string_view key) const { return member_text(object_, key).has_value(); }
    std::string_view text(std::string_view key);
    std::int64_t integer(std::string_view key);
    std::int64_t integer_or(std::string_view key, std::int64_t otherwise) {
        return has(key) ? integer(key) : otherwise;
    }
    std::uint64_t count(std::string_view key);
    std::uint32_t small(std::string_view key);
    std::string string(std::string_view key);
    std::string string_or_empty(std::string_view key) { return has(key) ? string(key) : std::string(); }
    bool boolean(std::string_view key);
    /// null = never.
    instant when(std::string_view key) { return text(key) == "null" ? instant::max() : instant{integer(key)}; }
    payload value(std::string_view key) { return payload::from_canonical(std::string(text(key))); }
    digest hash(std::string_view key);
    effect_key key(std::string_view key);
    errc code_or_ok(std::string_view key);
    /// Index of the word in the list; `otherwise` when absent.
    template <class Enum, std::size_t N>
    Enum word(std::string_view key, const Enum (&all)[N], Enum otherwise) {
        if (!has(key)) return otherwise;
        const std::string name = string(key);
        for (const Enum e : all)
            if (name == to_string(e)) return e;
        wrong(key);
        return otherwise;
    }
    run_id run(run_id correlation) { return has("run") ? run_id{count("run")} : correlation; }
    call_id call() { return {count("call")}; }

    /// Empty when all was there.
    const std::string& fault() const { return fault_; }
    void wrong(std::string_view key) {
        if (fault_.empty()) fault_ = "`" + std::string(key) + "` is missing or of another kind";
    }

private:
    std::string_view object_;
    std::string fault_;
};

/// A model's turn as journal and state hold it: {"calls":[…],"content":…,"finish":…,"usage":{…}}. `fault` receives what is
/// wrong with it, unless it says something already.
model_response read_model_response(std::string_view object, std::string& fault);

} // namespace aivp
