#pragma once

#include <optional>
#include <string>
#include <vector>

#include "aivp/base/payload.hpp"
#include "aivp/schema/schema.hpp"

namespace aivp::schema_test {

/// Below the folder of the public data sets; nullopt when it is not there.
std::optional<payload> read_vectors(const std::string& file);

struct suite_case {
    std::string file;
    std::string group;
    std::string test;
    bool valid = false;  ///< as the suite says
    std::string outcome; ///< "" = as the suite says; otherwise what happened instead
};

/// Runs a file of the JSON Schema test suite: a dictionary of file names to groups.
std::vector<suite_case> run_suite(const payload& files, const payload& remotes, schema_dialect dialect);

} // namespace aivp::schema_test
