"""Find the files of a repository that an import means, from their paths alone.

In: the paths that were kept, the importing path and the module as it is written. Out: the files meant; none for what
lies outside the repository or cannot be told. No build file is read, so each rule errs on the side of none:
a module of Python's standard library, a JavaScript package from outside `packages/` and an angle-bracket header without
a folder have none.
"""

from __future__ import annotations

import functools
import posixpath
import sys
from collections import Counter
from collections.abc import Iterable

from tuner.mine.languages import language_of

SCRIPT_ENDINGS = (".ts", ".tsx", ".mts", ".cts", ".d.ts", ".js", ".jsx", ".mjs", ".cjs")
SOURCE_ROOTS = ("", "src", "lib", "python", "source", "app")
WORKSPACES = ("packages", "libs", "apps", "modules")
MIN_ALIKE = 2
CRATE_ROOTS = ("lib.rs", "main.rs")
RUST_FOLDERS = (*CRATE_ROOTS, "mod.rs")
FAMILIES = {"typescript": "script", "tsx": "script", "javascript": "script", "cpp": "c"}


@functools.lru_cache(1 << 14)
def family_of(path: str) -> str:
    """Name the language of a path; languages that import each other share a name."""
    language = language_of(path)
    return FAMILIES.get(language.name, language.name) if language is not None else ""


class Resolver:
    """The files of one repository, by name and by folder. `repo` tells which Go module is the repository itself."""

    def __init__(self, paths: Iterable[str], repo: str) -> None:
        self.repo = repo
        self.paths = sorted(paths)
        self.known = set(self.paths)
        self.folders: dict[str, str] = {}
        self.by_name: dict[str, list[str]] = {}
        self.by_folder: dict[str, list[str]] = {}
        for path in self.paths:
            self.by_name.setdefault(posixpath.basename(path), []).append(path)
            self.folders[path] = posixpath.dirname(path)
            self.by_folder.setdefault(self.folders[path], []).append(path)
        self.go_root = ""
        self.crates: dict[str, str] = {}
        for each in self.by_name.get("lib.rs", ()):
            if each.endswith("/src/lib.rs"):
                self.crates.setdefault(posixpath.basename(each.removesuffix("/src/lib.rs")).replace("-", "_"), each)

    def learn_go_root(self, modules: Iterable[str]) -> None:
        """Guess the module path of `go.mod`: the prefix before the most folders that are imported in full."""
        votes: Counter[str] = Counter()
        for module in sorted(set(modules)):
            parts = module.split("/")
            for place in range(1, len(parts)):
                if self._go_files("/".join(parts[place:])):
                    votes["/".join(parts[:place])] += 1
        if votes:
            self.go_root = min(votes, key=lambda prefix: (-votes[prefix], prefix))

    def learn_crates(self, modules: Iterable[str]) -> None:
        """Guess which crates are named `<prefix>_<folder>`: where two are used so, their bare names are others'.

        `Cargo.toml` would tell, but is not read: a workspace names its crates alike.
        """
        used: dict[str, set[str]] = {}
        for module in modules:
            prefix, _, folder = module.split("::")[0].partition("_")
            if folder in self.crates:
                used.setdefault(prefix, set()).add(folder)
        for prefix, folders in sorted(used.items()):
            if len(folders) >= MIN_ALIKE:
                self.crates |= {f"{prefix}_{folder}": self.crates.pop(folder) for folder in sorted(folders)}

    def targets(self, path: str, module: str) -> tuple[str, ...]:
        """Give the files that `module` means in `path`, the likeliest first; a Go package is all its files."""
        family = family_of(path)
        if family == "python":
            return self._python(path, module)
        if family == "script":
            return self._script(path, module)
        if family == "go":
            return self._go(module)
        if family == "java":
            return self._java(module)
        if family == "rust":
            return self._rust(path, module)
        return self._include(path, module) if family == "c" else ()

    def go_package(self, path: str) -> tuple[str, ...]:
        """List the Go or Java files beside `path`, which it sees without an import."""
        return tuple(
            each
            for each in self.by_folder.get(posixpath.dirname(path), ())
            if each != path and family_of(each) == family_of(path)
        )

    def _first(self, candidates: Iterable[str]) -> tuple[str, ...]:
        return next(((each,) for each in candidates if each in self.known), ())

    def _python(self, path: str, module: str) -> tuple[str, ...]:
        names = module.lstrip(".").split(".") if module.strip(".") else []
        folder = posixpath.dirname(path)
        if dots := len(module) - len(module.lstrip(".")):
            for _ in range(dots - 1):
                folder = posixpath.dirname(folder)
            return self._first(_python_files(posixpath.join(folder, *names)))
        if not names or names[0] in sys.stdlib_module_names:
            return ()
        roots = [*SOURCE_ROOTS]
        while folder:
            if f"{folder}/__init__.py" not in self.known:  # inside a package, its own files are no top-level modules
                roots.append(folder)
                roots += [f"{folder}/{root}" for root in SOURCE_ROOTS if root]
            folder = posixpath.dirname(folder)
        found = self._first(each for root in reversed(roots) for each in _python_files(posixpath.join(root, *names)))
        if found or len(names) < 2:
            return found
        ending = tuple("/" + each for each in _python_files("/".join(names)))
        near = [
            each for name in (f"{names[-1]}.py", "__init__.py") for each in self.by_name.get(name, ())
            if each.endswith(ending)
        ]  # fmt: skip
        return (near[0],) if len(near) == 1 else ()

    def _script(self, path: str, module: str) -> tuple[str, ...]:
        if not module.startswith("."):
            return self._package(module)
        place = posixpath.normpath(posixpath.join(posixpath.dirname(path), module))
        stem, dot, ending = place.rpartition(".")
        written = [place] if not (dot and ending in ("js", "mjs", "cjs", "jsx")) else [place, stem]
        for each in written:
            found = self._first(
                [each, *(each + end for end in SCRIPT_ENDINGS), *(f"{each}/index{end}" for end in SCRIPT_ENDINGS)]
            )
            if found:
                return found
        return ()

    def _package(self, module: str) -> tuple[str, ...]:
        """Find a package of the same workspace: its folder has its name, without the scope."""
        parts = module.split("/")
        name, rest = (parts[1], parts[2:]) if module.startswith("@") and len(parts) > 1 else (parts[0], parts[1:])
        for workspace in WORKSPACES:
            for root in (f"{workspace}/{name}/src", f"{workspace}/{name}"):
                place = posixpath.join(root, *rest)
                if found := self._first(
                    [*(place + end for end in SCRIPT_ENDINGS), *(f"{place}/index{end}" for end in SCRIPT_ENDINGS)]
                ):
                    return found
        return ()

    def _go(self, module: str) -> tuple[str, ...]:
        if module == self.go_root or (not self.go_root and posixpath.basename(module) == self.repo):
            return self._go_files("")
        if self.go_root and module.startswith(self.go_root + "/"):
            return self._go_files(module.removeprefix(self.go_root + "/"))
        if "." in module.split("/")[0] and posixpath.basename(module) == self.repo:
            return self._go_files("")
        parts = module.split("/")
        for place in range(1, len(parts) - 1):  # two folders at least: one alone is too common a name
            if found := self._go_files("/".join(parts[place:])):
                return found
        return ()

    def _go_files(self, folder: str) -> tuple[str, ...]:
        return tuple(
            each for each in self.by_folder.get(folder, ()) if each.endswith(".go") and not each.endswith("_test.go")
        )

    def _java(self, module: str) -> tuple[str, ...]:
        place = module.replace(".", "/")
        if found := self._nearest(posixpath.basename(place) + ".java", place + ".java", ""):
            return found
        outer = posixpath.dirname(place)
        if outer and (found := self._nearest(posixpath.basename(outer) + ".java", outer + ".java", "")):
            return found  # a class inside a class
        folders = [folder for folder in self.by_folder if folder == place or folder.endswith("/" + place)]
        return tuple(each for folder in sorted(folders) for each in self.by_folder[folder] if each.endswith(".java"))

    def _rust(self, path: str, module: str) -> tuple[str, ...]:
        names = module.split("::")
        folder, name = posixpath.split(path)
        own = folder if name in RUST_FOLDERS else posixpath.join(folder, name.removesuffix(".rs"))
        if names[0] in ("self", "super", "crate"):
            place = own
            if names[0] == "crate":
                root = self._crate_root(folder)
                if root is None:
                    return ()
                place = root
            while names and names[0] in ("self", "super", "crate"):
                place = posixpath.dirname(place) if names[0] == "super" else place
                names = names[1:]
            return self._rust_module(place, names)
        if found := self._first(_rust_files(posixpath.join(own, names[0]))):
            return self._rust_module(posixpath.join(own, names[0]), names[1:]) or found
        crate = self.crates.get(names[0])
        return self._rust_module(posixpath.dirname(crate), names[1:]) if crate is not None else ()

    def _rust_module(self, place: str, names: list[str]) -> tuple[str, ...]:
        """Go down as far as there are files: the last names may be items of one."""
        for count in range(len(names), -1, -1):
            deep = posixpath.join(place, *names[:count])
            if found := self._first([*_rust_files(deep), *(posixpath.join(deep, each) for each in CRATE_ROOTS)]):
                return found if len(names) - count <= 1 else ()
        return ()

    def _crate_root(self, folder: str) -> str | None:
        while True:
            if any(posixpath.join(folder, each) in self.known for each in CRATE_ROOTS):
                return folder
            if not folder:
                return None
            folder = posixpath.dirname(folder)

    def _include(self, path: str, module: str) -> tuple[str, ...]:
        name = module.strip("<>")
        folder = posixpath.dirname(path)
        if not module.startswith("<"):
            if found := self._first([posixpath.normpath(posixpath.join(folder, name))]):
                return found
        elif "/" not in name:
            return ()  # the system's header
        return self._nearest(posixpath.basename(name), posixpath.normpath(name).lstrip("./"), folder)

    def _nearest(self, name: str, ending: str, folder: str) -> tuple[str, ...]:
        """Give the file with this ending that shares the most folders with `folder`; none when two share as many."""
        found = [each for each in self.by_name.get(name, ()) if each == ending or each.endswith("/" + ending)]
        shared = [len(posixpath.commonprefix([each.split("/"), folder.split("/")])) for each in found]
        best = [each for each, count in zip(found, shared, strict=True) if count == max(shared)]
        return (best[0],) if len(best) == 1 else ()


def _python_files(place: str) -> tuple[str, ...]:
    return (f"{place}.py", f"{place}/__init__.py", f"{place}.pyi")


def _rust_files(place: str) -> tuple[str, ...]:
    return (f"{place}.rs", f"{place}/mod.rs")
