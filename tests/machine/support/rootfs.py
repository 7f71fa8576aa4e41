"""Root file systems to boot from: made once by mmdebstrap, kept in a cache outside the checkout."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests import depth

CACHE = Path(os.environ.get("CREDS_CACHE", "/var/cache/creds-session"))
CHECKOUT = Path(__file__).resolve().parents[3]
RELEASES = {"bullseye": "3.9", "bookworm": "3.11", "trixie": "3.13", "forky": "3.14"}
# Debian's unstable has the Python of its testing.
PYTHON_OF = {**RELEASES, "sid": RELEASES["forky"]}
# An ordinary run uses these releases for their Python alone, and boots no machine from them.
PYTHON_ALONE = {"bullseye", "forky"}
PYTHON_PACKAGES = ("python3-venv", "strace", "acl", "e2fsprogs")
PACKAGES = (
    "systemd",
    "systemd-sysv",
    "systemd-container",
    "libpam-systemd",
    "dbus",
    "dbus-user-session",
    "gnome-keyring",
    "libpam-gnome-keyring",
    "openssh-server",
    "openssh-client",
    "openssh-sftp-server",
    "libsecret-tools",
    "python3-gi",
    "gir1.2-secret-1",
    "procps",
    "iproute2",
    "python3-venv",
    "sudo",
    "rsync",
    "strace",
    "cron",
    "login",
    "tmux",
    "git",
    "postgresql-client",
)
# This package makes itself the message bus of the system and of each user (the alias
# dbus.service). Debian 13 has version 37; 36 and later are the ones that send a file descriptor.
DBUS_BROKER = ("dbus-broker",)
# sssd with a directory server on the same machine, and what else a profile of authselect needs.
SSSD = (
    *DBUS_BROKER,
    "sssd-ldap",
    "libpam-sss",
    "libnss-sss",
    "slapd",
    "ldap-utils",
    "libpam-pwquality",
)
# What reads man pages and completions.
SHELLS = ("bash-completion", "fish", "man-db", "zsh")
SERVERS = ("postgresql", "vsftpd", "tnftp")
# Nightly runs boot these releases too. Since forky, no package in PACKAGES depends on passwd, which
# has useradd and /etc/pam.d/passwd.
AT_NIGHT = {"bullseye": PACKAGES, "forky": (*PACKAGES, "passwd"), "sid": (*PACKAGES, "passwd")}
# A mirror's copy of these suites may be older than their own date allows.
MAY_BE_OLD = {"forky", "sid"}
OTHER_PROVIDERS = {
    "bookworm": ("keepassxc", "libkf5wallet-bin", "libqca-qt5-2-plugins"),
    "trixie": ("keepassxc-full", "kwallet6", "libqca-qt6-plugins"),
}
LAYERS = {
    "bookworm": (SERVERS, SHELLS, OTHER_PROVIDERS["bookworm"]),
    "trixie": (SERVERS, OTHER_PROVIDERS["trixie"], DBUS_BROKER, SSSD),
}


def say(message: str) -> None:
    """Tell the person who waits what takes so long; on the terminal, past pytest's capture."""
    print(f"creds-session: {message}", file=sys.__stderr__, flush=True)


@contextlib.contextmanager
def _alone(place: Path) -> Iterator[None]:
    """Wait until nobody else makes this directory, and keep everybody else from making it.

    The kernel ends the lock with the process that holds it (flock(2)).
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.with_name(f"{place.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def root_file_system(release: str) -> Path:
    """Return a pristine root file system of this Debian release, made on first use."""
    return _root_with(release, PYTHON_PACKAGES if release in PYTHON_ALONE else PACKAGES)


def root_to_boot(release: str) -> Path:
    """Return a root file system of any release to boot from, made on first use.

    The tests that boot one of AT_NIGHT are nightly, so that an ordinary run does not make it.
    """
    return _root_with(release, AT_NIGHT.get(release, PACKAGES))


def _root_with(release: str, packages: Sequence[str]) -> Path:
    key = hashlib.sha256(",".join(packages).encode()).hexdigest()[:12]
    directory = CACHE / "rootfs" / f"{release}-{key}"
    with _alone(directory):
        if not directory.is_dir():
            _make_root_file_system(release, packages, directory)
    return directory


def _make_root_file_system(release: str, packages: Sequence[str], directory: Path) -> None:
    say(f"making a root file system of Debian {release} in {directory}: about a minute, once")
    unfinished = directory.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    command = ["mmdebstrap", "--quiet", "--variant=apt", f"--include={','.join(packages)}"]
    # The signatures are checked all the same.
    command += ["--aptopt=Acquire::Check-Valid-Until false"] if release in MAY_BE_OLD else []
    made = subprocess.run(
        [*command, release, str(unfinished)],
        check=False,
        text=True,
        stdin=subprocess.DEVNULL,
        capture_output=True,
    )
    if made.returncode != 0:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise RuntimeError(f"mmdebstrap {release} failed:\n{made.stderr[-4000:]}")
    unfinished.rename(directory)


ADD = """
mount -t overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" overlay "$2/root"
mount -t proc proc "$2/root/proc"
mount --rbind /dev "$2/root/dev"
printf '#!/bin/sh\\nexit 101\\n' >"$2/root/usr/sbin/policy-rc.d" # nothing is to be started
chmod +x "$2/root/usr/sbin/policy-rc.d"
mkdir -p "$2/root/etc/postgresql-common"
echo 'create_main_cluster = false' >"$2/root/etc/postgresql-common/createcluster.conf"
exec chroot "$2/root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
    DEBIAN_FRONTEND=noninteractive sh -ec '
shift 2
apt-get update -qq
apt-get install -qq --no-install-recommends -o Dpkg::Options::=--force-unsafe-io "$@"
apt-get clean
rm -r /var/lib/apt/lists/* /usr/sbin/policy-rc.d' sh "$@"
"""


def with_packages(release: str, packages: Sequence[str], base: Path | None = None) -> Path:
    """Return a layer with more packages for a root file system, made on first use.

    ``base`` is that root file system, if it is not the one of ``root_file_system``.
    """
    base = base or root_file_system(release)
    key = hashlib.sha256(",".join(packages).encode()).hexdigest()[:12]
    directory = base.with_name(f"{base.name}+{key}")
    with _alone(directory):
        if not directory.is_dir():
            _add_packages(release, base, packages, directory)
    return directory


def _add_packages(release: str, base: Path, packages: Sequence[str], directory: Path) -> None:
    say(f"adding {', '.join(packages)} to Debian {release} in {directory}: once")
    with _layer_of(ADD, base, directory, *packages) as layer:
        layer.rename(directory)


@contextlib.contextmanager
def _layer_of(script: str, base: Path, directory: Path, *words: str) -> Iterator[Path]:
    """Run a script that changes an overlay of a root file system, and give its upper layer.

    The layer lies beside ``directory``, and what the caller does not move away is removed.
    Raises RuntimeError.
    """
    place = directory.with_name(f"{directory.name}.unfinished")
    shutil.rmtree(place, ignore_errors=True)
    for name in ("upper", "work", "root"):
        (place / name).mkdir(parents=True)
    try:
        made = in_mounts(script, str(base), str(place), *words)
        if made.returncode != 0:
            raise RuntimeError(f"{directory} was not made:\n{made.stdout}\n{made.stderr[-4000:]}")
        yield place / "upper"
    finally:
        shutil.rmtree(place, ignore_errors=True)


NEWCOMERS = ("git", "gnome-keyring", "libpam-gnome-keyring", "python3-venv", "dbus-user-session")
REMOVE = """
mount -t overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" overlay "$2/root"
mount -t proc proc "$2/root/proc"
mount --rbind /dev "$2/root/dev"
exec chroot "$2/root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
    DEBIAN_FRONTEND=noninteractive sh -ec '
shift 2
apt-get update -qq
apt-get purge -qq --autoremove "$@"
apt-get install -qq --download-only git
apt-get install -qq --download-only --no-install-recommends "$@"
echo "Acquire::Retries \"0\";" >/etc/apt/apt.conf.d/no-network' sh "$@"
"""


def without_packages(release: str) -> Path:
    """Return a layer in which nothing that a newcomer installs is installed, made on first use.

    apt has these packages in its cache, and installs them without a network.
    """
    base = root_file_system(release)
    packages = (*NEWCOMERS, f"python{RELEASES[release]}-venv")
    key = hashlib.sha256(",".join(packages).encode()).hexdigest()[:12]
    directory = base.with_name(f"{base.name}-{key}")
    with _alone(directory):
        if not directory.is_dir():
            say(f"removing {', '.join(packages)} from Debian {release} in {directory}: once")
            with _layer_of(REMOVE, base, directory, *packages) as layer:
                layer.rename(directory)
    return directory


PROFILES = (
    *("libpam-sss", "libpam-winbind", "libpam-krb5", "libpam-ldapd", "systemd-homed"),
    *("libpam-fscrypt", "libpam-fprintd", "libpam-mount", "libpam-pwquality", "libpam-passwdqc"),
    *("ecryptfs-utils", "libpam-tmpdir", "libpam-cap", "libpam-afs-session", "libpam-ccreds"),
    *("libpam-cgfs", "libpam-duo", "libpam-elogind", "libpam-encfs", "libpam-mklocaluser"),
    *("libpam-radius-auth", "libpam-script", "libpam-snapper", "libpam-net", "libpam-abl"),
    *("libpam-biometric",),
)
"""Packages that bring a profile of pam-auth-update, on bookworm and on trixie."""

UNPACK = """
mount -t overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" overlay "$2/root"
mount -t proc proc "$2/root/proc"
mount --rbind /dev "$2/root/dev"
exec chroot "$2/root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root sh -ec '
shift 2
mkdir /packages /unpacked
cd /packages
apt-get update -qq
apt-get download -qq -o APT::Sandbox::User=root "$@"
for package in *.deb; do
    dpkg-deb --extract "$package" /unpacked/"${package%%_*}"
    cp -n /unpacked/"${package%%_*}"/usr/share/pam-configs/* /usr/share/pam-configs
done' sh "$@"
"""


def profiles(release: str) -> Path:
    """Return a directory of profiles of pam-auth-update, made on first use.

    It holds those of Debian's packages in PROFILES, and those of the root file system itself. The
    packages are only unpacked.
    """
    base = root_file_system(release)
    key = hashlib.sha256(",".join(PROFILES).encode()).hexdigest()[:12]
    directory = CACHE / "pam-configs" / f"{release}-{key}"
    with _alone(directory):
        if not directory.is_dir():
            _unpack_profiles(release, base, directory)
    return directory


def _unpack_profiles(release: str, base: Path, directory: Path) -> None:
    say(f"fetching the profiles of pam-auth-update of Debian {release} into {directory}: once")
    with _layer_of(UNPACK, base, directory, *PROFILES) as layer:
        profiles_of_all = layer / "profiles"
        shutil.copytree(base / "usr/share/pam-configs", profiles_of_all)
        shutil.copytree(layer / "usr/share/pam-configs", profiles_of_all, dirs_exist_ok=True)
        profiles_of_all.rename(directory)


UPDATE = """
mkdir "$2/upper" "$2/work" "$2/root"
mount -t overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" overlay "$2/root"
mount -t proc proc "$2/root/proc"
mount --rbind /dev "$2/root/dev"
mkdir "$2/root/mnt/profiles" "$2/root/mnt/made"
mount --bind "$3" "$2/root/mnt/profiles"
mount --bind "$4" "$2/root/mnt/made"
exec chroot "$2/root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
    DEBIAN_FRONTEND=noninteractive sh -ec '
shift 4
count=0
cp -a /etc/pam.d /var/lib/pam /var/cache/debconf /mnt
for selection; do
    rm -r /etc/pam.d /var/lib/pam /var/cache/debconf /usr/share/pam-configs/*
    cp -a /mnt/pam.d /etc
    cp -a /mnt/pam /var/lib
    cp -a /mnt/debconf /var/cache
    for profile in $selection; do cp /mnt/profiles/"$profile" /usr/share/pam-configs; done
    pam-auth-update --force --enable $selection
    cp -a /etc/pam.d /mnt/made/"$count"
    count=$((count + 1))
done' sh "$@"
"""


def pam_auth_update(
    release: str, place: Path, folder: Path, selections: Sequence[Sequence[str]]
) -> list[dict[str, bytes]]:
    """Return /etc/pam.d as pam-auth-update writes it with only these profiles, by file name.

    ``folder`` holds the profiles. ``place`` is an empty directory for what is made meanwhile.
    """
    (place / "made").mkdir()
    words = [" ".join(one) for one in selections]
    made = in_mounts(
        UPDATE, str(root_file_system(release)), str(place), str(folder), str(place / "made"), *words
    )
    if made.returncode != 0:
        raise RuntimeError(f"pam-auth-update failed:\n{made.stdout}\n{made.stderr[-4000:]}")
    folders = [place / "made" / str(number) for number in range(len(words))]
    return [{path.name: path.read_bytes() for path in one.iterdir()} for one in folders]


def in_mounts(script: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a shell script whose mounts nobody else sees, and which end with it."""
    return subprocess.run(
        ["unshare", "--mount", "--propagation=private", "sh", "-ec", script, "sh", *words],
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )


def pins_for(python: str) -> Path:
    """Return the file with the versions and hashes that are pinned for a Python."""
    return CHECKOUT / "tests" / "pins" / f"python-{python}.txt"


def wheels(release: str) -> Path:
    """Return a folder of wheels that installs the project on this release without a network."""
    return wheels_for(PYTHON_OF[release])


def wheels_for(python: str) -> Path:
    """Return a folder of wheels that installs the project and its tests for a Python."""
    key = hashlib.sha256(pins_for(python).read_bytes()).hexdigest()[:12]
    directory = CACHE / "wheels" / f"{python}-{key}"
    with _alone(directory):
        if not directory.is_dir():
            _download(python, directory, pins_for(python))
    return directory


RUN_IN = """
mount -t tmpfs tmpfs "$2"
mkdir "$2/upper" "$2/work" "$2/root"
mount -t overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" overlay "$2/root"
mount -t proc proc "$2/root/proc"
mount --rbind /dev "$2/root/dev"
mkdir -p "$2/root/mnt/wheels" "$2/root/mnt/source"
mount --bind -o ro "$3" "$2/root/mnt/wheels"
mount --bind -o ro "$4" "$2/root/mnt/source"
exec chroot "$2/root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \\
    sh -ec "$5" sh $6
"""


def run_in(
    release: str, place: Path, script: str, words: str = "", packages: Sequence[str] = ()
) -> subprocess.CompletedProcess[str]:
    """Run a shell script in the file system of a release that is not booted, nothing of it kept.

    The wheels are in /mnt/wheels and the checkout is in /mnt/source. ``packages`` are there too.
    """
    more = [with_packages(release, packages)] if packages else []
    lower = ":".join(map(str, [*more, root_file_system(release)]))
    mounts = (lower, str(place), str(wheels(release)), str(CHECKOUT))
    return in_mounts(RUN_IN, *mounts, script, words)


OLDEST = CHECKOUT / "tests" / "oldest-dependencies.txt"


def oldest_wheels() -> Path:
    """Return a folder with the oldest versions that setup.cfg allows, for bullseye's Python 3.9."""
    key = hashlib.sha256(OLDEST.read_bytes()).hexdigest()[:12]
    directory = CACHE / "wheels" / f"oldest-{key}"
    with _alone(directory):
        if not directory.is_dir():
            _download(RELEASES["bullseye"], directory, OLDEST)
    return directory


INSTALLERS = CHECKOUT / "tests" / "installers.txt"


def installer_wheels() -> Path:
    """Return a folder with pipx, uv and what they need, for Python 3.11 and later."""
    key = hashlib.sha256(INSTALLERS.read_bytes()).hexdigest()[:12]
    directory = CACHE / "wheels" / f"installers-{key}"
    with _alone(directory):
        if not directory.is_dir():
            _download(RELEASES["bookworm"], directory, INSTALLERS)
    return directory


def _download(python: str, directory: Path, requirements: Path) -> None:
    say(f"fetching wheels for Python {python} into {directory}")
    unfinished = directory.with_name(f"{directory.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    machine = platform.machine()
    target = [f"--platform=manylinux_2_{n}_{machine}" for n in (12, 17, 28, 31, 34)]
    target += [f"--platform=manylinux2014_{machine}", f"--python-version={python}"]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary=:all:"]
    command += ["--no-deps", "--require-hashes", f"--requirement={requirements}"]
    # pip takes 3.9 for 3.9.0. scripts/pin has looked at what each version requires of Python.
    command += ["--ignore-requires-python"]
    done = subprocess.run(
        [*command, *target, f"--dest={unfinished}"],
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise RuntimeError(f"pip download failed:\n{done.stderr}")
    unfinished.rename(directory)


INSTALL = """
mount -t overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" overlay "$2/root"
mount -t proc proc "$2/root/proc"
mount --rbind /dev "$2/root/dev"
mkdir -p "$2/root/mnt/wheels" "$2/root/opt/source"
mount --bind "$3" "$2/root/mnt/wheels"
cp -a "$4/." "$2/root/opt/source"
chroot "$2/root" env -i PATH="$PATH" HOME=/root /opt/source/scripts/install --wheels /mnt/wheels
"""


def installed(release: str, place: Path) -> list[Path]:
    """Install the checkout by its own ``scripts/install``; return the layers, the topmost first.

    The installation is a layer of its own under ``place``, made on first use: the root file
    system stays as it is.
    """
    base = root_to_boot(release)
    with _alone(place):
        if not (place / "ready").exists():
            _install(release, base, place)
            (place / "ready").touch()
    return [place / "upper", base]


def checkout_files() -> list[str]:
    """Return the paths of the checkout's files, below it, in order: no file that git ignores."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=CHECKOUT,
        check=True,
        capture_output=True,
    )
    names = listed.stdout.decode().split("\0")
    return sorted(name for name in names if name and (CHECKOUT / name).is_file())


def copy_checkout(target: Path) -> None:
    """Copy the checkout's files below this directory."""
    for name in checkout_files():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(CHECKOUT / name, target / name)


def _install(release: str, base: Path, place: Path) -> None:
    wheelhouse, source = wheels(release), place / "source"
    shutil.rmtree(place, ignore_errors=True)
    for name in ("upper", "work", "root"):
        (place / name).mkdir(parents=True)
    copy_checkout(source)
    done = in_mounts(INSTALL, str(base), str(place), str(wheelhouse), str(source))
    if done.returncode != 0:
        raise RuntimeError(f"scripts/install failed:\n{done.stdout}\n{done.stderr}")


TEST_IN = """
mount -t tmpfs tmpfs "$2"
mkdir "$2/upper" "$2/work" "$2/root"
mount -t overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" overlay "$2/root"
mount -t proc proc "$2/root/proc"
mount --rbind /dev "$2/root/dev"
mkdir -p "$2/root/mnt/wheels" "$2/root/mnt/source"
mount --bind "$3" "$2/root/mnt/wheels"
mount --bind -o ro "$4" "$2/root/mnt/source"
if [ -n "$6" ]; then
    mkdir "$2/root/mnt/oldest"
    mount --bind "$6" "$2/root/mnt/oldest"
fi
exec chroot "$2/root" env -i PATH=/usr/bin:/bin:/usr/sbin:/sbin HOME=/root LC_ALL=C.UTF-8 sh -ec '
python3 -m venv /opt/test
/opt/test/bin/pip install --quiet --no-index --find-links=/mnt/wheels \
    --require-hashes --requirement="/mnt/source/tests/pins/$1"
[ ! -d /mnt/oldest ] || /opt/test/bin/pip install --quiet --no-index --find-links=/mnt/oldest \
    --no-deps --require-hashes --requirement=/mnt/source/tests/oldest-dependencies.txt
shift
cd /mnt/source
exec env PYTHONDONTWRITEBYTECODE=1 /opt/test/bin/python -m pytest -q -p no:cacheprovider \
    -r fE -o filterwarnings=default $1' sh "$5" "$7"
"""
PURE_TESTS = ("tests/unit", "tests/property")


def run_pure_tests(
    release: str, place: Path, *, oldest: bool = False, tests: Sequence[str] = PURE_TESTS
) -> subprocess.CompletedProcess[str]:
    """Run the unit and property tests with the Python of a release, in its own file system.

    ``oldest`` replaces what the project depends on by the oldest versions that setup.cfg allows.
    """
    base = root_file_system(release)
    wheelhouse, file = wheels(release), pins_for(RELEASES[release]).name
    old = str(oldest_wheels()) if oldest else ""
    words = (str(base), str(place), str(wheelhouse), str(CHECKOUT), file, old)
    return in_mounts(TEST_IN, *words, " ".join((*tests, *left_out(RELEASES[release]))))


def left_out(python: str) -> list[str]:
    """Return the options of pytest that leave out what a commit does not run with this Python.

    That is what is the same with every Python. Each other file of tests runs with one of the
    Pythons of an ordinary run, in turn.
    """
    if not depth.SAMPLED_PYTHONS:
        return []
    alone = sorted(RELEASES[release] for release in PYTHON_ALONE)
    files = sorted(
        str(path.relative_to(CHECKOUT))
        for place in PURE_TESTS
        for path in (CHECKOUT / place).rglob("test_*.py")
    )
    of_others = (file for number, file in enumerate(files) if alone[number % len(alone)] != python)
    return [f"--ignore={path}" for path in (*depth.SAME_ON_EVERY_PYTHON, *of_others)]


def make_all() -> None:
    """Make all that a run of the tests boots from, two at a time: no test then waits for it."""
    with ThreadPoolExecutor(2) as two:
        made = [two.submit(root_file_system, release) for release in RELEASES]
        made += [two.submit(wheels, release) for release in RELEASES]
        made += [two.submit(profiles, release) for release in LAYERS]
        made += [
            two.submit(with_packages, release, packages)
            for release, layers in LAYERS.items()
            for packages in layers
        ]
        made += [two.submit(without_packages, release) for release in LAYERS]
        for one in made:
            one.result()


if __name__ == "__main__":  # make root file systems, and say where they lie; or make everything
    if sys.argv[1:]:
        print(":".join(str(root_file_system(release)) for release in sys.argv[1:]))
    else:
        make_all()
