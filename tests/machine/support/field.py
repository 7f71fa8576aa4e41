"""What people meet in the field, made for real, with the right answer of each written down.

Each situation has a user of its own, whose login keyring holds a secret. ``root`` is shell text of
root's before the user comes in, ``session`` is typed in the user's shell. ``USER``, ``HOME_`` and
``UID_`` in a text stand for the user. ``lines`` are what the doctor has to show as its first
remedy; PID stands for a number.
"""

from __future__ import annotations

import enum
import re
from typing import NamedTuple

from tests.machine.support.breakages import DAEMON, DROP_IN, OTHER, UNITS, until

JOIN, START = 'eval "$(creds env)"', 'eval "$(creds env --start)"'
START_UNIT = "systemctl --user start dbus.socket"
UNLOCK, CREATE, REKEY = "creds unlock", "creds unlock --create", "creds rekey"
APPLY = "sudo creds-setup-pam apply"
PASSWORD, CHANGED = "pw1", "pw2"
KEYRINGS = "HOME_/.local/share/keyrings"
LOGIN = f"{KEYRINGS}/login.keyring"


class Way(enum.Enum):
    """How the user comes to the shell in which the doctor is asked."""

    PASSWORD = "ssh, password"
    KEY = "ssh, key"
    HOST = "ssh, trusted host"
    DIALOGUE = "ssh, keyboard-interactive"
    KEY_AND_DIALOGUE = "ssh, key and then keyboard-interactive"
    CONSOLE = "a getty"
    SU = "su -, from the session of another user"
    SU_PLAIN = "su without a dash, from the session of another user"
    SUDO = "sudo -u, from the session of another user"
    CRON = "cron's variables and no session"
    TMUX = "tmux, whose login has ended"
    CONTAINER = "a container without an init"


class End(enum.Enum):
    """What has to be so when the remedy was typed."""

    READ = "the secret can be read"
    STORE = "a secret can be stored, and read again"
    LOGIN_READS = "after a new login by password the secret can be read"
    LOGIN_STORES = "after a new login by password a secret can be stored, and read again"


class Situation(NamedTuple):
    """One situation: how it is made, and what the doctor has to say of it.

    ``first``: the id of the first finding. ``says``: what the verdict says. ``then``: the ids of
    the first findings that follow if the remedy is only the first step; each of their remedies is
    typed too. ``also``: shell text that has to succeed at the end. ``by_root``: root asks about the
    user, and types. ``answers``: what is typed at prompts, before the usual answers.
    """

    first: str
    says: str
    lines: tuple[str, ...]
    way: Way = Way.PASSWORD
    root: str = ""
    session: str = ""
    undo: str = ""
    then: tuple[str, ...] = ()
    end: End = End.READ
    also: str = ""
    by_root: bool = False
    login_shell: str = "bash"
    answers: tuple[tuple[str, str], ...] = ()
    login_password: str = PASSWORD


def of_user(text: str, user: str, uid: int) -> str:
    """Return a text with the user's words in the place of those that stand for them."""
    values = {"USER": user, "HOME_": f"/home/{user}", "UID_": str(uid)}
    return re.sub(r"\b(USER|HOME_|UID_)(?=\W|$)", lambda found: values[found[1]], text)


def sshd(settings: str) -> str:
    """Return shell text that gives the user settings of sshd's own.

    A restart ends when sshd listens; a reload ends before that. No session ends with either.
    """
    text = f"Match User USER\\n{settings}Match all\\n"
    return f"printf '{text}' >/etc/ssh/sshd_config.d/USER.conf; systemctl restart ssh;"


def owned_by_root(path: str) -> str:
    return f"chown -R root:root {path};"


NO_KEYS = "rm -r HOME_/.ssh;"
NO_KEYRING = f"rm -r {KEYRINGS};"
NO_HOOK = "install -D -o USER -g USER /dev/null HOME_/.config/creds-session/no-hook;"
READS_LOG = "usermod -a -G adm USER;"
MAY_SUDO = "usermod -a -G sudo USER;"
CHANGE = f"echo USER:{CHANGED} | chpasswd;"
MASK = (
    f"ln -s /dev/null {UNITS}/gnome-keyring-daemon.socket;"
    f" ln -s /dev/null {UNITS}/gnome-keyring-daemon.service;"
)
UNMASK = f"rm -f {UNITS}/gnome-keyring-daemon.socket {UNITS}/gnome-keyring-daemon.service;"
OWNED = (
    "busctl --user call org.freedesktop.DBus /org/freedesktop/DBus org.freedesktop.DBus"
    " NameHasOwner s org.freedesktop.secrets | grep -q true"
)
DAEMONS = "pgrep -u USER -r D,R,S,T gnome-keyring-d"
END = (
    "systemctl --user stop gnome-keyring-daemon.socket gnome-keyring-daemon.service;"
    f" pkill -KILL -u USER gnome-keyring-d; {until(f'! {DAEMONS} && ! {OWNED}')};"
)
PROFILE = "HOME_/.bash_profile"


def in_profile(line: str) -> str:
    """Return shell text that puts a line into what the user's login shell reads."""
    return f"printf '%s\\n' '{line}' >{PROFILE}; chown USER {PROFILE};"


MOVED = "mv --no-clobber --no-target-directory {0} {0}.aside"
DEFAULT = (
    "busctl --user call org.freedesktop.secrets /org/freedesktop/secrets"
    " org.freedesktop.Secret.Service SetAlias so default"
    " /org/freedesktop/secrets/collection/login"
)
OLD_AND_NEW = (("Old password of", PASSWORD), ("New password of", CHANGED), ("Again", CHANGED))
NOT_OPENED = "the login keyring is locked"

SITUATIONS = {
    # How the login came.
    "a key, and no log to read": Situation(
        "login-without-password", NOT_OPENED, (UNLOCK,), Way.KEY
    ),
    "a key, and sshd says so": Situation(
        "login-without-password",
        "no password was typed at this login",
        (UNLOCK,),
        Way.KEY,
        root=sshd("ExposeAuthInfo yes\\n"),
    ),
    "a trusted host": Situation(
        "login-without-password",
        "no password was typed at this login",
        (UNLOCK,),
        Way.HOST,
        root=sshd("ExposeAuthInfo yes\\nHostbasedAuthentication yes\\nIgnoreRhosts no\\n")
        + "echo 127.0.0.1 root >HOME_/.shosts; chown USER HOME_/.shosts;",
    ),
    "keyboard-interactive, and sshd says so": Situation(
        "login-without-password",
        "the password typed at this login did not reach it",
        (UNLOCK,),
        Way.DIALOGUE,
        root=sshd("ExposeAuthInfo yes\\nKbdInteractiveAuthentication yes\\n"),
    ),
    "keyboard-interactive, and the log is read": Situation(
        "login-password-lost",
        "the password was lost before the session began",
        (UNLOCK,),
        Way.DIALOGUE,
        root=READS_LOG + sshd("KbdInteractiveAuthentication yes\\n"),
    ),
    "two factors: a key, then the password in keyboard-interactive": Situation(
        "login-without-password",
        "the password typed at this login did not reach it",
        (UNLOCK,),
        Way.KEY_AND_DIALOGUE,
        root=sshd(
            "ExposeAuthInfo yes\\nKbdInteractiveAuthentication yes\\n"
            "AuthenticationMethods publickey,keyboard-interactive\\n"
        ),
    ),
    "an admin changed the password, and the user has no keys": Situation(
        "keyring-locked",
        NOT_OPENED,
        (REKEY,),
        root=NO_KEYS + CHANGE,
        login_password=CHANGED,
        answers=OLD_AND_NEW,
        end=End.LOGIN_READS,
    ),
    "an admin changed the password, and the user has keys, too": Situation(
        "login-without-password", NOT_OPENED, (UNLOCK,), root=CHANGE, login_password=CHANGED
    ),
    "an admin changed the password, and the log is read": Situation(
        "login-password-refused",
        "it has another password than the login",
        (REKEY,),
        root=READS_LOG + CHANGE,
        login_password=CHANGED,
        answers=OLD_AND_NEW,
        end=End.LOGIN_READS,
    ),
    "a keyring made by `echo PASSWORD | gnome-keyring-daemon --unlock`": Situation(
        "keyring-locked",
        NOT_OPENED,
        (REKEY,),
        root=NO_KEYS + "install -o USER -m 600 /opt/newline/* HOME_/.local/share/keyrings;",
        answers=(
            ("Old password of", PASSWORD),
            ("New password of", PASSWORD),
            ("Again", PASSWORD),
        ),
        end=End.LOGIN_READS,
    ),
    "the machine's own console": Situation(
        "keyring-locked", "the login keyring is locked", (UNLOCK,), Way.CONSOLE
    ),
    "su -, and the hook's question was not answered": Situation(
        "secret-service-unowned",
        "no program serves secrets on this session bus",
        (UNLOCK,),
        Way.SU,
    ),
    "su -, and no hook": Situation(
        "bus-absent", "this session has no session bus", (START, UNLOCK), Way.SU, root=NO_HOOK
    ),
    "su -, no hook, and no keyring yet": Situation(
        "bus-absent",
        "this session has no session bus",
        (START, CREATE),
        Way.SU,
        root=NO_HOOK + NO_KEYRING,
        end=End.STORE,
    ),
    "su without a dash": Situation(
        "runtime-directory-foreign",
        "XDG_RUNTIME_DIR names a directory that belongs to another user",
        (START, UNLOCK),
        Way.SU_PLAIN,
    ),
    "dbus-user-session was installed after the login": Situation(
        "bus-absent",
        "this session has no session bus",
        (START_UNIT, JOIN, UNLOCK),
        session="systemctl --user stop dbus.socket dbus.service; rm -f $XDG_RUNTIME_DIR/bus;"
        " unset DBUS_SESSION_BUS_ADDRESS;",
        also="systemctl --user is-active dbus.socket",
    ),
    "sudo -u": Situation(
        "bus-absent", "this session has no session bus", (START, UNLOCK), Way.SUDO
    ),
    "cron": Situation("bus-absent", "this session has no session bus", (START, UNLOCK), Way.CRON),
    "cron, and the user lingers": Situation(
        "secret-service-unowned",
        "no program serves secrets on this session bus",
        (UNLOCK,),
        Way.CRON,
        root="install -D /dev/null /var/lib/systemd/linger/USER;"
        f" systemctl start user@UID_; {until('[ -S /run/user/UID_/bus ]')};",
    ),
    "tmux, and its bus has ended": Situation(
        "bus-stale",
        "this shell has the address of a session bus that is not running any more",
        (JOIN, UNLOCK),
        Way.TMUX,
    ),
    "a container": Situation(
        "bus-absent", "this session has no session bus", (START, UNLOCK), Way.CONTAINER
    ),
    "a container, and no keyring yet": Situation(
        "bus-absent",
        "this session has no session bus",
        (START, CREATE),
        Way.CONTAINER,
        root=NO_KEYRING,
        end=End.STORE,
    ),
    # What the shell says of its session.
    "DBUS_SESSION_BUS_ADDRESS=/dev/null in a start-up file": Situation(
        "bus-not-local",
        "the session bus is not a unix socket",
        (JOIN, UNLOCK),
        Way.KEY,
        root=in_profile("export DBUS_SESSION_BUS_ADDRESS=/dev/null"),
    ),
    "the address of an old dbus-launch in a start-up file": Situation(
        "bus-stale",
        "this shell has the address of a session bus that is not running any more",
        (JOIN, UNLOCK),
        Way.KEY,
        root=in_profile("export DBUS_SESSION_BUS_ADDRESS=unix:path=/tmp/dbus-Xq3bT0fLzA"),
    ),
    "the same, in fish": Situation(
        "bus-stale",
        "this shell has the address of a session bus that is not running any more",
        (JOIN, UNLOCK),
        Way.KEY,
        login_shell="fish",
        session="set -gx DBUS_SESSION_BUS_ADDRESS unix:path=/tmp/dbus-Xq3bT0fLzA",
    ),
    "a start-up file that starts a bus of its own": Situation(
        "secret-service-unowned",
        "no program serves secrets on this session bus",
        (UNLOCK,),
        root=in_profile(
            "export DBUS_SESSION_BUS_ADDRESS=$(dbus-daemon --session --fork --print-address)"
        ),
    ),
    "dbus-run-session in a shell that has GNOME_KEYRING_CONTROL": Situation(
        "secret-service-unowned",
        "no program serves secrets on this session bus",
        (UNLOCK,),
        session="export GNOME_KEYRING_CONTROL=$XDG_RUNTIME_DIR/keyring;"
        " exec dbus-run-session -- bash --norc",
    ),
    "dbus-run-session that was hung up, and left its keyring daemon": Situation(
        "daemon-on-another-bus",
        "a keyring daemon is running, but it does not serve this session bus",
        ("kill PID", UNLOCK),
        session=f"{END} rm -f /tmp/held-USER;"
        " dbus-run-session -- sh -c 'secret-tool lookup a b; >/tmp/held-USER; sleep 999' &"
        f" {until('[ -e /tmp/held-USER ]')}; kill -HUP $!; wait $!; "
        # The check leaves a daemon alone that may still take its name.
        + until(f"[ $(ps -o etimes= -p $({DAEMONS})) -ge 4 ]"),
        undo="pkill -u USER -fx 'sleep 999'; rm -f /tmp/held-USER;",
    ),
    "XDG_RUNTIME_DIR=/tmp/runtime-USER, which nobody made": Situation(
        "runtime-directory-missing",
        "XDG_RUNTIME_DIR names a directory that does not exist",
        (JOIN, UNLOCK),
        Way.KEY,
        root=in_profile("export XDG_RUNTIME_DIR=/tmp/runtime-USER"),
    ),
    "XDG_DATA_HOME in a start-up file": Situation(
        "login-without-password",
        NOT_OPENED,
        (UNLOCK,),
        Way.KEY,
        root=in_profile("export XDG_DATA_HOME=$HOME/.data"),
    ),
    "a variable that has Python's keyring use nothing": Situation(
        "backend-none",
        "python-keyring is configured not to use any keyring",
        ("unset PYTHON_KEYRING_BACKEND",),
        root=in_profile("export PYTHON_KEYRING_BACKEND=keyring.backends.null.Keyring"),
        also="[ $(/opt/creds-session/current/bin/keyring get app me) = s3cret ]",
    ),
    "SSH_AUTH_SOCK of the agent that gnome-keyring had": Situation(
        "ssh-socket-gone",
        "a secret can be read in this session",
        ('eval "$(ssh-agent)"',),
        root=in_profile("export SSH_AUTH_SOCK=$XDG_RUNTIME_DIR/keyring/ssh"),
        also="ssh-add -l; [ $? = 1 ]",  # an agent that has no identities
    ),
    # The daemon.
    "the daemon was stopped by a debugger": Situation(
        "daemon-stopped",
        "the keyring daemon is stopped",
        ("kill -CONT PID",),
        session=f"kill -STOP $({DAEMONS})",
    ),
    "the daemon was killed, as by the kernel without memory": Situation(
        "login-without-password",
        "the login keyring is locked",
        (UNLOCK,),
        # Its unit starts another one (Restart=on-failure).
        session=f"export old=$({DAEMONS}); kill -KILL $old;"
        f" {until(f'new=$({DAEMONS}) && [ $new != $old ] && {OWNED}')}",
    ),
    "no units, and the daemon has ended": Situation(
        "secret-service-unowned",
        "no program serves secrets on this session bus",
        (UNLOCK,),
        root=NO_HOOK + MASK,
        session=f"pkill -u USER gnome-keyring-d; {until(f'! {DAEMONS}')}",
        undo=UNMASK,
    ),
    "no units, and the daemon still waits": Situation(
        "daemon-waiting",
        "the keyring daemon still waits to be initialised",
        (UNLOCK,),
        root=NO_HOOK + MASK,
        undo=UNMASK,
    ),
    "a start-up file that replaces the login's daemon": Situation(
        "daemon-replaced",
        "a daemon with --replace ended the login's daemon",
        (UNLOCK,),
        root=in_profile(f"{DAEMON} --replace -d -c secrets >/dev/null 2>&1"),
        session=until(OWNED),
    ),
    "a start-up file that pipes a password into a second daemon": Situation(
        "daemon-split-brain",
        "two keyring daemons",
        ("kill PID", "kill PID", UNLOCK),
        Way.KEY,
        root=in_profile(f"printf pw1 | {DAEMON} --unlock --daemonize >/dev/null 2>&1"),
        session=until(f"[ $({DAEMONS} | wc -l) -ge 2 ] && {OWNED}"),
    ),
    "a start-up file that starts all but the secrets": Situation(
        "daemon-without-secrets",
        "the keyring daemon was started without the part that serves secrets",
        ("kill PID", UNLOCK),
        session=f"{END} {DAEMON} --daemonize --components=pkcs11 >/dev/null 2>&1",
    ),
    "another program has the name, and hangs": Situation(
        "daemon-hung",
        "the program that serves secrets does not answer",
        ("kill PID", "creds-doctor"),
        session=f"{END} ({OTHER} silent &); {until(OWNED)}",
        then=("secret-service-unowned",),
    ),
    "a keyring that the running daemon does not serve": Situation(
        "keyring-ghost",
        "the login keyring was created while the daemon was running",
        ("systemctl --user restart gnome-keyring-daemon.service", UNLOCK),
        root=f"{NO_KEYRING} mv {DROP_IN} /root/drop-in;",
        undo=f"mv /root/drop-in {DROP_IN};",
        end=End.STORE,
    ),
    "sshd's rules were overwritten, and root asks about the user": Situation(
        "secret-service-unowned",
        "no program serves secrets on this session bus",
        (APPLY,),
        root=f"{NO_HOOK} cp -p /etc/pam.d/sshd /root/sshd; cp -p /root/plain-sshd /etc/pam.d/sshd;",
        undo="cp -p /root/sshd /etc/pam.d/sshd;",
        by_root=True,
        end=End.LOGIN_READS,
    ),
    "sshd's rules were overwritten, and the user asks": Situation(
        "secret-service-unowned",
        "no program serves secrets on this session bus",
        (UNLOCK,),
        root=f"{NO_HOOK} cp -p /etc/pam.d/sshd /root/sshd; cp -p /root/plain-sshd /etc/pam.d/sshd;",
        undo="cp -p /root/sshd /etc/pam.d/sshd;",
    ),
    "no PAM module and no keyring yet, and the user asks": Situation(
        "keyring-absent",
        "this user has no login keyring yet",
        (CREATE,),
        root=f"{NO_KEYRING} dpkg --remove libpam-gnome-keyring >/dev/null;",
        undo="apt-get install -qq libpam-gnome-keyring >/dev/null;",
        end=End.STORE,
    ),
    "no PAM module and no keyring yet, and root asks about the user": Situation(
        "keyring-absent",
        "this user has no login keyring yet",
        ("sudo apt install libpam-gnome-keyring", APPLY),
        root=f"{NO_KEYRING} dpkg --remove libpam-gnome-keyring >/dev/null;",
        undo="apt-get install -qq libpam-gnome-keyring >/dev/null;",
        by_root=True,
        end=End.LOGIN_STORES,
    ),
    "gnome-keyring is not installed": Situation(
        "daemon-not-installed",
        "gnome-keyring-daemon is not installed",
        ("sudo apt install gnome-keyring",),
        root=MAY_SUDO + "dpkg --remove --force-depends gnome-keyring >/dev/null;",
        undo="apt-get install -qq gnome-keyring >/dev/null;",
        then=("secret-service-unowned",),
    ),
    # What lies on the disk.
    "a disk that was full left an empty keyring": Situation(
        "keyring-broken",
        "the file of the login keyring is damaged",
        (MOVED.format(LOGIN), "kill PID", CREATE),
        root=f": >{LOGIN};",
        end=End.STORE,
    ),
    "a container's mount made a directory of the keyring": Situation(
        "keyring-not-a-file",
        "there is no login keyring, because something that is not a file",
        (MOVED.format(LOGIN), "kill PID", CREATE),
        root=f"rm {LOGIN}; mkdir {LOGIN};",
        end=End.STORE,
    ),
    "a program under sudo made the keyrings": Situation(
        "keyrings-foreign",
        "the directory of the keyrings belongs to another user",
        (MOVED.format(KEYRINGS),),
        root=owned_by_root(KEYRINGS),
        end=End.LOGIN_STORES,
    ),
    "a program under sudo made ~/.local": Situation(
        "keyrings-cannot-be-made",
        "the directory of the keyrings does not exist and cannot be made",
        (
            MOVED.format("HOME_/.local"),
            "cp -R -P --no-target-directory HOME_/.local.aside HOME_/.local",
            "kill PID",
            CREATE,
        ),
        Way.KEY,
        root="rm -r HOME_/.local; mkdir -m 755 HOME_/.local; echo x >HOME_/.local/of-root;",
        also="[ -O HOME_/.local/of-root ] && grep -q x HOME_/.local.aside/of-root",
        end=End.STORE,
    ),
    "a home that was copied with everybody's modes": Situation(
        "keyrings-open",
        "a secret can be read in this session",
        (f"chmod 700 {KEYRINGS}",),
        root=f"chmod 777 {KEYRINGS};",
        also=f"[ $(stat -c %a {KEYRINGS}) = 700 ]",
    ),
    "a keyring without a password": Situation(
        "keyring-plaintext",
        "a secret can be read in this session",
        (REKEY,),
        root="install -o USER -m 600 /opt/plain/* HOME_/.local/share/keyrings;",
        answers=(("New password of", PASSWORD), ("Again", PASSWORD)),
        also=f"! grep -q s3cret {LOGIN}",
        end=End.LOGIN_READS,
    ),
    "the file default names a keyring with a capital letter": Situation(
        "default-keyring-absent",
        "there is no default keyring",
        (DEFAULT,),
        root=f"printf Login >{KEYRINGS}/default;",
    ),
    "a default keyring with a password of its own": Situation(
        "default-keyring-locked",
        "the default keyring work is locked",
        (UNLOCK,),
        session="/opt/creds-session/current/bin/python /opt/second_keyring.py",
        answers=(("[Pp]assword of the work keyring", "other"),),
    ),
    "a home that root made and did not give away": Situation(
        "home-foreign",
        "the home directory (HOME) belongs to another user",
        ("sudo chown UID_ HOME_",),
        Way.KEY,
        root=MAY_SUDO + "chown root:root HOME_; chmod 755 HOME_;",  # as mkdir makes it
        then=("login-without-password",),
    ),
    "the user's systemd is masked": Situation(
        "user-manager-failed",
        "the user manager (systemd --user) is not running",
        ("sudo systemctl unmask user@UID_.service",),
        root=MAY_SUDO + NO_HOOK + "systemctl mask -q user@UID_.service;",
        end=End.LOGIN_READS,
    ),
}
