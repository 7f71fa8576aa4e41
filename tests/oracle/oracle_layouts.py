"""Sort services by layout: what brings the password, and what a success there ends."""

from __future__ import annotations

import re
from collections.abc import Iterator

from creds_session.pam.stack.handlers import Branch, Handler, Stack
from creds_session.pam.stack.resolve import resolve_all
from creds_session.pam.syntax.nodes import AtInclude, Malformed, Node, Rule
from creds_session.pam.syntax.parser import parse
from creds_session.pam.syntax.terms import Action, Dialect, ReturnValue
from tests.oracle.oracle_corpus import Item

LAYOUTS = {
    "A1": "`@include common-auth` last",
    "A2": "`@include common-auth`, then other auth modules",
    "A3": "a module that ends the stack, then `@include common-auth`",
    "B": "`substack`",
    "C": "`include` whose success goes on",
    "D": "`include` whose success ends the stack",
    "E": "flat, the password module decides",
    "F": "flat or `@include`, a success ends the stack",
    "G": "no password module",
    "H": "no auth rules",
    "I": "`pam_stack.so`",
    "X": "not for Linux's libpam, a template, or an included file is missing",
}

# Written out here and not taken from policy.py: a test must not ask what it tests.
PASSWORD_MODULES = re.compile(
    r"pam_(unix2?|pwdb|sss|ldapd?|krb5|winbind|systemd_home|himmelblau|aad|tcb|userdb)\.so$"
)
TEMPLATE = re.compile(rb"^[^#\n]*(\{%|\{\{|<%|@[A-Z_]+@)", re.MULTILINE)
FOREIGN = re.compile(
    rb"^[^#\n]*(pam_opie|\bbinding\b|pam_opendirectory|pam_login_access)", re.MULTILINE
)
SUCCESS = int(ReturnValue.SUCCESS)


def why_not_judged(item: Item) -> str:
    """Return why a file is no matter for a planner; empty if it is."""
    nodes = parse(item.content, Dialect.DEBIAN_1_7).lines
    rules = sum(isinstance(node, (Rule, AtInclude)) for node in nodes)
    if TEMPLATE.search(item.content):
        return "a template"
    if FOREIGN.search(item.content) or item.guess.startswith("bsd"):
        return "OpenPAM"
    if sum(isinstance(node, Malformed) for node in nodes) > rules:
        return "not a PAM service file"
    if item.unknown:
        return "an include that nobody has"
    return ""


def layout(item: Item) -> str:
    """Return the letter of a service's layout."""
    if why_not_judged(item):
        return "X"
    stack = resolve_all(item.service, item.files.get, dialect=item.dialect).auth
    if stack.is_other or not stack.handlers:
        return "H"
    if any(handler.module == "pam_stack.so" for handler in stack.handlers):
        return "I"
    needed = [branch for branch in stack.tree if any(_passwords(branch, stack))]
    return _by_branch(item, stack, needed[-1]) if needed else "G"


def _by_branch(item: Item, stack: Stack, branch: Branch) -> str:
    place = stack.tree.index(branch)
    before, behind = stack.tree[:place], stack.tree[place + 1 :]
    ends = any(_ends(handler) for handler in _passwords(branch, stack))
    flat = (one for other in before if not other.children for one in _passwords(other, stack))
    if not branch.children:
        return "F" if ends else "E"
    if any(_ends(handler) for handler in flat):
        return "F"
    word = _include_word(parse(item.content, item.dialect).lines[branch.origin.node])
    if word != "@include":
        return "B" if word == "substack" else "D" if ends else "C"
    if ends or any(_ends(handler) for other in before for handler in _own(other, stack)):
        return "F" if ends else "A3"
    return "A2" if any(any(_all(other, stack)) for other in behind) else "A1"


def _include_word(node: Node) -> str:
    if isinstance(node, AtInclude):
        return "@include"
    start, end = node.spans.control if isinstance(node, Rule) else (0, 0)
    return node.source[start:end].decode().lower()


def _own(branch: Branch, stack: Stack) -> Iterator[Handler]:
    if branch.position is not None and not branch.children:
        yield stack.handlers[branch.position]


def _all(branch: Branch, stack: Stack) -> Iterator[Handler]:
    yield from _own(branch, stack)
    for child in branch.children:
        yield from _all(child, stack)


def _passwords(branch: Branch, stack: Stack) -> Iterator[Handler]:
    return (handler for handler in _all(branch, stack) if PASSWORD_MODULES.match(handler.module))


def _ends(handler: Handler) -> bool:
    return handler.actions[SUCCESS] is Action.DONE
