from __future__ import annotations

import json
import os
import socket
import subprocess
from pathlib import Path

import pexpect
import pytest

from creds_session.cli.creds import main
from creds_session.system.secret_service.service import LOGIN
from tests.unit.alone import ALONE
from tests.unit.service import LOCKED, UNLOCKED, Answer, serving
from tests.unit.system.bus.test_connection import (
    authenticate_and_fall_silent,
    dbus_daemon,
    in_background,
)

MODULES = {"creds": "creds", "creds-doctor": "doctor", "creds-setup-pam": "setup_pam"}
KEYRING = """
import pathlib
pathlib.Path(__file__).with_name("loaded").touch()
from keyring.backend import KeyringBackend
class Mine(KeyringBackend):
    priority = 1
    def get_password(self, service, username): return "x"
    def set_password(self, service, username, password): pass
    def delete_password(self, service, username): pass
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    path = tmp_path / "home"
    path.mkdir()
    return path


def run(
    python: list[str], line: str, stdin: bytes = b"", /, **variables: object
) -> subprocess.CompletedProcess[bytes]:
    """Run a command as its entry point does, in an environment of these variables alone."""
    program, *arguments = line.split()
    code = (
        f"import sys; sys.path.insert(0, {python[1]!r}); sys.argv[0] = {program!r}\n{ALONE}"
        f"from creds_session.cli.{MODULES[program]}.main import main; sys.exit(main())"
    )
    environment = {"PATH": os.defpath, **{name: str(value) for name, value in variables.items()}}
    argv = [python[0], "-I", "-c", code, *arguments]
    return subprocess.run(
        argv, input=stdin, env=environment, capture_output=True, check=False, start_new_session=True
    )


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("creds", b"required: COMMAND"),
        ("creds nonsense", b"invalid choice"),
        ("creds get", b"required: SERVICE"),
        ("creds get app", b"name the user"),
        ("creds put app", b"name the user"),
        ("creds delete app", b"name the user"),
        ("creds get app me more", b"unrecognized arguments"),
        ("creds get app --username-key a --username-key-env B", b"not allowed with"),
        ("creds get app --username-key-env NOT_SET", b"NOT_SET is not set"),
        ("creds get app --username-key-env EMPTY", b"EMPTY is empty"),
        ("creds askpass Password:", b"CREDS_ASKPASS_USER=alice sudo -A id"),
        ("creds unlock --timeout soon", b"argument --timeout: invalid"),
        ("creds-doctor --nonsense", b"unrecognized"),
        ("creds-setup-pam nonsense", b"invalid choice"),
    ],
)
def test_wrong_usage_is_64_and_says_what_is_wrong(
    python: list[str], home: Path, line: str, words: bytes
) -> None:
    done = run(python, line, HOME=home, EMPTY="")
    assert (done.returncode, done.stdout) == (64, b"")
    assert words in done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("program", MODULES)
def test_help_and_version_are_0(python: list[str], home: Path, program: str) -> None:
    assert b"examples:" in run(python, f"{program} --help", HOME=home).stdout
    assert run(python, f"{program} --version", HOME=home).stdout.startswith(program.encode())


@pytest.mark.parametrize("line", ["get app me", "put app me", "delete app me", "unlock"])
def test_no_bus_is_69_and_leaks_nothing(python: list[str], home: Path, line: str) -> None:
    done = run(python, f"creds {line}", b"canary", HOME=home, XDG_RUNTIME_DIR=home)
    assert (done.returncode, done.stdout) == (69, b"")
    assert b"no session bus" in done.stderr
    assert b'eval "$(creds env --start)"' in done.stderr
    assert b"canary" not in done.stderr


@pytest.mark.parametrize("address", ["tcp:host=localhost,port=1", "unixexec:path=/bin/sh", "x"])
def test_a_bus_that_is_no_unix_socket_is_refused(
    python: list[str], home: Path, address: str
) -> None:
    done = run(python, "creds get app me", HOME=home, DBUS_SESSION_BUS_ADDRESS=address)
    assert (done.returncode, done.stdout) == (77, b"")
    assert b"not a unix socket" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
@pytest.mark.parametrize("line", ["get app me", "put app me", "delete app me", "unlock"])
def test_a_bus_of_another_user_is_named_and_waited_for_by_nobody(
    python: list[str], home: Path, line: str
) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(home / "bus"))
        os.seteuid(65_534)  # SO_PEERCRED tells who called listen(2)
        try:
            server.listen()
        finally:
            os.seteuid(0)
        in_background(server, authenticate_and_fall_silent)
        address = f"unix:path={home}/bus"
        done = run(python, f"creds {line}", b"canary", HOME=home, DBUS_SESSION_BUS_ADDRESS=address)
    assert (done.returncode, done.stdout) == (69 if line == "unlock" else 77, b"")
    told = f"creds: the session bus {address} belongs to user id 65534; no password goes there\n"
    assert done.stderr.decode().startswith(told)


@pytest.mark.parametrize("seconds", ["-1", "0", "nan", "inf", "1e30"])
def test_a_time_limit_that_is_none_is_wrong_usage(
    python: list[str], home: Path, seconds: str
) -> None:
    done = run(python, f"creds unlock --timeout {seconds}", HOME=home)
    assert done.returncode == 64


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@needs_root
@pytest.mark.parametrize("variable", ["HOME", "XDG_RUNTIME_DIR"])
def test_unlock_by_root_in_the_place_of_a_user_is_refused(
    python: list[str], home: Path, variable: str
) -> None:
    os.chown(home, 12, 34)
    done = run(python, "creds unlock", SUDO_USER="alice", **{variable: home})
    assert done.returncode == 64
    assert b"run it as alice: creds unlock" in done.stderr


@needs_root
@pytest.mark.parametrize("line", ["get app me", "put app me", "delete app me"])
@pytest.mark.parametrize("variable", ["HOME", "XDG_CONFIG_HOME"])
def test_root_loads_no_keyringrc_of_a_user(
    python: list[str], home: Path, line: str, variable: str
) -> None:
    folder = home / (".config/python_keyring" if variable == "HOME" else "python_keyring")
    folder.mkdir(parents=True)
    (folder / "mine.py").write_text(KEYRING)
    configuration = f"[backend]\ndefault-keyring=mine.Mine\nkeyring-path={folder}\n"
    (folder / "keyringrc.cfg").write_text(configuration)
    os.chown(home, 12, 34)
    done = run(python, f"creds {line}", b"x", **{"HOME": "/root", variable: home})
    assert not (folder / "loaded").exists()
    assert done.returncode == 64


@needs_root
@pytest.mark.parametrize(
    "options", ["", "--json", "--fix --yes", "--format prometheus", "--user root"]
)
@pytest.mark.parametrize(
    "variable", ["HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR"]
)
def test_doctor_of_root_in_the_place_of_a_user_is_refused(
    python: list[str], home: Path, options: str, variable: str
) -> None:
    os.chown(home, 12, 34)
    done = run(
        python, f"creds-doctor {options}", **{"HOME": "/root", variable: home, "SUDO_USER": "alice"}
    )
    assert (done.returncode, done.stdout) == (64, b"")
    told = done.stderr.decode()
    assert f"root with {variable}={home} would read, as root, what alice put there" in told
    assert "sudo creds-doctor --user alice" in told


@needs_root
def test_doctor_of_root_in_the_place_of_a_user_is_unknown_to_nagios(
    python: list[str], home: Path
) -> None:
    os.chown(home, 12, 34)
    done = run(python, "creds-doctor --format nagios", HOME=home)
    assert (done.returncode, done.stderr) == (3, b"")
    assert done.stdout.startswith(b"KEYRING UNKNOWN: root with HOME=")
    assert b"sudo creds-doctor --user USER" in done.stdout


def test_doctor_names_a_missing_bus_and_ends_with_1(python: list[str], home: Path) -> None:
    done = run(python, "creds-doctor --json", HOME=home, XDG_RUNTIME_DIR=home)
    told = json.loads(done.stdout)
    assert done.returncode == 1, done.stderr
    assert (told["schema"], told["healthy"]) == (1, False)
    # Where nothing is installed the module's package brings the daemon's.
    first = told["verdict"].rpartition("[")[2].rstrip("]")
    assert first in {"bus-absent", "daemon-not-installed", "pam-module-not-installed"}


def test_setup_of_a_root_that_has_nothing_names_the_package(
    python: list[str], tmp_path: Path
) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "os-release").write_text("ID=fedora\n")
    done = run(python, f"creds-setup-pam --root {tmp_path} diff")
    assert done.returncode == 69
    assert b"sshd, gnome-keyring-daemon and pam_gnome_keyring.so are not installed" in done.stderr
    assert b"dnf install openssh-server gnome-keyring gnome-keyring-pam" in done.stderr


def test_setup_of_a_root_that_is_not_there_says_so(python: list[str], tmp_path: Path) -> None:
    assert run(python, f"creds-setup-pam --root {tmp_path}/nothing check").returncode == 66


def test_put_at_a_terminal_shows_no_password_wherever_messages_go(
    python: list[str], home: Path
) -> None:
    code = (
        f"import sys; sys.path.insert(0, {python[1]!r}); sys.argv = ['creds', 'put', 'app', 'me']\n"
        f"{ALONE}"
        "from creds_session.cli.creds.main import main; sys.exit(main())"
    )
    argv = ["-c", 'exec "$@" 2>/dev/null', "sh", python[0], "-I", "-c", code]
    environment = {"PATH": os.defpath, "HOME": str(home)}
    with dbus_daemon(home) as address, serving(address, home / "told", Get=UNLOCKED):
        environment["DBUS_SESSION_BUS_ADDRESS"] = address
        with pexpect.spawn("sh", argv, env=environment, timeout=5) as child:
            assert child.waitnoecho(timeout=3)


@pytest.mark.parametrize(
    ("words", "alias", "get", "is_on_bus"),
    [
        ("app me", ("o", (LOGIN,)), UNLOCKED, False),
        ("app me", ("o", (LOGIN,)), LOCKED, True),
        ("app me", ("o", ("/",)), LOCKED, True),
        ("app --username-key k", ("o", (LOGIN,)), UNLOCKED, True),
    ],
    ids=["no bus", "locked", "no keyring", "a key without a name"],
)
def test_put_asks_nobody_for_a_password_that_it_cannot_store(
    python: list[str],
    home: Path,
    words: str,
    alias: Answer,
    get: Answer,
    is_on_bus: bool,
) -> None:
    code = (
        f"import sys; sys.path.insert(0, {python[1]!r})\n"
        f"sys.argv = ['creds', 'put', *{words.split()!r}]\n{ALONE}"
        "from creds_session.cli.creds.main import main; sys.exit(main())"
    )
    environment = {"PATH": os.defpath, "HOME": str(home)}
    answers: Answer = ("ao", ([],))
    with (
        dbus_daemon(home) as address,
        serving(address, home / "told", ReadAlias=alias, Get=get, SearchItems=answers),
    ):
        if is_on_bus:
            environment["DBUS_SESSION_BUS_ADDRESS"] = address
        argv = ["-I", "-c", code]
        with pexpect.spawn(python[0], argv, env=environment, timeout=10) as child:
            child.expect(pexpect.EOF)
            shown = (child.before or b"").decode()
            child.wait()
    assert "assword for" not in shown, shown
    assert child.exitstatus in {1, 69, 77}, shown


@pytest.mark.parametrize("line", ["put '' me", "put app ''", "put app me --username-key ''"])
def test_put_takes_no_empty_name(python: list[str], home: Path, line: str) -> None:
    words = [word.replace("''", "") for word in line.split()]
    code = (
        f"import sys; sys.path.insert(0, {python[1]!r}); sys.argv = ['creds', *{words!r}]\n"
        f"{ALONE}from creds_session.cli.creds.main import main; sys.exit(main())"
    )
    done = subprocess.run(
        [python[0], "-I", "-c", code],
        input=b"canary",
        env={"PATH": os.defpath, "HOME": str(home)},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 64, done
    assert b"is empty; nothing was stored" in done.stderr


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("creds-doctor --yes", "--yes goes with --fix"),
        ("creds-doctor --dry-run", "--dry-run goes with --fix"),
        ("creds-doctor --anonymous", "--anonymous goes with --save"),
        ("creds hook", "install|remove|print"),
    ],
)
def test_options_that_would_do_nothing_are_refused(
    python: list[str], home: Path, line: str, words: str
) -> None:
    done = run(python, line, HOME=home)
    assert done.returncode == 64, done
    assert words in done.stderr.decode()


def test_unlock_by_standard_input_shows_no_password_at_a_terminal(
    python: list[str], home: Path
) -> None:
    code = (
        f"import sys; sys.path.insert(0, {python[1]!r})\n"
        f"sys.argv = ['creds', 'unlock', '--create', '--password-stdin']\n{ALONE}"
        "from creds_session.cli.creds.main import main; sys.exit(main())"
    )
    environment = {"PATH": os.defpath, "HOME": str(home)}
    with dbus_daemon(home) as address:
        environment["DBUS_SESSION_BUS_ADDRESS"] = address
        argv = ["-I", "-c", code]
        with pexpect.spawn(python[0], argv, env=environment, timeout=5) as child:
            child.expect_exact(b"New password of the login keyring: ")
            assert child.waitnoecho(timeout=3)


@pytest.mark.parametrize("line", ["get app me", "put app me", "delete app me", "unlock"])
def test_no_password_passes_through_where_a_core_file_would_keep_it(
    monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    def forbid() -> None:
        raise InterruptedError

    for module in ("credentials", "put", "unlock"):
        monkeypatch.setattr(f"creds_session.cli.creds.{module}.forbid_core_dumps", forbid)
    monkeypatch.setattr("creds_session.cli.creds.foreign_home.refuse_foreign_home", lambda _: None)
    monkeypatch.setattr("sys.argv", ["creds", *line.split()])
    with pytest.raises(InterruptedError):
        main._main()


def test_doctor_lists_and_explains_and_looks_at_nothing(python: list[str]) -> None:
    listed = run(python, "creds-doctor --list").stdout.decode().splitlines()
    ids = [line.split()[0] for line in listed]
    assert {"bus-absent", "keyring-ghost"} <= set(ids)
    told = run(python, "creds-doctor --explain keyring-ghost")
    assert told.returncode == 0
    assert told.stdout.startswith(b"keyring-ghost: ")
    for option in ("--explain", "--only", "--skip"):
        assert run(python, f"creds-doctor {option} nonsense").returncode == 64


def test_doctor_runs_only_what_is_asked_for(python: list[str], home: Path) -> None:
    line = "creds-doctor --json --only bus-absent --only keyring-ghost --skip keyring-ghost"
    told = json.loads(run(python, line, HOME=home, XDG_RUNTIME_DIR=home).stdout)
    assert [check["check"] for check in told["checks"]] == ["bus-absent"]


def test_doctor_saves_what_it_saw_and_judges_it_again(
    python: list[str], home: Path, tmp_path: Path
) -> None:
    place = tmp_path / "facts.json"
    line = f"creds-doctor --json --save {place} --anonymous"
    told = json.loads(run(python, line, HOME=home, XDG_RUNTIME_DIR=home).stdout)
    assert place.stat().st_mode & 0o777 == 0o600
    place.with_name("link").symlink_to(place)
    refused = run(python, f"creds-doctor --save {tmp_path}/link")
    assert refused.returncode == 65, refused.stderr
    again = run(python, f"creds-doctor --json --from {place}")
    assert again.returncode == 1
    assert json.loads(again.stdout)["verdict"] == told["verdict"]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("--from /nonexistent/facts", 66),
        ("--from /dev/null", 65),
        ("--save /nonexistent/facts", 73),
        ("--fix --user root --from /dev/null", 64),
        ("--fix --user alice", 64),
    ],
)
def test_doctor_refuses_what_it_cannot_read_write_or_mean(
    python: list[str], home: Path, line: str, code: int
) -> None:
    done = run(python, f"creds-doctor {line}", HOME=home, XDG_RUNTIME_DIR=home)
    assert done.returncode == code, done.stderr
    assert b"Traceback" not in done.stderr


def test_two_dashes_may_stand_before_a_command(python: list[str], home: Path) -> None:
    assert run(python, "creds -- status --json", HOME=home).returncode == 69
    for line in ("creds --", "creds -- -- status", "creds -- nonsense"):
        assert run(python, line, HOME=home).returncode == 64


def test_a_plain_get_loads_no_more_of_the_command_line_than_it_needs(python: list[str]) -> None:
    code = (
        f"import sys; sys.path.insert(0, {python[1]!r}); sys.argv = ['creds', 'get', 'app', 'me']\n"
        "from creds_session.cli.creds import main\n"
        "try: main._main()\n"
        "except Exception: pass\n"
        "print(*sys.modules)"
    )
    environment = {"PATH": os.defpath, "HOME": "/root", "XDG_RUNTIME_DIR": "/nonexistent"}
    done = subprocess.run(
        [python[0], "-I", "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    ours = {name for name in loaded if name.startswith("creds_session.cli")}
    here = {"boundary", "creds", "creds.credentials", "creds.main", "creds.plain_arguments"}
    here |= {"output", "waiting"}
    assert ours == {"creds_session.cli", *(f"creds_session.cli.{name}" for name in here)}
    assert not loaded & {"argparse", "textwrap", "difflib"}
