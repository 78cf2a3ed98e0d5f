// Texts that a regular expression accepts: literals, classes, groups, alternatives, repetitions, anchors at the ends.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aivp/base/random.hpp"

namespace aivp {

class pattern_text {
public:
    /// nullopt: the pattern uses something else (look-around, back references, Unicode classes …) or is too large.
    static std::optional<pattern_text> compile(std::string_view pattern);
    /// At most about 4 KiB of printable ASCII and what the pattern spells out.
    std::string generate(random_stream& draws) const;

private:
    enum class kind : std::uint8_t { text, one_of, sequence, choice, repeat };
    struct node {
        kind what = kind::text;
        std::string text;                  // the text, or the characters of a class
        std::vector<std::uint32_t> inside; // children
        std::uint32_t least = 0;
        std::uint32_t most = 0;
    };
    class parser;
    void generate(std::uint32_t index, random_stream& draws, std::string& out, std::uint32_t& steps_left) const;

    std::vector<node> nodes_;
    std::uint32_t root_ = 0;
};

} // namespace aivp
