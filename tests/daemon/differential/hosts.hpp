// The two hosts that play the same scenario: the simulator, which writes the script, and the live host, which is played it.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "aivp/ports/store.hpp"
#include "runtime/daemon/live_host.hpp"
#include "runtime/os/event_loop.hpp"
#include "sim/scenario.hpp"
#include "tests/daemon/differential/script.hpp"
#include "tests/net/loopback.hpp"

namespace differential_test {

/// A scenario file, read once for both hosts.
struct play {
    std::string file;
    std::map<std::string, means, std::less<>> others; ///< skills that do not go over HTTP
    std::shared_ptr<const aivp::sim::scenario> scenario;
    std::vector<std::string> agent_files; ///< in order, absolute
    bool schedules = false;               ///< one fires during the play, at an instant that its file names
};

/// Fails the test when the file is not in order.
play load_play(const std::string& file, std::map<std::string, means, std::less<>> others = {});

/// What a fresh journal of a live host begins with, and the simulated one has to begin with, too.
struct beginning {
    aivp::effect_key name;
    aivp::instant at;
};

/// The whole scenario in virtual time, in memory when there is no store. The lines of its journal.
std::vector<std::string> play_simulated(const play& p, const beginning& from, const std::string& origin,
                                        script* written, aivp::store_port* store = nullptr);

/// Lines of a journal.
std::vector<std::string> lines_of(aivp::store_port& store);

/// HTTP services, a model and a user on 127.0.0.1 that say what the script says, each answer when the script says so.
class far_side {
public:
    far_side();
    ~far_side();
    std::string url(std::string_view path) const { return server_->url(path); }
    /// Scheme, host and port, as messages name it.
    std::string origin() const { return server_->url(""); }

    void begin(const script& s);
    /// The answer may be given from now on.
    void release(std::size_t exchange);
    /// Requests that the script does not know.
    std::vector<std::string> strangers() const;

private:
    void serve(net_test::peer& p);
    std::string answer_to(net_test::peer& p, const std::string& request);
    std::string wait_and_say(net_test::peer& p, std::size_t exchange);

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    script script_; ///< of its own: a peer may still be asked when whoever began is gone
    std::map<std::string, std::deque<std::size_t>> waiting_; ///< by what a request is known by
    std::set<std::size_t> released_;
    std::vector<std::string> strangers_;
    std::unique_ptr<net_test::loopback_server> server_;
};

/// A live host in a folder of its own.
class live_stage {
public:
    explicit live_stage(const play& p);
    ~live_stage();

    beginning start() const;
    std::string origin() const { return world_.origin(); }
    /// Plays the script to its end. What went wrong; empty when it came to its end.
    std::string perform(const script& s, aivp::duration longest = aivp::seconds(60));
    /// Ends the host, and reads its journal.
    std::vector<std::string> journal();
    const std::vector<std::string>& log() const { return log_; }

private:
    std::string configuration() const;
    void write_secrets() const;
    void seed_values() const;
    void conduct(const script& s);
    bool submit(const script_step& step);
    void release(const script& s, std::size_t exchange);
    std::string where_it_stands(const script& s) const;

    const play& play_;
    net_test::temporary_folder folder_;
    far_side world_;
    aivp::event_loop loop_;
    aivp::live_host_options options_;
    std::unique_ptr<aivp::live_host> host_;
    std::vector<std::string> log_;
    progress counts_;
    std::size_t next_ = 0;             ///< of the script's steps; all before it are done
    std::set<std::size_t> early_;      ///< answers behind it that were given already
    std::map<std::string, int> tries_; ///< of programs, by key
};

} // namespace differential_test
