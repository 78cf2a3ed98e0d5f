// What to do about a failure, as AOS defines it: an exact-match catalogue (entry beats category beats "abort") and the
// taxonomy of codes on the wire, tied together by aliases. The data are in failure_catalogue.def; aivp's own codes reach
// them through the column `aos_code` of errors.def.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aivp/base/error.hpp"

namespace aivp {

enum class failure_category : std::uint8_t {
#define AIVP_FAILURE_CATEGORY(name, ...) name,
#define AIVP_FAILURE(...)
#define AIVP_AOS_CODE(...)
#include "aivp/base/failure_catalogue.def"
#undef AIVP_FAILURE_CATEGORY
#undef AIVP_FAILURE
#undef AIVP_AOS_CODE
};

enum class failure_severity : std::uint8_t { low, medium, high, critical };

/// What holds for a failure of a category that has no entry of its own.
struct failure_category_info {
    failure_category category;
    std::string_view name; ///< "TRANSIENT"
    recovery_mode recovery;
    bool retryable;
    std::uint32_t retries;           ///< attempts after the first; 0 = none
    std::uint32_t base_delay_ms;     ///< before the first retry
    std::uint32_t multiplier_tenths; ///< growth of the delay per retry; 20 = doubled
};

/// One entry of the catalogue.
struct failure_entry {
    std::string_view code; ///< "GATEWAY_TIMEOUT"
    failure_category category;
    failure_severity severity;
    bool retryable;
    recovery_mode recovery;
    int http_status;
    std::string_view message;
    std::string_view suggestion;
};

/// One code of the AOS taxonomy, as it stands on the wire.
struct aos_code_info {
    std::string_view code; ///< "ERR_HTTP_504"
    error_category category;
    error_severity severity;
    bool retryable;
    std::string_view catalogue_code; ///< "GATEWAY_TIMEOUT"; empty for the codes that mean success
};

/// Which rule of the lookup answered.
enum class failure_match : std::uint8_t { entry, category, global };

struct failure_advice {
    recovery_mode recovery = recovery_mode::abort;
    bool retryable = false;
    int http_status = 500;
    failure_match match = failure_match::global;
    const failure_entry* entry = nullptr; ///< static storage; null unless `match` is entry

    friend bool operator==(const failure_advice&, const failure_advice&) = default;
};

/// In the order of the .def file. Static storage.
const std::vector<failure_category_info>& failure_category_table();
const std::vector<failure_entry>& failure_table();
const std::vector<aos_code_info>& aos_code_table();

const failure_category_info& info(failure_category category);
/// Exact match on the whole code; nullptr when unknown.
const failure_entry* find_failure(std::string_view code);
const aos_code_info* find_aos_code(std::string_view code);

/// `code` is a catalogue code or a taxonomy code (resolved through its alias). Without an entry the category decides,
/// without a category the advice is to abort.
failure_advice advise(std::string_view code, std::optional<failure_category> category = std::nullopt);
/// Through the taxonomy code of the error's row.
failure_advice advise(errc code);

std::string_view to_string(error_category category);
std::string_view to_string(error_severity severity);
std::string_view to_string(recovery_mode recovery);    ///< "RETRY_EXPONENTIAL"
std::string_view to_string(failure_severity severity); ///< "MEDIUM"

/// The text of docs/errors.md: aivp's errors, the failure catalogue and the taxonomy.
std::string errors_markdown();

} // namespace aivp
