#include "runtime/providers/openai.hpp"

#include <algorithm>
#include <utility>

#include "aivp/skill/redact.hpp"
#include "runtime/net/sse.hpp"
#include "runtime/os/deadline.hpp"

namespace aivp {

struct openai_provider::pending {
    pending(completion_sink& s, const payload& tools) : sink(s), names(tools), stream(names) {}

    completion_sink& sink;
    chat_names names;
    known_secrets revealed;
    sse_reader events;
    chat_stream stream;
    bool streams = false; ///< a stream was asked for
    bool has_event = false;
    std::string unread; ///< what came before the first event: some servers answer whole although asked for a stream
    http_client::ticket ticket = 0;
};

result<std::unique_ptr<openai_provider>> openai_provider::make(http_client& client, secret_port& secrets,
                                                               clock_port& clock, openai_options options) {
    AIVP_TRY(const url root, parse_url(options.base_url));
    AIVP_TRY(url address, joined(root, "chat/completions"));
    for (const http_header& h : options.headers) AIVP_CHECK(check_header(h));
    AIVP_CHECK(check_header({options.key_header, options.key_prefix}));
    return std::unique_ptr<openai_provider>(
        new openai_provider(client, secrets, clock, std::move(options), std::move(address)));
}

openai_provider::openai_provider(http_client& client, secret_port& secrets, clock_port& clock, openai_options options,
                                 url address)
    : client_(client), secrets_(secrets), clock_(clock), options_(std::move(options)), address_(to_string(address)) {}

openai_provider::~openai_provider() {
    for (const auto& [ref, call] : open_) client_.cancel(call->ticket);
}

void openai_provider::call(const model_request& request, completion_sink& sink) {
    const call_ref ref{request.run, request.call};
    const auto refuse = [&](errc code, std::string message) {
        sink.model_done({ref, effect_outcome::failed, {}, code, std::move(message)});
    };
    auto call = std::make_unique<pending>(sink, request.tools);
    auto body = encode_chat_request(request, call->names, options_.dialect);
    if (!body) return refuse(body.error().code, body.error().message);
    http_request http{.method = "POST", .url = address_, .headers = options_.headers, .body = std::move(*body)};
    http.headers.push_back({"Content-Type", "application/json"});
    http.headers.push_back({"Accept", options_.dialect.stream ? "text/event-stream" : "application/json"});
    if (!options_.secret.empty()) {
        const auto key = secrets_.reveal(options_.secret);
        if (!key) return refuse(errc::secret_unavailable, "the secret `" + options_.secret + "` is not available");
        call->revealed.add(options_.secret, *key);
        http.headers.push_back({options_.key_header, options_.key_prefix + *key});
    }
    http.timeout = std::min(options_.timeout, time_until(request.deadline, clock_.now()));
    http.response_bytes_max = options_.response_bytes_max;
    call->streams = options_.dialect.stream;
    if (call->streams) {
        http.on_body = [state = call.get()](std::string_view piece) {
            if (!state->has_event) state->unread += piece;
            const auto read = state->events.feed(piece, [&](const sse_event& e) {
                state->has_event = true;
                state->unread.clear();
                state->stream.event(e.data);
            });
            if (!read) state->stream.event("an event of the stream is too large");
        };
    }
    call->ticket = client_.start(std::move(http), [this, ref](http_outcome o) { answered(ref, std::move(o)); });
    open_[ref] = std::move(call);
}

void openai_provider::cancel(call_ref ref) {
    const auto found = open_.find(ref);
    if (found == open_.end()) return;
    client_.cancel(found->second->ticket);
    open_.erase(found);
}

void openai_provider::answered(call_ref ref, http_outcome outcome) {
    const auto node = open_.extract(ref);
    if (node.empty()) return;
    pending& call = *node.mapped();
    model_completion done = completion_of(ref, call, outcome);
    done.message = call.revealed.scrub_text(done.message);
    done.response.content = call.revealed.scrub(done.response.content);
    for (proposed_call& c : done.response.calls) c.arguments = call.revealed.scrub(c.arguments);
    call.sink.model_done(std::move(done));
}

model_completion openai_provider::completion_of(call_ref ref, pending& call, const http_outcome& outcome) {
    model_completion done{ref, effect_outcome::failed, {}, errc::model_failed, {}};
    const auto finished_with = [&](result<model_response> how) {
        if (how) {
            done.outcome = effect_outcome::ok;
            done.code = errc::ok;
            done.response = std::move(*how);
        } else {
            done.code = how.error().code;
            done.outcome = done.code == errc::model_unknown ? effect_outcome::unknown : effect_outcome::failed;
            done.message = std::move(how.error().message);
        }
    };
    if (call.streams) {
        const auto last = call.events.finish([&](const sse_event& e) {
            call.has_event = true;
            // A last event that is cut in the middle is no reason to doubt a complete answer.
            if (!call.stream.is_complete() || outcome.response) call.stream.event(e.data);
        });
        if (!last) call.stream.event("an event of the stream is too large");
    }
    if (!outcome.response) {
        const error& why = outcome.response.error();
        if (call.streams && (call.stream.is_complete() || call.stream.is_failed())) {
            finished_with(call.stream.finish());
            return done;
        }
        done.outcome = outcome.sent ? effect_outcome::unknown : effect_outcome::failed;
        done.code = outcome.sent ? errc::model_unknown : why.code;
        done.message = why.message;
        return done;
    }
    const http_response& answer = *outcome.response;
    if (answer.status < 200 || answer.status >= 300) {
        done.retry_after = retry_after_of(answer.headers, clock_.now());
        error why = chat_error_of(answer.status, answer.body);
        finished_with(std::unexpected(std::move(why)));
    } else if (call.streams && (call.has_event || !call.unread.starts_with('{'))) {
        finished_with(call.stream.finish());
    } else {
        finished_with(decode_chat_response(call.streams ? call.unread : answer.body, call.names));
    }
    return done;
}

} // namespace aivp
