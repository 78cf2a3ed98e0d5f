// aivp.yaml: what a live host needs to know besides agents and skills. docs/runbook.md is the page for those who write it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "aivp/base/error.hpp"
#include "runtime/codec/diagnostics.hpp"
#include "runtime/net/http_connector.hpp"
#include "runtime/os/process_launcher.hpp"
#include "runtime/os/subprocess_connector.hpp"
#include "runtime/providers/openai.hpp"
#include "runtime/store/sqlite_store.hpp"

namespace aivp {

struct daemon_config {
    std::string file;                     ///< as named; empty: there is none, and everything is as it is by default
    std::string folder;                   ///< absolute; what paths in the file are relative to
    std::vector<std::string> agents;      ///< agent files, and folders of them; absolute
    std::vector<std::string> skill_files; ///< contracts: files, pools and folders; absolute
    std::string secret_folder;            ///< a file for each secret; empty = environment only
    std::string state_folder;             ///< absolute

    subprocess_connector::skill_table programs;             ///< skills that are programs
    std::map<std::string, http_binding, std::less<>> calls; ///< skills that are HTTP calls
    std::map<std::string, openai_options, std::less<>> models;
    std::vector<egress_target> egress; ///< the hosts that the two tables above name
    std::string ca_file;

    process_launcher_options processes;
    sqlite_options store; ///< path, journal, durable, pages_max; the rest as it is by default

    std::size_t batch_max = 256;       ///< inputs for one commit
    duration stop_grace = seconds(10); ///< for calls under way at a stop
    duration heartbeat = seconds(10);
    std::uint64_t snapshot_records = 10'000;
    duration snapshot_time = minutes(5);
};

/// Reads the text of a configuration file. `folder` is the absolute one that holds it. Appends all errors: yaml.*, config.*.
/// What is wrong stays as it is by default.
daemon_config parse_daemon_config(std::string_view text, const std::string& file, const std::string& folder,
                                  std::vector<error>& errors);

/// Where a command looks: `config` when it is given; else aivp.yaml in the current folder, else in `state`; else none, and
/// then the folders `agents` and `skills` of the current folder, as far as they are there. `state`, when it is given, is the
/// state folder, whatever the file says; else it is .aivp beside the file. Errors besides: io.not_found, io.read.
daemon_config load_daemon_config(const std::string& config, const std::string& state, std::vector<error>& errors,
                                 source_texts& texts);

/// Where the control socket of a state folder is.
std::string control_socket_of(const std::string& state_folder);

} // namespace aivp
