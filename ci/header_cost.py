#!/usr/bin/env python3
"""CPU seconds that each public header costs a unit that includes nothing else; fails above the budget."""
import argparse
import os
import pathlib
import subprocess
import sys
import tempfile


def cpu_seconds(command):
    before = os.times()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    after = os.times()
    if done.returncode != 0:
        sys.exit(done.stderr)
    return after.children_user - before.children_user + after.children_system - before.children_system


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--budget", type=float, default=0.6, help="CPU seconds a header (default 0.6)")
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
        for header in headers:
            unit.write_text(f'#include "{header}"\n')
            command = [options.compiler, "-std=c++23", "-g1", "-c", unit, "-o", unit.with_suffix(".o"), "-I", root / "include"]
            costs.append((min(cpu_seconds(command) for _ in range(2)), header))
    costs.sort(reverse=True)
    over = [cost for cost in costs if cost[0] > options.budget]
    for seconds, header in over or costs[:5]:
        print(f"{seconds:6.2f} s  {header}")
    print(f"{len(over)} of {len(costs)} headers above {options.budget} CPU-s; the dearest takes {costs[0][0]:.2f}")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
