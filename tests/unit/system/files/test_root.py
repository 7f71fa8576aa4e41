from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import pytest

from creds_session.errors import CredsSessionError, InvalidData, NoSuchFile, NotPermitted
from creds_session.system.files.root import MAX_LINKS, Root
from tests.unit.children import run_child

OUTSIDE = b"of the machine itself\n"


@pytest.fixture
def root(tmp_path: Path) -> Root:
    """Make an image beside a file that is not part of it."""
    (tmp_path / "secret").write_bytes(OUTSIDE)
    image = tmp_path / "image"
    (image / "etc" / "pam.d").mkdir(parents=True)
    (image / "etc" / "pam.d" / "sshd").write_bytes(b"inside\n")
    return Root(image)


def link(root: Root, path: str, target: str) -> None:
    place = root.path(path)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(target)


@pytest.mark.parametrize(
    ("path", "target", "asked", "resolved"),
    [
        ("/a", "/etc/pam.d", "/a/sshd", "/etc/pam.d/sshd"),
        ("/a", "etc/pam.d", "/a/sshd", "/etc/pam.d/sshd"),
        ("/usr/lib/a", "../../etc", "/usr/lib/a/pam.d/sshd", "/etc/pam.d/sshd"),
        ("/a", "../../../../etc", "/a/pam.d", "/etc/pam.d"),
        ("/a", "/../../etc", "/a/pam.d", "/etc/pam.d"),
        ("/a", "/", "/a/a/a/etc", "/etc"),
        ("/a", "nothing", "/a/b", "/nothing/b"),
        ("/a", "x", "//etc/./pam.d//", "/etc/pam.d"),
        ("/a", "x", "/etc/../../../etc", "/etc"),
        ("/a", "x", "/", "/"),
    ],
)
def test_resolve_follows_links_inside_the_root(
    root: Root, path: str, target: str, asked: str, resolved: str
) -> None:
    link(root, path, target)
    assert root.resolve(asked) == resolved


def test_resolve_never_leads_out_of_the_root(root: Root, tmp_path: Path) -> None:
    for number, target in enumerate([str(tmp_path), "../..", "/..", "../../../../../.."]):
        link(root, f"/out{number}", target)
        assert root.read(f"/out{number}/secret") is None
        assert not root.exists(f"/out{number}/secret")
    assert root.read("/../secret") is None
    assert root.read("/etc/../../secret") is None


@pytest.mark.parametrize("target", ["/a", "a", "./etc/../a"])
def test_resolve_refuses_a_loop(root: Root, target: str) -> None:
    link(root, "/a", target)
    with pytest.raises(InvalidData, match="/a/x: too many symbolic links"):
        root.resolve("/a/x")


def test_resolve_knows_no_way_through_what_is_not_there(root: Root) -> None:
    link(root, "/a", "gone/../etc")
    for path in ("/a", "/gone/../etc", "/etc/pam.d/sshd/x"):
        assert root.resolve(path) is None
        assert not os.path.exists(f"{root.directory}{path}")  # noqa: PTH110 - the kernel's answer
        assert not root.exists(path)
        assert root.read(path) is None


@pytest.mark.parametrize(("length", "fits"), [(MAX_LINKS, True), (MAX_LINKS + 1, False)])
def test_resolve_follows_as_many_links_as_the_kernel(
    root: Root,
    length: int,
    fits: bool,
) -> None:
    for number in range(1, length):
        link(root, f"/l{number}", f"l{number + 1}")
    link(root, f"/l{length}", "etc/pam.d/sshd")
    kernel = os.path.exists(root.path("/l1"))  # noqa: PTH110 - the kernel's own answer
    assert kernel is fits
    if fits:
        assert root.read("/l1") == b"inside\n"
    else:
        with pytest.raises(InvalidData):
            root.read("/l1")


def test_an_entry_is_in_the_directory_that_links_lead_to_and_may_be_a_link_itself(
    root: Root, tmp_path: Path
) -> None:
    link(root, "/conf", "/etc")
    link(root, "/etc/pam.d/other", str(tmp_path / "secret"))
    with root.entry("/conf/pam.d/other") as entry:
        assert entry is not None
        assert (entry.directory.path, entry.name) == (root.path("/etc/pam.d"), "other")
        with pytest.raises(InvalidData, match="a symbolic link to"):
            entry.refuse_unless_plain("other")
    assert root.exists("/conf/pam.d/other", last=False)
    assert not root.exists("/conf/pam.d/other")
    assert root.resolve("/conf/pam.d/other") == str(tmp_path / "secret")


@pytest.mark.parametrize("path", ["/", "/..", "/gone/x", "/etc/pam.d/sshd/x"])
def test_there_is_no_entry_without_a_directory_above(root: Root, path: str) -> None:
    with root.entry(path) as entry:
        assert entry is None


def test_missing_directories_are_made_where_links_lead(root: Root) -> None:
    link(root, "/conf", "/usr/../opt")
    with pytest.raises(InvalidData, match="is not a directory"):
        root.missing_directories("/conf/a/b/file")  # as the kernel: /usr does not exist
    root.path("/usr").mkdir()
    assert root.missing_directories("/conf/a/b/file") == ("/opt", "/opt/a", "/opt/a/b")
    with root.entry_to_write("/conf/a/b/file") as entry:
        assert entry.directory.path == root.path("/opt/a/b")
    assert root.path("/opt/a").stat().st_mode & 0o7777 == 0o755
    assert root.missing_directories("/conf/a/b/file") == ()
    with pytest.raises(InvalidData, match="is not a directory"):
        root.missing_directories("/etc/pam.d/sshd/x/file")


def test_sweep_takes_a_name_by_its_letters_and_no_file_that_is_not_ours(root: Root) -> None:
    names = ".a[bc].creds-1 .ab.creds-1 .a*.creds-1 .a*.creds-x.conf .a*.creds-"
    for name in names.split():
        root.path(f"/etc/{name}").touch()
    root.path("/etc/.a*.creds-2").mkdir()
    for path in ("/etc/a[bc]", "/etc/a*"):
        with root.entry(path) as entry:
            assert entry is not None
            entry.sweep()
    left = {".ab.creds-1", ".a*.creds-x.conf", ".a*.creds-", ".a*.creds-2", "pam.d"}
    assert set(root.names("/etc")) == left


def test_the_root_is_the_directory_that_was_opened_whatever_has_its_name_later(
    root: Root, tmp_path: Path
) -> None:
    opened = Root.at(str(root.directory))
    root.directory.rename(tmp_path / "moved")
    (tmp_path / "outside/etc/pam.d").mkdir(parents=True)
    (tmp_path / "outside/etc/pam.d/sshd").write_bytes(OUTSIDE)
    root.directory.symlink_to(tmp_path / "outside")
    assert opened.read("/etc/pam.d/sshd") == b"inside\n"


def test_the_root_that_a_person_names_may_be_relative_and_a_link_of_their_own(
    root: Root, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "link").symlink_to("image")
    monkeypatch.chdir(tmp_path)
    for name in ("image", "link", "./x/../link/", str(tmp_path / "link")):
        (tmp_path / "x").mkdir(exist_ok=True)
        assert Root.at(name).read("/etc/pam.d/sshd") == b"inside\n"
        assert Root.at(name).directory == root.directory
    for name in ("gone", "secret", "secret/x"):
        with pytest.raises(NoSuchFile, match="no such directory"):
            Root.at(name)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
@pytest.mark.parametrize("theirs", ["link", "directory"])
def test_a_link_of_another_user_is_no_root(public: Path, theirs: str) -> None:
    """That user could let it lead to ``/`` a moment after root looked."""
    above = public / "home"
    above.mkdir()
    (above / "image").symlink_to("/")
    os.chown(above if theirs == "directory" else above / "image", 4712, -1, follow_symlinks=False)
    with pytest.raises(InvalidData, match="a link that user id 4712 can lead anywhere"):
        Root.at(str(above / "image"))


def test_read_returns_none_for_what_is_not_there(root: Root) -> None:
    link(root, "/dangling", "/gone")
    for path in ("/gone", "/dangling", "/etc/pam.d/sshd/x", "/gone/x"):
        assert root.read(path) is None
        assert not root.exists(path)
    assert root.exists("/etc/pam.d/sshd")
    assert root.exists("/etc")


def test_read_has_a_limit(root: Root) -> None:
    assert root.read("/etc/pam.d/sshd", limit=7) == b"inside\n"
    with pytest.raises(InvalidData, match="larger than 6 bytes"):
        root.read("/etc/pam.d/sshd", limit=6)


@pytest.mark.timeout(10)
def test_read_refuses_what_is_no_file_and_does_not_wait(root: Root) -> None:
    os.mkfifo(root.path("/fifo"))
    link(root, "/linked", "fifo")
    for path in ("/fifo", "/linked"):
        with pytest.raises(InvalidData, match=f"{path}: is a FIFO, not a regular file"):
            root.read(path)


def test_read_never_opens_a_device(root: Root, tmp_path: Path) -> None:
    os.mkfifo(root.path("/device"))
    told = tmp_path / "told"

    def look() -> None:
        log = os.open(told, os.O_WRONLY | os.O_CREAT)

        def watch(event: str, arguments: tuple[object, ...]) -> None:
            if event == "open" and isinstance(arguments[2], int) and not arguments[2] & os.O_PATH:
                os.write(log, f"{arguments[0]}\n".encode())

        sys.addaudithook(watch)
        with pytest.raises(InvalidData, match="not a regular file"):
            root.read("/device")

    assert run_child(look) == 0
    assert told.read_text() == ""


def test_read_does_not_take_a_missing_proc_for_a_missing_file(
    root: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.open

    def without_proc(path: str, flags: int, *, dir_fd: int | None = None) -> int:
        return real(str(path).replace("/proc/", "/gone/"), flags, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", without_proc)
    with pytest.raises(InvalidData, match="/proc is not mounted"):
        root.read("/etc/pam.d/sshd")


def test_read_follows_no_link_that_took_the_files_place_meanwhile(
    root: Root, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The links were followed inside the root; the kernel would follow a new one out of it."""
    real, place, looks = os.open, root.path("/etc/pam.d/sshd"), []

    def after_a_swap(path: str | Path, flags: int, *, dir_fd: int | None = None) -> int:
        looks.extend([path] if path == "sshd" else [])
        if len(looks) > 1:  # it was seen to be a file, and is now opened as one
            monkeypatch.setattr(os, "open", real)
            place.unlink()
            place.symlink_to(tmp_path / "secret")
        return real(path, flags, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", after_a_swap)
    with pytest.raises(InvalidData, match="not a regular file"):
        root.read("/etc/pam.d/sshd")


def test_names_are_sorted_and_none_where_there_is_no_folder(root: Root) -> None:
    root.path("/etc/pam.d/a").touch()
    link(root, "/linked", "/etc/pam.d")
    assert root.names("/linked") == ["a", "sshd"]
    assert root.names("/gone") == []
    assert root.names("/etc/pam.d/a") == []


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_what_is_denied_is_not_there(public: Path) -> None:
    root = Root(public)
    root.path("/etc/pam.d").mkdir(parents=True)
    root.path("/etc").chmod(0o700)

    def look() -> None:
        os.setuid(65_534)
        assert root.exists("/etc")
        assert not root.exists("/etc/pam.d")
        for read in (root.names, root.read):
            with pytest.raises(NotPermitted, match=r"/etc/pam\.d: cannot be read"):
                read("/etc/pam.d")

    assert run_child(look) == 0


@pytest.mark.parametrize(
    "path",
    [
        "/etc",
        "/socket",
        "/" + "x" * 300,
        "/a\0b",
    ],
)
def test_read_tells_what_cannot_be_opened_in_our_own_words(root: Root, path: str) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(root.path("/socket")))
        with pytest.raises(CredsSessionError):
            root.read(path)


def test_root_is_the_running_system_under_any_name(root: Root) -> None:
    assert Root().is_running_system
    assert Root(Path("/..")).is_running_system
    assert Root(Path("/proc/self/root")).is_running_system
    assert not root.is_running_system


def test_a_relative_path_in_a_directory_that_is_gone_is_a_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(NoSuchFile, match="image: no such directory"):
        Root.at("image")
