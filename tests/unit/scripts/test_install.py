"""What scripts/install asks of each package manager, and says if something is missing.

It runs in a copy of this machine's file system (an overlay in a mount namespace), with package
managers that only write down what they are asked for. No real dnf, zypper, pacman or
apk is asked.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from creds_session.facts.distribution import install_command

CHECKOUT = Path(__file__).parents[3]
pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("mount") is None,
    reason="needs root and mount: it mounts an overlay",
)

MANAGERS = ("apt-get", "dnf", "microdnf", "tdnf", "zypper", "pacman", "apk")
NAMESPACES = ("unshare", "--mount", "--propagation=private")
IN_A_COPY = """
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" overlay "$1/root"
root=$1/root
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/tmp"
mkdir -p "$root/mnt/checkout"
mount --bind -o ro "$2" "$root/mnt/checkout"
exec chroot "$root" sh -ec "$3"
"""
# A machine that has every part, but no package manager and nothing of ours.
WHOLE = """
rm -rf /opt/* /usr/local/*bin/creds* /var/lib/dpkg/status
for name in MANAGERS sudo; do rm -f "/usr/bin/$name" "/usr/local/bin/$name" "/bin/$name"; done
find /usr/lib /lib64 -maxdepth 3 -name 'pam_gnome_keyring.so' -delete
mkdir -p /usr/lib/security /usr/lib/systemd/user /opt /mnt/caller
touch /usr/lib/security/pam_gnome_keyring.so /usr/lib/security/pam_systemd.so
touch /usr/lib/systemd/user/dbus.socket
for name in gnome-keyring-daemon dbus-run-session; do
    printf '#!/bin/sh\\n' >"/usr/bin/$name"
    chmod +x "/usr/bin/$name"
done
pam() { find /usr/lib /lib64 -maxdepth 3 -name "$1" -delete; }
stub() { printf '#!/bin/sh\\n%s\\n' "$2" >"$1"; chmod +x "$1"; }
manager() { stub "/usr/bin/$1" 'echo "${0##*/} $*" >>/calls; '"${2:-}"; }
after() { :; }
debian() { mkdir -p /var/lib/dpkg; echo Package: x >/var/lib/dpkg/status; }
""".replace("MANAGERS", " ".join(MANAGERS))
# A machine that has none of them. The systemd unit comes with the user bus.
BARE = f"""{WHOLE}
rm -f /usr/bin/gnome-keyring-daemon /usr/bin/dbus-run-session /usr/lib/systemd/user/dbus.socket
pam pam_gnome_keyring.so; pam pam_systemd.so
"""
OLD_PYTHON = "rm -f /usr/bin/python3*; stub /usr/bin/python3 'echo 3.6'"
AFTERWARDS = """
code=0
PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root $INSTALL || code=$?
echo "exit $code"
[ ! -e /calls ] || sed 's/^/call /' /calls
find /opt /usr/local/bin/creds* /etc/pam.d/creds-session -mindepth 0 2>/dev/null | sed 's/^/left /'
{ after; } | sed 's/^/after /'
"""


class Told(NamedTuple):
    """How a run ended: its exit code, its messages, what was asked for, what it left.

    ``after`` is what the shell function of that name printed.
    """

    code: int
    errors: str
    calls: list[str]
    left: list[str]
    after: list[str]


def install(
    place: Path, setup: str, *words: str, base: str = WHOLE, environ: str = "", net: bool = True
) -> Told:
    """Run scripts/install with these words where ``setup`` was run, with a network or without."""
    command = f"env {environ} /mnt/checkout/scripts/install {' '.join(words)}"
    script = f"{base}\n{setup}\n{AFTERWARDS.replace('$INSTALL', command)}"
    done = subprocess.run(
        [
            *(*NAMESPACES, *([] if net else ["--net"]), "sh", "-ec", IN_A_COPY),
            *("sh", str(place), str(CHECKOUT), script),
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    lines = [line.partition(" ") for line in done.stdout.splitlines()]
    codes = [int(rest) for word, _, rest in lines if word == "exit"]
    return Told(
        codes[0],
        done.stderr,
        [rest for word, _, rest in lines if word == "call"],
        [rest for word, _, rest in lines if word == "left" and rest != "/opt"],
        [rest for word, _, rest in lines if word == "after"],
    )


ALL_OF = {
    "dnf": "dnf install -y -q gnome-keyring gnome-keyring-pam dbus-daemon dbus systemd-pam",
    "microdnf": "microdnf install -y gnome-keyring gnome-keyring-pam dbus-daemon dbus systemd-pam",
    "tdnf": "tdnf install -y gnome-keyring gnome-keyring-pam dbus-daemon dbus systemd-pam",
    "zypper": "zypper --non-interactive --quiet install --no-recommends"
    " gnome-keyring gnome-keyring-pam /usr/bin/dbus-run-session dbus-1 systemd",
    "pacman": "pacman -S --noconfirm --needed gnome-keyring dbus systemd",
    "apk": "apk add --quiet gnome-keyring dbus",
    "apt-get": "apt-get install -y -qq --no-install-recommends"
    " gnome-keyring libpam-gnome-keyring dbus dbus-user-session libpam-systemd",
}


@pytest.mark.parametrize("name", MANAGERS)
def test_each_manager_is_asked_by_its_own_names(tmp_path: Path, name: str) -> None:
    told = install(tmp_path, f"manager {name}", base=BARE)
    assert told.calls[-1] == ALL_OF[name]
    assert (told.code, told.left) == (69, [])
    line = next(line for line in told.errors.splitlines() if "still not installed" in line)
    assert "gnome-keyring-daemon, pam_gnome_keyring.so, dbus-run-session" in line
    assert f"{name} was asked for: gnome-keyring " in line
    assert all(line.startswith("install: ") for line in told.errors.splitlines())


@pytest.mark.parametrize(
    ("name", "lacks", "package"),
    [
        ("dnf", "pam pam_gnome_keyring.so", "gnome-keyring-pam"),
        ("microdnf", "pam pam_systemd.so", "systemd-pam"),
        ("tdnf", "rm /usr/bin/gnome-keyring-daemon", "gnome-keyring"),
        ("zypper", "rm /usr/bin/dbus-run-session", "/usr/bin/dbus-run-session"),
        ("zypper", "rm /usr/lib/systemd/user/dbus.socket", "dbus-1"),
        ("pacman", "pam pam_gnome_keyring.so", "gnome-keyring"),
        ("apk", "rm /usr/bin/dbus-run-session", "dbus"),
        ("apt-get", "pam pam_gnome_keyring.so; debian", "libpam-gnome-keyring"),
    ],
)
def test_only_what_is_missing_is_asked_for(
    tmp_path: Path, name: str, lacks: str, package: str
) -> None:
    told = install(tmp_path, f"manager {name}; {lacks}")
    assert told.calls[-1].split()[-1] == package
    assert told.calls[-1].split()[-2].startswith("-") or told.calls[-1].split()[-2] == "install"
    assert told.code == 69


def test_modules_below_lib_are_found_if_lib_is_a_directory_of_its_own(tmp_path: Path) -> None:
    """Debian 11 may have /lib apart from /usr/lib: PAM's modules are in the first one then."""
    apart = """
    pam pam_gnome_keyring.so; pam pam_systemd.so; rm /usr/bin/dbus-run-session
    for directory in /usr/lib/*-linux-gnu; do
        new=/apart/${directory##*/}
        mkdir -p "$new/security"
        touch "$new/security/pam_gnome_keyring.so" "$new/security/pam_systemd.so"
        ln -s "$directory"/ld-linux* "$new"  # which starts every program
    done
    python3 -c 'import os; os.remove("/lib"); os.rename("/apart", "/lib")'
    """
    told = install(tmp_path, f"manager apt-get; debian; {apart}")
    assert told.calls[-1] == "apt-get install -y -qq --no-install-recommends dbus"


def test_the_names_are_those_that_the_commands_print() -> None:
    families = {
        "apt-get": "ID=debian\n",
        "dnf": "ID=rocky\nID_LIKE='rhel fedora'\n",
        "zypper": "ID=opensuse-leap\nID_LIKE='suse opensuse'\n",
        "pacman": "ID=arch\n",
    }
    parts = ("gnome-keyring-daemon", "pam_gnome_keyring.so", "dbus-run-session", "user-bus")
    script = f'. {CHECKOUT}/scripts/lib/packages.sh; package_of "$1" "$2"'
    for manager, os_release in families.items():
        for part in parts:
            done = subprocess.run(
                ["sh", "-euc", script, "sh", manager, part],
                capture_output=True,
                text=True,
                check=True,
            )
            printed = install_command(part, os_release)
            assert printed.split()[-1] == done.stdout.strip(), (manager, part)


def test_debian_s_database_decides_if_two_managers_are_there(tmp_path: Path) -> None:
    lacks = "pam pam_gnome_keyring.so; manager dnf; manager apt-get"
    assert install(tmp_path, lacks).calls[0].startswith("dnf ")
    assert install(tmp_path, f"{lacks}; debian").calls[0].startswith("apt-get ")


def test_without_a_package_manager_the_parts_are_named(tmp_path: Path) -> None:
    told = install(tmp_path, "", base=BARE)
    assert told.code == 69
    assert "install: not installed: gnome-keyring-daemon, pam_gnome_keyring.so" in told.errors
    assert "libpam-gnome-keyring" not in told.errors


@pytest.mark.parametrize(
    ("manager", "hint"),
    [
        ("dnf", "dnf install python3.12"),
        ("microdnf", "microdnf install python3.12"),
        ("zypper", "zypper install python311"),
        ("apt-get", "apt-get install python3.9 python3.9-venv"),
    ],
)
def test_a_python_that_is_too_old_is_named_with_what_to_install(
    tmp_path: Path, manager: str, hint: str
) -> None:
    told = install(tmp_path, f"manager {manager}; {OLD_PYTHON}")
    assert (told.code, told.calls, told.left) == (69, [], [])
    assert "Python 3.9 or later is needed, and /usr/bin/python3 is 3.6" in told.errors
    assert f"run: {hint}," in told.errors.replace(" has it, run", " run")
    assert "scripts/install --python PATH" in told.errors


@pytest.mark.parametrize("minor", [9, 11, 12, 13])
def test_a_newer_python_beside_the_old_one_is_found(tmp_path: Path, minor: int) -> None:
    newer = f"stub /usr/bin/python3.{minor} 'case $* in *version_info*) echo 3.{minor} ;; esac'"
    old = "stub /usr/bin/python3.6 'echo 3.6'"
    told = install(tmp_path, f"{OLD_PYTHON}; {old}; {newer}; pam pam_systemd.so")
    assert f"install: using /usr/bin/python3.{minor}" in told.errors
    assert told.code == 69
    assert "is needed" not in told.errors


@pytest.mark.parametrize("words", ["--python /usr/bin/mine", "--python=/usr/bin/mine", ""])
def test_an_interpreter_can_be_named(tmp_path: Path, words: str) -> None:
    mine = (
        "stub /usr/bin/mine 'case $* in *version_info*) echo 3.12 ;; *ensurepip*) exit 1 ;; esac'"
    )
    told = install(
        tmp_path, f"{mine}; manager dnf", words, environ="" if words else "PYTHON=/usr/bin/mine"
    )
    assert "what /usr/bin/mine -m venv needs" in told.errors


@pytest.mark.parametrize(
    ("make", "words", "code", "problem"),
    [
        ("", "--python python3", 64, "python3 is not an absolute path"),
        ("", "--python /nowhere/python3", 66, "/nowhere/python3 does not exist"),
        ("", "--python", 64, "--python needs a value"),
        ("stub /usr/bin/mine 'echo 3.8'", "--python /usr/bin/mine", 69, "/usr/bin/mine is 3.8"),
        (
            "stub /mnt/mine 'echo 3.12'; chown 1000 /mnt/mine",
            "--python /mnt/mine",
            77,
            "other than",
        ),
        ("stub /mnt/mine 'echo 3.12'; chmod g+w /mnt/mine", "--python /mnt/mine", 77, "other than"),
        (
            "mkdir -m 777 /mnt/d; stub /mnt/d/mine 'echo 3.12'",
            "--python /mnt/d/mine",
            77,
            "other than root can change /mnt/d/mine",
        ),
        (
            "mkdir -m 777 /mnt/d; stub /mnt/d/mine 'echo 3.12'; ln -s /mnt/d/mine /usr/bin/mine",
            "--python /usr/bin/mine",
            77,
            "other than root can change /usr/bin/mine",
        ),
        ("", "--wheels /nowhere", 66, "--wheels: no such directory"),
        ("", "--wheels /opt --index-url https://x", 64, "exclude each other"),
        ("", "--index-url https://me:secret@x/simple", 64, "put a password into /etc/pip.conf"),
        ("", "--uninstall --no-hook", 64, "takes no other option"),
        ("", "--no-hooks", 64, "--no-hooks: no such option"),
    ],
)
def test_what_cannot_be_done_is_refused_and_changes_nothing(
    tmp_path: Path, make: str, words: str, code: int, problem: str
) -> None:
    told = install(tmp_path, make, words)
    assert (told.code, told.calls, told.left) == (code, [], [])
    assert problem in told.errors
    assert "secret" not in told.errors


EVIL = "http://evil.invalid/simple"
CALLER = f"""
mkdir -p /mnt/caller/.config/pip /mnt/caller/lib
printf '[global]\\nindex-url = {EVIL}\\n' >/mnt/caller/.config/pip/pip.conf
echo 'open("/calls", "a").write("code of the caller ran")' >/mnt/caller/lib/sitecustomize.py
of_user=$(HOME=/mnt/caller /usr/bin/python3 -c 'import site; print(site.getusersitepackages())')
mkdir -p "$of_user"
cp /mnt/caller/lib/sitecustomize.py "$of_user/usercustomize.py"
"""
VARIABLES = (
    "HOME=/mnt/caller XDG_CONFIG_HOME=/mnt/caller/.config XDG_CONFIG_DIRS=/mnt/caller/.config"
    f" PIP_CONFIG_FILE=/mnt/caller/.config/pip/pip.conf PIP_INDEX_URL={EVIL}"
    " PYTHONPATH=/mnt/caller/lib PYTHONSTARTUP=/mnt/caller/lib/sitecustomize.py"
)


def test_nothing_of_the_caller_is_run_or_read_and_a_failure_of_pip_is_explained(
    tmp_path: Path,
) -> None:
    told = install(tmp_path, CALLER, environ=VARIABLES, net=False)
    assert (told.code, told.calls, told.left) == (69, [], [])
    assert "evil" not in told.errors
    assert all(line.startswith("install: ") for line in told.errors.splitlines())
    assert "pip could not install from the Python package index: Failed to establish" in told.errors
    for words in ("--wheels DIRECTORY", "--system-site-packages", "--index-url URL", "https_proxy"):
        assert words in told.errors


def test_a_directory_without_the_wheels_is_explained(tmp_path: Path) -> None:
    told = install(tmp_path, "mkdir '/mnt/no wheels'", "--wheels", "'/mnt/no wheels'", net=False)
    assert (told.code, told.left) == (69, [])
    assert "pip could not install from /mnt/no wheels: ERROR: " in told.errors
    assert "pip wheel --wheel-dir wheels ." in told.errors


# A stand-in for Python: what it "installs" are programs that write down how they are called.
STAND_IN = r"""
cat >/usr/bin/stand-in <<'PROGRAM'
#!/bin/sh
for last; do :; done
case "$2" in
*/bin/creds*) # Python starts a program
    program=${2##*/}
    shift 2
    echo "$program $*" >>/calls
    [ "$1" != check ]
    exit
    ;;
esac
case "$*" in
*version_info*) echo 3.12 ;;
*"-m venv"*) mkdir -p "$last/bin"; cp "$0" "$last/bin/python" ;;
*"-m pip install"*)
    echo "pip $*" >>/calls
    for name in creds creds-askpass creds-doctor creds-setup-pam; do
        printf '#!%s/python\n' "${0%/*}" >"${0%/*}/$name"
        cp "$0" "${0%/*}/$name"
        chmod +x "${0%/*}/$name"
    done
    ;;
*) echo "${0##*/} $*" >>/calls; [ "$1" != check ] ;;
esac
PROGRAM
chmod +x /usr/bin/stand-in
install() { PATH=/usr/sbin:/usr/bin /mnt/checkout/scripts/install --python /usr/bin/stand-in; }
"""
SUDO = """
sudo_with() {
    printf '%s\\n' "Value to override user's \\$PATH with: $1" >/usr/share/secure_path
    stub /usr/bin/sudo 'cat /usr/share/secure_path'
}"""
DEBIAN_SUDO = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
RED_HAT_SUDO = "/sbin:/bin:/usr/sbin:/usr/bin"
LOCAL = {
    "/usr/local/bin/creds",
    "/usr/local/bin/creds-askpass",
    "/usr/local/bin/creds-doctor",
    "/usr/local/bin/creds-setup-pam",
    "/usr/local/sbin/creds-setup-pam",
}
FOR_SUDO = {
    "/usr/bin/creds",
    "/usr/bin/creds-askpass",
    "/usr/bin/creds-doctor",
    "/usr/bin/creds-setup-pam",
    "/usr/sbin/creds-setup-pam",
}
LINKS = "ls -d /usr/local/*bin/creds* /usr/*bin/creds* 2>/dev/null || :"


@pytest.mark.parametrize(
    ("setup", "links"),
    [
        ("", LOCAL),
        (f"sudo_with {DEBIAN_SUDO}", LOCAL),
        ("stub /usr/bin/sudo 'echo Sudo version 1.9'", LOCAL),
        (f"sudo_with {RED_HAT_SUDO}", LOCAL | FOR_SUDO),
        ("sudo_with /usr/bin", LOCAL | {path for path in FOR_SUDO if "sbin" not in path}),
        ("sudo_with /usr/local/bin:/usr/bin", LOCAL),
        (f"sudo_with {RED_HAT_SUDO}; install 2>/dev/null; sudo_with {DEBIAN_SUDO}", LOCAL),
    ],
)
def test_links_are_where_sudo_looks(tmp_path: Path, setup: str, links: set[str]) -> None:
    told = install(
        tmp_path,
        f"{STAND_IN}{SUDO}\n{setup}\nafter() {{ {LINKS}; }}",
        "--python /usr/bin/stand-in",
    )
    assert told.code == 0, told.errors
    assert set(told.after) == links


def test_what_is_not_ours_is_not_overwritten_for_sudo(tmp_path: Path) -> None:
    told = install(
        tmp_path,
        f"{STAND_IN}{SUDO}\nsudo_with {RED_HAT_SUDO}; echo theirs >/usr/bin/creds\n"
        "after() { cat /usr/bin/creds; readlink /usr/sbin/creds-setup-pam; }",
        "--python /usr/bin/stand-in",
    )
    assert (told.code, told.after[0]) == (0, "theirs")
    assert told.after[1] == "/opt/creds-session/current/bin/creds-setup-pam"
    assert "sudo finds another creds: /usr/bin/creds is not ours" in told.errors


@pytest.mark.parametrize(("enabled", "restored"), [("true", True), ("false", False)])
def test_labels_are_restored_if_selinux_is_enabled(
    tmp_path: Path, enabled: str, *, restored: bool
) -> None:
    stubs = f"manager restorecon; ln -sf /bin/{enabled} /usr/bin/selinuxenabled"
    told = install(tmp_path, f"{STAND_IN}{stubs}", "--python /usr/bin/stand-in")
    calls = [call for call in told.calls if call.startswith("restorecon")]
    assert told.code == 0
    assert bool(calls) is restored
    if restored:
        whole, single = calls
        # Others may have put files into a shared directory that an earlier installation made.
        assert whole == "restorecon -R -F /opt/creds-session"
        assert single.startswith("restorecon -F /etc/profile.d/creds-session.sh")
        assert "/etc/pam.d/creds-session /usr/local/bin/creds " in single
        assert "/usr/local/share/man/man1" in single.split()


@pytest.mark.parametrize(
    ("setup", "line"),
    [
        ("", "next: creds-setup-pam diff, then creds-setup-pam apply"),
        ("sed -i 's/!= check/!= never/' /usr/bin/stand-in", "PAM is set up already"),
        (
            "mkdir -p /var/lib/creds-session; echo {} >/var/lib/creds-session/pending.json",
            "a change of PAM waits for confirmation: creds-setup-pam confirm, from a new login",
        ),
        ("touch /etc/csh.login", "csh and tcsh have no login hook"),
    ],
)
def test_the_last_lines_say_what_is_next(tmp_path: Path, setup: str, line: str) -> None:
    told = install(tmp_path, f"{STAND_IN}{setup}", "--python /usr/bin/stand-in")
    assert told.code == 0
    assert line in told.errors


@pytest.mark.parametrize(
    ("setup", "what"),
    [
        (
            "mkdir -p /run/systemd/users; echo >/run/systemd/users/1000",
            "  systemctl --user start dbus.socket gnome-keyring-daemon.socket",
        ),
        ("rm -rf /run/systemd/users", "packages were installed: log in again before you go on"),
    ],
)
def test_installed_packages_require_a_new_login(tmp_path: Path, setup: str, what: str) -> None:
    gets = "install -m 755 /usr/bin/gnome-keyring-daemon /usr/bin/dbus-run-session"
    stubs = f"{setup}; rm /usr/bin/dbus-run-session; debian; manager apt-get '{gets}'"
    told = install(tmp_path, f"{STAND_IN}{stubs}", "--python /usr/bin/stand-in")
    assert told.code == 0
    assert f"install: {what}\n" in told.errors
    assert "restart the machine" not in told.errors


def test_without_new_packages_no_new_login_is_required(tmp_path: Path) -> None:
    told = install(tmp_path, STAND_IN, "--python /usr/bin/stand-in")
    assert told.code == 0
    assert "before you go on" not in told.errors


@pytest.mark.parametrize(
    ("words", "options"),
    [
        ("--wheels /mnt", "--no-index --find-links /mnt"),
        ("--index-url https://example.org/simple", "--index-url https://example.org/simple"),
        ("--system-site-packages", "--no-index --no-build-isolation"),
        ("--system-site-packages --wheels /mnt", "--no-index --find-links /mnt"),
    ],
)
def test_pip_is_told_where_packages_come_from(tmp_path: Path, words: str, options: str) -> None:
    told = install(tmp_path, STAND_IN, "--python /usr/bin/stand-in", words)
    pip = next(call for call in told.calls if call.startswith("pip"))
    assert pip.startswith("pip -I -m pip install --isolated ")
    assert f" --retries 2 {options} /tmp/" in pip


@pytest.mark.parametrize(
    ("setup", "place"),
    [
        ("mount -t tmpfs -o ro tmpfs /usr/local", "/usr/local"),
        ("mount --bind /usr /usr; mount -o remount,ro,bind /usr", "/usr/local"),
        ("mount -t tmpfs -o ro tmpfs /opt", "/opt"),
        ("mount -t tmpfs -o ro tmpfs /etc/profile.d", "/etc/profile.d"),
        ("mount --bind /etc/pam.d /etc/pam.d; mount -o remount,ro,bind /etc/pam.d", "/etc/pam.d"),
    ],
)
def test_a_place_that_cannot_be_written_is_named_before_anything_is_changed(
    tmp_path: Path, setup: str, place: str
) -> None:
    after = "after() { ls /etc/profile.d/creds* 2>/dev/null || :; }"
    told = install(tmp_path, f"{STAND_IN}{setup}; {after}", "--python /usr/bin/stand-in")
    assert (told.code, told.left, told.after) == (73, [], []), told.errors
    assert f"install: no file can be made in {place}" in told.errors
    assert not [call for call in told.calls if call.startswith("pip")]


def test_a_directory_in_the_place_of_our_link_is_named(tmp_path: Path) -> None:
    setup = "mkdir -p /opt/creds-session/current"
    told = install(tmp_path, f"{STAND_IN}{setup}", "--python /usr/bin/stand-in")
    assert told.code == 73
    assert "/opt/creds-session/current is there and not ours" in told.errors
    assert "/etc/pam.d/creds-session" not in told.left


@pytest.mark.parametrize(
    ("gone", "message"),
    [
        ("/etc/profile.d", "no login hook: /etc/profile.d does not exist"),
        ("/etc/pam.d", "no PAM service of its own: /etc/pam.d does not exist"),
    ],
)
def test_a_directory_of_the_system_is_not_made(tmp_path: Path, gone: str, message: str) -> None:
    after = f"after() {{ ls -d {gone} 2>/dev/null || :; }}"
    told = install(tmp_path, f"{STAND_IN}rm -rf {gone}; {after}", "--python /usr/bin/stand-in")
    assert (told.code, told.after) == (0, []), told.errors
    assert message in told.errors


@pytest.mark.parametrize(
    ("setup", "used"),
    [
        ("mkdir -m 777 /mnt/place", False),
        ("mkdir /mnt/place; chown 1000 /mnt/place", False),
        ("mkdir -m 777 /mnt/theirs; mkdir /mnt/theirs/place; ln -s theirs/place /mnt/place", False),
        ("", False),
        ("mkdir -m 1777 /mnt/place", True),
        ("mkdir -m 700 /mnt/place", True),
    ],
)
def test_root_builds_only_where_nobody_else_can_rename(
    tmp_path: Path, setup: str, *, used: bool
) -> None:
    told = install(
        tmp_path, f"{STAND_IN}{setup}", "--python /usr/bin/stand-in", environ="TMPDIR=/mnt/place"
    )
    assert told.code == 0, told.errors
    (pip,) = [call for call in told.calls if call.startswith("pip")]
    assert (" /mnt/place/" in pip) is used


def test_the_script_finds_its_parts_through_a_link(tmp_path: Path) -> None:
    link = "ln -s /mnt/checkout/scripts/install /usr/bin/linked"
    after = "after() { PATH=/usr/bin:/usr/sbin linked --help; }"
    told = install(tmp_path, f"{STAND_IN}{link}; {after}", "--python /usr/bin/stand-in")
    assert told.after[0].startswith("usage: scripts/install"), told.errors


def test_what_a_killed_run_left_is_removed(tmp_path: Path) -> None:
    setup = "mkdir -p /opt/creds-session/20200101T000000.7/bin /opt/creds-session/.current.99"
    after = "after() { ls -A /opt/creds-session; }"
    told = install(tmp_path, f"{STAND_IN}{setup}; {after}", "--python /usr/bin/stand-in")
    assert told.code == 0
    release, *others = told.after
    assert (release[:2], others) == ("20", ["current", "directories"])
    assert not release.startswith("2020")


def test_a_link_to_nothing_in_the_place_of_a_directory_changes_nothing(tmp_path: Path) -> None:
    place = "/usr/local/share/man"
    setup = f"mkdir -p /usr/local/share; rm -rf {place}; ln -s /nowhere {place}"
    after = "after() { ls -A /opt; }"
    told = install(tmp_path, f"{STAND_IN}{setup}; {after}", "--python /usr/bin/stand-in")
    assert told.code == 73
    assert f"{place} is not a directory: move it away first" in told.errors
    assert told.after == []


UNINSTALL = "PATH=/usr/sbin:/usr/bin:/sbin:/bin /mnt/checkout/scripts/install --uninstall 2>&1"
EVERYWHERE = (
    "ls -d /opt/creds-session /etc/pam.d/creds-session /etc/profile.d/creds-session*"
    " /etc/systemd/user/creds-session* /etc/systemd/user/default.target.wants/creds-session*"
    " 2>/dev/null || :; " + LINKS
)


def test_uninstall_takes_everything_back_and_lists_what_stays(tmp_path: Path) -> None:
    """The program cannot remove the units any more; the service was edited."""
    told = install(
        tmp_path,
        f"""{STAND_IN}{SUDO}
sudo_with {RED_HAT_SUDO}
manager dnf 'touch /usr/lib/security/pam_gnome_keyring.so'
pam pam_gnome_keyring.so
after() {{
    mkdir -p /etc/systemd/user/default.target.wants /home/alice/.config/creds-session
    touch /home/alice/.config/creds-session/hook.sh
    echo 'alice:x:4242:4242::/home/alice:/bin/sh' >>/etc/passwd
    touch /etc/systemd/user/creds-session-lock.path /etc/systemd/user/creds-session-lock.service
    ln -s ../creds-session-lock.path /etc/systemd/user/default.target.wants
    echo edited >>/etc/pam.d/creds-session
    rm /opt/creds-session/current/bin/creds
    {UNINSTALL}
    echo ==
    {EVERYWHERE}
}}""",
        "--python /usr/bin/stand-in",
    )
    assert told.code == 0, told.errors
    stays = "\n".join(told.after)
    assert told.after[told.after.index("==") + 1 :] == ["/etc/pam.d/creds-session"]
    assert "install: removed the unit creds-session-lock.path" in stays
    assert "packages that scripts/install installed:\ninstall:         gnome-keyring-pam" in stays
    assert "/home/alice/.config/creds-session/hook.sh" in stays
    assert "install: kept /etc/pam.d/creds-session: it was edited" in stays


def test_uninstall_asks_the_program_to_remove_the_units_first(tmp_path: Path) -> None:
    told = install(
        tmp_path,
        f"""{STAND_IN}
after() {{
    mkdir -p /etc/systemd/user
    touch /etc/systemd/user/creds-session-unlock.service
    {UNINSTALL}
    cat /calls
}}""",
        "--python /usr/bin/stand-in",
    )
    assert "creds hook remove --unit unlock" in told.after
    assert "creds hook remove --unit lock" not in told.after
