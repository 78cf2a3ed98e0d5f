#include "runtime/daemon/agent_library.hpp"

#include <utility>

#include "runtime/codec/bundle.hpp"

namespace aivp {

namespace {

// No agent's id has a colon.
constexpr const char* bundle_space = "aivp:bundles";

result<snapshot_ptr> compile_stored(sqlite_store& store, const digest& whole) {
    AIVP_TRY(const auto name, store.kv_get(bundle_space, to_hex(whole)));
    if (!name) return snapshot_ptr();
    AIVP_TRY(const digest blob, parse_digest(*name));
    AIVP_TRY(const std::string text, store.get(blob));
    AIVP_TRY(const agent_bundle bundle, parse_bundle(text));
    std::vector<error> errors;
    return compile_bundle(bundle, errors);
}

} // namespace

snapshot_ptr agent_library::find(const digest& whole) {
    if (const auto it = known_.find(whole); it != known_.end()) return it->second;
    auto compiled = compile_stored(store_, whole);
    if (!compiled || !*compiled) return nullptr;
    return known_.emplace(whole, std::move(*compiled)).first->second;
}

result<void> agent_library::keep(const snapshot_ptr& snapshot, const source_texts& texts) {
    const std::string key = to_hex(snapshot->hashes.whole);
    AIVP_TRY(const auto stored, store_.kv_get(bundle_space, key));
    if (!stored) {
        AIVP_TRY(const agent_bundle bundle, make_bundle(*snapshot, texts));
        AIVP_TRY(const digest blob, store_.put(to_payload(bundle).text()));
        AIVP_CHECK(store_.kv_put(bundle_space, key, to_hex(blob), {}));
    }
    known_.emplace(snapshot->hashes.whole, snapshot);
    return {};
}

} // namespace aivp
