// Writes canonical objects of fixed shape without a payload for every member.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "aivp/base/payload.hpp"

namespace aivp {

/// Keys are ASCII literals, each at most once; order does not matter.
class object_writer {
public:
    object_writer& text(std::string_view key, std::string_view value) {
        std::string json;
        append_json_string(json, value);
        return raw(key, std::move(json));
    }
    object_writer& integer(std::string_view key, std::int64_t value) { return raw(key, std::to_string(value)); }
    object_writer& boolean(std::string_view key, bool value) { return raw(key, value ? "true" : "false"); }
    object_writer& value(std::string_view key, const payload& value) { return raw(key, std::string(value.text())); }
    template <class Range>
    object_writer& texts(std::string_view key, const Range& values) {
        std::string json = "[";
        for (const auto& v : values) {
            if (json.size() > 1) json += ',';
            append_json_string(json, v);
        }
        return raw(key, json + "]");
    }
    /// `canonical` is canonical JSON.
    object_writer& raw(std::string_view key, std::string canonical) {
        members_.emplace_back(key, std::move(canonical));
        return *this;
    }
    std::string json() {
        std::ranges::sort(members_, {}, [](const auto& m) { return m.first; });
        std::string out = "{";
        for (const auto& [key, value] : members_) {
            if (out.size() > 1) out += ',';
            append_json_string(out, key);
            out += ':';
            out += value;
        }
        return out += '}';
    }
    payload build() { return payload::from_canonical(json()); }

private:
    std::vector<std::pair<std::string_view, std::string>> members_;
};

/// Canonical array of texts that are canonical JSON each.
class array_writer {
public:
    void raw(std::string_view canonical) {
        if (json_.size() > 1) json_ += ',';
        json_ += canonical;
        ++size_;
    }
    std::size_t size() const { return size_; }
    std::string json() const { return json_ + "]"; }

private:
    std::string json_ = "[";
    std::size_t size_ = 0;
};

} // namespace aivp
