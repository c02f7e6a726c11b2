"""What a View computes once."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from monerotraffic.metrics import announcements
from monerotraffic.rules import find_anomalies
from monerotraffic.rules.bans import ban
from monerotraffic.tables.traffic import Traffic
from monerotraffic.tables.view import View, once_per_view
from support.findings import finding, frame
from support.lab import Lab


def test_a_metric_is_computed_once_per_view_and_set_of_arguments(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    lab.session("192.0.2.1", 0, 5)
    view, calls = View(lab.read()), []

    @once_per_view
    def metric(traffic: Traffic | View, gap_s: float = 1.0) -> pd.DataFrame:
        calls.append(gap_s)
        return pd.DataFrame({"gap_s": [gap_s]})

    assert metric(view)["gap_s"].tolist() == [1.0]
    assert metric(view)["gap_s"].tolist() == [1.0]
    assert metric(view, 2.0)["gap_s"].tolist() == [2.0]
    assert metric(view, gap_s=2.0)["gap_s"].tolist() == [2.0]
    assert calls == [1.0, 2.0, 2.0]


def test_a_caller_cannot_change_what_others_get(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    lab.session("192.0.2.1", 0, 5)
    view = View(lab.read())
    mine = announcements(view)
    mine["site"] = "elsewhere"
    mine.loc[0, "peer_id"] = 6
    theirs = announcements(view)
    assert "site" not in theirs
    assert theirs["peer_id"].tolist() == [5]


def test_rules_do_not_depend_on_their_order(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    for number in range(4):
        lab.session("192.0.2.1", number * 100, 5 + number % 2)
    view = View(lab.read())
    pd.testing.assert_frame_equal(find_anomalies(view), find_anomalies(view))


def test_the_nodes_own_daemon_is_never_banned() -> None:
    assert ban(frame(finding("127.0.0.1"), finding("::1"), finding("192.0.2.9"))).peers == (
        "192.0.2.9",
    )
