from __future__ import annotations

import os
from pathlib import Path

import pytest

from creds_session.pam.syntax.terms import Dialect
from creds_session.probe.installation import (
    dialect_assumption,
    find_pam_module,
    probe_dialect,
    probe_first_login,
    probe_installation,
)
from creds_session.probe.pam_files import probe_pam
from creds_session.probe.snapshot import probe
from creds_session.setup_pam.apply import apply
from creds_session.setup_pam.plan import plan_setup
from creds_session.system.files.root import Root
from tests.unit.children import run_child
from tests.unit.examples import WITHOUT_RULES
from tests.unit.images import make_image

UNIT = "/usr/lib/systemd/user/gnome-keyring-daemon.socket"
ETC_UNIT = "/etc/systemd/user/gnome-keyring-daemon.socket"
WANTS = "sockets.target.wants/gnome-keyring-daemon.socket"
DROP_IN = f"{ETC_UNIT}.d/x.conf"
CONDITION = b"[Unit]\nConditionPathExists=%h/.local/share/keyrings/login.keyring\n"


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root(tmp_path / "image")


def write(root: Root, path: str, content: bytes = b"") -> None:
    root.path(path).parent.mkdir(parents=True, exist_ok=True)
    root.path(path).write_bytes(content)


def link(root: Root, path: str, target: object) -> None:
    root.path(path).parent.mkdir(parents=True, exist_ok=True)
    root.path(path).symlink_to(str(target))


@pytest.mark.parametrize(
    ("version", "dialect"),
    [
        (b"1.5.2-6+deb12u1", Dialect.of("1.5.2", debian=True)),
        (b"1.7.0-5", Dialect.of("1.7.0", debian=True)),
        (b"1:1.5.2-6", Dialect.of("1.5.2", debian=True)),
    ],
)
def test_probe_dialect_reads_the_version_of_libpam(
    root: Root, version: bytes, dialect: Dialect
) -> None:
    other = b"Package: libpam-modules\nVersion: 9.9.9\n\n"
    ours = b"Package: libpam0g\nStatus: install ok installed\nVersion: " + version + b"\n\n"
    write(root, "/var/lib/dpkg/status", other + ours + other)
    assert probe_dialect(root) is dialect


def test_probe_dialect_is_upstream_where_nothing_tells(root: Root) -> None:
    assert probe_dialect(root) is Dialect.UPSTREAM_1_7
    write(root, "/var/lib/dpkg/status", b"Package: libpam-modules\nVersion: 1.5.2\n")
    assert probe_dialect(root) is Dialect.UPSTREAM_1_7


@pytest.mark.parametrize(
    ("os_release", "dialect", "assumed"),
    [
        (b"ID=debian\nVERSION_ID=12\n", Dialect.DEBIAN_1_5, "libpam before 1.6"),
        (b"ID=debian\nVERSION_ID=13\n", Dialect.DEBIAN_1_7, "libpam 1.6 or later"),
        (b"ID=mint\nID_LIKE='ubuntu debian'\n", Dialect.DEBIAN_1_7, "libpam 1.6 or later"),
        (b"ID=rocky\nID_LIKE=rhel\nVERSION_ID=9\n", Dialect.UPSTREAM_1_5, ""),
    ],
)
@pytest.mark.parametrize("path", ["/etc/os-release", "/usr/lib/os-release"])
def test_without_a_list_of_packages_the_release_decides_and_that_is_said(
    root: Root, path: str, os_release: bytes, dialect: Dialect, assumed: str
) -> None:
    write(root, path, os_release)
    assert probe_dialect(root) is dialect
    assert assumed in dialect_assumption(root)
    assert bool(dialect_assumption(root)) is bool(assumed)
    write(root, "/var/lib/dpkg/status", b"Package: libpam0g\nVersion: 1.7.0-5\n")
    assert probe_dialect(root) is Dialect.DEBIAN_1_7
    assert dialect_assumption(root) == ""


def test_probe_installation_names_paths_of_the_root(root: Root) -> None:
    assert probe_installation(root).daemon is None
    write(root, "/usr/bin/gnome-keyring-daemon")
    write(root, "/usr/sbin/sshd")
    write(root, "/usr/lib64/security/pam_gnome_keyring.so")
    write(root, "/etc/os-release", b"ID=fedora\n\xff")
    found = probe_installation(root)
    assert (found.daemon, found.sshd, found.pam_module, found.os_release) == (
        "/usr/bin/gnome-keyring-daemon",
        "/usr/sbin/sshd",
        "/usr/lib64/security/pam_gnome_keyring.so",
        "ID=fedora\n�",
    )


def test_find_pam_module_knows_the_folders_of_debian(root: Root) -> None:
    write(root, "/usr/lib/aarch64-linux-gnu/security/pam_gnome_keyring.so")
    found = "/usr/lib/aarch64-linux-gnu/security/pam_gnome_keyring.so"
    assert find_pam_module(root) == found


@pytest.mark.parametrize("folder", ["/lib64", "/lib/x86_64-linux-gnu", "/lib"])
def test_the_module_is_found_if_lib_is_a_directory_of_its_own(tmp_path: Path, folder: str) -> None:
    root = Root(tmp_path)
    write(root, f"{folder}/security/pam_gnome_keyring.so")
    assert find_pam_module(root) == f"{folder}/security/pam_gnome_keyring.so"


def test_find_pam_module_follows_a_link_of_the_root(root: Root) -> None:
    write(root, "/system/lib/x86_64-linux-gnu/security/pam_gnome_keyring.so")
    link(root, "/usr/lib", "/system/lib")
    assert find_pam_module(root) == "/usr/lib/x86_64-linux-gnu/security/pam_gnome_keyring.so"


def test_probe_pam_reads_every_file_and_says_which_it_could_not(root: Root, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"outside\n")
    write(root, "/etc/pam.d/sshd", b"a\n")
    write(root, "/usr/lib/pam.d/other", b"b\n")
    write(root, "/etc/pam.d/huge", b"x" * (1 << 20) + b"x")
    link(root, "/etc/pam.d/out", tmp_path / "secret")
    link(root, "/etc/pam.d/loop", "loop")
    root.path("/etc/pam.d/folder").mkdir()
    facts = probe_pam(root, "sshd")
    assert facts.files == {"/etc/pam.d/sshd": b"a\n", "/usr/lib/pam.d/other": b"b\n"}
    assert [name for name in ("folder", "huge", "loop") if name not in facts.reason] == []


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_probe_pam_says_which_folder_it_may_not_look_at(public: Path) -> None:
    root = Root(public)
    write(root, "/etc/pam.d/sshd", b"a\n")
    write(root, "/usr/lib/pam.d/sshd", b"b\n")
    root.path("/etc/pam.d").chmod(0o700)

    def look() -> None:
        os.setuid(65_534)
        facts = probe_pam(root, "sshd")
        assert facts.files == {"/usr/lib/pam.d/sshd": b"b\n"}
        assert facts.reason == "/etc/pam.d: cannot be read: Permission denied"
        assert probe_installation(root).sshd is None

    assert run_child(look) == 0


@pytest.mark.parametrize(
    ("files", "links", "breaks"),
    [
        ({}, {}, False),
        ({UNIT: b""}, {}, False),
        ({UNIT: b""}, {f"/etc/systemd/user/{WANTS}": UNIT}, True),
        ({UNIT: b""}, {f"/usr/lib/systemd/user/{WANTS}": "../x.socket"}, True),
        ({}, {f"/etc/systemd/user/{WANTS}": UNIT}, False),
        ({UNIT: b"", DROP_IN: CONDITION}, {f"/etc/systemd/user/{WANTS}": UNIT}, False),
        ({UNIT: b"", DROP_IN: b"[Socket]\n"}, {f"/etc/systemd/user/{WANTS}": UNIT}, True),
        (
            {UNIT: b"", "/dev/null": b""},
            {f"/etc/systemd/user/{WANTS}": UNIT, ETC_UNIT: "/dev/null"},
            False,
        ),
        (
            {UNIT: b""},
            {f"/etc/systemd/user/{WANTS}": UNIT, ETC_UNIT: "/dev/null"},
            False,
        ),
        (
            {UNIT: b"", DROP_IN: CONDITION.replace(b"Cond", b"#Cond")},
            {f"/etc/systemd/user/{WANTS}": UNIT},
            True,
        ),
        (
            {UNIT: b"", DROP_IN: CONDITION.replace(b"=", b"=!")},
            {f"/etc/systemd/user/{WANTS}": UNIT},
            True,
        ),
    ],
)
def test_probe_first_login_tells_whether_the_socket_is_on_and_free(
    root: Root,
    files: dict[str, bytes],
    links: dict[str, str],
    breaks: bool,
) -> None:
    for path, content in files.items():
        write(root, path, content)
    for path, target in links.items():
        link(root, path, target)
    assert probe_first_login(root).breaks_first_login is breaks


def test_probe_first_login_follows_a_link_of_the_root(root: Root) -> None:
    write(root, UNIT)
    write(root, "/etc/moved/x.conf", CONDITION)
    link(root, f"/etc/systemd/user/{WANTS}", UNIT)
    link(root, f"{ETC_UNIT}.d", "/etc/moved")
    assert not probe_first_login(root).breaks_first_login


@pytest.mark.parametrize(
    ("os_release", "dialect"),
    [
        (b'ID="rocky"\nID_LIKE="rhel centos fedora"\nVERSION_ID="9.4"\n', Dialect.UPSTREAM_1_5),
        (b'ID="rhel"\nVERSION_ID="10.0"\n', Dialect.UPSTREAM_1_7),
        (b'ID="amzn"\nID_LIKE="fedora"\nVERSION_ID="2023"\n', Dialect.UPSTREAM_1_5),
        (b"ID=fedora\nVERSION_ID=39\n", Dialect.UPSTREAM_1_5),
        (b"ID=fedora\nVERSION_ID=42\n", Dialect.UPSTREAM_1_7),
        (b"ID=arch\n", Dialect.UPSTREAM_1_7),
    ],
)
def test_without_a_package_list_the_release_tells_which_libpam_reads(
    root: Root, os_release: bytes, dialect: Dialect
) -> None:
    write(root, "/etc/os-release", os_release)
    assert probe_dialect(root) is dialect


def test_a_user_of_no_name_is_looked_at_all_the_same(
    root: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody(uid: int) -> None:
        raise KeyError(uid)

    monkeypatch.setattr("pwd.getpwuid", nobody)
    facts = probe({}, root)
    assert not [one for one in facts.late if "KeyError" in one]
    assert (facts.session.user, facts.home.home.path) == (str(os.getuid()), "/")


def test_each_of_a_thousand_files_is_read_once(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(1000):
        write(root, f"/etc/pam.d/s{number:03}", b"auth required pam_unix.so\n")
    asked: list[str] = []
    read = Root.read

    def count(self: Root, path: str, limit: int = 1 << 20) -> bytes | None:
        asked.append(path)
        return read(self, path, limit)

    monkeypatch.setattr(Root, "read", count)
    facts = probe_pam(root, "sshd", Dialect.DEBIAN_1_7)
    services = [path for path in asked if path.startswith("/etc/pam.d/")]
    assert services == sorted(facts.files)
    assert len(services) == 1000


def test_the_list_of_packages_is_read_once(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    """A desktop's list has ten megabytes."""
    write(root, "/var/lib/dpkg/status", b"Package: libpam0g\nVersion: 1.7.0-5\n\n")
    write(root, "/usr/lib/systemd/user/gnome-keyring-daemon.socket")
    link(root, f"/etc/systemd/user/{WANTS}", UNIT)
    asked: list[str] = []
    read = Root.read

    def count(self: Root, path: str, limit: int = 1 << 20) -> bytes | None:
        asked.append(path)
        return read(self, path, limit)

    monkeypatch.setattr(Root, "read", count)
    probe({"HOME": "/nonexistent"}, root, 30)
    assert asked.count("/var/lib/dpkg/status") == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_probe_pam_knows_of_newer_files_only_if_it_may_read_what_was_changed(public: Path) -> None:
    root = make_image(public)
    apply(root, plan_setup(root, ["sshd"]))
    assert probe_pam(root, "sshd").vendor_files == ()
    newer = WITHOUT_RULES + b"session optional pam_umask.so\n"

    def look(expected: object) -> None:
        os.setuid(65_534)
        assert probe_pam(root, "sshd").vendor_files == expected

    # Anybody can see that no file is hidden.
    assert run_child(lambda: look(())) == 0
    write(root, "/etc/pam.d/sshd.rpmnew", newer)
    assert run_child(lambda: look(None)) == 0
    (found,) = probe_pam(root, "sshd").vendor_files or ()
    assert found.lacks == ("session optional pam_umask.so",)


def test_probe_pam_reads_the_directories_that_libpam_names(root: Root) -> None:
    write(root, "/usr/lib/libpam.so.0", b"\0/etc/pam.d/%s\0/usr/etc/pam.d/%s\0")
    write(root, "/usr/etc/pam.d/sshd", b"a\n")
    write(root, "/usr/lib/pam.d/sshd", b"b\n")
    facts = probe_pam(root, "sshd")
    assert facts.directories == ("/etc/pam.d", "/usr/etc/pam.d")
    assert facts.files == {"/usr/etc/pam.d/sshd": b"a\n"}
