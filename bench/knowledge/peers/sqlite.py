"""SQLite with FTS5 and sqlite-vec: words by BM25 with Porter's stems, vectors by an exact scan, both fused by rank."""

import re
import threading

import apsw
import peer
import sqlite_vec

SCHEMA = f"""
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE chunks(id INTEGER PRIMARY KEY, path TEXT, first_line INTEGER, headings TEXT, text TEXT);
CREATE VIRTUAL TABLE words USING fts5(headings, text, content = 'chunks', content_rowid = 'id', tokenize = 'porter unicode61');
CREATE VIRTUAL TABLE vectors USING vec0(embedding float[{peer.DIMENSIONS}] distance_metric=cosine);
"""
# Of each list that is fused, as Windlass does it.
CANDIDATES = 50
WORDS = "SELECT rowid FROM words WHERE words MATCH ? ORDER BY rank LIMIT ?"
NEAREST = "SELECT rowid, distance FROM vectors WHERE embedding MATCH ? AND k = ? ORDER BY distance"
RRF = 60


def connect(index):
    connection = apsw.Connection(str(index))
    connection.enable_load_extension(True)
    connection.load_extension(sqlite_vec.loadable_path())
    return connection


def run(connection, statements):
    """All of them, to the end: left alone, a cursor stops at the first row."""
    connection.execute(statements).fetchall()


def build(index, chunks, vectors):
    connection = connect(index)
    run(connection, SCHEMA)
    with connection:
        connection.executemany(
            "INSERT INTO chunks VALUES (?, ?, ?, ?, ?)",
            ((number, chunk["path"], chunk["first_line"], " ".join(chunk["breadcrumb"]), chunk["text"]) for number, chunk in enumerate(chunks)),
        )
        run(connection, "INSERT INTO words(words) VALUES ('rebuild')")
        connection.executemany("INSERT INTO vectors(rowid, embedding) VALUES (?, ?)", ((number, vector.tobytes()) for number, vector in enumerate(vectors)))
    run(connection, "INSERT INTO words(words) VALUES ('optimize'); PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def match(words: str) -> str:
    """Any of them, as words and not as operators."""
    return " OR ".join(f'"{word}"' for word in re.findall(r"\w+", words))


class Client:
    def __init__(self, index):
        self.connection = connect(index)

    def words(self, query, limit=peer.LIMIT):
        return [row[0] for row in self.connection.execute(WORDS, (match(query.words), limit))]

    def nearest(self, query, limit=peer.LIMIT):
        return [row[0] for row in self.connection.execute(NEAREST, (query.vector.tobytes(), limit))]

    def fused(self, query):
        scores = {}
        for found in (self.words(query, CANDIDATES), self.nearest(query, CANDIDATES)):
            for rank, chunk in enumerate(found, 1):
                scores[chunk] = scores.get(chunk, 0) + 1 / (RRF + rank)
        return sorted(scores, key=scores.get, reverse=True)[: peer.LIMIT]

    def texts(self, chunks):
        marks = ", ".join("?" * len(chunks))
        return list(self.connection.execute(f"SELECT id, path, first_line, headings, text FROM chunks WHERE id IN ({marks})", chunks))


class Opened:
    def __init__(self, index):
        self.index = index
        # The first one is the main thread's, and a client of the load has its own.
        self.kept = threading.local()

    def client(self):
        if not hasattr(self.kept, "client"):
            self.kept.client = Client(self.index)
        return self.kept.client

    def asker(self, work):
        def make():
            client = self.client()
            ways = {"words": client.words, "vectors": client.nearest, "fused": client.fused}
            return lambda query: len(client.texts(ways[work](query)))

        return make

    def similarities(self, query):
        rows = self.client().connection.execute(NEAREST, (query.vector.tobytes(), peer.LIMIT))
        return [1 - row[1] for row in rows]


if __name__ == "__main__":
    peer.main(build, Opened)
