from __future__ import annotations

import subprocess
import sys

import pytest

import creds_session.pam as public


def test_every_public_name_is_found_and_listed() -> None:
    assert dir(public) == sorted(public.__all__)
    for name in public.__all__:
        assert callable(getattr(public, name)), name


def test_judge_is_the_earlier_name_of_verdicts() -> None:
    assert public.judge is public.verdicts


def test_a_name_that_is_not_public_is_not_handed_out() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'walk_both'"):
        _ = public.walk_both


def test_a_name_loads_only_the_modules_that_it_needs() -> None:
    code = (
        "import sys; from creds_session.pam import parse;"
        " print(sorted(name for name in sys.modules if name.startswith('creds_session.pam.')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "creds_session.pam.syntax.parser" in done.stdout
    assert "keyring_rules" not in done.stdout
