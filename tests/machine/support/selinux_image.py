"""The disk of a virtual machine whose kernel enforces Debian's SELinux policy.

A container shares the kernel of its host, which need not have SELinux. So this is a whole machine:
Debian 13 with Debian's own kernel and selinux-policy-default, with the project installed, every
file labelled as the policy says, in one ext4 image. It is made once for each state of the checkout
and kept in the tests' cache; images of other states that nobody uses are removed.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.machine.support import rootfs

RELEASE = "trixie"
PACKAGES = (
    *("linux-image-cloud-amd64", "initramfs-tools", "zstd", "kmod", "udev", "systemd-resolved"),
    *("selinux-policy-default", "selinux-utils", "policycoreutils"),
    *("policycoreutils-python-utils", "auditd", "attr"),
)
PLACE = rootfs.CACHE / "selinux"
UNITS_OFF = (
    *("apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer"),
    *("fstrim.timer", "systemd-firstboot.service", "systemd-networkd-wait-online.service"),
    # They would label every file once more, and boot again.
    *("selinux-autorelabel-mark.service", "selinux-autorelabel.service"),
)

# $1 the layers, $2 the place, $3 wheels, $4 the checkout's copy, $5 the units that are masked.
MAKE = """
root=$2/root
mount -t overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work,volatile" overlay "$root"
mkdir -p "$root/opt/wheels" "$root/opt/source" "$root/root/.ssh" "$root/var/log/journal"
cp -a "$3/." "$root/opt/wheels"
cp -a "$4/." "$root/opt/source"
chmod 700 "$root/root/.ssh"
install -m 600 "$2/key.pub" "$root/root/.ssh/authorized_keys"
echo creds-selinux >"$root/etc/hostname"
echo '127.0.0.1 localhost creds-selinux' >"$root/etc/hosts"
printf '[Match]\\nName=e*\\n[Network]\\nDHCP=ipv4\\n' >"$root/etc/systemd/network/10.network"
echo '/dev/vda / ext4 defaults 0 1' >"$root/etc/fstab"
ln -sf /usr/lib/systemd/system/systemd-networkd.service \\
    "$root/etc/systemd/system/multi-user.target.wants/"
for unit in $5; do ln -sf /dev/null "$root/etc/systemd/system/$unit"; done
sed -i 's/^SELINUX=.*/SELINUX=enforcing/' "$root/etc/selinux/config"
rm -f "$root/.autorelabel"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
chroot "$root" env -i PATH="$PATH" HOME=/root /opt/source/scripts/install --wheels /opt/wheels
umount -R "$root/dev"
chroot "$root" setfiles -F -m -e /proc /etc/selinux/default/contexts/files/file_contexts /
umount "$root/proc"
cp -L "$root/vmlinuz" "$2/vmlinuz"
cp -L "$root/initrd.img" "$2/initrd"
truncate -s 3G "$2/image"
mke2fs -q -t ext4 -F -d "$root" "$2/image"
"""


class Image(NamedTuple):
    """What qemu boots: the disk, Debian's kernel and initrd, and the key of root's logins."""

    disk: Path
    kernel: Path
    initrd: Path
    key: Path


@contextlib.contextmanager
def image() -> Iterator[Image]:
    """Have the image of this checkout, made on first use. Nobody removes it meanwhile."""
    layer = rootfs.with_packages(RELEASE, PACKAGES)
    wheels = rootfs.wheels(RELEASE)
    place = PLACE / _state(layer.name, wheels.name)
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.with_name(f"{place.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.is_dir():
            _remove_others(place)
            _make(layer, wheels, place)
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield Image(*(place / name for name in ("image", "vmlinuz", "initrd", "key")))


def _state(*words: str) -> str:
    """Return a short word for all that the image is made from."""
    told = hashlib.sha256("\0".join((*words, MAKE, *UNITS_OFF)).encode())
    for name in rootfs.checkout_files():
        path = rootfs.CHECKOUT / name
        executable = path.stat().st_mode & stat.S_IXUSR
        told.update(f"\0{name}\0{executable}\0".encode() + path.read_bytes())
    return told.hexdigest()[:12]


def _remove_others(place: Path) -> None:
    """Remove the images that no process holds: each of them takes a gigabyte."""
    for other in place.parent.glob("*.lock"):
        with other.open("w") as lock, contextlib.suppress(BlockingIOError):
            if other.stem != place.name:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(other.with_suffix(""), ignore_errors=True)
                other.unlink()


def _make(layer: Path, wheels: Path, place: Path) -> None:
    rootfs.say(f"making a virtual machine with SELinux in {place}: about a minute, once")
    unfinished = place.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    for name in ("upper", "work", "root"):
        (unfinished / name).mkdir(parents=True)
    rootfs.copy_checkout(unfinished / "source")
    make_key = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(unfinished / "key")]
    subprocess.run(make_key, check=True, stdin=subprocess.DEVNULL)
    lower = f"{layer}:{rootfs.root_file_system(RELEASE)}"
    words = (lower, str(unfinished), str(wheels), str(unfinished / "source"), " ".join(UNITS_OFF))
    made = rootfs.in_mounts(MAKE, *words)
    if made.returncode != 0:
        raise RuntimeError(f"no image could be made:\n{made.stdout}\n{made.stderr[-4000:]}")
    for name in ("upper", "work", "root", "source"):
        shutil.rmtree(unfinished / name)
    os.sync()
    unfinished.rename(place)
