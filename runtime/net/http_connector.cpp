#include "runtime/net/http_connector.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "aivp/skill/redact.hpp"
#include "runtime/net/url.hpp"
#include "runtime/os/deadline.hpp"

namespace aivp {

namespace {

/// Literal text, then the argument `name` (none at the end of the template).
struct url_piece {
    std::string text;
    std::string name;
};

struct query_pair {
    std::string key;   ///< as it is sent, with "="
    std::string value; ///< literal, when there is no name
    std::string name;
};

using argument_names = std::set<std::string, std::less<>>;

auto template_refused(std::string why) { return fail(errc::config_value, "the address of an HTTP skill: " + why); }

result<std::vector<url_piece>> parse_template(std::string_view text) {
    std::vector<url_piece> pieces;
    while (true) {
        const std::size_t open = text.find_first_of("{}");
        url_piece piece{std::string(text.substr(0, open)), {}};
        if (open == std::string_view::npos) {
            pieces.push_back(std::move(piece));
            return pieces;
        }
        const std::size_t close = text.find_first_of("{}", open + 1);
        if (text[open] == '}' || close == std::string_view::npos || text[close] == '{')
            return template_refused("{ and } do not pair up");
        piece.name = text.substr(open + 1, close - open - 1);
        if (piece.name.empty()) return template_refused("{} names no argument");
        pieces.push_back(std::move(piece));
        text.remove_prefix(close + 1);
    }
}

/// The text of an argument in an address: strings as they are, numbers and booleans as JSON.
std::optional<std::string> address_text(const payload& value) {
    if (auto text = as_string(value)) return text;
    if (value.is_object() || value.is_array() || value.is_null()) return std::nullopt;
    return std::string(value.text());
}

payload failure_payload(std::int64_t status, payload details, duration retry_after) {
    std::vector<std::pair<std::string, payload>> members;
    members.emplace_back("status", payload::of_integer(status));
    members.emplace_back("error", std::move(details));
    if (retry_after.us > 0) members.emplace_back("retry_after_ms", payload::of_integer((retry_after.us + 999) / 1000));
    return payload::of_object(std::move(members));
}

payload body_payload(std::string_view body) {
    if (body.empty()) return {};
    if (auto parsed = payload::parse(body)) return *parsed;
    return payload::of_object({{"text", payload::of_string(body)}});
}

} // namespace

class http_binding_plan {
public:
    static result<std::shared_ptr<const http_binding_plan>> make(const http_binding& binding);
    /// Without secrets and key. Errors: args.schema, args.unknown.
    result<http_request> fill(const payload& arguments) const;

    const http_binding& binding() const { return binding_; }

private:
    result<std::string> path(const payload& arguments) const;
    result<std::string> query(const payload& arguments) const;

    http_binding binding_;
    std::string root_; ///< scheme and authority
    std::vector<url_piece> path_;
    std::vector<query_pair> query_;
    argument_names used_;
};

result<std::shared_ptr<const http_binding_plan>> http_binding_plan::make(const http_binding& binding) {
    auto plan = std::make_shared<http_binding_plan>();
    plan->binding_ = binding;
    if (!is_http_token(binding.method)) return template_refused("the method is not one");
    const std::string_view text = binding.url;
    const std::size_t scheme = text.find("://");
    if (scheme == std::string_view::npos) return template_refused("it does not begin with http:// or https://");
    const std::size_t root = std::min(text.find_first_of("/?", scheme + 3), text.size());
    plan->root_ = text.substr(0, root);
    if (plan->root_.find_first_of("{}") != std::string::npos)
        return template_refused("an argument cannot be a part of the host");
    const std::size_t mark = text.find('?');
    AIVP_TRY(plan->path_, parse_template(text.substr(root, mark == std::string_view::npos ? mark : mark - root)));
    std::string_view rest = mark == std::string_view::npos ? std::string_view() : text.substr(mark + 1);
    while (!rest.empty()) {
        const std::string_view pair = rest.substr(0, rest.find('&'));
        rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
        const std::size_t equals = pair.find('=');
        query_pair made{std::string(pair.substr(0, equals)), {}, {}};
        if (equals != std::string_view::npos) {
            AIVP_TRY(const auto pieces, parse_template(pair.substr(equals + 1)));
            made.key += '=';
            if (pieces.size() > 2 || (pieces.size() == 2 && (!pieces[0].text.empty() || !pieces[1].text.empty())))
                return template_refused("an argument in the query must be a whole value, as in ?key={name}");
            (pieces.size() == 2 ? made.name : made.value) = pieces.size() == 2 ? pieces[0].name : pieces[0].text;
        }
        if (made.key.find_first_of("{}") != std::string::npos)
            return template_refused("an argument cannot be a query key");
        plan->query_.push_back(std::move(made));
    }
    // The literal parts must make an address, whatever stands in the places.
    std::string sample = plan->root_;
    for (const url_piece& p : plan->path_) {
        sample += p.text + (p.name.empty() ? "" : "x");
        if (!p.name.empty()) plan->used_.insert(p.name);
    }
    for (const query_pair& q : plan->query_) {
        sample += (sample.contains('?') ? "&" : "?") + q.key + q.value;
        if (!q.name.empty()) plan->used_.insert(q.name);
    }
    if (auto parsed = parse_url(sample); !parsed) return std::unexpected(parsed.error());
    for (const http_binding_header& h : binding.headers) AIVP_CHECK(check_header({h.name, h.value}));
    if (!binding.key_header.empty()) AIVP_CHECK(check_header({binding.key_header, ""}));
    return plan;
}

result<std::string> http_binding_plan::path(const payload& arguments) const {
    std::string out;
    for (const url_piece& piece : path_) {
        out += piece.text;
        if (piece.name.empty()) continue;
        const auto value = member(arguments, piece.name);
        const auto text = value ? address_text(*value) : std::nullopt;
        // Nothing in a place would make the address another one.
        if (!text || text->empty())
            return fail(errc::args_schema, "the argument `" + piece.name +
                                               "` is a part of an address: it must be a text that "
                                               "is not empty, a number or a boolean");
        out += percent_encoded(*text);
    }
    return out;
}

result<std::string> http_binding_plan::query(const payload& arguments) const {
    std::string out;
    for (const query_pair& pair : query_) {
        std::string value = pair.value;
        if (!pair.name.empty()) {
            const auto argument = member(arguments, pair.name);
            if (!argument || argument->is_null()) continue;
            const auto text = address_text(*argument);
            if (!text)
                return fail(errc::args_schema,
                            "the argument `" + pair.name +
                                "` is a part of an address: it must be a text, a number or a boolean");
            value = percent_encoded(*text);
        }
        out += (out.empty() ? "?" : "&") + pair.key + value;
    }
    return out;
}

result<http_request> http_binding_plan::fill(const payload& arguments) const {
    http_request r;
    r.method = binding_.method;
    AIVP_TRY(const std::string place, path(arguments));
    AIVP_TRY(const std::string question, query(arguments));
    r.url = root_ + place + question;
    // "." and ".." are looked for after filling: they may be put together from several places.
    if (auto parsed = parse_url(r.url); !parsed)
        return fail(errc::args_schema, "an argument does not fit into the address: " + parsed.error().message);
    std::vector<std::pair<std::string, payload>> rest;
    for (auto& [name, value] : members(arguments)) {
        if (used_.contains(name)) continue;
        if (binding_.body == http_body::none)
            return fail(errc::args_unknown, "the argument `" + name + "` has no place in the HTTP request");
        rest.emplace_back(name, value);
    }
    if (binding_.body == http_body::arguments) {
        r.body = payload::of_object(std::move(rest)).text();
        r.headers.push_back({"Content-Type", "application/json"});
    }
    r.headers.push_back({"Accept", "application/json, text/*;q=0.5"});
    r.response_bytes_max = binding_.response_bytes_max;
    return r;
}

struct http_connector::pending {
    completion_sink& sink;
    effect_class effect;
    known_secrets revealed;
    http_client::ticket ticket = 0;
};

http_connector::http_connector(http_client& client, secret_port& secrets, clock_port& clock)
    : client_(client), secrets_(secrets), clock_(clock) {}

http_connector::~http_connector() {
    for (const auto& [ref, call] : open_) client_.cancel(call->ticket);
}

result<void> http_connector::bind(std::string skill, const http_binding& binding) {
    AIVP_TRY(bindings_[std::move(skill)], http_binding_plan::make(binding));
    return {};
}

bool http_connector::serves(std::string_view skill) const { return bindings_.contains(skill); }

void http_connector::call(const skill_request& request, completion_sink& sink) {
    const call_ref ref{request.run, request.call};
    const auto refuse = [&](const error& why) {
        sink.skill_done({ref, effect_outcome::failed, {}, why.code, why.message});
    };
    const auto found = bindings_.find(request.skill);
    if (found == bindings_.end())
        return refuse({errc::connector_missing, "no HTTP binding for the skill " + std::string(request.skill)});
    const http_binding& binding = found->second->binding();
    auto filled = found->second->fill(request.arguments);
    if (!filled) return refuse(filled.error());
    auto call = std::make_unique<pending>(sink, request.effect);
    for (const http_binding_header& h : binding.headers) {
        http_header header{h.name, h.value};
        if (!h.secret.empty()) {
            const auto value = secrets_.reveal(h.secret);
            if (!value) return refuse({errc::secret_unavailable, "the secret `" + h.secret + "` is not available"});
            call->revealed.add(h.secret, *value);
            header.value += *value;
        }
        filled->headers.push_back(std::move(header));
    }
    if (!binding.key_header.empty() && request.idempotency_key)
        filled->headers.push_back({binding.key_header, to_hex(request.idempotency_key)});
    filled->timeout = std::min(binding.timeout, time_until(request.deadline, clock_.now()));
    // The connector may be gone by the time of an answer only when it has cancelled the request.
    call->ticket = client_.start(std::move(*filled), [this, ref](http_outcome o) { answered(ref, std::move(o)); });
    open_[ref] = std::move(call);
}

void http_connector::cancel(call_ref ref) {
    const auto found = open_.find(ref);
    if (found == open_.end()) return;
    client_.cancel(found->second->ticket);
    open_.erase(found);
}

void http_connector::answered(call_ref ref, http_outcome outcome) {
    const auto node = open_.extract(ref);
    if (node.empty()) return;
    const pending& call = *node.mapped();
    const bool write = call.effect == effect_class::write;
    const effect_outcome in_doubt = write ? effect_outcome::unknown : effect_outcome::failed;
    skill_completion done{ref, effect_outcome::failed, {}, errc::skill_failed, {}};
    if (!outcome.response) {
        done.outcome = outcome.sent ? in_doubt : effect_outcome::failed;
        done.code = outcome.response.error().code;
        done.message = call.revealed.scrub_text(outcome.response.error().message);
        return call.sink.skill_done(std::move(done));
    }
    const http_response& answer = *outcome.response;
    const payload body = call.revealed.scrub(body_payload(answer.body));
    if (answer.status >= 200 && answer.status < 300) {
        done.outcome = effect_outcome::ok;
        done.code = errc::ok;
        done.result = body;
        return call.sink.skill_done(std::move(done));
    }
    done.message = "the server answered with status " + std::to_string(answer.status);
    done.retry_after = retry_after_of(answer.headers, clock_.now());
    done.result = failure_payload(answer.status, body, done.retry_after);
    if (answer.status >= 500) {
        done.outcome = in_doubt;
        done.code = write ? errc::skill_outcome_unknown : errc::skill_unavailable;
    } else if (answer.status == 429) {
        done.code = errc::skill_unavailable;
    } else if (answer.status < 400) {
        done.code = errc::http_protocol;
        done.message += ", a redirect, which is not followed";
    }
    call.sink.skill_done(std::move(done));
}

} // namespace aivp
