"""Turn a reference page into roff: read its sections, and leave out what the parsers say better."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.token import Token

from scripts.documents import roff

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
FONTS = {"em_open": "I", "strong_open": "B", "em_close": "R", "strong_close": "R"}
READER = MarkdownIt("commonmark").enable("table")
MAIN_COLUMNS = ("meaning", "what it is", "what for", "the lookup key is", "the password is")
"""Columns of a table whose cells are sentences of their own."""

CAPTIONS = ("mode", "owner, mode", "exit code", "read by", "written by", "if that fails")
"""Columns that are written behind the others, with their head."""

NOTHING = {"", roff.escape("\N{EN DASH}")}
ASIDE = re.compile(r"\((?:see )?\[[^]]+\]\(([^)#]+)(?:#[^)]*)?\)\)")  # "([why](page.md))"
COMMON = {"commands.md", "files-and-variables.md"}  # creds-session(7)
IN_MAN_PAGES = (("The table ", "The list "), ("in this table", "in this list"))
SAME_PAGE = re.compile(r"#creds-([a-z-]+)$")


class Block(NamedTuple):
    """A part of a section: ``paragraph``, ``list``, ``numbers``, ``table`` or ``code``.

    ``text`` is roff. ``items`` are the items of a list, or the rows of a table without its head,
    each a list of cells; the head is plain text.
    """

    kind: str
    text: str = ""
    items: Sequence[Sequence[str]] = ()
    head: Sequence[str] = ()


def sections(page: str) -> dict[str, list[Block]]:
    """Return the sections of a reference page by their headings; that of the page is empty."""
    text = ASIDE.sub(_aside, (REFERENCE / page).read_text("utf-8"))
    for words, others in IN_MAN_PAGES:
        text = text.replace(words, others)
    found: dict[str, list[Token]] = {"": []}
    name = ""
    tokens = READER.parse(text)
    for number, token in enumerate(tokens):
        if token.type == "heading_open":
            name = "" if token.tag == "h1" else tokens[number + 1].content
            found.setdefault(name, [])
        elif not (number and tokens[number - 1].type == "heading_open"):
            found[name].append(token)
    return {name: list(_blocks(part, page)) for name, part in found.items()}


def _aside(link: re.Match[str]) -> str:
    target = link.group(1)
    if target.startswith("http"):
        return f"(see {target})"
    return f"(see *{_in_documentation(target)}*)"


def _in_documentation(target: str) -> str:
    path = (REFERENCE / target.partition("#")[0]).resolve()
    return path.relative_to(REFERENCE.parent).as_posix()


def _blocks(tokens: Sequence[Token], page: str) -> Iterator[Block]:
    number = 0
    while number < len(tokens):
        token = tokens[number]
        end = number + 1
        if token.nesting == 1:
            closing = token.type.replace("_open", "_close")
            while not (tokens[end].type == closing and tokens[end].level == token.level):
                end += 1
            inner = tokens[number + 1 : end]
            end += 1
            if token.type == "paragraph_open":
                yield Block("paragraph", _inline(inner[0], page))
            elif token.type == "table_open":
                head, *rows = _rows(inner, page)
                plain = [cell.content for cell in inner if cell.type == "inline"][: len(head)]
                yield Block("table", "", rows, plain)
            else:
                kind = "list" if token.type == "bullet_list_open" else "numbers"
                items = [[_inline(part, page)] for part in inner if part.type == "inline"]
                yield Block(kind, "", items)
        elif token.type in {"fence", "code_block"}:
            yield Block("code", token.content)
        number = end


def _rows(tokens: Sequence[Token], page: str) -> list[list[str]]:
    rows: list[list[str]] = []
    for token in tokens:
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline":
            rows[-1].append(_inline(token, page))
    return rows


def _inline(token: Token, page: str) -> str:
    """Return a line of Markdown as roff: code is bold, and a link becomes what it leads to."""
    text, font, target, before = "", "R", "", ""
    for part in token.children or ():
        if part.type in FONTS:
            font = FONTS[part.type]
        elif part.type == "link_open":
            target, before = str(part.attrGet("href")), text
        elif part.type == "link_close":
            text = before + _link(text[len(before) :], target, page)
        else:
            text += _words(part, font)
    return text


def _words(part: Token, font: str) -> str:
    if part.type == "softbreak":
        return " "
    if part.type == "code_inline":
        return roff.bold(part.content)
    words = roff.escape(part.content)
    return words if font == "R" else rf"\f{font}{words}\fR"


def _link(words: str, target: str, page: str) -> str:
    """Return the words of a link, in quotation marks if they are a title, and where it leads."""
    if target in COMMON:
        return reference("creds-session", 7)  # in place of the title of the page
    where = _where(target, page)
    is_title = where and words[:1].isupper() and not words.isupper()
    return rf"\(lq{words}\(rq{where}" if is_title else f"{words}{where}"


def _where(target: str, page: str) -> str:
    """Return what stands behind the words of a link: the man page, or the page of the docs."""
    name, _, anchor = target.partition("#")
    if target.startswith("http") or (not name and not anchor.startswith("creds-")):
        return ""
    if name in COMMON:
        return f" (see {reference('creds-session', 7)})"
    command = SAME_PAGE.search(target)
    if command and (name or page) == "creds.md":
        return ""  # "creds get" is what the page is called
    return f" (see {roff.italic(_in_documentation(name))})"


def reference(name: str, section: int) -> str:
    """Return the name of a man page as man pages write it."""
    return rf"{roff.bold(name)}({section})"


def render(blocks: Iterable[Block]) -> list[str]:
    """Return blocks as lines of roff."""
    found: list[str] = []
    for block in blocks:
        if block.kind == "paragraph":
            found += [".PP", *roff.lines(block.text)]
        elif block.kind == "code":
            found += roff.example(block.text.splitlines())
        elif block.kind == "table":
            for row in block.items:
                found += roff.tagged(row[0], _cells(block.head, row))
        else:
            for number, (item,) in enumerate(block.items, start=1):
                mark = r"\(bu 2" if block.kind == "list" else f"{number}. 3"
                found += [f".IP {mark}", *roff.lines(item)]
    return found


def _cells(head: Sequence[str], row: Sequence[str]) -> list[str]:
    """Return the cells behind the first one of a row: sentences, then those with their heads."""
    pairs = [pair for pair in zip(head[1:], row[1:]) if pair[1] not in NOTHING]
    found = [roff.lines(_main(name, cell)) for name, cell in pairs if name in MAIN_COLUMNS]
    for name, cell in pairs:
        if name in CAPTIONS:
            found.append(roff.lines(f"{name[:1].upper()}{name[1:]}: {_ended(cell)}"))
        elif name not in MAIN_COLUMNS:  # a column for each command
            found.append(roff.lines(f"{roff.bold(name)}: {_ended(cell)}"))
    return [line for number, part in enumerate(found) for line in ([".br"] * (number > 0) + part)]


def _main(head: str, cell: str) -> str:
    """Return a cell as a sentence, which begins with the head if that is the beginning of one."""
    return _sentence(f"{head} {cell}" if head.endswith(" is") and head != "what it is" else cell)


def _sentence(text: str) -> str:
    text = text[:1].upper() + text[1:]
    return _ended(text)


def _ended(text: str) -> str:
    return text if text.endswith((".", ":", "!", "?")) else f"{text}."
