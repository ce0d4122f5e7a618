"""What a program would take instead of an associative memory: numpy's lstsq, refitted, an exact table in numpy, and hnswlib.

Stores the pairs of `benches/examples/associative.rs` (the same generator) and prints the same lines of JSON. Times are processor time, so
that other programs count little.

    .venv/bin/python associative.py [--widths 64,256] [--pairs 1000,10000]
"""

import argparse
import json
import os
import time
from collections.abc import Callable, Sequence

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):  # one thread, as the program has
    os.environ.setdefault(name, "1")

import hnswlib
import numpy as np


def draw(seed: int, count: int) -> np.ndarray:
    """Splitmix64, as numbers in [-1, 1)."""
    with np.errstate(over="ignore"):
        z = np.uint64(seed) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    return ((z >> np.uint64(40)).astype(np.float32) / np.float32(1 << 23) - np.float32(1)).astype(np.float32)


TURN = 10  # operations that are timed together


def quartile(operation: Callable[[int], None], places: Sequence[int]) -> float:
    """Processor seconds of an operation: the first quartile over turns, since other programs can only make a turn longer."""
    seconds = []
    for first in range(0, len(places), TURN):
        together = places[first : first + TURN]
        started = time.process_time()
        for place in together:
            operation(place)
        seconds.append((time.process_time() - started) / len(together))
    return sorted(seconds)[len(seconds) // 4]


def filled(write: Callable[[int], None], pairs: int) -> float:
    """Writes all pairs; what one of the last tenth costs, since the first may be cheaper."""
    nearly = pairs - pairs // 10
    for place in range(nearly):
        write(place)
    return quartile(write, range(nearly, pairs))


class Refit:
    """numpy.linalg.lstsq over all pairs so far: a write keeps the pair, a refit makes it count."""

    def __init__(self, width: int, pairs: int):
        self.keys, self.values = np.empty((pairs, width), np.float32), np.empty((pairs, width), np.float32)

    def build(self, keys: np.ndarray, values: np.ndarray) -> float:
        self.keys[:], self.values[:] = keys, values
        started = time.process_time()
        self.map = np.linalg.lstsq(self.keys, self.values, rcond=None)[0]
        return time.process_time() - started  # one refit: what the next write costs

    def read(self, key: np.ndarray) -> np.ndarray:
        return key @ self.map

    def bytes(self) -> int:
        return self.keys.nbytes + self.values.nbytes + self.map.nbytes


class Table:
    """All pairs, searched through: the largest cosine."""

    def __init__(self, width: int, pairs: int):
        self.keys, self.values = np.empty((pairs, width), np.float32), np.empty((pairs, width), np.float32)

    def build(self, keys: np.ndarray, values: np.ndarray) -> float:
        def write(place: int) -> None:
            key = keys[place]
            self.keys[place], self.values[place] = key / np.linalg.norm(key), values[place]

        return filled(write, len(keys))

    def read(self, key: np.ndarray) -> np.ndarray:
        return self.values[np.argmax(self.keys @ key)]

    def bytes(self) -> int:
        return self.keys.nbytes + self.values.nbytes


class Hnsw:
    """hnswlib, cosine, its own defaults (M 16, ef_construction 200) and ef 50, one thread."""

    def __init__(self, width: int, pairs: int):
        self.index = hnswlib.Index(space="cosine", dim=width)
        self.index.init_index(max_elements=pairs, ef_construction=200, M=16)
        self.index.set_num_threads(1)
        self.index.set_ef(50)

    def build(self, keys: np.ndarray, values: np.ndarray) -> float:
        self.values = values.copy()

        def write(place: int) -> None:
            self.index.add_items(keys[place], place, num_threads=1)

        return filled(write, len(keys))

    def read(self, key: np.ndarray) -> np.ndarray:
        return self.values[self.index.knn_query(key, k=1, num_threads=1)[0][0, 0]]

    def bytes(self) -> int:
        return self.index.index_file_size() + self.values.nbytes


def measure(store_class: type, name: str, width: int, pairs: int) -> None:
    keys, values, noise = draw(width, 3 * pairs * width).reshape(3, pairs, width)
    store = store_class(width, pairs)
    write = store.build(keys, values)
    asked = range(0, pairs, -(-pairs // 1000))
    answers = {}

    def read(place: int) -> None:
        answers[place] = store.read(keys[place])

    seconds, errors, noisy, norm = quartile(read, asked), 0.0, 0.0, 0.0
    for place in asked:
        errors += float(np.sum((answers[place] - values[place]) ** 2))
        noisy += float(np.sum((store.read(keys[place] + np.float32(0.1) * noise[place]) - values[place]) ** 2))
        norm += float(np.sum(values[place] ** 2))
    line = {
        "store": name, "width": width, "pairs": pairs, "write_us": write * 1e6, "read_us": seconds * 1e6,
        "bytes": store.bytes(), "error": (errors / norm) ** 0.5, "noisy": (noisy / norm) ** 0.5,
    }  # fmt: skip
    print(json.dumps(line), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--widths", default="64,128,256,512")
    parser.add_argument("--pairs", default="1000,10000,100000")
    options = parser.parse_args()
    for width in map(int, options.widths.split(",")):
        for pairs in map(int, options.pairs.split(",")):
            measure(Refit, "numpy lstsq, one refit", width, pairs)
            measure(Table, "numpy table", width, pairs)
            measure(Hnsw, "hnswlib", width, pairs)


if __name__ == "__main__":
    main()
