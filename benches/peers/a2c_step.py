"""Environment steps per second of the maze agent in PyTorch: playing, forward, backward, clip, Adam.

The agent, the environment and the settings of `crates/trainer/configs/maze9.toml`, written as one would who wants it
fast: all worlds step together as tensors (tables give the view and the next cell of every cell, so that a step of the maze
is a handful of gathers), a Python loop over time only, and one forward pass: the steps are played on the tape that the
gradient is taken from, where `mnm` plays first and runs the segment again. Logits of all steps are one product at its end.
"""

import argparse
import functools
import json
import statistics
import time

import torch
from torch import Tensor

from measure import Shape, peak_memory_mib
from torch_step import RULES, cell, uniform

MOVES = ((-1, 0), (1, 0), (0, -1), (0, 1))
SIGHT = 9
REWARD = 10.0


class Maze:
    """B grid mazes of n x n cells: walls around, pillars on every even-even cell but the centre, a hidden reward."""

    def __init__(self, size: int, batch: int, steps: int, generator: torch.Generator):
        self.batch, self.steps, self.generator = batch, steps, generator
        self.centre = size // 2 * size + size // 2
        wall = torch.ones(size + 2, size + 2)
        rows, columns = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
        edge = (rows % (size - 1) == 0) | (columns % (size - 1) == 0)
        pillar = (rows % 2 == 0) & (columns % 2 == 0) & (rows * size + columns != self.centre)
        wall[1:-1, 1:-1] = (edge | pillar).float()
        inner = wall[1:-1, 1:-1].flatten()
        self.free = (inner == 0).nonzero().flatten()
        self.place = torch.full((size * size,), -1).index_copy_(0, self.free, torch.arange(len(self.free)))
        # What is seen from every cell, [n^2, 9], and where every move leads, [n^2, 4].
        self.sight = torch.stack([wall[1 + r : 1 + r + size, 1 + c : 1 + c + size].flatten() for r in (-1, 0, 1) for c in (-1, 0, 1)], 1)
        cells = torch.arange(size * size)
        ahead = [(cells + r * size + c).clamp(0, size * size - 1) for r, c in MOVES]
        self.after = torch.stack([torch.where(inner[to] == 0, to, cells) for to in ahead], 1)
        self.reset()

    def not_the(self, cells: Tensor) -> Tensor:
        """A random free cell for every world, other than the given one."""
        drawn = torch.randint(len(self.free) - 1, (self.batch,), generator=self.generator)
        return self.free[drawn + (drawn >= self.place[cells])]

    def reset(self) -> None:
        self.step_number = 0
        self.agents = torch.full((self.batch,), self.centre)
        self.goals = self.not_the(self.agents)
        self.tail = torch.zeros(self.batch, len(MOVES) + 3)
        self.tail[:, -1] = 1.0

    def observe(self) -> Tensor:
        return torch.cat((self.sight[self.agents], self.tail), dim=1)

    def step(self, actions: Tensor) -> Tensor:
        """Moves every agent; returns the rewards [B]."""
        self.agents = self.after[self.agents, actions]
        found = self.agents == self.goals
        self.agents = torch.where(found, self.not_the(self.goals), self.agents)
        rewards = found.float() * REWARD
        self.step_number += 1
        tail = torch.zeros_like(self.tail)
        tail.scatter_(1, actions.unsqueeze(1), 1.0)
        tail[:, -3] = rewards
        tail[:, -2] = self.step_number / self.steps
        tail[:, -1] = 1.0
        self.tail = tail
        return rewards


def lstm_cell(params: dict[str, Tensor], gates_x: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """An LSTM's step; gates in the order i, f, o, g."""
    hidden, context = state
    size = hidden.shape[1]
    gates = torch.addmm(gates_x, hidden, params["controller.recurrent"].t())
    input_gate, forget_gate, output_gate = torch.sigmoid(gates[:, : 3 * size]).split(size, dim=1)
    context = torch.addcmul(forget_gate * context, input_gate, torch.tanh(gates[:, 3 * size :]))
    return output_gate * torch.tanh(context), context


class Agent:
    """MNM or an LSTM with the logits of the policy, and one output more for the value."""

    def __init__(self, kind: str, options: argparse.Namespace, inputs: int, actions: int, generator: torch.Generator):
        self.memory = kind != "lstm"
        if self.memory:
            shape = Shape(options.batch, options.segment, inputs, 64, 32, 32, 1, actions + 1)
            shapes = {n: s for n, s in shape.parameters().items() if kind == "mnm-p" or not n.startswith("targets")}
            self.memory_0 = [uniform(size, size[1], generator) for size in shape.layers]
        else:
            width = 92
            shapes = {
                "controller.input": ((4 * width, inputs), width),
                "controller.recurrent": ((4 * width, width), width),
                "controller.bias": ((4 * width,), width),
                "output.weight": ((actions + 1, width), width),
                "output.bias": ((actions + 1,), width),
            }
        self.params = {n: uniform(size, fan_in, generator).requires_grad_() for n, (size, fan_in) in shapes.items()}
        step = functools.partial(cell, self.params, RULES[kind], 1) if self.memory else functools.partial(lstm_cell, self.params)
        self.cell = torch.compile(step) if options.compile else step

    def initial_state(self, batch: int):
        width = self.params["controller.bias"].shape[0] // 4
        zeros = torch.zeros(batch, width)
        if not self.memory:
            return zeros, zeros
        weights = [weight.expand(batch, -1, -1).contiguous() for weight in self.memory_0]
        return zeros, zeros, torch.zeros(batch, self.memory_0[-1].shape[0]), weights

    def detached(self, state):
        if not self.memory:
            return tuple(part.detach() for part in state)
        return *(part.detach() for part in state[:3]), [weight.detach() for weight in state[3]]

    def step(self, seen: Tensor, state):
        """Features [h ; v] of one step, the next state, and how badly its write took, [B] (0 without a memory)."""
        gates_x = torch.nn.functional.linear(seen, self.params["controller.input"], self.params["controller.bias"])
        if not self.memory:
            state = self.cell(gates_x, state)
            return state[0], state, torch.zeros(len(seen))
        state, recalled, value = self.cell(gates_x, state)
        return torch.cat((state[0], state[2]), dim=1), state, (recalled - value).square().mean(dim=(1, 2))

    def outputs(self, features: Tensor) -> Tensor:
        return torch.nn.functional.linear(features, self.params["output.weight"], self.params["output.bias"])


def advantages(rewards: Tensor, values: Tensor, gamma: float, decay: float) -> Tensor:
    """Generalised advantages of rewards [T, B] under values [T + 1, B]."""
    deltas = rewards + gamma * values[1:] - values[:-1]
    ahead, found = torch.zeros_like(deltas[0]), []
    for delta in deltas.flip(0).unbind(0):
        ahead = delta + gamma * decay * ahead
        found.append(ahead)
    return torch.stack(found[::-1])


class Training:
    """One segment of every world after the other, an optimiser step on each."""

    def __init__(self, options: argparse.Namespace):
        generator = torch.Generator().manual_seed(options.seed)
        self.options, self.generator = options, generator
        self.maze = Maze(options.size, options.batch, options.episode, generator)
        self.agent = Agent(options.model, options, SIGHT + len(MOVES) + 3, len(MOVES), generator)
        self.optimizer = torch.optim.Adam(self.agent.params.values(), lr=2e-3, fused=True)
        self.state = self.agent.initial_state(options.batch)
        self.earned, self.episodes = torch.zeros(options.batch), []

    def step(self) -> None:
        agent, maze, options = self.agent, self.maze, self.options
        state, features, chosen, rewards, meta = self.state, [], [], [], []
        for _ in range(options.segment):
            feature, state, error = agent.step(maze.observe(), state)
            with torch.no_grad():
                policy = torch.softmax(agent.outputs(feature)[:, :-1], dim=1)
                actions = torch.multinomial(policy, 1, generator=self.generator).squeeze(1)
                rewards.append(maze.step(actions))
            features.append(feature)
            chosen.append(actions)
            meta.append(error)
        outputs = agent.outputs(torch.stack(features))
        log_policy, values = torch.log_softmax(outputs[:, :, :-1], dim=2), outputs[:, :, -1]
        with torch.no_grad():
            paid = torch.stack(rewards)
            self.earned += paid.sum(0)
            is_over = maze.step_number == maze.steps
            after = torch.zeros(options.batch) if is_over else agent.outputs(agent.step(maze.observe(), state)[0])[:, -1]
            better = advantages(0.1 * paid, torch.cat((values, after.unsqueeze(0))), 0.95, 0.95)
            returns = better + values
        policy_loss = -(log_policy.gather(2, torch.stack(chosen).unsqueeze(2)).squeeze(2) * better).mean()
        value_loss = 0.5 * (values - returns).square().mean()
        entropy = -(log_policy.exp() * log_policy).sum(2).mean()
        loss = policy_loss + 0.5 * value_loss - 0.01 * entropy
        if agent.memory:
            loss = loss + 0.1 * torch.stack(meta).mean()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(agent.params.values(), 1.0)
        self.optimizer.step()
        if is_over:
            self.episodes.append(self.earned.mean().item())
            self.earned.zero_()
            maze.reset()
            self.state = agent.initial_state(options.batch)
        else:
            self.state = agent.detached(state)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", choices=(*RULES, "lstm"), required=True)
    parser.add_argument("--steps", type=int, default=60, help="timed optimiser steps, after a whole episode untimed")
    parser.add_argument("--batch", type=int, default=32, help="worlds")
    parser.add_argument("--segment", type=int, default=20, help="environment steps of an optimiser step")
    parser.add_argument("--episode", type=int, default=200, help="environment steps of an episode: whole segments")
    parser.add_argument("--size", type=int, default=9, help="side of the maze")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--compile", action="store_true", help="compile the cell with torch.compile")
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    options = parser.parse_args()
    if options.episode % options.segment:
        parser.error(f"--episode {options.episode} is not a multiple of --segment {options.segment}")
    torch.set_num_threads(options.threads)
    training = Training(options)
    for _ in range(options.episode // options.segment):
        training.step()
    seconds = []
    for _ in range(options.steps):
        started = time.perf_counter()
        training.step()
        seconds.append(time.perf_counter() - started)
    played = options.batch * options.segment
    result = {
        "peer": f"torch {torch.__version__.split('+')[0]} {'compiled' if options.compile else 'eager'}",
        "model": options.model,
        "threads": options.threads,
        "environment_steps_per_second": played * len(seconds) / sum(seconds),
        "step_s": statistics.median(seconds),
        "rss_mib": peak_memory_mib(),
        "parameters": sum(p.numel() for p in training.agent.params.values()),
        "reward_first": training.episodes[0],
        "reward_last": training.episodes[-1],
    }
    if options.json:
        print(json.dumps(result))
    else:
        for name, value in result.items():
            print(f"{name:30} {value}")


if __name__ == "__main__":
    main()
