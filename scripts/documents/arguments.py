"""What a parser says, as roff: the synopsis, the options and the examples."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Iterator, Sequence

from scripts.documents import roff

COMMENT = re.compile(r"^  (?P<command>\S.*?)(?:\s{2,}(?P<comment>\S.*))?$")


def options(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """Return the options of a parser that its help shows."""
    return [action for action in visible(parser) if action.option_strings]


def operands(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """Return the arguments of a parser that are no options and no commands."""
    return [action for action in visible(parser) if not action.option_strings]


def visible(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """Return what the help of a parser shows, without its commands."""
    return [
        action
        for action in parser._actions  # noqa: SLF001 - argparse lists them nowhere else
        if action.help != argparse.SUPPRESS and not isinstance(action, argparse._SubParsersAction)  # noqa: SLF001
    ]


def commands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Return the parsers of the commands of a parser."""
    for action in parser._actions:  # noqa: SLF001
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            return dict(action.choices)
    return {}


def synopsis(
    parser: argparse.ArgumentParser, shown: Sequence[argparse.Action] | None = None
) -> list[str]:
    """Return the synopsis of a command, with all arguments or with those that are named."""
    if parser.usage:
        words = parser.usage.replace("%(prog)s", parser.prog).split()
        words = words[len(parser.prog.split()) :]
        parts = [roff.bold(word) if _is_typed(word) else _marked(word) for word in words]
    else:
        parts = list(_parts(parser, visible(parser) if shown is None else shown))
    text = [_unbroken(part) for part in parts]
    return [f'.SY "{roff.escape(parser.prog)}"', *text, ".YS"]


def _unbroken(part: str) -> str:
    """Return a part of a synopsis that is broken between alternatives only."""
    text = roff.together(part).replace(r"\~|\~", r"\~| ")
    return roff.guarded(rf"{text}\&" if "..." in text else text)  # the dots end no sentence


def _is_typed(word: str) -> bool:
    return word.startswith("-") or word.islower()


def _marked(word: str) -> str:
    """Return a word of a usage line: letters in italics, brackets and dots as they stand."""
    return re.sub(r"[A-Z]+", lambda name: roff.italic(name.group()), roff.escape(word))


def _parts(parser: argparse.ArgumentParser, shown: Sequence[argparse.Action]) -> Iterator[str]:
    """Yield each option in brackets, those that exclude each other together, then the others."""
    groups = [
        (group.required, [action for action in group._group_actions if action in shown])  # noqa: SLF001
        for group in parser._mutually_exclusive_groups  # noqa: SLF001
    ]
    written: list[argparse.Action] = []
    for action in shown:
        if action in written or not action.option_strings:
            continue
        members = next((found for found in groups if action in found[1]), (False, [action]))
        written += members[1]
        text = " | ".join(_invocation(member, shortest=True) for member in members[1])
        yield text if members[0] or action.required else f"[{text}]"
    for action in shown:
        if not action.option_strings:
            yield f"[{operand_name(action)}]" if action.nargs == "?" else operand_name(action)
    if commands(parser):
        yield f"[{roff.italic('COMMAND')} ...]"


def operand_name(action: argparse.Action) -> str:
    """Return how an argument that is no option is called."""
    if isinstance(action.metavar, str):
        if "|" in action.metavar:
            return "|".join(map(roff.bold, action.metavar.split("|")))
        return _marked(action.metavar) if action.metavar[:1].isalpha() else _words(action.metavar)
    return "|".join(map(roff.bold, map(str, action.choices or ()))) or roff.italic(action.dest)


def _words(text: str) -> str:
    return " ".join(roff.bold(word) if _is_typed(word) else _marked(word) for word in text.split())


def _invocation(action: argparse.Action, *, shortest: bool = False) -> str:
    """Return an option as it is typed, with its value."""
    names = action.option_strings[-1:] if shortest else action.option_strings
    if action.nargs == 0:
        return ", ".join(map(roff.bold, names))
    value = _value(action)
    return ", ".join(f"{roff.bold(name)} {value}" for name in names)


def _value(action: argparse.Action) -> str:
    if isinstance(action.metavar, str):
        return _marked(action.metavar)
    choices = map(roff.bold, map(str, action.choices or ()))
    return roff.BREAK.join(choices) or roff.italic(action.dest.upper())


def described(parser: argparse.ArgumentParser, actions: Iterable[argparse.Action]) -> list[str]:
    """Return arguments as a list, each with its help."""
    formatter = parser._get_formatter()  # noqa: SLF001
    found: list[str] = []
    for action in actions:
        tag = _invocation(action) if action.option_strings else operand_name(action)
        text = formatter._expand_help(action)  # noqa: SLF001
        found += roff.tagged(tag, roff.lines(roff.escape(text)))
    return found


def examples(parser: argparse.ArgumentParser) -> list[str]:
    """Return the examples at the end of a help: each comment as a sentence above its command."""
    found: list[tuple[str, str]] = []
    for line in (parser.epilog or "").partition("examples:\n")[2].split("\n\n")[0].splitlines():
        match = COMMENT.fullmatch(line)
        if match:
            found.append((match["command"], match["comment"] or ""))
        else:
            command, comment = found.pop()
            found.append((command, f"{comment} {line.strip()}".strip()))
    text: list[str] = []
    for command, comment in found:
        if comment:
            text += [".PP", *roff.lines(roff.escape(_heading(comment)))]
        text += roff.example([command])
    return text


def _heading(comment: str) -> str:
    first = comment.split(maxsplit=1)[0]
    is_name = not first.isalpha() or first.startswith("creds")
    return (comment if is_name else comment[:1].upper() + comment[1:]).rstrip(".:") + ":"
