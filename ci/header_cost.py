#!/usr/bin/env python3
"""CPU seconds that each public header costs a unit that includes nothing else; fails above the budget.

Seconds are those of a machine on which a unit of seven common standard headers takes 0.44: that unit is measured before each
header, so that neither a slower nor a busy machine changes the verdict.
"""
import argparse
import os
import pathlib
import subprocess
import sys
import tempfile


FLOOR_SECONDS = 0.44
BUDGET = 0.6
ALLOWANCES = {"aivp/engine/": 0.9, "aivp/agent/": 0.75}  # they compose what stands below them
FLOOR = "".join(f"#include <{name}>\n" for name in ("string", "vector", "map", "optional", "variant", "functional", "memory"))


def cpu_seconds(command):
    before = os.times()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    after = os.times()
    if done.returncode != 0:
        sys.exit(done.stderr)
    return after.children_user - before.children_user + after.children_system - before.children_system


def budget_of(header):
    return next((budget for folder, budget in ALLOWANCES.items() if header.startswith(folder)), BUDGET)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--compiler", default="g++")
    parser.add_argument("headers", nargs="*", help="default: every header in include/aivp")
    options = parser.parse_args()
    root = pathlib.Path(__file__).resolve().parent.parent
    headers = options.headers or sorted(
        path.relative_to(root / "include").as_posix() for path in (root / "include/aivp").rglob("*.hpp")
        if "include/aivp/testing/" not in path.as_posix())

    costs = []
    with tempfile.TemporaryDirectory(prefix="aivp-cost-") as work:
        unit = pathlib.Path(work) / "unit.cpp"
        command = [options.compiler, "-std=c++23", "-g1", "-c", unit, "-o", unit.with_suffix(".o"), "-I", root / "include"]
        for header in headers:
            floor = header_seconds = float("inf")
            for _ in range(2):
                unit.write_text(FLOOR)
                floor = min(floor, cpu_seconds(command))
                unit.write_text(f'#include "{header}"\n')
                header_seconds = min(header_seconds, cpu_seconds(command))
            costs.append((header_seconds * FLOOR_SECONDS / floor, header))
    costs.sort(reverse=True)
    over = [cost for cost in costs if cost[0] > budget_of(cost[1])]
    for seconds, header in over or costs[:5]:
        print(f"{seconds:6.2f} s  {header}")
    print(f"{len(over)} of {len(costs)} headers above their budget of CPU seconds; the dearest takes {costs[0][0]:.2f}")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
