"""A server as the kernel sees it: all its processes, their processor time and memory."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

PAGE = os.sysconf("SC_PAGE_SIZE")
CPUCLOCK_SCHED = 2


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Process:
    """`more` is for `subprocess.Popen`: other streams, another user."""

    def __init__(self, command: list, log: Path, **more):
        self.started = time.perf_counter()
        # Audit lines, banners and access logs cost what it costs to write them; nobody reads them here.
        with open(log, "wb") as errors:
            self.child = subprocess.Popen(
                [str(part) for part in command],
                stderr=errors,
                start_new_session=True,
                **{"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, **more},
            )

    def alive(self) -> bool:
        return self.child.poll() is None

    def tree(self) -> list[int]:
        found, todo = [], [self.child.pid]
        while todo:
            pid = todo.pop()
            found.append(pid)
            for children in Path(f"/proc/{pid}/task").glob("*/children"):
                try:
                    todo += [int(child) for child in children.read_text().split()]
                except OSError:
                    pass
        return found

    def cpu_ns(self) -> int:
        """Nanoseconds of processor time of the whole tree, threads that have ended included."""
        total = 0
        for pid in self.tree():
            # The kernel's name for another process's processor-time clock; see clock_getcpuclockid(3).
            try:
                total += time.clock_gettime_ns((~pid << 3) | CPUCLOCK_SCHED)
            except OSError:
                pass
        return total

    def resident_mib(self) -> float:
        pages = 0
        for pid in self.tree():
            try:
                pages += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
            except OSError:
                pass
        return pages * PAGE / (1024 * 1024)

    def peak_mib(self) -> float:
        """The most memory it ever had; for several processes the sum of what each had at most."""
        kib = 0
        for pid in self.tree():
            try:
                status = Path(f"/proc/{pid}/status").read_text()
            except OSError:
                continue
            kib += sum(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:"))
        return kib / 1024

    def stop(self, politely=signal.SIGTERM):
        """The session was made for this child, so the group holds it and its descendants only."""
        for number in (politely, signal.SIGKILL):
            try:
                os.killpg(self.child.pid, number)
            except ProcessLookupError:
                break
            try:
                self.child.wait(timeout=3)
            except subprocess.TimeoutExpired:
                continue
        self.child.wait()
