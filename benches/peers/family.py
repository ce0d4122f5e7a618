"""Every write rule in NumPy, from the equations of the family alone, to check `mnm apply` against.

One form for a sequence, step and layer, heads as rows:  S <- eta S + beta E^T A,  W <- (1 - phi) W - S.  A rule says what E is and
which layers it writes. Sizes follow from the names and shapes of a checkpoint, the rule and its options from the config in it.

    family.py --make-case DIR --rule titans --heads 3 --layers 2
    mnm apply DIR/checkpoint.safetensors --input DIR/in.safetensors --output DIR/out.safetensors
    family.py DIR/checkpoint.safetensors --input DIR/in.safetensors --compare DIR/out.safetensors
"""

import argparse
import json
import pathlib
import sys
import tomllib

import numpy as np
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

TOLERANCE = 1e-4
LAST_ONLY = ("delta", "gated-delta", "hebbian", "oja", "plastic", "rls")
# The gates of a rule unless its config says otherwise: forget, momentum.
AUTOMATIC = {"titans": (True, True), "gated-delta": (True, False), "hebbian": (True, False), "rls": (True, False)}
RULES = ("mnm-p", "mnm-g", "titans", "delta", "gated-delta", "hebbian", "oja", "plastic", "dfa", "rls")


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def activations(weights, key):
    """a^0 .. a^L of one key."""
    a = [key]
    for number, weight in enumerate(weights, start=1):
        product = weight @ a[-1]
        a.append(product if number == len(weights) else np.tanh(product))
    return a


def gates_of(model):
    """For forget and momentum: "gate", or the number that it is fixed at."""
    found = []
    for name, automatic in zip(("forget", "momentum"), AUTOMATIC.get(model["rule"], (False, False))):
        setting = model.get(name, "auto")
        if setting == "auto":
            setting = "gate" if automatic else "none"
        found.append(0.0 if setting == "none" else setting)
    return found


class Memory:
    """The weights of one sequence and what a rule keeps beside them."""

    def __init__(self, state, model, heads):
        self.rule, self.model, self.state, self.heads = model["rule"], model, state, heads
        self.weights = [weight.copy() for weight in memory_of(state)]
        self.momentum = [np.zeros_like(weight) for weight in self.weights]
        width = self.weights[-1].shape[1]
        self.trace = np.zeros_like(self.weights[-1])
        self.root = np.eye(width) / np.sqrt(model.get("ridge", 1.0))

    def slots(self, gates):
        if self.rule == "plastic":
            return {"memory.slot.trace": self.trace}
        if self.rule == "rls":
            return {"memory.slot.inverse": self.root @ self.root.T}
        # Momentum that is said to be 0 is carried all the same.
        if gates[1] != 0.0 or isinstance(self.model.get("momentum"), (int, float)):
            layers = range(len(self.weights))
            written = layers if self.rule not in LAST_ONLY else layers[-1:]
            return {f"memory.slot.momentum.{number}": self.momentum[number] for number in written}
        return {}

    def errors(self, keys, values, keep):
        """E and A of every layer written, [H, out] and [H, in]."""
        heads, layers = self.heads, len(self.weights)
        a = [np.stack(rows) for rows in zip(*(activations(self.weights, key) for key in keys))]
        v = np.stack(values)
        value = v.shape[1]
        factor = 2.0 / (heads * value)
        if self.rule == "mnm-p":
            t = v @ self.state["targets.weight"].T + self.state["targets.bias"]
            found, start = {}, 0
            for layer in range(layers):
                width = a[layer + 1].shape[1]
                found[layer] = 2.0 / (heads * width) * (a[layer + 1] - t[:, start : start + width]), a[layer]
                start += width
            return found
        if self.rule in ("delta", "gated-delta"):
            kept = keep if self.rule == "gated-delta" else 1.0
            return {layers - 1: ((kept * a[-1] - v) / heads, a[-2])}
        if self.rule in ("hebbian", "oja"):
            return {layers - 1: (-v / heads, a[-2])}
        e = a[-1] - v
        if self.model.get("inner_loss", "l2") == "huber":
            e = np.clip(e, -self.model["huber"], self.model["huber"])
        error = factor * e
        found = {layers - 1: (error, a[-2])}
        for layer in reversed(range(layers - 1)):
            slope = 1.0 - a[layer + 1] ** 2
            if self.rule == "dfa":
                error = found[layers - 1][0] @ self.state[f"feedback.{layer}.weight"].T * slope
            else:
                error = error @ self.weights[layer + 1] * slope
            found[layer] = error, a[layer]
        return found

    def write(self, keys, values, rate, forget, momentum):
        last = len(self.weights) - 1
        if self.rule == "plastic":
            gained = sum(np.outer(v, activations(self.weights, k)[-2]) for k, v in zip(keys, values)) / self.heads
            self.trace = (1.0 - rate) * self.trace + rate * gained
            self.weights[last] = memory_of(self.state)[last] + self.trace * self.state["plasticity.weight"]
            return
        if self.rule == "rls":
            fades = 1.0 - forget
            for key, v in zip(keys, values):
                a = activations(self.weights, key)[-2]
                # P = R R^T by its root (Carlson 1973): P itself loses digits, also in double precision, where it has grown.
                told = a @ self.root
                size = fades + rate * (told @ told)
                gain = rate * (self.root @ told) / size
                self.weights[last] = self.weights[last] + np.outer(v - self.weights[last] @ a, gain)
                # I - c t t^T squared is I - (rate / size) t t^T.
                square = told @ told
                share = (1.0 - np.sqrt(fades / size)) / square if square > 0 else 0.0
                self.root = (self.root - share * np.outer(self.root @ told, told)) / np.sqrt(fades)
            return
        # Inner steps descend from W alone; forgetting and momentum belong to the write, which takes them all together.
        before, keep = [w.copy() for w in self.weights], 1.0 - forget
        total = [np.zeros_like(w) for w in self.weights]
        for step in range(self.model.get("inner_steps", 1)):
            written = self.errors(keys, values, keep)
            for layer, (error, inputs) in written.items():
                product = rate * error.T @ inputs
                total[layer] = total[layer] + product
                self.weights[layer] = self.weights[layer] - product
        for layer in written:
            kept = keep
            if self.rule == "oja":
                squares = np.square(np.stack(values)).sum(axis=0)
                kept = keep * (1.0 - rate / self.heads * squares)[:, None]
            self.momentum[layer] = momentum * self.momentum[layer] + total[layer]
            self.weights[layer] = kept * before[layer] - self.momentum[layer]


def memory_of(state):
    found = []
    while f"memory.{len(found)}.weight" in state:
        found.append(state[f"memory.{len(found)}.weight"])
    return found


def run(state, model, x):
    """Runs x [T, B, X] from a fresh state: everything that `mnm apply` writes."""
    memory = memory_of(state)
    m, c = memory[-1].shape[0], state["controller.weight_hh"].shape[1]
    heads = (state["interaction.weight"].shape[0] - m) // (3 * m)
    gates = gates_of(model)
    unit = model.get("unit_keys", "auto")
    unit = model["rule"] == "titans" if unit == "auto" else unit
    look = (lambda key: key / (np.linalg.norm(key) + 1e-6)) if unit else (lambda key: key)
    steps, batch, _ = x.shape
    out = {name: np.zeros((steps, batch, width)) for name, width in (("logits", state["output.weight"].shape[0]), ("reads", m))}
    out |= {"rates": np.zeros((steps, batch)), "meta": np.zeros(steps)}
    kept = []
    for b in range(batch):
        h, cell, v = np.zeros(c), np.zeros(c), np.zeros(m)
        held = Memory(state, model, heads)
        for t in range(steps):
            sums = state["controller.weight_ih"] @ np.concatenate((x[t, b], v)) + state["controller.bias_ih"]
            sums = sums + state["controller.weight_hh"] @ h + state["controller.bias_hh"]
            i, f, g, o = np.split(sums, 4)
            cell = sigmoid(f) * cell + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(cell)
            z = np.tanh(state["interaction.weight"] @ h + state["interaction.bias"])
            features, parts = z[:m], z[m:].reshape(heads, 3, m)
            rate = sigmoid(state["rate.weight"] @ features + state["rate.bias"])[0]
            values, row = [], 0
            for gate in gates:
                if gate == "gate":
                    values.append(sigmoid(state["gates.weight"][row] @ features + state["gates.bias"][row]))
                    row += 1
                else:
                    values.append(gate)
            keys = [look(part[0]) for part in parts]
            held.write(keys, list(parts[:, 1]), rate, *values)
            reads = [activations(held.weights, look(part[2]))[-1] for part in parts]
            v = np.mean(reads, axis=0)
            misses = [activations(held.weights, key)[-1] - part[1] for key, part in zip(keys, parts)]
            out["meta"][t] += np.mean(np.square(misses)) / batch
            out["logits"][t, b] = state["output.weight"] @ np.concatenate((h, v)) + state["output.bias"]
            out["reads"][t, b], out["rates"][t, b] = v, rate
        kept.append({f"memory.{n}": w for n, w in enumerate(held.weights)} | held.slots(gates))
    return out | {name: np.stack([one[name] for one in kept]) for name in kept[0]}


def make_case(options):
    """A random checkpoint of odd sizes, and an input."""
    random = np.random.default_rng(options.seed)
    sizes = {"X": 7, "C": 13, "M": 11, "U": 17, "L": options.layers, "H": options.heads, "K": 5}
    x, c, m, u, layers, heads, k = (sizes[letter] for letter in "XCMULHK")
    widths = [m] + [u] * (layers - 1) + [m]
    model = {"kind": "mnm", "rule": options.rule, "controller": c, "value": m, "hidden": u, "layers": layers, "heads": heads}
    model |= {key: tomllib.loads(f"x = {value}")["x"] for key, value in (text.split("=", 1) for text in options.set)}
    shapes = {"controller.weight_ih": (4 * c, x + m), "controller.weight_hh": (4 * c, c), "controller.bias_ih": (4 * c,)}
    shapes |= {"controller.bias_hh": (4 * c,), "interaction.weight": (m + 3 * heads * m, c), "interaction.bias": (m + 3 * heads * m,)}
    shapes |= {"rate.weight": (1, m), "rate.bias": (1,), "output.weight": (k, c + m), "output.bias": (k,)}
    learned = gates_of(model).count("gate")
    if learned:
        shapes |= {"gates.weight": (learned, m), "gates.bias": (learned,)}
    if options.rule == "mnm-p":
        shapes |= {"targets.weight": (sum(widths[1:]), m), "targets.bias": (sum(widths[1:]),)}
    if options.rule == "plastic":
        shapes["plasticity.weight"] = (m, widths[-2])
    for number, (columns, rows) in enumerate(zip(widths, widths[1:])):
        shapes[f"memory.{number}.weight"] = (rows, columns)
        if options.rule == "dfa" and number + 1 < layers:
            shapes[f"feedback.{number}.weight"] = (rows, m)
    state = {name: random.uniform(-1, 1, shape).astype(np.float32) for name, shape in shapes.items()}
    # Larger than usual, so that every part of a write shows.
    state = {name: array * (3.0 / max(array.shape[-1], 4) ** 0.5) for name, array in state.items()}
    state = {name: array.astype(np.float32) for name, array in state.items()}
    lines = [f"{key} = {json.dumps(value)}" for key, value in model.items()]
    config = "\n".join(['data.task = "double-copy"', "[model]", *lines])
    options.make_case.mkdir(parents=True, exist_ok=True)
    save_file(state, options.make_case / "checkpoint.safetensors", metadata={"config": config})
    inputs = random.standard_normal((9, 3, x)).astype(np.float32)
    save_file({"x": inputs}, options.make_case / "in.safetensors")


def compare(ours, theirs):
    agreed = True
    for name in sorted(ours.keys() | theirs.keys()):
        if name not in ours or name not in theirs:
            agreed = False
            print(f"{name:24} only in {'this program' if name in ours else 'the file compared'}")
            continue
        if ours[name].shape != theirs[name].shape:
            agreed = False
            print(f"{name:24} shape {theirs[name].shape}, expected {ours[name].shape}")
            continue
        # What is left of large numbers that cancel is off by what they are rounded by: an inverse grows as it forgets.
        scale = max(1.0, np.abs(ours[name]).max()) if name.startswith("memory.slot.") else 1.0
        difference = np.abs(ours[name] - theirs[name]).max() / scale
        close = bool(difference <= TOLERANCE)
        agreed &= close
        print(f"{name:24} {difference:.3e}  largest {np.abs(ours[name]).max():.3e}  {'ok' if close else 'DIFFERS'}")
    return agreed


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint", nargs="?", type=pathlib.Path)
    parser.add_argument("--input", type=pathlib.Path, help="safetensors with x [T, B, X]")
    parser.add_argument("--compare", type=pathlib.Path, help="what `mnm apply` wrote")
    parser.add_argument("--make-case", type=pathlib.Path, metavar="DIR", help="write DIR/checkpoint.safetensors and DIR/in.safetensors")
    parser.add_argument("--rule", choices=RULES, default="mnm-p", help="of --make-case")
    parser.add_argument("--heads", type=int, default=1, help="of --make-case")
    parser.add_argument("--layers", type=int, default=3, help="of --make-case")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="of --make-case: a key of [model], as forget=0.1")
    parser.add_argument("--seed", type=int, default=0, help="of --make-case")
    options = parser.parse_args()
    if options.make_case:
        make_case(options)
        return 0
    if not (options.checkpoint and options.input and options.compare):
        parser.error("needs a checkpoint, --input and --compare (or --make-case)")
    with safe_open(options.checkpoint, framework="numpy") as file:
        model = tomllib.loads(file.metadata()["config"])["model"]
    state = {name: array.astype(np.float64) for name, array in load_file(options.checkpoint).items()}
    found = run(state, model, load_file(options.input)["x"].astype(np.float64))
    return 0 if compare(found, load_file(options.compare)) else 1


if __name__ == "__main__":
    sys.exit(main())
