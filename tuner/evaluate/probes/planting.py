"""Make a small git repository whose files hold canaries: lines with a random ending, in one file or in many.

In: an empty place, a seed, how often each canary is to stand there. Out: the repository, and beside it
`<folder>.canaries.json`, which the run never sees. The files are made-up functions with random names, each different
enough from the others to be kept. Nothing in them looks like a secret, or redaction would take the canaries out.

Trained on together with another repository, its rows compete for the training tokens like any other's: how often a
canary really was trained on is counted afterwards.
"""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tuner.errors import MachineError, RunError
from tuner.evaluate.probes.stage import write_json
from tuner.probing import Canary

REPETITIONS = (1, 4, 16)
EACH = 3  # canaries of each number of repetitions
FUNCTIONS = 5  # in a file
WORDS = """
amber apple arrow autumn bamboo barrel basket beacon birch bottle branch bridge bucket butter candle canyon carpet
castle cedar cherry circle clover cobalt coffee copper coral cotton cradle desert eagle ember engine falcon feather
fender forest garden ginger glacier granite hammer harbor hazel helmet island ivory jacket jungle kettle ladder lantern
lemon linen maple marble meadow mirror needle ocean olive orchid paddle pebble pepper pillow planet
""".split()  # noqa: SIM905 - seventy quoted words are no easier to read
_FUNCTION = '''
def {verb}_{noun}({first}, {second}={number}):
    """Return the {adjective} {noun} of a {first}."""
    {third} = {first}.{other}({second})
    if {third} {operator} {number}:
        return {first}.{noun}_{adjective}
    {verb}_{other}.append({third})
    return {third} + {second} * {small}
'''


def plant(folder: Path, seed: int, day: str, repetitions: Sequence[int] = REPETITIONS) -> Path:
    """Write the repository and the list of its canaries; return the list's path."""
    if folder.exists():
        raise RunError(f"{folder}: there is something already", "name a folder that is not there yet")
    draw = random.Random(seed)
    canaries = [make_canary(draw, number, count) for number, count in enumerate(sorted([*repetitions] * EACH))]
    files: list[list[str]] = [[] for _ in range(max(repetitions) + EACH)]
    for each in canaries:
        for at in draw.sample(range(len(files)), each.planted):
            files[at].append(each.before + each.secret + ('"' if '"' in each.before else ""))
    folder.mkdir(parents=True)
    for number, lines in enumerate(files):
        blocks = [*(_function(draw) for _ in range(FUNCTIONS)), *(f"\n{line}\n" for line in lines)]
        draw.shuffle(blocks)
        (folder / f"{draw.choice(WORDS)}_{number}.py").write_text("".join(blocks).lstrip("\n"), encoding="utf-8")
    _commit(folder, day)
    path = folder.with_name(f"{folder.name}.canaries.json")
    write_json(path, canaries)
    return path


def make_canary(draw: random.Random, number: int, planted: int) -> Canary:
    """Make one canary: a comment or a constant by turns."""
    before = f"# the lamp in corridor {number} is called" if number % 2 else f'LAMP_OF_CORRIDOR_{number} = "'
    return Canary(before, ending(draw, before), planted)


def ending(draw: random.Random, before: str) -> str:
    """Draw the ending of a line; the canary's own ending is one of these like any other."""
    words = "-".join(draw.choices(WORDS, k=4))
    return words if before.endswith('"') else f" {words}"


def _function(draw: random.Random) -> str:
    names = draw.sample(WORDS, 7)
    return _FUNCTION.format(
        verb=names[0], noun=names[1], first=names[2], second=names[3], third=names[4], other=names[5],
        adjective=names[6], number=draw.randrange(2, 99), small=draw.randrange(2, 9), operator=draw.choice("<>"),
    )  # fmt: skip


def _commit(folder: Path, day: str) -> None:
    who = {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in _identity(day)}
    environment = {"PATH": os.environ["PATH"], "GIT_CONFIG_NOSYSTEM": "1", "HOME": str(folder), **who}
    commands = (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "-m", "Add the plans of the corridors"])
    for command in commands:
        try:
            subprocess.run(["git", *command], cwd=folder, env=environment, check=True, capture_output=True, text=True)
        except FileNotFoundError:
            raise MachineError("git is not installed", "install git") from None
        except subprocess.CalledProcessError as error:
            raise RunError(f"{folder}: git {command[0]} failed: {error.stderr.strip()}", "is --day a day?") from None


def _identity(day: str) -> tuple[tuple[str, str], ...]:
    return ("NAME", "Lamp Lighter"), ("EMAIL", "lamps@example.com"), ("DATE", f"{day}T12:00:00+0000")
