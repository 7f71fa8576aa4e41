from __future__ import annotations

import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from creds_session.session.shell_assignments import render

NASTY = bytes(range(1, 256)) + b"'\\''$(false)`false`\\\\!x\n'"
SHELLS = [
    (("sh",), "sh"),
    (("bash",), "sh"),
    (("dash",), "sh"),
    # So begun it does not read /etc/zsh/zshenv, which -f does not prevent (zsh(1), STARTUP FILES).
    (("zsh", "--emulate", "sh"), "sh"),
    (("busybox", "sh"), "sh"),
    (("fish", "--no-config"), "fish"),
    (("tcsh", "-f"), "csh"),
]


@pytest.mark.parametrize(("argv", "shell"), SHELLS, ids=str)
def test_shells_read_any_byte_back(argv: tuple[str, ...], shell: str) -> None:
    if shutil.which(argv[0]) is None:
        pytest.skip(f"needs {argv[0]}")
    script = render({"ONE": NASTY, "TWO": None, "THREE": b""}, shell) + b"exec env -0\n"
    if argv[0] == "zsh":
        script = b"emulate zsh\n" + script
    done = subprocess.run(
        [*argv, "-c", script],
        env={"PATH": "/usr/bin:/bin", "TWO": "x", "LC_ALL": "C"},
        stdout=subprocess.PIPE,
        check=True,
    )
    variables = dict(one.partition(b"=")[::2] for one in done.stdout.split(b"\0"))
    assert variables[b"ONE"] == NASTY
    assert b"TWO" not in variables
    assert variables[b"THREE"] == b""


@given(st.binary(max_size=60).filter(lambda value: b"\0" not in value))
@settings(max_examples=50)
def test_sh_gets_the_very_bytes(value: bytes) -> None:
    script = render({"ONE": value}, "sh") + b'printf %s "$ONE"\n'
    done = subprocess.run(
        ["sh", "-c", script], stdout=subprocess.PIPE, check=True, env={"LC_ALL": "C"}
    )
    assert done.stdout == value


@pytest.mark.parametrize(
    ("shell", "lines"),
    [
        ("sh", b"export A='it'\\''s';\nunset B;\n"),
        ("fish", b"set -gx A 'it\\'s';\nset -e B;\n"),
        ("csh", b"setenv A 'it'\\''s';\nunsetenv B;\n"),
    ],
)
def test_one_command_a_line(shell: str, lines: bytes) -> None:
    assert render({"A": b"it's", "B": None}, shell) == lines


def test_csh_and_its_history() -> None:
    assert render({"A": b"a!b\nc"}, "csh") == b"setenv A 'a\\!b\\\nc';\n"
    assert render({"A": b"a\\b'"}, "fish") == b"set -gx A 'a\\\\b\\'';\n"
