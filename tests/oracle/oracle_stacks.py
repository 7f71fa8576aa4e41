"""Random service files for libpam and for us."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass

from creds_session.pam.modules.builtin import DEBUG_EVENTS
from creds_session.pam.syntax.terms import Action, ReturnValue

TYPES = ("auth", "account", "password", "session")
SIMPLE = ("required", "requisite", "sufficient", "optional")
VALUES = tuple(value.word for value in ReturnValue)
LIKELY = ("success", "success", "auth_err", "ignore", "perm_denied", "new_authtok_reqd")
ACTIONS = tuple(action.value for action in Action)
SOUP = (
    *("\n", "\n", "\\\n", " ", " ", "\t", "#", "[", "]", "\\", "\0", "\r", "\v", "-", "=", "x"),
    "auth",
    "account ",
    "password\t",
    " session ",
    "required ",
    "optional ",
    "sufficient",
    "pam_echo.so id ",
    " pam_debug.so auth=success acct=success ",
    "[default=ok]",
    "success=1 ",
    "auth required pam_echo.so ",
    "account [default=ok] pam_echo.so ",
    "\npassword optional ",
    "@include d\n",
    "substack d",
    "include /etc/pam.d/d\n",
    "?",
    ".",
    "/",
    "[]",
    "\\]",
)
ODD_CONTROLS = (
    "requierd",
    "success=ok",
    "[]",
    "[required]",
    "OPTIONAL",
    "default=die",
    "[success=okay]",
    "[success=0]",
    "[;]",
)
ODD_PAIRS = (
    "nonsense",
    "succes=ok",
    "success=",
    "success",
    "success=99999999999",
    "success=4294967295",
    "success=4294967298",
    "default=2147483648",
)
ODD_GLUE = (
    " \\\n",
    "\\\n ",
    " \\ \t\n\t",
    " \\\n# c\n",
    " \\\n\n",
    " \v ",
    " #",
    " \\\n\\\n",
    " \0",
    "\\",
    " \\\r\n",
)
NAMES = ("a", "b", "c", "d")
SEQUENCES = (
    ("authenticate", "setcred", "setcred"),
    ("setcred", "authenticate"),
    ("acct_mgmt",),
    ("open_session", "close_session"),
    ("close_session", "open_session", "close_session"),
    ("chauthtok", "chauthtok"),
)


RETURNS = """\
auth {control} pam_debug.so auth={value} cred={value}
account {control} pam_debug.so acct={value}
password {control} pam_debug.so {changes}
session {control} pam_debug.so open_session={value} close_session={value}
"""


def every_return() -> Iterator[dict[str, bytes]]:
    """Return each return value in each pass under each simple control.

    Chance alone would leave some out: few stacks get as far as the second half of chauthtok.
    """
    for control, value in itertools.product(SIMPLE, VALUES):
        for changes in (f"prechauthtok={value}", f"prechauthtok=success chauthtok={value}"):
            text = RETURNS.format(control=control, value=value, changes=changes)
            yield {"/etc/pam.d/svc": text.encode()}


@dataclass
class Stacks:
    """A source of random files; one seed gives one row of them."""

    random: random.Random
    has_messy_lines: bool = True
    serial: int = 0

    def files(self) -> dict[str, bytes]:
        """Make a service and what it includes, mostly without circles."""
        files = {}
        for depth, name in enumerate(("svc", *NAMES)):
            if depth and self.random.random() < 0.1:
                continue
            reachable = NAMES[depth:]
            files[f"/etc/pam.d/{name}"] = self.file(reachable, self.random.randint(0, 7))
        if self.random.random() < 0.7:
            files["/etc/pam.d/other"] = self.file(NAMES[2:], 2)
        if self.random.random() < 0.2:
            files["/usr/lib/pam.d/" + self.random.choice(("svc", "a", "v"))] = self.file((), 2)
        if self.random.random() < 0.04:
            files.pop("/etc/pam.d/svc")
        return files

    def file(self, includes: tuple[str, ...], lines: int) -> bytes:
        """Make one file."""
        if self.has_messy_lines and self.random.random() < 0.1:
            return "".join(self.random.choices(SOUP, k=self.random.randint(1, 40))).encode()
        types = self.random.choices(TYPES, k=self.random.choice((1, 2, 4)))
        text = b"".join(self.line(self.random.choice(types), includes) for _ in range(lines))
        if self.has_messy_lines and self.random.random() < 0.1:
            text = text[:-1]
        if self.has_messy_lines and self.random.random() < 0.005:
            text += b"auth required pam_permit.so \\"
        return text

    def line(self, type_: str, includes: tuple[str, ...]) -> bytes:
        """Make one line, with its newline."""
        chance = self.random.random()
        if chance < 0.04:
            return self.random.choice(("# note\n", "\n", " \t\n", "  # note \\\n", "\\\n")).encode()
        if chance < 0.2 and includes:
            words = self.include(type_, includes)
        else:
            words = [type_, self.control(), *self.module(type_)]
        if self.random.random() < 0.05:
            words[0] = "-" + words[0]
        if not self.has_messy_lines:
            return " ".join(words).encode() + b"\n"
        return self.mess(words)

    def include(self, type_: str, includes: tuple[str, ...]) -> list[str]:
        """Make an include of some kind."""
        name = self.random.choice(includes)
        chance = self.random.random()
        if chance < 0.04:
            name = self.random.choice(("missing", "v", *NAMES, "svc", ".x", "../pam.d/d"))
        elif chance < 0.1:
            name = f"/etc/pam.d/{name}"
        kind = self.random.choice(("include", "include", "substack", "substack", "@include"))
        return [kind, name] if kind == "@include" else [type_, kind, name]

    def control(self) -> str:
        """Make a control."""
        chance = self.random.random()
        if chance < 0.55:
            return self.random.choice(SIMPLE)
        if chance < 0.58:
            return self.random.choice(ODD_CONTROLS)
        pairs = [f"{self.value()}={self.action()}" for _ in range(self.random.randint(0, 3))]
        if self.random.random() < 0.8:
            pairs.append(f"default={self.action()}")
        if self.random.random() < 0.03:
            pairs.append(self.random.choice(ODD_PAIRS))
        if self.random.random() < 0.1:
            self.random.shuffle(pairs)
        glue = self.random.choice((" ", " ", " ", "\t", ""))
        return "[" + glue.join(pairs) + "]"

    def value(self) -> str:
        """Choose a return value, mostly one that matters."""
        return self.random.choice(LIKELY if self.random.random() < 0.8 else VALUES)

    def action(self) -> str:
        """Choose an action or a jump, also one past the end."""
        if self.random.random() < 0.3:
            return str(self.random.choice((1, 1, 2, 2, 3, 9)))
        return self.random.choice(ACTIONS)

    def module(self, type_: str) -> list[str]:
        """Choose a module and its arguments."""
        chance = self.random.random()
        if chance < 0.7:
            events = [event for pass_, event in DEBUG_EVENTS.items() if _serves(type_, pass_.value)]
            arguments = [f"{event}={self.value()}" for event in events]
            if self.random.random() < 0.05:
                arguments.append(f"{events[0]}=nonsense")
                self.random.shuffle(arguments)
            return ["pam_debug.so", *arguments]
        if chance < 0.85:
            self.serial += 1
            more = self.random.choice(
                ((), (), ("x",), ("[a  b]",), (r"[a\]b", "c]d"), ("[", "e f"))
            )
            return ["pam_echo.so", f"id{self.serial}", *more]
        return [
            self.random.choice(
                (
                    "pam_permit.so",
                    "pam_deny.so",
                    "pam_missing.so",
                    "pam_permit.so\r",
                    "PAM_PERMIT.SO",
                )
            )
        ]

    def mess(self, words: list[str]) -> bytes:
        """Write the words as people do, and now and then as nobody should."""
        chance = self.random.random()
        if chance < 0.015:
            words = words[: self.random.randint(1, 2)]
        elif chance < 0.03:
            words[0] = self.random.choice(("auht", "[auth]", "-", "AUTH", "Session", "\ufeffauth"))
        line = ""
        for word in words:
            glue = self.random.choice((" ", " ", "\t", "  \t", " ", " "))
            if self.random.random() < 0.03:
                glue = self.random.choice(ODD_GLUE)
            line += glue + word if line else word
        line = self.random.choice(("", "", "", " ", "\t")) + line
        if self.random.random() < 0.004:
            line += " " * self.random.randint(0, 30) + "x" * self.random.randint(800, 1100)
        line += self.random.choice(("", "", "", " ", "\t", " # note", "#note", " # \\"))
        return line.encode() + b"\n"


def _serves(type_: str, pass_: str) -> bool:
    """Whether a pass runs rules of a type."""
    return (
        pass_
        in {
            "auth": ("authenticate", "setcred"),
            "account": ("acct_mgmt",),
            "password": ("prelim", "update"),
            "session": ("open_session", "close_session"),
        }[type_]
    )
