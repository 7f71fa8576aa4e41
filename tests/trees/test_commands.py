"""check, apply, check, apply and revert, on the trees as directories for ``--root``."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.depth import TREE_COMMANDS, TREES
from tests.trees.authselect import KEYRING, Release
from tests.trees.commands import cycle
from tests.trees.redhat import trees

CLASSES = [
    pytest.param("", id="without-the-keyrings-feature"),
    pytest.param(KEYRING, id="with-the-keyrings-feature"),
]


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("feature", CLASSES)
def test_a_change_is_made_once_and_reverted(
    tmp_path: Path, feature: str, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = [one for one in trees(TREES) if (KEYRING in one.name) == bool(feature)]
    chosen = chosen[::TREE_COMMANDS]
    wrong = []
    for index, one in enumerate(chosen):
        root = tmp_path / str(index)
        one.write(root)
        done, found = cycle(root)
        wrong += [f"{one.name}: {what}" for what in found]
        if done[1].code != 0:
            wrong.append(f"{one.name}: apply ended with {done[1].code}: {done[1].told}")
    with capsys.disabled():
        print(f"\n{len(chosen)} trees, {feature}: {len(wrong)} wrong")
    assert not wrong, "\n".join(wrong[:5])
    assert len({release for release in Release for one in chosen if release.name in one.name}) >= 3
