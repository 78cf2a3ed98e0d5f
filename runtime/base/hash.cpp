// The streaming functions that OpenSSL 3 marks as deprecated: their EVP successors look up the algorithm and allocate a
// context on every call, which costs more than hashing an event. Both use the processor's SHA instructions.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "aivp/base/hash.hpp"

#include <openssl/sha.h>

namespace aivp {

digest sha256(std::string_view bytes) {
    digest d;
    SHA256_CTX context;
    SHA256_Init(&context);
    SHA256_Update(&context, bytes.data(), bytes.size());
    SHA256_Final(d.bytes.data(), &context);
    return d;
}

digest sha256(std::string_view a, std::string_view b) {
    digest d;
    SHA256_CTX context;
    SHA256_Init(&context);
    SHA256_Update(&context, a.data(), a.size());
    SHA256_Update(&context, b.data(), b.size());
    SHA256_Final(d.bytes.data(), &context);
    return d;
}

std::string to_hex(const digest& d, std::size_t n) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    text.reserve(64);
    for (const std::uint8_t byte : d.bytes) {
        text += digits[byte >> 4];
        text += digits[byte & 15];
    }
    text.resize(n < text.size() ? n : text.size());
    return text;
}

std::string to_hex(const digest& d) { return to_hex(d, 64); }

namespace {
int hash_hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}
} // namespace

result<digest> parse_digest(std::string_view hex64) {
    digest d;
    if (hex64.size() != 2 * d.bytes.size())
        return fail(errc::data_hex,
                    "a digest has 64 hexadecimal digits, here are " + std::to_string(hex64.size()) + " characters");
    for (std::size_t i = 0; i < hex64.size(); ++i) {
        const int value = hash_hex_value(hex64[i]);
        if (value < 0)
            return fail(errc::data_hex,
                        "character " + std::to_string(i + 1) + " of the digest is no hexadecimal digit");
        d.bytes[i / 2] = static_cast<std::uint8_t>(d.bytes[i / 2] << 4 | value);
    }
    return d;
}

} // namespace aivp
