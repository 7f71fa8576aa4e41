from __future__ import annotations

from pathlib import Path

import pytest

from creds_session.system.processes.commands import Completed
from creds_session.system.terminal import notice


@pytest.fixture
def walls(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    said: list[list[str]] = []

    def run(argv: list[str]) -> Completed:
        said.append(argv)
        return Completed(0, "", "")

    monkeypatch.setattr(notice, "run", run)
    return said


def test_a_notice_is_for_everybody_and_told_once(tmp_path: Path, walls: list[list[str]]) -> None:
    place = tmp_path / "motd.d/creds-session"
    for _attempt in range(3):
        notice.post(("it failed", "again in 10 s"), place)
    assert place.read_text() == "it failed\nagain in 10 s\n"
    assert place.stat().st_mode & 0o777 == 0o644
    assert place.parent.stat().st_mode & 0o777 == 0o755
    assert walls == [["wall", "it failed\nagain in 10 s"]]
    notice.post(("it failed otherwise",), place, is_urgent=False)
    assert place.read_text() == "it failed otherwise\n"
    assert len(walls) == 1
    notice.withdraw(place)
    notice.withdraw(place)
    assert not place.exists()


def test_a_notice_that_cannot_be_written_is_told_all_the_same(
    tmp_path: Path, walls: list[list[str]]
) -> None:
    (tmp_path / "file").write_text("")
    place = tmp_path / "file/creds-session"
    notice.post(("it failed",), place)
    notice.withdraw(place)
    assert walls == [["wall", "it failed"]]
