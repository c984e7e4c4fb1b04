"""Panels of bars on logarithmic scales as one SVG, drawn without any library."""

import math
from typing import NamedTuple
from xml.sax.saxutils import escape

from tables import number

WIDTH, PANEL, LABEL, BAR, GAP, HEAD = 960, 440, 92, 11, 8, 46
STYLE = """text{font:12px system-ui,sans-serif;fill:#24292f}.h{font-weight:600;font-size:14px}.s{fill:#6a737d;font-size:11px}
.g{stroke:#e1e4e8}@media(prefers-color-scheme:dark){text{fill:#e6edf3}.s{fill:#9198a1}.g{stroke:#30363d}.bg{fill:#0d1117}}
.bg{fill:#fff}"""


class Panel(NamedTuple):
    """`bars` are values with their colours, by system: as many for each. What was not measured is None."""

    title: str
    unit: str
    wish: str
    bars: dict


def draw(title: str, panels: list[Panel], legend: list[tuple[str, str]]) -> str:
    """`legend` are words by colour."""
    parts, top = [], 48
    for left, right in zip(panels[::2], panels[1::2]):
        for index, panel in enumerate((left, right)):
            parts.append(f'<g transform="translate({20 + index * (PANEL + 40)},{top})">{draw_panel(panel)}</g>')
        top += max(bottom(left), bottom(right)) + 34
    total = top + 20
    keys = "".join(
        f'<rect x="{x}" y="{total - 24}" width="11" height="11" fill="{colour}"/><text x="{x + 17}" y="{total - 14}">{label}</text>'
        for x, (colour, label) in zip(range(20, WIDTH, 160), legend)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {total}" role="img">'
        f"<title>{escape(title)}</title><style>{STYLE}</style>"
        f'<rect class="bg" width="{WIDTH}" height="{total}"/><text class="h" x="20" y="26">{escape(title)}</text>'
        f"{''.join(parts)}{keys}</svg>\n"
    )


def bottom(panel: Panel) -> int:
    return HEAD + sum(len(bars) * BAR + GAP for bars in panel.bars.values())


def draw_panel(panel: Panel) -> str:
    values = [value for bars in panel.bars.values() for value, _ in bars if value]
    if not values:
        return f'<text class="h" y="14">{panel.title}: nothing measured</text>'
    low, high = math.floor(math.log10(min(values) / 1.5)), math.ceil(math.log10(max(values) * 1.02))
    scale = (PANEL - LABEL - 56) / max(high - low, 1)
    parts = [f'<text class="h" y="14">{panel.title}</text><text class="s" y="30">{panel.unit}, logarithmic; {panel.wish}</text>']
    for power in range(low, high + 1):
        x = LABEL + (power - low) * scale
        parts.append(f'<line class="g" x1="{x:.1f}" y1="{HEAD - 6}" x2="{x:.1f}" y2="{bottom(panel)}"/>')
        parts.append(f'<text class="s" x="{x:.1f}" y="{bottom(panel) + 14}" text-anchor="middle">{tick(power)}</text>')
    y = HEAD
    for system, bars in panel.bars.items():
        middle = y + len(bars) * BAR / 2
        parts.append(f'<text x="{LABEL - 8}" y="{middle + 4:g}" text-anchor="end">{escape(system)}</text>')
        for value, colour in bars:
            if value:
                length = max((math.log10(value) - low) * scale, 1)
                parts.append(f'<rect x="{LABEL}" y="{y}" width="{length:.1f}" height="{BAR - 1}" fill="{colour}"/>')
                parts.append(f'<text class="s" x="{LABEL + length + 4:.1f}" y="{y + 9}">{shown(value)}</text>')
            y += BAR
        y += GAP
    return "".join(parts)


def tick(power: int) -> str:
    return f"{10**power:,}".replace(",", " ") if power >= 0 else f"{10.0**power:g}"


def shown(value: float) -> str:
    return f"{value:.2f}" if value < 1 else number(value)
