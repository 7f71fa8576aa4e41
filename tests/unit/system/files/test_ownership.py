from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from creds_session.system.files.ownership import weakness
from creds_session.system.files.path_parts import parts

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
ALICE = 4712
ON = "theirs/on"


def test_every_link_and_directory_on_the_way_is_given(tmp_path: Path) -> None:
    top = tmp_path.resolve()
    (top / "real" / "below").mkdir(parents=True)
    (top / "second").symlink_to("real")
    (top / "first").symlink_to(top / "second" / "below")
    way = list(parts(f"{top}/first/../none/never"))
    assert way[0].path == "/"
    below = [(one.path[len(f"{top}/") :], one) for one in way if one.path.startswith(f"{top}/")]
    assert [path for path, _ in below] == ["first", "second", "real", "real/below", "real/none"]
    assert [one.target for _, one in below] == [f"{top}/second/below", "real", None, None, None]
    assert below[-1][1].status is None


def test_a_loop_of_links_ends(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(OSError, match="Too many levels"):
        list(parts(str(tmp_path / "loop")))
    found = weakness(str(tmp_path / "loop"))
    assert found is not None


def test_a_relative_path_begins_at_the_current_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert [one.path for one in parts("x")][-1] == f"{tmp_path.resolve()}/x"


@needs_root
def test_root_alone_decides_its_own_places(place: Path) -> None:
    (place / "file").touch()
    (place / "link").symlink_to("file")
    for path in (place, place / "file", place / "link", place / "not/yet", Path("/usr/bin/env")):
        assert weakness(str(path)) is None
        assert weakness(str(path), strict=True, with_content=True) is None
    assert weakness("/dev/null/not/a/folder") is None


OWNED, WRITABLE = f"belongs to user id {ALICE}", "can be changed by others"
SPOILED = {
    "the owner of a directory": (f"chown {ALICE} way", "way", OWNED),
    "the owner of the end": (f"chown {ALICE} way/end", "way/end", OWNED),
    "everybody": ("chmod 757 way", "way", WRITABLE),
    "a group": (f"chgrp {ALICE} way; chmod 775 way", "way", WRITABLE),
    "an access list": (f"setfacl -m u:{ALICE}:rwx way", "way", WRITABLE),
    "the owner of a link": (f"mv way real; ln -s real way; chown -h {ALICE} way", "way", OWNED),
    "a link that passes through a directory of theirs": (
        f"mv way real; mkdir theirs; chown {ALICE} theirs; ln -s ../real theirs/on; ln -s {ON} way",
        "theirs",
        OWNED,
    ),
}


def if_there_is_setfacl(kind: str) -> list[pytest.MarkDecorator]:
    if "setfacl" not in SPOILED[kind][0]:
        return []
    return [pytest.mark.skipif(shutil.which("setfacl") is None, reason="needs setfacl")]


@needs_root
@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=if_there_is_setfacl(kind)) for kind in SPOILED]
)
def test_the_part_that_somebody_else_can_change_is_named(place: Path, kind: str) -> None:
    script, part, reason = SPOILED[kind]
    script = f"mkdir way; touch way/end; {script}"
    subprocess.run(["sh", "-ec", script], cwd=place, check=True)
    for strict in (False, True):
        found = weakness(str(place / "way" / "end"), strict=strict)
        assert found is not None
        assert str(found).startswith(f"{place / part} {reason}")
        assert found.uid == (ALICE if reason is OWNED else 0)


@needs_root
def test_a_sticky_directory_and_the_group_root_are_safe_for_what_is_there_now(place: Path) -> None:
    (place / "way").mkdir()
    (place / "way" / "end").touch()
    for mode in (0o1777, 0o775):
        (place / "way").chmod(mode)
        assert weakness(str(place / "way" / "end")) is None
        assert weakness(str(place / "way" / "end"), strict=True) is not None
    (place / "way").chmod(0o1777)
    assert weakness(str(place / "way" / "not yet")) is not None


@needs_root
def test_what_others_can_write_at_the_end_counts_if_it_is_asked(place: Path) -> None:
    (place / "end").touch()
    (place / "end").chmod(0o666)
    assert weakness(str(place / "end"), strict=True) is None
    found = weakness(str(place / "end"), strict=True, with_content=True)
    assert found is not None
    assert found.path == str(place / "end")
