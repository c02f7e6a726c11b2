"""The folder in which examples of docstrings run."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet

import monerotraffic as mt
from support.paths import HONEST, TESTS


@pytest.fixture(scope="session")
def data_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled capture as a data set."""
    folder = tmp_path_factory.mktemp("examples") / "traffic"
    mt.decode(HONEST, folder)
    return folder


@pytest.fixture(scope="session")
def systems(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of autonomous systems."""
    path = tmp_path_factory.mktemp("systems") / "GeoLite2-ASN.mmdb"
    writer = MMDBWriter(4, "GeoLite2-ASN")
    entry = {"autonomous_system_number": 64500}
    entry["autonomous_system_organization"] = "Example Networks"
    writer.insert_network(IPSet(["192.0.2.0/24"]), entry)
    writer.to_db_file(str(path))
    return path


@pytest.fixture(scope="session")
def places(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of countries."""
    path = tmp_path_factory.mktemp("places") / "GeoLite2-Country.mmdb"
    writer = MMDBWriter(4, "GeoLite2-Country")
    writer.insert_network(IPSet(["192.0.2.0/24"]), {"country": {"iso_code": "AQ"}})
    writer.to_db_file(str(path))
    return path


@pytest.fixture
def example_folder(
    tmp_path: Path, data_set: Path, systems: Path, places: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A folder with `tests`, as in the repository, the data set `traffic`, a ban list, and
    databases of autonomous systems and countries.
    """
    monkeypatch.setenv("MPLBACKEND", "Agg")
    (tmp_path / "tests").symlink_to(TESTS, target_is_directory=True)
    shutil.copytree(data_set, tmp_path / "traffic")
    shutil.copy(systems, tmp_path)
    shutil.copy(places, tmp_path)
    (tmp_path / "ban.txt").write_text("192.0.2.0/24  # a subnet\n198.51.100.7\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path
