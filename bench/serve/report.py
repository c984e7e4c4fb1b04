"""The results as a table, aims and a page."""

from pathlib import Path

import tables
import wire
from picture import picture
from tables import aim, milliseconds, number, whole

FOREIGN = ("toolbox", "typescript", "fastmcp")
COLUMNS = {
    ("system", "system"): str,
    ("work", "work"): str,
    ("clients", "clients"): whole,
    ("CPU µs/call", "cpu_us_per_call"): number,
    ("p50 ms", "p50_ms"): milliseconds,
    ("p99 ms", "p99_ms"): milliseconds,
    ("calls/s", "per_s"): whole,
    ("start ms", "start_ms"): number,
    ("idle MiB", "idle_mib"): number,
    ("loaded MiB", "loaded_mib"): number,
    ("size MiB", "binary_mib"): number,
}
MEASURED = ["cpu_us_per_call", "p50_ms", "p99_ms", "per_s", "start_ms", "idle_mib", "loaded_mib"]


def write(out: Path, samples: list[dict], systems: list, options):
    sizes = {system.name: round(system.size(), 2) for system in systems}
    found = tables.medians(samples, systems, MEASURED)
    for row in found:
        row["binary_mib"] = sizes[row["system"]]
    data = tables.data("serve", samples, found, systems, options)
    tables.write(out, "serve", data, picture(found, data), markdown(data))
    print(tables.table(found, COLUMNS))


def aims(found: list[dict]) -> str:
    """What was promised of this server, and what came of it."""

    def cpu(system: str, revision: str):
        at = [r["cpu_us_per_call"] for r in found if (r["system"], r["work"], r["clients"]) == (system, f"echo {revision}", 16)]
        return at[0] if at else None

    lines = []

    def at_most(wish: str, value: float, limit: float, shape: str):
        lines.append(aim(wish, shape.format(value), value <= limit))

    for revision in wire.REVISIONS:
        own, bare = cpu("windlass", revision), cpu("rmcp", revision)
        others = [value for name in FOREIGN if (value := cpu(name, revision))]
        if own and bare:
            at_most(f"CPU per call within 1.3 of bare rmcp ({revision}, 16 clients)", own / bare, 1.3, "{:.2f}")
        if own and others:
            wish = f"CPU per call at most half of the best peer in another language ({revision}, 16 clients)"
            at_most(wish, own / min(others), 0.5, "{:.2f}")
    product = [row for row in found if row["system"] == "windlass-serve"]
    if product:
        mb = 1024 * 1024 / 1e6
        at_most("`windlass serve`: start to first answer under 50 ms", product[0]["start_ms"], 50, "{:.0f} ms")
        at_most("`windlass serve`: idle under 20 MB", product[0]["idle_mib"] * mb, 20, "{:.1f} MB")
        loaded = max(row["loaded_mib"] for row in product)
        at_most("`windlass serve`: loaded under 40 MB", loaded * mb, 40, "{:.1f} MB")
    return tables.aims(lines)


def markdown(data: dict) -> str:
    plot_link = "" if data["profile"] != "release" else "![Processor time, throughput, memory and start](../../bench/results/serve.svg)\n"
    return f"""<!-- Written by bench/serve/run.py from bench/results/serve.json; do not edit. -->
# Windlass beside its peers over HTTP

{tables.occasion(data)}

{plot_link}
{aims(data["rows"])}

{tables.table(data["rows"], COLUMNS)}

## What was measured

The same trivial tool, `echo`, called over loopback in the protocol's revisions 2025-11-25 and 2026-07-28:

{tables.notes(data)}

One server runs at a time. {data["rounds"]} round(s) visit all of them in turn, {data["seconds"]:g} s of load at each point, and the
table has the medians. The load generator keeps its connections open, has one call under way on each, reads every answer to
its end and stops at the first that is not the expected result; it shares the machine with the server.

- **CPU µs/call**: processor time of the server and all its children, by the kernel's clock, divided by the calls.
- **start**: from exec to the first right answer to a call. **idle** is half a second after that; **loaded** at the end of
  each point, so it grows down a system's rows.
- **size**: of the program; for interpreted peers of what has to be installed. For the row `windlass` it is the product's
  own program with every toolset, while the server measured is the same gate and transport with only `echo` behind it.

Processor time per call and ratios carry over to other machines; calls per second and milliseconds do not.
"""
