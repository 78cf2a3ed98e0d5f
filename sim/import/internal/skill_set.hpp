// The skills of one suite: declared by a schema file or derived from what was logged, widened so far that every logged call
// passes the gate, and written as skill files.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "aivp/agent/snapshot.hpp"
#include "aivp/base/error.hpp"
#include "aivp/base/payload.hpp"
#include "aivp/skill/registry.hpp"
#include "sim/import/import.hpp"

namespace aivp::sim::internal {

class skill_set {
public:
    skill_set(std::string suite, std::string version);

    /// Declares the tools of a schema file. Errors: import.format.
    result<void> declare(const payload& tools_document, const std::string& file);
    /// A call that was logged.
    void observe(const std::string& name, const payload& arguments);

    /// Ends the collecting: widens, and compiles the skills. Errors: schema.*, config.*.
    result<void> compile(std::vector<import_summary::widening>& widenings);

    struct skill {
        std::string as; ///< under which the agent binds it; the tool's name where that is possible
        std::string id;
        effect_class effect = effect_class::write;
        skill_ptr contract;
        std::string text; ///< of the skill file
    };
    /// Null for a tool that was neither declared nor observed.
    const skill* find(const std::string& name) const;
    /// By the tool's name.
    const std::map<std::string, skill>& skills() const { return skills_; }

    /// "banking-v1.2.1": name of the folder.
    std::string group() const;
    const std::string& skill_version() const { return skill_version_; }
    bool declared() const { return declared_; }
    const std::string& suite() const { return suite_; }

    /// What a model is offered; equal for all runs of the set. Valid after compile().
    const payload& tools() const { return tools_; }
    /// The `skill_bindings` of an agent file. Valid after compile().
    const std::string& bindings_text() const { return bindings_text_; }

private:
    struct tool {
        std::string description;
        payload schema;
        bool declared = false;
        std::vector<std::string> changes;
        std::map<digest, payload> observed; ///< arguments, each once
    };
    result<void> widen(const std::string& name, tool& t, skill& made);
    result<skill_ptr> parse(const std::string& name, const tool& t, skill& made) const;
    std::string skill_text(const std::string& name, const tool& t, const skill& made) const;

    std::string suite_;
    std::string version_;
    std::string skill_version_;
    bool declared_ = false;
    std::map<std::string, tool> tools_by_name_;
    std::map<std::string, skill> skills_;
    payload tools_;
    std::string bindings_text_;
};

/// What a tool does to the world, guessed from its name: get_, read_, search_, list_, … read; think, calculate compute;
/// everything else counts as writing.
effect_class guess_effect(std::string_view tool);

} // namespace aivp::sim::internal
