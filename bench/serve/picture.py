"""The results as a picture: two bars a system, for the old and the new revision."""

from plot import Panel, draw
from wire import REVISIONS

PANELS = [
    ("CPU per call, 16 clients", "cpu_us_per_call", "µs", "less is better"),
    ("Calls per second, 64 clients", "per_s", "/s", "more is better"),
    ("Start to first answer", "start_ms", "ms", "less is better"),
    ("Memory after load", "loaded_mib", "MiB", "less is better"),
]
# A server starts once, whatever it is asked later.
ONCE = {"start_ms"}
CLIENTS = {"cpu_us_per_call": 16, "per_s": 64}
OLD, NEW, OWN_OLD, OWN_NEW = "#b9c3cf", "#7d8ea3", "#f0b48a", "#d9661f"


def picture(rows: list[dict], data: dict) -> str:
    rows = [row for row in rows if row["work"].startswith("echo ")]
    systems = list(dict.fromkeys(row["system"] for row in rows))
    panels = []
    for title, field, unit, wish in PANELS:
        bars = {}
        for system in systems:
            colours = (OWN_OLD, OWN_NEW) if system == "windlass" else (OLD, NEW)
            bars[system] = list(zip(pick(rows, system, field), colours))
        panels.append(Panel(title, unit, wish, bars))
    host = data["machine"]
    title = f"The same tool over HTTP, {data['date']}: {host['cpu']}, {host['cores']} cores"
    legend = [(OLD, f"revision {REVISIONS[0]}"), (NEW, f"revision {REVISIONS[1]}"), (OWN_NEW, "windlass")]
    return draw(title, panels, legend)


def pick(rows, system, field) -> tuple:
    """The values for the old and the new revision; where the number of clients does not matter, the largest."""
    found = []
    for revision in REVISIONS:
        mine = [row for row in rows if row["system"] == system and row["work"] == f"echo {revision}"]
        wanted = CLIENTS.get(field)
        at = [row[field] for row in mine if row["clients"] == wanted] if wanted else [row[field] for row in mine]
        found.append(max(at, default=None))
    return (None, found[1]) if field in ONCE else tuple(found)
