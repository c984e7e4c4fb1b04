"""Medians of samples, as data and as tables."""

import json
import os
import platform
import statistics
import sys
import time
from pathlib import Path

from install import ROOT
from runner import RESULTS


def medians(samples: list[dict], systems: list, fields: list[str]) -> list[dict]:
    """One row for each system, work and number of clients."""
    groups = {}
    for sample in samples:
        if not sample.get("failure"):
            groups.setdefault((sample["system"], sample["work"], sample["clients"]), []).append(sample)
    found = []
    for (system, work, clients), group in groups.items():
        there = [name for name in fields if all(name in sample for sample in group)]
        middle = {name: round(statistics.median(sample[name] for sample in group), 3) for name in there}
        found.append({"system": system, "work": work, "clients": clients, **middle})
    order = [system.name for system in systems]
    return sorted(found, key=lambda row: (order.index(row["system"]), row["work"], row["clients"]))


def data(name: str, samples: list[dict], found: list[dict], systems: list, options) -> dict:
    """All there is to say of a run of bench/NAME."""
    return {
        "command": command(name),
        "date": time.strftime("%Y-%m-%d"),
        "machine": machine(),
        "rounds": options.rounds,
        "seconds": options.seconds,
        "profile": options.profile,
        "systems": [{"system": system.name, "language": system.language, "note": system.note} for system in systems],
        "rows": found,
        "samples": samples,
    }


def write(out: Path, name: str, data: dict, plot: str, page: str):
    out.mkdir(parents=True, exist_ok=True)
    (out / f"{name}.json").write_text(json.dumps(data, indent=1) + "\n")
    (out / f"{name}.svg").write_text(plot)
    file = ROOT / f"docs/benchmarks/{name}.md" if out == RESULTS else out / f"{name}.md"
    file.write_text(page)


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


def command(name: str) -> str:
    """As it was typed, without where this machine's results went."""
    words = [word for word in sys.argv[1:] if word != "--out" and not Path(word).is_absolute()]
    return " ".join([f"bench/{name}/run.py", *words])


def occasion(data: dict) -> str:
    """When, where and how, as a paragraph."""
    host = data["machine"]
    return f"""`{data["command"]}` on {data["date"]}: {host["cpu"]}, {host["cores"]} cores, {host["memory_gib"]} GiB, Linux
{host["kernel"]}, load average {host["load"]} at the end. Build profile: {data["profile"]}."""


def notes(data: dict) -> str:
    return "\n".join(f"- **{s['system']}** ({s['language']}): {s['note']}." for s in data["systems"])


def table(found: list[dict], columns: dict) -> str:
    """`columns` are how to show a field, by heading and field. What is shown otherwise than as words is to the right."""
    lines = [[head for head, _ in columns], ["---" if show is str else "---:" for show in columns.values()]]
    lines += [[show(row[field]) for (_, field), show in columns.items()] for row in found]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def aims(lines: list[str]) -> str:
    return "\n".join(["| aim | measured | met |", "| --- | --- | --- |", *lines])


def aim(wish: str, measured: str, met: bool) -> str:
    return f"| {wish} | {measured} | {'yes' if met else '**no**'} |"


def number(value: float) -> str:
    return f"{value:.1f}" if value < 100 else whole(value)


def whole(value: float) -> str:
    return f"{value:,.0f}".replace(",", " ")


def milliseconds(value: float) -> str:
    return f"{value:.2f}"
