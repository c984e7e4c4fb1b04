"""One visit: a server is started, asked, loaded and stopped; every number it gave is a sample."""

import json
import subprocess
import tempfile
import time
from pathlib import Path

import wire
from process import Process, free_port

PATIENCE = 60.0
WARM_UP = 0.4
SETTLE = 0.5


def visit(system, home, revisions, clients, seconds) -> list[dict]:
    log = Path(tempfile.mkstemp(prefix=f"bench-{system.name}-", suffix=".log")[1])
    port = free_port()
    process = Process(system.command(port), log)
    try:
        start_ms = first_answer(system, process, port)
        time.sleep(SETTLE)
        whole = {"system": system.name, "start_ms": start_ms, "idle_mib": process.resident_mib()}
        samples = []
        for revision in revisions:
            for count in clients:
                samples.append({**whole, "work": f"{system.question.tool} {revision}", "clients": count})
                samples[-1].update(point(system, home, process, port, revision, count, seconds))
        return samples
    except (wire.Refused, RuntimeError) as error:
        words = log.read_text(errors="replace")[-500:]
        return [{"system": system.name, "work": "start", "clients": 0, "failure": f"{error} {words}"}]
    finally:
        process.stop()
        log.unlink(missing_ok=True)


def first_answer(system, process, port) -> float:
    """Milliseconds from exec to the first right answer to a call, of the revision that needs no handshake."""
    request = None
    while time.perf_counter() - process.started < PATIENCE:
        if not process.alive():
            raise RuntimeError(f"{system.name} ended with {process.child.returncode}")
        try:
            request = request or wire.call(system.question, "2026-07-28", port, system.headers())
        except FileNotFoundError:
            pass
        if request and wire.answers(port, request, system.question.mark):
            return (time.perf_counter() - process.started) * 1000
        time.sleep(0.0005)
    raise RuntimeError(f"{system.name} did not answer within {PATIENCE:.0f} s")


def point(system, home, process, port, revision, clients, seconds) -> dict:
    headers = {**system.headers(), **wire.handshake(revision, port, system.headers())}
    request = wire.call(system.question, revision, port, headers)
    mark = system.question.mark
    load(home, port, request, mark, clients, WARM_UP)
    before = process.cpu_ns()
    result = load(home, port, request, mark, clients, seconds)
    spent = process.cpu_ns() - before
    if result["failed_clients"] or not result["calls"]:
        return {"failure": result["failure"] or "no call succeeded"}
    return {
        "cpu_us_per_call": spent / 1000 / result["calls"],
        "per_s": result["calls"] / result["seconds"],
        "p50_ms": result["p50_ms"],
        "p99_ms": result["p99_ms"],
        "loaded_mib": process.resident_mib(),
        "calls": result["calls"],
    }


def load(home, port, request, mark, clients, seconds) -> dict:
    command = [str(home.rust / "load"), f"127.0.0.1:{port}", str(clients), str(seconds), mark]
    done = subprocess.run(command, input=request, capture_output=True, timeout=seconds + 60, check=False)
    if done.returncode:
        raise RuntimeError(f"the load generator failed: {done.stderr.decode(errors='replace')[-300:]}")
    return json.loads(done.stdout)
