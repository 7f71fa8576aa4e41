"""Reload running user managers (``systemd --user``) after a change, for the next login."""

from __future__ import annotations

import os
import pwd
import re
from collections.abc import Callable

from creds_session.errors import CredsSessionError
from creds_session.records import NamedTuple
from creds_session.system.processes.as_user import as_user
from creds_session.system.processes.commands import Completed, run
from creds_session.system.processes.keyring_daemons import end, keyring_daemons
from creds_session.system.processes.user_ids import usual_runtime_directory
from creds_session.system.systemd.systemctl import KEYRING_SERVICE, KEYRING_SOCKET, systemctl

PATIENCE = 10.0  # seconds to look at all processes of a person, and to end daemons
YES, NO = b"yes", b"no"
UNIT = re.compile(r"^user@(\d+)\.service\b", re.MULTILINE)


class UserManager(NamedTuple):
    """The running user manager of one person."""

    user: str
    uid: int
    gid: int
    home: str

    def run(self, *argv: str) -> Completed:
        """Run a program as this person. Root never acts on their files itself."""
        return run(argv, environment=self._environment, identity=self._identity)

    def systemctl(self, *arguments: str) -> Completed:
        """Run ``systemctl --user`` as this person, for their own manager."""
        return systemctl(
            "--user", *arguments, environment=self._environment, identity=self._identity
        )

    @property
    def _environment(self) -> dict[str, str]:
        return {"XDG_RUNTIME_DIR": usual_runtime_directory(self.uid), "HOME": self.home}

    @property
    def _identity(self) -> tuple[int, int, list[int]]:
        return (self.uid, self.gid, os.getgrouplist(self.user, self.gid))

    def reload(self) -> bool:
        """Let the manager read its units again; return whether it did."""
        return self.systemctl("daemon-reload").succeeded

    def has_keyrings(self) -> bool:
        """Return whether the person has a keyring file; True if that cannot be seen."""
        folder = f"{self.home}/.local/share/keyrings"
        listed = self.run("find", folder, "-maxdepth", "1", "-name", "*.keyring")
        return bool(listed.output.strip()) or not (
            listed.succeeded or "No such file" in listed.errors
        )

    def stop_keyring(self) -> bool:
        """Stop the keyring's socket and every daemon of this person; return whether that worked."""
        self.systemctl("stop", KEYRING_SOCKET, KEYRING_SERVICE)
        return self._as_person(
            lambda: sum(not end(daemon) for daemon in keyring_daemons(self.uid)) == 0
        )

    def start_socket(self) -> bool:
        """Start the socket again, unless another daemon serves its path; return whether it did."""
        if self._as_person(lambda: bool(keyring_daemons(self.uid))):
            return True
        enabled = self.systemctl("is-enabled", KEYRING_SOCKET).succeeded
        return not enabled or self.systemctl("start", KEYRING_SOCKET).succeeded

    def _as_person(self, look: Callable[[], bool]) -> bool:
        """Return the result of ``look`` in a child that runs as this person; False on a timeout.

        The person controls the names and the memory of their processes, and how long it takes to
        read them.
        """
        try:
            entry = pwd.getpwuid(self.uid)
            return as_user(entry, lambda: YES if look() else NO, PATIENCE) == YES
        except (CredsSessionError, KeyError):
            return False

    def prepare_next_login(self) -> str:
        """Reload the units, and stop a daemon that would break the next login; say the outcome.

        A daemon that runs while no keyring exists would get the password of the next login, and
        would never serve the keyring that it creates.
        """
        if not self.reload():
            return f"{self.user}: the user manager did not answer; end this user's sessions first"
        if self.has_keyrings():
            return (
                f"{self.user}: has keyrings; the next login by password unlocks the login keyring"
                " if it has the login password (if it has another one: creds rekey)"
            )
        if self.stop_keyring():
            return f"{self.user}: has no keyring yet; the next login by password creates it"
        return (
            f"{self.user}: has no keyring yet, and a keyring daemon that could not be ended;"
            " it works from the first login after all of this user's sessions have ended"
        )


def running() -> tuple[UserManager, ...]:
    """Return all running user managers except root's."""
    listed = systemctl("list-units", "--plain", "--no-legend", "--state=active", "user@*.service")
    managers = []
    for uid in sorted(int(number) for number in UNIT.findall(listed.output)):
        try:
            entry = pwd.getpwuid(uid)
        except (KeyError, OverflowError):
            continue
        if uid != 0:
            managers.append(UserManager(entry.pw_name, entry.pw_uid, entry.pw_gid, entry.pw_dir))
    return tuple(managers)
