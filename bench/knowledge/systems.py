"""What is measured: each is a program that makes an index of the same chunks and vectors, and answers from it."""

import json
import os
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

import servers
import wire
from process import Process
from servers import MIB, tree_size
from wire import Call, Question

PEERS = Path(__file__).parent / "peers"
REVISION = "2026-07-28"
TOOL = "search_documents"
COLLECTION = "corpus"
LIMIT = 10


class Data(NamedTuple):
    """The chunks, vectors and questions that everybody gets."""

    folder: Path
    chunks: int
    documents: int
    questions: int
    bytes: int

    @property
    def size(self) -> str:
        """What it is called in the name of a row."""
        return f"{self.chunks / 1000:.0f}k" if self.chunks >= 1000 else str(self.chunks)

    def words(self) -> list[str]:
        return [json.loads(line)["words"] for line in (self.folder / "queries.jsonl").read_text().splitlines()]


class Embedded:
    """An index in the process that asks it."""

    name = ""
    language = ""
    note = ""
    # What it can be asked for.
    works: tuple = ()

    def __init__(self, home):
        self.home = home

    def command(self) -> list:
        raise NotImplementedError

    def index(self, data: Data) -> Path:
        return data.folder / f"index-{self.name}"

    def build(self, data: Data) -> dict:
        """Makes the index; the sample of that."""
        process = Process([*self.command(), "build", data.folder, self.index(data)], data.folder / "log", stdout=subprocess.PIPE, text=True)
        told = process.child.stdout.read()
        peak = process_peak(process)
        if process.child.returncode:
            raise RuntimeError(f"{self.name}: {(data.folder / 'log').read_text(errors='replace')[-500:]}")
        told = json.loads(told)
        size = tree_size(self.index(data)) if self.index(data).is_dir() else self.index(data).stat().st_size
        return {
            "system": self.name,
            "work": f"index, {data.size}",
            "clients": 1,
            "per_s": told["chunks"] / told["seconds"],
            "seconds": told["seconds"],
            "disk_mib": size / MIB,
            "loaded_mib": peak,
        }

    def similarities(self, data: Data) -> list[list[float]]:
        """How near what it finds by vectors is, for each question."""
        told = Told(self, data, "vectors", data.folder / "log")
        try:
            told.first()
            return told.tell("show", "vectors")["similarities"]
        finally:
            told.stop()

    def asked(self, data: Data, work: str) -> "Visit":
        return Visit(self, data, work)

    def forget(self, data: Data):
        """Takes the index out of the machine's memory, so that it is read from the disk again."""
        index = self.index(data)
        for file in index.rglob("*") if index.is_dir() else [index]:
            if file.is_file():
                with open(file, "rb") as opened:
                    os.fsync(opened.fileno())
                    os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)

    def cold(self, data: Data) -> dict:
        """The sample of a start with nothing of the index in memory."""
        self.forget(data)
        told = Told(self, data, self.works[-1], data.folder / "log")
        try:
            told.first()
            start_ms = (time.perf_counter() - told.process.started) * 1000
        finally:
            told.stop()
        return {"system": self.name, "work": f"cold start, {data.size}", "clients": 1, "start_ms": start_ms}


class Visit(NamedTuple):
    """A system that is asked for one kind of work, as `measure.visit` wants it."""

    system: Embedded
    data: Data
    work: str

    @property
    def name(self) -> str:
        return self.system.name

    def start(self, log: Path) -> "Told":
        return Told(self.system, self.data, self.work, log)


class Told:
    """A program that is told on its standard input what to do."""

    def __init__(self, system: Embedded, data: Data, work: str, log: Path):
        self.work, self.questions = work, data.questions
        command = [*system.command(), "serve", data.folder, system.index(data), work]
        self.process = Process(command, log, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def read(self) -> dict:
        if not (line := self.process.child.stdout.readline()):
            raise RuntimeError("it has ended")
        return json.loads(line)

    def tell(self, *words) -> dict:
        try:
            print(*words, file=self.process.child.stdin, flush=True)
        except BrokenPipeError:
            pass
        return self.read()

    def first(self):
        if not self.read()["found"]:
            raise RuntimeError("nothing was found")

    def answered(self) -> bool:
        self.first()
        return True

    def asker(self, _revision):
        def ask(clients: int, seconds: float) -> dict:
            # One client alone asks every question at least once, however long that takes; warming up is over sooner.
            least = self.questions if clients == 1 and seconds > 0.45 else 0
            return self.tell("load", clients, seconds, least, self.work)

        return ask

    def stop(self):
        self.process.stop()


def process_peak(process: Process) -> float:
    """The most memory of a child that has ended or is about to."""
    _, status, usage = os.wait4(process.child.pid, 0)
    process.child.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_maxrss / 1024


class Windlass(Embedded):
    name = "windlass"
    language = "Rust"
    works = ("words", "vectors", "fused")
    note = (
        "the index of files and the search of the toolset in process: words by BM25, vectors by an exact scan, and `fused` with all "
        "that `search_documents` does: the question's vector made, both lists fused, near-duplicates merged, snippets cut"
    )

    def command(self):
        return [self.home.own / "examples/bench"]

    def first_paths(self, data: Data) -> list[str]:
        """For each question, the document of the first result."""
        told = Told(self, data, "fused", data.folder / "log")
        try:
            told.first()
            return told.tell("paths", "fused")["paths"]
        finally:
            told.stop()


class PythonPeer(Embedded):
    def command(self):
        return [self.home.knowledge / "bin/python", "-B", PEERS / f"{self.name}.py"]


class Chroma(PythonPeer):
    name = "chroma"
    language = "Rust, asked from Python"
    works = ("vectors",)
    note = "Chroma 1.5.9 in process, a persistent client, cosine, its graph with the values it comes with; it has no ranking of words"


class Sqlite(PythonPeer):
    name = "sqlite"
    language = "C, asked from Python"
    works = ("words", "vectors", "fused")
    note = "SQLite 3.54 with FTS5 (Porter's stems, BM25) and sqlite-vec 0.1.9 (an exact scan) by apsw; `fused` is both by rank"


class Server(servers.Product):
    """`windlass serve` with the documents of `data` as a collection."""

    name = "windlass"
    note = "`windlass serve` with everything, asked over HTTP: an API key, a policy that grants the tool, the answer as text and as data, an audit line"

    def __init__(self, home, data: Data, paths: list[str]):
        super().__init__(home)
        self.data = data
        # The server has to find first what the search in process finds first.
        calls = [Call({"query": words, "limit": LIMIT}, path) for words, path in zip(data.words(), paths, strict=True)]
        self.question = Question(TOOL, calls)

    def configuration(self):
        return configuration(self.data.folder / "files", self.data.folder / "index-server")


def configuration(documents: Path, index: Path) -> str:
    """The part of windlass.yaml about one collection."""
    collection = {"description": "Documentation of this machine", "sources": [{"folder": str(documents)}]}
    return "knowledge: " + json.dumps({"index": {"directory": str(index)}, "collections": {COLLECTION: collection}}) + "\n"


class Refresh:
    """`windlass knowledge refresh`, from its start to its end."""

    def __init__(self, home, folder: Path, documents: Path, index: Path):
        self.home, self.folder = home, folder
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "windlass.yaml").write_text(configuration(documents, index) + f"store: {{ directory: {folder / 'store'} }}\n")

    def run(self) -> tuple[float, dict]:
        """Seconds, and what it says it did."""
        command = [self.home.own / "windlass", "--config", self.folder / "windlass.yaml", "knowledge", "refresh", "--json"]
        started = time.perf_counter()
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, cwd=self.folder)
        seconds = time.perf_counter() - started
        if done.returncode:
            raise RuntimeError(f"refresh ended with {done.returncode}: {(done.stdout + done.stderr)[-800:]}")
        return seconds, json.loads(done.stdout)["collections"][0]["report"]


SYSTEMS = {system.name: system for system in (Windlass, Chroma, Sqlite)}
