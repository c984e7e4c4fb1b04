"""The results as a table, a picture, aims and a page."""

from pathlib import Path

import tables
from database import CUSTOMERS, ORDERS, SETTINGS
from plot import Panel, draw
from systems import CONNECTIONS, DOLLAR, NUMBERS, REVISION
from tables import aim, milliseconds, number, whole

WORK = "declared query"
COLUMNS = {
    ("system", "system"): str,
    ("clients", "clients"): whole,
    ("calls/s", "per_s"): whole,
    ("p50 ms", "p50_ms"): milliseconds,
    ("p99 ms", "p99_ms"): milliseconds,
    ("CPU µs/call", "cpu_us_per_call"): number,
    ("of PostgreSQL", "database_us_per_call"): number,
    ("start ms", "start_ms"): number,
    ("idle MiB", "idle_mib"): number,
    ("loaded MiB", "loaded_mib"): number,
}
MEASURED = ["cpu_us_per_call", "p50_ms", "p99_ms", "per_s", "start_ms", "idle_mib", "loaded_mib", "database_us_per_call"]
# The more clients, the darker.
OTHERS, OWN = ("#d5dce4", "#a9b6c5", "#7d8ea3"), ("#f7d3bb", "#ee9d66", "#d9661f")
PANELS = [
    ("Calls per second", "per_s", "/s", "more is better"),
    ("Latency, the median", "p50_ms", "ms", "less is better"),
    ("CPU per call, without PostgreSQL's", "cpu_us_per_call", "µs", "less is better"),
    ("The most memory", "loaded_mib", "MiB", "less is better"),
]


def write(out: Path, samples: list[dict], systems: list, options, version: str):
    # The most it ever had, and not what it happened to have at the end.
    measured = [{**sample, "loaded_mib": sample["peak_mib"]} for sample in samples if "peak_mib" in sample]
    found = tables.medians(measured, systems, MEASURED)
    data = {**tables.data("sql", samples, found, systems, options), "postgresql": version, "statement": DOLLAR}
    tables.write(out, "sql", data, picture(data), markdown(data))
    print(tables.table(found, COLUMNS))


def picture(data: dict) -> str:
    found, host = data["rows"], data["machine"]
    counts = sorted({row["clients"] for row in found})
    panels = []
    for title, field, unit, wish in PANELS:
        bars = {}
        for row in found:
            colours = OWN if row["system"] == "windlass" else OTHERS
            colour = colours[counts.index(row["clients"]) % len(colours)]
            bars.setdefault(row["system"], []).append((row[field], colour))
        panels.append(Panel(title, unit, wish, bars))
    title = f"One query, the same PostgreSQL, {data['date']}: {host['cpu']}, {host['cores']} cores"
    legend = [(colour, f"{count} client{'s' * (count > 1)}") for colour, count in zip(OTHERS, counts)]
    return draw(title, panels, [*legend, (OWN[-1], "windlass")])


def aims(found: list[dict]) -> str:
    """What was promised, and what came of it."""

    def at(system: str, field: str, clients: int):
        return next((row[field] for row in found if (row["system"], row["clients"]) == (system, clients)), None)

    def most(system: str):
        return max((row["loaded_mib"] for row in found if row["system"] == system), default=None)

    lines = []

    def compare(wish: str, own, other, met):
        if own and other:
            ratio = own / other
            lines.append(aim(wish, f"{ratio:.2f} ({number(own)} to {number(other)})", met(ratio)))

    own, other = at("windlass", "per_s", 16), at("toolbox", "per_s", 16)
    compare("at least twice the Toolbox's throughput, 16 clients", own, other, lambda ratio: ratio >= 2)
    compare("at most half of the Toolbox's memory, MiB", most("windlass"), most("toolbox"), lambda ratio: ratio <= 0.5)
    for clients in sorted({row["clients"] for row in found}):
        wish = f"median latency within 1.5 of the bare loop's, {clients} client{'s' * (clients > 1)}, ms"
        own, other = at("windlass", "p50_ms", clients), at("floor", "p50_ms", clients)
        compare(wish, own, other, lambda ratio: ratio <= 1.5)
    return tables.aims(lines)


def markdown(data: dict) -> str:
    plot_link = "" if data["profile"] != "release" else "![Throughput, latency, processor time and memory](../../bench/results/sql.svg)\n"
    settings = ", ".join(f"`{name}={value}`" for name, value in SETTINGS.items() if name != "listen_addresses")
    return f"""<!-- Written by bench/sql/run.py from bench/results/sql.json; do not edit. -->
# A declared query beside MCP Toolbox and a bare loop

{tables.occasion(data)}

{plot_link}
{aims(data["rows"])}

{tables.table(data["rows"], COLUMNS)}

## What was measured

{tables.notes(data)}

All three ask the same PostgreSQL {data["postgresql"]} over loopback, with a password, as a role that can only read, for the last 20
of the 100 orders a customer has, among {whole(ORDERS)} orders of {whole(CUSTOMERS)} customers:

```sql
{data["statement"]}
```

The customer is another one in every call; {len(NUMBERS)} of them take turns. Before anything is measured, everybody is asked for each
of them once, and has to give the rows that PostgreSQL itself tells: 20 with six columns (`int8`, `text`, `numeric`,
`timestamptz`, `date` with NULLs, `bool`).

The servers are asked over HTTP on loopback, in the protocol's revision {REVISION}, by the same load generator: it keeps its
connections open, has one call under way on each, reads every answer to its end and stops at the first that is not of the right
customer. It runs on one thread and shares the machine with the server and with PostgreSQL; nothing of that is there for the bare
loop, which asks itself. Each of the three has at most {CONNECTIONS} connections. One server runs at a time. {data["rounds"]} round(s) visit all of
them in turn, {data["seconds"]:g} s of load at each point, and the table has the medians.

- **CPU µs/call**: processor time of the server and all its children, by the kernel's clock, divided by the calls. For the bare
  loop there is no other program that would load it, so what asking costs is in it. **of PostgreSQL**: that of PostgreSQL
  meanwhile, in the same measure.
- **start**: from exec to the first right answer to a call, the connection to PostgreSQL included.
- **idle**: memory half a second after that. **loaded**: the most it had up to the end of each point, so it grows down a
  system's rows. Both without PostgreSQL's.
- PostgreSQL has {settings}.

Processor time per call and ratios carry over to other machines; calls per second and milliseconds do not.
"""
