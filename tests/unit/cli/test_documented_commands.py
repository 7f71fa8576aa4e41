"""The parsers take every command of ours that README, the tutorial and the guides show.

Nothing is run. Only code blocks are read, and of a line only what the shell gives to our programs:
a command ends at a pipe, a redirection, a parenthesis, a separator or a comment. What follows
``--`` belongs to another program.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from creds_session.cli.creds import main
from creds_session.cli.doctor import main as doctor
from creds_session.cli.setup_pam import main as setup_pam
from creds_session.errors import UsageError

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
PAGES = [
    ROOT / "README.md",
    *sorted(DOCS.glob("*.md")),
    *sorted((DOCS / "tutorial").glob("*.md")),
    *sorted((DOCS / "how-to").glob("*.md")),
    *sorted((DOCS / "reference").glob("troubleshooting.md")),
]
BEFORE = re.compile(
    r"""
    ^ | [$#;&|(`!]\ * | [='"](?:/\S*/)?  # the first word, what the shell divides, ExecStart=
    | \b(?:sudo|exec|timeout\ (?:--foreground\ )?\d+)\  | --\  | \*\ +  # other programs, a crontab
    """,
    re.VERBOSE,
)
COMMAND = re.compile(
    rf"(?:{BEFORE.pattern})(?P<program>creds(?:-doctor|-setup-pam)?)(?!\ \d)(?P<words>\s.*)",
    re.VERBOSE,
)
DESCRIPTOR = re.compile(r"(?<=\s)\d(?=[<>])")  # `3<FILE`: the number belongs to the redirection
SHELL = "();<>|&`"  # what ends a command


def code_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines of a page's code blocks: between fences, or indented by four blanks."""
    is_fenced = False
    for number, line in enumerate(text.splitlines(), start=1):
        if line.lstrip().startswith("```"):
            is_fenced = not is_fenced
        elif is_fenced or line.startswith("    "):
            yield number, line.strip()


def commands(line: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the commands of ours on a line, each as its program and its arguments."""
    match = COMMAND.search(line)
    if match:
        yield match["program"], arguments(match["words"])
        yield from commands(match["words"])


def arguments(text: str) -> list[str]:
    """Return the words of a command up to where the shell ends it."""
    try:
        return list(_words(text))
    except ValueError:  # the last quote closes one that was opened before the command
        return list(_words(text[: max(map(text.rfind, "'\""))]))


def _words(text: str) -> Iterator[str]:
    """Yield words as a shell splits them. Raises ValueError at a quote that is not closed."""
    words = shlex.shlex(DESCRIPTOR.sub("", text), posix=True, punctuation_chars=SHELL)
    words.whitespace_split = True
    words.commenters = "#"
    for word in words:
        if set(word) <= set(SHELL):
            return
        yield word


@contextlib.contextmanager
def descriptors(words: list[str]) -> Iterator[list[str]]:
    """Give the words the numbers of descriptors that are here as the shell would make them."""
    readable, free = os.pipe()
    os.close(free)
    numbers = {"--password-fd": str(readable), "--fd": str(free)}
    try:
        yield [numbers.get(before, word) for before, word in zip(["", *words], words)]
    finally:
        os.close(readable)


def refusal(program: str, words: list[str]) -> str:
    """Return why a parser refuses these words, or nothing."""
    if words == ["git-credential"]:
        words = [*words, "get"]  # git adds the operation, gitcredentials(7)
    parsers: dict[str, Callable[[list[str]], object]] = {
        "creds": main._parse,
        "creds-doctor": doctor._parser().parse_args,
        "creds-setup-pam": setup_pam._parser().parse_args,
    }
    with descriptors(words) as given, contextlib.redirect_stderr(io.StringIO()) as told:
        try:
            parsers[program](given)
        except UsageError as error:
            return error.problem
        except SystemExit as ended:
            return told.getvalue() if ended.code else ""
    return ""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_that_is_shown_is_one(page: Path) -> None:
    refused = [
        f"{page.name}:{number}: {line}: {why}"
        for number, line in code_lines(page.read_text("utf-8"))
        for program, words in commands(line)
        if (why := refusal(program, words))
    ]
    assert refused == []


def test_commands_are_found_on_the_pages() -> None:
    found = [
        (program, words[:1])
        for page in PAGES
        for _, line in code_lines(page.read_text("utf-8"))
        for program, words in commands(line)
    ]
    assert len(found) > 100
    for expected in (
        *(("creds", [name]) for name in ("get", "put", "unlock", "rekey", "run", "exec", "env")),
        *(("creds-setup-pam", [name]) for name in ("diff", "apply", "revert", "confirm")),
        ("creds-doctor", ["--report"]),
    ):
        assert expected in found


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("$ creds get web alice   # asks nobody", [("creds", ["get", "web", "alice"])]),
        ("creds: the keyring is locked", []),
        ("creds 1.0.0", []),
        ("ln -s /opt/bin/creds /usr/local/bin", []),
        ("creds unlock --password-fd 3 3< FILE", [("creds", ["unlock", "--password-fd", "3"])]),
        ('eval "$(creds env --start)"', [("creds", ["env", "--start"])]),
        ("helper '!creds git-credential'", [("creds", ["git-credential"])]),
        ("0 3 * * *  creds exec -- /opt/run", [("creds", ["exec", "--", "/opt/run"])]),
        ("ExecStart=/usr/local/bin/creds unlock -x", [("creds", ["unlock", "-x"])]),
        ("sh -c '/usr/local/bin/creds get a b | c'", [("creds", ["get", "a", "b"])]),
        (
            "sudo creds-setup-pam diff; creds-doctor -v",
            [("creds-setup-pam", ["diff"]), ("creds-doctor", ["-v"])],
        ),
    ],
)
def test_what_a_line_has_of_ours(line: str, expected: list[tuple[str, list[str]]]) -> None:
    assert list(commands(line)) == expected


@pytest.mark.parametrize(
    "line", ["creds gett web alice", "creds get a b c", "creds-setup-pam aply", "creds-doctor -x"]
)
def test_a_command_that_does_not_exist_is_refused(line: str) -> None:
    ((program, words),) = commands(line)
    assert refusal(program, words)
