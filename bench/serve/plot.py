"""The results as one SVG: four panels of bars on logarithmic scales, drawn without any library."""

import math
from xml.sax.saxutils import escape

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
WIDTH, PANEL, LABEL, BAR, GAP, HEAD = 960, 440, 92, 11, 8, 46
STYLE = """text{font:12px system-ui,sans-serif;fill:#24292f}.h{font-weight:600;font-size:14px}.s{fill:#6a737d;font-size:11px}
.g{stroke:#e1e4e8}@media(prefers-color-scheme:dark){text{fill:#e6edf3}.s{fill:#9198a1}.g{stroke:#30363d}.bg{fill:#0d1117}}
.bg{fill:#fff}"""


def draw(rows: list[dict], data: dict) -> str:
    rows = [row for row in rows if row["work"].startswith("echo ")]
    systems = list(dict.fromkeys(row["system"] for row in rows))
    height = HEAD + len(systems) * (2 * BAR + GAP) + 34
    parts = []
    for index, panel in enumerate(PANELS):
        x, y = 20 + (index % 2) * (PANEL + 40), 48 + (index // 2) * height
        parts.append(f'<g transform="translate({x},{y})">{draw_panel(panel, rows, systems)}</g>')
    total = 48 + 2 * height + 20
    host = data["machine"]
    title = f"The same tool over HTTP, {data['date']}: {host['cpu']}, {host['cores']} cores"
    legend = "".join(
        f'<rect x="{x}" y="{total - 24}" width="11" height="11" fill="{colour}"/><text x="{x + 17}" y="{total - 14}">{label}</text>'
        for x, colour, label in ((20, OLD, "revision 2025-11-25"), (180, NEW, "revision 2026-07-28"), (340, OWN_NEW, "windlass"))
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {total}" role="img">'
        f"<title>{escape(title)}</title><style>{STYLE}</style>"
        f'<rect class="bg" width="{WIDTH}" height="{total}"/><text class="h" x="20" y="26">{escape(title)}</text>'
        f"{''.join(parts)}{legend}</svg>\n"
    )


def draw_panel(panel, rows, systems) -> str:
    title, field, unit, wish = panel
    bars = [(system, pick(rows, system, field)) for system in systems]
    values = [value for _, pair in bars for value in pair if value]
    if not values:
        return f'<text class="h" y="14">{title}: nothing measured</text>'
    low, high = math.floor(math.log10(min(values) / 1.5)), math.ceil(math.log10(max(values) * 1.02))
    scale = (PANEL - LABEL - 56) / max(high - low, 1)
    bottom = HEAD + len(systems) * (2 * BAR + GAP)
    parts = [f'<text class="h" y="14">{title}</text><text class="s" y="30">{unit}, logarithmic; {wish}</text>']
    for power in range(low, high + 1):
        x = LABEL + (power - low) * scale
        parts.append(f'<line class="g" x1="{x:.1f}" y1="{HEAD - 6}" x2="{x:.1f}" y2="{bottom}"/>')
        parts.append(f'<text class="s" x="{x:.1f}" y="{bottom + 14}" text-anchor="middle">{tick(power)}</text>')
    for index, (system, pair) in enumerate(bars):
        y = HEAD + index * (2 * BAR + GAP)
        parts.append(f'<text x="{LABEL - 8}" y="{y + BAR + 4}" text-anchor="end">{escape(system)}</text>')
        colours = (OWN_OLD, OWN_NEW) if system == "windlass" else (OLD, NEW)
        for row, (value, colour) in enumerate(zip(pair, colours)):
            if value:
                length = max((math.log10(value) - low) * scale, 1)
                top = y + row * BAR
                parts.append(f'<rect x="{LABEL}" y="{top}" width="{length:.1f}" height="{BAR - 1}" fill="{colour}"/>')
                parts.append(f'<text class="s" x="{LABEL + length + 4:.1f}" y="{top + 9}">{shown(value)}</text>')
    return "".join(parts)


def pick(rows, system, field) -> tuple:
    """The values for the old and the new revision; where the number of clients does not matter, the largest."""
    found = []
    for work in ("echo 2025-11-25", "echo 2026-07-28"):
        mine = [row for row in rows if row["system"] == system and row["work"] == work]
        wanted = CLIENTS.get(field)
        at = [row[field] for row in mine if row["clients"] == wanted] if wanted else [row[field] for row in mine]
        found.append(max(at, default=None))
    return (None, found[1]) if field in ONCE else tuple(found)


def tick(power: int) -> str:
    return f"{10**power:,}".replace(",", " ") if power >= 0 else f"{10.0**power:g}"


def shown(value: float) -> str:
    return f"{value:.1f}" if value < 100 else f"{value:,.0f}".replace(",", " ")
