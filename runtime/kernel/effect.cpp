#include "aivp/kernel/effect.hpp"

namespace aivp {

std::string to_hex(const effect_key& key) {
    digest d;
    std::memcpy(d.bytes.data(), key.bytes.data(), key.bytes.size());
    return to_hex(d, 2 * key.bytes.size());
}

result<effect_key> parse_effect_key(std::string_view hex32) {
    const std::string whole = std::string(hex32) + std::string(32, '0');
    AIVP_TRY(const digest d, parse_digest(hex32.size() == 32 ? std::string_view(whole) : hex32));
    if (hex32.size() != 32) return fail(errc::data_hex, "an effect key has 32 hexadecimal digits");
    return effect_key_of(d);
}

} // namespace aivp
