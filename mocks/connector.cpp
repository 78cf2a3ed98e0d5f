#include "mocks/connector.hpp"

#include <algorithm>
#include <utility>

#include "aivp/base/assert.hpp"
#include "aivp/skill/fields.hpp"
#include "mocks/calendar.hpp"
#include "mocks/chat.hpp"
#include "mocks/expense.hpp"
#include "mocks/files.hpp"
#include "mocks/http.hpp"
#include "mocks/internal/json_out.hpp"
#include "mocks/kv.hpp"
#include "mocks/mail.hpp"
#include "mocks/payment.hpp"
#include "mocks/sheet.hpp"

namespace aivp {

const std::vector<std::string>& mock_names() {
    static const std::vector<std::string> names{"calendar", "chat", "expense", "files", "http",
                                                "kv",       "mail", "payment", "sheet"};
    return names;
}

std::unique_ptr<mock_service> make_mock(std::string_view name) {
    if (name == "calendar") return std::make_unique<calendar_mock>();
    if (name == "chat") return std::make_unique<chat_mock>();
    if (name == "expense") return std::make_unique<expense_mock>();
    if (name == "files") return std::make_unique<files_mock>();
    if (name == "http") return std::make_unique<http_mock>();
    if (name == "kv") return std::make_unique<kv_mock>();
    if (name == "mail") return std::make_unique<mail_mock>();
    if (name == "payment") return std::make_unique<payment_mock>();
    if (name == "sheet") return std::make_unique<sheet_mock>();
    return nullptr;
}

std::unexpected<error> unknown_operation(const mock_service& service, const mock_request& request) {
    return std::unexpected(unknown_operation(service.name(), request.operation, service.operations()));
}

mock_connector::mock_connector(mock_world& world, world_ledger& ledger, mock_connector_options options)
    : world_(world), ledger_(ledger), options_(options), pending_(world, options.synchronous) {}

void mock_connector::add(std::unique_ptr<mock_service> service) {
    AIVP_ASSERT(service != nullptr, "a service is needed");
    const auto place =
        std::ranges::lower_bound(services_, service->name(), {}, [](const auto& s) { return s->name(); });
    if (place != services_.end() && (*place)->name() == service->name())
        *place = std::move(service);
    else
        services_.insert(place, std::move(service));
}

mock_service* mock_connector::find(std::string_view name) {
    for (const auto& s : services_)
        if (s->name() == name) return s.get();
    return nullptr;
}

result<void> mock_connector::seed(const payload& world, std::string at) {
    field_reader shape(world, field_origin::seed, at);
    if (!world.is_object()) return shape.done();
    for (const auto& [name, state] : members(world)) {
        std::unique_ptr<mock_service> service = make_mock(name);
        if (mock_service* const present = find(name)) service = present->clone();
        const std::string where = shape.pointer(name);
        if (!service) {
            return std::unexpected(error{errc::config_unknown_key,
                                         where + ": there is no mock of this name; known are " +
                                             some_of(mock_names(), mock_names().size()),
                                         {},
                                         {},
                                         {{"pointer", where}}});
        }
        AIVP_CHECK(service->seed(state, where));
        add(std::move(service));
    }
    return {};
}

payload mock_connector::dump() const {
    std::vector<std::pair<std::string, payload>> out;
    for (const auto& s : services_) out.emplace_back(s->name(), s->dump());
    return payload::of_object(std::move(out));
}

duration mock_connector::draw_latency(const skill_request& request) {
    latency_model* const model = latencies_.find(request.skill);
    return model ? draw_for_call(*model, options_.seed, "connector-latency", request.skill, {request.run, request.call})
                 : duration{};
}

void mock_connector::call(const skill_request& request, completion_sink& sink) {
    const std::size_t dot = request.skill.find('.');
    mock_service* const service = dot == std::string_view::npos ? nullptr : find(request.skill.substr(0, dot));
    if (!service) {
        std::vector<std::string> names;
        for (const auto& s : services_) names.emplace_back(s->name());
        error e{errc::connector_missing,
                "no mock serves \"" + std::string(request.skill) + "\"; this world has " + some_of(names, names.size()),
                {},
                {},
                {}};
        pending_.complete(
            sink, {{request.run, request.call}, effect_outcome::failed, failure_details(e), e.code, e.message}, {});
        return;
    }
    const duration delay = draw_latency(request);
    pending_.complete(sink, serve(request, *service, request.skill.substr(dot + 1)), delay);
}

skill_completion mock_connector::serve(const skill_request& request, mock_service& service,
                                       std::string_view operation) {
    ledger_entry entry;
    entry.at = world_.now();
    entry.run = request.run;
    entry.call = request.call;
    entry.agent = request.agent;
    entry.connector = service.name();
    entry.operation = request.skill;
    entry.arguments = request.arguments;
    entry.effect = request.effect;
    const bool keyed = request.takes_key && request.idempotency_key;
    if (keyed) entry.idempotency_key = request.idempotency_key;

    result<payload> answer = fail(errc::internal_bug, "not served");
    const auto before = keyed ? keyed_.find(request.idempotency_key) : keyed_.end();
    if (before == keyed_.end()) {
        answer = service.perform({operation, request.agent, request.arguments, entry.at, request.space}, entry.target);
    } else if (before->second.skill == request.skill && before->second.arguments == request.arguments.hash()) {
        answer = before->second.result;
        entry.duplicate_of = before->second.ordinal;
    } else {
        answer = std::unexpected(key_used_before(request.skill, before->second.skill));
    }

    skill_completion done;
    done.ref = {request.run, request.call};
    if (answer) {
        done.result = std::move(*answer);
    } else {
        const error& e = answer.error();
        done.outcome = e.code == errc::skill_outcome_unknown ? effect_outcome::unknown : effect_outcome::failed;
        done.code = e.code;
        done.message = e.message;
        done.result = failure_details(e);
    }
    entry.outcome = done.outcome;
    entry.code = done.code;
    entry.result = done.result.hash();
    const std::uint64_t ordinal = ledger_.append(std::move(entry));
    if (keyed && answer && before == keyed_.end())
        keyed_.emplace(request.idempotency_key,
                       keyed_effect{std::string(request.skill), request.arguments.hash(), done.result, ordinal});
    return done;
}

} // namespace aivp
