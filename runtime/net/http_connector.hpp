// Skills that are HTTP calls. A table says how each one looks on the wire; what a model chose only ever fills places of
// that table: path segments, query values and the body, never the host.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "aivp/ports/clock.hpp"
#include "aivp/ports/connector.hpp"
#include "aivp/ports/services.hpp"
#include "runtime/net/http_client.hpp"

namespace aivp {

/// A header of every call: `value`, followed by the secret of that name when one is given ("Bearer " + …).
struct http_binding_header {
    std::string name;
    std::string value;
    std::string secret; ///< for the secrets port; empty = none

    friend bool operator==(const http_binding_header&, const http_binding_header&) = default;
};

enum class http_body : std::uint8_t {
    none,
    arguments, ///< a JSON object of the arguments that the address does not use
};

struct http_binding {
    std::string method = "POST";
    /// "https://api.example.com/v1/items/{id}?q={query}": {name} is the argument of that name, percent-encoded. In the path it
    /// is required; in the query it must be a whole value, and a missing or null argument leaves its pair out.
    std::string url;
    std::vector<http_binding_header> headers;
    http_body body = http_body::arguments;
    std::string key_header;         ///< the header that carries the idempotency key; empty = the far side takes none
    duration timeout = seconds(60); ///< the request's own deadline holds as well
    std::uint64_t response_bytes_max = std::uint64_t{8} << 20;
};

/// A binding that was found in order.
class http_binding_plan;

/// Completions:
///   2xx: ok; the result is the JSON of the answer, null for an empty one, else {"text":…}.
///   4xx: failed, skill.failed. 429: failed, skill.unavailable. 3xx: failed, http.protocol (redirects are not followed).
///   5xx: unknown for a write, skill.outcome_unknown; else failed, skill.unavailable.
///   These results are {"error":…,"status":404} and, where the server says how long to wait, "retry_after_ms"; the
///   completion says it too.
///   Nothing sent: failed with the client's code. Sent and no answer: unknown for a write, else failed, with that code.
///   Arguments that do not fit the address: failed, args.schema or args.unknown. A missing secret: failed,
///   secret.unavailable. A skill without a binding: failed, connector.missing.
/// Secrets are taken out of results and messages before they are passed on.
class http_connector final : public connector_port {
public:
    http_connector(http_client& client, secret_port& secrets, clock_port& clock);
    ~http_connector() override;

    /// Replaces the binding of the skill. Errors: config.value, with what is wrong.
    result<void> bind(std::string skill, const http_binding& binding);
    bool serves(std::string_view skill) const;

    void call(const skill_request& request, completion_sink& sink) override;
    void cancel(call_ref ref) override;

private:
    struct pending;
    void answered(call_ref ref, http_outcome outcome);

    http_client& client_;
    secret_port& secrets_;
    clock_port& clock_;
    std::map<std::string, std::shared_ptr<const http_binding_plan>, std::less<>> bindings_;
    std::map<call_ref, std::unique_ptr<pending>> open_;
};

} // namespace aivp
