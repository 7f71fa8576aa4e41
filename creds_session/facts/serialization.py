"""Write facts as JSON and read them, so that one machine can judge what another one saw.

The JSON has the shape of the records: a NamedTuple is an object with its fields, and their
annotations say what is read. Bytes become text with one character for each byte (latin-1).
"""

from __future__ import annotations

import ast
import enum
import functools
import json
import re
import sys
from collections.abc import Callable, Mapping
from typing import Any

from creds_session.errors import InvalidData
from creds_session.facts.likely_secrets import without_secrets, without_secrets_in_words
from creds_session.facts.session import BusProblem
from creds_session.facts.snapshot import Facts

VERSION = 1


def dumps(facts: Facts) -> str:
    """Return the facts as text of JSON."""
    return json.dumps({"snapshot": VERSION, "facts": _plain(facts)}, indent=1) + "\n"


def loads(text: str) -> Facts:
    """Read facts from JSON. Raises InvalidData if the text is not a snapshot."""
    try:
        content = json.loads(text)
        if content["snapshot"] != VERSION:
            raise InvalidData(f"this is a snapshot of version {content['snapshot']}, not {VERSION}")
        return _with_bus_problem(_record(Facts, content["facts"]))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise InvalidData(f"this is not a snapshot of creds-doctor: {error!r}") from None


def _with_bus_problem(facts: Facts) -> Facts:
    """Return facts with the problem of the bus, which older snapshots have only in words."""
    bus = facts.bus
    if bus.problem is not None:
        return facts
    problem = None
    if bus.address is None and bus.reason.endswith("in time"):
        problem = BusProblem.NOT_LOOKED_AT
    elif "refused" in bus.reason:
        problem = BusProblem.NOBODY_LISTENS
    return facts._replace(bus=bus._replace(problem=problem))


def redacted(facts: Facts) -> Facts:
    """Return the facts without anything that looks like a password in an argument or a rule."""
    return _rewritten(facts, without_secrets, without_secrets_in_words)  # type: ignore[no-any-return]


def anonymous(facts: Facts, host: str) -> Facts:
    """Return the facts with the names of the user and the machine replaced everywhere.

    The facts about the distribution stay: many machines share them, and the checks need them.
    """
    names = {facts.session.user: "user", facts.session.sudo_user: "admin", host: "host"}
    wanted = {name: word for name, word in names.items() if name and name != "root"}
    if not wanted:
        return facts
    choice = "|".join(map(re.escape, sorted(wanted, key=len, reverse=True)))
    pattern = re.compile(rf"(?<![A-Za-z0-9_])(?:{choice})(?![A-Za-z0-9_])")
    changed = _rewritten(facts, lambda text: pattern.sub(lambda found: wanted[found.group()], text))
    return changed._replace(installation=facts.installation, pam=facts.pam)  # type: ignore[no-any-return]


def _words(words: tuple[str, ...]) -> tuple[str, ...]:
    return words


def _rewritten(
    value: Any,  # noqa: ANN401
    change: Callable[[str], str],
    change_words: Callable[[tuple[str, ...]], tuple[str, ...]] = _words,
) -> Any:  # noqa: ANN401
    """Return a value with every text in it changed, the names of fields left.

    ``change_words`` is for the arguments of a program, which belong together.
    """
    if isinstance(value, str):
        return change(value)
    if isinstance(value, bytes):
        return change(value.decode("latin-1")).encode("latin-1")
    if hasattr(value, "_asdict"):
        return type(value)(*(_rewritten(item, change, change_words) for item in value))
    if isinstance(value, tuple):
        whole = change_words(value) if all(isinstance(item, str) for item in value) else value
        return tuple(_rewritten(item, change, change_words) for item in whole)
    if isinstance(value, Mapping):
        return {
            change(name): _rewritten(item, change, change_words) for name, item in value.items()
        }
    return value


def _plain(value: Any) -> object:  # noqa: ANN401 - any field of any record
    if hasattr(value, "_asdict"):
        return {name: _plain(item) for name, item in zip(value._fields, value)}
    if isinstance(value, enum.Enum):
        return value.name
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _record(kind: Any, fields: Mapping[str, object]) -> Any:  # noqa: ANN401
    readers = _readers(kind)
    return kind(**{name: readers[name](value) for name, value in fields.items()})


@functools.cache
def _readers(kind: Any) -> dict[str, Callable[[Any], object]]:  # noqa: ANN401
    """Return the reader of each field, by its annotation (text, PEP 563)."""
    names = vars(sys.modules[kind.__module__])
    fields = {}
    for name, annotation in kind.__annotations__.items():
        text = getattr(annotation, "__forward_arg__", annotation)
        fields[name] = _reader(ast.parse(text, mode="eval").body, names)
    return fields


def _reader(node: ast.expr, names: Mapping[str, Any]) -> Callable[[Any], object]:
    if isinstance(node, ast.BinOp):  # X | None
        inner = _reader(node.left, names)
        return lambda value: None if value is None else inner(value)
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Tuple):
        first, second = node.slice.elts
        if getattr(node.value, "id", "") == "tuple":
            read = _reader(first, names)
            return lambda value: tuple(read(item) for item in value)
        read = _reader(second, names)
        return lambda value: {name: read(item) for name, item in value.items()}
    return _scalar(ast.unparse(node), names)


def _scalar(name: str, names: Mapping[str, Any]) -> Callable[[Any], object]:
    plain = {"str": str, "int": int, "float": float, "bool": bool}
    if name in plain:
        return functools.partial(_exactly, plain[name])
    if name == "bytes":
        return lambda value: value.encode("latin-1")
    kind = names[name]
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return lambda value: kind[value]
    return functools.partial(_record, kind)


def _exactly(kind: type, value: object) -> object:
    if isinstance(value, kind) and (kind is bool or not isinstance(value, bool)):
        return value
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    raise TypeError(f"{value!r} is not a {kind.__name__}")
