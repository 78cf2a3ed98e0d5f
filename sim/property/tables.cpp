#include "sim/property/tables.hpp"

namespace aivp::sim {

const char* to_string(value_type t) {
    switch (t) {
    case value_type::boolean: return "true or false";
    case value_type::integer: return "an integer";
    case value_type::text: return "a text";
    case value_type::money: return "money";
    case value_type::duration: return "a duration";
    case value_type::instant: return "an instant";
    case value_type::json: return "JSON";
    }
    return "JSON";
}

std::optional<std::uint32_t> table_info::find(std::string_view field) const {
    for (std::uint32_t i = 0; i < fields.size(); ++i)
        if (fields[i].name == field) return i;
    return std::nullopt;
}

// The order of the fields is the order in which row_feed.cpp fills them.
const std::vector<table_info>& property_tables() {
    using enum value_type;
    using enum field_words;
    static const std::vector<table_info> tables{
        {table_id::ledger,
         "ledger",
         "calls that reached the world, when they did",
         {{"at", instant, "when it arrived"},
          {"ordinal", integer, "from 1"},
          {"run", integer, "number of the run"},
          {"agent", text, "id", agent},
          {"connector", text, "mail"},
          {"operation", text, "mail.send", operation},
          {"target", text, "whom or what it concerns; may be empty"},
          {"effect", text, "none, read or write", effect},
          {"outcome", text, "ok, failed or unknown", outcome},
          {"code", text, "why it did not end well; ok", code},
          {"duplicate", boolean, "a keyed effect that was not done again"},
          {"keyed", boolean, "it carried an idempotency key"},
          {"arguments", json, "as received"}}},
        {table_id::calls,
         "calls",
         "calls of skills, when the agent knows how they ended",
         {{"at", instant, "when it ended"},
          {"started", instant, "when it was first made"},
          {"latency", duration, "between the two"},
          {"run", integer, "number of the run"},
          {"number", integer, "of the call in its run"},
          {"agent", text, "id", agent},
          {"call", text, "name of the binding", call},
          {"skill", text, "id of the skill", skill},
          {"effect", text, "none, read or write", effect},
          {"outcome", text, "ok, failed or unknown", outcome},
          {"code", text, "why it did not end well; ok", code},
          {"cost", money, "charged for it"},
          {"attempts", integer, "how often it was tried; 1 = once"},
          {"arguments", json, "as recorded: without secrets"},
          {"result", json, "as recorded: without secrets"}}},
        {table_id::refused,
         "refused",
         "calls that the gate refused",
         {{"at", instant, "when"},
          {"run", integer, "number of the run"},
          {"number", integer, "of the call in its run"},
          {"agent", text, "id", agent},
          {"call", text, "as it was proposed; of an unknown skill whatever the model wrote"},
          {"code", text, "why", code},
          {"stage", text, "of the gate", stage}}},
        {table_id::turns,
         "turns",
         "turns of models, when they ended",
         {{"at", instant, "when it ended"},
          {"started", instant, "when it was first asked for"},
          {"latency", duration, "between the two"},
          {"run", integer, "number of the run"},
          {"number", integer, "of the call in its run"},
          {"agent", text, "id", agent},
          {"outcome", text, "ok, failed or unknown", outcome},
          {"code", text, "why it did not end well; ok", code},
          {"cost", money, "charged for it"},
          {"attempts", integer, "how often it was tried; 1 = once"},
          {"proposed", integer, "calls that it asked for"},
          {"input_tokens", integer, "as reported"},
          {"output_tokens", integer, "as reported"},
          {"finish", text, "stop, tool_calls, length, …"},
          {"content", json, "its text, or null"}}},
        {table_id::runs,
         "runs",
         "runs, when they ended",
         {{"at", instant, "when it ended"},
          {"accepted", instant, "when its trigger was"},
          {"started", instant, "when it began; when it ended, where it never did"},
          {"latency", duration, "from its beginning to its end"},
          {"run", integer, "its number"},
          {"agent", text, "id", agent},
          {"trigger", text, "id of the trigger"},
          {"status", text, "success, failure, partial or skipped", status},
          {"code", text, "why it did not end well; ok", code},
          {"abstained", boolean, "the agent declined to act"},
          {"cost", money, "of all its calls and turns"},
          {"calls", integer, "of skills that were made"},
          {"turns", integer, "of the model"},
          {"details", json, "of its outcome: details.answer"},
          {"payload", json, "of its trigger"}}},
        {table_id::triggers,
         "triggers",
         "triggers that became a run",
         {{"at", instant, "when it was accepted"},
          {"scheduled", instant, "the window of a schedule; else `at`"},
          {"late", duration, "between the two"},
          {"run", integer, "number of the run"},
          {"agent", text, "id", agent},
          {"trigger", text, "id of the trigger"},
          {"waits", boolean, "the agent was busy"},
          {"payload", json, "of the trigger"}}},
        {table_id::refused_triggers,
         "refused_triggers",
         "triggers that became no run",
         {{"at", instant, "when"},
          {"scheduled", instant, "the window of a schedule; else `at`"},
          {"agent", text, "id; empty when no agent was meant", agent},
          {"trigger", text, "id of the trigger; may be empty"},
          {"code", text, "why", code},
          {"windows", integer, "so many windows of a schedule at once"}}},
    };
    return tables;
}

const table_info& info(table_id t) { return property_tables()[static_cast<std::size_t>(t)]; }

const table_info* find_table(std::string_view name) {
    for (const table_info& t : property_tables())
        if (t.name == name) return &t;
    return nullptr;
}

} // namespace aivp::sim
