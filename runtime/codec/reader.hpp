// Reads a mapping key by key and reports everything that is wrong with it: a reader asks for the keys it knows, and what
// nobody asked for is an error with its place and the nearest known key.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "aivp/base/located.hpp"
#include "aivp/base/money.hpp"
#include "aivp/base/time.hpp"
#include "runtime/codec/yaml.hpp"

namespace aivp {

/// Nobody reads more of them, and a hostile file could bring millions.
inline constexpr std::size_t errors_per_file_max = 100;

/// The errors of one file.
class file_errors {
public:
    file_errors(std::string file, std::vector<error>& errors) : file_(std::move(file)), errors_(errors) {}

    void report(errc code, text_place at, std::string message, std::string help = {});
    /// Keeps the position that the error has, or puts it at `at`; a column that counts within a text is moved there.
    /// Errors beyond errors_per_file_max are dropped.
    void report(error e, text_place at);
    source_pos position(text_place at) const { return {file_, at.line, at.column}; }
    const std::string& file() const { return file_; }
    std::size_t count() const { return errors_.size(); }

private:
    std::string file_;
    std::vector<error>& errors_;
    std::size_t reported_ = 0;
};

/// One mapping. Every function that takes a key makes the key known; finish() reports all others. A value of the wrong kind
/// is reported and then treated as absent. The node must outlive the reader.
class mapping_reader {
public:
    /// `what` names the mapping in messages: "an agent", "step `fetch`". Reports config.type when `node` is no mapping.
    mapping_reader(const yaml_node& node, std::string what, file_errors& errors);

    bool has(std::string_view key) { return find(key) != nullptr; }
    /// nullptr when absent.
    const yaml_node* node(std::string_view key);
    /// Reports config.missing_key when absent.
    const yaml_node* required(std::string_view key);

    /// Text that is not empty. Plain numbers and true or false are refused: quotes say that text is meant.
    std::optional<located_text> text(std::string_view key);
    std::optional<located_text> required_text(std::string_view key);
    std::optional<bool> boolean(std::string_view key);
    std::optional<std::int64_t> integer(std::string_view key, std::int64_t minimum, std::int64_t maximum);
    /// "1h30m".
    std::optional<duration> span(std::string_view key, duration minimum, duration maximum);
    std::optional<instant> moment(std::string_view key);
    /// "0.05", as a number or in quotes; not negative.
    std::optional<usd_micros> money(std::string_view key);
    /// A decimal as an integer number of 1/10^places: 0.7 with places 3 is 700. Exact; no floating point.
    std::optional<std::int64_t> decimal(std::string_view key, int places, std::int64_t minimum, std::int64_t maximum);
    /// "50%" or "12.5%", in thousandths.
    std::optional<std::int64_t> share(std::string_view key, std::int64_t minimum_permille,
                                      std::int64_t maximum_permille);
    /// "512MiB": a whole number, not 0, with B, KiB, MiB or GiB; at most 2^50 bytes.
    std::optional<std::uint64_t> bytes(std::string_view key);
    /// Index into `words`; `deferred` are words that mean something that this version cannot do.
    std::optional<std::size_t> word(std::string_view key, std::initializer_list<std::string_view> words,
                                    std::initializer_list<std::string_view> deferred = {});
    std::vector<located_text> texts(std::string_view key);
    std::optional<located_payload> value(std::string_view key);
    /// Also reports config.type when it is no mapping.
    std::optional<located_payload> object(std::string_view key);
    const yaml_node* sequence(std::string_view key);
    const yaml_node* mapping(std::string_view key);

    /// Reports config.not_supported for each of these keys that is there.
    void defer(std::initializer_list<std::string_view> keys, std::string sentence);
    /// Reports `code` at the key when it is there.
    void refuse(std::string_view key, errc code, std::string message, std::string help = {});
    /// Reports config.unknown_key for every key that nobody asked for.
    void finish();

    text_place at() const { return node_.at; }
    /// Of the key; of the mapping when it is absent.
    text_place key_at(std::string_view key) const;
    file_errors& errors() { return errors_; }
    const std::string& what() const { return what_; }

private:
    const yaml_member* find(std::string_view key);
    const yaml_node* scalar(std::string_view key, std::string_view wanted);

    const yaml_node& node_;
    std::string what_;
    file_errors& errors_;
    std::vector<std::string> known_;
};

/// The scalar as text with its places.
located_text to_located_text(const yaml_node& scalar, const file_errors& errors);

} // namespace aivp
