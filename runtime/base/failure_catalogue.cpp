#include "aivp/base/failure_catalogue.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace aivp {
namespace {

constexpr std::array catalogue_categories{
#define AIVP_FAILURE_CATEGORY(id, name, recovery, retryable, retries, base_delay_ms, multiplier_tenths)           \
    failure_category_info{failure_category::id, name, recovery_mode::recovery, retryable, retries, base_delay_ms, \
                          multiplier_tenths},
#define AIVP_FAILURE(...)
#define AIVP_AOS_CODE(...)
#include "aivp/base/failure_catalogue.def"
#undef AIVP_FAILURE_CATEGORY
#undef AIVP_FAILURE
#undef AIVP_AOS_CODE
};

constexpr std::array catalogue_entries{
#define AIVP_FAILURE_CATEGORY(...)
#define AIVP_FAILURE(code, category, severity, retryable, recovery, http_status, message, suggestion) \
    failure_entry{code,                                                                               \
                  failure_category::category,                                                         \
                  failure_severity::severity,                                                         \
                  retryable,                                                                          \
                  recovery_mode::recovery,                                                            \
                  http_status,                                                                        \
                  message,                                                                            \
                  suggestion},
#define AIVP_AOS_CODE(...)
#include "aivp/base/failure_catalogue.def"
#undef AIVP_FAILURE_CATEGORY
#undef AIVP_FAILURE
#undef AIVP_AOS_CODE
};

constexpr std::array catalogue_aos_codes{
#define AIVP_FAILURE_CATEGORY(...)
#define AIVP_FAILURE(...)
#define AIVP_AOS_CODE(code, category, severity, retryable, catalogue_code) \
    aos_code_info{code, error_category::category, error_severity::severity, retryable, catalogue_code},
#include "aivp/base/failure_catalogue.def"
#undef AIVP_FAILURE_CATEGORY
#undef AIVP_FAILURE
#undef AIVP_AOS_CODE
};

constexpr std::array<std::string_view, 10> error_category_names{
    "client", "config", "policy", "budget", "transient", "third_party", "infra", "safety", "data", "internal"};
constexpr std::array<std::string_view, 4> error_severity_names{"info", "warning", "error", "critical"};
constexpr std::array<std::string_view, 4> failure_severity_names{"LOW", "MEDIUM", "HIGH", "CRITICAL"};
constexpr std::array<std::string_view, 9> recovery_mode_names{
    "ABORT", "RETRY_IMMEDIATE", "RETRY_EXPONENTIAL",  "RETRY_WITH_JITTER",  "FALLBACK",
    "SKIP",  "ESCALATE",        "CHECKPOINT_RESTORE", "MANUAL_INTERVENTION"};

template <class Row>
std::string catalogue_line(const Row& cells) {
    std::string line = "|";
    for (const std::string_view cell : cells) line.append(1, ' ').append(cell).append(" |");
    return line + '\n';
}

std::string catalogue_line(std::initializer_list<std::string_view> cells) { return catalogue_line<>(cells); }

struct catalogue_group {
    unsigned hundred; // of the numbers: AV03xx
    std::string_view title;
};
constexpr std::array catalogue_groups{
    catalogue_group{0, "Success"},
    catalogue_group{1, "Values, texts and files"},
    catalogue_group{2, "Configuration"},
    catalogue_group{3, "Gate"},
    catalogue_group{4, "Limits and budget"},
    catalogue_group{5, "Outcomes"},
    catalogue_group{6, "Schedule"},
    catalogue_group{7, "Tapes"},
    catalogue_group{8, "Scenarios and mocks"},
    catalogue_group{9, "Store and driver"},
};

constexpr std::array<std::string_view, 10> error_category_texts{
    "the caller asked for something that cannot be",
    "a configuration file must be changed",
    "a rule, capability or approval stands against it",
    "money, tokens, steps or time are used up",
    "a passing condition; the same request may succeed later",
    "a service outside failed",
    "the machine, disk or network below failed",
    "content or behaviour that must not pass",
    "data do not have the form that they should have",
    "a defect of aivp itself",
};

std::string catalogue_own_errors() {
    std::string text = "\n" + catalogue_line({"Category", "It means"}) + catalogue_line({"---", "---"});
    for (std::size_t i = 0; i < error_category_names.size(); ++i)
        text += catalogue_line({error_category_names[i], error_category_texts[i]});
    for (const catalogue_group& group : catalogue_groups) {
        text.append("\n### ").append(group.title).append("\n\n");
        text += catalogue_line({"Number", "Name", "Category", "Severity", "Retry", "Recovery", "AOS code", "Exit",
                                "Meaning", "What helps"});
        text += catalogue_line({"---", "---", "---", "---", "---", "---", "---", "---", "---", "---"});
        for (const error_info& row : error_table()) {
            if (static_cast<unsigned>(row.code) / 100 != group.hundred) continue;
            text += catalogue_line({code_number(row.code), "`" + std::string(row.name) + "`", to_string(row.category),
                                    to_string(row.severity), row.retryable ? "yes" : "no", to_string(row.recovery),
                                    "`" + std::string(row.aos_code) + "`", std::to_string(row.exit_code), row.text,
                                    row.help});
        }
    }
    return text;
}

std::string catalogue_failures() {
    std::string text;
    for (const failure_category_info& category : catalogue_categories) {
        text.append("\n### ").append(category.name).append("\n\nDefault: ").append(to_string(category.recovery));
        if (category.retries > 0) {
            text += ", " + std::to_string(category.retries) + " retries, the first after " +
                    std::to_string(category.base_delay_ms) + " ms, each later one after " +
                    std::to_string(category.multiplier_tenths / 10) + '.' +
                    std::to_string(category.multiplier_tenths % 10) + " times the delay before";
        }
        text += ".\n\n" + catalogue_line({"Code", "Severity", "Retry", "Recovery", "HTTP", "Meaning", "What helps"}) +
                catalogue_line({"---", "---", "---", "---", "---", "---", "---"});
        for (const failure_entry& e : catalogue_entries) {
            if (e.category != category.category) continue;
            text += catalogue_line({"`" + std::string(e.code) + "`", to_string(e.severity), e.retryable ? "yes" : "no",
                                    to_string(e.recovery), std::to_string(e.http_status), e.message, e.suggestion});
        }
    }
    return text;
}

std::string catalogue_taxonomy() {
    std::string text = "\n" + catalogue_line({"Code", "Category", "Severity", "Retry", "Catalogue entry", "Recovery"}) +
                       catalogue_line({"---", "---", "---", "---", "---", "---"});
    for (const aos_code_info& c : catalogue_aos_codes) {
        const bool success = c.catalogue_code.empty();
        text += catalogue_line({"`" + std::string(c.code) + "`", to_string(c.category), to_string(c.severity),
                                c.retryable ? "yes" : "no", success ? "" : "`" + std::string(c.catalogue_code) + "`",
                                success ? "" : to_string(advise(c.code).recovery)});
    }
    return text;
}

} // namespace

const std::vector<failure_category_info>& failure_category_table() {
    static const std::vector<failure_category_info> table(catalogue_categories.begin(), catalogue_categories.end());
    return table;
}

const std::vector<failure_entry>& failure_table() {
    static const std::vector<failure_entry> table(catalogue_entries.begin(), catalogue_entries.end());
    return table;
}

const std::vector<aos_code_info>& aos_code_table() {
    static const std::vector<aos_code_info> table(catalogue_aos_codes.begin(), catalogue_aos_codes.end());
    return table;
}

const failure_category_info& info(failure_category category) {
    return catalogue_categories[static_cast<std::size_t>(category)];
}

const failure_entry* find_failure(std::string_view code) {
    const auto at = std::find_if(catalogue_entries.begin(), catalogue_entries.end(),
                                 [&](const failure_entry& e) { return e.code == code; });
    return at == catalogue_entries.end() ? nullptr : &*at;
}

const aos_code_info* find_aos_code(std::string_view code) {
    const auto at = std::find_if(catalogue_aos_codes.begin(), catalogue_aos_codes.end(),
                                 [&](const aos_code_info& c) { return c.code == code; });
    return at == catalogue_aos_codes.end() ? nullptr : &*at;
}

failure_advice advise(std::string_view code, std::optional<failure_category> category) {
    const aos_code_info* const alias = find_aos_code(code);
    if (const failure_entry* const e = find_failure(alias != nullptr ? alias->catalogue_code : code))
        return {e->recovery, e->retryable, e->http_status, failure_match::entry, e};
    failure_advice advice;
    if (category) {
        advice.recovery = info(*category).recovery;
        advice.retryable = info(*category).retryable;
        advice.match = failure_match::category;
    }
    return advice;
}

failure_advice advise(errc code) { return advise(info(code).aos_code); }

std::string_view to_string(error_category category) { return error_category_names[static_cast<std::size_t>(category)]; }
std::string_view to_string(error_severity severity) { return error_severity_names[static_cast<std::size_t>(severity)]; }
std::string_view to_string(recovery_mode recovery) { return recovery_mode_names[static_cast<std::size_t>(recovery)]; }
std::string_view to_string(failure_severity severity) {
    return failure_severity_names[static_cast<std::size_t>(severity)];
}

std::string errors_markdown() {
    return "# Errors\n\n"
           "<!-- Generated from include/aivp/base/errors.def and failure_catalogue.def by aivp_gen_errors; do not "
           "edit. -->\n\n"
           "Every failure has a stable number and name; numbers are never reused. `Retry` says whether repeating the "
           "same request\n"
           "can succeed, `Exit` is the exit code of a command that ends because of it, `AOS code` is what stands on "
           "the wire.\n"
           "\n## aivp\n" +
           catalogue_own_errors() +
           "\n## Failure catalogue\n\n"
           "Exact match: an entry beats the default of its category, a category beats the global default ABORT.\n" +
           catalogue_failures() +
           "\n## AOS taxonomy\n\n"
           "The codes on the wire, and the catalogue entry that each one stands for.\n" +
           catalogue_taxonomy();
}

} // namespace aivp
