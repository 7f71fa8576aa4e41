"""A person who asks the doctor on a booted machine, and does what it says."""

from __future__ import annotations

import json
import shlex
import time
from typing import Any, NamedTuple

from creds_session.doctor.pam_memory import FOLDER, NAME
from tests.machine.support import breakages
from tests.machine.support.breakages import AS_ROOT, Breakage
from tests.machine.support.login import Login, Result
from tests.machine.support.machine import Machine

PASSWORD = "pw1"
MEMORY = f"/run/user/1000/{FOLDER}/{NAME}"
KEY = ["-o", "PreferredAuthentications=publickey", "-o", "IdentityFile=/root/key"]
DIALOGUE = ["-o", "PreferredAuthentications=keyboard-interactive"]
PROMPTS = {
    "Old password of the login keyring: ": PASSWORD,
    "New password of the login keyring: ": "pw2",  # the login's, where `creds rekey` asks
    "Again, to be sure: ": "pw2",
    "[Pp]assword of the login keyring: ": PASSWORD,
    "[Pp]assword of the work keyring: ": "other",
}


PATIENCE = 4.5
"""Seconds that the doctor may take: the three that it promises, and what a loaded machine adds."""


class Told(NamedTuple):
    """What the doctor said: its exit code, the findings in order, and how long it took.

    ``starting`` is how long the same program takes to start on this machine now, if the doctor
    was slow. If it was, it was asked up to twice more, without what it remembers of PAM, and these
    are the times of the best attempt: a doctor that waits too long does so each time, and one that
    got no processor does not.
    """

    status: int
    findings: tuple[dict[str, Any], ...]
    seconds: float
    starting: float = 0.0

    @property
    def ids(self) -> list[str]:
        return [str(finding["id"]) for finding in self.findings]

    def evidence(self, check_id: str) -> str:
        return "\n".join(
            line for one in self.findings if one["id"] == check_id for line in one["evidence"]
        )

    @property
    def above_note(self) -> list[str]:
        return [str(one["id"]) for one in self.findings if one["severity"] != "note"]


def prepare(machine: Machine) -> None:
    """Make alice and bob, whose manager runs always, and give her a secret."""
    machine.run("creds-setup-pam", "apply")
    for name in ("alice", "bob"):
        machine.add_user(name, PASSWORD)
    machine.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "/root/key")
    machine.sh(
        "install -d -o alice -g alice -m 700 ~alice/.ssh;"
        " install -o alice -g alice -m 600 /root/key.pub ~alice/.ssh/authorized_keys;"
        " usermod -a -G systemd-journal alice;"
        " echo 'alice ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/alice;"
        " loginctl enable-linger bob; systemctl start user@1001"
    )
    for name, text in (
        ("other_provider", breakages.OTHER_PROVIDER),
        ("second_keyring", breakages.SECOND_KEYRING),
        ("hung", breakages.HUNG),
        ("silent_display", breakages.SILENT_DISPLAY),
    ):
        (machine.root / f"opt/{name}.py").write_text(text)
    (machine.root / "opt/wait-for").write_text(breakages.WAIT_FOR)
    with machine.ssh("alice", PASSWORD) as session:
        assert session.run("printf s3cret | creds put app me").status == 0


def reset(machine: Machine) -> None:
    """End all that is alice's."""
    machine.run("loginctl", "terminate-user", "alice", check=False)
    machine.run("systemctl", "stop", "user@1000.service", check=False)
    machine.run("pkill", "-KILL", "-u", "alice", check=False)
    machine.wait_until_gone("alice")
    machine.run("systemctl", "reset-failed", check=False)


def log_in(machine: Machine, kind: str, password: str = PASSWORD) -> Login:
    """Come in as alice by password, key, keyboard-interactive, or by su from bob's session."""
    if kind == "key":
        return machine.ssh("alice", None, *KEY, answers=[""])  # what the hook asks, if it does
    if kind == "dialogue":
        return machine.ssh("alice", None, *DIALOGUE, answers=[PASSWORD])
    if kind == "su":
        session = machine.ssh("bob", PASSWORD)
        session.enter("su - alice", PASSWORD)
        return session
    return machine.ssh("alice", password, answers=[""])


def ask(machine: Machine, session: Login, command: str = "creds-doctor") -> Told:
    """Ask the doctor in this session, or as root; return its first answer and its best time."""
    told = _asked(machine, session, command)
    for _again in range(2):
        if told.seconds - told.starting < PATIENCE:
            break
        machine.run("rm", "-f", MEMORY)
        starting = _starting(machine)
        seconds = _asked(machine, session, command).seconds
        if seconds - starting < told.seconds - told.starting:
            told = told._replace(seconds=seconds, starting=starting)
    return told


def _asked(machine: Machine, session: Login, command: str) -> Told:
    """Ask the doctor once; what a user is told goes through a file."""
    began = time.monotonic()
    if command.startswith(AS_ROOT):
        done = machine.run(*command.split(), "--json", check=False)
        status, text = done.returncode, done.stdout
    else:
        typed = f"{command} --json >/tmp/told 2>/tmp/errors </dev/null"
        status = session.run(f": >/tmp/told; {typed}").status
        text = (machine.root / "tmp/told").read_text()
    seconds = time.monotonic() - began
    told = json.loads(text)
    findings = tuple(one for check in told["checks"] for one in check["findings"])
    return Told(status, findings, seconds)


def _starting(machine: Machine) -> float:
    """Return how long root's doctor takes to start: its list looks at nothing that is broken."""
    began = time.monotonic()
    machine.run("creds-doctor", "--list")
    return time.monotonic() - began


def fix(session: Login, before_it: str = "") -> str:
    """Let the doctor cure what it can; type the keyring's passwords where they are asked for."""
    return type_answering(session, f"{before_it}creds-doctor --fix --yes 2>&1 >/dev/null")


def type_answering(session: Login, line: str, *, answers: int = 4) -> str:
    """Type a line, and the passwords that it asks for; return what was seen, with the exit code."""
    before = len(session.transcript)
    session.type(f"{line}; echo 'do''ne='$?")
    while (asked := session.expect(r"done=\d+\r", *PROMPTS)) and answers:
        answers -= 1
        session.type_secretly([*PROMPTS.values()][asked - 1])
    session.expect("<ready>")
    return session.transcript[before:]


def carry_out_as_user(session: Login, told: Told, check_id: str) -> None:
    """Run what is shown for the user, in their session."""
    for argv in commands(told, check_id):
        assert argv[0] != "sudo", argv
        seen = type_answering(session, shlex.join(argv))
        assert "done=0" in seen, seen


def commands(told: Told, check_id: str) -> list[list[str]]:
    """Return the commands that are shown for a finding; there must be some."""
    (finding,) = [one for one in told.findings if one["id"] == check_id]
    shown: list[list[str]] = finding["remediation"]["commands"]
    assert shown, finding
    return shown


def carry_out_as_root(machine: Machine, told: Told, check_id: str) -> None:
    """Run what is shown for root."""
    for argv in commands(told, check_id):
        assert argv[0] == "sudo", argv
        machine.run(*argv[1:])


def broken(machine: Machine, session: Login | None, breakage: Breakage) -> Login:
    """Break it; return the session that is to be asked."""
    if breakage.root:
        machine.sh(breakage.root)
    if session is None:
        password = "pw2" if "alice:pw2" in breakage.root else PASSWORD
        session = log_in(machine, breakage.login, password)
    if breakage.session:
        in_time(session.run(breakage.session))
    return session


def mend(machine: Machine, session: Login, breakage: Breakage) -> None:
    """Take a breakage back."""
    if breakage.leave:
        in_time(session.run(breakage.leave))
    if breakage.undo:
        machine.sh(breakage.undo)


def in_time(done: Result) -> None:
    """Fail unless each state that the shell text waited for came about."""
    assert breakages.GAVE_UP not in done.output, done


def is_healthy(machine: Machine, session: Login) -> None:
    got = session.run("creds get app me")
    assert got.output == "s3cret", got
    told = ask(machine, session)
    assert (told.status, told.above_note) == (0, []), told.findings[:2]


class Patient:
    """One machine and one healthy session of alice's, made again if a test has spoilt it."""

    def __init__(self, machine: Machine, release: str) -> None:
        self.machine = machine
        self.release = release
        self._session: Login | None = None

    @property
    def session(self) -> Login:
        if self._session is None:
            reset(self.machine)
            self._session = log_in(self.machine, "password")
        return self._session

    def take(self, session: Login) -> None:
        self.drop()
        self._session = session

    def drop(self) -> None:
        if self._session is not None:
            self._session.close()
        self._session = None
