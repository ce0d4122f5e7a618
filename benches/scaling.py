#!/usr/bin/env python3
"""How a training step scales over threads and ranks: measured where it runs, and modelled beyond. The figures of docs/scaling.md.

    python3 benches/scaling.py threads MNM [N ...]   a training step on 1, 2, 4, ... threads, in blocks of several sizes
    python3 benches/scaling.py blocks MNM            processor time of a block, by its sequences
    python3 benches/scaling.py ranks MNM [N ...]     a training under mpirun -n 1, -n N, in turns
    python3 benches/scaling.py model                 the model's tables

MNM is the program, built with the feature `mpi` for `ranks`. Needs Python 3.10 and nothing else.
"""

import json
import math
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

SHAPE = "50,100,100,100,100,1,177"  # shape S: T,X,C,M,U,H,K

TRAINING = [
    "mqar", "--quiet",
    "--set", "threads=1", "--set", "train.steps=60", "--set", "train.batch=128",
    "--set", "train.valid_every=1000", "--set", "train.valid_episodes=1", "--set", "train.checkpoint_every=1000",
]


def processor_seconds(command):
    def spent():
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    before = spent()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return spent() - before


def blocks(mnm):
    """One step of B sequences for B up to 8 is one block; a run of more steps less one of fewer has no start-up in it."""
    print("| sequences of the block | ms | ms a sequence |")
    print("|---|---|---|")
    for batch in (1, 2, 4, 8):
        def run(steps):
            shape = f"{batch},{SHAPE}"
            return processor_seconds([mnm, "bench", "--shape", shape, "--threads", "1", "--steps", str(steps)])

        steps = 400 // batch
        figures = [(run(10 + steps) - run(10)) / steps * 1e3 for _ in range(3)]
        ms = statistics.median(figures)
        print(f"| {batch} | {ms:.2f} | {ms / batch:.2f} |", flush=True)


# Name, sequences a step, the rest of the shape, blocks of at most so many sequences (0: as they are by default), steps that are timed.
STEPS = [
    ("S", 32, SHAPE, (0, 4, 2, 1), 30),
    ("S, 128 sequences", 128, SHAPE, (0, 4, 2), 12),
    ("S, 512 sequences", 512, SHAPE, (0, 4), 5),
    ("L", 64, "100,128,256,100,100,4,177", (0, 4, 2), 6),
]


def threads(mnm, counts):
    """Milliseconds of a step, everything in turn, three times; the median of the medians."""
    for name, batch, rest, sizes, steps in STEPS:
        found = {(n, size): [] for n in counts for size in sizes}
        for turn in range(3):
            for n, size in found:
                command = [mnm, "bench", "--shape", f"{batch},{rest}", "--steps", str(steps)]
                command += ["--threads", str(n), "--json", *(["--block", str(size)] if size else [])]
                output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
                found[n, size].append(json.loads(output)["step_s"] * 1e3)
        print(f"\n{name}: ms a step, by the sequences of a block\n")
        print("| threads | " + " | ".join(str(size or "default") for size in sizes) + " |")
        print("|---|" + "---|" * len(sizes))
        for n in counts:
            print(f"| {n} | " + " | ".join(f"{statistics.median(found[n, size]):.1f}" for size in sizes) + " |", flush=True)


def ranks(mnm, counts):
    speeds, processor = {n: [] for n in counts}, {n: [] for n in counts}
    files = {}
    for turn in range(3):
        for n in counts:
            with tempfile.TemporaryDirectory() as top:
                run = Path(top) / "run"
                launch = ["mpirun", "-n", str(n), "--bind-to", "none"] if n > 1 else []
                spent = processor_seconds([*launch, mnm, "train", *TRAINING, "--out", str(run)])
                processor[n].append(spent)
                speeds[n].append(json.loads((run / "summary.json").read_text())["steps_per_second"])
                files.setdefault(n, (run / "checkpoint.safetensors").read_bytes())
    assert all(checkpoint == files[counts[0]] for checkpoint in files.values()), "other bytes"
    print("| ranks | steps a second, median of 3 (least, most) | processor seconds |")
    print("|---|---|---|")
    for n in counts:
        s = speeds[n]
        print(f"| {n} | {statistics.median(s):.1f} ({min(s):.1f}, {max(s):.1f}) | {statistics.median(processor[n]):.1f} |")


def measured(sequences):
    """Seconds of a step at shape S in blocks of eight on 16 threads."""
    rows = json.loads((Path(__file__).parent.parent / "docs/sixteen-cores.json").read_text())["ours"]
    step = {"rule": "mnm-p", "shape": "S", "sequences": sequences, "block": 8, "threads": 16}
    return next(statistics.median(row["step_ms"]) for row in rows if step.items() <= row.items()) / 1e3


# What the model assumes, in seconds and bytes. On 16 cores 128 sequences are one block a core, 512 are four. A part for each block of a
# core and a part that is there once explain both if they are these.
BLOCK = (measured(512) - measured(128)) / 3
SERIAL = measured(128) - BLOCK
GRADIENT = 4 * 245_577  # bytes, of the model for bAbI
PER_BYTE = {"100 Gbit/s": 1 / 10e9, "10 Gbit/s": 1 / 1e9}
LATENCY = {"100 Gbit/s": 3e-6, "10 Gbit/s": 30e-6}
MESSAGE = 0.5e-9 * 3 * GRADIENT  # to pack, unpack and add a gradient: each at 2 GB a second


def step(nodes, cores, count, network):
    """Seconds of a step: the largest share of blocks, two trips of a gradient along a tree of ranks, small messages, the rest."""
    rounds = math.ceil(math.log2(nodes)) if nodes > 1 else 0
    share = math.ceil(count / nodes)
    compute = math.ceil(share / cores) * BLOCK
    trip = LATENCY[network] + GRADIENT * PER_BYTE[network] + MESSAGE
    small = 2 * 2 * (nodes - 1) * LATENCY[network]
    return compute + 2 * rounds * trip + small + SERIAL


def model():
    cores = 16
    for network in PER_BYTE:
        print(f"\n{network}, {cores} cores a node: speed against one node (share of the ideal)\n")
        nodes = (1, 2, 4, 8, 16, 32, 64)
        print("| sequences a step | " + " | ".join(f"{n}" for n in nodes) + " |")
        print("|---|" + "---|" * len(nodes))
        for batch in (128, 512, 2048, 8192):
            count = batch // 8
            one = step(1, cores, count, network)
            times = [step(n, cores, count, network) for n in nodes]
            cells = [f"{one / t:.1f} ({100 * one / t / n:.0f} %)" for n, t in zip(nodes, times)]
            print(f"| {batch} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["threads", mnm, *counts]:
            threads(mnm, list(map(int, counts)) or [1, 2, 4, 8, 16])
        case ["blocks", mnm]:
            blocks(mnm)
        case ["ranks", mnm, *counts]:
            ranks(mnm, [1, *map(int, counts or ["2"])])
        case ["model"]:
            model()
        case _:
            sys.exit(__doc__)
