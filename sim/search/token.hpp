// A whole case in one word: "aivp1:STEM:PLAN". STEM is the scenario file's name and only for people; PLAN holds the path of the
// scenario, the seed, the faults and the edits of the workload, so that the token means the same under every version that
// knows the kinds of its faults, whatever seeds draw there.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "sim/search/case.hpp"

namespace aivp::sim {

inline constexpr std::string_view token_prefix = "aivp1:";
inline constexpr std::size_t token_bytes_max = 16'384;
inline constexpr std::size_t token_faults_max = 64;

struct repro_token {
    std::string stem;            ///< "refund"
    std::string path;            ///< of the scenario, as it was named when the token was made
    std::uint64_t text_hash = 0; ///< first 48 bits of the hash of the scenario's text then
    std::uint64_t seed = 1;
    fault_plan plan;
    workload_edits edits;
    friend bool operator==(const repro_token&, const repro_token&) = default;
};

/// "refund" of "scenarios/refund.yaml"; characters that have no place in a token become "_".
std::string stem_of(std::string_view path);
std::string encode(const repro_token& t);
/// Encoding the result gives the same text. Errors: repro.token, with what is wrong.
result<repro_token> decode_token(std::string_view text);

/// The bytes of a plan as a token with right check digits, whatever they say: how tests get past the digits.
std::string seal(std::string_view stem, std::string_view body);

/// Empty when the case does not fit into a token.
std::string to_token(const run_case& c);
/// `s`: the scenario that the token names. Errors: repro.token (the workload's edits do not fit the scenario).
result<run_case> case_of(const repro_token& t, const std::shared_ptr<const scenario>& s);
/// Has the scenario's text changed since the token was made?
bool is_older(const repro_token& t, const scenario& s);

} // namespace aivp::sim
