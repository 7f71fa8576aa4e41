"""No error repeats a word that was typed and not understood: it may be a password."""

from __future__ import annotations

import argparse
import contextlib
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creds_session.cli.boundary import run
from creds_session.cli.creds import main
from creds_session.cli.doctor import main as doctor
from creds_session.cli.parser import Parser, seconds
from creds_session.cli.setup_pam import main as setup_pam
from creds_session.errors import UsageError

CANARY = "canary-4713"
NEVER = "no password as an argument"
REFUSED = [
    "creds put svc me {}",
    "creds put svc me {} more",
    "creds put --encrypted svc me -- {}",
    "creds put svc me --password {}",
    "creds put svc me --password={}",
    "creds put svc me --passwd={}",
    "creds put svc me --password-stdin={}",
    "creds put svc me --password-fd {}",
    "creds put svc me --password-fd={}",
    "creds put svc me --timeout {}",
    "creds put svc me -p{}",
    "creds put svc me -p {}",
    "creds put svc me -v{}",
    "creds put svc me --{}",
    "creds put svc me --encrypted={}",
    "creds unlock {}",
    "creds unlock --create {}",
    "creds unlock --password={}",
    "creds unlock --password-stdin={}",
    "creds unlock --password-fd {}",
    "creds rekey {} {}-new",
    "creds rekey --password-stdin {} {}-new",
    "creds rekey --password-stdin={}",
    "creds get svc me {}",
    "creds get svc me --password={}",
    "creds get svc me --format {}",
    "creds get svc me --no-newline={}",
    "creds delete svc me {}",
    "creds list svc {}",
    "creds list svc --format={}",
    "creds backends {}",
    "creds run svc me --fd 3 {} -- true",
    "creds run svc me --askpass {}",
    "creds run svc me --askpass={} -- true",
    "creds run svc me --fd {} -- true",
    "creds run svc me --env PASSWORD={} -- true",
    "creds run svc me --expect ({} -- true",
    "creds run svc me --askpass --askpass-prompt ({} -- true",
    "creds run svc me --password={} -- true",
    "creds lock {}",
    "creds lock --timeout {}",
    "creds status {}",
    "creds env {}",
    "creds env --shell {}",
    "creds exec --timeout {} -- true",
    "creds hook {}",
    "creds hook install {}",
    "creds hook print --unit {}",
    "creds git-credential get {}",
    "creds askpass prompt {}",
    "creds import-netrc file {}",
    "creds {}",
    "creds --password={} put svc me",
    "creds-doctor {}",
    "creds-doctor --explain {}",
    "creds-doctor --only {}",
    "creds hook print --shell {}",
    "creds-doctor --format {}",
    "creds-doctor --yes={}",
    "creds-setup-pam {}",
    "creds-setup-pam apply {}",
    "creds-setup-pam apply --try me {}",
    "creds-setup-pam apply --skip-root={}",
    "creds-setup-pam simulate --call {}",
]
MAINS = {"creds": main._main, "creds-doctor": doctor._main, "creds-setup-pam": setup_pam._main}


def said(monkeypatch: pytest.MonkeyPatch, words: list[str]) -> tuple[int, str]:
    """Run a command with these words; return its exit code and what it says."""
    monkeypatch.setattr("sys.argv", words)
    monkeypatch.setattr("creds_session.cli.creds.foreign_home.refuse_foreign_home", lambda _: None)
    with contextlib.redirect_stderr(io.StringIO()) as told:
        try:
            code = run(MAINS[words[0]], words[0])
        except SystemExit as end:
            code = int(str(end.code))
    return code, told.getvalue()


@pytest.mark.parametrize("secret", [CANARY, "can'ary\\4713\"\x01", "-canary-4713", "(?P=canary)"])
@pytest.mark.parametrize("line", REFUSED)
def test_no_error_repeats_what_may_be_a_password(
    monkeypatch: pytest.MonkeyPatch, line: str, secret: str
) -> None:
    code, told = said(monkeypatch, [word.format(secret) for word in line.split()])
    assert code == 64, told
    assert told
    assert "canary" not in told, told
    assert "4713" not in told, told


@pytest.mark.parametrize(
    ("line", "without"),
    [
        ("creds put svc me {}", "nothing was stored"),
        ("creds put svc me --password {}", "nothing was stored"),
        ("creds put svc me --password={}", "nothing was stored"),
        ("creds put svc me --password-stdin={}", "nothing was stored"),
        ("creds put svc me -p{}", "nothing was stored"),
        ("creds unlock {}", "nothing was changed"),
        ("creds unlock --password-stdin={}", "nothing was changed"),
        ("creds rekey {} {}", "nothing was changed"),
    ],
)
def test_a_command_that_takes_a_password_says_how_to_give_it(
    monkeypatch: pytest.MonkeyPatch, line: str, without: str
) -> None:
    code, told = said(monkeypatch, [word.format(CANARY) for word in line.split()])
    assert code == 64
    assert NEVER in told
    assert without in told
    assert "history" in told
    assert "standard input" in told
    assert "usage:" not in told, "the message is what has to be read"


@pytest.mark.parametrize("secret", [CANARY, ""])
def test_a_mistyped_option_is_no_password(monkeypatch: pytest.MonkeyPatch, secret: str) -> None:
    for line, near in (
        ("creds put svc me --encryptd", "--encrypted"),
        ("creds unlock --creat", "--create"),
        ("creds get svc me --no-newlin" + (f"={secret}" if secret else ""), "--no-newline"),
    ):
        code, told = said(monkeypatch, line.split())
        assert code == 64
        assert f"did you mean {near}?" in told
        assert NEVER not in told


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("creds get", "the following arguments are required: SERVICE"),
        ("creds get s --username-key", "argument --username-key: expected one argument"),
        ("creds get s --username-key a --username-key-env b", "not allowed with argument"),
        ("creds get s u --format xml", "argument --format: invalid choice; choose from plain"),
        ("creds get s u --timeout soon", "argument --timeout: invalid number of seconds"),
        ("creds get s u --timeout 1s", "a number without a unit is expected, such as 30"),
        ("creds nonsense", "argument COMMAND: invalid choice; choose from put, get"),
        ("creds staus", "argument COMMAND: invalid choice; did you mean status?"),
        ("creds staus status", "did you mean status?"),
        ("creds unlok --create unlock", "did you mean unlock?"),
        ("creds-setup-pam aply apply", "did you mean apply?"),
        ("creds get s u --format jsn json", "did you mean json? choose from plain, json, null"),
        ("creds env --shell tcsh", "did you mean csh? choose from sh, fish, csh"),
        ("creds hook print --shell tcsh", "csh and tcsh have no login hook: run creds unlock by"),
        ("creds hook print --shell tcsh", "are sh, dash, ksh, ash, bash, zsh and fish"),
        ("creds hook print --shell nu", "there is no hook for that shell; the shells with a hook"),
        ("creds-doctor --explain keyring-lokced", "did you mean keyring-locked?"),
        ("creds run s u --env A=B -- true", "--env A: after '=' "),
        (
            "creds run s u --expect ( -- true",
            "--expect: not a regular expression: the error is at character 1",
        ),
        ("creds run s u --fd 1 -- true", "argument --fd: 1 is a standard stream"),
        ("creds put s u --password-fd 2", "argument --password-fd: 2 is a standard stream"),
        ("creds put s u --password-fd 1x", "argument --password-fd: not the number of a file"),
        ("creds get app me more", "apart from options, creds get takes SERVICE [USER]"),
        ("creds status more", "creds status takes only options"),
        ("creds status --user bob", "creds status has no such option"),
        ("creds-doctor --nonsense", "creds-doctor has no such option"),
        ("creds-doctor --onyl keyring-locked", "did you mean --only?"),
        ("creds-doctor keyring-locked", "creds-doctor takes only options"),
        ("creds-setup-pam apply sshd", "creds-setup-pam apply takes only options"),
        ("creds-setup-pam apply sshd", "usage: creds-setup-pam apply "),
        ("creds-setup-pam apply sshd", "creds-setup-pam apply --help"),
        ("creds-setup-pam check --skip-rot", "did you mean --skip-root?"),
        ("creds-setup-pam check --confirm-within 9", "--confirm-within is an option of"),
        ("creds-setup-pam --check", "did you mean creds-setup-pam check?"),
        ("creds-setup-pam check --confirm-within 9", "of creds-setup-pam apply"),
        ("creds-setup-pam --dry-run apply", "the command: creds-setup-pam apply --dry-run"),
    ],
)
def test_what_is_wrong_is_still_said(
    monkeypatch: pytest.MonkeyPatch, line: str, words: str
) -> None:
    code, told = said(monkeypatch, line.split())
    assert code == 64
    assert words in " ".join(told.split())


COMMANDS = ("put", "get", "delete", "list", "unlock", "rekey", "lock", "status", "env", "hook")
OPTIONS = (
    "--password-stdin",
    "--timeout",
    "--format",
    "-v",
    "--json",
    "--create",
    "--prompt",
    "--",
)
# st.text would also draw strings of our source, such as a part of the name of an option. A message
# may contain these: "did you mean --timeout?".
SECRETS = st.lists(st.characters(exclude_categories=["Cs"]), min_size=8, max_size=20).map("".join)


@given(
    st.sampled_from(COMMANDS), st.lists(st.sampled_from(OPTIONS), max_size=3), SECRETS, st.data()
)
def test_the_parser_repeats_no_word_that_it_refuses(
    command: str, options: list[str], secret: str, data: st.DataObject
) -> None:
    shape = data.draw(st.sampled_from(("{}", "--{}", "-{}", "--json={}", "--format={}", "-v{}")))
    words = ["svc", "me", *options, shape.format(secret)]
    words = data.draw(st.permutations(words))
    with contextlib.redirect_stderr(io.StringIO()) as told:
        try:
            main._parse([command, *words])
        except UsageError as error:
            told.write(error.problem + error.hint)
        except SystemExit:
            pass
    assert secret not in told.getvalue()
    assert repr(secret)[1:-1] not in told.getvalue()


@pytest.mark.parametrize("text", ["-1", "0", "nan", "inf", "1e30", "soon", "", "86401"])
def test_a_time_limit_is_a_number_of_seconds(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        seconds(text)
    assert seconds("86400") == 86400.0
    assert seconds("0.5") == 0.5


def test_a_subcommand_repeats_nothing_either() -> None:
    parser = Parser("program", "", "")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    commands.add_parser("one", prog="program one", description="", epilog="")
    with contextlib.redirect_stderr(io.StringIO()) as told, pytest.raises(SystemExit):
        parser.parse_args(["one", CANARY, f"--help={CANARY}"])
    assert CANARY not in told.getvalue()
