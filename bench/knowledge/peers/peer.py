"""What both peers do alike: read what everybody reads, and answer what they are told on standard input.

    PEER build DATA INDEX          makes the index from the chunks and vectors of DATA, and says how long it took
    PEER serve DATA INDEX WORK     opens it, answers the first question, then does what it is told, a line at a time:
        load CLIENTS SECONDS LEAST WORK     asks for so long and at least so many questions, and tells the times
        show WORK                           the similarities of what it finds for each question

DATA has `chunks.jsonl` and `vectors.f32`, `queries.jsonl` and `queries.f32`: a line, and as many numbers, for each.
"""

import array
import json
import sys
import threading
import time
from pathlib import Path

DIMENSIONS = 384
LIMIT = 10


class Query:
    def __init__(self, line: dict, vector: array.array):
        self.words = line["words"]
        self.vector = vector


def lines(file: Path):
    with open(file, encoding="utf-8") as text:
        yield from map(json.loads, text)


def vectors(file: Path) -> list[array.array]:
    numbers = array.array("f")
    numbers.frombytes(file.read_bytes())
    return [numbers[start : start + DIMENSIONS] for start in range(0, len(numbers), DIMENSIONS)]


def queries(data: Path) -> list[Query]:
    return list(map(Query, lines(data / "queries.jsonl"), vectors(data / "queries.f32")))


def percentile(times: list[float], share: float) -> float:
    return times[min(int(len(times) * share), len(times) - 1)] * 1000


def load(ask, asked: list[Query], clients: int, seconds: float, least: int) -> dict:
    """`ask` is made for each client, in its thread."""
    times, failures, started = [], [], time.perf_counter()
    until = started + seconds

    def client(number: int):
        try:
            answer, mine, turn = ask(), [], number * len(asked) // clients
            while time.perf_counter() < until or len(mine) < least:
                sent = time.perf_counter()
                if not answer(asked[turn % len(asked)]):
                    raise RuntimeError("nothing found")
                mine.append(time.perf_counter() - sent)
                turn += 1
            times.extend(mine)
        except Exception as error:  # Whatever it is, the run has to hear of it.
            failures.append(str(error))

    threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told = {"calls": len(times), "seconds": time.perf_counter() - started, "failed_clients": len(failures), "failure": "; ".join(failures)}
    times.sort()
    return told | ({"p50_ms": percentile(times, 0.5), "p99_ms": percentile(times, 0.99)} if times else {})


def main(build, opened):
    """`opened(index)` is an object with `asker(work)`, which gives what makes a client, and `similarities(query)`."""
    command, data, index, *rest = sys.argv[1:]
    data, index = Path(data), Path(index)
    if command == "build":
        chunks, found = list(lines(data / "chunks.jsonl")), vectors(data / "vectors.f32")
        started = time.perf_counter()
        build(index, chunks, found)
        print(json.dumps({"chunks": len(chunks), "seconds": time.perf_counter() - started}), flush=True)
        return
    asked = queries(data)
    system = opened(index)
    print(json.dumps({"found": system.asker(rest[0])()(asked[0])}), flush=True)
    for line in sys.stdin:
        match line.split():
            case ["load", clients, seconds, least, work]:
                told = load(system.asker(work), asked, int(clients), float(seconds), int(least))
            case ["show", _work]:
                told = {"similarities": [system.similarities(query) for query in asked]}
            case _:
                told = {"failure": f"unknown: {line}"}
        print(json.dumps(told), flush=True)
