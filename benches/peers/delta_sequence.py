"""The delta rule over sequences known in advance, forward and backward, in PyTorch: a loop over steps, and in chunks.

W_t = W_{t-1} - beta_t (W_{t-1} k_t - v_t) k_t^T and the read W_t q_t, for B x heads memories of width x width that begin with zeros. The chunked
form is DeltaNet's (arXiv 2406.06484): with S = W^T, and K, V, Q the rows of a chunk,

    T = (I + tril(diag(beta) K K^T, -1))^-1 diag(beta);   U = T V - (T K) S;   reads = Q S + tril(Q K^T) U;   S <- S + K^T U

where T of all chunks is solved for at once. Both are held to each other before they are timed.

    python delta_sequence.py [--shape 8,4,1024,64] [--chunks 16,32,64,128] [--threads 2] [--rounds 7] [--json]
"""

import argparse
import json
import statistics
import time

import torch
from torch import Tensor

from measure import peak_memory_mib


def loop(keys: Tensor, values: Tensor, queries: Tensor, rates: Tensor) -> Tensor:
    """Reads [N, T, M] of keys, values and queries [N, T, M] and rates [N, T], step after step."""
    memory = keys.new_zeros(keys.shape[0], keys.shape[2], keys.shape[2])
    reads = []
    for k, v, q, beta in zip(*(x.unbind(1) for x in (keys, values, queries, rates))):
        error = torch.baddbmm(v.unsqueeze(2), memory, k.unsqueeze(2), beta=-1.0)
        memory = torch.baddbmm(memory, error * beta[:, None, None], k.unsqueeze(1), alpha=-1.0)
        reads.append(torch.bmm(memory, q.unsqueeze(2)).squeeze(2))
    return torch.stack(reads, dim=1)


def chunked(keys: Tensor, values: Tensor, queries: Tensor, rates: Tensor, chunk: int) -> Tensor:
    """The same in chunks of `chunk` steps, which divides T."""
    count, steps, width = keys.shape
    k, v, q = (x.view(count, steps // chunk, chunk, width) for x in (keys, values, queries))
    beta = rates.view(count, steps // chunk, chunk, 1)
    unit = torch.eye(chunk)
    scaled = beta * k
    inverse = torch.linalg.solve_triangular(
        unit + (scaled @ k.mT).tril(-1), unit.expand(count, steps // chunk, chunk, chunk), upper=False, unitriangular=True
    )
    changed, written = inverse @ scaled, inverse @ (beta * v)
    within = (q @ k.mT).tril()
    memory = keys.new_zeros(count, width, width)
    reads = []
    for n in range(steps // chunk):
        u = torch.baddbmm(written[:, n], changed[:, n], memory, alpha=-1.0)
        reads.append(torch.baddbmm(torch.bmm(q[:, n], memory), within[:, n], u))
        memory = torch.baddbmm(memory, k[:, n].mT, u)
    return torch.cat(reads, dim=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shape", default="8,4,1024,64", help="B,heads,T,width")
    parser.add_argument("--chunks", default="16,32,64,128", help="lengths of chunks to try")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", action="store_true", help="print one line of JSON for each form")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    batch, heads, steps, width = map(int, options.shape.split(","))
    generator = torch.Generator().manual_seed(0)
    draw = lambda *shape: torch.randn(*shape, generator=generator)
    rows = [draw(batch * heads, steps, width) for _ in range(3)]
    keys, queries = (torch.nn.functional.normalize(x, dim=2).requires_grad_() for x in (rows[0], rows[2]))
    values = rows[1].requires_grad_()
    rates = torch.sigmoid(draw(batch * heads, steps)).requires_grad_()
    inputs = (keys, values, queries, rates)
    cotangent = draw(batch * heads, steps, width)

    forms = {"loop": loop}
    for chunk in map(int, options.chunks.split(",")):
        forms[f"chunks of {chunk}"] = lambda *x, chunk=chunk: chunked(*x, chunk)

    def run(form):
        reads = form(*inputs)
        return reads.detach(), torch.autograd.grad(reads, inputs, cotangent)

    reference, gradients = run(loop)
    for name, form in forms.items():
        reads, found = run(form)
        pairs = [(reads, reference), *zip(found, gradients)]
        worst = max(float((a - b).abs().max() / b.abs().max()) for a, b in pairs)
        if not worst < 1e-3:
            raise SystemExit(f"{name} is off by {worst:.1e} of the largest number")
    # In turn, so that what else the machine does meets all alike.
    seconds = {name: [] for name in forms}
    for _ in range(options.rounds):
        for name, form in forms.items():
            started = time.perf_counter()
            run(form)
            seconds[name].append(time.perf_counter() - started)
    for name, taken in seconds.items():
        result = {"peer": f"torch {torch.__version__.split('+')[0]}", "form": name, "shape": options.shape, "threads": options.threads}
        result |= {"median_s": statistics.median(taken), "min_s": min(taken), "rss_mib": peak_memory_mib()}
        print(json.dumps(result) if options.json else f"{name:14} median {result['median_s'] * 1e3:7.1f} ms, least {result['min_s'] * 1e3:7.1f} ms")


if __name__ == "__main__":
    main()
