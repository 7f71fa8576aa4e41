"""Trees of Debian, written by the real pam-auth-update, judged by the libpam of their release."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.depth import NIGHTLY, TREE_COMMANDS
from tests.trees.bench import Judgement, dialect_of, judge_all, planned
from tests.trees.commands import cycle, dead_ends
from tests.trees.debian import profile_folder, selections, trees
from tests.trees.libpam import NEW, OLD, libpam, refusals, table, wrongs
from tests.trees.tree import Tree

SERVICES = ("sshd", "passwd", "login")


@pytest.fixture(scope="module", params=[OLD, NEW])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Tree]:
    libpam(request.param)
    place = tmp_path_factory.mktemp(request.param)
    folder = profile_folder(request.param, place)
    return list(trees(request.param, place, folder, selections(folder, pairs=NIGHTLY)))


def is_of_sssd(tree: Tree) -> bool:
    """Return whether the profile of libpam-sss is on, whose password rule ends the stack."""
    return "sss" in tree.name.split()


@pytest.mark.timeout(7200)
def test_no_verdict_changes_and_every_rule_is_reached(
    made: list[Tree], capsys: pytest.CaptureFixture[str]
) -> None:
    judged = [planned(one, name, dialect_of(one)) for one in made for name in SERVICES]
    judge_all(libpam(made[0].name.split()[0]), judged, [])
    of_others = [one for one in judged if not is_of_sssd(one.tree)]
    with capsys.disabled():
        print(f"\n{len(made)} trees\n{table(brief(judged))}", flush=True)
    assert not wrongs(judged)
    assert not refusals(of_others)
    assert {one.result for one in of_others} == {"ok"}


def brief(judged: list[Judgement]) -> list[Judgement]:
    """Count the trees with sssd and the trees without it."""
    for one in judged:
        release, *_ = one.tree.name.split()
        kind = f"{release} with sssd" if is_of_sssd(one.tree) else release
        one.tree = one.tree._replace(kind=kind)
    return judged


def test_a_refusal_is_reported_with_the_tool_and_a_remedy(made: list[Tree], tmp_path: Path) -> None:
    of_sssd = [one for one in made if is_of_sssd(one)]
    assert of_sssd
    wrong = [
        text for index, one in enumerate(of_sssd) for text in dead_ends(one, tmp_path / str(index))
    ]
    assert not wrong, "\n".join(wrong[:5])


def test_the_remedy_of_the_profile_helps(made: list[Tree], tmp_path: Path) -> None:
    """With the keyring's profile turned off, sshd and passwd get rules of their own."""
    for index, one in enumerate(one for one in made if is_of_sssd(one)):
        files = {name: without_keyring(content) for name, content in one.files.items()}
        one._replace(files=files).write(tmp_path / str(index))
        done, wrong = cycle(tmp_path / str(index))
        assert not wrong, done
        assert [each.code for each in done] == [1, 0, 0, 0, 0], done


def without_keyring(content: bytes) -> bytes:
    """Take the lines of the keyring's profile out, as pam-auth-update does."""
    lines = content.splitlines(keepends=True)
    return b"".join(line for line in lines if b"pam_gnome_keyring.so" not in line)


@pytest.mark.timeout(7200)
def test_a_change_is_made_once_and_reverted(made: list[Tree], tmp_path: Path) -> None:
    chosen = [one for one in made if not is_of_sssd(one)][::TREE_COMMANDS]
    wrong = []
    for index, one in enumerate(chosen):
        root = tmp_path / str(index)
        one.write(root)
        done, found = cycle(root)
        wrong += [f"{one.name}: {what}: {[each.told for each in done]}" for what in found]
    assert not wrong, "\n".join(wrong[:5])
