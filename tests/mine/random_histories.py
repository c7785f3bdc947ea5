"""Random small histories, each decided by a seed: what teams do to code, and what leaks if it is not thought of.

Functions are added, edited, moved between files, copied, taken away and brought back (also by `git revert`'s words);
files are renamed; side branches begin anywhere, get changes of the main line (backports, cherry-picks, rebased twins
with other dates) and are merged late or never; clocks run wrong. Every function has words of its own, so that a word
tells which commit it is from.

    folder = random_history(tmp_path / "shop", seed=7)
"""

from __future__ import annotations

import random
from pathlib import Path
from string import ascii_letters, digits

from tests.mine.histories import DAY, START, History, function

NOUNS = (
    "till",
    "cart",
    "stock",
    "route",
    "parcel",
    "coupon",
    "ticket",
    "locker",
    "wallet",
    "invoice",
    "crate",
    "pallet",
    "ledger",
    "basket",
    "tariff",
)
VERBS = (
    "refund",
    "discount",
    "deposit",
    "transfer",
    "reserve",
    "rebate",
    "voucher",
    "penalty",
    "bonus",
    "payout",
    "audit",
    "expire",
    "merge",
    "split",
)
COMMITS = 26
Files = dict[str, list[str]]  # the functions of each file


class _Author:
    """Makes up commits; each branch is the number of its last commit and its files."""

    def __init__(self, chance: random.Random, secrets: float) -> None:
        self.chance, self.secrets, self.history = chance, secrets, History()
        self.clock = START
        self.fresh = 0
        self.branches: list[tuple[int, Files]] = []
        self.gone: list[tuple[str, str, int]] = []  # functions that were taken away: path, text, by which commit
        self.shas: dict[int, str] = {}

    def new_function(self) -> str:
        noun, verb = self.chance.choice(NOUNS), self.chance.choice(VERBS)
        self.fresh += 1
        text = function(noun + _mark(self.fresh), verb + _mark(self.fresh))
        if self.secrets and self.chance.random() < self.secrets:
            token = "ghp_" + "".join(self.chance.choices(ascii_letters + digits, k=36))
            text = text.replace("\n", f'\n    {verb}_token = "{token}"\n', 1)
        return text

    def commit(self, branch: int, message: str, files: Files, *more: int, late: int = 0) -> None:
        """Commit what changed on a branch; `more` are further parents."""
        parent, before = self.branches[branch]
        changes: dict[str, str | None] = {
            path: _text(path, files[path]) if path in files else None
            for path in sorted(before.keys() | files.keys())
            if before.get(path) != files.get(path)
        }
        self.clock += self.chance.randrange(1, DAY)
        at = self.clock + late
        authored = at
        if self.chance.random() < 0.15:
            authored = at - self.chance.randrange(1, 400) * DAY  # rebased: the author's date stays
        if self.chance.random() < 0.05:
            at += self.chance.choice((-200, -30, 2, 40, 4_000)) * DAY  # a clock that runs wrong
        number = self.history.commit(
            message, changes, parents=[parent, *more] if parent else [], at=at, authored=authored
        )
        self.branches[branch] = number, files

    def step(self) -> None:
        """Make one commit of a random sort on a random branch."""
        branch = self.chance.choice([0, 0, 0, *range(len(self.branches))])
        parent, before = self.branches[branch]
        files = {path: list(functions) for path, functions in before.items()}
        path = self.chance.choice(sorted(files))
        sort = self.chance.choice(
            ("add", "add", "add", "edit", "edit", "move", "copy", "rename", "take", "bring", "branch", "merge", "port")
        )
        match sort:
            case "edit" if files[path]:
                at = self.chance.randrange(len(files[path]))
                files[path][at] = _edited(files[path][at], self.fresh)
                self.fresh += 1
                self.commit(branch, f"Fix the limit in {_name(files[path][at])}", files)
            case "move" | "copy" if files[path]:
                other = self.chance.choice([*sorted(files), f"shop/part_{_mark(self.fresh)}.py"])
                at = self.chance.randrange(len(files[path]))
                text = files[path][at]
                self.fresh += 1
                if sort == "move" and len(files[path]) > 1:
                    del files[path][at]
                nearly = self.chance.random() < 0.4
                files.setdefault(other, []).insert(0, _edited(text, self.fresh) if nearly else text)
                self.commit(branch, f"Let {_name(text)} stand in {other}", files)
            case "rename":
                self.fresh += 1
                files[f"shop/renamed_{_mark(self.fresh)}.py"] = files.pop(path)
                self.commit(branch, f"Give {path} a better name", files)
            case "take" if len(files[path]) > 1:
                text = files[path].pop(self.chance.randrange(len(files[path])))
                self.commit(branch, f"Take {_name(text)} away again", files)
                self.gone.append((path, text, self.branches[branch][0]))
            case "bring" if self.gone:
                place, text, by = self.gone.pop()
                files.setdefault(place, []).append(text)
                said = f"\n\nThis reverts commit {self.shas[by]}." if by in self.shas else ""
                self.commit(branch, f'Revert "Take {_name(text)} away again"{said}', files)
            case "branch" if len(self.branches) < 4:
                self.branches.append((parent, before))
                self.commit(
                    len(self.branches) - 1, "Begin a branch of its own", _with(files, path, self.new_function())
                )
            case "merge" if len(self.branches) > 1:
                self.merge(self.chance.randrange(1, len(self.branches)))
            case "port":
                self.port(branch)
            case _:
                self.commit(branch, f"Add a function to {path}", _with(files, path, self.new_function()))

    def merge(self, branch: int) -> None:
        """Merge a side branch into the main line; of every function the main line's version stays."""
        number, theirs = self.branches.pop(branch)
        _, ours = self.branches[0]
        known = {_name(text) for functions in ours.values() for text in functions}
        files = {path: list(functions) for path, functions in ours.items()}
        for path, functions in theirs.items():
            for text in functions:
                if _name(text) not in known:
                    files.setdefault(path, []).append(text)
        self.commit(0, "Merge a branch", files, number)

    def port(self, branch: int) -> None:
        """Put the same new function on two branches, with the same words and another date."""
        text, message = self.new_function(), f"Add what {_mark(self.fresh)} asked for"
        for each in dict.fromkeys((branch, self.chance.randrange(len(self.branches)))):
            _, before = self.branches[each]
            files = {path: list(functions) for path, functions in before.items()}
            path = sorted(files)[0]
            self.commit(each, message, _with(files, path, text), late=self.chance.choice((0, 0, 90 * DAY)))


def random_history(folder: Path, seed: int, commits: int = COMMITS, secrets: float = 0.0) -> Path:
    """Write the bare repository that a seed decides; a share of its functions may hold secrets."""
    chance = random.Random(seed)
    author = _Author(chance, secrets)
    author.branches.append((0, {}))
    author.commit(
        0, "Begin the shop", {f"shop/{noun}.py": [author.new_function(), author.new_function()] for noun in NOUNS[:3]}
    )
    for number in range(commits):
        author.step()
        if number % 9 == 8:  # so that later messages can name the commits by then
            author.history.write(folder)
            author.shas = author.history.shas(folder)
    if len(author.branches) > 1 and chance.random() < 0.7:
        author.merge(chance.randrange(1, len(author.branches)))
    number, files = author.branches[0]
    author.commit(0, "Add the last function", _with(files, sorted(files)[0], author.new_function()))
    author.history.write(folder)
    return folder


def _with(files: Files, path: str, text: str) -> Files:
    return files | {path: [*files[path], text]}


def _text(path: str, functions: list[str]) -> str:
    return f'"""What belongs to {path}."""\n\n' + "\n\n".join(functions)


def _name(text: str) -> str:
    return text.split("(", 1)[0].removeprefix("def ")


def _edited(text: str, number: int) -> str:
    """Put a line with a word of its own before the function returns."""
    *lines, last = text.splitlines(keepends=True)
    return "".join([*lines, f"    checked_{_mark(number)} = bool({_name(text)} or known_{_mark(number)})\n", last])


def _mark(number: int) -> str:
    """Write a number in letters that stand in no word."""
    return "q" + "".join("bcdfghjkmn"[number // power % 10] for power in (100, 10, 1))
