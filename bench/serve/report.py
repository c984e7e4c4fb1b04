"""Medians of the samples, as data, as a table and as a plot."""

import json
import os
import platform
import statistics
import sys
import time
from pathlib import Path

import plot
import wire
from install import ROOT

RESULTS = ROOT / "bench/results"
PAGE = ROOT / "docs/benchmarks/serve.md"
FOREIGN = ("toolbox", "typescript", "fastmcp")
MEASURED = ("cpu_us_per_call", "p50_ms", "p99_ms", "per_s", "start_ms", "idle_mib", "loaded_mib")


def rows(samples: list[dict], systems: list) -> list[dict]:
    """One row for each system, work and number of clients."""
    groups = {}
    for sample in samples:
        if not sample.get("failure"):
            groups.setdefault((sample["system"], sample["work"], sample["clients"]), []).append(sample)
    sizes = {system.name: system.size() for system in systems}
    found = []
    for (system, work, clients), group in groups.items():
        medians = {name: round(statistics.median(sample[name] for sample in group), 3) for name in MEASURED}
        found.append({"system": system, "work": work, "clients": clients, **medians, "binary_mib": round(sizes[system], 2)})
    order = [system.name for system in systems]
    return sorted(found, key=lambda row: (order.index(row["system"]), row["work"], row["clients"]))


def machine() -> dict:
    info = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":", 1)[1].strip() for line in info if line.startswith("model name")), platform.machine())
    memory = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemTotal"))
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "memory_gib": round(int(memory.split()[1]) / 1024 / 1024, 1),
        "kernel": platform.release(),
        "load": round(os.getloadavg()[0], 2),
    }


def command() -> str:
    """As it was typed, without where this machine's results went."""
    words = [word for word in sys.argv[1:] if word != "--out" and not Path(word).is_absolute()]
    return " ".join(["bench/serve/run.py", *words])


def write(out: Path, samples: list[dict], systems: list, options):
    out.mkdir(parents=True, exist_ok=True)
    found = rows(samples, systems)
    data = {
        "command": command(),
        "date": time.strftime("%Y-%m-%d"),
        "machine": machine(),
        "rounds": options.rounds,
        "seconds": options.seconds,
        "profile": options.profile,
        "systems": [{"system": system.name, "language": system.language, "note": system.note} for system in systems],
        "rows": found,
        "samples": samples,
    }
    (out / "serve.json").write_text(json.dumps(data, indent=1) + "\n")
    (out / "serve.svg").write_text(plot.draw(found, data))
    page = PAGE if out == RESULTS else out / "serve.md"
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(markdown(data))


def table(found: list[dict]) -> str:
    head = ["system", "work", "clients", "CPU µs/call", "p50 ms", "p99 ms", "calls/s", "start ms", "idle MiB", "loaded MiB", "size MiB"]
    lines = [head, ["---", "---"] + ["---:"] * (len(head) - 2)]
    for row in found:
        lines.append(
            [
                row["system"],
                row["work"],
                str(row["clients"]),
                number(row["cpu_us_per_call"]),
                f"{row['p50_ms']:.2f}",
                f"{row['p99_ms']:.2f}",
                f"{row['per_s']:,.0f}".replace(",", " "),
                number(row["start_ms"]),
                number(row["idle_mib"]),
                number(row["loaded_mib"]),
                number(row["binary_mib"]),
            ]
        )
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def aims(found: list[dict]) -> str:
    """What was promised of this server, and what came of it."""

    def cpu(system: str, revision: str):
        at = [r["cpu_us_per_call"] for r in found if (r["system"], r["work"], r["clients"]) == (system, f"echo {revision}", 16)]
        return at[0] if at else None

    lines = ["| aim | measured | met |", "| --- | --- | --- |"]
    for revision in wire.REVISIONS:
        own, bare = cpu("windlass", revision), cpu("rmcp", revision)
        others = [value for name in FOREIGN if (value := cpu(name, revision))]
        if own and bare:
            lines.append(aim(f"CPU per call within 1.3 of bare rmcp ({revision}, 16 clients)", own / bare, 1.3, "{:.2f}"))
        if own and others:
            wish = f"CPU per call at most half of the best peer in another language ({revision}, 16 clients)"
            lines.append(aim(wish, own / min(others), 0.5, "{:.2f}"))
    whole = [row for row in found if row["system"] == "windlass-serve"]
    if whole:
        mb = 1024 * 1024 / 1e6
        lines.append(aim("`windlass serve`: start to first answer under 50 ms", whole[0]["start_ms"], 50, "{:.0f} ms"))
        lines.append(aim("`windlass serve`: idle under 20 MB", whole[0]["idle_mib"] * mb, 20, "{:.1f} MB"))
        loaded = max(row["loaded_mib"] for row in whole)
        lines.append(aim("`windlass serve`: loaded under 40 MB", loaded * mb, 40, "{:.1f} MB"))
    return "\n".join(lines)


def aim(wish: str, value: float, limit: float, shape: str) -> str:
    return f"| {wish} | {shape.format(value)} | {'yes' if value <= limit else '**no**'} |"


def number(value: float) -> str:
    return f"{value:.1f}" if value < 100 else f"{value:,.0f}".replace(",", " ")


def markdown(data: dict) -> str:
    host = data["machine"]
    systems = "\n".join(f"- **{s['system']}** ({s['language']}): {s['note']}." for s in data["systems"])
    plot_link = "" if data["profile"] != "release" else "![Processor time, throughput, memory and start](../../bench/results/serve.svg)\n"
    return f"""<!-- Written by bench/serve/run.py from bench/results/serve.json; do not edit. -->
# Windlass beside its peers over HTTP

`{data["command"]}` on {data["date"]}: {host["cpu"]}, {host["cores"]} cores, {host["memory_gib"]} GiB, Linux
{host["kernel"]}, load average {host["load"]} at the end. Build profile: {data["profile"]}.

{plot_link}
{aims(data["rows"])}

{table(data["rows"])}

## What was measured

The same trivial tool, `echo`, called over loopback in the protocol's revisions 2025-11-25 and 2026-07-28:

{systems}

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
