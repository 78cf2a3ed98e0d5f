// Where this program may connect to: nowhere, but for the places that a person listed. Names are resolved once, every address
// is looked at, and the connection goes to an address that was looked at, so a name cannot change between check and use.
// Sources: IANA special-purpose address registries (IPv4, IPv6); RFC 6052 (NAT64), RFC 3056 (6to4), RFC 4291.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aivp/base/error.hpp"

namespace aivp {

/// An address of either family. IPv4 stands in the first four bytes.
struct ip_address {
    std::array<std::uint8_t, 16> bytes{};
    bool is_v6 = false;

    friend bool operator==(const ip_address&, const ip_address&) = default;
};

/// Dotted decimal IPv4 or IPv6 without brackets and zone; nullopt for anything else.
std::optional<ip_address> parse_ip(std::string_view text);
std::string to_string(const ip_address& address);

/// Whether the address belongs to the public internet: not loopback, private, shared, link-local, multicast, reserved, for
/// documentation, or a cloud's metadata service. An IPv4 address inside an IPv6 one (mapped, compatible, NAT64, 6to4) counts
/// as what it leads to.
bool is_public(const ip_address& address);
/// Whether an interface of this machine has the address now.
bool is_own(const ip_address& address);

/// One permitted destination, as it stands in the URL: a name allows that name and not its address.
struct egress_target {
    std::string host; ///< lower case
    std::uint16_t port = 443;
    bool private_addresses = false; ///< it may also be an address that is not public, or this machine

    friend bool operator==(const egress_target&, const egress_target&) = default;
};

class egress_rules {
public:
    /// Nothing is allowed.
    egress_rules() = default;
    explicit egress_rules(std::vector<egress_target> targets) : targets_(std::move(targets)) {}

    void allow(egress_target target) { targets_.push_back(std::move(target)); }
    /// Errors: policy.denied.
    result<egress_target> find(std::string_view host, std::uint16_t port) const;
    /// Errors: policy.denied for an address that is not public, or this machine's own, unless the target allows it.
    static result<void> check_address(const egress_target& target, const ip_address& address);

private:
    std::vector<egress_target> targets_;
};

} // namespace aivp
