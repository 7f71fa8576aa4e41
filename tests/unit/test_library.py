"""The public interface of the package: what it exports, and how it refuses a wrong argument."""

from __future__ import annotations

import pydoc
import re
import rlcompleter
import subprocess
import sys

import pytest

import creds_session
from creds_session import (
    CollectionLocked,
    CredsSessionError,
    NoBus,
    NoService,
    OtherProvider,
    ProviderHung,
    Secret,
    SessionState,
    TimedOut,
    Unavailable,
    WrongPassword,
    errors,
    status,
    unlock_keyring,
)
from creds_session.session.unlock import (  # noqa: F401 - the subpackage is loaded beside the names
    unlock,
)


def test_every_name_is_there_and_is_shown() -> None:
    assert dir(creds_session) == sorted(creds_session.__all__)
    for name in creds_session.__all__:
        assert getattr(creds_session, name) is not None
    assert callable(unlock_keyring)
    assert callable(status)


def test_importing_the_package_loads_none_of_it() -> None:
    code = "import creds_session, sys; print([n for n in sys.modules if 'creds_session.' in n])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_errors_can_be_told_apart() -> None:
    assert issubclass(errors.NoKeyringYet, CollectionLocked)
    assert issubclass(NoBus, NoService)
    assert issubclass(ProviderHung, TimedOut)
    for one in (NoService, TimedOut, OtherProvider):
        assert issubclass(one, Unavailable)
    assert issubclass(WrongPassword, CredsSessionError)


@pytest.mark.parametrize("wrong", ["canary", bytearray(b"canary"), None, 7])
def test_a_secret_is_made_of_bytes(wrong: object) -> None:
    with pytest.raises(
        TypeError, match=r"Secret\(\) takes bytes: use Secret.from_text\(\)"
    ) as caught:
        Secret(wrong)  # type: ignore[arg-type]
    assert "canary" not in str(caught.value)


def test_a_secret_is_made_of_text() -> None:
    assert Secret.from_text("pä\n") == Secret("pä\n".encode())
    with pytest.raises(TypeError, match=r"takes text: use Secret\(\) for bytes"):
        Secret.from_text(b"canary")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="lone surrogate") as caught:
        Secret.from_text("canary\udc80")
    assert "canary" not in repr(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("wrong", ["canary", b"canary", None])
def test_a_password_that_is_no_secret_is_refused_before_anything_is_asked(wrong: object) -> None:
    with pytest.raises(TypeError, match="must be a Secret, not") as caught:
        unlock_keyring(wrong)  # type: ignore[arg-type]
    assert "canary" not in str(caught.value)


def test_a_session_without_a_bus_is_a_state_and_not_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus")
    assert status(timeout=1) is SessionState.NO_BUS
    with pytest.raises(NoBus):
        unlock_keyring(Secret(b"x"), timeout=1)


@pytest.mark.parametrize("wrong", ["canary", b"canary", None])
def test_put_refuses_a_password_that_is_not_a_secret(
    wrong: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus")
    with pytest.raises(TypeError, match=r"must be a Secret, not \w+: use Secret.from") as caught:
        creds_session.put("service", "user", wrong)  # type: ignore[arg-type]
    assert "canary" not in str(caught.value)


def test_a_printed_error_says_what_to_do_next() -> None:
    error = CollectionLocked("the login keyring is locked", hint="unlock it: creds unlock")
    assert str(error) == "the login keyring is locked; unlock it: creds unlock"
    two_lines = CollectionLocked("it is locked", hint="unlock it: creds unlock\nor log in again")
    assert str(two_lines) == "it is locked; unlock it: creds unlock; or log in again"
    assert str(CollectionLocked("it is locked")) == "it is locked"


def test_help_shows_the_public_names_and_an_example() -> None:
    shown = pydoc.plain(pydoc.render_doc(creds_session))
    assert "creds_session.get(" in shown
    assert "__version__" in creds_session.__all__
    for name in set(creds_session.__all__) - {"__version__"}:
        assert name in shown
    for function in ("get(service", "put(service", "unlock_keyring(password"):
        assert function in re.sub(r"\(\s+", "(", shown)  # one argument a line since Python 3.13


def test_dir_without_the_private_names_is_what_completion_offers() -> None:
    names = rlcompleter.Completer({"creds_session": creds_session})
    offered = {names.complete("creds_session.", number) for number in range(40)}
    assert {"creds_session.get(", "creds_session.put(", "creds_session.Secret("} <= offered
