"""PyTorch's derivatives where a function has none: kinks, ties, bounds and zeros.

    .venv/bin/python kinks.py > ../../crates/tensor/tests/functions/kinks.json

A test of mnm-tensor holds its own derivatives to that file. For a function f of the operands x, and for its square, the file has
the gradient of `sum w f(x)` and the gradient of `sum w` times that, w being 1, 2, 3 .. over the elements. The figures are nested as the
operands are; what JSON has no number for is a string. A gradient that PyTorch says is not there is zero.
"""

import json
import math

import torch
from torch import Tensor

NAN = math.nan


def clamp(low: float, high: float):
    return lambda x: x.clamp(low, high)


def power(exponent: float):
    return lambda x: x.pow(exponent)


# Name: the function and its operands. Those of one row are vectors.
CASES = {
    "relu": (torch.relu, [[-1.0, -0.0, 0.0, 2.0, NAN]]),
    "abs": (torch.abs, [[-2.0, -0.0, 0.0, 2.0, NAN]]),
    "clamp to -1, 1": (clamp(-1.0, 1.0), [[-2.0, -1.0, 0.0, 1.0, 2.0, NAN]]),
    "clamp to 1, 1": (clamp(1.0, 1.0), [[0.0, 1.0, 2.0]]),
    "sqrt": (torch.sqrt, [[0.0, 4.0]]),
    "ln": (torch.log, [[0.0, 4.0]]),
    "powf 0": (power(0.0), [[-2.0, 0.0, 2.0]]),
    "powf 0.5": (power(0.5), [[0.0, 4.0]]),
    "powf 1": (power(1.0), [[-2.0, 0.0, 2.0]]),
    "powf 1.5": (power(1.5), [[0.0, 4.0]]),
    "powf 2": (power(2.0), [[-2.0, 0.0, 2.0]]),
    "powf 3": (power(3.0), [[-2.0, 0.0, 2.0]]),
    "powf -1": (power(-1.0), [[-2.0, 0.0, 2.0]]),
    "maximum": (torch.maximum, [[1.0, 2.0, 3.0, NAN, 1.0], [1.0, 5.0, 0.0, 1.0, NAN]]),
    "minimum": (torch.minimum, [[1.0, 2.0, 3.0, NAN, 1.0], [1.0, 5.0, 0.0, 1.0, NAN]]),
    "maximum with itself": (lambda x: torch.maximum(x, x), [[1.0, 2.0]]),
    "maximum, broadcast": (torch.maximum, [[[1.0, 2.0], [2.0, 3.0]], [2.0, 2.0]]),
    "max": (lambda x: x.amax(1), [[[1.0, 3.0, 3.0, 2.0], [4.0, 4.0, 4.0, 4.0], [5.0, 1.0, 0.0, 2.0]]]),
    "min": (lambda x: x.amin(1), [[[3.0, 1.0, 1.0, 2.0], [4.0, 4.0, 4.0, 4.0], [5.0, 1.0, 0.0, 2.0]]]),
    "max, NaN": (lambda x: x.amax(0), [[1.0, NAN, 2.0]]),
    "sort": (lambda x: x.sort(stable=True).values, [[[2.0, 1.0, 2.0, 1.0], [3.0, 3.0, 3.0, 3.0]]]),
    "topk 1": (lambda x: x.topk(1).values, [[[1.0, 3.0, 3.0, 2.0], [2.0, 2.0, 2.0, 2.0]]]),
    "topk 2": (lambda x: x.topk(2).values, [[[1.0, 3.0, 3.0, 2.0], [2.0, 1.0, 2.0, 2.0]]]),
    "norm": (lambda x: torch.linalg.vector_norm(x, dim=1), [[[0.0, 0.0], [3.0, 4.0], [0.0, 2.0]]]),
    "norm of one": (lambda x: torch.linalg.vector_norm(x, dim=1), [[[0.0], [-2.0]]]),
    # What a slope without bound meets where it must not pass.
    "sqrt of relu": (lambda x: torch.relu(x).sqrt(), [[-1.0, 0.0, 4.0]]),
    "sqrt of abs": (lambda x: x.abs().sqrt(), [[0.0, 4.0]]),
    "sqrt of clamp to 0, 4": (lambda x: x.clamp(0.0, 4.0).sqrt(), [[-1.0, 0.0, 4.0, 5.0]]),
    "sqrt of maximum with 0": (lambda x: torch.maximum(x, torch.zeros_like(x)).sqrt(), [[-1.0, 0.0, 4.0]]),
    "sqrt of max": (lambda x: x.amax(0).sqrt(), [[-1.0, 0.0, 0.0]]),
    "sqrt of powf 0, less 1": (lambda x: (x.pow(0.0) - 1.0).sqrt(), [[0.0, 2.0]]),
    "sqrt of norm": (lambda x: torch.linalg.vector_norm(x, dim=0).sqrt(), [[0.0, 0.0]]),
    # max of an axis with the index of the largest, which shares nothing.
    "torch.max": (lambda x: x.max(1).values, [[[1.0, 3.0, 3.0, 2.0], [4.0, 4.0, 4.0, 4.0]]]),
}


def weights(like: Tensor) -> Tensor:
    return torch.arange(1.0, like.numel() + 1.0, dtype=torch.float64).reshape(like.shape)


def pull(outputs: list[Tensor], operands: list[Tensor]) -> list[Tensor]:
    """The gradient of the weighted sum of the outputs, on the graph."""
    total = sum((weights(output) * output).sum() for output in outputs)
    if not total.requires_grad:
        return [torch.zeros_like(x) for x in operands]
    found = torch.autograd.grad(total, operands, create_graph=True, allow_unused=True)
    return [torch.zeros_like(x) if g is None else g for g, x in zip(found, operands)]


def plain(x):
    """Nested lists in which what is not a finite number is a string."""
    if isinstance(x, Tensor):
        # PyTorch keeps some gradients of zero without storage: added to zeros they have one.
        return plain((x.detach() + torch.zeros(x.shape, dtype=x.dtype)).tolist())
    if isinstance(x, list):
        return [plain(element) for element in x]
    return x if math.isfinite(x) else str(x)


def case(function, operands: list) -> dict:
    operands = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in operands]
    result = {"at": [plain(x) for x in operands], "value": plain(function(*operands))}
    for name, f in (("", function), (" of the square", lambda *x: function(*x) * function(*x))):
        first = pull([f(*operands)], operands)
        result[f"first{name}"] = [plain(g) for g in first]
        result[f"second{name}"] = [plain(g) for g in pull(first, operands)]
    return result


def main() -> None:
    print('{\n"torch": ' + json.dumps(torch.__version__.split("+")[0]) + ',\n"cases": {')
    lines = [f"{json.dumps(name)}: {json.dumps(case(*given), allow_nan=False)}" for name, given in CASES.items()]
    print(",\n".join(lines) + "\n}\n}")


if __name__ == "__main__":
    main()
