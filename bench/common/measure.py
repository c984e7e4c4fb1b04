"""One visit: a server is started, asked, loaded and stopped; every number it gave is a sample."""

import tempfile
import time
from pathlib import Path

import wire
from process import Process

PATIENCE = 60.0
WARM_UP = 0.4
SETTLE = 0.5


def visit(system, works: dict, clients: list[int], seconds: float, database: Process | None = None) -> list[dict]:
    """`works` are revisions of the protocol by what the rows are called. Of `database` the processor time is told too."""
    log = Path(tempfile.mkstemp(prefix=f"bench-{system.name}-", suffix=".log")[1])
    server = system.start(log)
    try:
        start_ms = first_answer(system, server)
        time.sleep(SETTLE)
        whole = {"system": system.name, "start_ms": start_ms, "idle_mib": server.process.resident_mib()}
        samples = []
        for work, revision in works.items():
            for count in clients:
                samples.append({**whole, "work": work, "clients": count})
                samples[-1].update(point(server, revision, count, seconds, database))
        return samples
    except (wire.Refused, RuntimeError) as error:
        words = log.read_text(errors="replace")[-500:]
        return [{"system": system.name, "work": "start", "clients": 0, "failure": f"{error} {words}"}]
    finally:
        server.stop()
        log.unlink(missing_ok=True)


def first_answer(system, server) -> float:
    """Milliseconds from exec to the first right answer to a call."""
    process = server.process
    while time.perf_counter() - process.started < PATIENCE:
        if not process.alive():
            raise RuntimeError(f"{system.name} ended with {process.child.returncode}")
        if server.answered():
            return (time.perf_counter() - process.started) * 1000
        time.sleep(0.0005)
    raise RuntimeError(f"{system.name} did not answer within {PATIENCE:.0f} s")


def point(server, revision: str, clients: int, seconds: float, database: Process | None) -> dict:
    ask = server.asker(revision)
    ask(clients, WARM_UP)
    watched = [server.process, database] if database else [server.process]
    before = [process.cpu_ns() for process in watched]
    result = ask(clients, seconds)
    spent = [process.cpu_ns() - start for process, start in zip(watched, before)]
    if result["failed_clients"] or not result["calls"]:
        return {"failure": result["failure"] or "no call succeeded"}
    found = {
        "cpu_us_per_call": spent[0] / 1000 / result["calls"],
        "per_s": result["calls"] / result["seconds"],
        "p50_ms": result["p50_ms"],
        "p99_ms": result["p99_ms"],
        "loaded_mib": server.process.resident_mib(),
        "peak_mib": server.process.peak_mib(),
        "calls": result["calls"],
    }
    return {**found, "database_us_per_call": spent[1] / 1000 / result["calls"]} if database else found
