"""Decide of each name that an answer uses whether it exists: known, stale, invented, or not to be decided.

In: an item, a text in the place of its target, and the repository's names as they stood before the item's commit. Out:
`NamesFound`. Known is what stands in the file around the cursor, in the repository, in the language and its standard
library, what the answer brings in itself, and what the author wrote there. Stale is what the repository had once. What
is none of these is invented, unless it may belong to a package whose names nobody here can list: then it is not
decided. That is so for a name on something that an import from such a package brought in, and for a name on a value of
unknown type wherever the file imports from such a package at all.

Names are judged by spelling: a method that another class has is known. So the rates are lower bounds. Of a path into
one's own package each part must be a file or folder. How often this is right: docs/evaluation-names.md.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from tuner.identifiers import WORD, family_of, imports_of_text
from tuner.imports import Import
from tuner.name_bindings import bound_by
from tuner.name_uses import Use, Uses, uses_of
from tuner.records import Item
from tuner.repo_names import NamesAt
from tuner.standard_names import StandardNames, is_standard_import, standard_names

Decision = Literal["known", "stale", "invented", "undecided"]
SELF = frozenset({"self", "this", "cls", "super", "Self"})
ROOT = re.compile(r"[\s(*&!\[{]*(?:await\s+|new\s+|return\s+)?([A-Za-z_$][\w$]*)")
LITERAL = re.compile(r"[\s(]*(?:[rbfu]{0,2}[\"'`]|\d|\[|\{)")
BASES = re.compile(
    r"^[ \t]*(?:[\w ]*\bclass\s+\w+\s*(?:\(([^)\n]*)\)|[^{\n]*?\b(?:extends|implements|:)\s+([^{\n]+)))", re.M
)
# Functions that take arguments of any name.
OPEN_CALLEES = frozenset(
    {"dict", "format", "partial", "update", "replace", "_replace", "SimpleNamespace", "Namespace", "namedtuple", "Mock"}
)


@dataclass(frozen=True, slots=True)
class NamesFound:
    """The decisions on an answer's names, each spelling once a position, and on the modules that it imports."""

    names: tuple[tuple[Use, Decision], ...]
    modules: tuple[tuple[str, Decision], ...]
    faults: int


def check_names(
    item: Item, text: str, names: NamesAt, *, is_cut_off: bool, target_counts: bool = True
) -> NamesFound | None:
    """Judge an answer's names; None where the language has no grammar or no list of its own names.

    `target_counts` is false to judge the author's own text: it would only confirm itself.
    """
    standard = standard_names(item.language)
    uses = uses_of(item, text, is_cut_off=is_cut_off) if standard is not None else None
    if uses is None or standard is None:
        return None
    judge = _Judge(item, text, uses, names, standard, target_counts)
    decided = [(use, judge.use(use)) for use in uses.names]
    modules = []
    for each in uses.imports:
        decision, inner = judge.module(each)
        if judge.is_of_answer(each.module):
            modules.append((each.module, decision))
        decided += [(use, found) for use, found in inner if judge.is_of_answer(use.name)]
    return NamesFound(tuple(decided), tuple(modules), uses.faults)


class _Judge:
    """What is known around one answer."""

    def __init__(
        self, item: Item, text: str, uses: Uses, names: NamesAt, standard: StandardNames, target_counts: bool
    ) -> None:
        self.item, self.names, self.standard = item, names, standard
        self.target = item.target if target_counts else ""
        self.family = family_of(item.language)
        around = item.prefix + "\n" + item.suffix
        self.there = set(WORD.findall(item.prefix)) | set(WORD.findall(item.suffix))
        self.said = set(WORD.findall(re.split(r"[^\w]", item.prefix)[-1] + text))
        touched = re.search(r"[^\W\d]\w*\Z", item.prefix)
        if touched and re.match(r"\w", text):  # what was typed so far is no name yet
            rest = item.prefix[: touched.start()]
            self.there = set(WORD.findall(rest)) | set(WORD.findall(item.suffix))
        if target_counts:
            self.there |= set(WORD.findall((touched.group() if touched else "") + item.target))
            self.there |= set(WORD.findall(item.target))
        self.there |= uses.defined
        written = around + "\n" + text
        self.foreign = {each for each in imports_of_text(written, item.language) if self._is_foreign(each)}
        self.foreign |= {each for each in names.all.foreign.get(item.path, ()) if self._is_foreign(each)}
        self.bound = set(bound_by(written, self.family, self.foreign))
        bases = BASES.findall(item.prefix)
        self.has_foreign_base = bool(bases) and not self.bound.isdisjoint(WORD.findall(" ".join(bases[-1])))

    def is_of_answer(self, name: str) -> bool:
        """Tell whether a part of an import is the answer's; the author may have begun the statement."""
        words = WORD.findall(name)
        return not words or words[-1] in self.said

    def use(self, use: Use) -> Decision:
        """Decide a name outside of imports."""
        known = self._known(use.name)
        if known != "invented":
            return known
        if use.position == "call":
            return "undecided" if use.name in self.bound or "*" in self.bound else "invented"
        if LITERAL.match(use.on):
            return "invented"
        found = ROOT.match(use.on)
        root = found.group(1) if found else ""
        if use.position == "argument" and re.split(r"[.\s:>]+", use.on.strip())[-1] in OPEN_CALLEES:
            return "undecided"
        if root in self.bound or "*" in self.bound:
            return "undecided"
        if root in SELF:
            return "undecided" if self.has_foreign_base else "invented"
        return "undecided" if self.foreign else "invented"

    def module(self, each: Import) -> tuple[Decision, list[tuple[Use, Decision]]]:
        """Decide an imported module, and the names that are taken from it."""
        decision = self._module(each.module)
        inner: list[tuple[Use, Decision]] = []
        is_own = self.family in ("python", "javascript") and not self._is_foreign(each.module)
        for there, _ in each.names:
            if there not in ("", "*", "default") and (decision == "known" or is_own):
                known = self._known(there, is_import=True)
                if known == "invented" and self._is_foreign(each.module):
                    known = "undecided"
                inner.append((Use(there, "attribute", each.module), known))
        return decision, inner

    def _known(self, name: str, *, is_import: bool = False) -> Decision:
        if len(name) < 2 or (name.startswith("__") and name.endswith("__")):
            return "known"
        words = WORD.findall(name) if "$" in name else [name]  # names are noted without the `$` of JavaScript
        if all((word in self.there and not is_import) or self._is_listed(word) for word in words):
            return "known"
        return "stale" if self.names.is_stale(words[-1]) else "invented"

    def _is_listed(self, name: str) -> bool:
        return name in self.standard.names or self.names.knows(name)

    def _module(self, module: str) -> Decision:
        if is_standard_import(module, self.item.language) and not module.startswith("."):
            return "known"
        if self._is_written(module) or (self._is_declared(module) and not self._is_of_repo(module)):
            return "known"
        parts = [part for part in re.split(r"[./:\\]+", module.strip("<>\"'")) if part and part != "h"]
        if self.family == "c":
            parts = parts[-2:-1] if len(parts) > 1 and parts[-1] in ("hh", "hpp", "hxx") else parts[-1:]
            if module.startswith("<") and not self.names.has_module(parts[0] if parts else ""):
                return "known" if module.strip("<>") in self.standard.modules else "undecided"
        if self.family in ("javascript", "python") and module.startswith("."):
            last = parts[-1] if parts else ""
            last = last.removesuffix(".js")
            return "known" if not last or self._is_own(last) or last == "index" else self._gone(last)
        if self.family == "javascript":
            return "undecided" if module.startswith(("@/", "~", "#")) else "invented"
        wanted = parts[:1] if self.family in ("python", "rust") else parts[-2:]
        if self.family == "rust" and parts and parts[0] in ("crate", "self", "super"):
            return "known"
        if self.family == "python" and parts and self.names.has_module(parts[0]):  # one's own: every part is a file
            missing = [part for part in parts if not self._is_own(part)]
            return self._gone(missing[-1]) if missing else "known"
        if any(self.names.knows(part) or self.names.has_module(part) for part in wanted):
            return "known"
        return self._gone(wanted[-1] if wanted else "")

    def _is_of_repo(self, module: str) -> bool:
        """Tell whether a package is the repository's own; its examples may declare it."""
        return self.family == "python" and module.partition(".")[0] == self.names.all.repo.replace("-", "_")

    def _is_written(self, module: str) -> bool:
        """Tell whether the file or its author imports a module, or one inside it."""
        text = f"{self.item.prefix}{self.target}{self.item.suffix}"
        if self.family in ("rust", "c"):  # not each form of theirs is found without a tree
            return re.search(rf"(?<![\w.]){re.escape(module)}(?!\w)", text) is not None
        return any(f"{each}.".startswith(f"{module}.") for each in imports_of_text(text, self.item.language))

    def _is_own(self, part: str) -> bool:
        """Tell whether a file or folder has this name; files that a build makes are only known by their use."""
        return self.names.has_module(part) or (self.names.knows(part) and ("_" in part or part == "version"))

    def _gone(self, name: str) -> Decision:
        return "stale" if self.names.is_stale(name) else "invented"

    def _is_declared(self, module: str) -> bool:
        root = module if self.family in ("go", "java") else re.split(r"[./:]", module.lstrip("@"))[0]
        scoped = "/".join(module.split("/")[:2]) if module.startswith("@") else module.split("/")[0]
        if self.family == "java":
            flat = root.lower().replace("-", "_")
            return any("." in each and flat.startswith(each + ".") for each in self.names.all.dependencies)
        if self.family == "go":
            flat = root.lower().replace("-", "_")
            return any(
                "/" in each and (flat == each or flat.startswith(each + "/")) for each in self.names.all.dependencies
            )
        return self.names.declares(root) or self.names.declares(scoped)

    def _is_foreign(self, module: str) -> bool:
        """Tell whether an import comes from a package whose names are not known here."""
        if module.startswith((".", "/")) or is_standard_import(module, self.item.language):
            return False
        parts = [part for part in re.split(r"[./:\\]+", module) if part]
        own = [part for part in parts if self.names.has_module(part)]
        if self.family == "c":
            return not self.names.has_module(parts[-2] if len(parts) > 1 else parts[0] if parts else "")
        if self.family == "rust" and parts and parts[0] in ("crate", "self", "super"):
            return False
        if self.family in ("python", "rust"):
            return bool(parts) and not self.names.has_module(parts[0].replace("-", "_"))
        if self.family == "go":  # a path of one's own module ends in one of its folders
            return len(own) < 2 and not (own and own[-1] == parts[-1])
        if self.family == "java":
            return len(own) < 2
        return True
