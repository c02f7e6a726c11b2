"""The source distribution contains every file of the repository."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from support.paths import ROOT


def test_sdist_is_complete(tmp_path: Path) -> None:
    """Without the files that only serve the repository's host or git itself."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git repository, so there is no list of files to compare with")
    tracked = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True
    ).stdout.split("\0")
    command = [sys.executable, "setup.py", "-q", "egg_info", "--egg-base", str(tmp_path)]
    command += ["sdist", "--formats=tar", "--dist-dir", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (archive,) = tmp_path.glob("*.tar")
    with tarfile.open(archive) as contents:
        packed = {name.partition("/")[2] for name in contents.getnames()}
    assert {name for name in tracked if name and (ROOT / name).exists()} <= packed
