"""The results as tables, a picture, aims and a page."""

from pathlib import Path

import tables
from plot import Panel, draw
from systems import LIMIT, REVISION, TOOL
from tables import aim, milliseconds, number, whole

MEASURED = [
    "cpu_us_per_call", "p50_ms", "p99_ms", "per_s", "start_ms", "idle_mib", "loaded_mib", "seconds", "disk_mib", "documents", "embedded",
]
QUERIES = {
    ("system", "system"): str,
    ("asked for", "work"): str,
    ("clients", "clients"): whole,
    ("questions/s", "per_s"): whole,
    ("p50 ms", "p50_ms"): milliseconds,
    ("p99 ms", "p99_ms"): milliseconds,
    ("CPU µs/question", "cpu_us_per_call"): whole,
    ("start ms", "start_ms"): number,
    ("cold ms", "cold_ms"): number,
    ("idle MiB", "idle_mib"): number,
    ("loaded MiB", "loaded_mib"): number,
}
INDEXES = {
    ("system", "system"): str,
    ("chunks/s", "per_s"): whole,
    ("seconds", "seconds"): number,
    ("on disk MiB", "disk_mib"): number,
    ("memory MiB", "loaded_mib"): number,
    ("of the nearest found", "exact"): str,
}
REFRESHES = {
    ("refresh", "work"): str,
    ("documents", "documents"): whole,
    ("chunks embedded", "embedded"): whole,
    ("seconds", "seconds"): milliseconds,
    ("documents/s", "per_s"): whole,
}
FOUND = {
    ("search", "way"): str,
    ("recall@1", "recall_at_1"): "{:.3f}".format,
    ("recall@5", "recall_at_5"): "{:.3f}".format,
    ("recall@10", "recall_at_10"): "{:.3f}".format,
    ("MRR", "mrr"): "{:.3f}".format,
}
WAYS = ("words alone", "vectors alone", "fused")
# The more chunks, the darker.
OTHERS, OWN = ("#a9b6c5", "#7d8ea3"), ("#ee9d66", "#d9661f")
PANELS = [
    ("Questions per second, one client", "per_s", "/s", "more is better"),
    ("Latency, the 99th of a hundred", "p99_ms", "ms", "less is better"),
    ("From process start to first answer", "start_ms", "ms", "less is better"),
    ("The most memory", "loaded_mib", "MiB", "less is better"),
]


def write(out: Path, run, options):
    # The most it ever had, and not what it happened to have at the end.
    measured = [{**sample, "loaded_mib": sample["peak_mib"]} if "peak_mib" in sample else sample for sample in run.samples]
    found = tables.medians(measured, run.systems, MEASURED)
    found += [{"system": "windlass", "work": f"found, {row['way']}", **row} for row in run.recall.get("rows", [])]
    for row in found:
        name, _, size = row["work"].rpartition(", ")
        if name == "index":
            row["exact"] = run.exact[row["system"], size]
    data = {
        **tables.data("knowledge", run.samples, found, run.systems, options),
        "sizes": [{"size": data.size, **data._asdict(), "folder": None} for data in run.data],
        "found": {name: count for name, count in run.recall.items() if name != "rows"},
    }
    tables.write(out, "knowledge", data, picture(data), markdown(data))
    print(markdown(data))


def pick(data: dict, system: str, work: str, clients=1) -> dict:
    """A row, or nothing."""
    return next((row for row in data["rows"] if (row["system"], row["work"], row.get("clients", 1)) == (system, work, clients)), {})


def most(data: dict, system: str, work: str) -> float:
    """Questions per second with as many clients as suit it best."""
    return max((row["per_s"] for row in data["rows"] if (row["system"], row["work"]) == (system, work)), default=0)


def queries(data: dict, size: str) -> list[dict]:
    """The rows of questions at a size; a start with nothing in memory beside the work it was asked for."""
    rows = []
    for row in data["rows"]:
        work, _, of = row["work"].rpartition(", ")
        if of == size and "p50_ms" in row:
            cold = pick(data, row["system"], f"cold start, {size}").get("start_ms")
            rows.append({**row, "work": work, "cold_ms": cold if row["clients"] == 1 and work in ("fused", "vectors") else None})
    for row in rows:
        # It was measured with the last of what the system can be asked for.
        if row["work"] == "vectors" and any((other["system"], other["work"]) == (row["system"], "fused") for other in rows):
            row["cold_ms"] = None
    return rows


def shown(found: list[dict], columns: dict) -> str:
    """A table whose cells may be empty."""

    def cell(row, field, show):
        return "" if row.get(field) is None else show(row[field])

    lines = [[head for head, _ in columns], ["---" if show is str else "---:" for show in columns.values()]]
    lines += [[cell(row, field, show) for (_, field), show in columns.items()] for row in found]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def picture(data: dict) -> str:
    host, sizes = data["machine"], [size["size"] for size in data["sizes"]]
    panels = []
    for title, field, unit, wish in PANELS:
        bars = {}
        for place, size in enumerate(sizes):
            for row in queries(data, size):
                if row["clients"] == 1:
                    colours = OWN if row["system"] == "windlass" else OTHERS
                    name = f"{row['system']} {'HTTP' if row['work'] == TOOL else row['work']}"
                    bars.setdefault(name, []).append((row[field], colours[place % len(colours)]))
        panels.append(Panel(title, unit, wish, bars))
    title = f"Search over documents, {data['date']}: {host['cpu']}, {host['cores']} cores"
    legend = [(colour, f"{size} chunks") for colour, size in zip(OTHERS, sizes)]
    return draw(title, panels, [*legend, (OWN[-1], "windlass")])


def aims(data: dict) -> str:
    """What was promised, and what came of it."""
    lines, sizes = [], [size["size"] for size in data["sizes"]]

    def under(wish: str, value, limit: float, unit="ms"):
        if value is not None:
            lines.append(aim(wish, f"{value:.2f} {unit}" if value < 10 else f"{number(value)} {unit}", value < limit))

    smallest = sizes[0]
    under(f"99th of a hundred under 5 ms at {smallest} chunks, `fused`", pick(data, "windlass", f"fused, {smallest}").get("p99_ms"), 5)
    under(f"the same over HTTP, `{TOOL}`", pick(data, "windlass", f"{TOOL}, {smallest}").get("p99_ms"), 5)
    for size in sizes:
        other = most(data, "chroma", f"vectors, {size}")
        for work in ("vectors", "fused"):
            own = most(data, "windlass", f"{work}, {size}")
            if own and other:
                wish = f"`{work}` at least 5 times Chroma's questions/s at {size} chunks, each with the clients that suit it best"
                lines.append(aim(wish, f"{own / other:.2f} ({whole(own)} to {whole(other)})", own >= 5 * other))
    for size in sizes:
        wish = f"from process start to first answer under 100 ms at {size} chunks, `fused`"
        under(wish, pick(data, "windlass", f"fused, {size}").get("start_ms"), 100)
    changed = pick(data, "windlass", "refresh, one changed")
    if changed:
        under(f"one of {whole(changed['documents'])} documents changed: refreshed in under 1 s", changed["seconds"], 1, "s")
    recall = {way: pick(data, "windlass", f"found, {way}").get("recall_at_5") for way in WAYS}
    if all(value is not None for value in recall.values()):
        fused, words, vectors = recall["fused"], recall["words alone"], recall["vectors alone"]
        told = f"{fused:.3f}; words {words:.3f}, vectors {vectors:.3f}"
        lines.append(aim("recall@5 of `fused` at least that of words and of vectors alone", told, fused >= max(words, vectors)))
    return tables.aims(lines)


def markdown(data: dict) -> str:
    plot = "" if data["profile"] != "release" else "![Questions per second, latency, start and memory](../../bench/results/knowledge.svg)\n"
    return f"""<!-- Written by bench/knowledge/run.py from bench/results/knowledge.json; do not edit. -->
# Search over documents beside Chroma and SQLite

{tables.occasion(data)}

{plot}
{aims(data)}
{"".join(section(data, size) for size in data["sizes"])}
{refreshes(data)}
{retrieval(data)}
## What was measured

{tables.notes(data)}
- **{TOOL}** (windlass): `windlass serve` with everything, asked over HTTP in the protocol's revision {REVISION}: an API key, a policy that
  grants the tool, the answer as text and as data, an audit line. Its collection is those very documents; the load generator is a
  program of its own on the same machine, and stops at the first answer that has not the document in it that the search in
  process finds first.

The documents are manual pages, documentation below `/usr/share/doc` and READMEs of crates (`bench/knowledge/corpus.py`), the first ones
by the hash of their path until there are enough chunks. Windlass cuts them and makes the vectors once (384 numbers, the hashed embedder),
and everybody gets the same chunks, vectors and questions. The questions are made by rule, as below, and their vectors are there before the
clock starts, but for `fused` of Windlass, where making it is part of the work. Everybody answers with {LIMIT} results, their text, headings, path and line.

One system runs at a time, in a process of its own that asks itself and keeps its own time by the monotonic clock: no protocol is between.
{data["rounds"]} round(s) visit all of them in turn; one client alone asks every question at least once, and everything lasts at least
{data["seconds"]:g} s a point. The table has the medians.

- **CPU µs/question**: processor time of the process and its children, by the kernel's clock, divided by the questions.
- **start**: from exec to the first answer, the index in the machine's memory. **cold**: the same with its files thrown out of
  memory before.
- **idle**: memory half a second after that. **loaded**: the most it had in the end. Files that are mapped count as memory, though
  the machine can take it back.
- **on disk**: all that is there after the index was made. Windlass keeps the whole documents too, for `read_document`; the others keep the
  chunks.
- **of the nearest found**: how many of the {LIMIT} truly nearest chunks the vectors find, over all questions.

Processor time and ratios carry over to other machines; milliseconds do not.
"""


def section(data: dict, size: dict) -> str:
    name = size["size"]
    indexes = [row for row in data["rows"] if row["work"] == f"index, {name}"]
    indexes = [{**row, "exact": f"{row['exact']:.1%}"} for row in indexes]
    mib = size["bytes"] / 1024 / 1024
    return f"""
## {whole(size["chunks"])} chunks

{whole(size["documents"])} documents, {mib:.1f} MiB of text in chunks; {whole(size["questions"])} questions.

{shown(queries(data, name), QUERIES)}

Making the index of chunks and vectors that are there:

{shown(indexes, INDEXES)}
"""


def refreshes(data: dict) -> str:
    rows = [row for row in data["rows"] if row["work"].startswith("refresh, ")]
    if not rows:
        return ""
    rows = [{**row, "work": row["work"].removeprefix("refresh, ")} for row in rows]
    return f"""## Refresh

`windlass knowledge refresh` from its start to its end, process included: the folder is walked, what changed is read, cut and embedded, and the
next generation published.

{shown(rows, REFRESHES)}
"""


def retrieval(data: dict) -> str:
    rows = [row for row in data["rows"] if row["work"].startswith("found, ")]
    if not rows:
        return ""
    found = data["found"]
    first = [row for way in WAYS for row in rows if row["way"] == way]
    others = [row for row in rows if row["way"] not in WAYS]
    return f"""## What is found

`cargo run --release -p windlass-knowledge --example recall -- FOLDER` over all {whole(found["documents"])} documents of the corpus
({whole(found["chunks"])} chunks), with the hashed embedder: {whole(found["questions"])} questions whose document is known.

{shown(first, FOUND)}

The questions are made by rule. Every title and heading is a candidate; one that occurs in several documents is left out, for it
does not say which is meant. Of the others the words of the file's name are taken away, and where fewer than two words are left, or what is left
is no longer the only one of its kind, it is left out as well. Of each document one candidate is taken by the hash of its words, and
of those the first by that hash. Results count by document, the first chunk of each; a result of the tool that cites other documents for
the same text (`also`) is one for them as well. Such questions have the very words of
the document, so words find it more easily than a question in words of one's own would; that the vectors are those of spellings
only, and weak, is what the hashed embedder is.

Both fused without merging near-duplicates and whatever else the tool does, with other weights of the vectors; by the scores themselves
too, BM25 as a share of the best and the cosine as it is:

{shown(others, FOUND)}
"""
