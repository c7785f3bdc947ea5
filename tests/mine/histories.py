"""Write histories through `git fast-import`: commit by commit, as a test wants them.

history = History()
first = history.commit("Add the till", {"shop/till.py": code("till")})
side = history.commit("Add the cart", {"shop/cart.py": code("cart")}, parents=[first])
history.commit("Merge the cart", {}, parents=[first, side])
folder = history.write(tmp_path / "shop")
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.tiny_repo import git

START, DAY = 1_700_000_000, 86_400
MARKS = "history.marks"
LATER = ("till", "stock", "wallet", "parcel")  # topics of a shop that goes on
ADA = b"Ada Byron <ada@shop.test>"
VERBS = ("refund", "discount", "deposit", "transfer", "reserve", "rebate", "voucher", "penalty", "bonus", "payout")


@dataclass(frozen=True, slots=True)
class Entry:
    """What stands at a path and is no plain file: a link, a submodule (by its sha)."""

    mode: str
    data: bytes


Content = str | bytes | Entry | None


class History:
    """Commits that wait to be imported; each has a number, from 1, and by default the one before it as its parent."""

    def __init__(self, onto: str = "", start: int = START) -> None:
        self.count = 0
        self._onto = onto  # a branch that is there already, and that the first commit goes on from
        self._start = start
        self._stream: list[bytes] = []

    def commit(
        self,
        message: str | bytes,
        files: Mapping[str, Content] | Mapping[bytes, Content],
        *,
        parents: Sequence[int] | None = None,
        at: int | str | None = None,
        authored: int | str | None = None,
        who: bytes = ADA,
    ) -> int:
        """Add a commit; a file of None is removed. A date is in seconds, or stands in the object as it is given."""
        parents = [self.count] * bool(self.count) if parents is None else list(parents)
        self.count += 1
        at = self._start + self.count * DAY if at is None else at
        if not parents and not self._onto:  # or else it would go on from the last commit
            self._say(b"reset refs/heads/main\n\n")
        self._say(b"commit refs/heads/main\n", b"mark :%d\n" % self.count)
        self._say(b"author %s %s\n" % (who, _date(at if authored is None else authored)))
        self._say(b"committer %s %s\n" % (who, _date(at)), _data(message))
        if not parents and self._onto:
            self._say(b"from refs/heads/%s^0\n" % self._onto.encode())
        for word, parent in zip([b"from", *[b"merge"] * len(parents)], parents, strict=False):
            self._say(b"%s :%d\n" % (word, parent))
        for path, content in files.items():
            self._file(path if isinstance(path, bytes) else path.encode(), content)
        return self.count

    def write(self, folder: Path, *, bare: bool = True, form: str = "sha1") -> Path:
        """Make the repository `folder`, or add to the one that is there what came since; the last commit is `main`."""
        if not folder.exists():
            folder.mkdir(parents=True)
            git(folder, "init", "--quiet", "--initial-branch=main", f"--object-format={form}", *["--bare"] * bare)
        marks = "--relative-marks", f"--import-marks-if-exists={MARKS}", f"--export-marks={MARKS}"
        given, self._stream = b"".join(self._stream), []
        git(folder, "fast-import", "--quiet", "--force", "--date-format=raw-permissive", *marks, given=given)
        if not bare:
            git(folder, "reset", "--quiet", "--hard")
        return folder

    def shas(self, folder: Path) -> dict[int, str]:
        """Give the shas of the commits that were written to a bare repository, by their numbers."""
        lines = (folder / "info/fast-import" / MARKS).read_text().splitlines()
        return {int(mark[1:]): sha for mark, sha in map(str.split, lines)}

    def _file(self, path: bytes, content: Content) -> None:
        if b"\n" in path or path.startswith(b'"'):
            path = b'"%s"' % path.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n")
        if content is None:
            self._say(b"D %s\n" % path)
        elif isinstance(content, Entry) and content.mode == "160000":
            self._say(b"M 160000 %s %s\n" % (content.data, path))
        else:
            mode, data = (content.mode, content.data) if isinstance(content, Entry) else ("100644", content)
            self._say(b"M %s inline %s\n" % (mode.encode(), path), _data(data))

    def _say(self, *parts: bytes) -> None:
        self._stream += parts


def _date(at: int | str) -> bytes:
    return (f"{at} +0000" if isinstance(at, int) else at).encode()


def _data(content: str | bytes) -> bytes:
    data = content.encode() if isinstance(content, str) else content
    return b"data %d\n%s\n" % (len(data), data)


def function(topic: str, verb: str) -> str:
    """Write a function whose words differ from those of any other topic and verb."""
    return f'''def {verb}_{topic}({topic}_cents, {verb}_limit):
    """Give what a {verb} leaves in the {topic}."""
    {topic}_{verb} = min({topic}_cents, {verb}_limit)
    if {topic}_{verb} < 0:
        raise ValueError(f"a {verb} of the {topic} is {{{topic}_{verb}}}")
    {topic}_log("{verb}", amount={topic}_{verb})
    return {topic}_cents - {topic}_{verb}
'''


def code(topic: str, verbs: Sequence[str] = VERBS[:2]) -> str:
    """Write a file of functions about a topic."""
    return f'"""What happens to the {topic}."""\n\n' + "\n\n".join(function(topic, verb) for verb in verbs)


def shop(history: History, commits: int = 9, topics: Sequence[str] = ("till", "cart", "stock")) -> History:
    """Add commits that mining can learn from: files first, then one function more in each commit."""
    known = dict.fromkeys(topics, 2)
    history.commit(f"Add the {' and the '.join(topics)}", {f"shop/{topic}.py": code(topic) for topic in topics})
    for number in range(commits - 1):
        topic = topics[number % len(topics)]
        known[topic] += 1
        added = VERBS[known[topic] - 1]
        text = code(topic, VERBS[: known[topic]])
        history.commit(f"Give the {topic} a {added} of its own", {f"shop/{topic}.py": text})
    return history


def commit_on_top(folder: Path, entry: str, message: str | bytes, date: str = f"{START + 9 * DAY} +0000") -> str:
    """Commit one entry more in the top folder, by the object's own text; give the commit."""
    entries = git(folder, "ls-tree", "main") + entry
    tree = git(folder, "mktree", "--missing", given=entries.encode()).strip()
    parent = git(folder, "rev-parse", "main").strip()
    who = f"Ada <ada@shop.test> {date}"
    head = f"tree {tree}\nparent {parent}\nauthor {who}\ncommitter {who}\n\n".encode()
    given = head + (message.encode() if isinstance(message, str) else message) + b"\n"
    sha = git(folder, "hash-object", "-t", "commit", "-w", "--stdin", "--literally", given=given).strip()
    git(folder, "update-ref", "refs/heads/main", sha)
    return sha
