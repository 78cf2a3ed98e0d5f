// Where a live host's secrets come from: the environment, then a folder that only its owner may enter.
#pragma once

#include <string>

#include "aivp/ports/services.hpp"

namespace aivp {

/// `openai_api_key` is the variable AIVP_SECRET_OPENAI_API_KEY, or the file of that name in the folder, without the line end
/// at its end. Read at every call and never kept. Threads: any.
class live_secrets final : public secret_port {
public:
    /// `folder` may be empty: environment only.
    explicit live_secrets(std::string folder) : folder_(std::move(folder)) {}
    /// Errors: secret.unavailable (also for a folder or file that others may read).
    result<std::string> reveal(std::string_view name) override;
    /// What is wrong with the folder, for people; empty when nothing is.
    std::string trouble() const;

private:
    std::string folder_;
};

/// "AIVP_SECRET_OPENAI_API_KEY".
std::string secret_variable(std::string_view name);

} // namespace aivp
