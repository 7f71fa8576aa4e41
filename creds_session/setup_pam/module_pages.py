"""The page of what PAM modules return, from the tables (``scripts/check-pages`` writes it)."""

from __future__ import annotations

from collections.abc import Mapping

from creds_session.pam.modules.facts import ABSENT, ModuleFacts
from creds_session.pam.modules.linux_pam import ALIASES, LINUX_PAM
from creds_session.pam.modules.others import OTHERS

CALLS = ("authenticate", "setcred", "acct_mgmt", "open_session", "close_session", "chauthtok")
HEAD = """\
# What PAM modules return, and what they do with the password

`creds-setup-pam` proves a change over everything that the other modules may return
([how](../explanation/proof.md)). These tables say what is known of them; the proof, `explain`,
`simulate` and `creds-doctor` go by the same ones. Of a module that is in no table anything is
expected, and it is said to be unknown.

How to read a cell: a value's name, as in pam.conf(5), is that value alone. *errors* is every
value but `success`, `ignore`, `new_authtok_reqd` and `module_unknown`. *anything* means that
nothing is taken for granted. An empty cell means that the module has no such function. Each module
may also be missing from the disk, which libpam counts as `module_unknown`; it is then missing in
each call of a login.

The [warning](../explanation/proof.md) about a wrong password that is let in counts only what a
module is known to return. For a module that judges the person, and of which a cell says
*anything*, these are errors, and ignore only with an argument for which the cell says so.

Two more things are taken for granted: pam_permit, pam_deny and pam_debug, which come with libpam,
are there; and the conversation of an application returns what pam_conv(3) allows.

A row is only about a module in libpam's own directory. The rows of Linux-PAM's own modules were
read in the sources of the releases 1.3.1 to 1.7.2, and `tests/oracle/test_module_facts.py` runs
those that Debian has, in each of the six calls, with several arguments, users and configurations:
none may return what its row does not say.
"""
OPTIONS = """\
Options and configuration files change what these return, so next to nothing is taken for granted.
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
    heads = ["module", *CALLS, "the password", "a success in authenticate says", "source"]
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
