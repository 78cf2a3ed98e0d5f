#!/usr/bin/env python3
"""Draws the timeline of a dry run as SVG: model turns, calls and refusals over virtual time. The same report gives the same
picture, byte for byte.

    aivp run --dry-run AGENT --fixtures FOLDER --json | ci/picture.py > run.svg

The first run of the report is drawn. ci/readme.py uses this for the picture in README.md.
"""
import json
import sys
from xml.sax.saxutils import escape

WIDTH, ROW, TOP = 960, 24, 84
CHARACTER = 7.3  # width of one at 12 px, rounded up: fonts differ
NAME_X, BAR_X, BAR_END = 96, 236, 812
STEPS_S = (0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300, 600, 1800, 3600, 21600, 86400)
TICKS_MAX = 9

# Both themes bring their own background, so that a page of either colour can show either of them.
STYLE = """
  text { font: 12px ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace; fill: #1f2328 }
  .title { font-size: 15px; font-weight: bold }
  .soft { fill: #59636e }
  .page { fill: #ffffff; stroke: #d1d9e0 }
  .band { fill: #f6f8fa }
  .grid { stroke: #d1d9e0 }
  .model { fill: #0969da } .read { fill: #1a7f37 } .write { fill: #bc4c00 } .bad { fill: #cf222e } .user { fill: #8250df }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .soft { fill: #9198a1 }
    .page { fill: #0d1117; stroke: #3d444d }
    .band { fill: #151b23 }
    .grid { stroke: #30363d }
    .model { fill: #4493f8 } .read { fill: #3fb950 } .write { fill: #f0883e } .bad { fill: #ff7b72 } .user { fill: #ab7df8 }
  }
"""


def number(value):
    """Two decimals at most, and none that say nothing."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def seconds(us):
    return f"{us / 1_000_000:.1f} s"


def shortened(text, length):
    return text if len(text) <= length else text[: length - 1] + "…"


def text(x, y, what, classes="", anchor=""):
    attributes = (f' class="{classes}"' if classes else "") + (f' text-anchor="{anchor}"' if anchor else "")
    return f'<text x="{number(x)}" y="{number(y)}"{attributes}>{escape(what)}</text>'


def kind_of(entry):
    """The row's first word and its colour."""
    if entry["decision"] == "refused":
        return "refused", "bad"
    if entry["kind"] == "model":
        return "model", "model"
    if entry["kind"] == "skill":
        effect = entry.get("effect", "read")
        return (effect.upper() if effect == "write" else effect), ("write" if effect == "write" else "read")
    return "user", "user"


def note_of(entry):
    """What stands beside the bar, and its colour."""
    if entry["decision"] == "refused":
        return entry["refusal"]["error"], "bad"
    if entry["ended"] not in ("ok", "open"):
        return f"{entry['ended']}: {entry['outcome']['code']}", "bad"
    if entry["kind"] == "model":
        return f"{entry['tokens_in']:,} in, {entry['tokens_out']:,} out", "soft"
    if entry.get("effect") == "write":
        return ("reversible" if entry["reversible"] else "irreversible"), "soft"
    return "", "soft"


def row(index, entry, x_of):
    middle = TOP + index * ROW + ROW / 2
    baseline = middle + 4
    word, colour = kind_of(entry)
    start = entry["at_us"]
    left, right = x_of(start), x_of(start + entry["outcome"].get("latency_ms", 0) * 1000)
    name = entry["as"] or entry.get("model", "")
    out = [text(24, baseline, word, colour), text(NAME_X, baseline, shortened(name, int((BAR_X - NAME_X - 8) / CHARACTER)))]
    if entry["decision"] == "refused":
        right = left + 12
        out.append(
            f'<path class="bad" d="M{number(left)} {number(middle - 4)}l2 -2 4 4 4 -4 2 2 -4 4 4 4 -2 2 -4 -4 -4 4 -2 -2 4 -4z"/>')
    else:
        right = max(right, left + 4)
        out.append(f'<rect class="{colour}" x="{number(left)}" y="{number(middle - 6)}" width="{number(right - left)}" height="12" rx="2"/>')
    note, note_colour = note_of(entry)
    if note and right + 8 + len(note) * CHARACTER <= WIDTH - 16:
        out.append(text(right + 8, baseline, note, note_colour))
    elif note:
        out.append(text(left - 8, baseline, note, note_colour, "end"))
    return out


def summary(report, run):
    totals, outcome = report["totals"], run["outcome"] or {}
    cost = outcome.get("details", {}).get("cost_usd_micros", 0)
    calls = f"{totals['reads']} reads, {totals['writes']} writes ({totals['irreversible']} irreversible), {totals['refused']} refused"
    return f"{outcome.get('status', 'open')} · {calls} · ${cost / 1_000_000:.6f} · {totals['performed']} performed for real"


def timeline(report):
    """The SVG's text. `report` is the JSON of a dry run."""
    if not report["runs"]:
        raise ValueError("the report has no run")
    run = report["runs"][0]
    entries = run["entries"]
    ends = [e["at_us"] + e["outcome"].get("latency_ms", 0) * 1000 for e in entries]
    end = max(ends + [(run["outcome"] or {}).get("latency_ms", 0) * 1000, 1000])
    step = next((s for s in STEPS_S if end / 1_000_000 / s <= TICKS_MAX), STEPS_S[-1])
    bottom = TOP + len(entries) * ROW
    height = bottom + 44

    def x_of(us):
        return BAR_X + (BAR_END - BAR_X) * us / end

    described = f"One dry run of {report['agent']}: {summary(report, run)}"
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img">',
        f"<title>{escape(described)}</title>",
        f"<style>{STYLE}</style>",
        f'<rect class="page" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="6"/>',
        text(24, 32, report["agent"], "title"),
        text(24, 52, "one dry run, as it happens in virtual time", "soft"),
    ]
    out += [f'<rect class="band" x="12" y="{y}" width="{WIDTH - 24}" height="{ROW}"/>' for y in range(TOP, bottom, 2 * ROW)]
    ticks = int(end / 1_000_000 / step)
    for n in range(ticks + 1):
        x = number(x_of(n * step * 1_000_000))
        out.append(f'<path class="grid" d="M{x} {TOP - 6}V{bottom}"/>')
        out.append(text(float(x), TOP - 12, f"{number(n * step)} s", "soft", "middle"))
    for index, entry in enumerate(entries):
        out += row(index, entry, x_of)
    out.append(text(24, bottom + 27, summary(report, run)))
    out.append(text(WIDTH - 24, bottom + 27, f"ends after {seconds(end)}", "soft", "end"))
    out.append("</svg>")
    return "\n".join(out) + "\n"


def main():
    if len(sys.argv) > 1:
        sys.exit(__doc__)
    try:
        sys.stdout.write(timeline(json.load(sys.stdin)))
    except (ValueError, KeyError, TypeError) as problem:
        sys.exit(f"ci/picture.py: this is no report of `aivp run --dry-run … --json`: {problem}")


if __name__ == "__main__":
    main()
