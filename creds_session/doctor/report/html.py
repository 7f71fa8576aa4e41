"""The doctor as one HTML page for a ticket, for people who never heard of D-Bus.

It stands alone: no script, no picture, font or style from elsewhere, and its own policy forbids
them. Every text from the machine is made printable, then escaped. It is well-formed XML as well.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timezone
from html import escape
from types import MappingProxyType

from creds_session.doctor.checks.diagnosis import Diagnosis
from creds_session.doctor.report.html_texts import ABOUT, STYLE, WORDS
from creds_session.doctor.report.login_log import log_lines
from creds_session.doctor.report.session_map import session_map, tree_lines
from creds_session.doctor.report.svg import session_svg
from creds_session.doctor.report.verdict import (
    HEALTHY,
    UNKNOWN,
    UNREADABLE,
    commands,
    count,
    findings,
    has_fix,
    root_cause,
    tally,
    verdict,
)
from creds_session.facts.login_log import Alarm
from creds_session.facts.snapshot import Facts
from creds_session.findings import CheckResult, Finding, Outcome, Severity
from creds_session.text import printable, printable_lines
from creds_session.version import __version__

PROGRAMS = frozenset({"creds", "sshd", "sudo", "su", "systemd", "logind", "libpam"})
POLICY = "default-src 'none'; style-src 'unsafe-inline'"
SEVERITIES = {
    Severity.ERROR: ("bad", "stops secrets from being read"),
    Severity.WARNING: ("warning", "will hurt later, or somebody else"),
    Severity.NOTE: ("note", "good to know"),
}
ALARMS = {Alarm.NONE: "plain", Alarm.FALSE: "good", Alarm.TRUE: "bad"}
OUTCOMES = {
    Outcome.PASSED: ("good", "\N{CHECK MARK} no"),
    Outcome.FOUND: ("bad", "\N{BALLOT X} yes"),
    Outcome.SKIPPED: ("plain", "\N{MIDDLE DOT} not judged"),
    Outcome.CRASHED: ("bad", "! crashed"),
}


def page(diagnosis: Diagnosis, titles: Mapping[str, str] = MappingProxyType({})) -> str:
    """Return the whole page; ``titles`` tell what each check looks for, by its id."""
    facts, results = diagnosis
    title = f"Keyring report: {facts.session.user}"
    return f"""<!DOCTYPE html>
<html lang="en" xmlns="http://www.w3.org/1999/xhtml">
<head>
<meta charset="utf-8"/>
<meta http-equiv="Content-Security-Policy" content="{POLICY}"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta name="color-scheme" content="light dark"/>
<title>{_text(title)}</title>
<style>{STYLE}</style>
</head>
<body>
<header>
<h1>{_text(title)}</h1>
{_verdict(diagnosis)}
</header>
<main>
{_section("about", "What this is about", ABOUT)}
{_section("do", "What to do", _to_do(results))}
{_section("map", "The map of the session", _map(diagnosis))}
{_section("found", "What was found", _found(results))}
{_happened(facts)}
{_section("checked", "What was checked", _checked(results, titles))}
{_section("words", "The words", WORDS)}
</main>
<footer>
<p>Written by creds-doctor {_text(__version__)}. It looked and changed nothing. No password or
secret is in this page; names of users, files and processes are.</p>
</footer>
</body>
</html>
"""


def _text(text: str) -> str:
    return escape(printable(text))


def _sentence(text: str) -> str:
    """Return a clause as a sentence, what stands in `backticks` as code."""
    first = text.partition(" ")[0]
    if first.isalpha() and first.islower() and first not in PROGRAMS:
        text = first.capitalize() + text[len(first) :]
    text = text if text.endswith((".", "!", "?", ":")) else f"{text}."
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", _text(text))


def _section(name: str, heading: str, content: str) -> str:
    return (
        f'<section aria-labelledby="{name}"><h2 id="{name}">{heading}</h2>\n{content}\n</section>'
    )


def _verdict(diagnosis: Diagnosis) -> str:
    """Return the answer in a line, the first cause, and when and where it was looked."""
    facts, results = diagnosis
    healthy = diagnosis.is_healthy
    cause = root_cause(results)
    sign, tone = ("\N{CHECK MARK}", "good") if healthy else ("\N{BALLOT X}", "bad")
    told = HEALTHY if facts.is_readable else UNKNOWN if facts.bus.is_unknown else UNREADABLE
    told = f"{sign} {told[0].upper()}{told[1:]}."
    why = cause.title if cause else "" if healthy else verdict(diagnosis)
    when = datetime.fromtimestamp(facts.now, timezone.utc).strftime("%d %B %Y, %H:%M:%S UTC")
    where = f"user {facts.session.user} (id {facts.session.uid})"
    if facts.installation.os_release:
        where += f", {_release(facts.installation.os_release)}"
    why = f"<p>{_sentence(why)}</p>" if why else ""
    return (
        f'<div class="verdict {tone}"><p><strong>{told}</strong></p>{why}</div>\n'
        f'<p class="faint">Looked at on {when}: {_text(where)}.</p>'
    )


def _release(os_release: str) -> str:
    """Return the system's name out of /etc/os-release, os-release(5)."""
    for line in os_release.splitlines():
        if line.startswith("PRETTY_NAME="):
            return line.partition("=")[2].strip("\"'")
    return "an unknown system"


def _to_do(results: tuple[CheckResult, ...]) -> str:
    """Return the cure of the first cause, then where to go on."""
    cause = root_cause(results)
    if cause is None:
        others = findings(results)
        return (
            "<p>Nothing now. What was found besides is below.</p>"
            if others
            else "<p>Nothing: all is well.</p>"
        )
    fix = "<p>Or: <code>creds-doctor --fix</code>.</p>" if has_fix(cause) else ""
    last = "<p>Then run <code>creds-doctor</code> again: what it names first is next.</p>"
    if cause.remediation is None:
        return "<p>There is no ready cure. The cause and the evidence are below.</p>"
    return f"{_remedy(cause)}{fix}{last}"


def _remedy(finding: Finding, head: str = "") -> str:
    remedy = finding.remediation
    told = f"<p>{head}{_sentence(remedy.text)}</p>" if remedy else ""
    lines = "\n".join(_text(command) for command in commands(finding))
    return f"{told}<pre><code>{lines}</code></pre>" if lines else told


def _alternatives(finding: Finding) -> str:
    """Return the other cures, for those whom the first one does not help."""
    told = ""
    for other in finding.remediation.alternatives if finding.remediation else ():
        told += f"<p><b>Or:</b> {_sentence(other.text)}</p>"
        lines = "\n".join(map(_text, other.lines))
        told += f"<pre><code>{lines}</code></pre>" if lines else ""
    return told


def _map(diagnosis: Diagnosis) -> str:
    tree = "\n".join(
        f"{guides}{node.text}" for guides, node in tree_lines(session_map(diagnosis.facts))
    )
    return (
        f'<div class="map">{session_svg(diagnosis)}</div>\n'
        '<p class="faint">\N{CHECK MARK} as it must be, \N{BALLOT X} broken or missing,'
        " \N{MIDDLE DOT} neither.</p>\n"
        "<details><summary>The same in words, with every process</summary>"
        f"<pre>{escape(tree)}</pre></details>"
    )


def _found(results: tuple[CheckResult, ...]) -> str:
    found = findings(results)
    if not found:
        return "<p>Nothing is wrong.</p>"
    return "\n".join(_finding(number, one) for number, one in enumerate(found, 1))


def _finding(number: int, finding: Finding) -> str:
    tone, meaning = SEVERITIES[finding.severity]
    cause = f"<p><b>Why:</b> {_sentence(finding.cause)}</p>" if finding.cause else ""
    remedy = _remedy(finding, "<b>What to do:</b> ")
    return (
        f'<article class="{tone}"><h3>{number}. {_sentence(finding.title)}</h3>\n'
        f'<p class="faint"><span class="badge">{finding.severity.value}</span> {meaning};'
        f" more: <code>creds-doctor --explain {_text(finding.id)}</code></p>\n"
        f"{cause}{remedy}{_alternatives(finding)}{_evidence(finding)}</article>"
    )


def _evidence(finding: Finding) -> str:
    if not finding.evidence:
        return ""
    lines = "\n".join(escape(printable_lines(one)) for one in finding.evidence)
    return f"<details><summary>What was seen</summary><pre>{lines}</pre></details>"


def _happened(facts: Facts) -> str:
    """Return the login as the log has it, where one could be read."""
    told = log_lines(facts)
    if not told:
        return ""
    items = "\n".join(
        f'<li class="{ALARMS[alarm]}"><code>{escape(line)}</code>'
        f' <span class="tone">{escape(meaning)}</span></li>'
        for line, meaning, alarm in told
    )
    summary = f"The log of the last login, {count(len(told), 'line')}"
    list_ = f"<details><summary>{summary}</summary>\n<ol>\n{items}\n</ol></details>"
    return _section("happened", "What happened at the login", list_)


def _checked(results: tuple[CheckResult, ...], titles: Mapping[str, str]) -> str:
    rows = "\n".join(_row(result, titles.get(result.check, "")) for result in results)
    return (
        f"<details><summary>{_text(tally(results))}</summary>\n"
        '<div class="wide"><table><thead><tr><th scope="col">Name</th>'
        '<th scope="col">Is it so?</th><th scope="col">Looked for</th></tr></thead>\n'
        f"<tbody>\n{rows}\n</tbody></table></div></details>"
    )


def _row(result: CheckResult, title: str) -> str:
    tone, word = OUTCOMES[result.outcome]
    is_open = result.outcome in {Outcome.SKIPPED, Outcome.CRASHED}
    told = f"{title} ({result.summary})" if is_open else title
    return (
        f'<tr class="{tone}"><th scope="row">{_text(result.check)}</th><td>{word}</td>'
        f"<td>{_text(told)}</td></tr>"
    )
