"""What people meet in the field: the doctor's first line, and the first remedy, of facts made up.

The right answer of each was written down before the checks were. ``first`` is the finding that
has to come first, ``says`` is in the verdict and ``never`` in no word of that finding; ``lines``
are what its reader is told to type first, and ``later`` what else is offered.
"""

from __future__ import annotations

import shlex
import subprocess
from typing import NamedTuple

import pytest

from creds_session.doctor.checks import CHECKS, run
from creds_session.doctor.checks.diagnosis import Diagnosis
from creds_session.doctor.diagnosis import entries
from creds_session.doctor.report.check_pages import explain_lines
from creds_session.doctor.report.verdict import findings, root_cause, verdict
from creds_session.facts.collection_state import CollectionState, KeyringForm
from creds_session.facts.login_log import LogLine
from creds_session.facts.machine import (
    ClientFacts,
    ControlFacts,
    HomeFacts,
    InitFacts,
    OtherProcess,
    PathFacts,
    PathKind,
    PolicyRefusal,
    ProcessFacts,
    RuntimeFacts,
    UnitFacts,
    UnitsFacts,
)
from creds_session.facts.session import BusFacts, BusProblem, DaemonRole, NameOwner, SessionFacts
from creds_session.facts.snapshot import Facts, FirstLoginFacts, InstallationFacts, PamFacts, Reader
from creds_session.facts.sshd import SshdFacts
from creds_session.findings import Finding, Outcome, Severity
from tests.unit.examples import ADDRESS, GNOME, NOW, SSHD, WELL, WITHOUT_RULES, bus, daemon, keyring

LOCKED, ABSENT = CollectionState.LOCKED, CollectionState.ABSENT
OPEN = CollectionState.UNLOCKED
JOIN, START = 'eval "$(creds env)"', 'eval "$(creds env --start)"'
APPLY = "sudo creds-setup-pam apply"
NOTHING = InstallationFacts(None, None, None, "ID=debian\n")
NO_MODULE = WELL.installation._replace(pam_module=None)
KEEPASSXC = NameOwner(8, 1000, "keepassxc")
KWALLET = NameOwner(8, 1000, "kwalletd5")
OO7 = NameOwner(8, 1000, "oo7-daemon")
UNSET = PamFacts(files={"/etc/pam.d/sshd": WITHOUT_RULES})
OF_SSSD_ALONE = PamFacts(
    files={
        "/etc/pam.d/sshd": SSHD.replace(
            b"auth       required     pam_unix.so\n",
            b"auth [success=done default=ignore] pam_unix.so\n"
            b"auth required pam_sss.so use_first_pass\n",
        )
    }
)
UNSAFE = PamFacts(
    files={
        "/etc/pam.d/sshd": SSHD.replace(
            b"auth       [default=ignore] pam_gnome", b"auth required pam_gnome"
        )
    }
)
NO_PASSWORD_RULE = PamFacts(
    files={
        "/etc/pam.d/sshd": SSHD.replace(b"password   [default=ignore] pam_gnome", b"# pam_gnome")
    }
)
NOT_A_KEYRING = "/org/freedesktop/secrets/collection/mine"
# As Debian 13 logs it: a child of gkr-pam's, and then the process of sshd's that waited for it.
REFUSED_LINE = LogLine(
    NOW - 5, "sshd-session", 12, "gkr-pam: couldn't run gnome-keyring-daemon: Permission denied"
)
NOT_STARTED = LogLine(
    NOW - 4, "sshd-session", 9, "gkr-pam: gnome-keyring-daemon didn't start properly"
)
ACCEPTED = LogLine(NOW - 6, "sshd", 9, "Accepted password for alice from ::1 port 5")
AVC = LogLine(
    *(NOW - 5, "audit", 0),
    'AVC avc:  denied  { transition } for  pid=12 comm="sshd" path="/usr/bin/gnome-keyring-daemon"',
)
MOVED = (
    "mv --no-clobber --no-target-directory /home/alice/login.keyring"
    " /home/alice/login.keyring.aside"
)
PLACE = PathFacts("/run/user/1000", PathKind.FOLDER, 1000, 0o700)
RUNTIME = RuntimeFacts(PLACE, PLACE)
HOME = PathFacts("/home/alice", PathKind.FOLDER, 1000, 0o700)


def by(method: str | None) -> SessionFacts:
    return WELL.session._replace(login_method=method)


def home(kind: PathKind, file_system: str, uid: int = 1000) -> HomeFacts:
    path = PathFacts("/home/alice", kind, uid if kind is PathKind.FOLDER else -1, 0o700)
    return HomeFacts(path._replace(redirection=""), "/home/alice", file_system=file_system)


EXECUTE = ("execute", "getattr", "open", "read")
OF_SYSTEMD = PolicyRefusal("sshd_t", "gnome_keyring_tmp_t", "dir", ("search",))
# What the policy of Debian 13 refuses at a first login of an unconfined user.
OF_DEBIAN = (
    PolicyRefusal("sshd_t", "gkeyringd_exec_t", "file", EXECUTE),
    PolicyRefusal("unconfined_t", "gkeyringd_exec_t", "file", ("entrypoint",)),
    PolicyRefusal("sshd_t", "user_tmp_t", "dir", ("search",)),
    PolicyRefusal("sshd_t", "user_tmp_t", "sock_file", ("getattr", "write")),
    PolicyRefusal("sshd_t", "unconfined_t", "unix_stream_socket", ("connectto",)),
)
MODULE = (
    "creds-doctor --explain selinux-refuses | grep '^ *(allow' >creds-session.cil",
    "sudo semodule -i creds-session.cil",
)
AUSEARCH = "sudo ausearch -m avc -ts recent -f keyring"


def refusing(*refused: PolicyRefusal) -> InitFacts:
    return enforcing("unconfined_u:r:unconfined_t:s0")._replace(selinux_refuses=refused)


def enforcing(context: str = "") -> InitFacts:
    return InitFacts("systemd", selinux="enforcing", selinux_context=context)


NO_KEYRING = WELL._replace(bus=bus(login=ABSENT), keyring=keyring(exists=False))
IS_LOCKED = WELL._replace(bus=bus(login=LOCKED))
NOBODY = WELL._replace(bus=bus(None, None), daemons=())
SU = SessionFacts("alice", 1000)
LATE_BUS = NOBODY._replace(
    session=WELL.session._replace(runtime_directory=PLACE.path),
    bus=BusFacts(None, "none"),
    runtime=RUNTIME,
    units=UnitsFacts(
        UnitFacts("loaded", "active", "running"), bus=UnitFacts("loaded", "inactive", "dead")
    ),
)
SSH_SESSION = WELL.session._replace(login_method=None, ssh_port="5")
CONTAINER = WELL._replace(
    session=SU,
    init=InitFacts("sh"),
    pam=PamFacts(),
    installation=WELL.installation._replace(pam_module=None, sshd=None),
    keyring=keyring(exists=False),
    bus=BusFacts(None, "there is no session bus"),
    daemons=(),
    client=ClientFacts(),
)
STALE = BusFacts(
    "unix:path=/tmp/gone", "no session bus answers: refused", problem=BusProblem.NOBODY_LISTENS
)
GONE = RuntimeFacts(bus_socket=PathFacts("/tmp/gone", PathKind.ABSENT))


class Situation(NamedTuple):
    facts: Facts
    first: str
    says: str
    lines: tuple[str, ...] = ()
    later: tuple[str, ...] = ()
    never: tuple[str, ...] = ()


def with_client(facts: Facts, **changes: object) -> Facts:
    return facts._replace(client=facts.client._replace(**changes))  # type: ignore[arg-type]


SITUATIONS = {
    "a login by a key, as sshd says": Situation(
        IS_LOCKED._replace(session=by("publickey")),
        "login-without-password",
        "no password was typed at this login",
        ("creds unlock",),
    ),
    "a login of which nobody says how it came, by somebody who has keys": Situation(
        with_client(IS_LOCKED, has_ssh_keys=True),
        "login-without-password",
        "the login keyring is locked",
        ("creds unlock",),
        ("creds rekey",),
        ("because no password was typed at this login", "accepted a public key"),
    ),
    "the same, by somebody who has no keys to log in with": Situation(
        with_client(IS_LOCKED, has_ssh_keys=False),
        "keyring-locked",
        "the login keyring is locked",
        ("creds rekey",),
        ("creds unlock",),
        ("because no password was typed at this login",),
    ),
    "the same, and creds unlock was refused": Situation(
        with_client(IS_LOCKED, has_ssh_keys=True, was_refused=True),
        "keyring-locked",
        "the login keyring is locked",
        ("creds unlock",),  # it may have been a typing error
        ("creds rekey",),
    ),
    "a login by password, and creds unlock was refused": Situation(
        with_client(IS_LOCKED._replace(session=by("password")), was_refused=True),
        "keyring-locked",
        "the login keyring is locked",
        ("creds unlock",),
        ("creds rekey",),
    ),
    "a login by password, and creds lock after it": Situation(
        with_client(
            IS_LOCKED._replace(session=by("password")), was_locked=True, has_ssh_keys=False
        ),
        "keyring-locked",
        "the login keyring is locked",
        ("creds unlock",),
        ("creds rekey",),
    ),
    "a login by password, as ExposeAuthInfo says, and no log to be read": Situation(
        IS_LOCKED._replace(session=by("password")),
        "keyring-locked",
        "the login keyring is locked",
        ("creds rekey",),
        ("creds unlock",),
        ("because no password was typed at this login",),
    ),
    "a login by password where PAM has no rule, and a program has started the daemon": Situation(
        with_client(IS_LOCKED._replace(session=by("password"), pam=UNSET), has_ssh_keys=False),
        "keyring-locked",
        "the login keyring is locked, and PAM passes no password typed at sshd to it",
        ("creds unlock",),
        ("creds rekey", "sudo creds-setup-pam apply"),
    ),
    "the same where nobody says how the login was made": Situation(
        with_client(IS_LOCKED._replace(pam=UNSET), has_ssh_keys=False),
        "keyring-locked",
        "the login keyring is locked, and PAM passes no password typed at sshd to it",
        ("creds unlock",),
        ("creds rekey", "sudo creds-setup-pam apply"),
    ),
    "a login by password where the PAM module is missing": Situation(
        with_client(IS_LOCKED._replace(session=by("password"), installation=NO_MODULE)),
        "keyring-locked",
        "the login keyring is locked, and PAM passes no password typed at sshd to it",
        ("creds unlock",),
        ("creds rekey",),
    ),
    "a login by password where users of one kind alone reach the rule": Situation(
        with_client(IS_LOCKED._replace(session=by("password"), pam=OF_SSSD_ALONE)),
        "keyring-locked",
        "the login keyring is locked",
        ("creds unlock",),
        ("creds rekey",),
        ("PAM passes no password", "does not reach the keyring ("),
    ),
    "a login by password where the rule passes it, and would deny a login": Situation(
        with_client(IS_LOCKED._replace(session=by("password"), pam=UNSAFE)),
        "keyring-locked",
        "the login keyring is locked",
        ("creds rekey",),
        ("creds unlock",),
        ("does not reach", "PAM passes no password"),
    ),
    "no PAM rule, and creds lock after the login": Situation(
        with_client(
            IS_LOCKED._replace(session=by("password"), pam=UNSET),
            was_locked=True,
            has_ssh_keys=False,
        ),
        "keyring-locked",
        "the login keyring is locked",
        ("creds unlock",),
        ("creds rekey",),
        ("does not reach", "PAM passes no password"),
    ),
    "no PAM rule, and a login that nobody explains, by somebody who has keys": Situation(
        with_client(IS_LOCKED._replace(pam=UNSET), has_ssh_keys=True),
        "login-without-password",
        "the login keyring is locked",
        ("creds unlock",),
        ("creds rekey",),
        ("does not reach", "PAM passes no password"),
    ),
    "a login by password where PAM alone passes no new password on": Situation(
        with_client(IS_LOCKED._replace(session=by("password"), pam=NO_PASSWORD_RULE)),
        "keyring-locked",
        "the login keyring is locked",
        ("creds rekey",),
        ("creds unlock",),
        ("PAM passes no password",),
    ),
    "a login by a Kerberos ticket": Situation(
        IS_LOCKED._replace(session=by("gssapi-with-mic")),
        "login-without-password",
        "because no password was typed at this login",
        ("creds unlock",),
        never=("public key",),
    ),
    "a login that a trusted host vouched for": Situation(
        IS_LOCKED._replace(session=by("hostbased")),
        "login-without-password",
        "because no password was typed at this login",
        ("creds unlock",),
        never=("public key", "Kerberos"),
    ),
    "keyboard-interactive": Situation(
        IS_LOCKED._replace(session=by("keyboard-interactive/pam")),
        "login-without-password",
        "the password typed at this login did not reach it",
        ("creds unlock",),
        never=("because no password was typed at this login",),
    ),
    "dbus-run-session inside a login": Situation(
        with_client(
            IS_LOCKED._replace(
                bus=bus(login=LOCKED)._replace(address="unix:path=/tmp/dbus-x"),
                runtime=RUNTIME,
            ),
            variables={"XDG_RUNTIME_DIR": "/run/user/1000"},
        ),
        "keyring-locked",
        "locked on this session bus, which is not the one of the login",
        ("creds unlock",),
        ("exit",),
        ("because no password was typed at this login",),
    ),
    "a start-up file that replaces the login's daemon": Situation(
        with_client(
            IS_LOCKED._replace(
                daemons=(daemon(DaemonRole.BY_HAND)._replace(arguments=("g", "--replace")),)
            ),
            starts_daemon=("/home/alice/.bashrc:7",),
        ),
        "daemon-replaced",
        "a daemon with --replace ended the login's daemon",
        ("creds unlock",),
        never=("because no password was typed at this login",),
    ),
    "su without a login of its own": Situation(
        IS_LOCKED._replace(session=SU), "keyring-locked", "is locked", ("creds unlock",)
    ),
    "WSL": Situation(
        IS_LOCKED._replace(session=SU, init=InitFacts("systemd", is_wsl=True)),
        "keyring-locked",
        "is locked",
        ("creds unlock",),
    ),
    "no root, no PAM module, and no keyring yet": Situation(
        NO_KEYRING._replace(installation=NO_MODULE, pam=UNSET),
        "keyring-absent",
        "no login keyring yet",
        ("creds unlock --create",),
        ("sudo apt install libpam-gnome-keyring", APPLY),
    ),
    "the same as root sees it, who looks at alice": Situation(
        NO_KEYRING._replace(pam=UNSET, reader=Reader.ROOT),
        "keyring-absent",
        "no login keyring yet",
        (APPLY,),
        ("creds unlock --create",),
    ),
    "PAM is set up, and the first login came by a key": Situation(
        NO_KEYRING._replace(session=by("publickey")),
        "keyring-absent",
        "no login keyring yet",
        ("creds unlock --create",),
        never=("setup-pam",),
    ),
    "a container in which nothing runs": Situation(
        CONTAINER,
        "bus-absent",
        "this session has no session bus",
        (START, "creds unlock --create"),
        never=("sudo", "setup-pam", "creds exec"),
    ),
    "a container in dbus-run-session": Situation(
        CONTAINER._replace(bus=bus(None, None)),
        "keyring-absent",
        "no login keyring yet",
        ("creds unlock --create",),
        never=("sudo", "setup-pam"),
    ),
    "a container whose image has no keyring daemon": Situation(
        CONTAINER._replace(installation=NOTHING, bus=bus(None, None)),
        "daemon-not-installed",
        "gnome-keyring-daemon is not installed",
        ("sudo apt install gnome-keyring",),
        never=("setup-pam",),
    ),
    "a nested bus whose shell names the daemon of the outer one": Situation(
        WELL._replace(
            bus=bus(None, None)._replace(address="unix:path=/tmp/dbus-x"),
            keyring=keyring(listens=True)._replace(is_elsewhere=True),
            daemons=(daemon(DaemonRole.BY_HAND),),
        ),
        "secret-service-unowned",
        "the daemon that GNOME_KEYRING_CONTROL names serves another",
        ("unset GNOME_KEYRING_CONTROL", "creds unlock"),
    ),
    "dbus-user-session was installed after the login": Situation(
        LATE_BUS,
        "bus-absent",
        "no session bus",
        ("systemctl --user start dbus.socket", JOIN, "creds unlock"),
        never=("--start",),
    ),
    "the same in a shell that does not reach the user manager": Situation(
        LATE_BUS._replace(session=SU),
        "bus-absent",
        "no session bus",
        (START, "creds unlock"),
        never=("dbus.socket",),
    ),
    "cron, without a session of its user": Situation(
        NOBODY._replace(session=SU, bus=BusFacts(None, "none")),
        "bus-absent",
        "no session bus",
        (START, "creds unlock"),
    ),
    "tmux, after the login that it came from has ended, and beside a new one": Situation(
        NOBODY._replace(bus=STALE._replace(elsewhere=ADDRESS), runtime=GONE),
        "bus-stale",
        "is not running any more",
        (JOIN, "creds unlock"),
        never=("--start",),
    ),
    "tmux, and no other login": Situation(
        NOBODY._replace(bus=STALE, runtime=GONE),
        "bus-stale",
        "is not running any more",
        (START, "creds unlock"),
    ),
    "su without a dash, which kept the variables of another user": Situation(
        NOBODY._replace(
            session=SU,
            bus=BusFacts(ADDRESS, "no session bus answers: denied"),
            runtime=RuntimeFacts(PLACE._replace(uid=1001)),
        ),
        "runtime-directory-foreign",
        "XDG_RUNTIME_DIR names a directory that belongs to another user",
        (START, "creds unlock"),
    ),
    "a start-up file that sets XDG_RUNTIME_DIR to what is not there": Situation(
        IS_LOCKED._replace(
            runtime=RuntimeFacts(PathFacts("/tmp/runtime-alice", PathKind.ABSENT), PLACE)
        ),
        "runtime-directory-missing",
        "XDG_RUNTIME_DIR names a directory that does not exist",
        (JOIN, "creds unlock"),
    ),
    "cron, whose user has a locked keyring": Situation(
        IS_LOCKED._replace(session=SU, runtime=RuntimeFacts(usual=PLACE)),
        "keyring-locked",
        "the login keyring is locked",
        ("creds unlock",),
    ),
    "a damaged keyring that a daemon has seen": Situation(
        NO_KEYRING._replace(
            keyring=keyring(),
            home=HomeFacts(
                *(HOME, "/home/alice"),
                login=PathFacts("/home/alice/login.keyring", PathKind.FILE, 1000, 0o600),
                form=KeyringForm.EMPTY,
            ),
        ),
        "keyring-broken",
        "the file of the login keyring is damaged",
        (
            MOVED,
            "kill 7",
            "creds unlock --create",
        ),
    ),
    "sudo": Situation(
        NOBODY._replace(
            session=SessionFacts("root", 0, sudo_user="alice"), bus=BusFacts(None, "none")
        ),
        "root-under-sudo",
        "root's session under sudo",
        (),
        ("sudo creds-doctor --user alice",),
        ("creds env",),
    ),
    "KeePassXC without a database, and gnome-keyring not installed": Situation(
        WELL._replace(installation=NOTHING, bus=bus(KEEPASSXC, None), daemons=(), pam=UNSET),
        "other-provider",
        "keepassxc (pid 8)",
        never=("apt", "setup-pam", "gnome-keyring"),
    ),
    "KWallet without a wallet, and gnome-keyring installed": Situation(
        WELL._replace(bus=bus(KWALLET, None), daemons=(), pam=UNSET),
        "other-provider",
        "kwalletd5 (pid 8)",
        never=("apt", "setup-pam", "KeePassXC"),
    ),
    "oo7, locked, and nothing of gnome-keyring installed": Situation(
        WELL._replace(
            installation=NOTHING,
            bus=bus(OO7, None)._replace(default=LOCKED, default_path=NOT_A_KEYRING),
            daemons=(),
            pam=UNSET,
        ),
        "other-provider-locked",
        "oo7-daemon (pid 8)",
        never=("apt", "setup-pam"),
    ),
    "a daemon that hangs": Situation(
        WELL._replace(bus=BusFacts(ADDRESS, "no answer to ReadAlias within 1.5 s", GNOME)),
        "daemon-hung",
        "does not answer",
        ("kill 7", "creds unlock"),
        never=("no session bus",),
    ),
    "SELinux refuses it, a confined user": Situation(
        NOBODY._replace(
            keyring=keyring(exists=False),
            session=by("password"),
            log=(ACCEPTED, REFUSED_LINE, NOT_STARTED, AVC),
            init=enforcing("staff_u:staff_r:staff_t:s0"),
            installation=WELL.installation._replace(os_release="ID=rhel\n"),
        ),
        "daemon-start-refused",
        "SELinux did not let the login start the keyring daemon",
        ("creds unlock --create",),
        ("sudo ausearch -m avc -ts recent -f keyring",),
    ),
    "a confined user of Debian's, whose daemon may make no directory": Situation(
        NOBODY._replace(
            keyring=keyring(exists=False),
            session=SSH_SESSION,
            log=(REFUSED_LINE,),
            init=enforcing("staff_u:staff_r:staff_t:s0-s0:c0.c1023"),
        ),
        "daemon-start-refused",
        "was not allowed to start the keyring daemon",
        (
            "mkdir -p -m 700 /home/alice/.local/share/keyrings",
            "chcon -t gnome_xdg_data_t /home/alice/.local/share/keyrings",
            "creds unlock --create",
        ),
        (AUSEARCH,),
    ),
    "a confined user of Debian's who has a keyring": Situation(
        NOBODY._replace(
            session=SSH_SESSION,
            log=(REFUSED_LINE,),
            init=enforcing("staff_u:staff_r:staff_t:s0-s0:c0.c1023"),
        ),
        "daemon-start-refused",
        "was not allowed to start the keyring daemon",
        ("creds unlock",),
        (AUSEARCH,),
    ),
    "the policy refuses it, as the person sees it who may not read root's log": Situation(
        NOBODY._replace(
            keyring=keyring(exists=False),
            session=SSH_SESSION,
            log=(REFUSED_LINE,),
            init=refusing(*OF_DEBIAN),
        ),
        "selinux-refuses",
        "SELinux does not let a login by ssh start the keyring daemon",
        ("creds unlock --create",),
        MODULE,
        ("rekey", "log in by password"),
    ),
    "the policy refuses it, and nothing of it was logged": Situation(
        NO_KEYRING._replace(session=SSH_SESSION, init=refusing(*OF_DEBIAN)),
        "selinux-refuses",
        "SELinux does not let a login by ssh start the keyring daemon",
        ("creds unlock --create",),
        MODULE,
    ),
    "the policy does not let a login reach the daemon that systemd's socket started": Situation(
        IS_LOCKED._replace(session=SSH_SESSION, init=refusing(OF_SYSTEMD)),
        "selinux-refuses",
        "SELinux does not let a login by ssh reach the keyring daemon",
        ("creds unlock",),
        MODULE,
        ("rekey", "older one"),
    ),
    "the policy refuses a domain that the module of the page does not know": Situation(
        NO_KEYRING._replace(
            session=SSH_SESSION,
            init=refusing(PolicyRefusal("staff_t", "gkeyringd_exec_t", "file", ("entrypoint",))),
        ),
        "selinux-refuses",
        "SELinux does not let a login by ssh start the keyring daemon",
        ("creds unlock --create",),
        (AUSEARCH,),
        ("semodule",),
    ),
    "the policy refuses it, and root looks": Situation(
        NO_KEYRING._replace(
            session=by("password"), reader=Reader.ROOT, init=refusing(OF_DEBIAN[0])
        ),
        "selinux-refuses",
        "SELinux does not let a login by ssh start the keyring daemon",
        MODULE,
    ),
    "the policy refuses it, and the person came with a key": Situation(
        IS_LOCKED._replace(session=by("publickey"), init=refusing(*OF_DEBIAN)),
        "login-without-password",
        "because no password was typed at this login",
        ("creds unlock",),
    ),
    "the policy refuses sshd, and the person logged in at the console": Situation(
        NO_KEYRING._replace(
            session=SessionFacts("alice", 1000, service="login"), init=refusing(*OF_DEBIAN)
        ),
        "keyring-absent",
        "no login keyring yet",
        ("creds unlock --create",),
    ),
    "the policy refuses it, and PAM has no rule yet": Situation(
        NO_KEYRING._replace(session=SSH_SESSION, pam=UNSET, init=refusing(*OF_DEBIAN)),
        "keyring-absent",
        "no login keyring yet",
        ("creds unlock --create",),
    ),
    "the daemon was not run, SELinux is enforcing, and nothing says that it denied it": Situation(
        NOBODY._replace(
            session=by("password"),
            log=(ACCEPTED, REFUSED_LINE, NOT_STARTED, AVC._replace(when=NOW - 90)),
            init=enforcing("unconfined_u:r:t"),
        ),
        "daemon-start-refused",
        "was not allowed to start the keyring daemon",
        ("creds unlock",),
        ("sudo ausearch -m avc -ts recent -f keyring",),
        ("SELinux kept",),
    ),
    "the daemon's file may not be executed, and there is no SELinux": Situation(
        NOBODY._replace(session=by("password"), log=(ACCEPTED, REFUSED_LINE, NOT_STARTED)),
        "daemon-start-refused",
        "was not allowed to start the keyring daemon",
        ("creds unlock",),
        ("sudo ls -lL /usr/bin/gnome-keyring-daemon",),
        ("ausearch",),
    ),
    "a home that needs a Kerberos ticket": Situation(
        NOBODY._replace(keyring=keyring(exists=None), home=home(PathKind.DENIED, "nfs4 sec=krb5p")),
        "home-denied",
        "its server requires a Kerberos ticket",
        ("kinit", "creds-doctor"),
        never=("is not there",),
    ),
    "a home below a directory that is closed": Situation(
        NOBODY._replace(keyring=keyring(exists=None), home=home(PathKind.DENIED, "ext4")),
        "home-denied",
        "the home directory exists",
        never=("is not there", "Kerberos ticket, "),
    ),
    "a home of which only the refusal is seen": Situation(
        NOBODY._replace(keyring=keyring(exists=None), home=home(PathKind.DENIED, "")),
        "home-denied",
        "the home directory exists",
        ("kinit", "creds-doctor"),
        never=("is not there",),
    ),
    "a home on NFS that root_squash gave to nobody": Situation(
        NOBODY._replace(home=home(PathKind.FOLDER, "nfs4", 65534)),
        "home-foreign",
        "the home directory (HOME) belongs to another user",
        never=("sudo chown",),
    ),
    "a home whose server does not answer": Situation(
        NOBODY._replace(
            keyring=keyring(exists=None), late=("home: nothing within its time",), hung=("home",)
        ),
        "home-hung",
        "the home directory does not answer",
    ),
    "a machine so slow that the bus was not looked at": Situation(
        NOBODY._replace(
            bus=BusFacts(
                None, "the session bus was not looked at in time", problem=BusProblem.NOT_LOOKED_AT
            ),
            keyring=keyring(exists=None),
            late=("bus: nothing within its time", "home: nothing within its time"),
        ),
        "facts-incomplete",
        "it is not known whether a secret can be read here",
        ("creds-doctor --timeout 30",),
        never=("no session bus", "no session bus"),
    ),
    "a line that turns every login away, beside a locked keyring": Situation(
        IS_LOCKED._replace(pam=PamFacts(files={"/etc/pam.d/sshd": SSHD + b"auht x y\n"})),
        "pam-file-malformed",
        "",
    ),
    "a desktop shows the keyring's prompt": Situation(
        IS_LOCKED._replace(
            session=by("publickey"),
            processes=ProcessFacts(prompters=(OtherProcess(9, 1000, "gnome-shell"),)),
        ),
        "login-without-password",
        "",
        ("creds unlock",),
    ),
}


def finding_of(facts: Facts) -> Finding:
    results = run(CHECKS, facts)
    assert Outcome.CRASHED not in {one.outcome for one in results}
    found = root_cause(results)
    assert found is not None
    return found


def words_of(found: Finding) -> str:
    """Return all that is said of a finding but its evidence."""
    remedies = (found.remediation, *found.remediation.alternatives) if found.remediation else ()
    told = [found.title, found.cause]
    for remedy in remedies:
        told += [remedy.text, *remedy.lines]
    return "\n".join(told)


@pytest.mark.parametrize("situation", SITUATIONS.values(), ids=list(SITUATIONS))
def test_the_first_line_is_right_and_the_first_remedy_is_for_this_reader(
    situation: Situation,
) -> None:
    found = finding_of(situation.facts)
    assert found.id == situation.first
    line = verdict(Diagnosis(situation.facts, run(CHECKS, situation.facts)))
    assert situation.says in line
    assert line.endswith(f"[{situation.first}]")
    assert (found.remediation.lines if found.remediation else ()) == situation.lines
    offered = [
        line
        for other in (found.remediation.alternatives if found.remediation else ())
        for line in other.lines
    ]
    assert [line for line in situation.later if line not in offered] == []
    assert [one for one in situation.never if one in words_of(found)] == []


@pytest.mark.parametrize("pam", [IS_LOCKED.pam, UNSET])
def test_root_is_not_told_to_type_the_password_of_another_user(pam: PamFacts) -> None:
    facts = IS_LOCKED._replace(session=by("publickey"), reader=Reader.ROOT, pam=pam)
    remedy = finding_of(facts).remediation
    assert remedy is not None
    unlocks = [one for one in (remedy, *remedy.alternatives) if "creds unlock" in one.lines]
    assert [one.text.partition(":")[0] for one in unlocks] == ["alice has to do this"]


def test_another_init_than_systemd_is_no_container() -> None:
    for init in ("init", "runit", "openrc-init"):
        facts = IS_LOCKED._replace(session=by("publickey"), pam=UNSET, init=InitFacts(init))
        found = {one.id: one.severity for one in findings(run(CHECKS, facts))}
        assert found["pam-rule-missing"] is Severity.WARNING
        assert "container-without-init" not in found


HEALTHY = {
    "oo7, open, and nothing of gnome-keyring installed": WELL._replace(
        installation=NOTHING,
        bus=bus(OO7, None)._replace(default=OPEN, default_path=NOT_A_KEYRING),
        daemons=(),
        pam=UNSET,
    ),
    "gnome-keyring 51, whose socket serves a new keyring": WELL._replace(
        first_login=FirstLoginFacts("/usr/lib/systemd/user/x.socket", serves_new=True)
    ),
    "sshd that was not started since the boot": WELL._replace(
        sshd=SshdFacts("sshd -T: Missing privilege separation directory: /run/sshd")
    ),
    "a home that was slow to look at, and an open keyring": WELL._replace(
        late=("home: nothing within its time",)
    ),
    "a confined user whose keyring is open": WELL._replace(init=enforcing("staff_u:r:t:s0")),
    "a nested bus whose keyring is open": with_client(
        WELL._replace(
            bus=bus()._replace(address="unix:path=/tmp/dbus-x"),
            runtime=RUNTIME,
        ),
        variables={"XDG_RUNTIME_DIR": "/run/user/1000"},
    ),
}


@pytest.mark.parametrize("facts", HEALTHY.values(), ids=list(HEALTHY))
def test_there_is_no_alarm_where_a_secret_can_be_read(facts: Facts) -> None:
    results = run(CHECKS, facts)
    assert verdict(Diagnosis(facts, tuple(results))) == "a secret can be read in this session"
    assert [one.id for one in findings(results) if one.severity is not Severity.NOTE] == []


CONTROL = "/run/user/1000/keyring/control"


def socket(directory: str | None, *, listens: bool | None = None) -> ControlFacts:
    return ControlFacts(CONTROL, 0, directory_of_owner=directory, owner_listens=listens)


@pytest.mark.parametrize(
    ("control", "is_named"),
    [
        (socket("/run/user/1000/keyring", listens=False), 1),
        (socket("/tmp/keyring-X", listens=False), 1),
        (socket(None), 1),
        (ControlFacts(CONTROL, 1), 0),
        (socket("/tmp/keyring-X", listens=True), 0),
        (ControlFacts(), 0),
    ],
)
def test_a_daemon_that_listens_nowhere_is_named_whatever_the_reason(
    control: ControlFacts, is_named: int
) -> None:
    found = findings(run(CHECKS, WELL._replace(control=control)))
    assert [one.id for one in found].count("control-socket-gone") == is_named


@pytest.mark.parametrize(
    ("words", "is_so"),
    [
        (("--replace", "-d"), True),
        (("-r", "-d"), True),
        (("-rd",), True),
        (("-d", "-csecrets"), False),
        (("--daemonize", "--components=secrets"), False),
        (("--foreground", "--control-directory=/run/r"), False),
    ],
)
def test_a_daemon_that_replaced_another_is_told_by_its_options(
    words: tuple[str, ...],
    is_so: bool,
) -> None:
    one = daemon(DaemonRole.BY_HAND)._replace(arguments=("gnome-keyring-daemon", *words))
    found = finding_of(IS_LOCKED._replace(daemons=(one,)))
    assert (found.id == "daemon-replaced") is is_so


@pytest.mark.parametrize(
    ("reason", "named"),
    [
        ("sshd -T: Missing privilege separation directory: /run/sshd", "sshd-settings-unread"),
        ("sshd -T: sshd: no hostkeys available -- exiting.", "sshd-settings-unread"),
        (
            "sshd -T: /etc/ssh/sshd_config: line 3: Bad configuration option",
            "sshd-refuses-settings",
        ),
        (
            "sshd -T: /etc/ssh/sshd_config.d/9.conf line 2: missing argument.",
            "sshd-refuses-settings",
        ),
        (
            "sshd -T: /etc/ssh/sshd_config: terminating, 1 bad configuration options",
            "sshd-refuses-settings",
        ),
        ("sshd -T: Privilege separation user sshd does not exist", "sshd-settings-unread"),
        ("sshd -T: it ended with -15", "sshd-settings-unread"),
        (
            "sshd -T: 'Match LocalPort' in configuration but 'lport' not in connection test spec.",
            "sshd-settings-unread",
        ),
    ],
)
def test_sshd_that_was_not_started_yet_refuses_no_setting(reason: str, named: str) -> None:
    found = findings(run(CHECKS, WELL._replace(sshd=SshdFacts(reason))))
    assert [one.id for one in found if one.id.startswith("sshd-")] == [named]


def test_a_policy_that_will_refuse_later_logins_is_a_warning_while_the_keyring_is_open() -> None:
    results = run(CHECKS, WELL._replace(init=refusing(*OF_DEBIAN, OF_SYSTEMD)))
    (found,) = (one for one in findings(results) if one.severity is not Severity.NOTE)
    assert (found.id, found.severity) == ("selinux-refuses", Severity.WARNING)
    assert found.remediation is not None
    assert found.remediation.lines == MODULE
    assert verdict(Diagnosis(WELL, tuple(results))) == "a secret can be read in this session"
    rules = [line for line in found.evidence if "(allow " in line]
    assert rules == [f"the policy lacks {one.rule}" for one in (*OF_DEBIAN, OF_SYSTEMD)]


@pytest.mark.parametrize("refused", [None, ()])
@pytest.mark.parametrize("facts", [NO_KEYRING, IS_LOCKED, WELL])
def test_a_policy_that_refuses_nothing_is_not_blamed(
    facts: Facts, refused: tuple[PolicyRefusal, ...] | None
) -> None:
    init = enforcing("unconfined_u:r:unconfined_t:s0")._replace(selinux_refuses=refused)
    results = run(CHECKS, facts._replace(session=SSH_SESSION, init=init))
    assert not [one.id for one in findings(results) if "SELinux" in one.title]


def test_the_rules_on_the_page_give_all_that_debians_policy_refuses() -> None:
    (check,) = (one for one in CHECKS if one.id == "selinux-refuses")
    for one in (*OF_DEBIAN, OF_SYSTEMD):
        assert one.rule in check.about


def test_the_remedy_takes_the_rules_alone_from_the_explanation() -> None:
    (entry,) = (one for one in entries() if one.id == "selinux-refuses")
    told = "\n".join(explain_lines(entry))
    command = shlex.split(MODULE[0].partition(" | ")[2].partition(" >")[0])
    picked = subprocess.run(command, input=told, capture_output=True, text=True, check=True)
    rules = [line.strip() for line in picked.stdout.splitlines()]
    assert set(rules) >= {one.rule for one in (*OF_DEBIAN, OF_SYSTEMD)}
    assert all(rule.count("(") == rule.count(")") for rule in rules)


def test_a_confined_user_is_told_what_root_can_look_at() -> None:
    facts = WELL._replace(init=enforcing("staff_u:staff_r:staff_t:s0"))
    (found,) = (one for one in findings(run(CHECKS, facts)) if one.id == "selinux-confined")
    assert "staff_u:staff_r:staff_t:s0" in found.evidence[0]
    assert found.remediation is not None
    assert "ausearch" in found.remediation.lines[0]


def test_the_lines_of_selinux_are_evidence() -> None:
    found = finding_of(SITUATIONS["SELinux refuses it, a confined user"].facts)
    assert f"log: {REFUSED_LINE.text}" in found.evidence
    assert any("avc:  denied" in line for line in found.evidence)
    assert any("staff_u" in line for line in found.evidence)


@pytest.mark.parametrize("name", ["gcr-prompter", "gcr4-prompter", "gnome-shell", "phosh"])
def test_whoever_shows_the_prompt_is_named(name: str) -> None:
    facts = IS_LOCKED._replace(processes=ProcessFacts(prompters=(OtherProcess(9, 1000, name),)))
    (found,) = (one for one in findings(run(CHECKS, facts)) if one.id == "prompt-waiting")
    assert found.evidence == (f"{name} (pid 9)",)
    assert found.remediation is not None
    is_alone = name.startswith("gcr")
    assert found.remediation.lines == (*(("kill 9",) if is_alone else ()), "creds unlock")


def test_a_user_id_without_an_account_is_not_told_to_start_a_bus() -> None:
    facts = CONTAINER._replace(session=SessionFacts("54321", 54321))
    found = finding_of(facts)
    assert found.id == "bus-absent"
    assert found.remediation is not None
    assert "/etc/passwd" in found.remediation.text
    assert found.remediation.commands == ()
