"""Output that can be published: without the vantage node's own addresses, and without the names and
folders of the capture files.

Used by report.page and by the commands with --redact.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import Any

import pandas as pd

from monerotraffic.tables.traffic import Traffic

__all__ = ["Redaction"]

_VANTAGE = "vantage"


class Redaction:
    """Replaces the addresses of the vantage nodes by `vantage`, and the paths and names of capture
    files by `capture-1`, `capture-2` and so on, in order of the table of files.
    """

    def __init__(self, traffic: Traffic) -> None:
        self._files: dict[str, str] = {}
        for number, path in enumerate(traffic.files["path"].dropna().astype(str), 1):
            for name in (path, os.path.basename(path)):
                self._files.setdefault(name, f"capture-{number}")
        hosts = [form for host in traffic.hosts for form in (f"::ffff:{host}", host)]
        # whole addresses, not a part of a longer one
        self._hosts = re.compile(
            rf"(?<![0-9a-fA-F:.])(?:{'|'.join(map(re.escape, hosts))})(?![0-9a-fA-F:]|\.[0-9])"
            if hosts
            else r"(?!)"
        )

    def text(self, text: str) -> str:
        """A text without the addresses."""
        return self._hosts.sub(_VANTAGE, text)

    def path(self, path: str) -> str:
        """What stands for a file."""
        return self._files.get(path, path)

    def places(self, places: Iterable[str]) -> list[str]:
        """Places, file:frame, with what stands for the file."""
        parts = (place.rpartition(":") for place in places)
        return [f"{self.path(file)}{colon}{frame}" for file, colon, frame in parts]

    def value(self, value: Any) -> Any:
        """Plain values, as findings_to_dict and summary return them."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.value(one) for one in value]
        if isinstance(value, dict):
            return {
                name: self.path(one)
                if name == "path"
                else self.places(one)
                if name == "places"
                else self.value(one)
                for name, one in value.items()
            }
        return value

    def findings(self, findings: pd.DataFrame) -> pd.DataFrame:
        """Findings whose places name no file, and whose vantage nodes have no address."""
        return findings.assign(
            vantage=[self.text(str(name)) for name in findings["vantage"]],
            places=[self.places(places) for places in findings["places"]],
        )
