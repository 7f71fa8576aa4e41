"""Made-up diagnoses whose every text is hostile, for what must hold of each face."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from hypothesis import settings
from hypothesis import strategies as st

from creds_session.facts.collection_state import CollectionState
from creds_session.facts.login_log import INVALID, STASHED, LogLine
from creds_session.facts.machine import ControlFacts, OtherProcess, ProcessFacts
from creds_session.facts.session import (
    BusFacts,
    Daemon,
    DaemonRole,
    KeyringFacts,
    NameOwner,
    SessionFacts,
)
from creds_session.facts.snapshot import Facts, InstallationFacts, PamFacts
from creds_session.findings import CheckResult, Finding, Outcome, Remediation, Severity

quick = settings(max_examples=20, deadline=None)
ATTACKS = (
    "</details><script>alert(1)</script>",
    "\"><img src=x onerror='alert(1)'>",
    "]]></svg><!-- -->&amp;<?x?>",
    "\x1b]0;title\x07\x1b[2J",
    'a"} 1\nmetric{x="\\',
    "text | errors=0;;0",
    "\udcff\u202e\u2028\x00\x7f\ufffe",
    "[bold red]markup[/] :skull: {} %s",
    "`one` ``two`",
    "PRETTY_NAME=\"<b>\"\nPRETTY_NAME='&'",
)
words = st.one_of(st.sampled_from(ATTACKS), st.text(min_size=1, max_size=9))
numbers = st.integers(0, 2**22)
remedies = st.builds(Remediation, words, st.lists(st.tuples(words, words), max_size=2).map(tuple))
found = st.builds(
    Finding,
    id=words,
    severity=st.sampled_from(Severity),
    title=words,
    cause=st.one_of(st.just(""), words),
    evidence=st.lists(words, max_size=2).map(tuple),
    remediation=st.one_of(st.none(), remedies),
)
results = st.lists(
    st.builds(
        CheckResult,
        words,
        st.sampled_from(Outcome),
        words,
        st.lists(found, max_size=3).map(tuple),
    ).filter(lambda one: bool(one.findings) is (one.outcome is Outcome.FOUND)),
    max_size=4,
)
daemons = st.builds(
    Daemon,
    *(numbers, numbers, words, numbers, st.one_of(st.none(), words)),
    st.lists(words, max_size=2).map(tuple),
    st.floats(0, 4e9),
    st.sampled_from(DaemonRole),
    st.sampled_from(["", "S", "T"]),
)
states = st.one_of(st.none(), st.sampled_from(CollectionState))
impostors = st.builds(OtherProcess, numbers, numbers, words, words, st.none() | words)
programs = st.one_of(words, st.just("gnome-keyring-daemon"))
log_texts = st.builds("{}{}".format, st.sampled_from(["", "gkr-pam: ", STASHED, INVALID]), words)
buses = st.builds(
    BusFacts,
    address=st.one_of(st.none(), words),
    reason=st.one_of(st.just(""), words),
    owner=st.one_of(st.none(), st.builds(NameOwner, numbers, numbers, words)),
    activatable=st.booleans(),
    login=states,
    default=states,
    default_path=words,
    is_idle=st.booleans(),
)
facts = st.builds(
    Facts,
    now=st.floats(0, 4e9),
    session=st.builds(
        SessionFacts, words, numbers, by_ssh=st.booleans(), login_method=st.none() | words
    ),
    bus=buses,
    keyring=st.builds(
        KeyringFacts,
        words,
        st.sampled_from([None, True, False]),
        st.none() | words,
        st.booleans(),
    ),
    daemons=st.lists(daemons, max_size=3).map(tuple),
    installation=st.builds(InstallationFacts, os_release=words),
    processes=st.lists(impostors, max_size=2).map(lambda some: ProcessFacts(impostors=tuple(some))),
    control=st.builds(ControlFacts, pid=st.none() | numbers),
    log=st.lists(
        st.builds(LogLine, st.floats(0, 4e9), programs, numbers, log_texts), max_size=3
    ).map(tuple),
    pam=st.builds(PamFacts, service=words, reason=st.just("") | words),
)


def as_xml(text: str) -> ET.Element:
    """Return a page or a picture of ours as elements. Raises where it is not well-formed."""
    return ET.fromstring(text)  # noqa: S314 - ours
