"""A named tuple for the records of a command that is waited for.

``typing.NamedTuple`` is the usual one, but ``typing`` and what it loads take longer than Python's
own start (docs/decisions/0018). A type checker sees ``typing.NamedTuple`` here.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple as NamedTuple  # noqa: PLC0414 - the public name of this module
else:

    class _Signature:
        """The parameters of a record, for help() and for tests that make records of any kind."""

        def __get__(self, record, kind):
            from inspect import Parameter, Signature  # no command needs it

            usual = kind._field_defaults
            return Signature(
                Parameter(
                    name,
                    Parameter.POSITIONAL_OR_KEYWORD,
                    default=usual.get(name, Parameter.empty),
                )
                for name in kind._fields
            )

    class NamedTuple(tuple):
        """A tuple whose fields are the annotations of the class, in their order."""

        __slots__ = ()
        __signature__ = _Signature()
        _fields = ()
        _field_defaults = {}  # noqa: RUF012 - each class has its own

        def __init_subclass__(cls):
            cls._fields = cls.__match_args__ = tuple(cls.__annotations__)
            named = vars(cls)
            cls._field_defaults = {name: named[name] for name in cls._fields if name in named}
            for index, name in enumerate(cls._fields):
                setattr(cls, name, _tuplegetter(index, name))

        def __new__(cls, *values, **named):
            """Return a record of these values. Raises TypeError."""
            if not named and len(values) == len(cls._fields):
                return tuple.__new__(cls, values)
            missing = cls._fields[len(values) :]
            given = {**cls._field_defaults, **named}
            if len(values) > len(cls._fields) or not named.keys() <= set(missing):
                raise TypeError(f"{cls.__name__}() takes the fields {cls._fields}")
            try:
                return tuple.__new__(cls, (*values, *[given[name] for name in missing]))
            except KeyError as error:
                raise TypeError(f"{cls.__name__}() needs the field {error}") from None

        def __getnewargs__(self):
            return tuple(self)

        def __repr__(self):
            fields = zip(self._fields, self)
            return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in fields)})"

        def _replace(self, **named):
            """Return a record with other values in these fields. Raises ValueError."""
            if not named.keys() <= set(self._fields):
                raise ValueError(f"{type(self).__name__} has the fields {self._fields}")
            return type(self)(**{**self._asdict(), **named})

        def _asdict(self):
            return dict(zip(self._fields, self))

    try:  # as in collections.namedtuple(), whose fields are read by code in C
        from _collections import _tuplegetter
    except ImportError:

        def _tuplegetter(index, doc):
            return property(lambda record: record[index], doc=doc)
