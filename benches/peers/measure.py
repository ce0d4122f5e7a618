"""What both peers share: the command line, the clock and the one line of JSON that they print."""

import argparse
import json
import resource
import statistics
import time
from typing import Callable, NamedTuple

RULES = ("mnm-p", "mnm-g")


class Shape(NamedTuple):
    """B,T,X,C,M,U,H,K: the sizes of one training step, in the letters of the paper."""

    batch: int
    steps: int
    input: int
    controller: int
    value: int
    hidden: int
    heads: int
    classes: int

    @classmethod
    def parse(cls, text: str) -> "Shape":
        try:
            sizes = [int(part) for part in text.split(",")]
        except ValueError:
            sizes = []
        if len(sizes) != len(cls._fields) or min(sizes) < 1:
            raise argparse.ArgumentTypeError(f"{text!r}: expected eight positive integers B,T,X,C,M,U,H,K")
        return cls(*sizes)

    @property
    def layers(self) -> list[tuple[int, int]]:
        """(out, in) of the three memory layers."""
        return [(self.hidden, self.value), (self.hidden, self.hidden), (self.value, self.hidden)]

    def parameters(self) -> dict[str, tuple[tuple[int, ...], int]]:
        """Shape and fan-in of every trainable parameter; gates in the order i, f, o, g, so that one sigmoid serves three."""
        b, t, x, c, m, u, h, k = self
        return {
            "controller.input": ((4 * c, x), c),
            "controller.recurrent": ((4 * c, m + c), c),
            "controller.bias": ((4 * c,), c),
            "interaction.weight": ((m + 3 * h * m, c), c),
            "interaction.bias": ((m + 3 * h * m,), c),
            "rate.weight": ((1, m), m),
            "rate.bias": ((1,), m),
            "targets.weight": ((2 * u + m, m), m),
            "targets.bias": ((2 * u + m,), m),
            "output.weight": ((k, c + m), c + m),
            "output.bias": ((k,), c + m),
        }


def arguments(description: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--rule", choices=RULES, required=True)
    parser.add_argument("--shape", type=Shape.parse, required=True, metavar="B,T,X,C,M,U,H,K")
    parser.add_argument("--steps", type=int, default=10, help="timed training steps (default 10)")
    parser.add_argument("--warmup", type=int, default=3, help="training steps before the clock starts (default 3)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--clip", type=float, default=10.0, help="gradient norm above which gradients are scaled")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    return parser


def peak_memory_mib() -> float:
    """Peak resident memory of this process in MiB.

    VmHWM starts afresh at exec; ru_maxrss can carry over what the parent held, and is the fallback off Linux.
    """
    try:
        with open("/proc/self/status") as status:
            for line in status:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) / 1024
    except OSError:
        pass
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(peer: str, options: argparse.Namespace, step: Callable[[], float], base_mib: float, **extra: object) -> None:
    """Times `step`, which runs one training step to its end and returns the loss, and prints the result."""
    started = time.perf_counter()
    first = step()
    first_s = time.perf_counter() - started
    for _ in range(options.warmup - 1):
        step()
    seconds = []
    for _ in range(options.steps):
        started = time.perf_counter()
        last = step()
        seconds.append(time.perf_counter() - started)
    result = {
        "peer": peer,
        "rule": options.rule,
        "shape": ",".join(map(str, options.shape)),
        "threads": options.threads,
        "steps": options.steps,
        "step_s": statistics.median(seconds),
        "min_s": min(seconds),
        "first_s": first_s,
        "rss_mib": peak_memory_mib(),
        "rss_import_mib": base_mib,
        "loss_first": first,
        "loss_last": last,
        **{name: value() if callable(value) else value for name, value in extra.items()},
    }
    if options.json:
        print(json.dumps(result))
    else:
        for name, value in result.items():
            print(f"{name:15} {value}")
