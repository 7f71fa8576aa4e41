"""Random changes of random stacks, for libpam and for the judge of a change.

Every rule runs a module of its own name that no table has, so that it may return anything. For
libpam, a stand-in takes its place: a pam_debug that returns what was chosen for that name.
"""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from creds_session.pam.modules.builtin import DEBUG_EVENTS
from creds_session.pam.syntax.terms import Call, Pass, ReturnValue, return_word

SERVICE = "svc"
D = "/etc/pam.d/"
TYPES = {
    Pass.AUTHENTICATE: "auth",
    Pass.SETCRED: "auth",
    Pass.ACCT_MGMT: "account",
    Pass.OPEN_SESSION: "session",
    Pass.PRELIM: "password",
    Pass.UPDATE: "password",
}
VALUES = (
    *(ReturnValue.SUCCESS, ReturnValue.IGNORE, ReturnValue.NEW_AUTHTOK_REQD),
    *(ReturnValue.AUTH_ERR, ReturnValue.USER_UNKNOWN),
)
"""One value for each effect: no control below names another one."""

CONTROLS = (
    *("required", "requisite", "sufficient", "optional", "required", "sufficient"),
    *("[success=1 default=ignore]", "[success=2 default=ignore]", "[success=1 default=bad]"),
    *("[default=die]", "[default=ignore]", "[default=1 success=ok ignore=ignore]", "[success=9]"),
    "[success=done new_authtok_reqd=done user_unknown=ignore default=die]",
    "[success=ok new_authtok_reqd=ok ignore=reset default=bad]",
    "[success=ok ignore=ignore default=2]",
)
VARIABLE = re.compile(r"pam_v[0-9]+\.so")
Rule = tuple[str, str]
Lines = list[Rule]


@dataclass
class Change:
    """The files of a service before and after a random change, in one management group."""

    pass_: Pass
    before: dict[str, bytes]
    after: dict[str, bytes]


class Changes:
    """A source of random changes; one seed gives one row of them."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 - test data
        self.serial = 0

    def change(self) -> Change:
        """Make a service with two files that it may include, and change them."""
        pass_ = self.random.choice(list(TYPES))
        self.serial = 0
        was = {"b": self._rules(2), "a": [*self._rules(2), *self._include("b")]}
        was["svc"] = [*self._rules(3), *self._include("a"), *self._rules(2)]
        now = {name: list(rules) for name, rules in was.items()}
        for _ in range(self.random.choice((1, 1, 1, 2, 3))):
            self._edit(now[self.random.choice(("svc", "svc", "a", "b"))])
        return Change(pass_, _files(was, TYPES[pass_]), _files(now, TYPES[pass_]))

    def values(self, names: set[str]) -> dict[str, int]:
        """Choose what each module returns."""
        often = (ReturnValue.SUCCESS, ReturnValue.SUCCESS, ReturnValue.AUTH_ERR)
        return {name: int(self.random.choice((*VALUES, *often))) for name in sorted(names)}

    def _include(self, name: str) -> Lines:
        return [(self.random.choice(("include", "substack")), name)] * self.random.randint(0, 1)

    def _rules(self, most: int) -> Lines:
        return [self._rule() for _ in range(self.random.randint(0, most))]

    def _rule(self) -> Rule:
        control = self.random.choice(CONTROLS)
        if self.random.random() < 0.2:
            return control, self.random.choice(("pam_permit.so", "pam_deny.so"))
        self.serial += 1
        return control, f"pam_v{self.serial - 1}.so"

    def _edit(self, rules: Lines) -> None:
        """Add, remove, move or change one rule."""
        place = self.random.randint(0, len(rules))
        if place == len(rules) or self.random.random() < 0.25:
            rules.insert(place, self._rule())
            return
        rule = rules.pop(place)
        edit = self.random.random()
        if edit < 0.3:
            is_include = rule[0] in {"include", "substack"}
            choices = ("include", "substack") if is_include else CONTROLS
            rules.insert(place, (self.random.choice(choices), rule[1]))
        elif edit < 0.75:
            rules.insert(self.random.randint(0, len(rules)), rule)


def _files(rules: Mapping[str, Lines], type_: str) -> dict[str, bytes]:
    files = {
        D + name: "".join(f"{type_} {' '.join(rule)}\n" for rule in lines).encode()
        for name, lines in rules.items()
    }
    return {**files, D + "other": f"{type_} required pam_deny.so\n".encode()}


def with_values(
    files: Mapping[str, bytes],
    values: Mapping[str, int],
    pass_: Pass,
    prelim: Mapping[str, int] | None = None,
) -> dict[str, bytes]:
    """Put the stand-ins into the files; a module without a value succeeds.

    A change of the password is two passes in one call. Each module returns in the first pass what
    ``prelim`` says, and without it the same in both.
    """

    def stand_in(match: re.Match[str]) -> str:
        said = {pass_: values}
        if pass_.call is Call.CHAUTHTOK:
            said = {Pass.PRELIM: values if prelim is None else prelim, Pass.UPDATE: values}
        arguments = [
            f"{DEBUG_EVENTS[one]}={return_word(chosen.get(match[0], 0))}"
            for one, chosen in said.items()
        ]
        return " ".join(("pam_debug.so", *arguments))

    return {path: VARIABLE.sub(stand_in, text.decode()).encode() for path, text in files.items()}


def names_in(files: Mapping[str, bytes]) -> set[str]:
    """Return the names of the modules that return what is chosen."""
    return {name for text in files.values() for name in VARIABLE.findall(text.decode())}


def other_values(
    values: Mapping[str, int], names: set[str], allowed: Callable[[int], bool]
) -> Iterator[dict[str, int]]:
    """Yield the values with every combination of allowed values for these names."""
    chosen = [int(value) for value in VALUES if allowed(int(value))]
    for combination in itertools.product(chosen, repeat=len(names)):
        yield {**values, **dict(zip(sorted(names), combination))}
