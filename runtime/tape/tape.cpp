#include "aivp/tape/tape.hpp"

namespace aivp {

const char* to_string(tape_kind k) {
    switch (k) {
    case tape_kind::run_started: return "run_started";
    case tape_kind::model_call: return "model_call";
    case tape_kind::skill_call: return "skill_call";
    case tape_kind::user_turn: return "user_turn";
    case tape_kind::engine_refusal: return "engine_refusal";
    case tape_kind::run_finished: return "run_finished";
    }
    return "run_started";
}

digest tape_model_key(const digest& chain, const digest& tools_hash, const digest& params_hash,
                      std::string_view model) {
    std::string material;
    material.reserve(96 + model.size());
    material += chain.view();
    material += tools_hash.view();
    material += params_hash.view();
    material += model;
    return sha256(material);
}

digest tape_skill_key(std::string_view skill, const payload& arguments) { return sha256(skill, arguments.text()); }

digest tape_user_key(const payload& text) { return text.hash(); }

std::optional<digest> tape_key(const tape_event& e) {
    if (const auto* m = std::get_if<tape_model_call>(&e.body))
        return tape_model_key(m->messages.chain(), m->tools_hash, m->params.hash(), m->model);
    if (const auto* s = std::get_if<tape_skill_call>(&e.body)) return tape_skill_key(s->skill, s->arguments);
    if (const auto* u = std::get_if<tape_user_turn>(&e.body)) return tape_user_key(u->text);
    return std::nullopt;
}

digest tape_blob_root(const std::vector<digest>& names) {
    std::vector<digest> level;
    level.reserve(names.size());
    const std::string_view leaf("\0", 1);
    const std::string_view node("\1", 1);
    for (const digest& name : names) level.push_back(sha256(leaf, name.view()));
    while (level.size() > 1) {
        std::vector<digest> above;
        above.reserve((level.size() + 1) / 2);
        for (std::size_t i = 0; i < level.size(); i += 2) {
            if (i + 1 == level.size()) {
                above.push_back(level[i]);
                continue;
            }
            std::string pair(node);
            pair += level[i].view();
            above.push_back(sha256(pair, level[i + 1].view()));
        }
        level = std::move(above);
    }
    return level.empty() ? digest{} : level.front();
}

} // namespace aivp
