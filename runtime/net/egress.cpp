#include "runtime/net/egress.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <memory>

namespace aivp {

namespace {

struct ipv4_block {
    std::uint32_t network;
    int bits;
};

constexpr std::uint32_t ipv4(std::uint32_t a, std::uint32_t b, std::uint32_t c, std::uint32_t d) {
    return a << 24 | b << 16 | c << 8 | d;
}

constexpr ipv4_block not_public_v4[] = {
    {ipv4(0, 0, 0, 0), 8},        // this network
    {ipv4(10, 0, 0, 0), 8},       // private
    {ipv4(100, 64, 0, 0), 10},    // shared by carriers; 100.100.100.200 is a metadata service
    {ipv4(127, 0, 0, 0), 8},      // loopback
    {ipv4(168, 63, 129, 16), 32}, // metadata service
    {ipv4(169, 254, 0, 0), 16},   // link-local; 169.254.169.254 is a metadata service
    {ipv4(172, 16, 0, 0), 12},    // private
    {ipv4(192, 0, 0, 0), 24},     // protocol assignments
    {ipv4(192, 0, 2, 0), 24},     // documentation
    {ipv4(192, 88, 99, 0), 24},   // 6to4 relays, withdrawn
    {ipv4(192, 168, 0, 0), 16},   // private
    {ipv4(198, 18, 0, 0), 15},    // benchmarks
    {ipv4(198, 51, 100, 0), 24},  // documentation
    {ipv4(203, 0, 113, 0), 24},   // documentation
    {ipv4(224, 0, 0, 0), 4},      // multicast
    {ipv4(240, 0, 0, 0), 4},      // reserved, broadcast
};

bool is_public_v4(std::uint32_t address) {
    return std::ranges::none_of(
        not_public_v4, [&](const ipv4_block& block) { return (address ^ block.network) >> (32 - block.bits) == 0; });
}

std::uint32_t four_bytes(const ip_address& a, std::size_t at) {
    return ipv4(a.bytes[at], a.bytes[at + 1], a.bytes[at + 2], a.bytes[at + 3]);
}

bool has_prefix(const ip_address& a, std::initializer_list<std::uint8_t> prefix) {
    return std::equal(prefix.begin(), prefix.end(), a.bytes.begin());
}

} // namespace

std::optional<ip_address> parse_ip(std::string_view text) {
    const std::string copy(text);
    if (copy.size() != std::strlen(copy.c_str())) return std::nullopt;
    ip_address a;
    if (inet_pton(AF_INET, copy.c_str(), a.bytes.data()) == 1) return a;
    a.is_v6 = true;
    if (inet_pton(AF_INET6, copy.c_str(), a.bytes.data()) == 1) return a;
    return std::nullopt;
}

std::string to_string(const ip_address& address) {
    std::array<char, INET6_ADDRSTRLEN> out{};
    return inet_ntop(address.is_v6 ? AF_INET6 : AF_INET, address.bytes.data(), out.data(), out.size());
}

bool is_public(const ip_address& a) {
    if (!a.is_v6) return is_public_v4(four_bytes(a, 0));
    constexpr std::uint8_t o = 0;
    // Mapped, compatible (with :: and ::1) and NAT64 carry an IPv4 address at the end, 6to4 after its prefix.
    if (has_prefix(a, {o, o, o, o, o, o, o, o, o, o, 0xff, 0xff})) return is_public_v4(four_bytes(a, 12));
    if (has_prefix(a, {o, o, o, o, o, o, o, o, o, o, o, o})) return is_public_v4(four_bytes(a, 12));
    if (has_prefix(a, {o, 0x64, 0xff, 0x9b, o, o, o, o, o, o, o, o})) return is_public_v4(four_bytes(a, 12));
    if (has_prefix(a, {0x20, 0x02})) return is_public_v4(four_bytes(a, 2));
    if ((a.bytes[0] & 0xe0) != 0x20) return false;                   // only 2000::/3 is in use
    if (has_prefix(a, {0x20, 0x01}) && a.bytes[2] < 2) return false; // 2001::/23, Teredo among it
    if (has_prefix(a, {0x20, 0x01, 0x0d, 0xb8})) return false;       // documentation
    return !(has_prefix(a, {0x3f, 0xff}) && a.bytes[2] < 0x10);      // 3fff::/20, documentation
}

bool is_own(const ip_address& address) {
    ifaddrs* list = nullptr;
    if (getifaddrs(&list) != 0) return true; // what cannot be checked is not allowed
    const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owner(list, &freeifaddrs);
    for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
        if (entry->ifa_addr == nullptr) continue;
        if (!address.is_v6 && entry->ifa_addr->sa_family == AF_INET) {
            sockaddr_in in{};
            std::memcpy(&in, entry->ifa_addr, sizeof in);
            if (std::memcmp(&in.sin_addr, address.bytes.data(), 4) == 0) return true;
        } else if (address.is_v6 && entry->ifa_addr->sa_family == AF_INET6) {
            sockaddr_in6 in{};
            std::memcpy(&in, entry->ifa_addr, sizeof in);
            if (std::memcmp(&in.sin6_addr, address.bytes.data(), 16) == 0) return true;
        }
    }
    return false;
}

result<egress_target> egress_rules::find(std::string_view host, std::uint16_t port) const {
    const auto found =
        std::ranges::find_if(targets_, [&](const egress_target& t) { return t.host == host && t.port == port; });
    if (found != targets_.end()) return *found;
    return fail(errc::policy_denied,
                std::string(host) + ":" + std::to_string(port) + " is not among the allowed destinations", {},
                "Add the host and its port to the allowed destinations.");
}

result<void> egress_rules::check_address(const egress_target& target, const ip_address& address) {
    if (target.private_addresses || (is_public(address) && !is_own(address))) return {};
    return fail(errc::policy_denied,
                target.host + " is " + to_string(address) + ", which is not an address of the public internet", {},
                "If that is meant, allow private addresses for this destination.");
}

} // namespace aivp
