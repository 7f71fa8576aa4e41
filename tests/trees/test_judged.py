"""Changes by the distributions' own tools: the judge of a change raises no false alarm.

The pairs are the releases of authselect, each profile without a feature and with each feature that
both releases have; and Debian's files with a profile of pam-auth-update switched on. What is found
on a pair is listed with the reason why it is true.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pytest

from creds_session.pam.changes.findings import Judgement, Topic
from creds_session.pam.changes.judge import judge_change
from creds_session.pam.stack.resolve import resolve_all
from creds_session.pam.syntax.terms import Dialect
from tests.trees.authselect import PROFILES, Release, known_features, render
from tests.trees.debian import ALWAYS, profile_folder, trees
from tests.trees.libpam import OLD, libpam
from tests.trees.tree import OTHER, Tree

D = "/etc/pam.d/"
SERVICE = """\
auth substack {0}
auth include postlogin
account required pam_nologin.so
account include {0}
password include {0}
session include {0}
session include postlogin
"""
TRUE = {("EL9", "sssd", "with-smartcard", "login"): "let_in"}
"""In release 8, a local user that SSSD does not know was refused if smart cards were on."""


class Pair(NamedTuple):
    """A selection in two consecutive releases, and the service that is compared."""

    before: Release
    after: Release
    profile: str
    feature: str
    service: str

    def files(self, release: Release) -> dict[str, bytes]:
        """Return the files of one release."""
        profile = self.profile
        if profile == "local" and profile not in PROFILES[release]:
            profile = "minimal"
        features = frozenset({self.feature}) - {""}
        texts = {**render(release, profile, features), "other": OTHER}
        texts["sshd"] = SERVICE.format("password-auth")
        texts["login"] = SERVICE.format("system-auth")
        return {D + name: text.encode() for name, text in texts.items()}


def pairs() -> Iterator[Pair]:
    """Yield every pair."""
    for before, after in zip(list(Release), list(Release)[1:]):
        for profile in PROFILES[after]:
            earlier = profile if profile in PROFILES[before] else "minimal"
            if earlier not in PROFILES[before]:
                continue
            both = set(known_features(before, earlier)) & set(known_features(after, profile))
            for feature in ("", *sorted(both)):
                for service in ("sshd", "login"):
                    yield Pair(before, after, profile, feature, service)


def judged(pair: Pair) -> Judgement:
    before, after = (
        resolve_all(pair.service, pair.files(one).get, dialect=Dialect.UPSTREAM_1_7)
        for one in (pair.before, pair.after)
    )
    return judge_change(before, after)


def test_no_false_alarm_on_consecutive_releases() -> None:
    found = {}
    exempt = []
    count = 0
    for pair in pairs():
        count += 1
        seen = judged(pair)
        for one in seen.findings:
            key = (pair.after.name, pair.profile, pair.feature, pair.service)
            found[key] = one.kind.name.lower()
        exempt += [note for note in seen.notes if note.topic is Topic.RUNS_FOR_MORE]
    assert count >= 40
    assert found == TRUE
    assert exempt == []


def test_the_judge_sees_what_changes_between_releases() -> None:
    pair = Pair(Release.EL8, Release.EL9, "sssd", "", "sshd")
    notes = [str(note) for note in judged(pair).notes]
    assert any("pam_usertype.so isregular" in note for note in notes)


FOUND_ON = {
    "ccreds-check": "dead_rule",
    "duo-unix": "lock_out",
    "faillock": "counts_all",
    "pwhistory": "change_fails",
    "systemd-homed": "change_fails",
}
"""What each profile of pam-auth-update does alone, if it is switched on; all of it is true.

ccreds-check needs the rules of ldap. Who has no token cannot log in any more with duo-unix.
faillock needs faillock-notify, whose account rule resets the counter. pwhistory expects that a rule
above it has asked for the new password, and so does pam_unix after systemd-homed.
"""


@pytest.fixture(scope="module")
def profiles(tmp_path_factory: pytest.TempPathFactory) -> list[Tree]:
    libpam(OLD)
    place = tmp_path_factory.mktemp("profiles")
    folder = profile_folder(OLD, place)
    names = sorted(path.name for path in folder.iterdir() if path.name not in ALWAYS)
    return list(trees(OLD, place, folder, [(), *((name,) for name in names)]))


@pytest.mark.timeout(1800)
def test_profiles_that_are_switched_on_raise_no_false_alarm(profiles: list[Tree]) -> None:
    base, *others = profiles
    found = {}
    exempt = set()
    for tree in others:
        for service in ("sshd", "passwd", "login"):
            before, after = (resolve_all(service, one.files.get) for one in (base, tree))
            seen = judge_change(before, after)
            for one in seen.findings:
                found[tree.name.split()[1]] = one.kind.name.lower()
            for note in seen.notes:
                if note.topic is Topic.RUNS_FOR_MORE:
                    exempt.add((tree.name.split()[1], note.text))
    assert len(others) >= 30
    assert found == FOUND_ON
    assert exempt == set()


def test_a_profile_that_is_switched_off_locks_out_its_users(profiles: list[Tree]) -> None:
    base, tree = profiles[0], next(one for one in profiles if one.name.endswith(" krb5"))
    before, after = (resolve_all("sshd", one.files.get) for one in (tree, base))
    kinds = {found.kind.name.lower() for found in judge_change(before, after).findings}
    assert "lock_out" in kinds
    assert "let_in" not in kinds
