from __future__ import annotations

import os
import signal
from pathlib import Path

from creds_session.system.bus.peer_process import await_end, end_listener, listener
from tests.unit.children import background
from tests.unit.system.bus.test_connection import listening


def test_listener_is_nobody_where_nobody_listens(tmp_path: Path) -> None:
    with listener(str(tmp_path / "gone")) as pidfd:
        assert pidfd is None
    await_end(None)
    with listening(tmp_path / "ours"), listener(str(tmp_path / "ours")) as pidfd:
        assert pidfd is None  # never this very process


def test_end_listener_ends_it_though_it_ignores_the_first_signal(
    tmp_path: Path,
) -> None:
    path = tmp_path / "socket"

    def listen(wait: object) -> None:
        assert callable(wait)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        with listening(path):
            wait()

    with background(listen) as pid:
        with listener(str(path)) as pidfd:
            assert pidfd is not None
            await_end(pidfd, 0.1)
        assert ") Z " in Path(f"/proc/{pid}/stat").read_text()
    end_listener(str(path))
    assert os.getpid()
