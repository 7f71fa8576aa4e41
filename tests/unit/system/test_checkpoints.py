from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from creds_session.errors import InvalidData
from creds_session.system.checkpoints import (
    FINAL,
    IN_PROGRESS,
    SavedEdit,
    SavedFile,
    load_all,
    save,
    sweep,
)
from creds_session.system.files import Attributes
from tests.unit.children import run_child

ODD = bytes(range(256)) + "ü\n".encode()
FILES = (
    SavedFile(
        "/etc/pam.d/sshd",
        ODD,
        ODD + b"x",
        Attributes(0o640, 12, 34, (("user.a", b"\0\xff"), ("system.posix_acl_access", b"\x02"))),
        (SavedEdit(3, b"", b"new \xfe"), SavedEdit(5, b"old\xff", b"new\xff")),
    ),
    SavedFile("/etc/new", None, b"", None),
    SavedFile("/etc/empty", b"", b"more", Attributes(0, 0, 0, ())),
)


def test_save_and_load_give_the_same_values(tmp_path: Path) -> None:
    saved = save(tmp_path / "checkpoints", FILES, ("/etc/made", "/etc"))
    assert (saved.state, saved.files, saved.made_directories) == (
        IN_PROGRESS,
        FILES,
        ("/etc/made", "/etc"),
    )
    assert [*load_all(tmp_path / "checkpoints")] == [saved]


def test_finalized_is_kept(tmp_path: Path) -> None:
    final = save(tmp_path, FILES, ()).finalized()
    assert final.state == FINAL
    assert [*load_all(tmp_path)] == [final]


def test_with_written_is_kept_and_is_all_for_a_manifest_that_does_not_say(tmp_path: Path) -> None:
    recorded = save(tmp_path, FILES, ()).with_written("/etc/new")
    assert recorded.written == ("/etc/new",)
    assert [*load_all(tmp_path)] == [recorded]
    path = recorded.folder / "manifest.json"
    manifest = json.loads(path.read_bytes())
    del manifest["written"]
    path.write_text(json.dumps(manifest))
    assert next(load_all(tmp_path)).written == tuple(file.path for file in FILES)


def test_checkpoints_are_for_root_alone(tmp_path: Path) -> None:
    folder = save(tmp_path / "checkpoints", FILES, ()).folder
    assert [one.stat().st_mode & 0o777 for one in (folder.parent, folder)] == [0o700, 0o700]
    assert {one.stat().st_mode & 0o777 for one in folder.iterdir()} == {0o600}


def test_load_all_has_the_newest_first_also_past_a_gap(tmp_path: Path) -> None:
    made = [save(tmp_path, FILES, ()) for _ in range(11)]
    made[3].discard()
    newest = save(tmp_path, (), ())
    loaded = [*load_all(tmp_path)]
    assert loaded[0] == newest
    assert [one.folder.name for one in loaded] == sorted(
        (one.folder.name for one in loaded), reverse=True
    )
    assert len(loaded) == 11


def test_sweep_removes_what_has_no_manifest_and_load_all_removes_nothing(tmp_path: Path) -> None:
    saved = save(tmp_path, FILES, ())
    (tmp_path / "000007").mkdir()
    (tmp_path / "000007" / "0").write_bytes(b"x")
    (tmp_path / "notes").mkdir()
    assert [*load_all(tmp_path)] == [saved]
    assert (tmp_path / "000007" / "0").exists()
    sweep(tmp_path)
    assert [*load_all(tmp_path)] == [saved]
    assert sorted(one.name for one in tmp_path.iterdir()) == ["000001", "notes"]
    assert [*load_all(tmp_path / "nothing")] == []
    sweep(tmp_path / "nothing")


@pytest.mark.parametrize("content", [b"", ODD, ODD + b"\n"])
def test_load_all_refuses_a_damaged_copy(tmp_path: Path, content: bytes) -> None:
    folder = save(tmp_path, FILES, ()).folder
    (folder / "0").write_bytes(content)
    if content == ODD:
        assert [*load_all(tmp_path)]
        return
    with pytest.raises(InvalidData, match=r"the saved copy of /etc/pam.d/sshd is damaged"):
        [*load_all(tmp_path)]


def test_load_all_refuses_a_missing_copy(tmp_path: Path) -> None:
    folder = save(tmp_path, FILES, ()).folder
    (folder / "0").unlink()
    with pytest.raises(InvalidData, match=r"manifest"):
        [*load_all(tmp_path)]


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"{}", b'{"schema": 1}', b'{"schema": 1, "files": [{}]}', b"\xff", b"7"],
)
def test_load_all_refuses_a_manifest_that_cannot_be_read(tmp_path: Path, content: bytes) -> None:
    folder = save(tmp_path, FILES, ()).folder
    (folder / "manifest.json").write_bytes(content)
    with pytest.raises(InvalidData, match=r"manifest\.json: not a manifest"):
        [*load_all(tmp_path)]


def test_load_all_refuses_a_newer_manifest(tmp_path: Path) -> None:
    path = save(tmp_path, FILES, ()).folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_bytes()), "schema": 2}))
    with pytest.raises(InvalidData, match="newer"):
        [*load_all(tmp_path)]


def test_discard_forgets_it(tmp_path: Path) -> None:
    saved = save(tmp_path, FILES, ())
    saved.discard()
    assert [*load_all(tmp_path)] == []


def test_discard_removes_the_manifest_first(tmp_path: Path) -> None:
    saved = save(tmp_path, FILES[-1:] * 50, ())

    def discard() -> None:
        removed: list[str] = []

        def watch(event: str, arguments: tuple[object, ...]) -> None:
            if event in {"os.remove", "os.rename"}:
                removed.append(Path(str(arguments[0])).name)

        sys.addaudithook(watch)
        saved.discard()
        assert removed[0] in {"manifest.json", saved.folder.name}

    assert run_child(discard) == 0
