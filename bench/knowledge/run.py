#!/usr/bin/env python3
"""Measures search over documents: Windlass, in process and as a server, beside Chroma and SQLite with FTS5 and sqlite-vec.

The documents are those of corpus.py. Windlass cuts them into chunks and makes their vectors once; everybody gets the same
chunks, the same vectors and the same questions, in the same run. One system runs at a time; rounds visit all of them in
turn. What is reported is the median of the rounds.

    bench/knowledge/run.py                      everything, about half an hour without the builds
    bench/knowledge/run.py --quick              20 000 chunks, one short round: does it work?
    bench/knowledge/run.py --chunks 2000 --documents 300 --quick
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent / "common")]
sys.dont_write_bytecode = True

import corpus  # noqa: E402
import install  # noqa: E402
import measure  # noqa: E402
import refresh  # noqa: E402
import report  # noqa: E402
import runner  # noqa: E402
from systems import PEERS, REVISION, SYSTEMS, TOOL, Data, Server  # noqa: E402

CHUNKS, DOCUMENTS = "20000,100000", 10_000


def more(parser):
    parser.add_argument("--chunks", help="how many, one size or several")
    parser.add_argument("--documents", type=int, default=DOCUMENTS, help="of which one changes, for the refresh")
    parser.add_argument("--corpus", type=lambda text: Path(text).resolve(), help="a folder of documents, instead of this machine's")


def main() -> int:
    options = runner.arguments(__doc__, SYSTEMS, clients="1,4", rounds=3, more=more)
    complete = options.chunks in (None, CHUNKS) and options.documents == DOCUMENTS and not options.corpus
    options.chunks = options.chunks or (CHUNKS.split(",")[0] if options.quick else CHUNKS)
    home = prepared(options)
    documents = options.corpus or corpus.prepared(home.bench / "knowledge")
    with tempfile.TemporaryDirectory(prefix="bench-knowledge-", dir=home.bench) as scratch:
        run = Run(home, options, documents, Path(scratch))
        run.measure()
    complete = complete and runner.complete(options)
    out = options.out or (runner.RESULTS if complete else Path(tempfile.mkdtemp(prefix="bench-knowledge-")))
    report.write(out, run, options)
    return runner.end(run.samples, out)


def prepared(options) -> install.Home:
    home = install.Home(options)
    if not options.no_build:
        home.build(set(), {"load"})
        programs = ["--bin", "windlass", "--example", "bench", "--example", "recall"]
        install.cargo(options.profile, programs, home.own.parent)
    requirements = PEERS / "requirements.txt"
    home.knowledge = home.bench / f"python-{corpus.digest(requirements)}"
    install.venv(home.knowledge, requirements)
    return home


class Run:
    """One run, and what comes of it."""

    def __init__(self, home, options, documents: Path, scratch: Path):
        self.home, self.options, self.documents, self.scratch = home, options, documents, scratch
        self.systems = [SYSTEMS[name](home) for name in options.systems]
        self.samples, self.data, self.recall, self.exact = [], [], {}, {}

    def measure(self):
        for chunks in self.options.chunks.split(","):
            self.data.append(self.cut(int(chunks)))
        for turn, data in enumerate(self.data):
            for system in self.turned(turn):
                self.say(f"index of {data.size}: {system.name}")
                self.samples.append(system.build(data))
            self.compare(data)
        servers = self.servers()
        for turn in range(self.options.rounds):
            for data in self.data:
                for system in self.turned(turn):
                    self.say(f"round {turn + 1} of {self.options.rounds}, {data.size}: {system.name}")
                    self.samples.append(system.cold(data))
                    for work in system.works:
                        self.visit(system.asked(data, work), f"{work}, {data.size}")
            for server in servers:
                self.say(f"round {turn + 1} of {self.options.rounds}, {server.data.size}: the server")
                self.visit(server, f"{TOOL}, {server.data.size}")
        if "windlass" in self.options.systems:
            self.say("one document changes")
            self.samples += refresh.one_of_many(self.home, self.documents, self.scratch / "many", self.options)
            self.say("what is found")
            self.recall = self.told("recall", self.documents)

    def turned(self, turn: int) -> list:
        """Nobody is always first, nor always after the same one."""
        shift = turn % len(self.systems)
        return self.systems[shift:] + self.systems[:shift]

    def visit(self, system, name: str):
        revision = REVISION
        self.samples += measure.visit(system, {name: revision}, self.options.clients, self.options.seconds)

    def cut(self, chunks: int) -> Data:
        self.say(f"{chunks} chunks")
        folder = self.scratch / f"data-{chunks}"
        told = self.told("bench", "cut", self.documents, chunks, folder)
        if told["chunks"] < chunks:
            print(f"NOTE: this machine's documents have {told['chunks']} chunks only", file=sys.stderr)
        return Data(folder, told["chunks"], told["documents"], told["questions"], told["bytes"])

    def told(self, example: str, *words) -> dict:
        command = [str(word) for word in (self.home.own / "examples" / example, *words)]
        return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)

    def compare(self, data: Data):
        """How many of the truly nearest each system finds: those of SQLite, which looks at every vector, in other code."""
        found = {system.name: system.similarities(data) for system in self.systems}
        truth = found.get("sqlite") or found.get("windlass")
        for name, all_of_it in found.items():
            shares = []
            for mine, best in zip(all_of_it, truth or all_of_it, strict=True):
                # Texts that are alike are equally near: which of them is found says nothing.
                shares.append(sum(near >= best[-1] - 1e-3 for near in mine) / len(best))
            self.exact[name, data.size] = sum(shares) / len(shares)
        if self.exact.get(("windlass", data.size), 1) < 0.999:
            raise RuntimeError(f"windlass looks at every vector, and found {self.exact} of the nearest")

    def servers(self) -> list[Server]:
        if "windlass" not in self.options.systems:
            return []
        windlass = next(system for system in self.systems if system.name == "windlass")
        servers = []
        for data in self.data:
            server = Server(self.home, data, windlass.first_paths(data))
            self.say(f"refresh of {data.size}")
            self.samples.append(refresh.whole(self.home, data))
            servers.append(server)
        return servers

    @staticmethod
    def say(words: str):
        print(words, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
