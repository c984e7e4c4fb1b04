"""Chroma in process: a persistent client, one collection, its graph as it comes, cosine."""

import chromadb
import numpy
import peer
from chromadb.config import Settings


def client(index):
    return chromadb.PersistentClient(str(index), settings=Settings(anonymized_telemetry=False))


def build(index, chunks, vectors):
    store = client(index)
    # Without a function of its own, so that it never makes vectors: everybody has the same ones.
    collection = store.create_collection("bench", embedding_function=None, configuration={"hnsw": {"space": "cosine"}})
    most = store.get_max_batch_size()
    for start in range(0, len(chunks), most):
        batch = range(start, min(start + most, len(chunks)))
        collection.add(
            ids=[str(number) for number in batch],
            embeddings=[numpy.asarray(vectors[number]) for number in batch],
            documents=[chunks[number]["text"] for number in batch],
            metadatas=[{"path": chunks[number]["path"], "first_line": chunks[number]["first_line"]} for number in batch],
        )


class Opened:
    def __init__(self, index):
        self.collection = client(index).get_collection("bench", embedding_function=None)

    def found(self, query):
        include = ["documents", "metadatas", "distances"]
        return self.collection.query(query_embeddings=[numpy.asarray(query.vector)], n_results=peer.LIMIT, include=include)

    def asker(self, _work):
        return lambda: lambda query: len(self.found(query)["ids"][0])

    def similarities(self, query):
        return [1 - distance for distance in self.found(query)["distances"][0]]


if __name__ == "__main__":
    peer.main(build, Opened)
