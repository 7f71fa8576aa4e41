"""Assemble the man pages: from the parsers, the reference pages and the registry of checks."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from itertools import groupby

from creds_session.cli.creds.main import COMMANDS
from creds_session.cli.doctor import main as doctor
from creds_session.cli.setup_pam import main as setup_pam
from creds_session.doctor.diagnosis import entries
from creds_session.doctor.report.check_pages import _sentence
from scripts.documents import arguments, roff
from scripts.documents.environment import environment, files
from scripts.documents.markdown import Block, reference, render, sections
from scripts.documents.page import Page, divided, exit_status, options, see_also, source
from scripts.documents.parsers import command_parsers, creds_parser

ACRONYMS = {"pam"}


def pages() -> dict[str, str]:
    """Return the text of each man page by its file name."""
    found = [creds(), creds_doctor(), checks(), creds_setup_pam(), creds_session()]
    found += [command(name) for name in COMMANDS]
    return {page.file_name: source(page) for page in found}


def command(name: str) -> Page:
    """Return the page of a command of ``creds``. ``askpass`` shares it with its program."""
    parser = command_parsers()[name]
    described, codes = divided(sections("creds.md")[f"creds {name}"])
    text = [".SH SYNOPSIS", *arguments.synopsis(parser)]
    if name == "askpass":
        text += [r'.SY "creds\-askpass"', roff.italic("PROMPT"), ".YS"]
    text += [".SH DESCRIPTION", *render(described), *listed(parser)]
    text += options(parser)
    if any("exit code" in table.head for table in described):
        codes = [Block("paragraph", "The exit code of each state is in the list above.")]
    text += exit_status(codes)
    text += [*environment(f"creds {name}"), *files(f"creds {name}")]
    text += [".SH EXAMPLES", *arguments.examples(parser)]
    text += see_also(f"creds-{name}", related(name))
    return Page(f"creds-{name}", 1, COMMANDS[name].summary, text)


def listed(parser: argparse.ArgumentParser) -> list[str]:
    """Return a list that stands in the description of a help, with the paragraph above it."""
    *before, last = (parser.description or "").rstrip().split("\n\n")
    if not before or not last.startswith(" "):
        return []
    announcement = roff.SENTENCE.split(" ".join(before[-1].split()))[-1]
    return [".PP", *roff.lines(roff.escape(announcement)), *roff.example(last.splitlines())]


def related(name: str) -> list[str]:
    """Return the pages of the commands that stand in the same group."""
    return [
        f"creds-{other}"
        for other, command in COMMANDS.items()
        if command.group == COMMANDS[name].group and other != name
    ]


def creds() -> Page:
    """Return the page of ``creds``: its commands by group."""
    parser = creds_parser()
    text = [".SH SYNOPSIS", r'.SY "creds"', r"\fICOMMAND\fR", r"[\fIARGUMENT\fR ...]", ".YS"]
    page = sections("creds.md")
    described = page[""][:1] + page["Which keyring and which credential"]
    text += [".SH DESCRIPTION", *render(described), ".SH COMMANDS"]
    for group, members in groupby(COMMANDS.items(), key=lambda member: member[1].group):
        text.append(f".SS {group}")
        for name, about in members:
            summary = f"{about.summary[:1].upper()}{about.summary[1:]}."
            body = [*roff.lines(roff.escape(summary)), f"See {reference(f'creds-{name}', 1)}."]
            text += roff.tagged(roff.bold(name), body)
    text += [".SH OPTIONS", *arguments.described(parser, arguments.options(parser))]
    codes = [table for table in sections("commands.md")["Exit codes"] if table.head]
    text += [".SH EXIT STATUS", *render(codes)]
    text += [*environment("creds"), *files("creds")]
    text += [".SH EXAMPLES", *arguments.examples(parser)]
    text += see_also("creds", [f"creds-{name}" for name in COMMANDS])
    return Page("creds", 1, "store and read passwords on machines without a desktop", text)


def creds_doctor() -> Page:
    """Return the page of ``creds-doctor``."""
    parser = doctor._parser()  # noqa: SLF001 - the parser of the program
    page = sections("creds-doctor.md")
    codes = page.pop("Exit codes")
    text = [".SH SYNOPSIS", *arguments.synopsis(parser), ".SH DESCRIPTION"]
    for heading, blocks in page.items():
        described, _ = divided(blocks)
        if described:
            text += [f".SS {roff.escape(heading)}"] if heading else []
            text += render(described)
    text += options(parser)
    text += exit_status(codes)
    text += [*environment("creds-doctor"), *files("creds-doctor")]
    text += [".SH EXAMPLES", *arguments.examples(parser)]
    text += see_also("creds-doctor", ["creds-status", "creds-unlock", "creds-doctor-checks"])
    return Page("creds-doctor", 1, "find out why no secret can be read, and how to fix it", text)


def checks() -> Page:
    """Return the page that lists the checks of the doctor, by area."""
    text = [".SH DESCRIPTION", *render(sections("checks.md")[""][:1])]
    text += [".PP", *roff.lines(r"\fBcreds\-doctor \-\-explain\fR \fIID\fR describes one check.")]
    areas: dict[str, list[str]] = {}
    for entry in entries():
        level = entry.level.value if entry.level else "depends"
        title = roff.lines(roff.escape(_sentence(entry.title)))
        item = roff.tagged(f"{roff.bold(entry.id)} ({level})", title)
        areas.setdefault(entry.group, []).extend(item)
    text.append(".SH CHECKS")
    for area, items in areas.items():
        text += [f".SS {area.upper() if area in ACRONYMS else area.capitalize()}", *items]
    text += see_also("creds-doctor-checks")
    return Page("creds-doctor-checks", 7, "what creds-doctor finds", text)


def creds_setup_pam() -> Page:
    """Return the page of ``creds-setup-pam``, with a section for each command."""
    parser = setup_pam._parser()  # noqa: SLF001
    page = sections("creds-setup-pam.md")
    text = [".SH SYNOPSIS", *arguments.synopsis(parser)]
    text += [".SH DESCRIPTION", *render(divided(page[""])[0]), ".SH COMMANDS"]
    for name, command_parser in arguments.commands(parser).items():
        text += [f".SS {name}", *setup_pam_command(command_parser, page.get(name, ()))]
    text += [".SH OPTIONS", *arguments.described(parser, arguments.options(parser))]
    text += [".SH IMAGES AND LIMITS", *render(page["Images and limits"])]
    text += exit_status([block for block in page["Exit codes"] if block.head])
    text += [*environment("creds-setup-pam"), *files("creds-setup-pam")]
    text += [".SH EXAMPLES", *arguments.examples(parser)]
    text += see_also("creds-setup-pam", ["creds-unlock"])
    summary = "let a login unlock the keyring, by a change of PAM that is proved first"
    return Page("creds-setup-pam", 8, summary, text)


def setup_pam_command(parser: argparse.ArgumentParser, blocks: Sequence[Block]) -> list[str]:
    """Return what belongs to one command of ``creds-setup-pam``, without the common options."""
    own = [action for action in arguments.visible(parser) if action.dest not in COMMON_OPTIONS]
    described = render(divided(blocks)[0])
    described = described or [".PP", *roff.lines(roff.escape(parser.description or ""))]
    return [*arguments.synopsis(parser, own), *described, *arguments.described(parser, own)]


def creds_session() -> Page:
    """Return the page on what all programs have in common: files, variables and exit codes."""
    common = sections("commands.md")
    places = sections("files-and-variables.md")
    text = [".SH DESCRIPTION", *roff.lines(roff.escape(ABOUT)), ".SS Programs"]
    for name, section, about in PROGRAMS:
        body = [*roff.lines(roff.escape(about))]
        text += roff.tagged(reference(name, section), body)
    for heading in ("Output", "Where a password comes from", "Wrong arguments"):
        text += [f".SS {heading}", *render(common[heading])]
    text += [".SH EXIT STATUS", *render(common["Exit codes"])]
    text += [".SH ENVIRONMENT"]
    for heading in places:
        if "ariables" in heading:
            text += [f".SS {heading}", *render(places[heading])]
    text += [".SH FILES"]
    for heading in places:
        if "iles" in heading:
            text += [f".SS {heading}", *render(places[heading])]
    text += see_also("creds-session", ["creds-askpass"])
    summary = "keyrings on machines without a desktop: files, variables and exit codes"
    return Page("creds-session", 7, summary, text)


COMMON_OPTIONS = {"help", "version", "root", "service", "json", "color"}
ABOUT = (
    "creds-session lets programs read passwords from a keyring on Linux machines without a"
    " desktop: over SSH, in cron, in CI and in containers. This page says what is true of all of"
    " its programs."
)
PROGRAMS = (
    ("creds", 1, "Stores and reads passwords, and unlocks the keyring. It requires no root."),
    ("creds-askpass", 1, "Answers a prompt of ssh, sudo or git with a password of the keyring."),
    ("creds-doctor", 1, "Finds out why no secret can be read, and prints what to type."),
    ("creds-setup-pam", 8, "Lets a login with a password unlock the keyring. It requires root."),
)
