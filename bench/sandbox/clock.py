"""Time and memory, as the kernel tells them."""

import os
import time
from contextlib import contextmanager
from pathlib import Path


# What takes a few milliseconds is done so many times where other things are done once: of few, the 99th of a hundred is
# the worst one.
OFTEN = 5


class Samples:
    """Milliseconds by what was done."""

    def __init__(self):
        self.found = []

    @contextmanager
    def of(self, work: str):
        began = time.perf_counter()
        yield
        self.found.append({"work": work, "ms": (time.perf_counter() - began) * 1000})

    def memory(self, mib: float):
        self.found.append({"work": "memory", "mib": mib})


def tree(pid: int) -> list[int]:
    found, todo = [], [pid]
    while todo:
        pid = todo.pop()
        found.append(pid)
        # Any of them may have ended since it was seen.
        try:
            for children in Path(f"/proc/{pid}/task").glob("*/children"):
                todo += [int(child) for child in children.read_text().split()]
        except OSError:
            pass
    return found


def pss_mib(pids: list[int]) -> float:
    """Memory of these processes, with what several share divided among them."""
    total = 0
    for pid in pids:
        try:
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
        except OSError:
            pass
    return total / 1024


def load() -> float:
    return round(os.getloadavg()[0], 2)
