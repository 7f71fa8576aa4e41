"""The whole snapshot of a machine and a session."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from creds_session.errors import CredsSessionError
from creds_session.facts import BusFacts, Facts, PamFacts
from creds_session.probe.installation import probe_dialect, probe_first_login, probe_installation
from creds_session.probe.session import probe_bus, probe_keyring, probe_session
from creds_session.probe.sshd import probe_sshd
from creds_session.system.bus import is_socket_of, session_bus_address
from creds_session.system.processes import bus_daemon_runs, keyring_daemons
from creds_session.system.root import Root


def probe(environ: Mapping[str, str], root: Root, timeout: float = 3) -> Facts:
    """Take the whole snapshot of this session; connects only to a bus that already runs."""
    uid = os.getuid()
    address = session_bus_address(environ, uid)
    reason = "nobody has used it yet, so nothing runs on it"
    bus = BusFacts(address, reason, is_idle=True)
    if address is None or bus_daemon_runs(uid) or not _may_be_idle(address, uid):
        bus = probe_bus(environ, timeout)
    daemons = keyring_daemons(uid)
    installation = probe_installation(root)
    sshd = probe_sshd(root, installation.sshd)
    return Facts(
        now=time.time(),
        session=probe_session(environ),
        bus=bus,
        keyring=probe_keyring(environ, connect=False),
        daemons=daemons,
        installation=installation,
        pam=probe_pam(root, sshd.pam_service_name),
        first_login=probe_first_login(root),
        sshd=sshd,
    )


def _may_be_idle(address: str, uid: int) -> bool:
    """Tell whether the socket of this bus is there; if not, a connection starts nothing."""
    return is_socket_of(address.partition(",")[0].removeprefix("unix:path="), uid)


def probe_pam(root: Root, service: str) -> PamFacts:
    """Read every PAM service file of this system: a verdict may need any of them."""
    files: dict[str, bytes] = {}
    reasons: list[str] = []
    dialect = probe_dialect(root)
    for directory in dialect.directories:
        with _noted(reasons):
            for name in root.names(directory):
                with _noted(reasons):
                    content = root.read(f"{directory}/{name}")
                    if content is not None:
                        files[f"{directory}/{name}"] = content
    return PamFacts(service, files, dialect, "; ".join(reasons))


@contextmanager
def _noted(reasons: list[str]) -> Iterator[None]:
    try:
        yield
    except (OSError, CredsSessionError) as error:
        reasons.append(str(error))
