"""The oracle's self-test: each write against another way to compute it, gradients against differences, and both peers."""

import jax
import jax.numpy as jnp
import numpy
import torch
from torch import Tensor

import jax_step
import measure
import oracle
import torch_step

jax.config.update("jax_enable_x64", True)

SIZES = {"X": 5, "C": 6, "M": 4, "U": 7, "L": 3, "H": 1, "K": 3}


def doubled(rule: str, heads: int) -> dict[str, Tensor]:
    state = oracle.random_state(rule, SIZES | {"H": heads}, seed=3)
    return {name: tensor.double() for name, tensor in state.items()}


def hand_written_gradient_is_autograds(heads: int) -> None:
    generator = torch.Generator().manual_seed(1)
    draw = lambda *size: torch.randn(*size, generator=generator, dtype=torch.float64)  # noqa: E731
    weights = [draw(2, 7, 4), draw(2, 7, 7), draw(2, 4, 7)]
    keys, values = [draw(2, 4) for _ in range(heads)], [draw(2, 4) for _ in range(heads)]
    rate = torch.sigmoid(draw(2))
    by_hand = oracle.write_gradient_by_hand(weights, keys, values, rate)
    before = [weight.clone() for weight in weights]
    for mine, theirs, old in zip(by_hand, oracle.write_gradient(weights, keys, values, rate), before):
        assert (mine - old).abs().max() > 1e-3, "the write does nothing, so this proves nothing"
        torch.testing.assert_close(mine, theirs.detach(), rtol=1e-12, atol=1e-12)


def as_torch_step(state: dict[str, Tensor], heads: int) -> tuple[dict[str, Tensor], list[Tensor]]:
    """The parameters by torch_step's names: one bias, [read, hidden] joined, gates i, f, o, g instead of i, f, g, o."""
    reorder = lambda tensor: torch.cat([tensor.chunk(4)[gate] for gate in (0, 1, 3, 2)])  # noqa: E731
    inputs = reorder(state["controller.weight_ih"])
    params = {name: tensor for name, tensor in state.items() if not name.startswith(("controller", "memory"))}
    params["controller.input"] = inputs[:, : SIZES["X"]]
    params["controller.recurrent"] = torch.cat((inputs[:, SIZES["X"] :], reorder(state["controller.weight_hh"])), dim=1)
    params["controller.bias"] = reorder(state["controller.bias_ih"] + state["controller.bias_hh"])
    return params, [state[f"memory.{number}.weight"] for number in range(3)]


def torch_step_agrees(rule: str, heads: int) -> None:
    """Logits, meta losses, and the gradient of both to the inputs, which passes through every write."""
    state = doubled(rule, heads)
    inputs = torch.randn(6, 2, SIZES["X"], generator=torch.Generator().manual_seed(2), dtype=torch.float64, requires_grad=True)
    result = oracle.run(oracle.build(state), inputs)
    logits, meta = torch_step.unroll(*as_torch_step(state, heads), inputs, torch_step.RULES[rule], heads)
    torch.testing.assert_close(logits, result["logits"], rtol=1e-11, atol=1e-11)
    torch.testing.assert_close(meta.mean(dim=1), result["meta"], rtol=1e-11, atol=1e-11)
    theirs = torch.autograd.grad(logits.square().sum() + meta.mean(), inputs)[0]
    mine = torch.autograd.grad(result["logits"].square().sum() + result["meta"].mean(), inputs)[0]
    assert mine[0].abs().max() > 1e-4, "no gradient reaches the first step, so this proves nothing"
    torch.testing.assert_close(theirs, mine, rtol=1e-10, atol=1e-11)


def jax_step_agrees(rule: str, heads: int) -> None:
    """The training loss and its gradient to every parameter, against torch_step.py."""
    steps, batch = 6, 2
    generator = torch.Generator().manual_seed(5)
    inputs = torch.randn(steps, batch, SIZES["X"], generator=generator, dtype=torch.float64)
    labels = torch.randint(SIZES["K"], (steps, batch), generator=generator)
    params, memory_0 = as_torch_step(doubled(rule, heads), heads)
    params = {name: tensor.requires_grad_() for name, tensor in params.items()}
    logits, meta = torch_step.unroll(params, memory_0, inputs, torch_step.RULES[rule], heads)
    theirs = torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten()) + meta.mean()
    gradients = dict(zip(params, torch.autograd.grad(theirs, list(params.values()))))

    shape = measure.Shape(batch, steps, SIZES["X"], SIZES["C"], SIZES["M"], SIZES["U"], heads, SIZES["K"])
    as_jax = lambda tensor: jnp.asarray(tensor.detach().numpy())  # noqa: E731
    loss, mine = jax.value_and_grad(jax_step.make_loss(rule, shape, scan_unroll=1))(
        {name: as_jax(tensor) for name, tensor in params.items()}, [as_jax(w) for w in memory_0], as_jax(inputs), as_jax(labels)
    )
    torch.testing.assert_close(float(loss), theirs.item(), rtol=1e-12, atol=0.0)
    for name, gradient in gradients.items():
        assert gradient.abs().max() > 1e-6, f"{name} has no gradient, so this proves nothing"
        numpy.testing.assert_allclose(numpy.asarray(mine[name]), gradient.numpy(), rtol=1e-9, atol=1e-12, err_msg=name)


def outer_gradient_is_a_difference_quotient(rule: str, heads: int) -> None:
    """The gradient of the whole loss along a random direction in the inputs, second order included."""
    model = oracle.build(doubled(rule, heads))
    generator = torch.Generator().manual_seed(4)
    inputs = torch.randn(5, 2, SIZES["X"], generator=generator, dtype=torch.float64)
    direction = torch.randn(inputs.shape, generator=generator, dtype=torch.float64)

    def loss(x: Tensor) -> Tensor:
        result = oracle.run(model, x)
        return result["logits"].square().mean() + result["meta"].mean()

    x = inputs.clone().requires_grad_()
    slope = (torch.autograd.grad(loss(x), x)[0] * direction).sum().item()
    step = 1e-5
    quotient = (loss(inputs + step * direction) - loss(inputs - step * direction)).item() / (2 * step)
    assert abs(slope) > 1e-4
    assert abs(slope - quotient) <= 1e-7 * abs(slope) + 1e-10, f"{slope} and {quotient}"


def build_infers_sizes(rule: str, heads: int) -> None:
    model = oracle.build(doubled(rule, heads))
    assert (model.rule, model.heads, len(model.memory)) == (rule, heads, 3)


def run_all() -> None:
    for heads in (1, 3):
        hand_written_gradient_is_autograds(heads)
        for rule in ("mnm-p", "mnm-g"):
            build_infers_sizes(rule, heads)
            torch_step_agrees(rule, heads)
            jax_step_agrees(rule, heads)
            outer_gradient_is_a_difference_quotient(rule, heads)
    print("self-test passed: inner gradients, outer gradients, agreement with torch_step.py and jax_step.py; 1 and 3 heads")
