"""Medians of the samples, as data, as a table and as a plot."""

import json
import os
import platform
import statistics
import sys
import time
from pathlib import Path
from xml.sax.saxutils import escape

from clock import load

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs/benchmarks/sandbox.md"
WORKS = [
    "create warm", "create from snapshot", "create from snapshot, beside", "create cold", "create cold, beside", "first exec", "exec",
    "exec, beside", "exec python", "destroy", "one shot", "one shot, beside", "one shot, in a row", "one shot, warm", "one shot python",
    "one shot python, in a row", "one shot python, warm", "memory",
]
# What Petty's own pages say of it, on metal with KVM. Not measured here.
CLAIMS = {"create warm": 150, "create cold": 500, "exec": 10, "destroy": 50}
OWN = "windlass-"


def rows(samples: list[dict]) -> list[dict]:
    groups = {}
    for sample in samples:
        groups.setdefault((sample["system"], sample["work"]), []).append(sample)
    found = []
    for (system, work), group in groups.items():
        own = system.startswith(OWN)
        row = {"system": "windlass" if own else system, "work": f"{system.removeprefix(OWN)}: {work}" if own else work, "clients": 1}
        if work == "memory":
            row["loaded_mib"] = round(statistics.median(sample["mib"] for sample in group), 2)
        else:
            times = sorted(sample["ms"] for sample in group)
            row |= {"p50_ms": round(statistics.median(times), 3), "p99_ms": round(times[min(len(times) - 1, int(len(times) * 0.99))], 3)}
            row["times"] = len(times)
        found.append(row)
    return found


def value(found: list[dict], system: str, work: str, field="p50_ms"):
    if system.startswith(OWN):
        system, work = "windlass", f"{system.removeprefix(OWN)}: {work}"
    return next((row.get(field) for row in found if (row["system"], row["work"]) == (system, work)), None)


def machine() -> dict:
    info = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":", 1)[1].strip() for line in info if line.startswith("model name")), platform.machine())
    memory = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemTotal"))
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "memory_gib": round(int(memory.split()[1]) / 1024 / 1024, 1),
        "kernel": platform.release(),
        "kvm": any(flag in " ".join(info) for flag in (" vmx ", " svm ")) and os.access("/dev/kvm", os.W_OK),
        "load": load(),
    }


def write(out: Path, samples, missing, options, systems):
    out.mkdir(parents=True, exist_ok=True)
    found = rows(samples)
    words = [word for word in sys.argv[1:] if word != "--out" and not Path(word).is_absolute()]
    data = {
        "command": " ".join(["bench/sandbox/run.py", *words]),
        "date": time.strftime("%Y-%m-%d"),
        "machine": machine(),
        "profile": options.profile,
        "rounds": options.rounds,
        "times": options.times,
        "missing": missing,
        "systems": [{"system": name, "language": systems[name].language, "note": systems[name].note} for name in options.systems],
        "rows": found,
    }
    (out / "sandbox.json").write_text(json.dumps(data, indent=1) + "\n")
    (out / "sandbox.svg").write_text(draw(found, data))
    page = PAGE if out == ROOT / "bench/results" else out / "sandbox.md"
    page.write_text(markdown(data))
    print(table(data))


def names(data) -> list[str]:
    return [system["system"] for system in data["systems"] if system["system"] not in data["missing"]]


def table(data: dict) -> str:
    found = data["rows"]
    lines = [["", *names(data), "Petty (claimed)"], ["---", *["---:"] * (len(names(data)) + 1)]]
    for work in WORKS:
        cells = []
        for name in names(data):
            if work == "memory":
                mib = value(found, name, work, "loaded_mib")
                cells.append("" if mib is None else f"{mib:.1f} MiB")
            else:
                p50, p99 = value(found, name, work), value(found, name, work, "p99_ms")
                cells.append("" if p50 is None else f"{shown(p50)} ({shown(p99)})")
        claim = CLAIMS.get(work)
        lines.append([work, *cells, f"{claim}" if claim else ""])
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def shown(ms: float) -> str:
    return f"{ms:.1f}" if ms < 100 else f"{ms:,.0f}".replace(",", " ")


def aims(found) -> str:
    def at(system, work):
        return value(found, system, work)

    lines = ["| aim | measured | met |", "| --- | --- | --- |"]

    def aim(wish, measured, limit):
        if measured is not None:
            lines.append(f"| {wish} | {shown(measured)} ms | {'yes' if measured <= limit else '**no**'} |")

    def grows(system, work):
        alone, beside = (value(found, system, name, "p99_ms") for name in (work, f"{work}, beside"))
        return None if alone is None or beside is None else (alone, beside)

    def kept(what, work, floor, floor_work):
        """Half more, 5 ms more, or what the floor loses beside the same load: on few processors everybody loses some."""
        own, other = grows("windlass-namespace", work), grows(floor, floor_work)
        if own is None:
            return
        alone, beside = own
        most = max(1.5 * alone, alone + 5, *([alone + other[1] - other[0], alone * other[1] / other[0]] if other else []))
        told = f"{shown(beside)} ms, alone {shown(alone)} ms"
        if other:
            told += f"; {floor} {shown(other[1])} ms, alone {shown(other[0])} ms"
        met = "yes" if beside <= most else "**no**"
        lines.append(f"| `namespace`: {what} keeps its 99th of a hundred while another one works for 60 s, as far as {floor} does | {told} | {met} |")

    def less(one, other):
        return None if one is None or other is None else one - other

    aim("`namespace`: warm create under 5 ms", at("windlass-namespace", "create warm"), 5)
    aim("`namespace`: exec at most 2 ms more than the same command without a sandbox", less(at("windlass-namespace", "exec"), at("bare", "exec")), 2)
    aim("`namespace`: one shot from the pool at most 5 ms more than bare `bwrap`", less(at("windlass-namespace", "one shot, warm"), at("bwrap", "one shot")), 5)
    aim("`namespace`: one shot after the other, with the pool as it is by default, at most 5 ms more than bare `bwrap`", less(at("windlass-namespace", "one shot, in a row"), at("bwrap", "one shot")), 5)
    aim("`namespace`: one shot without a pool at most 5 ms more than bare `bwrap`", less(at("windlass-namespace", "one shot"), at("bwrap", "one shot")), 5)
    kept("create", "create cold", "bwrap", "one shot")
    kept("exec", "exec", "bare", "exec")
    aim("`qemu`: a copy of a stored machine under 300 ms", at("windlass-qemu", "create from snapshot"), 300)
    return "\n".join(lines)


def markdown(data: dict) -> str:
    host = data["machine"]
    systems = "\n".join(f"- **{s['system']}** ({s['language']}): {s['note']}." for s in data["systems"])
    missing = "\n".join(f"- not measured: {name}, because {reason}." for name, reason in data["missing"].items())
    picture = "![Times of sandboxes](../../bench/results/sandbox.svg)\n" if data["profile"] == "release" else ""
    kvm = "with KVM" if host["kvm"] else "without KVM, so `qemu` emulates its machines"
    return f"""<!-- Written by bench/sandbox/run.py from bench/results/sandbox.json; do not edit. -->
# Sandboxes beside others

`{data["command"]}` on {data["date"]}: {host["cpu"]}, {host["cores"]} cores, {host["memory_gib"]} GiB, Linux
{host["kernel"]}, {kvm}; load average {host["load"]} at the end. Build profile: {data["profile"]}.

{picture}
{aims(data["rows"])}

Milliseconds: the median, and in brackets the 99th of a hundred.

{table(data)}

## What was measured

{systems}
{missing}

All have the same root file system, from `windlass sandbox image build --minimal`. {data["rounds"]} round(s) visit every system
in turn and do each thing {data["times"]} times, what takes a few milliseconds five times as often, one after the other; ours go on
beside another one until its minute is nearly over. Ours are asked over MCP, on one connection kept open, as a client
would; the others are started directly, so their times have no protocol in them, and no server that limits, records and
streams.

- **create warm**: from a pool. **create from snapshot**: a copy of a stored machine, without a pool. **create cold**: for
  `namespace`, `runc` and `runsc` every creation is one (their `create` and `start`); for `qemu` it is a size that was never asked
  for, so a machine boots, is stored, and is copied.
- **exec**: `bash -c true` in a sandbox that is there; **first exec** is the first in each. **exec python** prints a number.
- **one shot**: made, used for `bash -c true`, gone. Ours answers before it has cleared up. Without a pool each waits
  for a sandbox of its own; **in a row** they come one right after the other, faster than the pool of a server that is told
  nothing is filled again; **warm** there is one that waits.
- **beside**: the same while another sandbox uses a whole processor for a minute; for `bare` and `bwrap`, another process or
  `bwrap`. A 99th of a hundred is kept where it grows by no more than half or 5 ms, or by no more than theirs does: there are
  {host["cores"]} processors, and one of them is taken.
- **memory**: what one more sandbox adds when eight are alive, shared pages divided among those who share them.
- **Petty (claimed)**: what the pages of that project say, on metal with KVM. Nobody measured it here.
"""


def draw(found: list[dict], data: dict) -> str:
    panels = ["create warm", "create from snapshot", "create cold", "exec", "exec python", "destroy", "one shot"]
    systems = [*names(data), "petty (claimed)"]
    bar, gap, width, label = 15, 26, 960, 170
    y, parts = 40, []
    import math

    def length(ms):
        return max(2, (math.log10(max(ms, 0.1)) + 1) / 5 * (width - label - 110))

    for work in panels:
        values = [(name, CLAIMS.get(work) if name.startswith("petty") else value(found, name, work)) for name in systems]
        values = [(name, ms) for name, ms in values if ms is not None]
        if not values:
            continue
        parts.append(f'<text class="h" x="20" y="{y}">{work}</text>')
        for name, ms in values:
            y += bar + 3
            kind = "own" if name.startswith(OWN) else "claim" if name.startswith("petty") else "other"
            parts.append(f'<text x="{label - 8}" y="{y}" text-anchor="end">{escape(name)}</text>')
            parts.append(f'<rect class="{kind}" x="{label}" y="{y - bar + 3}" width="{length(ms):.1f}" height="{bar - 1}"/>')
            parts.append(f'<text class="s" x="{label + length(ms) + 6:.1f}" y="{y}">{shown(ms)} ms</text>')
        y += gap
    style = """text{font:12px system-ui,sans-serif;fill:#24292f}.h{font-weight:600;font-size:14px}.s{fill:#6a737d}.bg{fill:#fff}
.own{fill:#d9661f}.other{fill:#7d8ea3}.claim{fill:none;stroke:#7d8ea3;stroke-dasharray:3}
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.s{fill:#9198a1}.bg{fill:#0d1117}}"""
    title = f"Sandboxes, {data['date']}: median milliseconds, logarithmic"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {y}" role="img"><title>{escape(title)}</title><style>{style}</style>'
        f'<rect class="bg" width="{width}" height="{y}"/><text class="h" x="{width - 20}" y="22" text-anchor="end">{escape(title)}</text>{"".join(parts)}</svg>\n'
    )
