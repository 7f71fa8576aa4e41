"""A file system of FUSE that takes each request and answers none, as a dead server does.

A process that waits for an answer is in state D, and SIGKILL does not end it (fs/fuse/dev.c,
request_wait_answer: a request that was read is waited for to its end).
"""

from __future__ import annotations

import ctypes
import os
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

INIT = 26  # linux/fuse.h, FUSE_INIT
REQUEST = struct.Struct("<IIQ")  # length, operation and number, with which each request begins
NODEV, NOSUID, FORCE_DETACH = 4, 2, 3  # mount(2), umount2(2)


@contextmanager
def hung_file_system(place: Path, *, patience: float = 30) -> Iterator[Path]:
    """Mount it at a directory, for ``patience`` seconds at most; skip without the right to."""
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        pytest.skip("needs /dev/fuse")
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0,allow_other".encode()
    if libc.mount(b"hung", bytes(place), b"fuse", NODEV | NOSUID, options) != 0:
        os.close(device)
        pytest.skip(f"needs the right to mount: {os.strerror(ctypes.get_errno())}")
    over = threading.Event()
    threading.Thread(target=_take, args=(device,), daemon=True).start()
    guard = threading.Thread(target=_abort, args=(libc, place, over, patience), daemon=True)
    guard.start()
    try:
        yield place
    finally:
        over.set()
        guard.join()
        os.close(device)


def _take(device: int) -> None:
    """Answer the first request, by which the kernel learns that somebody is there; take others."""
    with suppress(OSError):  # it was unmounted
        while request := os.read(device, 1 << 17):
            _length, operation, number = REQUEST.unpack_from(request)
            if operation == INIT:
                answer = struct.pack("<IIIIHHIIHH32x", 7, 31, 0, 0, 0, 0, 4096, 1, 0, 0)
                header = struct.pack("<IiQ", 16 + len(answer), 0, number)
                os.write(device, header + answer)


def _abort(libc: ctypes.CDLL, place: Path, over: threading.Event, patience: float) -> None:
    """End it: all who wait get an error."""
    over.wait(patience)
    libc.umount2(bytes(place), FORCE_DETACH)
