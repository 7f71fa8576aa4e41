"""Running user managers (``systemd --user``): a changed unit is not theirs until they are told."""

from __future__ import annotations

import os
import pwd
import re
from collections.abc import Callable
from typing import NamedTuple

from creds_session.errors import CredsSessionError
from creds_session.system.processes.as_user import as_user
from creds_session.system.processes.commands import Completed, run
from creds_session.system.processes.keyring_daemons import end, keyring_daemons
from creds_session.system.processes.user_ids import usual_runtime_directory
from creds_session.system.systemd.systemctl import KEYRING_SERVICE, KEYRING_SOCKET, systemctl

PATIENCE = 10.0  # seconds for a look at all processes of a person, and the end of daemons
YES, NO = b"yes", b"no"
UNIT = re.compile(r"^user@(\d+)\.service\b", re.MULTILINE)


class UserManager(NamedTuple):
    """The user manager of one person that runs now."""

    user: str
    uid: int
    gid: int
    home: str

    def run(self, *argv: str) -> Completed:
        """Run a program as this person, who is never acted for with root's rights."""
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
        """Have it read its units anew; tell whether it did."""
        return self.systemctl("daemon-reload").succeeded

    def has_keyrings(self) -> bool:
        """Tell whether the person has any keyring file; yes where that cannot be seen."""
        folder = f"{self.home}/.local/share/keyrings"
        listed = self.run("find", folder, "-maxdepth", "1", "-name", "*.keyring")
        return bool(listed.output.strip()) or not (
            listed.succeeded or "No such file" in listed.errors
        )

    def stop_keyring(self) -> bool:
        """Stop the keyring's socket and every daemon of this person; tell whether that worked."""
        self.systemctl("stop", KEYRING_SOCKET, KEYRING_SERVICE)
        return self._told(lambda: sum(not end(one) for one in keyring_daemons(self.uid)) == 0)

    def start_socket(self) -> bool:
        """Start the socket again, unless a daemon of another origin serves its path."""
        if self._told(lambda: bool(keyring_daemons(self.uid))):
            return True
        enabled = self.systemctl("is-enabled", KEYRING_SOCKET).succeeded
        return not enabled or self.systemctl("start", KEYRING_SOCKET).succeeded

    def _told(self, look: Callable[[], bool]) -> bool:
        """Return what a child that is this person finds; False if it finds nothing in time.

        This person decides what their processes are called and what is in their memory, and how
        long it takes to read that.
        """
        try:
            entry = pwd.getpwuid(self.uid)
            return as_user(entry, lambda: YES if look() else NO, PATIENCE) == YES
        except (CredsSessionError, KeyError):
            return False

    def prepare_next_login(self) -> str:
        """Have it see a changed unit, leave no daemon that would make a ghost; tell what follows.

        A daemon that runs while there is no keyring would be given the password by the next
        login, and never serve the keyring that it makes.
        """
        if not self.reload():
            return f"{self.user}: the user manager did not answer; end this user's sessions first"
        if self.has_keyrings():
            return f"{self.user}: has keyrings; the next login by password opens the login keyring"
        if self.stop_keyring():
            return f"{self.user}: has no keyring yet; the next login by password creates it"
        return (
            f"{self.user}: has no keyring yet, and a keyring daemon that could not be ended;"
            " it works from the first login after all of this user's sessions have ended"
        )


def running() -> tuple[UserManager, ...]:
    """Return every user manager that runs, root's own left out."""
    listed = systemctl("list-units", "--plain", "--no-legend", "--state=active", "user@*.service")
    found = []
    for uid in sorted(int(number) for number in UNIT.findall(listed.output)):
        try:
            entry = pwd.getpwuid(uid)
        except (KeyError, OverflowError):
            continue
        if uid != 0:
            found.append(UserManager(entry.pw_name, entry.pw_uid, entry.pw_gid, entry.pw_dir))
    return tuple(found)
