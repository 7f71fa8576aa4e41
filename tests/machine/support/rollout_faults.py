"""Faults of a machine during a rollout; each leaves a way back that the test can take."""

from __future__ import annotations

from typing import NamedTuple

from tests.machine.support.machine import Machine

SSHD = "/etc/pam.d/sshd"
PROGRAM = "/usr/local/sbin/creds-setup-pam"
WRAPPER = """\
#!/bin/sh
# Runs the program, and something else before or after a change, or in place of a confirmation.
case " $* " in *" apply "*) is_change=yes ;; *) is_change= ;; esac
case " $* " in
*" confirm "*)
    {at_confirm}
    ;;
esac
if [ "$is_change" ]; then
    {before}
    :
fi
/opt/creds-session/current/bin/creds-setup-pam "$@"
code=$?
if [ "$is_change" ]; then
    {after}
    :
fi
exit $code
"""
UNSAFE = b"""\
auth     sufficient pam_unix.so
auth     [success=1 default=ignore] pam_unix.so
auth     requisite pam_deny.so
auth     required pam_permit.so
account  required pam_unix.so
password required pam_unix.so
session  required pam_unix.so
session  optional pam_systemd.so
"""
FULL = """\
cp -a /etc/pam.d /root/pam.d
mount -t tmpfs -o size=128k,mode=755 tmpfs /etc/pam.d
cp -a /root/pam.d/. /etc/pam.d
head -c 1M /dev/zero >/etc/pam.d/.full || :
"""


class Fault(NamedTuple):
    """A fault: the shell commands that make it and that end it, and what the report says.

    ``before`` and ``after`` run before and after the change itself, and ``at_confirm`` runs when
    the login of the controller confirms it. ``reboots`` is whether the machine boots again by
    itself.
    """

    outcome: str
    reason: str
    make: str = ""
    before: str = ""
    after: str = ""
    at_confirm: str = ""
    end: str = ""
    reboots: bool = False

    def put(self, machine: Machine) -> None:
        """Break the machine, or have it break when it is changed."""
        if self.make:
            machine.sh(self.make)
        if self.before or self.after or self.at_confirm:
            wrapper = WRAPPER.format(
                before=self.before, after=self.after, at_confirm=self.at_confirm or ":"
            )
            machine.sh(f"rm {PROGRAM}; cat >{PROGRAM}; chmod 755 {PROGRAM}", stdin=wrapper.encode())

    def remove(self, machine: Machine) -> None:
        """Repair the machine, as an administrator does."""
        if self.end:
            machine.sh(self.end)
        machine.run("ln", "-sfn", "/opt/creds-session/current/bin/creds-setup-pam", PROGRAM)


WHEN_CHANGED = f"while ! grep -q gnome_keyring {SSHD}; do :; done"
FAULTS = {
    "unsafe": Fault(
        "refused",
        "no safe place for the auth rule",
        make=f"cp -a {SSHD} /root/sshd; cat >{SSHD} <<'END'\n{UNSAFE.decode()}END",
        end=f"cat /root/sshd >{SSHD}",
    ),
    "full disk": Fault(
        "not changed",
        "No space left on device",
        make=FULL,
        end="umount --lazy /etc/pam.d; rm -r /root/pam.d",
    ),
    "login breaks": Fault(
        "reverted",
        "the login by SSH key failed",
        after="touch /etc/nologin",
        end="rm -f /etc/nologin",
    ),
    "power loss": Fault(
        "reverted",
        "",
        before=f"({WHEN_CHANGED}; systemctl reboot --force --force) >/dev/null 2>&1 &",
        reboots=True,
    ),
    "reboot": Fault(
        "reverted",
        "",
        at_confirm="systemctl reboot --force --force; exec sleep 60",
        reboots=True,
    ),
}
