// The ports of a live host that choose among others: skills by id, models by name, questions by run.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "aivp/ports/connector.hpp"
#include "aivp/ports/model_provider.hpp"
#include "aivp/ports/user_channel.hpp"
#include "runtime/net/http_connector.hpp"
#include "runtime/os/subprocess_connector.hpp"
#include "runtime/providers/process_provider.hpp"
#include "runtime/store/sqlite_store.hpp"

namespace aivp::internal {

/// Programs, then HTTP calls, then what is built in (the operations of aivp/skill/kv.hpp, on the store; each effect once a
/// key); else connector.missing.
class skill_router final : public connector_port {
public:
    /// `seq` tells the record that a value comes from.
    skill_router(sqlite_store& store, std::function<seq_no()> seq) : store_(store), seq_(std::move(seq)) {}

    void route(subprocess_connector& programs, http_connector& calls) {
        programs_ = &programs;
        calls_ = &calls;
    }
    bool serves(std::string_view skill) const;

    void call(const skill_request& request, completion_sink& sink) override;
    void cancel(call_ref ref) override;

private:
    skill_completion perform_built_in(const skill_request& request, std::string_view operation);

    sqlite_store& store_;
    std::function<seq_no()> seq_;
    subprocess_connector* programs_ = nullptr;
    http_connector* calls_ = nullptr;
};

/// Process agents' turns go to their programs, all others to the model of that name; else connector.missing.
class model_router final : public model_provider {
public:
    void route(process_provider& programs) { programs_ = &programs; }
    void add(std::string name, std::unique_ptr<model_provider> provider) {
        providers_.insert_or_assign(std::move(name), std::move(provider));
    }
    bool serves(std::string_view model) const { return providers_.contains(model); }

    void call(const model_request& request, completion_sink& sink) override;
    void cancel(call_ref ref) override;

private:
    std::map<std::string, std::unique_ptr<model_provider>, std::less<>> providers_;
    process_provider* programs_ = nullptr;
};

/// Keeps questions until a person answers them.
class waiting_questions final : public user_channel {
public:
    struct question {
        call_ref ref;
        std::string agent;
        payload text;
        completion_sink* sink = nullptr;
    };
    void ask(const user_question& asked, completion_sink& sink) override;
    void cancel(call_ref ref) override { open_.erase(ref.run); }
    /// False when the run has no open question.
    bool answer(run_id run, payload message, bool ended);
    const std::map<run_id, question>& open() const { return open_; }

private:
    std::map<run_id, question> open_;
};

} // namespace aivp::internal
