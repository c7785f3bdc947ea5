"""Read which packages a repository declares, from the manifests of its languages.

In: paths and texts of manifests. Out: what an import of each package begins with, in small letters with underscores.
Read are pyproject.toml, requirements*.txt, setup.cfg, setup.py, package.json, go.mod, Cargo.toml, pom.xml and
build.gradle. A manifest that cannot be parsed declares nothing. Versions, markers and extras are left out.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

MANIFEST = re.compile(
    r"(?:^|/)(?:pyproject\.toml|setup\.cfg|setup\.py|[\w.-]*requirements[\w.-]*\.txt|requirements/[\w.-]+\.txt|"
    r"package\.json|go\.mod|Cargo\.toml|pom\.xml|build\.gradle(?:\.kts)?)$"
)
REQUIREMENT = re.compile(r"^\s*([A-Za-z][\w.-]*)", re.MULTILINE)
# Packages whose import has another name than the package.
IMPORTED_AS = {
    "pyyaml": "yaml", "pillow": "pil", "beautifulsoup4": "bs4", "scikit_learn": "sklearn", "opencv_python": "cv2",
    "python_dateutil": "dateutil", "attrs": "attr", "protobuf": "google", "msgpack_python": "msgpack",
    "gitpython": "git", "pyjwt": "jwt", "python_dotenv": "dotenv", "setuptools": "pkg_resources",
}  # fmt: skip


def is_manifest(path: str) -> bool:
    """Tell whether a file may declare dependencies."""
    return MANIFEST.search(path) is not None


def declared(texts: Mapping[str, str]) -> list[str]:
    """List the import roots that the manifests declare, sorted."""
    found = set()
    for path, text in texts.items():
        try:
            listed = list(_declared(path.rsplit("/", 1)[-1], text))
        except (TypeError, AttributeError, RecursionError):  # TOML or JSON of some other shape
            continue
        for each in listed:
            root = each.strip().lower().replace("-", "_")
            found |= {root, IMPORTED_AS.get(root, root)}
    return sorted(found - {""})


def _declared(name: str, text: str) -> Iterator[str]:
    if name == "package.json":
        values = _json(text)
        for key in ("dependencies", "devDependencies", "peerDependencies", "optionalDependencies"):
            if isinstance(values.get(key), dict):
                yield from values[key]
        yield str(values.get("name", ""))
    elif name == "go.mod":
        yield from re.findall(r"^\s*(?:require\s+|module\s+)?([\w.-]+\.[\w-]+/[\w./-]+)", text, re.MULTILINE)
        yield from re.findall(r"^module\s+(\S+)", text, re.MULTILINE)
    elif name == "pom.xml":
        yield from re.findall(r"<(?:groupId|artifactId)>([^<]+)</", text)
    elif name.startswith("build.gradle"):
        yield from (part for pair in re.findall(r"""['"]([\w.-]+):([\w.-]+)(?::|['"])""", text) for part in pair)
    elif name == "Cargo.toml":
        yield from _of_cargo(_toml(text))
    elif name == "pyproject.toml":
        yield from _of_pyproject(_toml(text))
    elif name == "setup.cfg":
        for block in re.findall(r"(?:install_requires|tests_require)\s*=((?:\s*\n?[ \t]+[^\n]+)+)", text):
            yield from REQUIREMENT.findall(block)
    elif name == "setup.py":
        for block in re.findall(r"(?:install_requires|tests_require|extras_require)\s*=\s*[\[{](.*?)[\]}]", text, re.S):
            yield from re.findall(r"""['"]([A-Za-z][\w.-]*)""", block)
    else:
        yield from REQUIREMENT.findall(text)


def _of_pyproject(values: dict[str, Any]) -> Iterator[str]:
    project, tool = values.get("project", {}), values.get("tool", {})
    listed = [project.get("dependencies", []), *project.get("optional-dependencies", {}).values()]
    listed += values.get("dependency-groups", {}).values()
    for requirement in (each for some in listed for each in some if isinstance(each, str)):
        yield from REQUIREMENT.findall(requirement)[:1]
    poetry = tool.get("poetry", {})
    groups = [poetry, *poetry.get("group", {}).values()]
    for group in groups:
        yield from group.get("dependencies", {})
        yield from group.get("dev-dependencies", {})


def _of_cargo(values: dict[str, Any]) -> Iterator[str]:
    places = [values, values.get("workspace", {}), *values.get("target", {}).values()]
    for place in places:
        for key in ("dependencies", "dev-dependencies", "build-dependencies"):
            yield from place.get(key, {})
    yield str(values.get("package", {}).get("name", ""))
    yield str(values.get("lib", {}).get("name", ""))


def _toml(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except ValueError:
        return {}


def _json(text: str) -> dict[str, Any]:
    try:
        values = json.loads(text)
    except ValueError:
        return {}
    return values if isinstance(values, dict) else {}
