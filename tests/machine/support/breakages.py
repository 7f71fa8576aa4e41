"""How each thing that the doctor finds is broken for real, on a machine that was healthy.

A breakage is shell text: ``root`` is run by root outside, ``session`` in alice's shell, and
``undo`` and ``leave`` take them back. ``ask`` is how the doctor is asked there.
"""

from __future__ import annotations

import shlex
from typing import NamedTuple

KEYRINGS = "/home/alice/.local/share/keyrings"
LOGIN = f"{KEYRINGS}/login.keyring"
SERVICE = "/usr/share/dbus-1/services/org.freedesktop.secrets.service"
OWN_SERVICES = "/home/alice/.local/share/dbus-1/services"
SSHD = "/etc/pam.d/sshd"
DAEMON = "/usr/bin/gnome-keyring-daemon"
MODULE = "/usr/lib/*-linux-gnu/security/pam_gnome_keyring.so"
SITE = "/opt/creds-session/current/lib/python3*/site-packages"
DROP_IN = "/etc/systemd/user/gnome-keyring-daemon.socket.d/creds-session.conf"
UNITS = "/etc/systemd/user"
AS_ROOT = "creds-doctor --user alice"
AS_ALICE = (
    "setpriv --reuid 1000 --regid 1000 --clear-groups"
    " env -u SUDO_USER HOME=/home/alice XDG_RUNTIME_DIR=/run/user/1000"
)


# Run by root and by alice: waits until shell text succeeds, and says so if it never does.
WAIT_FOR = """\
for _ in $(seq 600); do
    sh -c "$1" >/dev/null 2>&1 && exit
    sleep 0.05
done
echo "gave up waiting for: $1"
exit 1
"""
GAVE_UP = "gave up waiting for"


def until(condition: str) -> str:
    """Return shell text that waits for a state, at most half a minute."""
    return f"sh /opt/wait-for {shlex.quote(condition)}"


def listens(path: str) -> str:
    """Return shell text: whether someone listens on a unix socket (__SO_ACCEPTCON, unix(7))."""
    return f"grep -q ' 00010000 .*{path}$' /proc/net/unix"


OWNED = (
    "busctl --user call org.freedesktop.DBus /org/freedesktop/DBus org.freedesktop.DBus"
    " NameHasOwner s org.freedesktop.secrets | grep -q true"
)
LIVE = "D,R,S,T"  # what pgrep(1) calls the states of a process that has not ended
PROMPTER = "pgrep -u alice -x gcr-prompter"
DAEMONS = f"pgrep -u alice -r {LIVE} gnome-keyring-d"
TWO_DAEMONS = f"[ $({DAEMONS} | wc -l) -ge 2 ]"


class Breakage(NamedTuple):
    """One way to break a machine, for one id.

    ``cure``: ``fix`` if ``creds-doctor --fix`` cures it (a password is typed where it asks),
    ``user`` if alice runs what is shown, ``root`` if root does, ``undo`` if a person has to find
    the way. ``evidence`` is text
    that is among what was seen. ``login``: how alice comes in, before (``healthy``: the shared
    session, by password) or after it was broken (``password``, ``key``, ``dialogue``, ``su``).
    ``behind`` names the finding that comes first, for what is no fault by itself.
    """

    id: str
    evidence: str
    root: str = ""
    session: str = ""
    ask: str = "creds-doctor"
    undo: str = ""
    leave: str = ""
    cure: str = "undo"
    login: str = "healthy"
    behind: str = ""


def env(check_id: str, evidence: str, words: str, root: str = "", undo: str = "") -> Breakage:
    """Break the environment of one command alone; it is whole again after it."""
    return Breakage(check_id, evidence, root=root, undo=undo, ask=f"env {words} creds-doctor")


def pam(check_id: str, evidence: str, edit: str) -> Breakage:
    """Break sshd's file; root's `creds-setup-pam` or the copy mends it."""
    return Breakage(
        check_id, evidence, root=f"cp -p {SSHD} /root/sshd; {edit}", undo=f"cp -p /root/sshd {SSHD}"
    )


def other(check_id: str, evidence: str, service: str, edit: str) -> Breakage:
    """Break another service's file; root mends it as shown, and the copy comes back after all."""
    file = f"/etc/pam.d/{service}"
    return Breakage(
        check_id,
        evidence,
        root=f"cp -p {file} /root/{service}; {edit.replace('FILE', file)}",
        undo=f"cp -p /root/{service} {file}",
        cure="root",
    )


def sshd(check_id: str, evidence: str, setting: str) -> Breakage:
    """Break sshd's settings; only root sees them."""
    place = "/etc/ssh/sshd_config.d/00-broken.conf"
    return Breakage(
        check_id, evidence, f"printf '{setting}' >{place}", ask=AS_ROOT, undo=f"rm {place}"
    )


def foreign(check_id: str, path: str) -> Breakage:
    """Give bob what alice has at a path; she moves it away as shown, and it comes back."""
    back = f"rm -rf {path}; mv --no-target-directory {path}.aside {path}"
    return Breakage(
        check_id,
        "owner 1001",
        root=f"chown bob {path}",
        undo=f"if [ -e {path}.aside ]; then {back}; fi; chown alice {path}",
        cure="user",
    )


def link(check_id: str, path: str, target: str) -> Breakage:
    """Have a path lead to something of root's; `--fix` moves the link away."""
    return Breakage(
        check_id,
        f"{path} is a link to {target}",
        session=f"mv {path} ~/kept-real; ln -s {target} {path}",
        leave=f"rm -rf {path} {path}.aside; mv ~/kept-real {path}; {RESTART}",
        cure="fix",
    )


def own_service(program: str) -> str:
    """Have the bus start this program for secrets, by a file of alice's own."""
    text = f"[D-BUS Service]\\nName=org.freedesktop.secrets\\nExec={program}\\n"
    return f"mkdir -p {OWN_SERVICES}; printf '{text}' >{OWN_SERVICES}/s.service"


# A daemon that made another keyring keeps it.
RESTART = f"pkill -u alice -f ^{DAEMON}; {until(f'! pgrep -u alice -f ^{DAEMON}')}"
HANG = (
    "test -c /dev/fuse || mknod -m 666 /dev/fuse c 10 229; mkdir -p {0};"
    " python3 /opt/hung.py {0} >/dev/null 2>&1 & echo $! >/run/hung;"
    " until grep -q hung /proc/mounts; do sleep 0.05; done"
)
LET_GO = "kill $(cat /run/hung); umount --lazy {0}"
ON_HUNG = "DBUS_SESSION_BUS_ADDRESS=unix:path=/mnt/hung/bus"
WSL = "5.15.167.4-microsoft-standard-WSL2"
ENVIRONMENT = (
    env(
        "bus-stale", "/run/user/1000/gone", "DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1000/gone"
    )._replace(cure="user"),
    env("bus-not-local", "tcp:", "DBUS_SESSION_BUS_ADDRESS=tcp:host=127.0.0.1,port=1"),
    env("bus-foreign", "denied", "DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1001/bus"),
    Breakage(
        "bus-unreachable",
        "unix:path=/tmp/dumb",
        session="python3 -c 'import socket, time; s = socket.socket(socket.AF_UNIX);"
        ' s.bind("/tmp/dumb"); s.listen(); time.sleep(60)\' & DUMB=$!; '
        + until(listens("/tmp/dumb")),
        ask="env DBUS_SESSION_BUS_ADDRESS=unix:path=/tmp/dumb creds-doctor",
        leave="kill $DUMB; wait $DUMB; rm /tmp/dumb",
    ),
    env("bus-unnamed", "/run/user/1000/bus", "-u DBUS_SESSION_BUS_ADDRESS"),
    env("runtime-directory-unset", "not set", "-u XDG_RUNTIME_DIR"),
    env("runtime-directory-missing", "absent", "XDG_RUNTIME_DIR=/run/user/4711"),
    env("runtime-directory-foreign", "owner 1001", "XDG_RUNTIME_DIR=/run/user/1001"),
    env("home-foreign", "owner 1001", "HOME=/home/bob"),
    env("home-absent", "absent", "HOME=/home/nobody-has-it"),
    env(
        "home-not-of-account",
        "the account has /home/alice",
        "HOME=/home/alice2",
        root="cp -a /home/alice /home/alice2",
        undo="rm -r /home/alice2",
    ),
    env("backend-none", "null", "PYTHON_KEYRING_BACKEND=keyring.backends.null.Keyring"),
    env("backend-elsewhere", "keyrings.alt", "PYTHON_KEYRING_BACKEND=keyrings.alt.file.Plain"),
    env("ssh-socket-gone", "absent", "SSH_AUTH_SOCK=/run/user/1000/keyring/ssh"),
    env("control-variable-stale", "keyring-AB", "GNOME_KEYRING_CONTROL=/run/user/1000/keyring-AB"),
    env("bus-sandboxed", "snap", "SNAP=/snap/x SNAP_NAME=x"),
    env(
        "facts-incomplete",
        "runtime: nothing within its time",
        ON_HUNG,
        root=HANG.format("/mnt/hung"),
        undo=LET_GO.format("/mnt/hung"),
    ),
    env(
        "facts-incomplete",
        "home: nothing within its time",
        "XDG_DATA_HOME=/mnt/hung",
        root=HANG.format("/mnt/hung"),
        undo=LET_GO.format("/mnt/hung"),
    ),
    Breakage("root-under-sudo", "SUDO_USER=alice", ask="setsid -w sudo -n creds-doctor"),
    Breakage(
        "container-without-init",
        "process 1 is",
        ask=f"setsid -w sudo -n unshare --pid --fork --mount-proc {AS_ALICE} creds-doctor",
        behind="secret-service-unowned",
    ),
    Breakage(
        "daemon-capabilities",
        "CAP_IPC_LOCK",
        root=f"setcap cap_ipc_lock=ep {DAEMON}",
        ask=f"setsid -w sudo -n setpriv --bounding-set=-ipc_lock {AS_ALICE} creds-doctor",
        undo=f"setcap -r {DAEMON} || :",
        cure="root",
    ),
)
FILES = (
    Breakage(
        "keyrings-unreadable",
        "/home/alice: directory, owner 1000, mode 0000",
        root="chmod 000 /home/alice",
        undo="chmod 700 /home/alice",
        cure="fix",
    ),
    Breakage("home-foreign", "owner 0", root="chown root /home/alice", cure="root"),
    Breakage("runtime-directory-open", "0755", session="chmod 755 $XDG_RUNTIME_DIR", cure="fix"),
    Breakage("keyrings-open", "0755", session=f"chmod 755 {KEYRINGS}", cure="fix"),
    Breakage("keyring-open", "0644", session=f"chmod 644 {LOGIN}", cure="fix"),
    Breakage("keyrings-unwritable", "0500", session=f"chmod 500 {KEYRINGS}", cure="fix"),
    Breakage("keyrings-unreadable", "0000", session=f"chmod 000 {KEYRINGS}", cure="fix"),
    Breakage("keyring-file-unreadable", "0000", session=f"chmod 000 {LOGIN}", cure="fix"),
    foreign("keyrings-foreign", KEYRINGS),
    foreign("keyring-foreign", LOGIN),
    Breakage(
        "keyrings-not-a-folder",
        "keyrings: file",
        session=f"mv {KEYRINGS} ~/kept-folder; touch {KEYRINGS}",
        leave=f"rm -rf {KEYRINGS} {KEYRINGS}.aside; mv ~/kept-folder {KEYRINGS}",
        cure="fix",
    ),
    Breakage(
        "keyring-not-a-file",
        "login.keyring: directory",
        session=f"mv {LOGIN} ~/kept-file; mkdir {LOGIN}",
        leave=f"rm -rf {LOGIN} {LOGIN}.aside; mv ~/kept-file {LOGIN}; {RESTART}",
    ),
    Breakage(
        "keyring-broken",
        "not a keyring",
        session=f"cp -p {LOGIN} ~/kept-text; echo nonsense >{LOGIN}",
        leave=f"mv ~/kept-text {LOGIN}; {RESTART}",
    ),
    Breakage(
        "keyring-plaintext",
        "[keyring]",
        session=f"cp -p {LOGIN} ~/kept-sealed; printf '[keyring]\\ndisplay-name=Login\\n' >{LOGIN}",
        leave=f"mv ~/kept-sealed {LOGIN}; {RESTART}",
    ),
    Breakage(
        "default-keyring-damaged",
        "not a keyring",
        session=f"echo nonsense >{KEYRINGS}/work.keyring; printf work >{KEYRINGS}/default",
        leave=f"rm {KEYRINGS}/work.keyring {KEYRINGS}/default",
    ),
    Breakage(
        "other-keyring-damaged",
        "old.keyring:4",
        session="printf '[keyring]\\ndisplay-name=old\\n[1]\\nof two lines\\n'"
        f" >{KEYRINGS}/old.keyring",
        leave=f"rm {KEYRINGS}/old.keyring",
    ),
    Breakage(
        "keyrings-cannot-be-made",
        "0500",
        session=f"mv {KEYRINGS} ~/kept-whole; chmod 500 ~/.local/share",
        leave=f"chmod 700 ~/.local/share; mv ~/kept-whole {KEYRINGS}",
        cure="fix",
    ),
    Breakage(
        "home-full",
        "0 bytes",
        root=f"mount -t tmpfs -o size=8k,mode=700,uid=1000 tmpfs {KEYRINGS};"
        f" head -c 9000 /dev/zero >{KEYRINGS}/x || :",
        undo=f"umount --lazy {KEYRINGS}",
    ),
    Breakage(
        "home-read-only",
        "read-only",
        root=f"mount --bind {KEYRINGS} {KEYRINGS}; mount -o remount,bind,ro {KEYRINGS}",
        undo=f"umount --lazy {KEYRINGS}",
    ),
    Breakage(
        "default-keyring-absent",
        "alias default",
        session=f"printf nothing >{KEYRINGS}/default",
        leave=f"rm {KEYRINGS}/default",
        cure="fix",
    ),
)
ALONE = (
    Breakage(
        "home-denied",
        "HOME=/home/alice: denied",
        root="chmod 700 /home",
        undo="chmod 755 /home",
    ),
    link("keyring-foreign", LOGIN, "/etc/shadow"),
    link("keyrings-foreign", KEYRINGS, "/etc/cron.d"),
    Breakage(
        "home-foreign",
        "owner 1001",
        root="chown bob /home/alice",
        undo="chown alice /home/alice",
    ),
    Breakage(
        "sshd-settings-unread",
        "/run/sshd",
        root="rm -rf /run/sshd",
        ask=AS_ROOT,
        undo="mkdir -m 755 /run/sshd",
    ),
)
"""What is broken alone, and never together with something else (faults.py)."""

INSTALLATION = (
    Breakage(
        "wsl-without-login",
        "Microsoft",
        root=f"echo {WSL} >/run/release; mount --bind /run/release /proc/sys/kernel/osrelease",
        undo="umount /proc/sys/kernel/osrelease",
    ),
    Breakage(
        "daemon-not-installed",
        "no gnome",
        root=f"cp -p {DAEMON} /root/d; rm {DAEMON}",
        undo=f"mv /root/d {DAEMON}",
    ),
    Breakage(
        "activation-missing", SERVICE, root=f"mv {SERVICE} /root/s", undo=f"mv /root/s {SERVICE}"
    ),
    Breakage(
        "activation-broken",
        "/nonexistent",
        session=own_service("/nonexistent/x"),
        leave="rm -r ~/.local/share/dbus-1",
    ),
    Breakage(
        "activation-other",
        "/usr/bin/true",
        session=own_service("/usr/bin/true"),
        leave="rm -r ~/.local/share/dbus-1",
    ),
    Breakage(
        "secretstorage-missing",
        "secretstorage",
        root=f"cd {SITE}; mv secretstorage /root/ss",
        undo=f"cd {SITE}; mv /root/ss secretstorage",
    ),
    Breakage(
        "processes-hidden",
        "/proc/1",
        root="mount -o remount,hidepid=2 /proc",
        undo="mount -o remount,hidepid=0 /proc",
    ),
)
PAM = (
    Breakage(
        "pam-module-not-installed",
        "pam_gnome_keyring.so",
        root=f"mv {MODULE} /root/m",
        undo="mv /root/m $(dirname $(ls /usr/lib/*/security/pam_unix.so))/pam_gnome_keyring.so",
    ),
    pam("pam-service-absent", "", f"rm {SSHD}"),
    pam("pam-file-malformed", "", f"echo 'auht required pam_unix.so' >>{SSHD}"),
    Breakage(
        "pam-rule-missing",
        "no rule",
        root="creds-setup-pam revert",
        undo="creds-setup-pam apply",
        cure="root",
    ),
    pam("pam-only-if", "only_if=login", f"sed -i '/gnome_keyring/s/$/ only_if=login/' {SSHD}"),
    pam("pam-option-misspelt", "autostart", f"sed -i 's/auto_start/autostart/' {SSHD}"),
    pam("pam-no-auto-start", "no auto_start", f"sed -i 's/ auto_start//' {SSHD}"),
    pam(
        "pam-rule-too-early",
        "before pam_unix.so",
        f"r=$(grep -n '^auth.*gnome_keyring' {SSHD}); sed -i '/^auth.*gnome_keyring/d' {SSHD};"
        f' sed -i "1i${{r#*:}}" {SSHD}',
    ),
    pam("pam-rule-ineffective", "auth", f"sed -i '1iauth sufficient pam_unix.so' {SSHD}"),
    pam(
        "pam-wrong-password-let-in",
        "pam_faillock.so returns success",
        f"sed -i '1iauth sufficient pam_faillock.so authsucc' {SSHD}",
    ),
    pam(
        "pam-password-left-behind",
        "password: ",
        f"sed -i '1ipassword sufficient pam_unix.so' {SSHD}",
    ),
    pam(
        "pam-starts-at-wrong-password",
        "each wrong password",
        f"sed -i '1iauth optional pam_gnome_keyring.so auto_start' {SSHD}",
    ),
    pam(
        "pam-rule-unsafe",
        "auth",
        f"sed -i -E '/^auth.*gnome_keyring/s/(optional|\\[default=ignore\\])/required/' {SSHD}",
    ),
    pam(
        "pam-rule-repeated",
        "2 times",
        f"echo 'password optional pam_gnome_keyring.so use_authtok' >>{SSHD}",
    ),
    pam(
        "pam-password-asks",
        "no use_authtok",
        f"sed -i '1ipassword optional pam_gnome_keyring.so' {SSHD}",
    ),
    Breakage(
        "passwd-leaves-keyring",
        "passwd: no rule",
        root="cp -p /etc/pam.d/passwd /root/p;"
        " echo 'password required pam_unix.so' >/etc/pam.d/passwd",
        undo="cp -p /root/p /etc/pam.d/passwd",
    ),
    Breakage("pam-other-services", "login"),
    other(
        "pam-other-service-ineffective",
        "login: session: no rule",
        "login",
        "sed -i '/^@include common-auth/aauth optional pam_gnome_keyring.so' FILE",
    ),
    other(
        "pam-other-service-ineffective",
        "su: auth: ",
        "su",
        "sed -i '1iauth sufficient pam_unix.so' FILE;"
        " echo 'auth optional pam_gnome_keyring.so' >>FILE",
    )._replace(cure="undo"),
    other(
        "pam-other-service-daemon",
        "su: ",
        "su",
        "echo 'session optional pam_gnome_keyring.so auto_start' >>FILE",
    )._replace(cure="undo"),
    other(
        "pam-other-service-unsafe",
        "login: auth: ",
        "login",
        "echo 'auth required pam_gnome_keyring.so' >>FILE;"
        " echo 'session optional pam_gnome_keyring.so auto_start' >>FILE",
    ),
    other(
        "pam-other-service-unsafe",
        "cron: session: ",
        "cron",
        "echo 'session required pam_gnome_keyring.so' >>FILE",
    )._replace(cure="undo"),
    Breakage(
        "pam-vendor-newer",
        "pam_umask.so",
        root=f"cp -p {SSHD} /root/sshd; {{ grep -v gnome_keyring {SSHD};"
        f" echo session optional pam_umask.so; }} >{SSHD}.dpkg-dist",
        ask=AS_ROOT,
        undo=f"rm {SSHD}.dpkg-dist",
    ),
    Breakage(
        "pam-files-unread",
        "common-account",
        root="chmod 600 /etc/pam.d/common-account",
        undo="chmod 644 /etc/pam.d/common-account",
    ),
    Breakage(
        "first-login-fails",
        "gnome-keyring-daemon.socket",
        root=f"mv {DROP_IN} /root/drop-in",
        undo=f"mv /root/drop-in {DROP_IN}",
    ),
    sshd("sshd-without-pam", "usepam no", "UsePAM no\\n"),
    sshd(
        "sshd-keyboard-interactive", "keyboard-interactive", "KbdInteractiveAuthentication yes\\n"
    ),
    sshd(
        "sshd-takes-no-password",
        "passwordauthentication no",
        "PasswordAuthentication no\\nKbdInteractiveAuthentication no\\n",
    ),
    sshd(
        "sshd-takes-no-password",
        "user=alice,host=127.0.0.1",
        "Match User alice Address 127.0.0.0/8\\n  PasswordAuthentication no\\nMatch all\\n",
    ),
    sshd(
        "sshd-keyboard-interactive",
        "user=alice",
        "Match Group alice\\n  KbdInteractiveAuthentication yes\\nMatch all\\n",
    ),
    sshd("sshd-refuses-settings", "sshd -T:", "Nonsense yes\\n"),
)
END = (
    "systemctl --user stop gnome-keyring-daemon.socket gnome-keyring-daemon.service;"
    f" pkill -KILL -u alice gnome-keyring-d; {until(f'! {DAEMONS} && ! {OWNED}')};"
)
GUESTS = (
    Breakage(
        "daemon-impostor",
        "/home/alice/gnome-keyring-daemon",
        session="cp /bin/sleep ~/gnome-keyring-daemon;"
        " ~/gnome-keyring-daemon 999 & IMPOSTOR=$!; "
        + until("pgrep -u alice -fx '/home/alice/gnome-keyring-daemon 999'"),
        leave="kill -KILL $IMPOSTOR; wait $IMPOSTOR; rm ~/gnome-keyring-daemon",
    ),
    Breakage(
        "daemon-zombie",
        "has ended",
        session='python3 -c "import subprocess, time;'
        f" p = subprocess.Popen(['{DAEMON}', '--version'], stdout=-3); time.sleep(999)\" &"
        " ZOMBIE=$!; " + until("pgrep -u alice -r Z gnome-keyring-d"),
        leave="kill -KILL $ZOMBIE; wait $ZOMBIE",
    ),
    Breakage(
        "daemon-several",
        "by-hand",
        session="rm -f /tmp/guest;"
        f" dbus-run-session -- sh -c '{DAEMON} --daemonize --control-directory=$(mktemp -d)"
        f" >/dev/null 2>&1; >/tmp/guest; exec sleep 999' & GUEST=$!; {until('[ -e /tmp/guest ]')}",
        # dbus-run-session ends its bus when its command ends, and not when it is killed itself.
        leave="pkill -u alice -fx 'sleep 999'; wait $GUEST; rm /tmp/guest; "
        + until("! pgrep -u alice -f '[d]aemonize --control-directory=/tmp'"),
    ),
    Breakage(
        "bus-nested",
        "/run/user/1000/bus",
        ask="dbus-run-session -- sh -c 'printf pw1 | creds unlock --password-stdin 2>/dev/null;"
        """ creds-doctor "$@"' x""",
    ),
)
MASK = f"ln -s /dev/null {UNITS}/gnome-keyring-daemon.socket;"
UNMASK = f"rm -f {UNITS}/gnome-keyring-daemon.socket {UNITS}/gnome-keyring-daemon.service;"
NO_HOOK = "install -D -o alice /dev/null /home/alice/.config/creds-session/no-hook;"
HOOK = "rm -rf /home/alice/.config/creds-session;"
OTHER = "/opt/creds-session/current/bin/python /opt/other_provider.py"
OTHER_ENDS = "kill $PROVIDER; wait $PROVIDER"
SESSIONS = (
    Breakage(
        "daemon-stopped",
        "pid ",
        session="kill -STOP $(pgrep -u alice gnome-keyring-d)",
        cure="fix",
        login="password",
    ),
    Breakage(
        "bus-stopped",
        "is stopped",
        session="kill -STOP $(pgrep -u alice -x 'dbus-daemon|dbus-broker')",
        cure="fix",
        login="password",
    ),
    Breakage(
        "daemon-split-brain",
        "control is served by pid",
        session="printf pw1 | gnome-keyring-daemon --unlock --daemonize >/dev/null 2>&1; "
        + until(f"{TWO_DAEMONS} && {OWNED}"),
        cure="fix",
        login="key",
    ),
    Breakage(
        "daemon-split-brain",
        "role unit",
        session=f"{END} printf pw1 | gnome-keyring-daemon --unlock --daemonize >/dev/null 2>&1;"
        " systemctl --user start gnome-keyring-daemon.socket gnome-keyring-daemon.service; "
        + until(f"{TWO_DAEMONS} && {OWNED}"),
        cure="fix",
        login="password",
    ),
    Breakage(
        "prompt-waiting",
        "gcr-prompter",
        session="python3 /opt/silent_display.py & DISPLAY_=$!;"
        f" {until(listens('/tmp/.X11-unix/X9'))};"
        " DISPLAY=:9 dbus-update-activation-environment DISPLAY; creds lock;"
        f" secret-tool lookup service app username me & CLIENT=$!; {until(PROMPTER)}",
        # The client may wait for ever if its daemon ended first.
        leave="pkill -x gcr-prompter; kill $CLIENT; wait $CLIENT; kill $DISPLAY_; wait $DISPLAY_;"
        " dbus-update-activation-environment DISPLAY=",
        login="password",
        behind="keyring-locked",
    ),
    Breakage(
        "daemon-without-secrets",
        "--components=pkcs11",
        session=f"{END} gnome-keyring-daemon --daemonize --components=pkcs11 >/dev/null 2>&1",
        cure="fix",
        login="password",
    ),
    Breakage(
        "daemon-on-another-bus",
        "by-hand",
        session=f"{END} dbus-run-session -- sh -c '{DAEMON} --daemonize >/dev/null 2>&1;"
        " exec sleep 99' & " + until(f"[ $(ps -o etimes= -p $({DAEMONS})) -ge 4 ]"),
        # The check leaves a daemon alone that may still take its name.
        cure="fix",
        login="password",
    ),
    Breakage(
        "daemon-waiting",
        "--login",
        root=f"{NO_HOOK} {MASK}",
        undo=f"{HOOK} {UNMASK}",
        cure="fix",
        login="password",
    ),
    Breakage(
        "daemon-gone",
        "started properly",
        root=f"{NO_HOOK} {MASK}",
        session=f"pkill -u alice gnome-keyring-d; {until(f'! {DAEMONS}')}",
        undo=f"{HOOK} {UNMASK}",
        cure="fix",
        login="password",
    ),
    Breakage(
        "daemon-other-home",
        "knows no login keyring",
        session=f"{END} mkdir -p ~/other; HOME=~/other gnome-keyring-daemon --daemonize"
        f" >/dev/null 2>&1; {until(OWNED)}",
        cure="fix",
        login="password",
    ),
    Breakage(
        "control-socket-gone",
        "nobody listens",
        session="rm $XDG_RUNTIME_DIR/keyring/control",
        cure="fix",
        login="password",
    ),
    Breakage(
        "daemon-elsewhere",
        "/home/alice/.cache/keyring-",
        session=f"{END} export $(printf pw1 | env -u XDG_RUNTIME_DIR gnome-keyring-daemon"
        " --daemonize --login 2>/dev/null | grep CONTROL); gnome-keyring-daemon --start"
        f" >/dev/null 2>&1; {until(OWNED)}",
        leave=f"{END} unset GNOME_KEYRING_CONTROL",
        login="password",
    ),
    Breakage(
        "other-provider",
        "python",
        session=f"{END} {OTHER} open & PROVIDER=$!; {until(OWNED)}",
        leave=OTHER_ENDS,
        login="password",
    ),
    Breakage(
        "other-provider-locked",
        "is locked",
        session=f"{END} {OTHER} locked & PROVIDER=$!; {until(OWNED)}",
        leave=OTHER_ENDS,
        login="password",
    ),
    Breakage(
        "daemon-hung",
        "python",
        session=f"{END} {OTHER} silent & PROVIDER=$!; {until(OWNED)}",
        leave=OTHER_ENDS,
        login="password",
    ),
    Breakage(
        "unit-failed",
        "failed",
        root=f"{NO_HOOK} mkdir -p {UNITS}/gnome-keyring-daemon.service.d;"
        " printf '[Service]\\nExecStart=\\nExecStart=/bin/false\\n'"
        f" >{UNITS}/gnome-keyring-daemon.service.d/broken.conf",
        undo=f"{HOOK} rm -r {UNITS}/gnome-keyring-daemon.service.d",
        login="password",
    ),
    Breakage(
        "user-manager-failed",
        "is masked",
        root="systemctl mask user@1000.service",
        undo="systemctl unmask user@1000.service",
        cure="undo",
        login="key",
    ),
    Breakage("bus-absent", "XDG_RUNTIME_DIR=(not set)", root=NO_HOOK, undo=HOOK, login="su"),
    Breakage(
        "user-manager-absent",
        "inactive",
        root=NO_HOOK,
        undo=HOOK,
        login="su",
        behind="bus-absent",
    ),
    Breakage(
        "secret-service-unowned",
        "no gnome-keyring-daemon",
        root=NO_HOOK,
        session='eval "$(creds env --start)"',
        undo=HOOK,
        cure="fix",
        login="su",
    ),
    Breakage("login-without-password", "publickey", login="key", cure="fix"),
    Breakage(
        "hook-absent",
        "/etc/profile.d",
        root="mv /etc/profile.d/creds-session.sh /root/hook",
        undo="mv /root/hook /etc/profile.d/creds-session.sh",
        login="key",
        behind="login-without-password",
    ),
    Breakage(
        "hook-off",
        "no-hook",
        root=NO_HOOK,
        undo=HOOK,
        login="key",
        behind="login-without-password",
    ),
    Breakage(
        "prompt-impossible",
        "couldn't create system prompt",
        session="secret-tool lookup service app username me",
        login="key",
        behind="login-without-password",
    ),
    Breakage(
        "keyring-absent",
        "login.keyring",
        root=f"{NO_HOOK} mv {KEYRINGS} /home/alice/kept-absent",
        session=f"gnome-keyring-daemon --start >/dev/null 2>&1; {until(OWNED)}",
        undo=f"{HOOK} rm -rf {KEYRINGS}; mv /home/alice/kept-absent {KEYRINGS}",
        login="key",
    ),
    Breakage(
        "keyring-ghost",
        "gnome-keyring-daemon (pid",
        root=f"{NO_HOOK} mv {DROP_IN} /root/drop-in; mv {KEYRINGS} /home/alice/kept-ghost",
        undo=f"{HOOK} mv /root/drop-in {DROP_IN}; rm -rf {KEYRINGS};"
        f" mv /home/alice/kept-ghost {KEYRINGS}",
        cure="fix",
        login="password",
    ),
    Breakage("keyring-locked", "login.keyring", session="creds lock", cure="fix", login="password"),
    Breakage(
        "login-password-refused",
        "was invalid",
        root=f"{NO_HOOK} cp -p {LOGIN} /root/k; echo alice:pw2 | chpasswd",
        undo=f"{HOOK} mv /root/k {LOGIN}; echo alice:pw1 | chpasswd",
        cure="fix",
        login="password",
    ),
    Breakage(
        "login-password-lost",
        "stashed password",
        root=f"{NO_HOOK} printf 'PasswordAuthentication no\\nKbdInteractiveAuthentication yes\\n'"
        " >/etc/ssh/sshd_config.d/00-broken.conf; systemctl restart ssh",
        undo=f"{HOOK} rm /etc/ssh/sshd_config.d/00-broken.conf; systemctl restart ssh",
        cure="fix",
        login="dialogue",
    ),
    Breakage(
        "default-keyring-locked",
        "/org/freedesktop/secrets/collection/work",
        session="/opt/creds-session/current/bin/python /opt/second_keyring.py",
        leave=f"rm -f {KEYRINGS}/work.keyring {KEYRINGS}/default",
        cure="fix",
        login="password",
    ),
    Breakage(
        "default-elsewhere",
        "default says work",
        session="/opt/creds-session/current/bin/python /opt/second_keyring.py",
        leave=f"rm -f {KEYRINGS}/work.keyring {KEYRINGS}/default",
        login="password",
        behind="default-keyring-locked",
    ),
)
SESSIONS_ALONE = (
    Breakage(
        "control-socket-gone",
        "nobody listens",
        session="rm -r $XDG_RUNTIME_DIR/keyring",
        cure="fix",
        login="password",
    ),
    Breakage(
        "daemon-replaced",
        "--replace",
        session=f"{DAEMON} --replace --daemonize --components=secrets >/dev/null 2>&1;"
        f" {until(f'pgrep -u alice -f [-]-replace && {OWNED}')}",
        cure="fix",
        login="password",
    ),
)
SHARED = (*ENVIRONMENT, *FILES, *INSTALLATION, *PAM, *GUESTS)
OTHER_PROVIDER = """\
import sys, time
from jeepney import DBusAddress, MessageType, new_error, new_method_call, new_method_return
from jeepney.io.blocking import open_dbus_connection

mode = sys.argv[1]
bus = open_dbus_connection()
daemon = DBusAddress("/org/freedesktop/DBus", "org.freedesktop.DBus", "org.freedesktop.DBus")
bus.send_and_get_reply(
    new_method_call(daemon, "RequestName", "su", ("org.freedesktop.secrets", 4))
)
if mode == "silent":
    time.sleep(99)
while True:
    message = bus.receive()
    if message.header.message_type is not MessageType.method_call:
        continue
    name = message.header.fields.get(3)
    if name == "ReadAlias":
        bus.send(new_method_return(message, "o", ("/org/freedesktop/secrets/collection/mine",)))
    elif name == "Get":
        bus.send(new_method_return(message, "v", (("b", mode == "locked"),)))
    else:
        bus.send(new_error(message, "org.freedesktop.DBus.Error.UnknownMethod"))
"""
HUNG = """\
import ctypes, os, sys, time

driver = os.open("/dev/fuse", os.O_RDWR)  # nobody reads it: whoever looks there waits
options = f"fd={driver},rootmode=40000,user_id=0,group_id=0,allow_other".encode()
place = sys.argv[1].encode()
if ctypes.CDLL(None).mount(b"hung", place, b"fuse", 0, options) != 0:
    sys.exit("not mounted")
time.sleep(600)
"""
SILENT_DISPLAY = """\
import contextlib, os, socket, time

os.makedirs("/tmp/.X11-unix", exist_ok=True)
with contextlib.suppress(FileNotFoundError):
    os.unlink("/tmp/.X11-unix/X9")  # of one that was killed
server = socket.socket(socket.AF_UNIX)
server.bind("/tmp/.X11-unix/X9")  # a display that takes connections and says nothing
server.listen()
try:
    time.sleep(600)
finally:
    os.unlink("/tmp/.X11-unix/X9")
"""
SECOND_KEYRING = """\
import os
import subprocess
from creds_session.secret import Secret
from creds_session.system.bus.address import session_bus_address
from creds_session.system.bus.connection import Bus
from creds_session.system.secret_service.service import secret_service

PATH = "/org/freedesktop/secrets"
with Bus(session_bus_address(os.environ, os.getuid()), 5) as bus:
    service = secret_service(bus)
    service.create("work", Secret(b"other"))
    call = ["busctl", "--user", "call", "org.freedesktop.secrets", PATH]
    call += ["org.freedesktop.Secret.Service", "SetAlias", "so", "default"]
    call += [f"{PATH}/collection/work"]
    subprocess.run(call, check=True)
    subprocess.run(["creds", "put", "app", "me"], input=b"s3cret", check=True)
    service.lock(f"{PATH}/collection/work")
"""
