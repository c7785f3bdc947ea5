"""Answer who defines, calls and imports what in a repository.

In: each kept file's `FileSymbols`, in any order. Out: the same answers whatever the order was: every list is sorted by
path and line. What a name means follows imports and re-exports by name; there is no type inference, so a call on a
variable means nothing here rather than a guess. Holds names and paths, and no text of a file beyond signatures; the
search index over texts (`tuner.bm25`) hangs on it so that it is built once.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tuner.bm25 import ChunkIndex
from tuner.mine.resolve import Resolver, family_of
from tuner.mine.symbols import TYPE_KINDS, Call, Definition, FileSymbols

MAX_REEXPORTS = 5
MOST_MEANT = 50_000  # meanings of calls that are remembered; what calls one name is asked about again and again
STANDARD = (sys.stdlib_module_names | {"java", "javax"}, ("std", "core", "alloc", "node"))
SELF = ("self", "this", "cls", "Self")


@dataclass(frozen=True, slots=True)
class Site:
    """A definition in a file."""

    path: str
    definition: Definition


@dataclass(frozen=True, slots=True)
class Binding:
    """What a local name stands for: the modules themselves when `name` is empty, else `name` in one of them."""

    targets: tuple[str, ...]
    name: str


class SymbolIndex:
    """The symbols of one repository. Add all files first; the tables are built at the first question."""

    def __init__(self, repo: str = "") -> None:
        self.repo = repo
        self._files: dict[str, FileSymbols] = {}
        self._clear()

    def _clear(self) -> None:
        self._resolver: Resolver | None = None
        self._definitions: dict[str, list[Site]] = {}
        self._callers: dict[str, list[tuple[str, Call]]] = {}
        self._bindings: dict[str, tuple[dict[str, Binding], tuple[str, ...]]] = {}
        self._imports: dict[str, tuple[str, ...]] = {}
        self._importers: dict[str, tuple[str, ...]] | None = None
        self._ranks: dict[str, int] = {}
        self._chunks: ChunkIndex | None = None
        self._headers: dict[str, tuple[frozenset[str], frozenset[str]]] = {}
        self._meant: dict[tuple[str, str, str, str], tuple[Site, ...]] = {}
        self._importers_by_name: dict[str, tuple[str, ...]] | None = None
        self.asked: dict[tuple[str, str, str], tuple[Site, ...]] = {}  # what others found by asking here

    def add(self, path: str, symbols: FileSymbols) -> None:
        """Put a file in; a path that is already there is replaced."""
        if self._resolver is not None:
            self._clear()
        self._files[path] = symbols

    def paths(self) -> tuple[str, ...]:
        """List all files, sorted."""
        return tuple(self._tables().paths)

    def symbols(self, path: str) -> FileSymbols:
        """Give what a file says about names; a file that was never added says nothing."""
        return self._files.get(path, FileSymbols())

    def definitions(self, name: str) -> tuple[Site, ...]:
        """List where a name is defined, by path and line; constructors do not count beside their class."""
        self._tables()
        return tuple(self._definitions.get(name, ()))

    def callers(self, name: str) -> tuple[tuple[str, Call], ...]:
        """List the calls of a name, whatever it means there, by path."""
        self._tables()
        return tuple(self._callers.get(name, ()))

    def resolve(self, path: str, module: str) -> str | None:
        """Give the file that an import in `path` means, or None when it lies outside."""
        found = self._tables().targets(path, module)
        return found[0] if found else None

    def imports_of(self, path: str) -> tuple[str, ...]:
        """List the files of the repository that a file imports, sorted, without itself."""
        if path not in self._imports:
            bindings, everything = self._names(path)
            found = {target for each in bindings.values() for target in each.targets} | set(everything)
            found |= {
                target for each in self.symbols(path).imports if not each.names
                for target in self._tables().targets(path, each.module)
            }  # fmt: skip
            self._imports[path] = tuple(sorted(found - {path}))
        return self._imports[path]

    def importers_of(self, path: str) -> tuple[str, ...]:
        """List the files that import a file, sorted."""
        if self._importers is None:
            importers: dict[str, list[str]] = {}
            for each in self.paths():
                for target in self.imports_of(each):
                    importers.setdefault(target, []).append(each)
            self._importers = {target: tuple(found) for target, found in importers.items()}
        return self._importers.get(path, ())

    def in_import_order(self, paths: Iterable[str]) -> list[str]:
        """Sort files so that what is imported comes before what imports it.

        A depth-first walk over the sorted paths gives the order; the import that would close a cycle is passed over.
        """
        if not self._ranks:
            for start in self.paths():
                self._walk(start)
        return sorted(paths, key=lambda path: (self._ranks.get(path, len(self._ranks)), path))

    def _walk(self, start: str) -> None:
        stack = [(start, iter(self.imports_of(start)))] if start not in self._ranks else []
        open_files = {start}
        while stack:
            path, remaining = stack[-1]
            following = next((each for each in remaining if each not in self._ranks and each not in open_files), None)
            if following is None:
                self._ranks[path] = len(self._ranks)
                stack.pop()
            else:
                open_files.add(following)
                stack.append((following, iter(self.imports_of(following))))

    def origin(self, path: str, name: str) -> tuple[Site, ...]:
        """Find what a name at the top of a file is, through re-exports; none when it is from outside."""
        return self._origin(path, name, MAX_REEXPORTS, set())

    def _origin(self, path: str, name: str, depth: int, seen: set[str]) -> tuple[Site, ...]:
        if depth < 0 or path in seen:
            return ()
        seen.add(path)
        if own := self._own(path, name):
            return own
        bindings, everything = self._names(path)
        binding = bindings.get(name)
        if binding is not None:
            places, wanted = (binding.targets, binding.name) if binding.name else ((), "")
        else:
            places, wanted = everything, name
        for target in places:
            if found := self._origin(target, wanted, depth - 1, seen):
                return found
        return ()

    def _own(self, path: str, name: str) -> tuple[Site, ...]:
        return tuple(
            each for each in self._definitions.get(name, ())
            if each.path == path and not each.definition.owner and each.definition.kind != "local"
        )  # fmt: skip

    def meaning(self, path: str, call: Call) -> tuple[Site, ...]:
        """Find the definitions that a call in a file means; several when overloaded, none when it cannot be told."""
        self._tables()
        asked = path, call.name, call.on, call.inside if call.on in SELF else ""
        if asked not in self._meant:
            if len(self._meant) == MOST_MEANT:
                self._meant.clear()
            self._meant[asked] = self._meaning(path, call)
        return self._meant[asked]

    def _meaning(self, path: str, call: Call) -> tuple[Site, ...]:
        if call.on:
            return self._member(path, call)
        named = self._definitions.get(call.name, [])
        own = [each for each in named if each.path == path]
        if any(each.definition.kind == "local" for each in own):
            return ()  # which of them depends on the scope
        if found := self._own(path, call.name):
            return found
        family = family_of(path)
        if own and family in ("java", "c"):
            return tuple(own)  # a method of the class around it
        if family == "c":
            return self._linked(path, named)
        if found := self._origin(path, call.name, MAX_REEXPORTS, set()):
            return found
        if family in ("go", "java"):
            beside = {*self._tables().go_package(path)}
            return tuple(each for each in named if each.path in beside and not each.definition.owner)
        if family == "rust":  # macros are seen across files without their file's name
            macros = [each for each in named if each.definition.kind == "macro" and family_of(each.path) == "rust"]
            return tuple(macros) if len(macros) == 1 else ()
        return ()

    def _linked(self, path: str, named: list[Site]) -> tuple[Site, ...]:
        """Choose among C definitions: headers that `path` includes at any depth, and sources beside any of them."""
        included, folders = self._included(path)
        seen = [
            each
            for each in named
            if not each.definition.owner
            and each.definition.kind != "local"
            and (
                each.path in included or (_is_linked(each.definition) and self._tables().folders[each.path] in folders)
            )
            and family_of(each.path) == "c"
        ]
        return tuple(seen) if len(seen) == 1 else ()

    def _included(self, path: str) -> tuple[frozenset[str], frozenset[str]]:
        if path not in self._headers:
            found = {path}
            waiting = [path]
            while waiting:
                new = set(self.imports_of(waiting.pop())) - found
                found |= new
                waiting += sorted(new)
            folders = frozenset(self._tables().folders[each] for each in found)
            self._headers[path] = frozenset(found - {path}), folders
        return self._headers[path]

    def _member(self, path: str, call: Call) -> tuple[Site, ...]:
        bindings, _ = self._names(path)
        if call.on in SELF:
            owner = call.inside.partition(".")[0]
            return tuple(
                each for each in self._definitions.get(call.name, ())
                if each.path == path and owner and each.definition.owner == owner
            )  # fmt: skip
        binding = bindings.get(call.on)
        if binding is not None and not binding.name:
            return next((found for each in binding.targets if (found := self.origin(each, call.name))), ())
        owners = [
            each for each in self.meaning(path, Call(call.on, "", "")) if each.definition.kind in TYPE_KINDS
        ]  # fmt: skip
        for owner_site in owners:
            found = tuple(
                each for each in self._definitions.get(call.name, ())
                if each.path == owner_site.path and each.definition.owner == owner_site.definition.name
            )  # fmt: skip
            if found:
                return found
        if family_of(path) == "rust":
            return next(
                (found for each in self._tables().targets(path, call.on) if (found := self._own(each, call.name))), ()
            )
        return ()

    def imported(self, path: str, name: str) -> tuple[Site, ...]:
        """Find what a file imports under this name, through re-exports."""
        for binding in self._names(path)[0].values():
            if binding.name == name:
                for target in binding.targets:
                    if found := self.origin(target, name):
                        return found
        return ()

    def is_foreign(self, path: str, name: str) -> bool:
        """Tell whether a file has this name from the language's own library, so surely not from the repository."""
        return all(
            each.module.split(".")[0] in STANDARD[0] or each.module.split("::")[0].split(":")[0] in STANDARD[1]
            for each in self.symbols(path).imports
            if any(there == name for there, _ in each.names)
        )

    def importers_by_name(self, name: str) -> tuple[str, ...]:
        """List the files that import something of this name, sorted."""
        if self._importers_by_name is None:
            found: dict[str, list[str]] = {}
            for path in self.paths():
                for there in {there for each in self.symbols(path).imports for there, _ in each.names}:
                    found.setdefault(there, []).append(path)
            self._importers_by_name = {each: tuple(paths) for each, paths in found.items()}
        return self._importers_by_name.get(name, ())

    def names(self, path: str) -> dict[str, Binding]:
        """Give what each imported name of a file stands for, as far as it lies in the repository."""
        return self._names(path)[0]

    def _names(self, path: str) -> tuple[dict[str, Binding], tuple[str, ...]]:
        if path in self._bindings:
            return self._bindings[path]
        resolver = self._tables()
        bindings: dict[str, Binding] = {}
        everything: list[str] = []
        self._bindings[path] = bindings, ()
        for each in self.symbols(path).imports:
            targets = tuple(target for target in resolver.targets(path, each.module) if target != path)
            for there, here in each.names:
                if there == "*":
                    everything += targets
                elif there == "":
                    bindings[here] = Binding(targets, "")
                else:
                    bindings[here] = self._binding(path, each.module, targets, there, here)
            if not each.names and family_of(path) == "c":
                everything += targets
        outside = [here for here, binding in bindings.items() if not binding.targets]
        for here in outside:
            bindings[here] = Binding((), "")
        self._bindings[path] = bindings, tuple(everything)
        return self._bindings[path]

    def _binding(self, path: str, module: str, targets: tuple[str, ...], there: str, here: str) -> Binding:
        """Tell a name of a module from a module in a package, which is written in the same way."""
        family = family_of(path)
        if family in ("python", "rust") and not any(self._own(target, there) for target in targets):
            joint = "" if module.endswith(".") else "." if family == "python" else "::"
            inner = self._tables().targets(path, f"{module}{joint}{there}")
            if inner and inner != targets and path not in inner:
                return Binding(inner, "")
        return Binding(targets, here if there == "default" else there)

    def chunks(self, read: Callable[[str], str | None]) -> ChunkIndex:
        """Give the search index over the texts; the first call reads every file once."""
        if self._chunks is None:
            self._chunks = ChunkIndex()
            for path in self._chunks.in_order(self.paths()):
                text = read(path)
                if text is not None:
                    self._chunks.add(path, text)
            self._chunks.seal()
        return self._chunks

    def _tables(self) -> Resolver:
        if self._resolver is not None:
            return self._resolver
        self._resolver = Resolver(self._files, self.repo)
        for path in self._resolver.paths:
            for definition in self._files[path].definitions:
                if definition.kind != "constructor":
                    self._definitions.setdefault(definition.name, []).append(Site(path, definition))
            for call in self._files[path].calls:
                self._callers.setdefault(call.name, []).append((path, call))
        for family, learn in (("go", self._resolver.learn_go_root), ("rust", self._resolver.learn_crates)):
            learn([
                each.module for path in self._resolver.paths if family_of(path) == family
                for each in self._files[path].imports
            ])  # fmt: skip
        return self._resolver


def _is_linked(definition: Definition) -> bool:
    """Tell whether a C definition is seen by other sources without being included."""
    return definition.kind == "function" and not definition.signature.startswith("static ")
