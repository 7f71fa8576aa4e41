"""The parser accepts what argparse hands over, also in Python versions that are yet to come."""

from __future__ import annotations

import subprocess
import sys

import pytest

# Python 3.14 began to do this: `add_parser` gives `color=` to the class of the parser. Here
# argparse knows one keyword more, and gives it to each class of ours that it calls.
LATER_ARGPARSE = """
import argparse, importlib, sys

def knows_one_more(initialize):
    def __init__(self, *positional, a_later_keyword=None, **named):
        initialize(self, *positional, **named)
    return __init__

def gives_one_more(call):
    return lambda *positional, **named: call(*positional, a_later_keyword=True, **named)

for known in (argparse.ArgumentParser, argparse.HelpFormatter):
    known.__init__ = knows_one_more(known.__init__)
action = argparse._SubParsersAction
action.add_parser = gives_one_more(action.add_parser)
get_formatter = argparse.ArgumentParser._get_formatter

def _get_formatter(self, *given, **named):
    kept = self.formatter_class
    self.formatter_class = gives_one_more(kept)
    try:
        return get_formatter(self, *given, **named)
    finally:
        self.formatter_class = kept

argparse.ArgumentParser._get_formatter = _get_formatter
sys.exit(importlib.import_module(sys.argv.pop(1)).main())
"""
CREDS, CREDS_DOCTOR, CREDS_SETUP_PAM = (
    f"creds_session.cli.{name}.main" for name in ("creds", "doctor", "setup_pam")
)


def with_later_argparse(module: str, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", LATER_ARGPARSE, module, *words]
    return subprocess.run(command, check=False, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (CREDS, ()),
        (CREDS, ("get",)),
        (CREDS, ("exec",)),
        (CREDS_DOCTOR, ()),
        (CREDS_SETUP_PAM, ()),
        (CREDS_SETUP_PAM, ("apply",)),
    ],
)
def test_a_later_argparse_prints_the_help(module: str, words: tuple[str, ...]) -> None:
    done = with_later_argparse(module, *words, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage: ")


@pytest.mark.parametrize("module", [CREDS, CREDS_DOCTOR, CREDS_SETUP_PAM])
def test_a_later_argparse_refuses_what_is_unknown(module: str) -> None:
    done = with_later_argparse(module, "--no-such-option")
    assert done.returncode == 64, done
