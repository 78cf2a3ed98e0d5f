#include <algorithm>
#include <map>
#include <string>

#include "aivp/tape/files.hpp"
#include "aivp/version.hpp"
#include "runtime/tape/internal/tape_scan.hpp"
#include "runtime/tape/internal/tape_words.hpp"

namespace aivp {

namespace {

using namespace internal;

bool tape_continues(std::string_view text, std::size_t at, std::size_t count) {
    if (at + count > text.size()) return false;
    for (std::size_t i = at; i < at + count; ++i)
        if ((static_cast<unsigned char>(text[i]) & 0xC0u) != 0x80u) return false;
    return true;
}

// Length of the valid UTF-8 sequence at `at`, or 0.
std::size_t tape_utf8_length(std::string_view text, std::size_t at) {
    const auto c = static_cast<unsigned char>(text[at]);
    const auto next = at + 1 < text.size() ? static_cast<unsigned char>(text[at + 1]) : 0u;
    if (c < 0x80) return 1;
    if (c >= 0xC2 && c <= 0xDF) return tape_continues(text, at + 1, 1) ? 2 : 0;
    if (c >= 0xE0 && c <= 0xEF) {
        if ((c == 0xE0 && next < 0xA0) || (c == 0xED && next > 0x9F)) return 0;
        return tape_continues(text, at + 1, 2) ? 3 : 0;
    }
    if (c >= 0xF0 && c <= 0xF4) {
        if ((c == 0xF0 && next < 0x90) || (c == 0xF4 && next > 0x8F)) return 0;
        return tape_continues(text, at + 1, 3) ? 4 : 0;
    }
    return 0;
}

// Texts that come from the other side of a port may hold any bytes; a tape holds UTF-8.
void tape_append_text(std::string& out, std::string_view text) {
    std::string valid;
    bool rewritten = false;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t length = tape_utf8_length(text, at);
        if (length == 0 && !rewritten) {
            valid.assign(text.substr(0, at));
            rewritten = true;
        }
        if (rewritten) valid += length == 0 ? std::string_view("\xEF\xBF\xBD") : text.substr(at, length);
        at += length == 0 ? 1 : length;
    }
    append_json_string(out, rewritten ? std::string_view(valid) : text);
}

// {"$blob":…}, {"$$blob":…}, … as the only member: a value that would be mistaken for a reference.
bool tape_looks_like_reference(std::string_view text) {
    if (!text.starts_with("{\"$")) return false;
    const std::size_t word = text.find_first_not_of('$', 2);
    return word != std::string_view::npos && text.substr(word).starts_with("blob\":") &&
           tape_scan_members(text).size() == 1;
}

class tape_encoder {
public:
    explicit tape_encoder(const tape& t) : tape_(t) {}

    tape_text encode() {
        tape_text out;
        std::uint64_t seq = 0;
        for (const tape_event& e : tape_.events) append_line(out.events, e, ++seq);
        out.blobs.assign(blobs_.begin(), blobs_.end());
        out.manifest = manifest_text(seq);
        return out;
    }

private:
    struct lane_state {
        history messages;
        std::string key;
    };

    void append_line(std::string& out, const tape_event& e, std::uint64_t seq) {
        std::string head = "{\"at\":";
        append_integer(head, e.at.us);
        head += ",\"body\":";
        append_body(head, e);
        std::string tail = ",\"lane\":";
        tape_append_text(tail, e.lane);
        tail += ",\"seq\":";
        append_integer(tail, static_cast<std::int64_t>(seq));
        tail += ",\"source\":\"";
        tail += tape_source_of(e.kind());
        tail += "\"}";
        const digest& chain = chain_.append(head + tail);
        if (seq == 1) first_ = chain;
        out += head;
        out += ",\"digest\":\"";
        out += to_hex(chain);
        out += '"';
        out += tail;
        out += '\n';
    }

    void append_body(std::string& out, const tape_event& e) {
        switch (e.kind()) {
        case tape_kind::run_started: return append(out, std::get<tape_run_started>(e.body));
        case tape_kind::model_call: return append(out, std::get<tape_model_call>(e.body), e.lane);
        case tape_kind::skill_call: return append(out, std::get<tape_skill_call>(e.body));
        case tape_kind::user_turn: return append(out, std::get<tape_user_turn>(e.body));
        case tape_kind::engine_refusal: return append(out, std::get<tape_engine_refusal>(e.body));
        case tape_kind::run_finished: return append(out, std::get<tape_run_finished>(e.body));
        }
    }

    void append(std::string& out, const tape_run_started& b) {
        out += "{\"agent\":";
        tape_append_text(out, b.agent);
        out += ",\"kind\":\"run_started\"";
        append_value(out, ",\"trigger\":", b.trigger);
        out += '}';
    }

    void append(std::string& out, const tape_model_call& b, const std::string& lane) {
        ++model_calls_;
        lane_state& before = lanes_[lane];
        const std::string key = std::string(tape_model_key_prefix) +
                                to_hex(tape_model_key(b.messages.chain(), b.tools_hash, b.params.hash(), b.model));
        const bool follows = !before.key.empty() && extends(before.messages, b.messages);
        out += "{\"key\":\"" + key + "\",\"kind\":\"model_call\",\"parent\":";
        out += follows ? "\"" + before.key + "\"" : "null";
        out += ",\"req\":{\"append\":[";
        bool first = true;
        for (const payload& m : b.messages.messages_after(follows ? before.messages.size() : 0)) {
            if (!first) out += ',';
            first = false;
            append_message(out, m);
        }
        out += "],\"model\":";
        tape_append_text(out, b.model);
        out += ",\"params\":";
        append_stored(out, b.params);
        out += ",\"tools\":";
        append_tools(out, b);
        out += "},\"res\":{";
        append_model_ending(out, b);
        out += "}}";
        before = {b.messages, key};
    }

    void append_tools(std::string& out, const tape_model_call& b) {
        if (b.tools && !tools_seen_[b.tools_hash]) {
            tools_seen_[b.tools_hash] = true;
            return append_stored(out, *b.tools);
        }
        out += '"';
        out += tape_hash_prefix;
        out += to_hex(b.tools_hash);
        out += '"';
    }

    void append_model_ending(std::string& out, const tape_model_call& b) {
        if (!b.ending.answered) out += "\"answered\":false,";
        if (!b.response.calls.empty()) {
            out += "\"calls\":[";
            for (std::size_t i = 0; i < b.response.calls.size(); ++i) {
                out += i == 0 ? "{\"args\":" : ",{\"args\":";
                append_stored(out, b.response.calls[i].arguments);
                out += ",\"name\":";
                tape_append_text(out, b.response.calls[i].name);
                out += '}';
            }
            out += "],";
        }
        append_code(out, b.ending);
        append_value(out, "\"content\":", b.response.content, ",");
        if (b.ending.outcome == effect_outcome::ok || b.response.finish != "stop") {
            out += "\"finish\":";
            tape_append_text(out, b.response.finish);
            out += ',';
        }
        append_latency_to_outcome(out, b.ending);
        if (!b.response.usage.reported) return;
        out += ",\"usage\":{\"cached\":";
        append_integer(out, b.response.usage.cached_input);
        out += ",\"in\":";
        append_integer(out, b.response.usage.input);
        out += ",\"out\":";
        append_integer(out, b.response.usage.output);
        out += '}';
    }

    void append(std::string& out, const tape_skill_call& b) {
        ++skill_calls_;
        out += "{\"key\":\"sk:" + to_hex(tape_skill_key(b.skill, b.arguments));
        out += "\",\"kind\":\"skill_call\",\"req\":{\"args\":";
        append_stored(out, b.arguments);
        out += ",\"as\":";
        tape_append_text(out, b.as);
        out += ",\"effect\":\"";
        out += to_string(b.effect);
        out += "\",\"skill\":";
        tape_append_text(out, b.skill);
        out += ",\"version\":";
        tape_append_text(out, b.version);
        out += "},\"res\":{";
        if (!b.ending.answered) out += "\"answered\":false,";
        append_code(out, b.ending);
        append_latency_to_outcome(out, b.ending);
        append_value(out, ",\"result\":", b.result);
        out += "}}";
    }

    void append(std::string& out, const tape_user_turn& b) {
        ++user_turns_;
        out += "{\"key\":\"us:" + to_hex(tape_user_key(b.text));
        out += "\",\"kind\":\"user_turn\",\"req\":{\"text\":";
        append_stored(out, b.text);
        out += "},\"res\":{";
        if (!b.ending.answered) out += "\"answered\":false,";
        if (b.ended) out += "\"ended\":true,";
        out += "\"latency_us\":";
        append_integer(out, b.ending.latency.us);
        append_value(out, ",\"message\":", b.message);
        out += "}}";
    }

    void append(std::string& out, const tape_engine_refusal& b) {
        out += "{\"as\":";
        tape_append_text(out, b.as);
        out += ",\"code\":\"";
        out += info(b.code).name;
        out += "\",\"decided_by\":";
        tape_append_text(out, b.decided_by);
        out += ",\"kind\":\"engine_refusal\",\"message\":";
        tape_append_text(out, b.message);
        out += '}';
    }

    void append(std::string& out, const tape_run_finished& b) {
        out += "{\"code\":\"";
        out += info(b.code).name;
        out += "\",\"kind\":\"run_finished\",\"message\":";
        tape_append_text(out, b.message);
        out += ",\"status\":\"";
        out += tape_status_words[static_cast<std::size_t>(b.status)];
        out += "\"}";
    }

    static void append_code(std::string& out, const tape_ending& e) {
        if (e.code == errc::ok) return;
        out += "\"code\":\"";
        out += info(e.code).name;
        out += "\",";
    }

    static void append_latency_to_outcome(std::string& out, const tape_ending& e) {
        out += "\"latency_us\":";
        append_integer(out, e.latency.us);
        if (!e.message.empty()) {
            out += ",\"message\":";
            tape_append_text(out, e.message);
        }
        out += ",\"outcome\":\"";
        out += to_string(e.outcome);
        out += '"';
    }

    // Null is written as absence.
    void append_value(std::string& out, std::string_view before, const payload& value, std::string_view after = {}) {
        if (value.is_null()) return;
        out += before;
        append_stored(out, value);
        out += after;
    }

    void append_stored(std::string& out, const payload& value) {
        if (value.text().size() > tape_inline_bytes_max) {
            blobs_.emplace(value.hash(), value);
            out += "{\"$blob\":\"";
            out += tape_hash_prefix;
            out += to_hex(value.hash());
            out += "\"}";
        } else if (tape_looks_like_reference(value.text())) {
            out += "{\"$";
            out += value.text().substr(2);
        } else {
            out += value.text();
        }
    }

    // Content and arguments are what repeats elsewhere on the tape, so they are what becomes a blob.
    void append_message(std::string& out, const payload& message) {
        const bool small = message.text().size() <= tape_inline_bytes_max;
        if (small && message.text().find("$blob\":") == std::string_view::npos) {
            out += message.text();
            return;
        }
        out += '{';
        bool first = true;
        for (const tape_member& m : tape_scan_members(message.text())) {
            if (!first) out += ',';
            first = false;
            out.append(1, '"').append(m.key).append("\":");
            if (m.key == "content")
                append_stored(out, payload::from_canonical(std::string(m.value)));
            else if (m.key == "calls")
                append_calls(out, m.value);
            else
                out += m.value;
        }
        out += '}';
    }

    void append_calls(std::string& out, std::string_view calls) {
        out += '[';
        bool first_call = true;
        for (const std::string_view call : tape_scan_items(calls)) {
            if (!first_call) out += ',';
            first_call = false;
            out += '{';
            bool first = true;
            for (const tape_member& m : tape_scan_members(call)) {
                if (!first) out += ',';
                first = false;
                out.append(1, '"').append(m.key).append("\":");
                if (m.key == "args")
                    append_stored(out, payload::from_canonical(std::string(m.value)));
                else
                    out += m.value;
            }
            out += '}';
        }
        out += ']';
    }

    static bool extends(const history& before, const history& after) {
        if (after.size() < before.size()) return false;
        digest chain = before.chain();
        for (const payload& m : after.messages_after(before.size())) chain = sha256(chain.view(), m.hash().view());
        return chain == after.chain();
    }

    std::string manifest_text(std::uint64_t events) const {
        const tape_manifest& m = tape_.manifest;
        std::vector<digest> names;
        names.reserve(blobs_.size());
        for (const auto& [name, value] : blobs_) names.push_back(name);
        std::string out = "{\n\"agent\":{\"file\":";
        tape_append_text(out, m.agent_file);
        out += ",\"skills\":[";
        for (std::size_t i = 0; i < m.skill_folders.size(); ++i) {
            if (i > 0) out += ',';
            tape_append_text(out, m.skill_folders[i]);
        }
        out += "]},\n\"blobs\":{\"count\":" + std::to_string(names.size()) + ",\"root\":\"" +
               to_hex(tape_blob_root(names));
        out += "\"},\n\"build\":";
        tape_append_text(out, m.build);
        out +=
            ",\n\"counts\":{\"events\":" + std::to_string(events) + ",\"model_calls\":" + std::to_string(model_calls_);
        out += ",\"skill_calls\":" + std::to_string(skill_calls_) + ",\"user_turns\":" + std::to_string(user_turns_);
        out += "},\n\"digests\":{\"first\":\"" + to_hex(first_) + "\",\"last\":\"" + to_hex(chain_.head());
        out += "\"},\n\"format\":\"";
        out += tape_format;
        out += "\",\n\"model\":";
        tape_append_text(out, m.model);
        if (m.outcome) {
            out += ",\n\"outcome\":{\"code\":\"";
            out += info(m.outcome->code).name;
            out += "\",\"message\":";
            tape_append_text(out, m.outcome->message);
            out += ",\"status\":\"";
            out += tape_status_words[static_cast<std::size_t>(m.outcome->status)];
            out += "\"}";
        }
        out += ",\n\"provenance\":";
        out += m.provenance.text();
        out += ",\n\"recorded_at\":\"" + to_string(m.recorded_at) + "\",\n\"redacted\":{";
        bool first = true;
        for (const auto& [kind, count] : m.redacted) {
            if (!first) out += ',';
            first = false;
            tape_append_text(out, kind);
            out += ':' + std::to_string(count);
        }
        out += "},\n\"rules\":\"";
        out += tape_rules;
        out += '"';
        if (!m.trigger.is_null()) {
            out += ",\n\"trigger\":";
            out += m.trigger.text();
        }
        out += "\n}\n";
        return out;
    }

    const tape& tape_;
    std::map<digest, payload> blobs_;
    std::map<std::string, lane_state> lanes_;
    std::map<digest, bool> tools_seen_;
    digest_chain chain_;
    digest first_;
    std::uint64_t model_calls_ = 0;
    std::uint64_t skill_calls_ = 0;
    std::uint64_t user_turns_ = 0;
};

} // namespace

tape_text tape_to_text(const tape& t) { return tape_encoder(t).encode(); }

} // namespace aivp
