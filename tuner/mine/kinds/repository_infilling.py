"""Kind `repository_infilling`: a hole, with pieces of other files of the repository to be read first.

Holes are those of `syntax_infilling` and `line_infilling`; first come those that name something that another file
defines, since that is what the other files are for. A share of them (`mine.bare_share`) is shown without other files,
so that the model also works where an editor sends none.

Dropped without a count, since they are candidates: holes for which the repository has nothing to show that helps
(`usefulness`); holes in prose, strings and configuration, which no other file explains; holes of a word or two; and
those that leave a call or an index open.
"""

from __future__ import annotations

from collections.abc import Iterator

from tuner.mine.drafts import Draft, SourceFile, Surroundings
from tuner.mine.holes import choose_lines, choose_nodes, cut, open_brackets
from tuner.mine.neighbours import neighbours_of, used_sites
from tuner.mine.usefulness import Hole, is_code

CANDIDATES_PER_HOLE, TRIES_PER_HOLE = 4, 4


def drafts(file: SourceFile, around: Surroundings) -> Iterator[Draft]:
    """Yield up to `mine.repository_infilling_per_file` holes in the order of the file."""
    settings = file.settings
    if not file.language.is_code:
        return
    count = settings.repository_infilling_per_file
    chance = file.chance("repository_infilling")
    found = choose_nodes(file, chance, count * CANDIDATES_PER_HOLE)
    found += choose_lines(file, chance, count * CANDIDATES_PER_HOLE, to_block_end=False, taken=found)
    chance.shuffle(found)
    # `sort` is stable: among holes that use other files, and among those that do not, chance decides.
    found.sort(key=lambda hole: not used_sites(file.path, file.data[hole[0] : hole[1]].decode(), around.index))
    chosen: list[tuple[int, Draft]] = []
    tries = 0
    for start, end in found:
        before, hole, after = (file.data[low:high].decode() for low, high in ((0, start), (start, end), (end, None)))
        if not is_code(before, hole) or {b"(", b"["} & set(open_brackets(file, start, end)):
            continue
        if tries >= count * TRIES_PER_HOLE:
            break
        tries += 1
        neighbours = neighbours_of(
            file.path, before, after, around.index, around.read,
            settings.neighbours, chance, hidden=_whole_lines(file, start, end),
        )  # fmt: skip
        if not Hole(file.path, before, hole, after, around.index).is_helped(neighbours, around.read):
            continue
        shown = () if chance.random() < settings.bare_share else neighbours
        chosen.append((start, file.draft("repository_infilling", **cut(file, start, end), neighbours=shown)))
        if len(chosen) >= count:
            break
    yield from (draft for _, draft in sorted(chosen, key=lambda each: each[0]))


def _whole_lines(file: SourceFile, start: int, end: int) -> str:
    """Give the lines that a hole touches, so that what stands beside the cursor counts for the leak rule too."""
    last = file.data.find(b"\n", end)
    return file.data[file.data.rfind(b"\n", 0, start) + 1 : last if last >= 0 else len(file.data)].decode()
