// What a plain scalar means (YAML 1.2, core schema), and trees as payloads.
#include <algorithm>
#include <array>

#include "runtime/codec/internal/text.hpp"
#include "runtime/codec/yaml.hpp"

namespace aivp {

namespace {

bool is_scalar_digit(char c) { return c >= '0' && c <= '9'; }

std::string_view without_sign(std::string_view text) {
    if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
    return text;
}

/// 0o17 or 0x1F.
bool is_based_integer(std::string_view text) {
    if (text.size() < 3 || text[0] != '0' || (text[1] != 'o' && text[1] != 'x')) return false;
    const std::string_view digits = text[1] == 'o' ? "01234567" : "0123456789abcdefABCDEF";
    return text.find_first_not_of(digits, 2) == std::string_view::npos;
}

bool is_decimal_integer(std::string_view text) {
    const std::string_view digits = without_sign(text);
    return !digits.empty() && std::ranges::all_of(digits, is_scalar_digit);
}

/// [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?
bool is_real(std::string_view text) {
    std::string_view rest = without_sign(text);
    const std::size_t whole = std::min(rest.find_first_not_of("0123456789"), rest.size());
    rest.remove_prefix(whole);
    std::size_t fraction = 0;
    if (rest.starts_with('.')) {
        rest.remove_prefix(1);
        fraction = std::min(rest.find_first_not_of("0123456789"), rest.size());
        rest.remove_prefix(fraction);
    }
    if (whole + fraction == 0) return false;
    if (rest.empty()) return true;
    return (rest[0] == 'e' || rest[0] == 'E') && is_decimal_integer(rest.substr(1));
}

/// .inf, -.INF, .nan
bool is_infinite_or_nan(std::string_view text) {
    const std::string_view word = without_sign(text);
    return word == ".inf" || word == ".Inf" || word == ".INF" || text == ".nan" || text == ".NaN" || text == ".NAN";
}

bool is_one_of(std::string_view text, const std::array<std::string_view, 6>& words) {
    return std::ranges::find(words, text) != words.end();
}

/// 0o17 and 0x1F as decimal digits, of any length.
std::string decimal_of_based(std::string_view text) {
    const unsigned base = text[1] == 'o' ? 8 : 16;
    std::string digits = "0"; // least significant first
    for (const char c : text.substr(2)) {
        unsigned carry =
            is_scalar_digit(c) ? static_cast<unsigned>(c - '0') : static_cast<unsigned>((c | 0x20) - 'a') + 10;
        for (char& d : digits) {
            const unsigned value = static_cast<unsigned>(d - '0') * base + carry;
            d = static_cast<char>('0' + value % 10);
            carry = value / 10;
        }
        for (; carry != 0; carry /= 10) digits += static_cast<char>('0' + carry % 10);
    }
    std::ranges::reverse(digits);
    return digits;
}

/// A number as JSON writes it: no plus sign, no leading zeros, digits on both sides of a point.
std::string json_number_of(std::string_view text) {
    if (is_based_integer(text)) return decimal_of_based(text);
    std::string out = text.starts_with('-') ? "-" : "";
    std::string_view rest = without_sign(text);
    rest.remove_prefix(std::min(rest.find_first_not_of('0'), rest.size()));
    if (rest.empty() || !is_scalar_digit(rest[0])) out += '0';
    for (std::size_t i = 0; i < rest.size(); ++i) {
        out += rest[i];
        if (rest[i] == '.' && (i + 1 == rest.size() || !is_scalar_digit(rest[i + 1]))) out += '0';
    }
    return out;
}

/// Numbers in base 8 or 16 are converted digit by digit, which takes quadratic time.
constexpr std::size_t based_integer_bytes_max = 256;

class payload_writer {
public:
    payload_writer(const std::string& file, std::vector<payload_place>* places) : file_(file), places_(places) {}

    result<void> write(const yaml_node& node, const source_pos& key) {
        const source_pos here = position(node.at);
        if (places_ != nullptr)
            places_->push_back({pointer_, here, key.line == 0 ? here : key,
                                node.is_scalar() && node.single ? position(node.content()) : source_pos{}});
        if (node.is_mapping()) return write_mapping(node);
        if (node.is_sequence()) return write_sequence(node, here);
        return write_scalar(node, here);
    }

    result<payload> finish() {
        auto value = payload::parse(out_);
        if (!value) value.error().where = {file_, 0, 0};
        return value;
    }

private:
    source_pos position(text_place p) const { return {file_, p.line, p.column}; }

    result<void> write_mapping(const yaml_node& node) {
        out_ += '{';
        for (const yaml_member& member : node.members) {
            if (out_.back() != '{') out_ += ',';
            append_json_string(out_, member.key);
            out_ += ':';
            const std::size_t size = pointer_.size();
            push(member.key);
            AIVP_CHECK(write(member.value, position(member.at)));
            pointer_.resize(size);
        }
        out_ += '}';
        return {};
    }

    result<void> write_sequence(const yaml_node& node, const source_pos&) {
        out_ += '[';
        std::size_t index = 0;
        for (const yaml_node& item : node.items) {
            if (index > 0) out_ += ',';
            const std::size_t size = pointer_.size();
            push(std::to_string(index++));
            AIVP_CHECK(write(item, {}));
            pointer_.resize(size);
        }
        out_ += ']';
        return {};
    }

    result<void> write_scalar(const yaml_node& node, const source_pos& here) {
        switch (type_of(node)) {
        case scalar_type::null: out_ += "null"; return {};
        case scalar_type::boolean: out_ += (node.text[0] | 0x20) == 't' ? "true" : "false"; return {};
        case scalar_type::text: append_json_string(out_, node.text); return {};
        case scalar_type::integer:
        case scalar_type::real: break;
        }
        if (is_infinite_or_nan(node.text))
            return fail(errc::config_value, "`" + node.text + "` has no place in JSON", here,
                        "Write a number, or quote it to make it text.");
        if (is_based_integer(node.text) && node.text.size() > based_integer_bytes_max)
            return fail(errc::json_number, "this number is too long", here);
        const std::string number = json_number_of(node.text);
        // A number by itself, because in the whole document its position would be lost.
        if (auto checked = payload::parse(number); !checked)
            return fail(checked.error().code, checked.error().message, here);
        out_ += number;
        return {};
    }

    void push(std::string_view token) {
        pointer_ += '/';
        for (const char c : token) {
            if (c == '~')
                pointer_ += "~0";
            else if (c == '/')
                pointer_ += "~1";
            else
                pointer_ += c;
        }
    }

    const std::string& file_;
    std::vector<payload_place>* places_;
    std::string out_;
    std::string pointer_;
};

} // namespace

scalar_type type_of(const yaml_node& scalar) {
    const std::string_view text = scalar.text;
    if (!scalar.plain) return scalar_type::text;
    if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") return scalar_type::null;
    if (is_one_of(text, {"true", "True", "TRUE", "false", "False", "FALSE"})) return scalar_type::boolean;
    if (is_decimal_integer(text) || is_based_integer(text)) return scalar_type::integer;
    if (is_real(text) || is_infinite_or_nan(text)) return scalar_type::real;
    return scalar_type::text;
}

std::string describe(const yaml_node& node) {
    if (node.is_mapping()) return "a mapping";
    if (node.is_sequence()) return "a list";
    switch (type_of(node)) {
    case scalar_type::null: return "nothing";
    case scalar_type::boolean: return "true or false";
    case scalar_type::integer:
    case scalar_type::real: return "a number";
    case scalar_type::text: break;
    }
    return "text";
}

result<payload> to_payload(const yaml_node& node, const std::string& file) {
    payload_writer writer(file, nullptr);
    AIVP_CHECK(writer.write(node, {}));
    return writer.finish();
}

result<located_payload> to_located_payload(const yaml_node& node, const std::string& file) {
    located_payload made;
    payload_writer writer(file, &made.places);
    AIVP_CHECK(writer.write(node, {}));
    AIVP_TRY(made.value, writer.finish());
    std::ranges::sort(made.places, {}, &payload_place::pointer);
    return made;
}

} // namespace aivp
