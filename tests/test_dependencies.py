"""Declared dependencies: each kind of manifest is read, and one that is broken declares nothing."""

from __future__ import annotations

import pytest

from tuner.dependencies import declared, is_manifest


@pytest.mark.parametrize(
    ("path", "text", "wanted"),
    [
        ("pyproject.toml", '[project]\ndependencies = ["Requests>=2", "PyYAML"]\n'
         'optional-dependencies = {x = ["attrs[y]"]}\n'
         '[dependency-groups]\ndev = ["pytest", {include-group = "x"}]\n[tool.poetry.dependencies]\nrich = "1"\n',
         ["attr", "attrs", "pytest", "pyyaml", "requests", "rich", "yaml"]),
        ("a/requirements-dev.txt", "# tools\ntyper==1\n-r other.txt\nscikit-learn; python_version > '3'\n",
         ["scikit_learn", "sklearn", "typer"]),
        ("setup.cfg", "[options]\ninstall_requires =\n    flask>=1\n    click\n[x]\ny = z\n", ["click", "flask"]),
        ("setup.py", "setup(install_requires=['flask>=1', \"click\"])", ["click", "flask"]),
        ("web/package.json",
         '{"name": "shop", "dependencies": {"@scope/left-pad": "1"}, "devDependencies": {"tsx": 2}}',
         ["@scope/left_pad", "shop", "tsx"]),
        ("go.mod", "module example.com/shop\n\nrequire (\n\tgithub.com/a/b-c v1.0.0 // indirect\n)\n",
         ["example.com/shop", "github.com/a/b_c"]),
        ("Cargo.toml", '[package]\nname = "shop"\n[dependencies]\nserde_json = "1"\n'
         '[target.x.dependencies]\nlibc = "1"\n',
         ["libc", "serde_json", "shop"]),
        ("pom.xml", "<groupId>com.google.guava</groupId><artifactId>guava</artifactId>", ["com.google.guava", "guava"]),
        ("app/build.gradle.kts", 'implementation("com.squareup.okio:okio:3.0")', ["com.squareup.okio", "okio"]),
    ],
)  # fmt: skip
def test_each_manifest_is_read(path: str, text: str, wanted: list[str]) -> None:
    assert is_manifest(path)
    assert declared({path: text}) == wanted


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("pyproject.toml", "[project\n"), ("pyproject.toml", "project = 3"), ("package.json", "{"),
        ("package.json", "[1]"),
        ("Cargo.toml", "dependencies = 3"), ("pyproject.toml", "[tool]\npoetry = 1"),
    ],
)  # fmt: skip
def test_a_broken_manifest_declares_nothing(path: str, text: str) -> None:
    assert declared({path: text}) == []


def test_other_files_are_no_manifests() -> None:
    assert not any(map(is_manifest, ("a.py", "docs/requirements.md", "go.mod.txt", "mypackage.json")))
