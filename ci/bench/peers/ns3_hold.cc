// The hold model on ns-3's event core: every event schedules its successor at a random time ahead.
//
//   ns3_hold PENDING EVENTS SCHEDULER       for instance: ns3_hold 1000 3000000 ns3::HeapScheduler
#include <ns3/core-module.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>

namespace {

std::uint64_t fired = 0;
std::uint64_t wanted = 0;
std::uint64_t state = 88172645463325252ull;

/// Uniform in 1..1,000,000 ticks.
ns3::Time delay() {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return ns3::NanoSeconds(1 + state % 1'000'000);
}

void fire() {
    if (++fired == wanted) {
        ns3::Simulator::Stop();
        return;
    }
    ns3::Simulator::Schedule(delay(), &fire);
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 4) {
        std::fprintf(stderr, "ns3_hold PENDING EVENTS SCHEDULER\n");
        return 2;
    }
    const auto pending = std::strtoull(argv[1], nullptr, 10);
    wanted = std::strtoull(argv[2], nullptr, 10);
    ns3::ObjectFactory scheduler;
    scheduler.SetTypeId(argv[3]);
    ns3::Simulator::SetScheduler(scheduler);
    for (std::uint64_t i = 0; i < pending; ++i) ns3::Simulator::Schedule(delay(), &fire);

    const auto wall = std::chrono::steady_clock::now();
    const auto cpu = std::clock();
    ns3::Simulator::Run();
    const double cpu_s = static_cast<double>(std::clock() - cpu) / CLOCKS_PER_SEC;
    const std::chrono::duration<double> wall_s = std::chrono::steady_clock::now() - wall;
    std::printf(R"({"peer":"ns-3","what":"hold","scheduler":"%s","pending":%llu,"count":%llu,"cpu_s":%.6f,"wall_s":%.6f})"
                "\n",
                argv[3], pending, static_cast<unsigned long long>(fired), cpu_s, wall_s.count());
    ns3::Simulator::Destroy();
    return 0;
}
