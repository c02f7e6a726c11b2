"""The version of the package stands once."""

from __future__ import annotations

import re

import monerotraffic as mt
from monerotraffic import _version
from support.paths import ROOT


def test_version() -> None:
    assert mt.__version__ == _version.__version__
    assert re.fullmatch(r"\d+\.\d+\.\d+", mt.__version__)
    project = (ROOT / "pyproject.toml").read_text()
    assert 'version = { attr = "monerotraffic._version.__version__" }' in project
    assert f'"{mt.__version__}"' not in project
