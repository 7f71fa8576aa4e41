"""What the doctor says of default keyrings of any name, and of keyrings without a password."""

from __future__ import annotations

import pytest

from creds_session.doctor.checks import CHECKS, run
from creds_session.facts.collection_state import CollectionState, KeyringForm
from creds_session.facts.machine import HomeFacts, PathFacts, PathKind
from creds_session.facts.session import BusFacts, DaemonRole
from creds_session.facts.snapshot import Facts
from creds_session.findings import Finding, Severity
from tests.unit.examples import ADDRESS, FILE, WELL, bus, daemon, keyring

E, W, N = Severity.ERROR, Severity.WARNING, Severity.NOTE
OPEN, LOCKED, ABSENT = CollectionState.UNLOCKED, CollectionState.LOCKED, CollectionState.ABSENT
SEALED, PLAIN, BROKEN = KeyringForm.SEALED, KeyringForm.PLAIN, KeyringForm.BROKEN
COLLECTION = "/org/freedesktop/secrets/collection/"
FOLDER = "/home/alice/.local/share/keyrings"


def session(
    login: CollectionState,
    default: CollectionState,
    name: str,
    forms: dict[str, KeyringForm],
    *,
    kept: bool = False,
    lines: dict[str, int] | None = None,
) -> Facts:
    """Return the facts of a session whose default keyring has this name, and these files."""
    path = "/" if default is ABSENT else f"{COLLECTION}{name.replace('_', '_5f')}"
    home = HomeFacts(
        folder=PathFacts(FOLDER, PathKind.FOLDER, 1000, 0o700),
        login=PathFacts(FILE, PathKind.FILE if "login" in forms else PathKind.ABSENT, 1000, 0o600),
        form=forms.get("login", KeyringForm.UNKNOWN),
        default=name,
        forms=forms,
        bad_lines=lines or {},
    )
    files = keyring(exists="login" in forms)._replace(
        form=forms.get("login", KeyringForm.UNKNOWN),
        default_name=name,
        default_form=forms.get(name, KeyringForm.ABSENT),
    )
    seen = bus(login=login)._replace(
        default=default, default_path=path, keeps_default_password=kept
    )
    return WELL._replace(bus=seen, keyring=files, home=home)


def findings(facts: Facts) -> list[Finding]:
    return [finding for result in run(CHECKS, facts) for finding in result.findings]


def told(facts: Facts) -> list[tuple[str, Severity]]:
    return [(one.id, one.severity) for one in findings(facts)]


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        # what every program opens is no error, and its remedy is a password
        (
            session(LOCKED, LOCKED, "login", {"login": PLAIN}),
            [("keyring-plaintext", W)],
        ),
        (
            session(ABSENT, LOCKED, "Default_keyring", {"Default_keyring": PLAIN}),
            [("keyring-plaintext", W), ("default-elsewhere", N)],
        ),
        (
            session(OPEN, LOCKED, "Other", {"login": SEALED, "Other": SEALED}, kept=True),
            [("default-keyring-locked", E), ("default-elsewhere", N)],
        ),
        # another default keyring, locked
        (
            session(OPEN, LOCKED, "Other", {"login": SEALED, "Other": SEALED}),
            [("default-keyring-locked", E), ("default-elsewhere", N)],
        ),
        (
            session(ABSENT, LOCKED, "Login", {"Login": SEALED}),
            [("default-keyring-locked", E), ("default-elsewhere", N)],
        ),
        # another default keyring, unlocked: programs read it, whatever the login keyring does
        (
            session(ABSENT, OPEN, "Login", {"Login": SEALED}),
            [("default-elsewhere", N)],
        ),
        (
            session(LOCKED, OPEN, "Other", {"login": SEALED, "Other": SEALED}),
            [("default-elsewhere", N)],
        ),
        # damaged files of any name
        (
            session(OPEN, ABSENT, "Other", {"login": SEALED, "Other": BROKEN}),
            [("default-keyring-damaged", E), ("default-elsewhere", N)],
        ),
        (
            session(ABSENT, ABSENT, "Other", {"Other": KeyringForm.EMPTY}),
            [("default-keyring-damaged", E), ("default-elsewhere", N)],
        ),
        (
            session(OPEN, OPEN, "login", {"login": SEALED, "old": BROKEN}),
            [("other-keyring-damaged", W)],
        ),
        # a default keyring that does not exist
        (
            session(OPEN, ABSENT, "Nowhere", {"login": SEALED}),
            [("default-keyring-absent", E), ("default-elsewhere", N)],
        ),
        (
            session(ABSENT, ABSENT, "Nowhere", {}),
            [("keyring-absent", E), ("default-elsewhere", N)],
        ),
    ],
)
def test_what_is_found(facts: Facts, expected: list[tuple[str, Severity]]) -> None:
    assert told(facts) == expected
    assert facts.is_readable is not any(severity is E for _, severity in expected)


def test_a_keyring_without_a_password_is_given_one_by_name() -> None:
    facts = session(ABSENT, LOCKED, "Default_keyring", {"Default_keyring": PLAIN, "login": PLAIN})
    (found,) = (one for one in findings(facts) if one.id == "keyring-plaintext")
    assert "the Default_keyring keyring has no password" in found.title
    assert found.remediation is not None
    assert found.remediation.commands == (
        ("creds", "rekey", "--keyring", "Default_keyring"),
        ("creds", "rekey"),
    )


def test_the_line_that_makes_a_keyring_unreadable_is_shown() -> None:
    facts = session(OPEN, ABSENT, "work", {"login": SEALED, "work": BROKEN}, lines={"work": 9})
    (found,) = (one for one in findings(facts) if one.id == "default-keyring-damaged")
    assert found.evidence[0].startswith(f"{FOLDER}/work.keyring:9: ")
    assert "several lines" in found.cause
    assert found.remediation is not None
    assert "with an editor" in found.remediation.text
    assert "SetAlias" in found.remediation.alternatives[0].commands[0]


def test_the_first_remedy_of_a_locked_default_keyring_hides_no_secret() -> None:
    facts = session(ABSENT, LOCKED, "Login", {"Login": SEALED})
    (found,) = (one for one in findings(facts) if one.id == "default-keyring-locked")
    assert "Login" in found.title
    assert found.remediation is not None
    assert found.remediation.commands == (("creds", "unlock"),)
    assert "rename Login.keyring to login.keyring" in found.remediation.alternatives[0].text


def test_a_damaged_default_keyring_without_a_login_keyring_can_be_replaced() -> None:
    facts = session(ABSENT, ABSENT, "Other", {"Other": BROKEN})
    (found,) = (one for one in findings(facts) if one.severity is E)
    assert found.remediation is not None
    (until_then,) = found.remediation.alternatives
    assert until_then.commands == (("creds", "unlock", "--create"),)


@pytest.mark.parametrize("form", [PLAIN, SEALED])
def test_a_keyring_of_another_name_without_a_daemon_is_not_absent(form: KeyringForm) -> None:
    facts = session(ABSENT, ABSENT, "Other", {"Other": form})
    files = facts.keyring._replace(is_activated=True)
    facts = facts._replace(bus=BusFacts(ADDRESS, activatable=True), keyring=files, daemons=())
    errors = [check for check, severity in told(facts) if severity is E]
    assert errors == ([] if form is PLAIN else ["secret-service-unowned"])


def test_a_waiting_daemon_is_named_before_a_keyring_of_another_name() -> None:
    facts = session(ABSENT, ABSENT, "Other", {"Other": SEALED})
    facts = facts._replace(bus=BusFacts(ADDRESS), daemons=(daemon(DaemonRole.LOGIN),))
    assert told(facts)[0] == ("daemon-waiting", E)


@pytest.mark.parametrize(
    ("named", "there", "path"),
    [
        ("work.keyring", "work", "work"),
        ("/home/alice/.local/share/keyrings/work.keyring", "work", "work"),
        ("work\nlogin", "work", "work"),
        ("My Work", "my work", "my_20work"),
        ("Login", "login", "login"),
    ],
)
def test_a_name_that_is_nearly_a_keyrings_leads_to_that_one(
    named: str, there: str, path: str
) -> None:
    facts = session(OPEN, ABSENT, named, {"login": SEALED, there: SEALED})
    (found,) = (one for one in findings(facts) if one.id == "default-keyring-absent")
    assert found.remediation is not None
    assert found.remediation.lines[0].endswith(f"so default {COLLECTION}{path}")
    assert "\n" not in found.title + "".join(found.evidence)


def test_a_damaged_keyring_is_no_near_name() -> None:
    facts = session(OPEN, ABSENT, "work.keyring", {"login": SEALED, "work": BROKEN})
    (found,) = (one for one in findings(facts) if one.id == "default-keyring-absent")
    assert found.remediation is not None
    assert found.remediation.lines[0].endswith("/login")


def test_the_first_line_of_a_text_is_not_taken_for_a_piece_of_a_secret() -> None:
    facts = session(OPEN, ABSENT, "plain", {"login": SEALED, "plain": BROKEN}, lines={"plain": 1})
    (found,) = (one for one in findings(facts) if one.id == "default-keyring-damaged")
    assert found.remediation is not None
    assert "byte-order mark" in found.remediation.text
    assert "secret above" not in found.remediation.text
    assert "several lines" not in found.cause


def test_no_home_is_blamed_for_a_login_keyring_that_is_damaged() -> None:
    facts = session(ABSENT, ABSENT, "login", {"login": BROKEN})
    assert "daemon-other-home" not in [name for name, _ in told(facts)]
    whole = session(ABSENT, ABSENT, "login", {"login": SEALED})
    assert "daemon-other-home" in [name for name, _ in told(whole)]
