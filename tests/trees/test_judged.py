"""Consecutive versions of a distribution's own files: the judge of a change raises no false alarm.

The pairs are the releases of authselect, each profile without a feature and with each feature that
both releases have. What is found on a pair is listed with the reason why it is true.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from creds_session.pam.changes.findings import Judgement
from creds_session.pam.changes.judge import judge_change
from creds_session.pam.stack.resolve import resolve_all
from creds_session.pam.syntax.terms import Dialect
from tests.trees.authselect import PROFILES, Release, known_features, render
from tests.trees.tree import OTHER

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
"""In release 8, a local user whom SSSD does not know was refused if smart cards were on."""


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
    count = 0
    for pair in pairs():
        count += 1
        for one in judged(pair).findings:
            key = (pair.after.name, pair.profile, pair.feature, pair.service)
            found[key] = one.kind.name.lower()
    assert count >= 40
    assert found == TRUE


def test_the_judge_sees_what_changes_between_releases() -> None:
    pair = Pair(Release.EL8, Release.EL9, "sssd", "", "sshd")
    notes = [str(note) for note in judged(pair).notes]
    assert any("pam_usertype.so isregular" in note for note in notes)
