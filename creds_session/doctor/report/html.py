"""Write the diagnosis as one HTML page for a ticket, for people who have never heard of D-Bus.

The page needs nothing else: it has no script, and no picture, font or style from another place; its
own policy forbids them. Every text from the machine is made printable, then escaped. The page is
well-formed XML as well.
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

PROGRAMS = frozenset(
    {"creds", "sshd", "sudo", "su", "systemd", "logind", "libpam", "passwd", "tmux", "snap"}
)
POLICY = "default-src 'none'; style-src 'unsafe-inline'"
SEVERITIES = {
    Severity.ERROR: ("bad", "stops secrets from being read"),
    Severity.WARNING: ("warning", "does harm later, or to other users"),
    Severity.NOTE: ("note", "good to know"),
}
ALARMS = {Alarm.NONE: "plain", Alarm.FALSE: "good", Alarm.TRUE: "bad"}
OUTCOMES = {
    Outcome.PASSED: ("good", "\N{CHECK MARK} no"),
    Outcome.FOUND: ("bad", "\N{BALLOT X} yes"),
    Outcome.SKIPPED: ("plain", "\N{MIDDLE DOT} not checked"),
    Outcome.CRASHED: ("bad", "! crashed"),
}


def page(diagnosis: Diagnosis, titles: Mapping[str, str] = MappingProxyType({})) -> str:
    """Return the whole page; ``titles`` are the titles of the checks by id."""
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
<p>Written by creds-doctor {_text(__version__)}. It only looked, and changed nothing. This page
contains no password and no other secret; it contains names of users, files and processes.</p>
</footer>
</body>
</html>
"""


def _text(text: str) -> str:
    return escape(printable(text))


def _sentence(text: str) -> str:
    """Return a clause as a sentence, with text in `backticks` as code."""
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
    """Return the answer in one line, the first cause, and when and where creds-doctor looked."""
    facts, results = diagnosis
    healthy = diagnosis.is_healthy
    cause = root_cause(results)
    sign, tone = ("\N{CHECK MARK}", "good") if healthy else ("\N{BALLOT X}", "bad")
    answer = HEALTHY if facts.is_readable else UNKNOWN if facts.bus.is_unknown else UNREADABLE
    answer = f"{sign} {answer[0].upper()}{answer[1:]}."
    why = cause.title if cause else "" if healthy else verdict(diagnosis)
    when = datetime.fromtimestamp(facts.now, timezone.utc).strftime("%d %B %Y, %H:%M:%S UTC")
    where = f"user {facts.session.user} (id {facts.session.uid})"
    if facts.installation.os_release:
        where += f", {_release(facts.installation.os_release)}"
    why = f"<p>{_sentence(why)}</p>" if why else ""
    return (
        f'<div class="verdict {tone}"><p><strong>{answer}</strong></p>{why}</div>\n'
        f'<p class="faint">Looked at on {when}: {_text(where)}.</p>'
    )


def _release(os_release: str) -> str:
    """Return the system's name out of /etc/os-release, os-release(5)."""
    for line in os_release.splitlines():
        if line.startswith("PRETTY_NAME="):
            return line.partition("=")[2].strip("\"'")
    return "an unknown system"


def _to_do(results: tuple[CheckResult, ...]) -> str:
    """Return the remedy of the first cause, then what to do next."""
    cause = root_cause(results)
    if cause is None:
        others = findings(results)
        return (
            "<p>Nothing to do. Other findings are listed below.</p>"
            if others
            else "<p>Nothing to do: everything is in order.</p>"
        )
    fix = "<p>Or: <code>creds-doctor --fix</code>.</p>" if has_fix(cause) else ""
    last = "<p>Then run <code>creds-doctor</code> again; if something is left, it comes first.</p>"
    if cause.remediation is None:
        return "<p>There is no ready-made remedy. The cause and the evidence are below.</p>"
    return f"{_remedy(cause)}{fix}{last}"


def _remedy(finding: Finding, head: str = "") -> str:
    remedy = finding.remediation
    html = f"<p>{head}{_sentence(remedy.text)}</p>" if remedy else ""
    lines = "\n".join(_text(command) for command in commands(finding))
    return f"{html}<pre><code>{lines}</code></pre>" if lines else html


def _alternatives(finding: Finding) -> str:
    """Return the other remedies, for those who cannot use the first one."""
    html = ""
    for other in finding.remediation.alternatives if finding.remediation else ():
        html += f"<p><b>Or:</b> {_sentence(other.text)}</p>"
        lines = "\n".join(map(_text, other.lines))
        html += f"<pre><code>{lines}</code></pre>" if lines else ""
    return html


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
    lines = "\n".join(escape(printable_lines(text)) for text in finding.evidence)
    return f"<details><summary>What was seen</summary><pre>{lines}</pre></details>"


def _happened(facts: Facts) -> str:
    """Return the lines of the log about the login, if a log could be read."""
    lines = log_lines(facts)
    if not lines:
        return ""
    items = "\n".join(
        f'<li class="{ALARMS[alarm]}"><code>{escape(line)}</code>'
        f' <span class="tone">{escape(meaning)}</span></li>'
        for line, meaning, alarm in lines
    )
    summary = f"The log of the last login, {count(len(lines), 'line')}"
    list_ = f"<details><summary>{summary}</summary>\n<ol>\n{items}\n</ol></details>"
    return _section("happened", "What happened at the login", list_)


def _checked(results: tuple[CheckResult, ...], titles: Mapping[str, str]) -> str:
    rows = "\n".join(_row(result, titles.get(result.check, "")) for result in results)
    return (
        f"<details><summary>{_text(tally(results))}</summary>\n"
        '<div class="wide"><table><thead><tr><th scope="col">Name</th>'
        '<th scope="col">Found?</th><th scope="col">What was checked</th></tr></thead>\n'
        f"<tbody>\n{rows}\n</tbody></table></div></details>"
    )


def _row(result: CheckResult, title: str) -> str:
    tone, word = OUTCOMES[result.outcome]
    is_open = result.outcome in {Outcome.SKIPPED, Outcome.CRASHED}
    text = f"{title} ({result.summary})" if is_open else title
    return (
        f'<tr class="{tone}"><th scope="row">{_text(result.check)}</th><td>{word}</td>'
        f"<td>{_text(text)}</td></tr>"
    )
