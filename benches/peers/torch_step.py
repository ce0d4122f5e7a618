"""One whole training step of MNM in PyTorch: forward, backward, clip, Adam, on random data.

Written as one would who wants it fast: batched products over all samples, a Python loop over time only, the input
product of all steps as one product before the loop and the output product as one after it, the gates' sigmoids
in one call, the write as one `baddbmm` a layer, write and read keys pushed through the written memory together, fused Adam.
The inner gradient of MNM-g is written out by hand: with `torch.autograd.grad(create_graph=True)` instead, the step took about
twice the processor time and 1.5 to 1.8 times the peak memory.
"""

import functools

import torch
from torch import Tensor

from measure import Shape, arguments, measure, peak_memory_mib

State = tuple[Tensor, Tensor, Tensor, list[Tensor]]


def memory(weights: list[Tensor], keys: Tensor) -> list[Tensor]:
    """Activations a^0 .. a^L of keys [B, N, M] under the weights [B, out, in] of every sample."""
    activations = [keys]
    for weight in weights[:-1]:
        activations.append(torch.tanh(torch.bmm(activations[-1], weight.mT)))
    activations.append(torch.bmm(activations[-1], weights[-1].mT))
    return activations


def local_errors(params: dict[str, Tensor], weights: list[Tensor], activations: list[Tensor], value: Tensor) -> list[Tensor]:
    """MNM-p: (2 / dim a^l) (a^l - t^l) of every layer, t predicted from the write value."""
    targets = torch.nn.functional.linear(value, params["targets.weight"], params["targets.bias"])
    widths = [a.shape[-1] for a in activations[1:]]
    return [(a - t) * (2.0 / a.shape[-1]) for a, t in zip(activations[1:], targets.split(widths, dim=-1))]


def gradient_errors(params: dict[str, Tensor], weights: list[Tensor], activations: list[Tensor], value: Tensor) -> list[Tensor]:
    """MNM-g: dL_up / d(W^l a^{l-1}) of every layer (times H), by hand, itself differentiable."""
    errors = [(activations[-1] - value) * (2.0 / value.shape[-1])]
    for weight, a in zip(weights[:0:-1], activations[-2:0:-1]):
        errors.append(torch.bmm(errors[-1], weight) * (1.0 - a * a))
    return errors[::-1]


def cell(params: dict[str, Tensor], rule, heads: int, gates_x: Tensor, state: State):
    """One step. Returns the next state, the write's output f(k^w) and the write value v^w, both [B, H, M]."""
    hidden, context, read, weights = state
    batch, width, size = hidden.shape[0], read.shape[1], hidden.shape[1]
    gates = torch.addmm(gates_x, torch.cat((read, hidden), dim=1), params["controller.recurrent"].t())
    sigmoids = torch.sigmoid(gates[:, : 3 * size])
    input_gate, forget_gate, output_gate = sigmoids.split(size, dim=1)
    context = torch.addcmul(forget_gate * context, input_gate, torch.tanh(gates[:, 3 * size :]))
    hidden = output_gate * torch.tanh(context)

    interaction = torch.tanh(torch.addmm(params["interaction.bias"], hidden, params["interaction.weight"].t()))
    rate = torch.sigmoid(torch.addmm(params["rate.bias"], interaction[:, :width], params["rate.weight"].t()))
    triples = interaction[:, width:].view(batch, heads, 3, width)
    key, value = triples[:, :, 0], triples[:, :, 1]

    activations = memory(weights, key)
    errors = rule(params, weights, activations, value)
    scale = (rate / heads).unsqueeze(1)
    weights = [
        torch.baddbmm(weight, (error * scale).mT, a, alpha=-1.0)
        for weight, error, a in zip(weights, errors, activations)
    ]
    # Both keys in one pass: [B, 2H, M], heads in the order k^w, k^r, k^w, ...
    both = memory(weights, triples[:, :, 0::2].reshape(batch, 2 * heads, width))[-1].view(batch, heads, 2, width)
    read = both[:, 0, 1] if heads == 1 else both[:, :, 1].mean(dim=1)
    return (hidden, context, read, weights), both[:, :, 0], value


def unroll(params, memory_0: list[Tensor], inputs: Tensor, rule, heads: int, step=None):
    """Runs inputs [T, B, X]. Returns logits [T, B, K] and meta losses [T, B]."""
    steps, batch, _ = inputs.shape
    controller = params["controller.bias"].shape[0] // 4
    step = step or functools.partial(cell, params, rule, heads)
    gates_x = torch.nn.functional.linear(inputs, params["controller.input"], params["controller.bias"])
    state = (
        inputs.new_zeros(batch, controller),
        inputs.new_zeros(batch, controller),
        inputs.new_zeros(batch, memory_0[-1].shape[0]),
        [weight.expand(batch, -1, -1).contiguous() for weight in memory_0],
    )
    features, recalled, values = [], [], []
    for gates_t in gates_x.unbind(0):
        state, write_output, value = step(gates_t, state)
        features.append(torch.cat((state[0], state[2]), dim=1))
        recalled.append(write_output)
        values.append(value)
    logits = torch.nn.functional.linear(torch.stack(features), params["output.weight"], params["output.bias"])
    meta = (torch.stack(recalled) - torch.stack(values)).square().mean(dim=(2, 3))
    return logits, meta


RULES = {"mnm-p": local_errors, "mnm-g": gradient_errors}


def uniform(shape: tuple[int, ...], fan_in: int, generator: torch.Generator) -> Tensor:
    return torch.empty(shape).uniform_(-(fan_in**-0.5), fan_in**-0.5, generator=generator)


def recorded(work):
    """The work of a whole step, launched at once: what keeps a GPU waiting at these sizes is one launch after the other.

    The first steps run on a stream of their own before anything is recorded, as CUDA graphs ask for.
    """
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            work()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        loss = work()

    def replay() -> Tensor:
        graph.replay()
        return loss

    return replay


def main() -> None:
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--compile", action="store_true", help="compile the cell with torch.compile")
    parser.add_argument("--graph", action="store_true", help="on a GPU: record the whole step once as a CUDA graph, and replay it")
    options = parser.parse_args()
    base_mib = peak_memory_mib()
    shape: Shape = options.shape
    torch.set_num_threads(options.threads)
    cuda = options.device.startswith("cuda")
    if options.graph and not cuda:
        parser.error("--graph needs --device cuda")

    generator = torch.Generator().manual_seed(options.seed)
    params = {
        name: uniform(size, fan_in, generator).to(options.device).requires_grad_()
        for name, (size, fan_in) in shape.parameters().items()
        if options.rule == "mnm-p" or not name.startswith("targets")
    }
    memory_0 = [uniform(size, size[1], generator).to(options.device) for size in shape.layers]
    inputs = torch.randn(shape.steps, shape.batch, shape.input, generator=generator).to(options.device)
    labels = torch.randint(shape.classes, (shape.steps * shape.batch,), generator=generator).to(options.device)
    optimizer = torch.optim.Adam(params.values(), lr=1e-3, fused=True, capturable=options.graph)
    rule = RULES[options.rule]
    step = functools.partial(cell, params, rule, shape.heads)
    if options.compile:
        step = torch.compile(step)

    def work() -> Tensor:
        logits, meta = unroll(params, memory_0, inputs, rule, shape.heads, step)
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels) + meta.mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(params.values(), options.clip)
        optimizer.step()
        return loss.detach()

    if options.graph:
        work = recorded(work)

    def train_step() -> float:
        loss = work()
        if cuda:
            torch.cuda.synchronize()
        return loss.item()

    how = "compiled" if options.compile else "eager"
    peer = f"torch {torch.__version__.split('+')[0]} {how}{' in a CUDA graph' if options.graph else ''}"
    extra = {}
    if cuda:
        extra = {"device": torch.cuda.get_device_name(), "device_mib": lambda: torch.cuda.max_memory_allocated() / 2**20}
    measure(peer, options, train_step, base_mib, **extra)


if __name__ == "__main__":
    main()
