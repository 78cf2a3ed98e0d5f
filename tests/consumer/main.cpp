// What a project outside this one sees: the public headers and the exported targets, nothing else.
#include "aivp/base/hash.hpp"
#include "aivp/base/money.hpp"
#include "aivp/version.hpp"

#include <cstdio>
#include <string>

int main() {
    const auto amount = aivp::parse_usd("$0.0227");
    const bool ok = amount && aivp::to_string(*amount) == "$0.0227" &&
                    aivp::to_hex(aivp::sha256("abc"), 8) == "ba7816bf";
    std::printf("aivp %s: %s\n", std::string(aivp::version).c_str(), ok ? "works" : "gives wrong answers");
    return ok ? 0 : 1;
}
