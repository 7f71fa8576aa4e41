"""The parts of every HTML report that do not depend on what was found."""

from __future__ import annotations

ABOUT = """\
<p>Programs keep their passwords in a <b>keyring</b>: a file of yours that is encrypted with a
password. A <b>keyring daemon</b>, a program in the background, unlocks it when you log in with your
password, and gives programs the secrets that they ask for. If a link of this chain is missing, the
programs fail, often with a misleading message. This page says which link is missing.</p>"""

WORDS = """\
<dl>
<dt>Keyring</dt>
<dd>A file with passwords and other secrets, encrypted. The one named <i>login</i> has the
password that you log in with, so that a login can unlock it.</dd>
<dt>Unlocked, locked</dt>
<dd>While a keyring is unlocked, your programs can read it. Programs get nothing from a locked
keyring until somebody types its password: <code>creds unlock</code>.</dd>
<dt>Keyring daemon</dt>
<dd>The program that holds unlocked keyrings: <code>gnome-keyring-daemon</code>. It runs for one
user.</dd>
<dt>Session bus (D-Bus)</dt>
<dd>The connection through which the programs of one session talk to each other. The daemon serves
secrets there under the name <code>org.freedesktop.secrets</code>; only one program can own that
name.</dd>
<dt>PAM</dt>
<dd>The rules by which a machine checks a login. Three of them pass the typed password to the
daemon; <code>creds-setup-pam</code> adds them.</dd>
<dt>Control socket</dt>
<dd>The socket through which PAM passes the password to a daemon that is already running.</dd>
<dt>Login by SSH key</dt>
<dd>Nobody types a password at a login with an ssh key, so it cannot unlock a keyring.</dd>
</dl>"""

STYLE = """
:root { color-scheme: light dark; --ground: #ffffff; --ink: #1b222b; --faint: #56616e;
  --line: #d3d9e0; --panel: #f5f7f9; --good: #1c6b3c; --good-ground: #e2f4e8; --bad: #a4241a;
  --bad-ground: #fce8e5; --warning: #7d5600; --warning-ground: #fdf2d0; --note: #234f8a;
  --note-ground: #e6effb; }
@media (prefers-color-scheme: dark) { :root { --ground: #14181d; --ink: #e4e8ec; --faint: #9ca8b4;
  --line: #39424c; --panel: #1c2229; --good: #7fd6a0; --good-ground: #16301f; --bad: #ff9d92;
  --bad-ground: #3b1a17; --warning: #eec566; --warning-ground: #352a0d; --note: #94bcf2;
  --note-ground: #182940; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1.25rem 3rem; max-width: 62rem; background: var(--ground);
  color: var(--ink); font: 1rem/1.55 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
h1 { font-size: 1.5rem; margin: 0 0 1rem; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2rem 0 .6rem; border-bottom: 1px solid var(--line);
  padding-bottom: .3rem; }
h3 { font-size: 1rem; margin: 0 0 .4rem; overflow-wrap: anywhere; }
p { margin: .5rem 0; overflow-wrap: anywhere; }
main > section > p, dd { max-width: 46rem; }
code, pre { font: .875rem/1.5 ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; }
pre { background: var(--panel); border: 1px solid var(--line); border-radius: 6px;
  padding: .6rem .8rem; overflow-x: auto; margin: .5rem 0; }
.faint { color: var(--faint); font-size: .9rem; }
.good { --tone: var(--good); --tone-ground: var(--good-ground); }
.bad { --tone: var(--bad); --tone-ground: var(--bad-ground); }
.warning { --tone: var(--warning); --tone-ground: var(--warning-ground); }
.note { --tone: var(--note); --tone-ground: var(--note-ground); }
.plain { --tone: var(--faint); --tone-ground: var(--panel); }
.verdict { background: var(--tone-ground); border-left: 6px solid var(--tone); border-radius: 6px;
  padding: .7rem 1rem; }
.verdict p { margin: .2rem 0; }
.verdict strong { color: var(--tone); font-size: 1.2rem; }
article { border: 1px solid var(--line); border-left: 6px solid var(--tone); border-radius: 6px;
  padding: .8rem 1rem; margin: .8rem 0; }
.badge { background: var(--tone-ground); color: var(--tone); border-radius: 4px;
  padding: .1rem .45rem; font-weight: 600; }
details { margin: .5rem 0; }
summary { cursor: pointer; color: var(--note); }
summary:focus-visible { outline: 2px solid var(--note); outline-offset: 2px; }
.map, .wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: left; vertical-align: top; padding: .3rem .8rem .3rem 0;
  border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
thead th, th:first-child, td:nth-child(2) { white-space: nowrap; }
td:nth-child(2) { color: var(--tone); }
li { margin: .4rem 0; overflow-wrap: anywhere; }
.tone { display: block; color: var(--tone); }
dt { font-weight: 600; margin-top: .6rem; }
dd { margin: 0 0 0 1.2rem; }
footer { margin-top: 2.5rem; border-top: 1px solid var(--line); color: var(--faint);
  font-size: .9rem; }
svg { display: block; width: 100%; min-width: 46rem; height: auto;
  font: 13px system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
svg rect { fill: var(--tone-ground); stroke: var(--tone); stroke-width: 1.5; }
svg .plain rect { stroke-dasharray: 4 3; }
svg text { fill: var(--ink); }
svg .head { fill: var(--faint); font-weight: 600; }
svg .what { font-weight: 600; }
svg .name { fill: var(--faint);
  font: 10.5px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; }
svg .state { fill: var(--tone); font-weight: 600; }
svg .way { fill: none; stroke: var(--faint); stroke-width: 2; }
svg .way.bad { stroke: var(--bad); stroke-dasharray: 5 4; }
svg .tip { fill: var(--faint); }
@media print { body { padding: 0; max-width: none; font-size: 10.5pt; } svg { min-width: 0; }
  pre { white-space: pre-wrap; } article, pre, svg, tr { break-inside: avoid; }
  h2 { break-after: avoid; } details::details-content { content-visibility: visible;
  block-size: auto; display: block; } }
"""
