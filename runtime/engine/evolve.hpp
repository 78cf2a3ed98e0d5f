// How each event changes a run. The engine applies these directly to the run at hand; evolve() finds the run first.
#pragma once

#include "aivp/engine/engine.hpp"

namespace aivp {

void apply(run_state& r, const run_started& e, instant at);
void apply(run_state& r, const model_requested& e, instant at);
void apply(run_state& r, const model_settled& e, instant at);
void apply(run_state& r, const call_refused& e, instant at);
void apply(run_state& r, const call_intended& e, instant at);
void apply(run_state& r, const call_settled& e, instant at);
void apply(run_state& r, const step_finished& e, instant at);
void apply(run_state& r, const turn_completed& e, instant at);
void apply(run_state& r, const user_asked& e, instant at);
void apply(run_state& r, const user_answered& e, instant at);
void apply(run_state& r, const timer_armed& e, instant at);
void apply(run_state& r, const call_parked& e, instant at);
void apply(run_state& r, const call_resent& e, instant at);
void apply(run_state& r, const call_retry_planned& e, instant at);
void apply(run_state& r, const run_paused& e, instant at);
void apply(run_state& r, const run_resumed& e, instant at);

} // namespace aivp
