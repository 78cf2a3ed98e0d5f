// Probes in a static library, as modules have them.
#pragma once

#include "aivp/base/probe.hpp"

int library_answer();
void library_inline_elsewhere();

inline void library_inline() { AIVP_REACHABLE("library: an inline function"); }
inline void library_never_called() { AIVP_REACHABLE("library: an inline function that nobody calls"); }
