"""Shared objects that only the dynamic loader finds to be broken."""

from __future__ import annotations

import struct
from collections.abc import Iterator

PT_LOAD, PT_DYNAMIC = 1, 2  # elf(5)
DT_INIT = 12
ILLEGAL = {62: b"\x0f\x0b", 183: b"\0\0\0\0"}  # by machine: x86-64 (ud2), AArch64 (udf)


def with_illegal_first_instruction(module: bytes) -> bytes:
    """Return a shared object whose first instruction ends the process that loads it.

    ``module`` is a 64-bit object for a little-endian machine. dlopen(3) runs the code at DT_INIT;
    whoever only looks at the file sees a good one. Raises KeyError for another machine, and
    StopIteration for an object without that code.
    """
    machine, start = struct.unpack_from("<H12xQ", module, 18)
    size, count = struct.unpack_from("<HH", module, 54)
    headers = [struct.unpack_from("<IIQQQQ", module, start + n * size) for n in range(count)]
    dynamic = next(header for header in headers if header[0] == PT_DYNAMIC)
    entries = dict(_entries(module, dynamic[2], dynamic[5]))
    address = entries[DT_INIT]
    segment = next(h for h in headers if h[0] == PT_LOAD and h[3] <= address < h[3] + h[5])
    place = address - segment[3] + segment[2]
    code = ILLEGAL[machine]
    return module[:place] + code + module[place + len(code) :]


def _entries(module: bytes, offset: int, size: int) -> Iterator[tuple[int, int]]:
    for place in range(offset, offset + size, 16):
        tag, value = struct.unpack_from("<qQ", module, place)
        yield tag, value
