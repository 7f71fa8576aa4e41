"""The records of commands that are waited for behave as typing.NamedTuple does."""

from __future__ import annotations

import inspect
import pickle
import typing

import pytest

from creds_session import records


class Light(records.NamedTuple):
    """A record of ours."""

    name: str
    count_of: int = 3

    @property
    def shown(self) -> str:
        return f"{self.name}:{self.count_of}"


class Usual(typing.NamedTuple):
    """The same record of Python's."""

    name: str
    count_of: int = 3


KINDS = [Light, Usual]


@pytest.mark.parametrize("kind", KINDS)
def test_a_record_is_a_tuple_with_names_and_defaults(kind: type[Light]) -> None:
    record = kind("a")
    assert record == ("a", 3) == kind(name="a", count_of=3)
    assert (record.name, record.count_of) == tuple(record)
    assert kind._fields == ("name", "count_of")
    assert kind._field_defaults == {"count_of": 3}
    assert record._replace(name="b") == ("b", 3)
    assert isinstance(record._replace(name="b"), kind)
    assert record._asdict() == {"name": "a", "count_of": 3}
    assert repr(record) == f"{kind.__name__}(name='a', count_of=3)"
    assert hash(record) == hash(("a", 3))


@pytest.mark.parametrize("kind", KINDS)
def test_a_record_needs_its_fields_and_takes_no_others(kind: typing.Any) -> None:
    for values, named in ((), {}), (("a", 1, 2), {}), (("a",), {"name": "b"}), (("a",), {"x": 1}):
        with pytest.raises(TypeError):
            kind(*values, **named)
    with pytest.raises((ValueError, TypeError)):
        kind("a")._replace(x=1)
    with pytest.raises(AttributeError):
        kind("a").name = "b"


def test_a_record_may_have_properties_and_can_be_pickled() -> None:
    assert Light("a").shown == "a:3"
    assert pickle.loads(pickle.dumps(Light("a", 4))) == Light("a", 4)  # noqa: S301 - ours


@pytest.mark.parametrize("kind", KINDS)
def test_a_record_has_a_signature(kind: type[Light]) -> None:
    parameters = inspect.signature(kind).parameters.values()
    assert [(one.name, one.default) for one in parameters] == [
        ("name", inspect.Parameter.empty),
        ("count_of", 3),
    ]
