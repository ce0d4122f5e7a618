"""One whole training step of MNM in JAX: forward, backward, clip, Adam, on random data.

Written as one would who wants it fast: everything in one `jit`, `lax.scan` over time, batched products over all
samples, the input and output products of all steps as one product outside the scan, the arguments donated, the inner
gradient of MNM-g written out by hand. XLA's default vectors are 256 bits wide; 512 where the processor has them is a
third faster here, so that is set unless XLA_FLAGS says something else. Tried and slower or no faster: the memory's products as
a broadcast multiply and a sum, unrolling the scan, one thread, splitting the batch over XLA devices (--shards).
"""

import os

from measure import Shape, arguments, measure, peak_memory_mib


def has_avx512() -> bool:
    try:
        with open("/proc/cpuinfo") as info:
            return "avx512f" in info.read()
    except OSError:
        return False


def options_before_import():
    """XLA reads its number of threads and devices when it is imported."""
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--scan-unroll", type=int, default=1, help="steps a trip of lax.scan (default 1)")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--shards", type=int, default=1, help="split the batch over this many XLA CPU devices")
    options = parser.parse_args()
    if options.shards > 1 and options.device != "cpu":
        parser.error("--shards splits a batch over processor cores: it needs --device cpu")
    os.environ["JAX_PLATFORMS"] = options.device
    # Products of single precision, as everywhere else here: a GPU would take fewer bits by default.
    os.environ["JAX_DEFAULT_MATMUL_PRECISION"] = "float32"
    os.environ["NPROC"] = str(options.threads)
    flags = os.environ.get("XLA_FLAGS", "")
    if options.device == "cpu" and "prefer_vector_width" not in flags and has_avx512():
        flags += " --xla_cpu_prefer_vector_width=512"
    if options.shards > 1:
        flags += f" --xla_force_host_platform_device_count={options.shards}"
    os.environ["XLA_FLAGS"] = flags
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.threads])
    return options


OPTIONS = options_before_import() if __name__ == "__main__" else None

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
from jax.sharding import NamedSharding, PartitionSpec  # noqa: E402


def apply(weight, rows):
    """W a of every sample and row: [B, out, in], [B, N, in] -> [B, N, out]."""
    return jnp.einsum("boi,bni->bno", weight, rows)


def transposed(weight, rows):
    """W^T g of every sample and row: [B, out, in], [B, N, out] -> [B, N, in]."""
    return jnp.einsum("boi,bno->bni", weight, rows)


def outer(errors, rows):
    """Sum over heads of e a^T: [B, H, out], [B, H, in] -> [B, out, in]."""
    return jnp.einsum("bho,bhi->boi", errors, rows)


def make_loss(rule: str, shape: Shape, scan_unroll: int):
    heads, width, controller = shape.heads, shape.value, shape.controller

    def memory(weights, keys):
        activations = [keys]
        for weight in weights[:-1]:
            activations.append(jnp.tanh(apply(weight, activations[-1])))
        activations.append(apply(weights[-1], activations[-1]))
        return activations

    def local_errors(params, weights, activations, value):
        targets = value @ params["targets.weight"].T + params["targets.bias"]
        cuts = [shape.hidden, 2 * shape.hidden]
        return [(a - t) * (2.0 / a.shape[-1]) for a, t in zip(activations[1:], jnp.split(targets, cuts, axis=-1))]

    def gradient_errors(params, weights, activations, value):
        errors = [(activations[-1] - value) * (2.0 / width)]
        for weight, a in zip(weights[:0:-1], activations[-2:0:-1]):
            errors.append(transposed(weight, errors[-1]) * (1.0 - a * a))
        return errors[::-1]

    errors_of = {"mnm-p": local_errors, "mnm-g": gradient_errors}[rule]

    def cell(params, state, gates_x):
        hidden, context, read, weights = state
        gates = gates_x + jnp.concatenate((read, hidden), axis=1) @ params["controller.recurrent"].T
        input_gate, forget_gate, output_gate = jnp.split(jax.nn.sigmoid(gates[:, : 3 * controller]), 3, axis=1)
        context = forget_gate * context + input_gate * jnp.tanh(gates[:, 3 * controller :])
        hidden = output_gate * jnp.tanh(context)
        interaction = jnp.tanh(hidden @ params["interaction.weight"].T + params["interaction.bias"])
        rate = jax.nn.sigmoid(interaction[:, :width] @ params["rate.weight"].T + params["rate.bias"])
        triples = interaction[:, width:].reshape(-1, heads, 3, width)
        key, value = triples[:, :, 0], triples[:, :, 1]
        activations = memory(weights, key)
        scale = (rate / heads)[:, :, None]
        errors = errors_of(params, weights, activations, value)
        weights = tuple(w - outer(e * scale, a) for w, e, a in zip(weights, errors, activations))
        both = memory(weights, triples[:, :, 0::2].reshape(-1, 2 * heads, width))[-1].reshape(-1, heads, 2, width)
        meta = jnp.square(both[:, :, 0] - value).mean(axis=(1, 2))
        read = both[:, :, 1].mean(axis=1)
        return (hidden, context, read, weights), (hidden, read, meta)

    def loss(params, memory_0, inputs, labels):
        batch = inputs.shape[1]
        gates_x = inputs @ params["controller.input"].T + params["controller.bias"]
        zeros = jnp.zeros((batch, controller), inputs.dtype)
        weights = tuple(jnp.broadcast_to(w, (batch, *w.shape)) for w in memory_0)
        state = (zeros, zeros, jnp.zeros((batch, width), inputs.dtype), weights)
        step = lambda state, gates: cell(params, state, gates)  # noqa: E731
        _, (hidden, read, meta) = jax.lax.scan(step, state, gates_x, unroll=scan_unroll)
        logits = jnp.concatenate((hidden, read), axis=-1) @ params["output.weight"].T + params["output.bias"]
        chosen = jnp.take_along_axis(jax.nn.log_softmax(logits), labels[..., None], axis=-1)
        return meta.mean() - chosen.mean()

    return loss


def make_step(loss, clip: float, rate: float = 1e-3, decay=(0.9, 0.999), epsilon: float = 1e-8):
    def step(params, moments, count, memory_0, inputs, labels):
        value, gradients = jax.value_and_grad(loss)(params, memory_0, inputs, labels)
        norm = jnp.sqrt(sum(jnp.vdot(g, g) for g in gradients.values()))
        scale = jnp.minimum(1.0, clip / (norm + 1e-6))
        count = count + 1
        new_params, new_moments = {}, {}
        for name, gradient in gradients.items():
            gradient = gradient * scale
            first = decay[0] * moments[name][0] + (1 - decay[0]) * gradient
            second = decay[1] * moments[name][1] + (1 - decay[1]) * gradient * gradient
            corrected = second / (1 - decay[1] ** count)
            new_params[name] = params[name] - rate * (first / (1 - decay[0] ** count)) / (jnp.sqrt(corrected) + epsilon)
            new_moments[name] = (first, second)
        return new_params, new_moments, count, value

    return jax.jit(step, donate_argnums=(0, 1, 2))


def main(options) -> None:
    base_mib = peak_memory_mib()
    shape: Shape = options.shape
    keys = iter(jax.random.split(jax.random.key(options.seed), 32))

    def uniform(size, fan_in):
        return jax.random.uniform(next(keys), size, minval=-(fan_in**-0.5), maxval=fan_in**-0.5)

    params = {
        name: uniform(size, fan_in)
        for name, (size, fan_in) in shape.parameters().items()
        if options.rule == "mnm-p" or not name.startswith("targets")
    }
    memory_0 = [uniform(size, size[1]) for size in shape.layers]
    inputs = jax.random.normal(next(keys), (shape.steps, shape.batch, shape.input))
    labels = jax.random.randint(next(keys), (shape.steps, shape.batch), 0, shape.classes)
    moments = {name: (jnp.zeros_like(p), jnp.zeros_like(p)) for name, p in params.items()}
    count = jnp.zeros((), jnp.int32)
    if options.shards > 1:
        mesh = jax.make_mesh((options.shards,), ("batch",), axis_types=(jax.sharding.AxisType.Auto,))
        split, whole = (NamedSharding(mesh, spec) for spec in (PartitionSpec(None, "batch"), PartitionSpec()))
        inputs, labels = jax.device_put((inputs, labels), split)
        params, moments, count, memory_0 = jax.device_put((params, moments, count, memory_0), whole)
    step = make_step(make_loss(options.rule, shape, options.scan_unroll), options.clip)
    trained = [params, moments, count]

    def train_step() -> float:
        *trained[:], loss = step(*trained, memory_0, inputs, labels)
        jax.block_until_ready(trained)
        return float(loss)

    device = jax.devices()[0].device_kind
    detail = {"device": device, "scan_unroll": options.scan_unroll, "shards": options.shards}
    measure(f"jax {jax.__version__} jit", options, train_step, base_mib, **detail)


if __name__ == "__main__":
    main(OPTIONS)
