#!/usr/bin/env python3
"""The hold model on SimPy 2: one process for each pending event, which holds for random times.

simpy_hold.py PENDING EVENTS
"""
import itertools
import json
import random
import sys
import time

from SimPy.Simulation import Process, Simulation, hold


class Holder(Process):
    fired = 0
    wanted = 0

    def run(self, delays):
        while True:
            yield hold, self, next(delays)
            Holder.fired += 1
            if Holder.fired == Holder.wanted:
                self.sim.stopSimulation()


def main():
    pending, Holder.wanted = int(sys.argv[1]), int(sys.argv[2])
    draw = random.Random(1)
    # Drawn beforehand, so that the generator is not what is measured.
    delays = itertools.cycle([draw.randint(1, 1_000_000) for _ in range(99_991)])
    simulation = Simulation()
    simulation.initialize()
    for number in range(pending):
        holder = Holder(name=str(number), sim=simulation)
        simulation.activate(holder, holder.run(delays))
    # Each process starts with an event of its own before its first hold.
    for _ in range(pending):
        simulation.step()

    wall, cpu = time.perf_counter(), time.process_time()
    simulation.simulate(until=1e18)
    cpu_s, wall_s = time.process_time() - cpu, time.perf_counter() - wall
    print(json.dumps({"peer": "SimPy", "what": "hold", "pending": pending, "count": Holder.fired,
                      "cpu_s": cpu_s, "wall_s": wall_s}))


if __name__ == "__main__":
    main()
