"""What the comparisons share: how figures, the machine and tables are written."""
import datetime
import os
import pathlib
import platform
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent.parent
PAGE = ROOT / "docs/performance.md"


def shown(value, unit):
    """Three significant digits with a prefix, and the unit."""
    if unit == "/s":
        for scale, prefix in ((1e6, " M"), (1e3, " k")):
            if value >= scale:
                return f"{value / scale:.3g}{prefix}/s"
        return f"{value:.3g} /s"
    if unit == "s" and value < 1:
        return f"{value * 1e3:.3g} ms"
    return f"{value:,.0f} {unit}" if value >= 100 else f"{value:.3g} {unit}"


def plain(ratio):
    return f"{ratio:,.0f}" if ratio >= 10 else f"{ratio:.2g}"


def first_line(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines()[0].strip()
    except (OSError, IndexError):
        return "none"


def machine(load, minutes, rounds):
    info = pathlib.Path("/proc/cpuinfo").read_text() if pathlib.Path("/proc/cpuinfo").exists() else ""
    model = re.search(r"model name\s*:\s*(.+)", info)
    after = os.getloadavg()
    return (f"{datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} × "
            f"{model[1] if model else platform.machine()}, load average {load:.1f} before and {after[0]:.1f} after "
            f"(an idle machine of this size: below 1); {first_line('g++', '--version')}, node {first_line('node', '--version')}, "
            f"Python {platform.python_version()}; {minutes:.0f} minutes, medians of {rounds}.")


def text_table(header, rows):
    rows = [header, *[[cell.replace("**", "") for cell in row] for row in rows]]
    widths = [max(len(row[column]) for row in rows) for column in range(len(header))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows)


def markdown(header, rule, rows, about, lines):
    table = ["| " + " | ".join(header) + " |", rule, *["| " + " | ".join(row) + " |" for row in rows]]
    return "\n".join([about, "", *table, "", *[f"- {line}" for line in lines]])


def write_page(name, text):
    """Replaces what stands between the marks of that name."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, _, rest = PAGE.read_text().partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        sys.exit(f"{PAGE}: no {begin} … {end}")
    PAGE.write_text(f"{before}{begin}\n{text}\n{end}{after}")
