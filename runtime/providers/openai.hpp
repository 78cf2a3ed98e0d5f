// Model provider for every server that speaks OpenAI's Chat Completions.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "aivp/ports/clock.hpp"
#include "aivp/ports/model_provider.hpp"
#include "aivp/ports/services.hpp"
#include "runtime/net/http_client.hpp"
#include "runtime/net/url.hpp"
#include "runtime/providers/chat_codec.hpp"

namespace aivp {

struct openai_options {
    std::string base_url = "https://api.openai.com/v1"; ///< "/chat/completions" is added
    std::string secret = "openai_api_key";              ///< for the secrets port; empty = the server takes no key
    std::string key_header = "Authorization";           ///< Azure: "api-key"
    std::string key_prefix = "Bearer ";                 ///< Azure: ""
    std::vector<http_header> headers;                   ///< sent with every request; no secrets here
    chat_dialect dialect;
    duration timeout = minutes(10); ///< the request's own deadline holds as well
    std::uint64_t response_bytes_max = std::uint64_t{32} << 20;
};

/// Completions: ok; failed with the codes of chat_error_of(), with secret.unavailable when there is no key, or with the http
/// client's when nothing was sent; unknown with model.unknown when the answer did not come or was cut. A stream whose finish
/// reason has come is complete, even when its connection breaks afterwards; its usage may then be missing.
/// The key goes into one header and nowhere else, and is taken out of whatever the server sends back.
class openai_provider final : public model_provider {
public:
    /// Errors: config.value (base_url, headers).
    static result<std::unique_ptr<openai_provider>> make(http_client& client, secret_port& secrets, clock_port& clock,
                                                         openai_options options);
    ~openai_provider() override;

    void call(const model_request& request, completion_sink& sink) override;
    void cancel(call_ref ref) override;

private:
    struct pending;
    openai_provider(http_client& client, secret_port& secrets, clock_port& clock, openai_options options, url address);
    void answered(call_ref ref, http_outcome outcome);
    model_completion completion_of(call_ref ref, pending& call, const http_outcome& outcome);

    http_client& client_;
    secret_port& secrets_;
    clock_port& clock_;
    openai_options options_;
    std::string address_;
    std::map<call_ref, std::unique_ptr<pending>> open_;
};

} // namespace aivp
