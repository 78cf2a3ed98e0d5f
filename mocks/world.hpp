// What a mock knows about time: the present instant, and a way to act later. The host's scheduler implements it.
//
// Ownership: the host owns it; it outlives the mocks that hold a reference. Threads: the driver's thread only.
#pragma once

#include <functional>

#include "aivp/base/time.hpp"

namespace aivp {

class mock_world {
public:
    virtual ~mock_world() = default;
    virtual instant now() = 0;
    /// Runs `action` once, on the driver's thread, at now() + delay; a delay of 0 or less means soon, never within after()
    /// itself. Actions of one instant run in the order in which they were handed over. The mocks' own actions fit the
    /// small buffer of std::function, so that none of them allocates.
    virtual void after(duration delay, std::function<void()> action) = 0;
};

} // namespace aivp
