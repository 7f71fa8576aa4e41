"""Any facts survive JSON, and no name of the user's or the host's survives `--anonymous`."""

from __future__ import annotations

import ast
import enum
import re
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from creds_session.errors import InvalidData
from creds_session.facts.serialization import anonymous, dumps, loads, redacted
from creds_session.facts.session import SessionFacts
from creds_session.facts.snapshot import Facts
from tests.unit.examples import WELL

SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "str": st.text(max_size=8),
    "int": st.integers(-9, 1 << 40),
    "float": st.floats(0, 1e12),
    "bool": st.booleans(),
    "bytes": st.binary(max_size=12),
}


def values(node: ast.expr, names: dict[str, Any]) -> st.SearchStrategy[Any]:
    if isinstance(node, ast.BinOp):
        return st.none() | values(node.left, names)
    if isinstance(node, ast.Subscript):
        assert isinstance(node.slice, ast.Tuple)
        assert isinstance(node.value, ast.Name)
        if node.value.id == "tuple":
            return st.lists(values(node.slice.elts[0], names), max_size=2).map(tuple)
        return st.dictionaries(st.text(max_size=5), values(node.slice.elts[1], names), max_size=2)
    assert isinstance(node, ast.Name)
    if node.id in SCALARS:
        return SCALARS[node.id]
    kind = names[node.id]
    return st.sampled_from(kind) if issubclass(kind, enum.Enum) else records(kind)


def records(kind: Any) -> st.SearchStrategy[Any]:
    names = vars(sys.modules[kind.__module__])
    fields = {
        name: values(ast.parse(getattr(text, "__forward_arg__", text), mode="eval").body, names)
        for name, text in kind.__annotations__.items()
    }
    return st.builds(kind, **fields)


@settings(max_examples=40, deadline=None)
@given(records(Facts))
def test_facts_survive_json(facts: Facts) -> None:
    assert loads(dumps(facts)) == facts


def test_a_secret_in_an_argument_or_a_rule_is_removed() -> None:
    (daemon,) = WELL.daemons
    loud = daemon._replace(arguments=("x", "--password=hunter2", "bindpw=hunter2"))
    rule = b"auth required pam_ldap.so bindpw=hunter2 use_first_pass\n"
    facts = WELL._replace(daemons=(loud,), pam=WELL.pam._replace(files={"/etc/pam.d/x": rule}))
    told = dumps(redacted(facts))
    assert "hunter2" not in told
    assert "use_first_pass" in told
    assert redacted(WELL) == WELL


@given(
    st.sampled_from(["alice", "bo", "a.b", "x-y", "bus", "home", "login"]),
    st.sampled_from(["vm", "vm.example.org"]),
)
def test_no_name_survives(user: str, host: str) -> None:
    session = SessionFacts(user, 1000, runtime_directory=f"/home/{user}/run")
    facts = WELL._replace(session=session, late=(f"on {host}: {user}",))
    told = anonymous(facts, host)
    assert not re.search(rf"\b{re.escape(user)}\b", repr(told.session) + repr(told.late))
    assert told.late == ("on host: user",)
    assert loads(dumps(told)) == told


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", "nonsense", '{"snapshot": 2, "facts": {}}', '{"snapshot":1,"facts":{}}'],
)
def test_text_that_is_no_snapshot_is_refused(text: str) -> None:
    with pytest.raises(InvalidData):
        loads(text)
