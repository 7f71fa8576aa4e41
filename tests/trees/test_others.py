"""Trees of SUSE, Arch, Alpine, Void and Gentoo, judged by the real libpam and by our simulation."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.trees.bench import dialect_of, judge_all, planned
from tests.trees.commands import cycle, dead_ends
from tests.trees.libpam import NEW, libpam, refusals, table, wrongs
from tests.trees.others import trees

KINDS = ("suse", "gentoo", "arch", "void", "alpine")


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", KINDS)
def test_no_verdict_changes_and_every_rule_is_reached(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = libpam(NEW)
    chosen = [one for one in trees() if one.kind == kind]
    made = [planned(one, name, dialect_of(one)) for one in chosen for name in ("sshd", "passwd")]
    judge_all(root, made, {dialect_of(one) for one in chosen})
    with capsys.disabled():
        print(f"\n{table(made)}", flush=True)
    assert not wrongs(made)
    assert not refusals(made)
    assert {one.result for one in made} == {"ok"}
    place = tmp_path / "root"
    chosen[-1].write(place)
    done, wrong = cycle(place)
    assert not wrong, done


def test_the_rules_of_pam_config_itself_block_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The rules that pam-config writes stand before the password is known, and start no daemon."""
    root = libpam(NEW)
    chosen = [one for one in trees() if one.kind == "suse with gnome_keyring"]
    made = [planned(one, name, dialect_of(one)) for one in chosen for name in ("sshd", "passwd")]
    judge_all(root, made, {dialect_of(one) for one in chosen})
    with capsys.disabled():
        print(f"\n{table(made)}", flush=True)
    assert not wrongs(made)
    assert "sshd" not in {one.service for one in made if one.refused}
    wrong = [
        text for index, one in enumerate(chosen) for text in dead_ends(one, tmp_path / str(index))
    ]
    assert not wrong, "\n".join(wrong[:5])
