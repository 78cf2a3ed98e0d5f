#pragma once

#include <memory>

#include "aivp/schema/schema.hpp"
#include "runtime/schema/internal/program.hpp"

namespace aivp::schema_internal {

/// Errors as json_schema::compile.
result<std::unique_ptr<const program>> compile_program(const payload& schema, const schema_options& options);

} // namespace aivp::schema_internal
