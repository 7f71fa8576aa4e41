# MIT License (see LICENSE or https://opensource.org/license/mit)
"""Say what a rollout did to which host, as text and as one HTML page.

Messages come from hosts and may hold anything. A character that a terminal or a browser could act on
is shown as an escape.
"""

from __future__ import annotations

import html
import time

from ansible_collections.creds_session.keyring.plugins.plugin_utils import outcomes

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 64rem; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid #999; padding: .4rem .6rem; text-align: left; vertical-align: top; }
.good { color: #0a5c2b; } .bad { color: #a11212; } .open { color: #555; }
pre { white-space: pre-wrap; margin: 0; }
@media (prefers-color-scheme: dark) {
  body { background: #111; color: #eee; }
  .good { color: #6fd08c; } .bad { color: #ff8f8f; } .open { color: #bbb; }
}
"""


STOPPED, FINISHED, UNFINISHED = "stopped", "finished", "unfinished"


def values(rollout: dict, records: dict, *, is_running: bool) -> dict:
    """Return the report as values: the hosts in their order, the sums, and why it stopped.

    ``state`` is ``unfinished`` while the rollout runs, and if it was ended before the last host.
    The outcomes are then those at the time ``written``.
    """
    names = list(dict.fromkeys([*rollout.get("hosts", []), *records]))
    untouched = {"outcome": outcomes.UNTOUCHED, "reason": "", "steps": []}
    hosts = [{"host": name, **untouched, **records.get(name, {})} for name in names]
    counts: dict = {}
    for host in hosts:
        counts[host["outcome"]] = counts.get(host["outcome"], 0) + 1
    is_open = is_running or any(outcome in counts for outcome in outcomes.OPEN)
    return {
        "state": STOPPED if rollout.get("stopped") else UNFINISHED if is_open else FINISHED,
        "began": rollout.get("began", 0),
        "written": time.time(),
        "stopped": rollout.get("stopped"),
        "counts": counts,
        "hosts": hosts,
    }


def summary(found: dict) -> str:
    """Return one line about the whole rollout."""
    counts = ", ".join(f"{number} {outcome}" for outcome, number in found["counts"].items())
    stopped = found["stopped"]
    if stopped:
        return f"The rollout stopped at {stopped['host']}. Hosts: {counts}."
    if found["state"] == UNFINISHED:
        again = "If it is not running, run it again."
        return (
            f"The rollout has not finished. {again} Hosts at {_clock(found['written'])}: {counts}."
        )
    return f"The rollout has finished. Hosts: {counts}."


def line(record: dict, now: float) -> str:
    """Return the line about an outcome that is newer than the report that it is added to."""
    words = [_clock(now), record["host"], record["outcome"], *record["reason"].splitlines()[:1]]
    return printable("  ".join(words)) + "\n"


def _clock(seconds: float) -> str:
    return time.strftime("%F %T UTC", time.gmtime(seconds))


def text(found: dict) -> str:
    """Return the report as plain text."""
    lines = [summary(found)]
    if found["stopped"]:
        lines += _indented(f"Why: {found['stopped']['reason']}")
    width = max((len(host["host"]) for host in found["hosts"]), default=0)
    lines.append("")
    for host in found["hosts"]:
        lines.append(f"{host['host']:<{width}}  {host['outcome']}")
        lines += _indented(host["reason"], width + 2)
    lines.append("")
    for outcome in found["counts"]:
        lines.append(f"{outcome}: {outcomes.MEANINGS.get(outcome, '')}")
    if found["state"] == UNFINISHED:
        lines += ["", f"Outcomes after {_clock(found['written'])}, one in a line:"]
    return "\n".join(map(printable, lines)) + "\n"


def printable(message: str, kept: str = "") -> str:
    """Return a message with an escape in place of each character that is not printable."""
    return "".join(
        character
        if character.isprintable() or character in kept
        else character.encode("unicode_escape").decode()
        for character in message
    )


def _html(message: str) -> str:
    """Return a message, which may have several lines, as HTML."""
    return html.escape(printable(message, kept="\n"))


def _indented(message: str, width: int = 2) -> list:
    return [" " * width + line for line in message.split("\n") if line]


def page(found: dict) -> str:
    """Return the report as one HTML page that needs no other file."""
    rows = "\n".join(_row(host) for host in found["hosts"])
    meanings = "\n".join(
        f"<dt>{_html(outcome)}</dt><dd>{_html(outcomes.MEANINGS.get(outcome, ''))}</dd>"
        for outcome in found["counts"]
    )
    stopped = found["stopped"]
    why = f"<pre>{_html(stopped['reason'])}</pre>" if stopped else ""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Rollout of the keyring rules</title>
<style>{STYLE}</style>
</head>
<body>
<h1>Rollout of the keyring rules</h1>
<p>{_html(summary(found))}</p>
{why}
<table>
<thead><tr><th scope="col">host</th><th scope="col">outcome</th><th scope="col">reason</th>
<th scope="col">steps of all runs, in UTC</th></tr></thead>
<tbody>
{rows}
</tbody>
</table>
<h2>What the outcomes mean</h2>
<dl>
{meanings}
</dl>
</body>
</html>
"""


def _row(host: dict) -> str:
    outcome = host["outcome"]
    kind = "good" if outcome in outcomes.GOOD else "bad"
    if outcome in (outcomes.UNTOUCHED, outcomes.WOULD_CHANGE, outcomes.IN_PROGRESS):
        kind = "open"
    runs = [*host.get("earlier", []), host]
    steps = "".join(
        f"<li>{time.strftime('%F %T', time.gmtime(step['at']))} {_html(step['step'])}</li>"
        for run in runs
        for step in run["steps"]
    )
    return (
        f'<tr><th scope="row">{_html(host["host"])}</th>'
        f'<td class="{kind}">{_html(outcome)}</td>'
        f"<td><pre>{_html(host['reason'])}</pre></td><td><ol>{steps}</ol></td></tr>"
    )
