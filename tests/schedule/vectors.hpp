// Finds the public test vectors; a test that needs one says plainly when it is not there.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aivp/schedule/zone.hpp"

namespace aivp::test {

/// The whole file below the data folder, unpacked when its name ends in ".gz"; nullopt, and a line "SKIPPED: ..." on
/// standard output, when it is not there.
std::optional<std::string> read_vectors(std::string_view path);

std::vector<std::string> lines_of(std::string_view text);

/// The zones of tz/zdump.2025b.txt, with their changes from 1970 to 2037.
using zone_table = std::map<std::string, zone_rules, std::less<>>;
std::optional<zone_table> read_zdump_zones();

/// What went wrong, "" when nothing did.
template <class T>
std::string why(const result<T>& r) {
    return r ? std::string() : to_string(r.error());
}

/// Fails the test case when the text is not an instant.
instant at(std::string_view text);

} // namespace aivp::test
