"""The structure of the C core: which folder may include which, and the limits of its files."""

import graphlib
import re
from pathlib import Path

import lizard
import pytest

ROOT = Path(__file__).resolve().parents[2]
CSRC = ROOT / "csrc"

# Folders that a folder may include beside itself; "" is csrc itself, where the core is.
ALLOWED = {
    "base": set(),
    "net": {"base"},
    "capture": {"base", "net"},
    "tcp": {"base", "net"},
    "levin": {"base"},
    "epee": {"base"},
    "chain": {"base"},
    "tables": {"base"},
    "p2p": {"base", "chain", "epee", "tables"},
    "": {"base", "capture", "chain", "epee", "levin", "net", "p2p", "tables", "tcp"},
    # epee for epee.loads, capture for Python's decompressors; all else goes through the core
    "python": {"", "base", "capture", "epee"},
}
# Layers with a test file for each source file.
MIRRORED = ("base", "net", "epee", "chain", "tables", "p2p")
MAX_LINES = 600
MAX_WIDTH = 100
MAX_FUNCTION_LINES = 40
MAX_PARAMETERS = 6

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)


def _files(*folders: str) -> list[Path]:
    return sorted(
        path
        for folder in folders
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".c", ".h"}
    )


def _folder(name: str) -> str:
    return name.rpartition("/")[0]


def _includes() -> list[tuple[str, str]]:
    """Pairs of a file and a file that it includes, both relative to csrc."""
    return [
        (path.relative_to(CSRC).as_posix(), included)
        for path in _files("csrc")
        for included in INCLUDE.findall(path.read_text())
    ]


def test_includes_are_allowed() -> None:
    includes = _includes()
    assert len(includes) > 100
    assert {_folder(file) for file, _ in includes} == set(ALLOWED)
    assert [
        (file, included)
        for file, included in includes
        if _folder(included) != _folder(file) and _folder(included) not in ALLOWED[_folder(file)]
    ] == []


def test_includes_exist() -> None:
    assert [(file, name) for file, name in _includes() if not (CSRC / name).is_file()] == []


def test_folders_have_no_cycle() -> None:
    graph: dict[str, set[str]] = {}
    for file, included in _includes():
        if _folder(file) != _folder(included):
            graph.setdefault(_folder(file), set()).add(_folder(included))
    order = list(graphlib.TopologicalSorter(graph).static_order())  # raises CycleError
    assert order[0] == "base"
    assert order[-1] == "python"


def test_headers_have_no_cycle() -> None:
    graph: dict[str, set[str]] = {}
    for file, included in _includes():
        if file.endswith(".h"):
            graph.setdefault(file, set()).add(included)
    assert len(list(graphlib.TopologicalSorter(graph).static_order())) > 30  # raises CycleError


@pytest.mark.parametrize("folder", ["csrc", "fuzz", "benchmarks", "tests/c"])
def test_files_are_short_and_narrow(folder: str) -> None:
    texts = {
        path.relative_to(ROOT).as_posix(): path.read_text().splitlines() for path in _files(folder)
    }
    assert texts
    assert {name: len(lines) for name, lines in texts.items() if len(lines) > MAX_LINES} == {}
    assert [
        f"{name}:{number}"
        for name, lines in texts.items()
        for number, line in enumerate(lines, 1)
        if len(line) > MAX_WIDTH
    ] == []


def test_functions_are_short() -> None:
    functions = [
        (path.relative_to(ROOT).as_posix(), function)
        for path in _files("csrc")
        for function in lizard.analyze_file(str(path)).function_list
    ]
    assert len(functions) > 400
    assert [
        f"{path}:{function.start_line} {function.name}: {function.length} lines, "
        f"{function.parameter_count} parameters"
        for path, function in functions
        if function.length > MAX_FUNCTION_LINES or function.parameter_count > MAX_PARAMETERS
    ] == []


def test_tests_mirror_the_tree() -> None:
    """Each C test is in the folder of the layer that it tests."""
    layers = set(ALLOWED) - {"", "python"}
    assert {path.parent.name for path in (ROOT / "tests/c").glob("*/test_*.c")} == layers
    untested = [
        path.relative_to(CSRC).as_posix()
        for layer in MIRRORED
        for path in sorted((CSRC / layer).glob("*.c"))
        if not list((ROOT / "tests/c" / layer).glob(f"test_{path.stem}*.c"))
    ]
    assert untested == []


def test_headers_begin_with_a_comment() -> None:
    assert [
        path.name
        for path in _files("csrc")
        if path.suffix == ".h" and not path.read_text().startswith("/* ")
    ] == []


PROTOTYPE = re.compile(
    r"^(?:static inline |extern )?[a-z_][\w *]*\b(mt_\w+)\([^;{]*\)[^;{]*[;{]", re.MULTILINE
)


def test_prototypes_have_a_comment() -> None:
    """A contract comment is right before each function of a header, or before its group."""
    bare = []
    for path in _files("csrc"):
        if path.suffix != ".h":
            continue
        text = path.read_text()
        for match in PROTOTYPE.finditer(text):
            if not text[: match.start()].endswith(("*/\n", ";\n", "}\n")):
                bare.append(f"{path.relative_to(CSRC)}: {match[1]}")
    assert bare == []
