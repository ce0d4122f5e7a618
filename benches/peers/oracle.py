"""An independent MNM in PyTorch that reads our checkpoints, to check `mnm apply` against.

Written for plainness: `nn.LSTMCell` and `nn.Linear` are themselves, a head is a loop, and MNM-g's write asks autograd for
dL_up/dW^l. Computed in float64, so that what differs from ours is our rounding.
"""

import argparse
import pathlib
import sys
from typing import NamedTuple

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

TOLERANCE = 1e-4


class Model(NamedTuple):
    rule: str
    heads: int
    controller: nn.LSTMCell
    interaction: nn.Linear
    rate: nn.Linear
    targets: nn.Linear | None
    output: nn.Linear
    memory: list[Tensor]  # W_0^1 .. W_0^L, [out, in] each


def linear(state: dict[str, Tensor], name: str) -> nn.Linear:
    outputs, inputs = state[f"{name}.weight"].shape
    layer = nn.Linear(inputs, outputs, dtype=torch.float64)
    layer.load_state_dict({"weight": state[f"{name}.weight"], "bias": state[f"{name}.bias"]})
    return layer


def build(state: dict[str, Tensor]) -> Model:
    """A model from a state dict; rule, heads and all sizes follow from the names and shapes in it."""
    memory = []
    while f"memory.{len(memory)}.weight" in state:
        memory.append(state[f"memory.{len(memory)}.weight"].double())
    width = memory[-1].shape[0]
    heads, rest = divmod(state["interaction.weight"].shape[0] - width, 3 * width)
    if rest or heads < 1:
        raise SystemExit(f"interaction.weight: {state['interaction.weight'].shape[0]} rows are not M + 3HM with M = {width}")
    rows, inputs = state["controller.weight_ih"].shape
    controller = nn.LSTMCell(inputs, rows // 4, dtype=torch.float64)
    controller.load_state_dict({name: state[f"controller.{name}"] for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")})
    local = "targets.weight" in state
    return Model(
        rule="mnm-p" if local else "mnm-g",
        heads=heads,
        controller=controller,
        interaction=linear(state, "interaction"),
        rate=linear(state, "rate"),
        targets=linear(state, "targets") if local else None,
        output=linear(state, "output"),
        memory=memory,
    )


def activations(weights: list[Tensor], key: Tensor) -> list[Tensor]:
    """a^0 .. a^L of one key a sample, [B, M], under weights [B, out, in]."""
    result = [key]
    for number, weight in enumerate(weights, start=1):
        product = torch.einsum("boi,bi->bo", weight, result[-1])
        result.append(product if number == len(weights) else torch.tanh(product))
    return result


def write_loss(weights: list[Tensor], keys: list[Tensor], values: list[Tensor]) -> Tensor:
    """L_up of every sample, [B]: mean over heads and entries of (f(k^w) - v^w)^2."""
    squares = [(activations(weights, key)[-1] - value) ** 2 for key, value in zip(keys, values)]
    return torch.stack(squares).mean(dim=(0, 2))


def write_gradient(weights: list[Tensor], keys: list[Tensor], values: list[Tensor], rate: Tensor) -> list[Tensor]:
    """MNM-g: W^l - beta dL_up/dW^l. Samples share no weights, so the sum's gradient is every sample's own.

    The rule holds keys and values fixed, yet they do depend on these weights, through the read of the step before. So
    the derivative is taken to a copy that only L_up uses; the outer gradient still passes through the copy.
    """
    weights = [weight.clone() if weight.requires_grad else weight.clone().requires_grad_() for weight in weights]
    gradients = torch.autograd.grad(write_loss(weights, keys, values).sum(), weights, create_graph=True)
    return [weight - rate[:, None, None] * gradient for weight, gradient in zip(weights, gradients)]


def write_gradient_by_hand(weights: list[Tensor], keys: list[Tensor], values: list[Tensor], rate: Tensor) -> list[Tensor]:
    """The same write by the chain rule, for the self-test."""
    written = list(weights)
    for key, value in zip(keys, values):
        a = activations(weights, key)
        error = 2.0 * (a[-1] - value) / (len(keys) * value.shape[1])
        for layer in reversed(range(len(weights))):
            written[layer] = written[layer] - torch.einsum("b,bo,bi->boi", rate, error, a[layer])
            if layer > 0:
                error = torch.einsum("boi,bo->bi", weights[layer], error) * (1.0 - a[layer] ** 2)
    return written


def write_local(weights: list[Tensor], keys: list[Tensor], values: list[Tensor], rate: Tensor, targets: nn.Linear) -> list[Tensor]:
    """MNM-p: W^l - beta (2 / (H dim a^l)) sum over heads of (a^l - t^l) (a^{l-1})^T, [t^1 .. t^L] = W_t v^w + b_t."""
    written = list(weights)
    sizes = [weight.shape[1] for weight in weights]
    for key, value in zip(keys, values):
        a = activations(weights, key)
        for layer, target in enumerate(targets(value).split(sizes, dim=1)):
            error = (a[layer + 1] - target) * 2.0 / (len(keys) * sizes[layer])
            written[layer] = written[layer] - torch.einsum("b,bo,bi->boi", rate, error, a[layer])
    return written


def run(model: Model, inputs: Tensor) -> dict[str, Tensor]:
    """Runs inputs [T, B, X] from a fresh state; everything that `mnm apply` writes."""
    batch, width = inputs.shape[1], model.memory[-1].shape[0]
    hidden = context = inputs.new_zeros(batch, model.controller.hidden_size)
    read = inputs.new_zeros(batch, width)
    weights = [weight.repeat(batch, 1, 1) for weight in model.memory]
    logits, reads, rates, meta = [], [], [], []
    for x in inputs:
        hidden, context = model.controller(torch.cat((x, read), dim=1), (hidden, context))
        z = torch.tanh(model.interaction(hidden))
        rate_features, *triples = z.split(width, dim=1)
        rate = torch.sigmoid(model.rate(rate_features)).squeeze(1)
        write_keys, write_values, read_keys = triples[0::3], triples[1::3], triples[2::3]
        if model.rule == "mnm-g":
            weights = write_gradient(weights, write_keys, write_values, rate)
        else:
            weights = write_local(weights, write_keys, write_values, rate, model.targets)
        read = torch.stack([activations(weights, key)[-1] for key in read_keys]).mean(dim=0)
        meta.append(write_loss(weights, write_keys, write_values).mean())
        logits.append(model.output(torch.cat((hidden, read), dim=1)))
        reads.append(read)
        rates.append(rate)
    result = {"logits": logits, "reads": reads, "rates": rates, "meta": meta}
    result = {name: torch.stack(steps) for name, steps in result.items()}
    return result | {f"memory.{number}": weight for number, weight in enumerate(weights)}


def random_state(rule: str, sizes: dict[str, int], seed: int) -> dict[str, Tensor]:
    """A random checkpoint of sizes X, C, M, U, L, H, K, uniform in +-1/sqrt(fan-in)."""
    generator = torch.Generator().manual_seed(seed)
    x, c, m, u, layers, heads, k = (sizes[letter] for letter in "XCMULHK")
    widths = [m] + [u] * (layers - 1) + [m]
    shapes = {
        "controller.weight_ih": (4 * c, x + m, c),
        "controller.weight_hh": (4 * c, c, c),
        "controller.bias_ih": (4 * c, None, c),
        "controller.bias_hh": (4 * c, None, c),
    }
    layers_of = {"interaction": (m + 3 * heads * m, c), "rate": (1, m), "output": (k, c + m)}
    if rule == "mnm-p":
        layers_of["targets"] = (sum(widths[1:]), m)
    for name, (rows, columns) in layers_of.items():
        shapes[f"{name}.weight"] = (rows, columns, columns)
        shapes[f"{name}.bias"] = (rows, None, columns)
    for number, (columns, rows) in enumerate(zip(widths, widths[1:])):
        shapes[f"memory.{number}.weight"] = (rows, columns, columns)
    state = {}
    for name, (rows, columns, fan_in) in shapes.items():
        size = (rows,) if columns is None else (rows, columns)
        state[name] = torch.empty(size).uniform_(-(fan_in**-0.5), fan_in**-0.5, generator=generator)
    return state


def config(rule: str, sizes: dict[str, int]) -> str:
    """The part of a config that `mnm apply` needs to know such a checkpoint: kind, rule and sizes."""
    keys = {"controller": "C", "value": "M", "hidden": "U", "layers": "L", "heads": "H"}
    lines = [f"{key} = {sizes[letter]}" for key, letter in keys.items()]
    return "\n".join(['data.task = "double-copy"', "[model]", 'kind = "mnm"', f'rule = "{rule}"', *lines])


def compare(ours: dict[str, Tensor], theirs: dict[str, Tensor], tolerance: float) -> bool:
    """Prints the largest absolute difference of every tensor; true if none is missing, misshapen or beyond `tolerance`."""
    agreed = True
    for name in sorted(ours.keys() | theirs.keys()):
        if name not in ours or name not in theirs:
            agreed = False
            print(f"{name:10} only in {'the oracle' if name in ours else 'the file compared'}")
        elif ours[name].shape != theirs[name].shape:
            agreed = False
            print(f"{name:10} shape {list(theirs[name].shape)}, expected {list(ours[name].shape)}")
        else:
            # Written so that NaN fails.
            difference = (ours[name].double() - theirs[name].double()).abs().max().item()
            close = difference <= tolerance
            agreed &= close
            print(f"{name:10} {difference:.3e}  largest {ours[name].abs().max().item():.3e}  {'ok' if close else 'DIFFERS'}")
    return agreed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint", nargs="?", type=pathlib.Path)
    parser.add_argument("--input", type=pathlib.Path, help="safetensors with x [T, B, X]")
    parser.add_argument("--output", type=pathlib.Path, help="write logits, reads, rates, meta and memory.N here")
    parser.add_argument("--compare", type=pathlib.Path, help="what `mnm apply` wrote")
    parser.add_argument("--tolerance", type=float, default=TOLERANCE, help=f"largest difference allowed (default {TOLERANCE})")
    parser.add_argument("--self-test", action="store_true", help="check the oracle against itself and both peers")
    parser.add_argument("--make-case", type=pathlib.Path, metavar="DIR", help="write DIR/checkpoint.safetensors and DIR/in.safetensors")
    parser.add_argument("--rule", choices=("mnm-p", "mnm-g"), default="mnm-p", help="of --make-case")
    parser.add_argument("--heads", type=int, default=1, help="of --make-case")
    parser.add_argument("--layers", type=int, default=3, help="of --make-case")
    parser.add_argument("--seed", type=int, default=0, help="of --make-case")
    options = parser.parse_args()
    if options.self_test:
        import oracle_test

        oracle_test.run_all()
        return 0
    if options.make_case:
        sizes = {"X": 7, "C": 13, "M": 11, "U": 17, "L": options.layers, "H": options.heads, "K": 5}
        options.make_case.mkdir(parents=True, exist_ok=True)
        state = random_state(options.rule, sizes, options.seed)
        save_file(state, options.make_case / "checkpoint.safetensors", metadata={"config": config(options.rule, sizes)})
        x = torch.randn(9, 3, sizes["X"], generator=torch.Generator().manual_seed(options.seed))
        save_file({"x": x}, options.make_case / "in.safetensors")
        return 0
    if not (options.checkpoint and options.input):
        parser.error("needs a checkpoint and --input (or --self-test, or --make-case)")
    model = build(load_file(options.checkpoint))
    inputs = load_file(options.input)["x"]
    results = {name: tensor.detach() for name, tensor in run(model, inputs.double()).items()}
    if options.output:
        save_file({name: tensor.float().contiguous() for name, tensor in results.items()}, options.output)
    if options.compare and not compare(results, load_file(options.compare), options.tolerance):
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
