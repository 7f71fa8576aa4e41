from __future__ import annotations

import pytest

UNIX = "auth required pam_unix.so\naccount required pam_unix.so\nsession required pam_unix.so\n"
DIRECTORIES = {
    "before": UNIX,
    "harmless": f"# reviewed\n{UNIX}",
    "open": f"auth sufficient pam_permit.so\n{UNIX}",
    "shut": f"auth requisite pam_deny.so\n{UNIX}",
}


@pytest.fixture
def place(tmp_path):
    """Return a function that gives a copy of /etc/pam.d by its name."""
    for name, text in DIRECTORIES.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "sshd").write_text(text)
    return lambda name: str(tmp_path / name)


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_harmless_change_passes(run, place, check_mode):
    done = run(
        "pam_judge",
        check_mode=check_mode,
        before=place("before"),
        after=place("harmless"),
        services=["sshd"],
        fail_on="any",
    )
    assert "failed" not in done
    assert (done["changed"], done["judged"], done["found"]) == (False, True, False)


@pytest.mark.parametrize(("after", "group"), [("open", "let_in"), ("shut", "locked_out")])
def test_a_finding_fails_on_demand_with_its_counterexample(run, place, after, group):
    given = {"before": place("before"), "after": place(after), "services": ["sshd"]}
    assert "failed" not in run("pam_judge", **given)
    done = run("pam_judge", **given, fail_on=[group])
    assert done["failed"]
    assert done[group] == ["sshd"]
    assert "returns" in done["msg"]


def test_a_group_that_does_not_exist_is_refused(run, place):
    done = run("pam_judge", before=place("before"), fail_on=["let-in"])
    assert done["failed"]
    assert "fail_on" in done["msg"]


def test_a_name_that_is_a_path_is_refused(run):
    assert "name of a snapshot" in run("pam_judge", name="../etc/shadow")["msg"]
