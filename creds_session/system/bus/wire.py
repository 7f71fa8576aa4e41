"""D-Bus messages as bytes (D-Bus Specification, "Marshaling" and "Message Protocol").

Values are those of jeepney, with which the tests compare: an array of bytes is ``bytes``, another
array a list, a structure a tuple, an array of entries a dict, and a variant a pair of its signature
and its value. jeepney itself takes longer to load than the rest of ``creds get``
(docs/decisions/0019).
"""

from __future__ import annotations

import struct

from creds_session.records import NamedTuple
from creds_session.system.bus.signatures import (
    ALIGNED,
    DEEPEST,
    FIXED,
    Malformed,
    is_object_path,
    types,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

METHOD_CALL, METHOD_RETURN, ERROR, SIGNAL = 1, 2, 3, 4
NO_AUTO_START = 2  # the flag: start no service for this call
PATH, INTERFACE, MEMBER, ERROR_NAME, REPLY_SERIAL, DESTINATION, SENDER, SIGNATURE = range(1, 9)
FIELDS = {
    **dict.fromkeys((INTERFACE, MEMBER, ERROR_NAME, DESTINATION, SENDER), "s"),
    PATH: "o",
    REPLY_SERIAL: "u",
    SIGNATURE: "g",
}
ORDERS = {b"l": "<", b"B": ">"}
START = 16  # bytes that tell how long a message is
LONGEST_HEADER, LONGEST_ARRAY, LONGEST_MESSAGE = 1 << 14, 1 << 26, 1 << 27  # bytes


class ObjectAddress(NamedTuple):
    """An interface of an object of a program on the bus."""

    object_path: str
    bus_name: str
    interface: str


DAEMON = ObjectAddress("/org/freedesktop/DBus", "org.freedesktop.DBus", "org.freedesktop.DBus")


class Message:
    """One message. ``fields`` are its header fields by their codes."""

    __slots__ = ("body", "fields", "flags", "kind", "serial")

    def __init__(
        self,
        kind: int,
        fields: Mapping[int, object],
        body: Sequence[object] = (),
        *,
        flags: int = 0,
        serial: int = 0,
    ) -> None:
        self.kind = kind
        self.fields = fields
        self.body = tuple(body)
        self.flags = flags
        self.serial = serial


def method_call(to: ObjectAddress, method: str, signature: str, body: Sequence[object]) -> Message:
    """Return a call of a method, which starts no service."""
    fields = {PATH: to.object_path, INTERFACE: to.interface, MEMBER: method}
    fields[DESTINATION] = to.bus_name
    if signature:
        fields[SIGNATURE] = signature
    return Message(METHOD_CALL, fields, body, flags=NO_AUTO_START)


def serialise(message: Message, serial: int) -> bytes:
    """Return a message as bytes, in little-endian order. Raises Malformed."""
    out = bytearray(struct.pack("<cBBBII", b"l", message.kind, message.flags, 1, 0, serial))
    fields = [(code, (FIELDS[code], value)) for code, value in sorted(message.fields.items())]
    signature = str(message.fields.get(SIGNATURE, ""))
    try:
        _write(out, "a(yv)", fields)
        _align(out, 8)
        start = len(out)
        _write_all(out, signature, message.body)
        struct.pack_into("<I", out, 4, len(out) - start)
    except Malformed:
        raise
    except (struct.error, TypeError, ValueError, AttributeError) as error:
        cause = type(error).__name__
    else:
        cause = ""
    if cause:
        # The error itself may contain the value, and the value may be a password. So the error is
        # not the context of what is raised.
        raise Malformed(f"a value is not of the type {signature!r}: {cause}")
    if len(out) > LONGEST_MESSAGE:
        raise Malformed("the message is longer than 128 MiB")
    return bytes(out)


def length(start: bytes) -> int:
    """Return how many bytes a message has that begins with these 16. Raises Malformed."""
    order = ORDERS.get(start[:1])
    if order is None:
        raise Malformed("the byte order of a message is neither l nor B")
    body, _serial, fields = struct.unpack_from(f"{order}III", start, 4)
    whole: int = START + fields + -fields % 8 + body
    if fields > LONGEST_ARRAY:
        raise Malformed("the header of a message is longer than 64 MiB")
    if whole > LONGEST_MESSAGE:
        raise Malformed("a message is longer than 128 MiB")
    return whole


def parse_header(data: bytes) -> Message:
    """Return a message without its body. Raises Malformed.

    ``data`` is the whole message, or its first ``LONGEST_HEADER`` bytes. A message with a longer
    header has no fields here: to parse them alone could take many seconds.
    """
    return _parsed(_header, data)  # type: ignore[no-any-return]


def parse_body(message: Message, data: bytes) -> Message:
    """Return a message of ``parse_header`` with its body. Raises Malformed."""
    message.body = _parsed(_body, message, data)
    return message


def _parsed(parser: Callable[..., Any], *given: object) -> Any:  # noqa: ANN401 - as the parser
    try:
        return parser(*given)
    except Malformed:
        raise
    except (struct.error, LookupError, ValueError, TypeError) as error:
        cause = type(error).__name__
    raise Malformed(f"bytes that are no message: {cause}")  # as above


def _header(data: bytes) -> Message:
    layout = f"{ORDERS[data[:1]]}BBBIII"
    kind, flags, _version, _length, serial, size = struct.unpack_from(layout, data, 1)
    fields = {}
    if START + size + 8 <= LONGEST_HEADER:
        for code, (signature, value) in _Reader(data).array("(yv)", 0):
            if FIELDS.get(code, signature) != signature:
                raise Malformed("a field of a header has the wrong type")
            fields[code] = value
    return Message(kind, fields, flags=flags, serial=serial)


def _body(message: Message, data: bytes) -> tuple[object, ...]:
    (size,) = struct.unpack_from(f"{ORDERS[data[:1]]}I", data, 12)
    reader = _Reader(data, START + size + -size % 8)
    return tuple([reader.value(kind, 0) for kind in types(str(message.fields.get(SIGNATURE, "")))])


def _write_all(out: bytearray, signature: str, values: Sequence[object]) -> None:
    kinds = list(types(signature))
    if len(kinds) != len(values):
        raise Malformed("there are more or fewer values than the signature says")
    for kind, value in zip(kinds, values):
        _write(out, kind, value)


def _write(out: bytearray, kind: str, value: object) -> None:
    """Append a value of one complete type."""
    code = kind[0]
    _align(out, ALIGNED[code])
    if code in FIXED:
        out += struct.pack(f"<{FIXED[code]}", value)
    elif code in "sog":
        text = value.encode()  # type: ignore[attr-defined] # AttributeError is Malformed
        if code == "o" and not is_object_path(value):
            raise Malformed("the path of an object is malformed")
        out += struct.pack("<B" if code == "g" else "<I", len(text)) + text + b"\0"
    elif code == "a":
        _write_array(out, kind[1:], value)
    elif code == "v":
        _write_variant(out, value)
    elif not isinstance(value, tuple):
        raise Malformed("a structure is not a tuple")
    else:
        _write_all(out, kind[1:-1], value)


def _write_variant(out: bytearray, pair: Any) -> None:  # noqa: ANN401 - TypeError is Malformed
    signature, value = pair
    _write(out, "g", signature)
    _write_all(out, signature, (value,))


def _write_array(out: bytearray, kind: str, value: object) -> None:
    place = len(out)
    out += bytes(4)
    _align(out, ALIGNED[kind[0]])
    start = len(out)
    if isinstance(value, bytes) and kind == "y":
        out += value
    elif isinstance(value, dict) and kind[0] == "{":
        for pair in value.items():
            _align(out, 8)
            _write_all(out, kind[1:-1], pair)
    elif isinstance(value, list) and kind[0] != "{":
        for item in value:
            _write(out, kind, item)
    else:
        raise Malformed("an array is neither a list, nor bytes, nor a dictionary")
    if len(out) - start > LONGEST_ARRAY:
        raise Malformed("an array is longer than 64 MiB")
    struct.pack_into("<I", out, place, len(out) - start)


def _align(out: bytearray, boundary: int) -> None:
    out += bytes(-len(out) % boundary)


class _Reader:
    """Read values from the bytes of a message."""

    def __init__(self, data: bytes, at: int = 12) -> None:
        self._data = data
        self._order = ORDERS[data[:1]]
        self._at = at  # by default, where the header fields begin

    def _align(self, boundary: int) -> None:
        self._at += -self._at % boundary

    def value(self, kind: str, depth: int) -> object:
        """Return the next value, which has one complete type."""
        code = kind[0]
        self._align(ALIGNED[code])
        if code in FIXED:
            value = self._fixed(FIXED[code])
            return bool(value) if code == "b" else value
        if code in "sog":
            text = self._bytes(self._fixed("B" if code == "g" else "I") + 1)
            if text[-1:] != b"\0":
                raise Malformed("a text does not end with NUL")
            return text[:-1].decode()
        if depth > DEEPEST:
            raise Malformed("containers are nested too deeply")
        if code == "a":
            return self._array_value(kind[1:], depth + 1)
        if code == "v":
            return self._variant(depth + 1)
        return tuple([self.value(part, depth + 1) for part in types(kind[1:-1])])

    def _variant(self, depth: int) -> tuple[str, object]:
        signature = str(self.value("g", depth))
        (kind,) = types(signature)
        return signature, self.value(kind, depth)

    def _array_value(self, kind: str, depth: int) -> object:
        if kind == "y":
            return self._bytes(self._size("y"))
        if kind[0] != "{":
            return self.array(kind, depth)
        return dict(self.array(f"({kind[1:-1]})", depth))

    def array(self, kind: str, depth: int) -> list[Any]:
        """Return the items of an array whose elements have this type."""
        end = self._size(kind) + self._at
        items = []
        while self._at < end:
            items.append(self.value(kind, depth))
        if self._at != end:
            raise Malformed("the last element of an array goes beyond its end")
        return items

    def _size(self, kind: str) -> int:
        """Return how many bytes the elements of an array have, and go to the first."""
        self._align(4)
        size = self._fixed("I")
        self._align(ALIGNED[kind[0]])
        if size > LONGEST_ARRAY:
            raise Malformed("an array is longer than 64 MiB")
        return size

    def _fixed(self, code: str) -> int:
        number: int
        (number,) = struct.unpack_from(self._order + code, self._data, self._at)
        self._at += struct.calcsize(code)
        return number

    def _bytes(self, size: int) -> bytes:
        found = self._data[self._at : self._at + size]
        if len(found) < size:
            raise Malformed("a message is shorter than it says")
        self._at += size
        return found
