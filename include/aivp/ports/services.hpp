// The small ports: blobs, secrets, entropy, notifier, process.
//
// Ownership: the host owns them. Threads: the driver's thread.
// Fault models: blobs may be missing or rotten (get() verifies the hash); a secret may be absent or revoked; entropy is
// for key material at the edge only and never reaches a decision; a notification may be lost; a process may hang, die,
// babble or be killed at any moment.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "aivp/base/error.hpp"
#include "aivp/base/hash.hpp"
#include "aivp/base/time.hpp"

namespace aivp {

/// Content-addressed bytes.
class blob_port {
public:
    virtual ~blob_port() = default;
    /// Idempotent. Errors: io.write.
    virtual result<digest> put(std::string_view bytes) = 0;
    /// Errors: tape.blob (missing or other content), io.read.
    virtual result<std::string> get(const digest& name) = 0;
};

/// Values that must not be seen. The driver asks just before a call and forgets the value after it.
class secret_port {
public:
    virtual ~secret_port() = default;
    /// Errors: secret.unavailable.
    virtual result<std::string> reveal(std::string_view name) = 0;
};

class entropy_port {
public:
    virtual ~entropy_port() = default;
    virtual void fill(std::span<std::uint8_t> out) = 0;
};

struct notification {
    std::string subject;
    std::string text;
    std::string code; ///< dotted error name, or empty
};

class notifier_port {
public:
    virtual ~notifier_port() = default;
    virtual void notify(const notification& n) = 0;
};

struct process_spec {
    std::vector<std::string> command; ///< program and arguments; no shell
    std::string input;                ///< what it reads on stdin
    duration wall_time_max;
    std::uint64_t memory_bytes_max = 0;
    std::uint64_t output_bytes_max = 0;
    std::string sandbox_profile;
    std::vector<std::string> readable; ///< absolute paths that the sandbox shows as well, read-only
};

struct process_result {
    int exit_code = 0;
    bool killed = false;
    std::string output;
    std::string log; ///< stderr
};

class process_port {
public:
    virtual ~process_port() = default;
    /// `done` is called once, later, on the driver's thread. Errors (at start): config.not_supported, io.not_found.
    virtual result<void> run(const process_spec& spec, std::function<void(result<process_result>)> done) = 0;
};

class forwarding_blobs : public blob_port {
public:
    explicit forwarding_blobs(blob_port& next) : next_(next) {}
    result<digest> put(std::string_view bytes) override { return next_.put(bytes); }
    result<std::string> get(const digest& name) override { return next_.get(name); }

protected:
    blob_port& next_;
};

class forwarding_secrets : public secret_port {
public:
    explicit forwarding_secrets(secret_port& next) : next_(next) {}
    result<std::string> reveal(std::string_view name) override { return next_.reveal(name); }

protected:
    secret_port& next_;
};

class forwarding_entropy : public entropy_port {
public:
    explicit forwarding_entropy(entropy_port& next) : next_(next) {}
    void fill(std::span<std::uint8_t> out) override { next_.fill(out); }

protected:
    entropy_port& next_;
};

class forwarding_notifier : public notifier_port {
public:
    explicit forwarding_notifier(notifier_port& next) : next_(next) {}
    void notify(const notification& n) override { next_.notify(n); }

protected:
    notifier_port& next_;
};

class forwarding_process : public process_port {
public:
    explicit forwarding_process(process_port& next) : next_(next) {}
    result<void> run(const process_spec& spec, std::function<void(result<process_result>)> done) override {
        return next_.run(spec, std::move(done));
    }

protected:
    process_port& next_;
};

} // namespace aivp
