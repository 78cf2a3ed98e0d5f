#!/usr/bin/env python3
"""What each public header costs a unit that includes nothing else, as a multiple of a unit that includes seven common
standard headers; fails above the budget.

A multiple, because seconds belong to one machine on one day: a slower processor, a busy neighbour on the same core or a new
compiler change both units alike. The two are compiled in turns and the cheapest of each counts, so that a burst of load
meets both; a header that seems too dear is measured again before it is called so.
"""
import argparse
import os
import pathlib
import subprocess
import sys
import tempfile


BUDGET = 1.35
ALLOWANCES = {"aivp/engine/": 2.05, "aivp/agent/": 1.5}  # they compose what stands below them
TURNS, TURNS_MAX = 2, 8
FLOOR = "".join(f"#include <{name}>\n" for name in ("string", "vector", "map", "optional", "variant", "functional", "memory"))


def cpu_seconds(command):
    before = os.times()
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "CCACHE_DISABLE": "1"})
    after = os.times()
    if done.returncode != 0:
        sys.exit(done.stderr)
    return after.children_user - before.children_user + after.children_system - before.children_system


def budget_of(header):
    return next((budget for folder, budget in ALLOWANCES.items() if header.startswith(folder)), BUDGET)


def cost_of(header, unit, command):
    """Multiple of the floor, and the floor's seconds."""
    floor = own = float("inf")
    for turn in range(TURNS_MAX):
        if turn >= TURNS and own <= floor * budget_of(header):
            break
        unit.write_text(FLOOR)
        floor = min(floor, cpu_seconds(command))
        unit.write_text(f'#include "{header}"\n')
        own = min(own, cpu_seconds(command))
    return own / floor, floor


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--compiler", default="g++")
    parser.add_argument("headers", nargs="*", help="default: every header in include/aivp")
    options = parser.parse_args()
    root = pathlib.Path(__file__).resolve().parent.parent
    headers = options.headers or sorted(
        path.relative_to(root / "include").as_posix() for path in (root / "include/aivp").rglob("*.hpp")
        if "include/aivp/testing/" not in path.as_posix())

    costs, floor = [], float("inf")
    with tempfile.TemporaryDirectory(prefix="aivp-cost-") as work:
        unit = pathlib.Path(work) / "unit.cpp"
        command = [options.compiler, "-std=c++23", "-g1", "-c", unit, "-o", unit.with_suffix(".o"), "-I", root / "include"]
        for header in headers:
            multiple, seconds = cost_of(header, unit, command)
            costs.append((multiple, header))
            floor = min(floor, seconds)
    costs.sort(reverse=True)
    over = [cost for cost in costs if cost[0] > budget_of(cost[1])]
    for multiple, header in over or costs[:5]:
        print(f"{multiple:6.2f}  of {budget_of(header):.2f}  {header}")
    print(f"{len(over)} of {len(costs)} headers above their budget; the dearest costs {costs[0][0]:.2f} times "
          f"{floor:.2f} CPU seconds")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
