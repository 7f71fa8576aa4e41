"""Messages are written and read as jeepney does, and bytes that are no message are refused."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import jeepney
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jeepney.low_level import Header, HeaderFields, MessageFlag, MessageType, parse_signature

from creds_session.system.bus.signatures import Malformed, types
from creds_session.system.bus.wire import (
    ERROR,
    LONGEST_ARRAY,
    LONGEST_HEADER,
    METHOD_CALL,
    SIGNATURE,
    START,
    Message,
    length,
    parse_body,
    parse_header,
    serialise,
)

BITS = {"n": (-(1 << 15), 1 << 15), "q": (0, 1 << 16), "i": (-(1 << 31), 1 << 31)}
BITS |= {"u": (0, 1 << 32), "x": (-(1 << 63), 1 << 63), "t": (0, 1 << 64), "y": (0, 256)}
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
PLAIN: dict[str, st.SearchStrategy[Any]] = {
    **{code: st.integers(low, high - 1) for code, (low, high) in BITS.items()},
    "b": st.booleans(),
    "d": st.floats(allow_nan=False),
    "s": TEXT,
    "o": st.from_regex(r"/|(/[A-Za-z0-9_]{1,3}){1,3}", fullmatch=True),
    "g": st.sampled_from(["", "s", "a{sv}", "(oayays)", "aai"]),
}
KINDS = st.recursive(
    st.sampled_from([*PLAIN, "v"]),
    lambda inner: st.one_of(
        inner.map(lambda kind: f"a{kind}"),
        st.lists(inner, min_size=1, max_size=3).map(lambda kinds: f"({''.join(kinds)})"),
        st.tuples(st.sampled_from(sorted(PLAIN)), inner).map(
            lambda pair: f"a{{{pair[0]}{pair[1]}}}"
        ),
    ),
    max_leaves=5,
)


def values(kind: str) -> st.SearchStrategy[Any]:
    if kind in PLAIN:
        return PLAIN[kind]
    if kind == "v":
        simple = st.sampled_from(["s", "u", "ay", "as", "(ob)", "a{ss}"])
        return simple.flatmap(lambda inner: st.tuples(st.just(inner), values(inner)))
    if kind == "ay":
        return st.binary(max_size=20)
    if kind[:2] == "a{":
        key, value = types(kind[2:-1])
        return st.dictionaries(values(key), values(value), max_size=3)
    if kind[0] == "a":
        return st.lists(values(kind[1:]), max_size=3)
    return st.tuples(*map(values, types(kind[1:-1])))


BODIES = st.lists(KINDS, max_size=3).flatmap(
    lambda kinds: st.tuples(st.just("".join(kinds)), st.tuples(*map(values, kinds)))
)


def by_jeepney(signature: str, body: tuple[object, ...], serial: int) -> bytes:
    fields: dict[Any, Any] = {HeaderFields.path: "/a", HeaderFields.member: "M"}
    if signature:
        fields[HeaderFields.signature] = signature
    little = jeepney.Endianness.little
    flags = MessageFlag.no_auto_start
    header = Header(little, MessageType.method_call, flags, 1, 0, serial, fields)
    data: bytes = jeepney.Message(header, body).serialise(serial=serial)
    return data


def by_us(signature: str, body: tuple[object, ...], serial: int) -> bytes:
    fields: dict[int, object] = {1: "/a", 3: "M"}
    if signature:
        fields[SIGNATURE] = signature
    return serialise(Message(METHOD_CALL, fields, body, flags=2), serial)


def parse(data: bytes) -> Message:
    return parse_body(parse_header(data[:LONGEST_HEADER]), data)


@given(BODIES, st.integers(1, (1 << 32) - 1))
@example(("a{sv}(oayays)b", ({"l": ("s", "x")}, ("/s", b"", b"s3cret", "text/plain"), True)), 1)
def test_a_message_is_the_bytes_that_jeepney_makes_and_reads(
    body: tuple[str, tuple[object, ...]], serial: int
) -> None:
    data = by_us(*body, serial)
    assert data == by_jeepney(*body, serial)
    assert length(data[:START]) == len(data)
    read, theirs = parse(data), jeepney.Message.from_buffer(data)
    assert (read.kind, read.flags, read.serial) == (METHOD_CALL, 2, serial)
    assert read.fields == {field.value: value for field, value in theirs.header.fields.items()}
    assert read.body == body[1] == tuple(theirs.body)


@given(BODIES)
def test_a_message_in_big_endian_order_is_read(body: tuple[str, tuple[object, ...]]) -> None:
    signature, values_ = body
    fields: dict[Any, Any] = {HeaderFields.reply_serial: 7}
    if signature:
        fields[HeaderFields.signature] = signature
    big = jeepney.Endianness.big
    header = Header(big, MessageType.error, MessageFlag(0), 1, 0, 9, fields)
    data = jeepney.Message(header, values_).serialise(serial=9)
    read = parse(data)
    assert (read.kind, read.serial, read.body) == (ERROR, 9, values_)
    assert length(data[:START]) == len(data)


@given(BODIES, st.data())
def test_changed_bytes_are_a_message_or_malformed(
    body: tuple[str, tuple[object, ...]], data: st.DataObject
) -> None:
    whole = bytearray(by_us(*body, 1))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(whole[: data.draw(st.integers(START, len(whole)))])
    for check in (parse, lambda given: length(given[:START])):
        with suppress(Malformed):
            check(cut)


@given(st.text("abis(){}vyog", max_size=8))
def test_a_signature_is_refused_if_jeepney_refuses_it(signature: str) -> None:
    def theirs() -> bool:
        rest = list(signature)
        try:
            while rest:
                parse_signature(rest)
        except (IndexError, ValueError, TypeError, KeyError):
            return False
        return "()" not in signature  # the specification forbids it, jeepney takes it

    def ours() -> bool:
        try:
            list(types(signature))
        except Malformed:
            return False
        return True

    assert not ours() or theirs()


@pytest.mark.parametrize("signature", ["", "a{sv}", "aas", "a{s(ii)}", "(oayays)", "a(yv)sv"])
def test_usual_signatures_are_taken(signature: str) -> None:
    assert "".join(types(signature)) == signature


@pytest.mark.parametrize(
    "signature", ["a", "(", "()", "{ss}", "a{s}", "a{vs}", "a{ass}", "z", ")", "a" * 70 + "y"]
)
def test_other_signatures_are_malformed(signature: str) -> None:
    with pytest.raises(Malformed):
        list(types(signature))


def test_containers_that_are_nested_too_deeply_are_malformed() -> None:
    value: object = ("s", "x")
    for _ in range(80):
        value = ("v", value)
    with pytest.raises(Malformed):
        parse(by_us("v", (value,), 1))


@pytest.mark.parametrize(
    ("signature", "body"),
    [
        *[("s", (7,)), ("ay", (["s3cret"],)), ("u", (-1,)), ("a{ss}", (["s3cret"],)), ("s", ())],
        *[("o", (path,)) for path in ("", "a", "//", "/a/", "/a//b", "/s3cret-", "/é", "/a\n")],
    ],
)
def test_a_value_of_another_type_is_malformed_and_not_shown(
    signature: str, body: tuple[object, ...]
) -> None:
    with pytest.raises(Malformed) as caught:
        by_us(signature, body, 1)
    assert "s3cret" not in str(caught.value)
    assert signature != "o" or str(caught.value) == "the path of an object is malformed"
    assert caught.value.__cause__ is None


def test_a_header_field_of_another_type_is_malformed() -> None:
    data = by_us("s", ("x",), 1)
    parse_header(data)
    with pytest.raises(Malformed, match="wrong type"):
        parse_header(data.replace(b"\3\1s\0", b"\5\1s\0"))  # a text as the serial of a call


HEADER_TOO_LONG = b"l\1\0\1" + bytes(8) + (LONGEST_ARRAY + 1).to_bytes(4, "little")


@pytest.mark.parametrize(
    ("start", "problem"),
    [
        (b"x" * 16, "byte order"),
        (b"l" + b"\xff" * 15, "header of a message is longer than 64 MiB"),
        (b"l\1\0\1\0\0\0\x7f" + bytes(8), "a message is longer than 128 MiB"),
        (HEADER_TOO_LONG, "header of a message is longer than 64 MiB"),
    ],
)
def test_a_length_that_cannot_be_is_malformed(start: bytes, problem: str) -> None:
    with pytest.raises(Malformed, match=problem):
        length(start)
