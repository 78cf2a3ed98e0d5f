#include <iostream>

#include "tools/aivp/commands.hpp"
#include "tools/aivp/schemas.hpp"

namespace aivp::tools {

namespace {

int print_schema(const arguments& a) {
    std::string names;
    for (const published_schema& s : published_schemas()) {
        if (s.name == a.positional.front()) {
            std::cout << s.text;
            return exit_ok;
        }
        names += (names.empty() ? "" : ", ") + std::string(s.name);
    }
    return usage_error("there is no schema `" + a.positional.front() + "`", "name one of " + names);
}

} // namespace

command_spec schema_command_spec() {
    return {"schema",
            "schema agent|scenario|skill|skill-pool",
            "Prints the JSON Schema of a kind of file, for editors.",
            {"aivp schema agent > agent.schema.json"},
            {},
            1,
            1,
            print_schema};
}

} // namespace aivp::tools
