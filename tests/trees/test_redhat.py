"""Trees in the shapes that authselect writes, judged by the real libpam before and after.

A tree counts as right if no story's verdict changes, every other module runs as before, every rule
of the keyring is reached wherever a password was right, and nothing is refused.
"""

from __future__ import annotations

import pytest

from creds_session.pam.keyring_rules.candidates import Edit
from creds_session.pam.keyring_rules.plan import Options
from creds_session.pam.syntax.terms import Dialect, ManagementGroup
from tests.depth import TREES
from tests.trees.authselect import KEYRING, PROFILES, Release
from tests.trees.bench import dialect_of, judge_all, planned
from tests.trees.libpam import NEW, OLD, libpam, refusals, table, wrongs
from tests.trees.redhat import tree, trees

SERVICES = ("sshd", "passwd")


def libpam_of(release: Release) -> str:
    """Return a root whose libpam is of about the release's age."""
    return libpam(OLD if release <= Release.EL9 else NEW)


CLASSES = [
    *(pytest.param(release, "", id=release.name) for release in Release),
    *(
        pytest.param(release, KEYRING, id=f"{release.name}-with-the-keyrings-feature")
        for release in Release
        if release > Release.EL8  # authselect 1.0.3 has no such feature
    ),
]


@pytest.mark.timeout(7200)
@pytest.mark.parametrize(("release", "feature"), CLASSES)
def test_no_verdict_changes_and_every_rule_is_reached(
    release: Release, feature: str, capsys: pytest.CaptureFixture[str]
) -> None:
    root = libpam_of(release)
    chosen = [
        one
        for one in trees(TREES)
        if one.name.startswith(f"{release.name} ") and (KEYRING in one.name) == bool(feature)
    ]
    assert len(chosen) >= 10
    made = [planned(one, name, dialect_of(one)) for one in chosen for name in SERVICES]
    judge_all(root, made, {dialect_of(one) for one in chosen})
    with capsys.disabled():
        print(f"\n{len(chosen)} trees\n{table(made)}", flush=True)
    assert not wrongs(made)
    assert not refusals(made)
    assert {one.result for one in made} == {"ok"}


OPTIONS = [
    pytest.param(Options(only_add=True), id="only-add"),
    pytest.param(Options(skip_root=True), id="skip-root"),
]


@pytest.mark.parametrize("options", OPTIONS)
def test_options_change_no_verdict(options: Options) -> None:
    made = [
        planned(tree(release, profile), "sshd", Dialect.UPSTREAM_1_5, options)
        for release in Release
        for profile in PROFILES[release]
    ]
    judge_all(libpam(OLD), made, [Dialect.UPSTREAM_1_5, Dialect.UPSTREAM_1_7])
    assert not wrongs(made)
    assert not refusals(made)
    unmet = {one.group for each in made if each.plan for one in each.plan.after if one.problem}
    assert unmet == ({ManagementGroup.PASSWORD} if options.only_add else set())


@pytest.mark.parametrize("feature", ["", pytest.param(KEYRING)])
@pytest.mark.parametrize("service", ["login", "remote"])
def test_other_logins_can_be_asked_for(service: str, feature: str) -> None:
    features = (feature,) if feature else ()
    made = [
        planned(tree(Release.EL9, profile, features), service, Dialect.UPSTREAM_1_5)
        for profile in PROFILES[Release.EL9]
        if not feature or profile != "minimal"
    ]
    judge_all(libpam(OLD), made, [Dialect.UPSTREAM_1_5])
    assert not wrongs(made)
    assert not refusals(made)
    assert {one.result for one in made} == {"ok"}


@pytest.mark.parametrize("service", ["su", "su-l", "sudo", "polkit-1", "vlock", "gdm-password"])
def test_no_other_service_is_harmed(service: str) -> None:
    made = [
        planned(tree(release, "sssd", features), service, Dialect.UPSTREAM_1_5)
        for release in (Release.EL8, Release.EL9, Release.FEDORA)
        for features in ((), ("with-faillock",), (KEYRING,))
    ]
    judge_all(libpam(OLD), made, [Dialect.UPSTREAM_1_5])
    assert not wrongs(made)


BREAKAGES = {
    "lets everybody in": (b"auth       substack", b"auth sufficient pam_gnome_keyring.so\n"),
    "locks out": (b"auth       include", b"auth required pam_gnome_keyring.so\n"),
    "skips another module": (
        b"session required pam_loginuid.so",
        b"session [success=1 default=ignore] pam_gnome_keyring.so auto_start\n",
    ),
    "is never reached": (b"account    required     pam_sepermit.so", b""),
}


@pytest.mark.parametrize("what", BREAKAGES)
def test_the_judge_sees_a_rule_that(what: str) -> None:
    root = libpam_of(Release.EL9)
    made = planned(tree(Release.EL9, "sssd"), "sshd", Dialect.UPSTREAM_1_5)
    assert made.plan is not None
    before, rule = BREAKAGES[what]
    edit = Edit(made.plan.content.index(before), b"", rule, 0, "")
    made.plan = made.plan._replace(edits=(edit,))
    judge_all(root, [made], [], stories=0)
    assert made.wrong
