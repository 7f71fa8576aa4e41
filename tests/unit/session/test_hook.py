"""The login hook under each POSIX shell: silent, harmless, and leaves no name behind."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from shlex import quote
from typing import Any

import pexpect
import pytest

from creds_session.cli.creds.unlock import LATER
from creds_session.session.unlock.unlocked_note import start_time
from tests.unit.children import sleeping

PROFILE = Path(__file__).parents[3] / "scripts" / "profile"
HOOKS = {"fish": PROFILE / "creds-session.fish"}
HOOK = PROFILE / "creds-session.sh"
# None of them reads a file of this host, such as /etc/bash.bashrc, /etc/ksh.kshrc or, where
# creds-session is installed, /etc/fish/conf.d.
SHELLS = [
    ["dash"],
    ["bash", "--norc"],
    ["bash", "--norc", "--posix"],
    ["busybox", "sh"],
    ["ksh93", "+E"],
    ["zsh", "--emulate", "sh"],
]
FISH = ["fish", "--no-config", "--login"]
CREDS = '#!/bin/sh\necho called >>"$HOME/calls"\nexit 77\n'


@pytest.fixture(params=SHELLS, ids=" ".join)
def shell(request: pytest.FixtureRequest) -> list[str]:
    argv: list[str] = request.param
    if shutil.which(argv[0]) is None:
        pytest.skip(f"{argv[0]} is not installed")
    return argv


@pytest.fixture(params=[*SHELLS, FISH], ids=" ".join)
def any_shell(request: pytest.FixtureRequest) -> list[str]:
    argv: list[str] = request.param
    if shutil.which(argv[0]) is None:
        pytest.skip(f"{argv[0]} is not installed")
    return argv


def source(
    shell: list[str], home: Path, script: str, *options: str, **environ: str
) -> subprocess.CompletedProcess[str]:
    (home / "bin").mkdir(exist_ok=True)
    creds = home / "bin" / "creds"
    creds.write_text(CREDS)
    creds.chmod(0o755)
    return subprocess.run(
        [*shell, *options, "-c", script.replace("HOOK", quote(str(HOOK)))],
        env={"HOME": str(home), "PATH": f"{home}/bin:/usr/bin:/bin", **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("options", ["-eu", "-e", "-u"])
def test_it_never_fails_nor_speaks_nor_leaves_a_name(
    shell: list[str], tmp_path: Path, options: str
) -> None:
    script = "set >before; . HOOK; echo $?; set >after"
    done = source(shell, tmp_path, f"cd {quote(str(tmp_path))}; {script}", options)
    assert (done.returncode, done.stdout, done.stderr) == (0, "0\n", "")
    names = [
        {line.partition("=")[0] for line in (tmp_path / file).read_text().splitlines()}
        for file in ("before", "after")
    ]
    assert {name for name in names[1] - names[0] if name.isidentifier()} <= {
        "_",
        "PIPESTATUS",
        "_AST_FEATURES",
    }


def test_it_asks_nobody_where_there_is_no_terminal(shell: list[str], tmp_path: Path) -> None:
    bus = {"DBUS_SESSION_BUS_ADDRESS": "unix:path=/nonexistent"}
    done = source(shell, tmp_path, ". HOOK", **bus)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not (tmp_path / "calls").exists()


def test_it_is_harmless_when_creds_is_gone(shell: list[str], tmp_path: Path) -> None:
    done = source(shell, tmp_path, f"rm {quote(str(tmp_path))}/bin/creds; . HOOK")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


NOBODY = 65534


def hook_of(shell: list[str]) -> str:
    """Return the path of the shell's hook as a word of that shell."""
    return quote(str(HOOKS.get(shell[0], HOOK)))


def at_a_terminal(
    shell: list[str],
    home: Path,
    creds: str,
    *,
    interactive: bool = True,
    as_root: bool = False,
    redirect: str = "",
    **environ: str,
) -> str:
    """Return what the hook shows to someone, not root, who logs in at a terminal.

    ``redirect`` is a shell command line that runs ``"$@"``, to give the shell other streams.
    """
    (home / "bin").mkdir(exist_ok=True)
    (home / "bin" / "creds").write_text(creds)
    (home / "bin" / "creds").chmod(0o755)
    (home / ".local/share/keyrings").mkdir(parents=True, exist_ok=True)
    (home / ".local/share/keyrings/login.keyring").touch()
    status = "$status" if shell[0] == "fish" else "$?"
    before = environ.pop("BEFORE", "")
    script = f"echo '<'; {before} . {hook_of(shell)}; echo \">{status}\""
    as_nobody = ["setpriv", f"--reuid={NOBODY}", "--clear-groups"]
    if as_root or os.getuid() != 0:
        as_nobody = []
    argv = [*as_nobody, *shell, *(["-i"] if interactive else []), "-c", script]
    if redirect:
        argv = ["sh", "-c", redirect, "sh", *argv]
    person = pexpect.spawn(
        argv[0],
        argv[1:],
        env={
            "HOME": str(home),
            "PATH": f"{home}/bin:/usr/bin:/bin",
            "TERM": "plain",
            "DBUS_SESSION_BUS_ADDRESS": BUS,
            **environ,
        },
        encoding="utf-8",
        timeout=20,
    )
    shown = str(person.read())
    # It has ended: nothing is left to wait for.
    person.ptyproc.delayafterclose = 0  # type: ignore[attr-defined] # types-pexpect has it not
    person.close()
    return shown[shown.index("<") + 1 :].strip()


BUS = "unix:path=/nonexistent"
SAYS = '#!/bin/sh\necho "creds: asks: $*" >&2\n'
ASKED = "creds: asks: unlock --quiet --patience 60"


def test_it_unlocks_where_someone_is_at_a_terminal(any_shell: list[str], public: Path) -> None:
    assert at_a_terminal(any_shell, public, SAYS).splitlines() == [ASKED, ">0"]


FINDS = (
    "#!/bin/sh\n"
    "[ $1 = env ] && { echo \"export DBUS_SESSION_BUS_ADDRESS='found it'\"; exit; }\n"
    'echo "creds: $* on $DBUS_SESSION_BUS_ADDRESS" >&2\n'
)


def test_it_finds_a_bus_where_there_is_none(any_shell: list[str], public: Path) -> None:
    shown = at_a_terminal(any_shell, public, FINDS, DBUS_SESSION_BUS_ADDRESS="")
    assert shown.splitlines() == ["creds: unlock --quiet --patience 60 on found it", ">0"]


@pytest.mark.parametrize("name", ["alice@corp", "two words", "a,b;c", "größe", "plain_1.x-y"])
def test_it_makes_no_address_of_a_directory_whose_name_has_to_be_escaped(
    any_shell: list[str], public: Path, name: str
) -> None:
    runtime = public / name
    runtime.mkdir(mode=0o755)
    with socket.socket(socket.AF_UNIX) as bus:
        bus.bind(str(runtime / "bus"))
        shown = at_a_terminal(
            *(any_shell, public, FINDS), DBUS_SESSION_BUS_ADDRESS="", XDG_RUNTIME_DIR=str(runtime)
        )
    address = f"unix:path={runtime}/bus" if name.startswith("plain") else "found it"
    assert shown.splitlines() == [f"creds: unlock --quiet --patience 60 on {address}", ">0"]


@pytest.mark.parametrize(
    "creds", ["#!/bin/sh\necho Traceback >&2\nexit 1\n", "#!/nonexistent/python3\n"]
)
def test_it_is_silent_when_creds_is_broken(any_shell: list[str], public: Path, creds: str) -> None:
    assert at_a_terminal(any_shell, public, creds) == ">0"


@pytest.fixture
def daemon(public: Path) -> Iterator[int]:
    """A process that the kernel calls as it calls the daemon."""
    with sleeping(public / "gnome-keyring-d") as process:
        yield process.pid


@pytest.mark.parametrize(
    ("note", "asks"),
    [
        ("{pid} {start} {bus}", False),
        ("{pid} {start} unix:path=/other", True),
        ("{pid} 1 {bus}", True),
        ("1 {start} {bus}", True),
        ("999999999 {start} {bus}", True),
        ("", True),
        ("../../etc {start} {bus}", True),
    ],
)
def test_it_starts_nothing_where_this_daemon_was_seen_unlocked(
    any_shell: list[str], public: Path, daemon: int, note: str, *, asks: bool
) -> None:
    folder = public / "creds-session"
    folder.mkdir()
    line = note.format(pid=daemon, start=start_time(daemon), bus=BUS)
    (folder / "unlocked").write_text(f"{line}\n")
    shown = at_a_terminal(any_shell, public, SAYS, XDG_RUNTIME_DIR=str(public))
    assert shown.splitlines() == [*([ASKED] if asks else []), ">0"]


def test_who_did_not_unlock_it_is_not_asked_again(any_shell: list[str], public: Path) -> None:
    creds = "#!/bin/sh\necho creds: no >&2; exit 1\n"
    shown = at_a_terminal(any_shell, public, creds, BEFORE=f". {hook_of(any_shell)};")
    assert shown.splitlines() == ["creds: no", ">0"]


RECORDS = """#!/bin/sh
echo "${0##*/} $*" >>"$HOME/calls"
"""
OF_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def started(shell: list[str], home: Path, *, as_root: bool = False, **login: Any) -> list[str]:
    """Return the programs that the hook starts in a login, with their arguments."""
    (home / "bin").mkdir()
    activation = home / "bin" / "dbus-update-activation-environment"
    activation.write_text(RECORDS)
    activation.chmod(0o755)
    calls = home / "calls"
    calls.touch()
    calls.chmod(0o666)
    at_a_terminal(shell, home, RECORDS, as_root=as_root, **login)
    return calls.read_text().splitlines()


ASKS = ["creds unlock --quiet --patience 60"]


@pytest.mark.parametrize(
    ("login", "expected"),
    [
        pytest.param({}, ASKS, id="someone at a terminal"),
        pytest.param({"CREDS_SESSION_HOOK": "on"}, ASKS, id="on"),
        pytest.param({"CREDS_SESSION_HOOK": "off"}, [], id="off"),
        pytest.param({"as_root": True}, [], id="root", marks=OF_ROOT),
        pytest.param({"TERM": "dumb"}, [], id="TERM=dumb"),
        pytest.param({"TERM": ""}, [], id="no TERM"),
        pytest.param({"TERM": "dumb-emacs-ansi"}, [], id="TERM=dumb-emacs-ansi"),
        pytest.param({"TERM": "unknown"}, [], id="TERM=unknown"),
        pytest.param({"TERM": "network"}, [], id="TERM=network"),
        pytest.param({"TERM": "xterm-256color"}, ASKS, id="TERM=xterm-256color"),
        pytest.param({"TERM": "dumb", "CREDS_SESSION_HOOK": "always"}, ASKS, id="always"),
        pytest.param({"TERM": "", "CREDS_SESSION_HOOK": "always"}, ASKS, id="always, no TERM"),
        pytest.param({"interactive": False}, [], id="not interactive"),
        pytest.param({"redirect": ': | "$@"'}, [], id="standard input is a pipe"),
        pytest.param({"redirect": '"$@" 2>/dev/null'}, [], id="standard error is no terminal"),
    ],
)
def test_it_asks_only_who_is_at_a_terminal_and_is_not_root(
    any_shell: list[str], public: Path, login: dict[str, Any], expected: list[str]
) -> None:
    assert started(any_shell, public, **login) == expected


FORWARDED = {"DISPLAY": "localhost:10.0", "SSH_CONNECTION": "::1 5 ::1 22"}
SHOWS = ["dbus-update-activation-environment DISPLAY XAUTHORITY", *ASKS]


@pytest.mark.parametrize(
    ("login", "expected"),
    [
        pytest.param(FORWARDED, SHOWS, id="X forwarding"),
        pytest.param({**FORWARDED, "DISPLAY": ""}, ASKS, id="no display"),
        pytest.param({"DISPLAY": ":0"}, ASKS, id="a desktop"),
        pytest.param({**FORWARDED, "CREDS_SESSION_HOOK": "off"}, [], id="off"),
        pytest.param({**FORWARDED, "interactive": False}, [], id="not interactive"),
        pytest.param({**FORWARDED, "as_root": True}, [], id="root", marks=OF_ROOT),
        pytest.param(
            {**FORWARDED, "redirect": ': | "$@"'}, SHOWS[:1], id="standard input is a pipe"
        ),
    ],
)
def test_it_names_the_display_to_the_bus_only_with_x_forwarding(
    any_shell: list[str], public: Path, login: dict[str, Any], expected: list[str]
) -> None:
    assert started(any_shell, public, **login) == expected


# What Red Hat's /etc/bashrc, /etc/zshrc and /etc/kshrc do in a shell that is no login shell.
LIKE_RED_HAT = 'if [ "$PS1" ]; then . {hook}; else . {hook} >/dev/null; fi\n'


@pytest.mark.parametrize("is_login", [False, True], ids=["no login shell", "login shell"])
@pytest.mark.parametrize("name", ["bash", "zsh", "ksh93"])
def test_it_asks_nobody_in_a_shell_that_is_no_login_shell(
    public: Path, name: str, *, is_login: bool
) -> None:
    """As in `su USER` without a dash, on a distribution that reads profile.d there too."""
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    (public / "bin").mkdir()
    (public / "bin" / "creds").write_text(RECORDS)
    (public / "bin" / "creds").chmod(0o755)
    (public / ".local/share/keyrings").mkdir(parents=True)
    (public / ".local/share/keyrings/login.keyring").touch()
    (public / "calls").touch()
    (public / "calls").chmod(0o666)
    path = f"PATH={quote(str(public))}/bin:/usr/bin:/bin\n"  # /etc/profile may have set another one
    text = path + LIKE_RED_HAT.format(hook=quote(str(HOOK)))
    if name == "zsh":
        text = f"emulate sh -c {quote(text)}\n"
    for file in ("rc", ".zshrc") if not is_login else (".zprofile", ".profile", ".bash_profile"):
        (public / file).write_text(text)
    options = {
        "bash": ["--login"] if is_login else ["--rcfile", str(public / "rc")],
        "zsh": ["-l"] if is_login else [],
        "ksh93": ["-l"] if is_login else [],
    }[name]
    as_nobody = ["setpriv", f"--reuid={NOBODY}", "--clear-groups"] if os.getuid() == 0 else []
    person = pexpect.spawn(
        (argv := [*as_nobody, name, *options, "-i"])[0],
        argv[1:],
        env={
            "HOME": str(public),
            "ENV": "" if is_login else str(public / "rc"),
            "PATH": f"{public}/bin:/usr/bin:/bin",
            "TERM": "plain",
            "DBUS_SESSION_BUS_ADDRESS": "unix:path=/run/user/1/bus",
        },
        encoding="utf-8",
        timeout=20,
    )
    person.sendline("echo en''d")
    person.expect("end")
    person.close(force=True)
    assert (public / "calls").read_text().splitlines() == (ASKS if is_login else [])


HINTS = [LATER.partition("to be asked at no login: ")[2]]
HINTS += [
    hook.read_text().partition("# Off for one person: ")[2].partition("\n")[0]
    for hook in (HOOK, HOOKS["fish"])
]


@pytest.mark.parametrize("hint", HINTS, ids=["message", "sh", "fish"])
def test_the_printed_command_switches_the_hook_off(tmp_path: Path, hint: str) -> None:
    environ = {"HOME": str(tmp_path), "PATH": os.defpath}
    subprocess.run(["sh", "-c", hint], env=environ, cwd=tmp_path, check=True)
    assert (tmp_path / ".config/creds-session/no-hook").exists()
