"""Two and three faults at once: the doctor names one of them first, and leads through them all.

CREDS_FAULTS_SEED=WORD and CREDS_FAULTS_COUNT=N have others tried, and more.
"""

from __future__ import annotations

import pytest

from tests.depth import FAULTS_COUNT, FAULTS_SEED
from tests.machine.support import doctor as ward
from tests.machine.support.breakages import (
    ENVIRONMENT,
    FILES,
    KEYRINGS,
    LIVE,
    SESSIONS,
    Breakage,
    until,
)
from tests.machine.support.faults import (
    MIXED,
    Faults,
    begins_a_session,
    combinations,
    excludes,
    has_own_way,
    needs_another_session,
)
from tests.machine.support.login import Login
from tests.machine.support.machine import Boot

RELEASES = ("bookworm", "trixie")
CASES = [
    (release, faults)
    for release in RELEASES
    for faults in combinations(f"{FAULTS_SEED} {release}", FAULTS_COUNT // len(RELEASES))
]
AFTERMATH = frozenset(
    {
        *("secret-service-unowned", "keyring-locked", "login-without-password"),
        *("daemon-other-home", "daemon-gone", "control-socket-gone", "keyring-ghost"),
    }
)
"""What a fault leaves behind when it is cured: a daemon that saw it has to be restarted."""

STANDS_FOR = {
    "keyrings-cannot-be-made": "keyring-absent",
    "keyrings-not-a-folder": "keyring-absent",
    "keyring-not-a-file": "keyring-absent",
    "pam-rule-missing": "first-login-fails",
    "keyring-ghost": "first-login-fails",
    "facts-incomplete": "home-hung",
}
"""What is seen of a fault where another hides it, or `--fix` cured it with another.

What was moved away is missed until it is brought back by hand; a revert takes the drop-in too.
"""


class Booted(dict[str, ward.Patient]):
    """The machine of each release, booted when the first case asks for it."""

    def __init__(self, boot: Boot) -> None:
        super().__init__()
        self._boot = boot

    def __missing__(self, release: str) -> ward.Patient:
        machine = self._boot(release)
        ward.prepare(machine)
        machine.sh("cp -a /home/alice /root/alice")
        self[release] = ward.Patient(machine, release)
        return self[release]


@pytest.fixture(scope="module")
def patients(boot: Boot) -> Booted:
    return Booted(boot)


class Case:
    """One machine with several faults, and what is left of them."""

    def __init__(self, patient: ward.Patient, faults: Faults) -> None:
        self.patient, self.machine = patient, patient.machine
        self.left = list(faults)

    @property
    def session(self) -> Login:
        return self.patient.session

    def break_all(self) -> None:
        for one in self.left:
            if begins_a_session(one):
                self.patient.drop()
                ward.reset(self.machine)
                self.patient.take(ward.broken(self.machine, None, one))
            else:
                ward.broken(self.machine, self.session, one)

    @property
    def words(self) -> str:
        """The variables of a command that are still broken, for env(1)."""
        asked = [one.ask for one in self.left if one.ask.startswith("env ")]
        words = [one[len("env ") : -len(" creds-doctor")] for one in asked]
        return " ".join(sorted(words, key=lambda word: not word.startswith("-u")))

    def ask(self) -> ward.Told:
        own = [one.ask for one in self.left if has_own_way(one)]
        return ward.ask(self.machine, self.session, own[0]) if own else self.ask_as_alice()

    def ask_as_alice(self) -> ward.Told:
        plain = f"env {self.words} creds-doctor" if self.words else "creds-doctor"
        return ward.ask(self.machine, self.session, plain)

    def fix(self) -> str:
        return ward.fix(self.session, f"env {self.words} " if self.words else "")

    def named(self, first: str) -> Breakage | None:
        """Return the fault that the first finding names, or stands for."""
        same = [one for one in self.left if one.id == first]
        return next(iter(same), None) or next(
            (one for one in self.left if first in {one.behind, STANDS_FOR.get(one.id)}), None
        )

    def cure(self, one: Breakage, told: ward.Told) -> None:
        """Do what is said of this fault, and tell whether that cured it."""
        if one.cure == "fix":
            said = self.fix()
            assert one.id not in self.ask().ids, said
        elif one.cure == "root":
            ward.carry_out_as_root(
                self.machine, told, one.id if one.id in told.ids else told.ids[0]
            )
        elif one.cure == "user":
            # root is shown no command on a path of hers, so she asks by herself
            ward.carry_out_as_user(self.session, self.ask_as_alice(), one.id)
        self.left.remove(one)
        ward.mend(self.machine, self.session, one)
        self.begin_anew(one)

    def begin_anew(self, one: Breakage) -> None:
        if needs_another_session(one):
            self.patient.drop()

    def lead_to_health(self) -> None:
        aftermath: list[str] = []
        while self.left:
            told = self.ask()
            first = told.ids[0] if told.ids else ""
            one = self.named(first)
            if one is not None:
                self.cure(one, told)
                continue
            if first in AFTERMATH and first not in aftermath:
                aftermath.append(first)
                self.fix()
                continue
            # nothing is wrong, for a cure took another fault with it
            assert not told.above_note, (told.findings[0], [one.id for one in self.left])
            self.cure_silent()
        if self.session.run("creds get app me").status:
            self.fix()
        ward.is_healthy(self.machine, self.session)

    def cure_silent(self) -> None:
        one = self.left.pop()
        ward.mend(self.machine, self.session, one)
        self.begin_anew(one)

    def has_other_keyrings(self) -> bool:
        """Tell whether alice's keyrings are not as they were before the case.

        A remedy may have given the keyring another password, or have left a copy beside it.
        """
        place = KEYRINGS.removeprefix("/home/")
        seen = self.machine.sh(f"diff -r -x user.keystore /root/{place} /home/{place}", check=False)
        return seen.returncode != 0

    def heal(self, faults: Faults) -> None:
        """Make the machine whole for the next case, whatever was left undone."""
        self.patient.drop()
        for one in reversed(faults):
            if one in self.left:
                self.machine.sh(one.undo or ":", check=False)
        self.machine.sh(
            f"pkill -KILL -u alice; {until('! pgrep -u alice -r ' + LIVE)};"
            " rm -rf /home/alice; cp -a /root/alice /home/alice"
        )


@pytest.mark.parametrize(
    ("release", "faults"),
    CASES,
    ids=[f"{release}-{'+'.join(one.id for one in faults)}" for release, faults in CASES],
)
def test_faults_at_once_are_cured_one_after_the_other(
    patients: Booted, release: str, faults: Faults
) -> None:
    case = Case(patients[release], faults)
    try:
        case.break_all()
        case.lead_to_health()
        if any(one in SESSIONS for one in faults):  # nothing of it is left for the next
            case.patient.drop()
        if case.has_other_keyrings():
            case.heal(faults)
    except BaseException:
        case.heal(faults)
        raise


def test_what_excludes_what_is_said_with_a_reason() -> None:
    by_id = {one.id: one for one in MIXED}
    assert excludes(by_id["keyrings-open"], by_id["keyrings-unreadable"]).endswith("the folder")
    assert excludes(by_id["bus-absent"], by_id["bus-stopped"]) == excludes(
        by_id["bus-stopped"], by_id["bus-absent"]
    )
    assert not excludes(by_id["keyring-open"], by_id["keyrings-foreign"])
    assert all(excludes(one, one) for one in SESSIONS)
    assert all(excludes(one, one) for one in (*FILES, *ENVIRONMENT) if "env" in one.ask)
