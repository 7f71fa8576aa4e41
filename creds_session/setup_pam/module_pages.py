"""Write the page about PAM modules from the tables; ``scripts/check-pages`` calls this."""

from __future__ import annotations

from collections.abc import Mapping

from creds_session.pam.modules.facts import ABSENT, ModuleFacts
from creds_session.pam.modules.linux_pam import ALIASES, LINUX_PAM
from creds_session.pam.modules.others import OTHERS

CALLS = ("authenticate", "setcred", "acct_mgmt", "open_session", "close_session", "chauthtok")
HEAD = """\
# What PAM modules return, and what they do with the password

`creds-setup-pam` proves a change for everything that the other modules may return
([how](../explanation/proof.md)). These tables say what is known about the modules. The proof,
`explain`, `simulate` and `creds-doctor` all use them. A module that is in no table may return
anything, and messages say that it is unknown.

How to read a cell: the name of a value, as in pam.conf(5), means that value only. *errors* means
every value except `success`, `ignore`, `new_authtok_reqd` and `module_unknown`. *anything* means
that nothing is assumed. An empty cell means that the module has no such function. The file of each
module may also be missing; libpam then counts `module_unknown` in each call of a login.

The [warning](../explanation/proof.md) about a wrong password that is let in counts only values that
a module is known to return. For a module that checks the person and whose cell says *anything*,
these are errors; ignore is counted only with an argument for which the cell says so.

Two more things are assumed: pam_permit, pam_deny and pam_debug, which come with libpam, exist; and
the conversation of an application returns what pam_conv(3) allows.

A row is only about a module in libpam's own directory. The rows of Linux-PAM's own modules were
read in the sources of the releases 1.3.1 to 1.7.2. `tests/oracle/test_module_facts.py` runs the
modules that Debian has, in each of the six calls, with several arguments, users and configurations:
no module may return a value that its row does not contain.
"""
OPTIONS = """\
Options and configuration files change what these modules return, so almost nothing is assumed.
"""


def modules_page() -> str:
    """Return docs/reference/pam-modules.md."""
    parts = [
        HEAD,
        "## Linux-PAM's own\n",
        _table(LINUX_PAM),
        "## Others\n",
        OPTIONS,
        _table(OTHERS),
        "## Other names\n",
        *(f"- `{name}` is `{module}`" for name, module in ALIASES.items()),
        "",
    ]
    return "\n".join(parts)


def _table(facts: Mapping[str, ModuleFacts]) -> str:
    heads = ["module", *CALLS, "the password", "a success in authenticate confirms", "source"]
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for name, row in sorted(facts.items()):
        cells = [f"`{name}`", *(_cell(row, call) for call in CALLS)]
        cells += [row.handling.value, row.admission.value, row.source]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join([*lines, ""])


def _cell(row: ModuleFacts, call: str) -> str:
    words = str(getattr(row, call))
    text = "" if words == ABSENT else words.replace(" ", ", ")
    for argument, which, instead in row.options:
        if which == call and words == instead:
            text += f"; with `{argument}` it is known to return ignore"
        elif which == call:
            text += f"; with `{argument}`: {instead.replace(' ', ', ')}"
    return text
