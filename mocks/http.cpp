#include "mocks/http.hpp"

#include <algorithm>
#include <utility>

#include "aivp/skill/fields.hpp"
#include "mocks/internal/json_out.hpp"

namespace aivp {
namespace {

// "https://host:port" of an address; empty when it is none.
std::string_view http_origin(std::string_view url) {
    const std::size_t scheme = url.find("://");
    if (scheme == std::string_view::npos || (!url.starts_with("http://") && !url.starts_with("https://"))) return {};
    const std::size_t end = std::min(url.find_first_of("/?#", scheme + 3), url.size());
    return end == scheme + 3 ? std::string_view() : url.substr(0, end);
}

bool http_fits(const http_route& route, std::string_view method, std::string_view url, std::string_view body) {
    if (route.method != method) return false;
    const std::string_view wanted = route.url;
    const bool same = wanted.ends_with('*') ? url.starts_with(wanted.substr(0, wanted.size() - 1)) : url == wanted;
    return same && body.find(route.body_contains) != std::string_view::npos;
}

std::string http_filled(std::string_view body, std::uint64_t hits) {
    constexpr std::string_view hole = "${hits}";
    std::string out;
    for (std::size_t at = body.find(hole); at != std::string_view::npos; at = body.find(hole)) {
        out += body.substr(0, at);
        out += std::to_string(hits);
        body.remove_prefix(at + hole.size());
    }
    return out += body;
}

payload http_result(std::int64_t status, std::string_view body, std::string_view content_type) {
    return object_writer().integer("status", status).text("body", body).text("content_type", content_type).build();
}

http_answer http_read_answer(field_reader& in) {
    http_answer a;
    a.status = in.integer_or("status", 200, 100, 599);
    if (const auto body = in.maybe_value("body")) {
        auto text = as_string(*body);
        a.content_type = text ? "text/plain" : "application/json";
        a.body = text ? std::move(*text) : std::string(body->text());
    }
    a.content_type = in.text_or("content_type", a.content_type);
    if (const auto name = in.maybe_text("fail")) {
        const error_info* const row = find_error(*name);
        if (row && (row->code == errc::skill_unavailable || row->code == errc::skill_outcome_unknown))
            a.failure = row->code;
        else
            in.refuse("fail", errc::config_value, "must be skill.unavailable or skill.outcome_unknown");
    }
    return a;
}

result<http_route> http_read_route(const payload& document, const std::string& at) {
    field_reader in(document, field_origin::seed, at);
    http_route r;
    r.method = in.text_or("method", "GET");
    r.url = in.text("url");
    r.body_contains = in.text_or("body_contains", "");
    r.authorization = in.text_or("authorization", "");
    r.hits = static_cast<std::uint64_t>(in.integer_or("hits", 0, 0, 1'000'000'000));
    const std::string after = in.text_or("after", "repeat_last");
    if (after == "start_again")
        r.after = http_after::start_again;
    else if (after != "repeat_last")
        in.refuse("after", errc::config_value, "must be repeat_last or start_again");
    if (in.ok() && r.method != "GET" && r.method != "POST")
        in.refuse("method", errc::config_value, "must be GET or POST");
    if (in.ok() && http_origin(r.url).empty())
        in.refuse("url", errc::config_value, "must start with http:// or https:// and a host");
    if (in.has("answers")) {
        const auto list = in.list("answers");
        for (std::size_t i = 0; i < list.size(); ++i) {
            field_reader one(list[i], field_origin::seed, in.pointer("answers", i));
            r.answers.push_back(http_read_answer(one));
            if (auto read = one.done(); !read) in.adopt(read.error());
        }
        if (in.ok() && r.answers.empty()) in.refuse("answers", errc::config_value, "holds no answer");
    } else {
        r.answers.push_back(http_read_answer(in));
    }
    AIVP_CHECK(in.done());
    return r;
}

} // namespace

const std::vector<std::string>& http_mock::operations() const {
    static const std::vector<std::string> names{"get", "post"};
    return names;
}

result<payload> http_mock::perform(const mock_request& request, std::string& target) {
    const bool post = request.operation == "post";
    if (!post && request.operation != "get") return unknown_operation(*this, request);
    field_reader in(request.arguments, field_origin::request);
    target = in.text("url");
    const std::string body = post ? in.text("body") : std::string();
    if (post) in.maybe_text("content_type");
    const std::string authorization = in.text_or("authorization", "");
    const std::string_view origin = http_origin(target);
    if (in.ok() && origin.empty())
        in.refuse("url", errc::config_value, "must start with http:// or https:// and a host");
    AIVP_CHECK(in.done());

    const auto route = std::ranges::find_if(
        state_.routes, [&](const http_route& r) { return http_fits(r, post ? "POST" : "GET", target, body); });
    if (route == state_.routes.end()) {
        if (std::ranges::any_of(state_.routes, [&](const http_route& r) { return http_origin(r.url) == origin; }))
            return http_result(404, "no route for this address", "text/plain");
        std::vector<std::string> urls;
        for (const http_route& r : state_.routes) urls.push_back(r.method + " " + r.url);
        return fail(errc::skill_not_found,
                    "http: no route names the host of \"" + shortened(target, 80) + "\"; routes are " + some_of(urls));
    }
    const std::uint64_t before = route->hits++;
    if (!route->authorization.empty() && authorization != route->authorization)
        return http_result(401, "not authorised", "text/plain");
    const std::uint64_t count = route->answers.size();
    const http_answer& a =
        route->answers[route->after == http_after::start_again ? before % count : std::min(before, count - 1)];
    if (a.failure) {
        const std::string_view why =
            *a.failure == errc::skill_unavailable ? "cannot be reached" : "went silent after the request";
        return fail(*a.failure, "http: " + std::string(origin) + " " + std::string(why));
    }
    return http_result(a.status, http_filled(a.body, route->hits), a.content_type);
}

result<void> http_mock::seed(const payload& state, std::string at) {
    field_reader in(state, field_origin::seed, at);
    http_state next;
    const auto list = in.list("routes");
    for (std::size_t i = 0; i < list.size() && in.ok(); ++i) {
        auto route = http_read_route(list[i], in.pointer("routes", i));
        if (route)
            next.routes.push_back(std::move(*route));
        else
            in.adopt(route.error());
    }
    AIVP_CHECK(in.done());
    state_ = std::move(next);
    return {};
}

payload http_mock::dump() const {
    array_writer routes;
    for (const http_route& r : state_.routes) {
        array_writer answers;
        for (const http_answer& a : r.answers) {
            object_writer one;
            one.integer("status", a.status).text("body", a.body).text("content_type", a.content_type);
            if (a.failure) one.text("fail", info(*a.failure).name);
            answers.raw(one.json());
        }
        object_writer out;
        out.text("method", r.method)
            .text("url", r.url)
            .text("body_contains", r.body_contains)
            .text("authorization", r.authorization);
        out.text("after", r.after == http_after::start_again ? "start_again" : "repeat_last");
        routes.raw(out.integer("hits", static_cast<std::int64_t>(r.hits)).raw("answers", answers.json()).json());
    }
    return object_writer().raw("routes", routes.json()).build();
}

} // namespace aivp
