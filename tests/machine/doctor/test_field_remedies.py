"""The doctor's first remedy, typed literally by the person who is told so, helps.

A commit tries a third of the situations of ``field.py``, and a nightly run each of them, on both
releases. CREDS_FIELD_TABLE=FILE has a table of what was seen written there, or added to.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tests.depth import FIELD_SAMPLE
from tests.machine.support import breakages
from tests.machine.support.field import PASSWORD, SITUATIONS, End, Situation, Way, of_user
from tests.machine.support.login import PROMPT, Login
from tests.machine.support.machine import Boot, Machine, wait_until
from tests.machine.support.unlock_cell import PLACES
from tests.machine.support.unlock_matrix import Session
from tests.situations import HELPER, SHELL

if TYPE_CHECKING:
    from typing_extensions import Self

RELEASES = ("bookworm", "trixie")
SHELLS = {"bookworm": ("fish", "ksh", "zsh")}  # as in test_login_shells, whose layer it is
CASES = [
    (release, name)
    for place, (name, one) in enumerate(SITUATIONS.items())
    for number, release in enumerate(RELEASES)
    if (place + number) % FIELD_SAMPLE == 0
    and (one.login_shell == "bash" or one.login_shell in SHELLS.get(release, ()))
]
PYTHON = "/opt/creds-session/current/bin/python"
ADMIN = "admin"
ROOT = "root"
PUT = "printf s3cret | creds put app me"
PREFERRED = "PreferredAuthentications"
IDENTITY = ("-o", "IdentityFile=/root/key")
SSH_WAYS = {
    Way.PASSWORD: ("-o", f"{PREFERRED}=password"),
    Way.KEY: ("-o", f"{PREFERRED}=publickey", *IDENTITY),
    Way.DIALOGUE: ("-o", f"{PREFERRED}=keyboard-interactive"),
    Way.KEY_AND_DIALOGUE: ("-o", f"{PREFERRED}=publickey,keyboard-interactive", *IDENTITY),
    Way.HOST: (
        *("-o", f"{PREFERRED}=hostbased", "-o", "HostbasedAuthentication=yes"),
        *("-o", "EnableSSHKeysign=yes", "-o", "GlobalKnownHostsFile=/root/hosts"),
    ),
}
TYPES_PASSWORD = {Way.PASSWORD, Way.DIALOGUE, Way.KEY_AND_DIALOGUE}
PROMPTS = (
    ("[Pp]assword of the login keyring: ", PASSWORD),
    ("Again, to be sure: ", PASSWORD),
    (r"\[sudo\] password for [^:]*: ", PASSWORD),
)
DRAWN = r"> ?(?:\x1b[\[(][?;0-9]*[A-Za-z]|[ \x08\r])*$"  # fish draws on behind its prompt
# The layers have no package files: these are made of what is installed, for apt to install.
REPACK = r"""
set -e
mkdir -p /opt/repository
cd /opt/repository
for name in gnome-keyring libpam-gnome-keyring; do
    mkdir -p $name/DEBIAN
    dpkg-query -L $name | while read -r path; do
        if [ -e "$path" ] && [ ! -d "$path" ]; then printf '%s\n' "${path#/}"; fi
    done | tar -C / -cf - -T - | tar -C $name -xf -
    dpkg-query -W -f 'Package: ${Package}\nVersion: ${Version}\nArchitecture: ${Architecture}
Maintainer: ${Maintainer}\nDepends: ${Depends}\nDescription: ${binary:Summary}\n' $name \
        >$name/DEBIAN/control
    for script in postinst prerm postrm; do
        cp -p /var/lib/dpkg/info/$name.$script $name/DEBIAN/$script 2>/dev/null || :
    done
    dpkg-deb --build -Znone $name $name.deb >/dev/null
    { cat $name/DEBIAN/control
      printf 'Filename: ./%s.deb\nSize: %s\nSHA256: %s\n\n' $name $(stat -c %s $name.deb) \
          $(sha256sum $name.deb | cut -d' ' -f1); } >>Packages
    rm -r $name
done
rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/*
echo 'deb [trusted=yes] file:/opt/repository ./' >/etc/apt/sources.list
apt-get update -qq
"""
# Keyrings that each user gets a copy of: in a home of their own, on a bus of their own.
TEMPLATE = f"""
set -e
export HOME=/home/{ADMIN}/$1
mkdir -p $HOME
cat >$HOME/make
exec dbus-run-session sh $HOME/make
"""
MAKE = {
    "keyring": f"printf {PASSWORD} | creds unlock --create --password-stdin; {PUT}",
    "newline": f"echo {PASSWORD} | gnome-keyring-daemon --unlock --daemonize >/dev/null;"
    f" for i in 1 2 3 4 5 6 7 8 9; do {PUT} && exit; sleep 0.2; done",
    "plain": f"PYTHON={PYTHON} HELPER=/opt/situation.py\n{SHELL}"
    f"serve; k create login ''; k default login; {PUT}",
}


class Told(NamedTuple):
    """What the doctor said: its verdict, its first finding, and the commands to type first."""

    verdict: str
    first: str
    lines: tuple[str, ...]


class FishLogin(Login):
    """A login whose shell is fish, which draws the line that is typed by itself."""

    def _reach_shell(self, answers: list[str]) -> None:
        while self.expect(DRAWN, "[Pp]assword[^\r\n]*: ?$") != 0:
            self.type_secretly(answers.pop(0))
        self.take_over_shell()

    def take_over_shell(self) -> None:
        half = len(PROMPT) // 2
        self.type(f"function fish_prompt; printf '{PROMPT[:half]}%s' '{PROMPT[half:]}'; end")
        self.expect(re.escape(PROMPT))


class Person:
    """The user of one situation on a machine: comes in, asks the doctor, does what it says."""

    def __init__(self, machine: Machine, situation: Situation) -> None:
        self.machine, self.situation = machine, situation
        count = len((machine.root / "etc/passwd").read_text().splitlines())
        self.name = f"u{count}"
        self._open = ExitStack()
        machine.run(
            "useradd", "--create-home", f"--shell=/usr/bin/{situation.login_shell}", self.name
        )
        self.uid = int(machine.run("id", "-u", self.name).stdout)
        self._as_root(
            f"echo USER:{PASSWORD} | chpasswd; cd HOME_;"
            " install -d -o USER -g USER -m 700 .ssh .local .local/share .local/share/keyrings;"
            " install -o USER -g USER -m 600 /root/key.pub .ssh/authorized_keys;"
            " install -o USER -g USER -m 600 /opt/keyring/* .local/share/keyrings"
        )

    def __enter__(self) -> Self:
        try:
            self._as_root(self.situation.root or ":")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End all that is this user's, and whatever the situation did to the machine."""
        self._open.close()
        self._as_root(self.situation.undo or ":")
        self._end_all()

    def _end_all(self) -> None:
        for command in (
            ("loginctl", "terminate-user", self.name),
            ("systemctl", "stop", f"user@{self.uid}.service"),
            ("pkill", "-KILL", "-u", self.name),
        ):
            self.machine.run(*command, check=False)

    def text(self, text: str) -> str:
        return of_user(text, self.name, self.uid)

    def _as_root(self, script: str) -> None:
        self.machine.sh(f"set -e\n{self.text(script)}")

    def comes(self) -> Login:
        """Return the shell in which the doctor is asked; its user answers no hook's question."""
        shell = self._open.enter_context(self._shell(self.situation.way))
        if self.situation.session:
            line = self.text(self.situation.session)
            if "exec " in line or self.situation.login_shell == "fish":
                shell.enter(line) if "exec " in line else self._type(shell, line)
            else:
                done = shell.run(line)
                assert breakages.GAVE_UP not in done.output, done
        return shell

    @contextmanager
    def _shell(self, way: Way) -> Iterator[Login]:
        if way in SSH_WAYS:
            yield self._open.enter_context(self._ssh(way))
        elif way is Way.CONSOLE:
            with self.machine.console(self.name, PASSWORD, answers=[""]) as shell:
                yield shell
        elif way in {Way.TMUX, Way.CONTAINER}:
            place = Session.TMUX if way is Way.TMUX else Session.CONTAINER
            with PLACES[place](self.machine, self.name) as shells:
                yield next(shells)
        elif way is Way.CRON:
            words = f"HOME=/home/{self.name} LOGNAME={self.name} SHELL=/bin/sh"
            command = f"env -i {words} PATH=/usr/local/bin:/usr/bin:/bin setpriv --reuid {self.uid}"
            command += f" --regid {self.uid} --init-groups /bin/sh"
            with Login(self.machine.enter(*command.split()), None) as shell:
                yield shell
        else:
            with self.machine.ssh(ADMIN, PASSWORD) as shell:
                if way is Way.SUDO:
                    shell.enter(f"sudo -u {self.name} bash")
                else:
                    dash = "- " if way is Way.SU else ""
                    shell.enter(f"su {dash}{self.name}", PASSWORD, "")
                yield shell

    def _ssh(self, way: Way) -> Login:
        password = self.situation.login_password if way in TYPES_PASSWORD else None
        kind = FishLogin if self.situation.login_shell == "fish" else Login
        argv = ["ssh", "-tt", "-o", "StrictHostKeyChecking=no", "-o", "LogLevel=ERROR"]
        argv += ["-o", "UserKnownHostsFile=/dev/null", *SSH_WAYS[way]]
        return kind(self.machine.enter(*argv, f"{self.name}@127.0.0.1"), password, answers=[""])

    def asker(self, shell: Login) -> Login:
        """Return the shell of who asks the doctor, and does what it says."""
        if not self.situation.by_root:
            return shell
        return self._open.enter_context(Login(self.machine.enter("su", "-"), None))

    def ask(self, shell: Login) -> Told:
        """Ask the doctor as a person does; its answer goes through a file."""
        folder = "/root" if self.situation.by_root else self._folder
        of_user = f" --user {self.name}" if self.situation.by_root else ""
        place = f"{folder}/told-{self.name}"
        look = f"creds-doctor{of_user} --json >{place}.part 2>/dev/null"
        self._type(shell, f"{look}; mv {place}.part {place}")
        whole = self.machine.root / place[1:]
        wait_until(whole.exists)
        told: dict[str, Any] = json.loads(whole.read_text())
        whole.unlink()
        found = [one for check in told["checks"] for one in check["findings"]]
        first = found[0]
        cure = first["remediation"] or {"lines": []}
        return Told(told["verdict"], first["id"], tuple(cure["lines"]))

    def types(self, shell: Login, told: Told) -> None:
        """Type what is shown, as it is shown; a password is typed where it is asked for."""
        for line in told.lines:
            self._type(shell, line)

    def _type(self, shell: Login, line: str) -> None:
        prompts = (*self.situation.answers, *PROMPTS)
        if self.situation.way is Way.TMUX:
            shell.run(":")  # tmux draws a prompt again that was there before
        shell.type(line)
        asked = 0
        while (place := shell.expect(re.escape(PROMPT), *[one[0] for one in prompts])) != 0:
            asked += 1
            assert asked < 5, shell.transcript
            shell.type_secretly(prompts[place - 1][1])

    @property
    def _folder(self) -> str:
        """Where the shell and the machine both see a file; a container has a /tmp of its own."""
        return f"/home/{self.name}" if self.situation.way is Way.CONTAINER else "/tmp"

    def sees(self, shell: Login, end: End) -> None:
        """Fail unless the situation came to its end."""
        seen = shell
        if end in {End.LOGIN_READS, End.LOGIN_STORES}:
            self._open.close()
            self._end_all()
            self.machine.wait_until_gone(self.name)
            shell = self._open.enter_context(self._ssh(Way.PASSWORD))
        if end in {End.STORE, End.LOGIN_STORES}:
            self._type(shell, PUT)
        place = f"{self._folder}/got-{self.name}"
        self._type(shell, f"creds get app me >{place} 2>&1")
        got = (self.machine.root / place[1:]).read_text().strip()
        assert got == "s3cret", (got, seen.transcript[-2000:])
        if self.situation.also:
            place = f"/tmp/also-{self.name}"
            self._type(shell, f"{self.text(self.situation.also)} && echo yes >{place}")
            assert (self.machine.root / place[1:]).exists(), seen.transcript


class Machines(dict[str, Machine]):
    """The machine of each release, booted when the first case asks for it."""

    def __init__(self, boot: Boot) -> None:
        super().__init__()
        self._boot = boot

    def __missing__(self, release: str) -> Machine:
        machine = self._boot(
            release,
            packages=SHELLS.get(release, ()),
            files={
                "/opt/situation.py": HELPER.encode(),
                "/opt/other_provider.py": breakages.OTHER_PROVIDER.encode(),
                "/opt/second_keyring.py": breakages.SECOND_KEYRING.encode(),
                "/opt/wait-for": breakages.WAIT_FOR.encode(),
            },
        )
        machine.sh("cp -p /etc/pam.d/sshd /root/plain-sshd; mkdir -m 1777 /run/cells")
        machine.sh(REPACK)
        machine.run("creds-setup-pam", "apply")
        machine.add_user(ADMIN, PASSWORD)
        machine.sh(
            "ssh-keygen -q -t ed25519 -N '' -f /root/key;"
            f" echo '{ADMIN} ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/{ADMIN};"
            " sed 's/^/127.0.0.1 /' /etc/ssh/ssh_host_*_key.pub >/root/hosts"
            " && cp /root/hosts /etc/ssh/ssh_known_hosts;"
            " echo EnableSSHKeysign yes >/etc/ssh/ssh_config.d/keysign.conf"
        )
        for name, script in MAKE.items():
            argv = ("runuser", "-u", ADMIN, "--", "sh", "-c", TEMPLATE, "sh", name)
            machine.run(*argv, stdin=f"{script}\n".encode())
            machine.sh(f"cp -r /home/{ADMIN}/{name}/.local/share/keyrings /opt/{name}")
        self[release] = machine
        return machine


@pytest.fixture(scope="module")
def machines(boot: Boot) -> Machines:
    return Machines(boot)


def normal(line: str) -> str:
    """Return a line with PID in the place of a process' number."""
    return re.sub(r"^(kill (?:-\S+ )?)\d+$", r"\1PID", line)


@pytest.mark.parametrize(("release", "name"), CASES, ids=["-".join(case) for case in CASES])
def test_the_first_line_is_right_and_the_first_remedy_helps(
    machines: Machines, release: str, name: str
) -> None:
    situation = SITUATIONS[name]
    with Person(machines[release], situation) as person:
        shell = person.comes()
        asker = person.asker(shell)
        told = person.ask(asker)
        assert (told.first, situation.says in told.verdict) == (situation.first, True), told
        expected = [person.text(line) for line in situation.lines]
        assert [normal(line) for line in told.lines] == expected, told
        person.types(asker, told)
        for following in situation.then:
            told = person.ask(asker)
            assert told.first == following
            person.types(asker, told)
        person.sees(shell, situation.end)
        note(release, name, situation)


def note(release: str, name: str, situation: Situation) -> None:
    """Write what was seen into the table, if one is asked for."""
    place = os.environ.get("CREDS_FIELD_TABLE")
    if place:
        typed = "; ".join(f"`{line}`" for line in situation.lines)
        who = "root" if situation.by_root else "the user"
        with Path(place).open("a") as table:
            table.write(f"| {name} | {release} | {situation.first} | {who}: {typed} | yes |\n")


def test_there_are_more_than_thirty_situations_and_each_is_of_a_check() -> None:
    from creds_session.doctor.checks import CHECKS

    known = {check.id for check in CHECKS}
    assert len(SITUATIONS) > 30
    assert {one.first for one in SITUATIONS.values()} <= known
