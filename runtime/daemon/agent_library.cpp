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
    if (const auto it = known_.find(whole); it != known_.end())
        if (snapshot_ptr held = it->second.lock()) return held;
    auto compiled = compile_stored(store_, whole);
    if (!compiled || !*compiled) return nullptr;
    return remember(std::move(*compiled));
}

result<void> agent_library::keep(const snapshot_ptr& snapshot, const source_texts& texts) {
    const std::string key = to_hex(snapshot->hashes.whole);
    AIVP_TRY(const auto stored, store_.kv_get(bundle_space, key));
    if (!stored) {
        AIVP_TRY(const agent_bundle bundle, make_bundle(*snapshot, texts));
        AIVP_TRY(const digest blob, store_.put(to_payload(bundle).text()));
        AIVP_CHECK(store_.kv_put(bundle_space, key, to_hex(blob), {}));
    }
    remember(snapshot);
    return {};
}

snapshot_ptr agent_library::remember(snapshot_ptr snapshot) {
    std::erase_if(known_, [](const auto& entry) { return entry.second.expired(); });
    known_.insert_or_assign(snapshot->hashes.whole, snapshot);
    return snapshot;
}

} // namespace aivp
