# MIT License (see LICENSE or https://opensource.org/license/mit)
"""Say what a rollout did to which host, as text and as one HTML page."""

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


def values(rollout: dict, records: dict) -> dict:
    """Return the report as values: the hosts in their order, the sums, and why it stopped."""
    names = list(dict.fromkeys([*rollout.get("hosts", []), *records]))
    untouched = {"outcome": outcomes.UNTOUCHED, "reason": "", "steps": []}
    hosts = [{"host": name, **untouched, **records.get(name, {})} for name in names]
    counts: dict = {}
    for host in hosts:
        counts[host["outcome"]] = counts.get(host["outcome"], 0) + 1
    return {
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
    return f"The rollout did not stop. Hosts: {counts}."


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
    return "\n".join(lines) + "\n"


def _indented(message: str, width: int = 2) -> list:
    return [" " * width + line for line in message.splitlines()]


def page(found: dict) -> str:
    """Return the report as one HTML page that needs no other file."""
    rows = "\n".join(_row(host) for host in found["hosts"])
    meanings = "\n".join(
        f"<dt>{html.escape(outcome)}</dt><dd>{html.escape(outcomes.MEANINGS.get(outcome, ''))}</dd>"
        for outcome in found["counts"]
    )
    stopped = found["stopped"]
    why = f"<pre>{html.escape(stopped['reason'])}</pre>" if stopped else ""
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
<p>{html.escape(summary(found))}</p>
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
        f"<li>{time.strftime('%F %T', time.gmtime(step['at']))} {html.escape(step['step'])}</li>"
        for run in runs
        for step in run["steps"]
    )
    return (
        f'<tr><th scope="row">{html.escape(host["host"])}</th>'
        f'<td class="{kind}">{html.escape(outcome)}</td>'
        f"<td><pre>{html.escape(host['reason'])}</pre></td><td><ol>{steps}</ol></td></tr>"
    )
