"""The training step of `rust/src/main.rs` in PyTorch, eager: a small MLP, and the same with a gradient penalty. One line of JSON for each.

    .venv/bin/python mlp.py --threads 1
"""

import argparse
import json
import statistics
import time

import torch

WIDTHS = (784, 256, 10)
RATE = 0.05


def numbers(which: int, shape: tuple[int, int], scale: float) -> torch.Tensor:
    """The list `which` of `main.rs`."""
    i = torch.arange(shape[0] * shape[1], dtype=torch.int64)
    hashed = (i * 2_654_435_761 + which * 97_531) % 1_000_003
    return scale * (hashed.float() / 500_001.5 - 1.0).reshape(shape)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    inputs, hidden, outputs = WIDTHS
    for name, penalised in (("PyTorch, eager", False), ("PyTorch, eager, gradient penalty", True)):
        x = numbers(0, (given.batch, inputs), 1.0).requires_grad_(penalised)
        y = numbers(1, (given.batch, outputs), 1.0)
        weights = [
            numbers(2, (hidden, inputs), inputs**-0.5).requires_grad_(),
            numbers(3, (outputs, hidden), hidden**-0.5).requires_grad_(),
        ]
        times = []
        for _ in range(given.steps + 5):
            start = time.perf_counter()
            error = torch.tanh(x @ weights[0].T) @ weights[1].T - y
            loss = error.square().mean()
            if penalised:
                (slope,) = torch.autograd.grad(loss, x, create_graph=True)
                loss = loss + slope.square().sum()
            slopes = torch.autograd.grad(loss, weights)
            with torch.no_grad():
                for weight, slope in zip(weights, slopes):
                    weight -= RATE * slope
            last = loss.item()
            times.append((time.perf_counter() - start) * 1e3)
        times = times[5:]
        figures = {"median_ms": statistics.median(times), "min_ms": min(times), "loss": last}
        print(json.dumps({"library": name, "batch": given.batch, "threads": given.threads} | figures))


if __name__ == "__main__":
    main()
