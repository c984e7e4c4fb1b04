"""How long `windlass knowledge refresh` takes, from its start to its end."""

import subprocess
from pathlib import Path

from servers import MIB, tree_size
from systems import Data, Refresh

CHANGED = "\n\nA sentence that was not here before: change number {}.\n"


def whole(home, data: Data) -> dict:
    """All documents into an index that is empty: read, cut, embedded, published. The server then serves it."""
    index = data.folder / "index-server"
    seconds, told = Refresh(home, data.folder / "refresh", data.folder / "files", index).run()
    return {
        "system": "windlass",
        "work": f"refresh, {data.size}",
        "clients": 1,
        "per_s": told["documents"] / seconds,
        "seconds": seconds,
        "documents": told["documents"],
        "embedded": told["embedded"],
        "disk_mib": tree_size(index) / MIB,
    }


def one_of_many(home, corpus: Path, folder: Path, options) -> list[dict]:
    """All, nothing and one of many documents."""
    files = folder / "files"
    first = [home.own / "examples/bench", "first", corpus, options.documents, files]
    subprocess.run([str(word) for word in first], check=True, stdout=subprocess.DEVNULL)
    refresh = Refresh(home, folder, files, folder / "index")
    seconds, told = refresh.run()
    count = told["documents"]
    samples = [{**sample("refresh, all documents new", seconds, count, told), "per_s": count / seconds}]
    # Any will do that is plain text, so that what is added is read.
    changing = sorted(file for file in files.rglob("*.md") if file.is_file())[0]
    for turn in range(max(options.rounds, 3)):
        seconds, told = refresh.run()
        if told["published"] is not None:
            raise RuntimeError(f"nothing had changed, and was refreshed: {told}")
        samples.append(sample("refresh, nothing changed", seconds, count, told))
        with open(changing, "a", encoding="utf-8") as file:
            file.write(CHANGED.format(turn))
        seconds, told = refresh.run()
        if (told["changed"], told["added"], told["removed"]) != (1, 0, 0):
            raise RuntimeError(f"one had changed, and not this: {told}")
        samples.append(sample("refresh, one changed", seconds, count, told))
    return samples


def sample(work: str, seconds: float, documents: int, told: dict) -> dict:
    return {
        "system": "windlass",
        "work": work,
        "clients": 1,
        "seconds": seconds,
        "documents": documents,
        "embedded": told["embedded"],
    }
