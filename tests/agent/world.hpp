// What references of the tests refer to: a trigger, two steps that ran and one that did not.
#pragma once

#include <optional>
#include <string_view>

#include "aivp/agent/template.hpp"

namespace agent_test {

using namespace aivp;

inline payload json(std::string_view text) { return payload::parse(text).value(); }

inline std::optional<std::uint32_t> resolve(std::string_view name) {
    if (name == "trigger") return 0;
    if (name == "fetch") return 1;
    if (name == "größe") return 2;
    if (name == "skipped") return 3;
    return std::nullopt;
}

inline const payload* look_up(std::uint32_t source) {
    static const payload trigger =
        json(R"({"id":9007199254740993,"text":"a \"b\"\n","yes":true,"no":false,"none":null,"half":0.5})");
    static const payload fetch =
        json(R"({"items":[{"id":7},{"id":8}],"status":"open","count":2,"empty":[],"blank":"","nothing":{},)"
             R"("a/b":"slash","m~n":"tilde","0":"zero","x-y":"dash"})");
    static const payload size = json("[3]");
    switch (source) {
    case 0: return &trigger;
    case 1: return &fetch;
    case 2: return &size;
    default: return nullptr;
    }
}

} // namespace agent_test
