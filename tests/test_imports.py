"""The dependencies between the packages, and what the top-level module offers."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import monerotraffic as mt

ROOT = Path(mt.__file__).parent

ORDER = ("net", "tables", "io", "store", "metrics", "rules", "report", "cli")
"""A package may import those before it."""
OPEN = {"_core", "_version", "errors", "atomic"}
"""Modules that every other may import."""
ALLOWED = {
    **{package: set(ORDER[:place]) for place, package in enumerate(ORDER)},
    "live": {"net", "tables", "io", "store", "metrics", "rules"},
    "compat": {"net", "tables"},
    "banlist": {"net"},
    "epee": set[str](),
    "errors": {"_core"},
    "atomic": set[str](),
    "_version": set[str](),
    "__init__": {"io", "tables"},
    "__main__": {"cli"},
}
for above in ("metrics", "rules", "report", "live", "cli"):
    ALLOWED[above].add("banlist")
ALLOWED["cli"].add("live")


def part(module: str) -> str:
    """The package, or the module of its own, that a module of ours belongs to."""
    return module.split(".")[1] if "." in module else "__init__"


def imports(path: Path) -> set[str]:
    """The modules of ours that a file imports, those for type checkers left out."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    modules = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            modules.add(node.module or "")
            modules |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {
        name
        for name in modules
        if name.startswith("monerotraffic.")
        and ((ROOT.parent / name.replace(".", "/")).with_suffix(".py").exists() or is_package(name))
    } | {name for name in modules if name == "monerotraffic._core"}


def is_package(name: str) -> bool:
    return (ROOT.parent / name.replace(".", "/") / "__init__.py").exists()


SOURCES = sorted(ROOT.rglob("*.py"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_packages_import_only_what_is_below(path: Path) -> None:
    own = path.relative_to(ROOT).parts[0].removesuffix(".py")
    used = {part(name) for name in imports(path)} - OPEN - {own}
    assert used <= ALLOWED[own], f"{path.name} imports {sorted(used - ALLOWED[own])}"


def test_modules_have_no_import_cycle() -> None:
    """Of modules, not only of packages: a module that needs itself cannot be understood alone."""
    names = {
        ".".join(path.relative_to(ROOT.parent).with_suffix("").parts).removesuffix(
            ".__init__"
        ): path
        for path in SOURCES
    }
    # a package's __init__ collects what its modules offer: importing a module of it is no cycle
    edges = {
        name: {
            other
            for other in imports(path) & names.keys()
            if other != name and not name.startswith(f"{other}.")
        }
        for name, path in names.items()
    }
    done: set[str] = set()

    def visit(name: str, above: tuple[str, ...]) -> None:
        assert name not in above, " → ".join([*above[above.index(name) :], name])
        if name not in done:
            for other in sorted(edges[name]):
                visit(other, (*above, name))
            done.add(name)

    for name in sorted(names):
        visit(name, ())


# ---------------------------------------------------------------- the top-level module


def test_dir_is_what_is_offered() -> None:
    assert sorted(dir(mt)) == sorted(mt.__all__)
    assert [name for name in dir(mt) if name.startswith("_")] == ["__version__"]


@pytest.mark.parametrize("name", mt.__all__)
def test_everything_that_is_offered_is_there(name: str) -> None:
    assert getattr(mt, name) is not None


def test_what_is_not_offered() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = mt.nonsense


def test_import_is_lazy() -> None:
    """pandas and matplotlib take longer to import than a small capture to read."""
    program = "import sys, monerotraffic\nprint(*sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert not loaded & {"pandas", "matplotlib", "monerotraffic.metrics", "monerotraffic.rules"}


def test_the_version_stands_once() -> None:
    sources = [*ROOT.rglob("*.py"), ROOT.parent / "pyproject.toml", ROOT.parent / "setup.py"]
    assert [path.name for path in sources if f'"{mt.__version__}"' in path.read_text()] == [
        "_version.py"
    ]
    citation = (ROOT.parent / "CITATION.cff").read_text()
    assert f"\nversion: {mt.__version__}\n" in citation
