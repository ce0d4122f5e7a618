"""A run that is killed and resumed, as TensorBoard itself reads it: every curve has every step once.

    python tensorboard_test.py path/to/mnm
"""

import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

STEPS, LOG, VALID = 300, 2, 3

SETTINGS = [
    "model.controller=7",
    "model.value=5",
    "model.hidden=6",
    "data.bits=3",
    "data.lengths.train={ min = 1, max = 3 }",
    "data.lengths.valid={ min = 1, max = 3 }",
    f"train.steps={STEPS}",
    "train.batch=40",
    f"train.log_every={LOG}",
    f"train.valid_every={VALID}",
    "train.valid_episodes=20",
    "train.checkpoint_every=7",
]


def curves(folder: Path) -> dict[str, list[int]]:
    """The steps of every curve, in the order of the file; 0 keeps all points instead of a sample."""
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    events.Reload()
    return {tag: [point.step for point in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


def main(program: str) -> None:
    draw = random.Random(1)
    with tempfile.TemporaryDirectory() as top:
        command = lambda name: [program, "train", "double-copy", "--quiet", "--resume", "--out", f"{top}/{name}"] + [  # noqa: E731
            word for setting in SETTINGS for word in ("--set", setting)
        ]
        begin = time.monotonic()
        subprocess.run(command("whole"), check=True, stdout=subprocess.DEVNULL)
        span = time.monotonic() - begin
        kills = 0
        while kills < 8:
            child = subprocess.Popen(command("killed"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(draw.uniform(0.1, 0.5) * span)
            running = child.poll() is None
            child.kill()
            child.wait()
            if not running:
                break
            kills += 1
        assert kills >= 2, f"only {kills} kills: the training is too short for this test"
        subprocess.run(command("killed"), check=True, stdout=subprocess.DEVNULL)
        whole, killed = curves(Path(top, "whole")), curves(Path(top, "killed"))
        assert whole.keys() == killed.keys() and len(whole) > 5, (whole.keys(), killed.keys())
        for tag, steps in killed.items():
            every = VALID if tag.startswith("valid/") else LOG
            assert steps == list(range(every, STEPS + 1, every)), f"{tag}: {steps}"
            assert whole[tag] == steps, tag
    print(f"{len(killed)} curves, {kills} kills: every step once")


if __name__ == "__main__":
    main(*sys.argv[1:])
