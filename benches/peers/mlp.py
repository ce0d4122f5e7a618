"""The training step of `rust/src/main.rs` in PyTorch, eager, from the same numbers. Prints one line of JSON.

    .venv/bin/python mlp.py --case penalty --shape 128,784,256,10     # OMP_NUM_THREADS says how many threads
"""

import argparse
import json
import statistics
import time

import numpy as np
import torch

RATE = 0.1
PENALTY = 1.0
WARMUP = 20


def numbers(seed: int, rows: int, columns: int, scale: float) -> torch.Tensor:
    """Splitmix64, as numbers in [-scale, scale): those of `main.rs`."""
    with np.errstate(over="ignore"):
        z = np.uint64(seed) + np.arange(1, rows * columns + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    drawn = (z >> np.uint64(40)).astype(np.float32) / np.float32(1 << 23) - np.float32(1)
    return scale * torch.from_numpy(drawn).reshape(rows, columns)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--case", choices=("plain", "penalty"), required=True)
    parser.add_argument("--shape", required=True, metavar="B,X,H,K")
    parser.add_argument("--steps", type=int, default=200)
    given = parser.parse_args()
    penalised = given.case == "penalty"
    batch, inputs, hidden, outputs = map(int, given.shape.split(","))

    x = numbers(0, batch, inputs, 1.0).requires_grad_(penalised)
    y = numbers(1, batch, outputs, 1.0)
    weights = [
        numbers(2, hidden, inputs, inputs**-0.5).requires_grad_(),
        numbers(3, outputs, hidden, hidden**-0.5).requires_grad_(),
    ]

    def step() -> float:
        error = torch.tanh(x @ weights[0].T) @ weights[1].T - y
        fit = error.square().sum() / outputs
        loss = fit / batch
        if penalised:
            (slope,) = torch.autograd.grad(fit, x, create_graph=True)
            loss = loss + slope.square().sum() * (PENALTY / batch)
        slopes = torch.autograd.grad(loss, weights)
        with torch.no_grad():
            for weight, slope in zip(weights, slopes):
                weight.sub_(slope, alpha=RATE)
        return loss.item()

    losses = [step() for _ in range(WARMUP)]
    seconds = []
    for _ in range(given.steps):
        started = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - started)
    figures = {"step_s": statistics.median(seconds), "losses": [losses[0], losses[-1]]}
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
