"""Keep the PAM files of a machine until a change of them has been judged.

A snapshot is one archive of tar(1), so that it is there as a whole or not at all. It lies in a
directory of root in /run, which is empty after a boot. systemd-tmpfiles removes a snapshot that
nobody has judged after a week.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import re
import stat
import tarfile
import time

from ansible_collections.creds_session.keyring.plugins.module_utils.root_only import weak_part

ROOT = "/"
RUNTIME = "/run"
DIRECTORY = "creds-session-ansible"
PAM_D, PAM_CONF = "etc/pam.d", "etc/pam.conf"
USUAL = (
    *("/etc/pam.d", "/usr/lib/pam.d", "/usr/etc/pam.d"),
    *("/usr/share/pam/pam.d", "/usr/share/pam.d"),
)
"""The directories of services on the known distributions; libpam itself says which it reads."""
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}\Z")
LARGEST = 64 * 1024  # bytes; creds-setup-pam refuses a larger PAM file
MOST = 2000  # files; creds-setup-pam refuses more services
KEPT_DAYS = 7
TMPFILES = (
    "# The snapshots of the Ansible module pam_judge.\nd {directory} 0700 root root {days}d\n"
)


class SnapshotError(Exception):
    """The snapshot cannot be taken or read; the text says why, and what to do."""


class Snapshot:
    """The PAM files of this machine at one time, under a name."""

    def __init__(self, name: str) -> None:
        if not NAME.match(name):
            raise SnapshotError(
                "the name of a snapshot consists of letters, digits, '.', '_' and '-', and begins"
                " with none of '.' and '-'"
            )
        self._directory = os.path.join(RUNTIME, DIRECTORY)
        self.path = os.path.join(self._directory, f"{name}.tar")

    def taken(self) -> str:
        """Return when the snapshot was taken, in UTC. It is empty if there is no snapshot.

        Raises SnapshotError.
        """
        try:
            status = os.lstat(self.path)
        except (FileNotFoundError, NotADirectoryError):
            return ""
        except PermissionError as error:
            raise SnapshotError(f"{self.path}: only root can see it; set become: true") from error
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(status.st_mtime))

    def take(self, directories: list) -> None:
        """Keep the files of these directories as they are now. Raises SnapshotError.

        They are the directories that libpam reads. Each other usual directory is kept as an empty
        one: an updated libpam may read it, and the libpam before the update read nothing there.
        """
        require_root()
        read = [place.strip("/") for place in directories]
        unread = [place.strip("/") for place in USUAL if place not in directories]
        content = _archive(read, unread)
        self._require_directory()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{self.path}.new")
        new = os.open(f"{self.path}.new", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(new, "wb") as file:
            file.write(content)
        os.rename(f"{self.path}.new", self.path)

    def unpack(self, directory: str) -> str:
        """Write the files below a new directory of this user, and return it.

        Raises SnapshotError.
        """
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            with open(descriptor, "rb") as file, tarfile.open(fileobj=file, mode="r:") as archive:
                places = {m.name for m in archive if m.isdir() and _is_inside(m.name)}
                found = {m.name: archive.extractfile(m).read() for m in archive if m.isreg()}
        except (OSError, tarfile.TarError) as error:
            raise SnapshotError(
                f"{self.path}: cannot be read: {error}; remove it with state=absent"
            ) from error
        for place in (PAM_D, *sorted(places)):
            os.makedirs(os.path.join(directory, place), mode=0o700, exist_ok=True)
        for name, content in found.items():
            above, last = os.path.split(name)
            if name == PAM_CONF or (above in (PAM_D, *places) and last not in ("", ".", "..")):
                with open(os.path.join(directory, name), "wb") as file:
                    file.write(content)
        return directory

    def remove(self) -> None:
        """Remove the snapshot; remove the directory with the last one. Raises SnapshotError."""
        if not self.taken():
            return
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            os.unlink(self.path)
        try:
            os.rmdir(self._directory)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.ENOENT, errno.ENOTDIR):
                raise
            return
        with contextlib.suppress(FileNotFoundError):
            os.unlink(_tmpfiles())

    def _require_directory(self) -> None:
        """Make the directory, which root alone can read and change."""
        weak = weak_part(self._directory)
        if weak:
            raise SnapshotError(
                f"{weak} can be changed by others than root, so no snapshot is put there;"
                " correct the owner and the mode"
            )
        try:
            os.mkdir(self._directory, 0o700)
        except FileExistsError:
            os.chmod(self._directory, 0o700)
        if os.path.isdir(os.path.join(RUNTIME, "systemd/system")):  # sd_booted(3)
            os.makedirs(os.path.dirname(_tmpfiles()), mode=0o755, exist_ok=True)
            with open(_tmpfiles(), "w", encoding="ascii") as file:
                file.write(TMPFILES.format(directory=self._directory, days=KEPT_DAYS))


def _tmpfiles() -> str:
    return os.path.join(RUNTIME, "tmpfiles.d", f"{DIRECTORY}.conf")


def require_root() -> None:
    """Raise SnapshotError unless this is root, because only root may take a snapshot."""
    if os.geteuid() != 0:
        raise SnapshotError("only root can take a snapshot; set become: true")


def service_names() -> list:
    """Return the names of the services that have a file in the usual directories.

    libpam writes the name of a service in lower case. Raises SnapshotError.
    """
    paths = [f"{place.strip('/')}/{name}" for place in USUAL for name in _names(place.strip("/"))]
    files = [path for path in paths if os.path.isfile(os.path.join(ROOT, path))]
    names = dict.fromkeys(map(os.path.basename, files))
    return [name for name in names if name == name.lower()]


def _names(place: str) -> list:
    """Return the names in a directory, or none if it does not exist. Raises SnapshotError."""
    try:
        names = sorted(os.listdir(os.path.join(ROOT, place)))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise SnapshotError(f"/{place}: cannot be read: {error.strerror}") from error
    if len(names) > MOST:
        raise SnapshotError(f"/{place}: has more than {MOST} files")
    return names


def _is_inside(name: str) -> bool:
    """Return whether a name in an archive leads to a place below the directory of the archive."""
    return os.path.normpath(name) == name and not name.startswith(("/", ".."))


def _read(name: str) -> tuple:
    """Return the status and the bytes of a file, or nothing if it is no regular file."""
    try:
        descriptor = os.open(os.path.join(ROOT, name), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return ()  # also a link that leads to nothing
    except OSError as error:
        raise SnapshotError(f"/{name}: cannot be read: {error.strerror}") from error
    with open(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return ()
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise SnapshotError(f"/{name}: is larger than {LARGEST} bytes, so it is no PAM file")
    return status, content


def _archive(directories: list, unread: list) -> bytes:
    """Return the archive of what libpam could read in some directories, and of /etc/pam.conf.

    From the other directories, ``unread``, the archive has no file.

    A directory is an entry too, also if it is empty or does not exist: what is there later is new.
    """
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for place in (*directories, *unread):
            entry = tarfile.TarInfo(place)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(entry)
        names = [f"{place}/{name}" for place in directories for name in _names(place)]
        for name in [*names, PAM_CONF]:
            file = _read(name)
            if not file:
                continue
            status, content = file
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), stat.S_IMODE(status.st_mode)
            entry.uid, entry.gid, entry.mtime = status.st_uid, status.st_gid, int(status.st_mtime)
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()
