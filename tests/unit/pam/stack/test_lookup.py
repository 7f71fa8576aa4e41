from __future__ import annotations

from creds_session.pam.stack.lookup import FileUse, Hidden, files_used
from creds_session.pam.stack.resolve import resolve_all
from creds_session.pam.syntax.terms import Dialect

DIRECTORIES = ("/etc/pam.d", "/usr/lib/pam.d")
SVC = b"auth include house\nauth include gone\nauth include /srv/own\n"
FILES = {
    "/etc/pam.d/svc": b"# ours\n" + SVC,
    "/usr/lib/pam.d/svc": SVC,
    "/usr/lib/pam.d/house": b"auth required pam_unix.so\n",
    "/etc/pam.d/other": b"auth required pam_deny.so\n",
    "/usr/lib/pam.d/other": b"auth required pam_permit.so\n",
    "/srv/own": b"auth optional pam_cap.so\n",
}


def used(dialect: Dialect) -> dict[str, FileUse]:
    stacks = resolve_all("svc", FILES.get, dialect=dialect, directories=DIRECTORIES)
    return {use.name: use for use in files_used(stacks, FILES.get, dialect, DIRECTORIES)}


def test_the_first_file_counts_and_hides_the_others() -> None:
    found = used(Dialect.UPSTREAM_1_7)
    assert list(found) == ["svc", "house", "gone", "/srv/own", "other"]
    assert found["svc"] == ("svc", "/etc/pam.d/svc", (Hidden("/usr/lib/pam.d/svc", True),), "")  # noqa: FBT003
    assert found["other"].hides == (Hidden("/usr/lib/pam.d/other", False),)  # noqa: FBT003
    assert found["/srv/own"].used == "/srv/own"


def test_an_include_names_its_place_and_may_have_no_file() -> None:
    found = used(Dialect.UPSTREAM_1_7)
    assert found["house"] == ("house", "/usr/lib/pam.d/house", (), "/etc/pam.d/svc:2")
    assert found["gone"] == ("gone", None, (), "/etc/pam.d/svc:3")


def test_debian_finds_no_include_in_the_vendors_directory() -> None:
    house = used(Dialect.DEBIAN_1_7)["house"]
    assert house.used is None
    assert [hidden.path for hidden in house.hides] == ["/usr/lib/pam.d/house"]
