"""Other editors of PAM files, asked for the same three insertions: augtool and Ansible's pamd.

Each is given a file and the rule after which to insert, and gives the new file, or None
where it cannot read the file or finds no place.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from creds_session.pam.syntax.nodes import AtInclude, Malformed, Node, Rule
from creds_session.pam.syntax.parser import parse
from creds_session.pam.syntax.terms import Dialect

USUAL = (
    ("auth", "optional", "pam_gnome_keyring.so", ""),
    ("password", "optional", "pam_gnome_keyring.so", "use_authtok"),
    ("session", "optional", "pam_gnome_keyring.so", "auto_start"),
)
"""The rules that are usually given as advice, each after the last rule of its type."""

# What main() of pamd.py does for state=after, without the machinery around it.
PAMD = """
import json, sys
from ansible_collections.community.general.plugins.modules.pamd import PamdService
for line in sys.stdin:
    text, insertions = json.loads(line)
    try:
        for anchor, new in insertions:
            service = PamdService(text)
            changes = service.insert_after(*anchor, new[0], new[1], new[2], new[3] or None)
            valid, message = service.validate()
            if not valid:
                raise ValueError(message)
            text = str(service) if changes else text
        answer = text
    except Exception:
        answer = None
    print(json.dumps(answer), flush=True)
"""


@dataclass(frozen=True)
class Question:
    """A file, and for each type that has a line the index of its last one among the nodes."""

    content: bytes
    nodes: tuple[Node, ...]
    anchors: dict[str, int]

    def pure(self) -> bytes:
        """Return the file with the lines inserted and nothing else done."""
        sources = [node.source for node in self.nodes]
        if not sources[-1].endswith(b"\n"):
            sources[-1] += b"\n"
        for (type_, *words), index in self._insertions():
            sources[index] += " ".join((type_, *words)).rstrip().encode() + b"\n"
        return b"".join(sources)

    def _insertions(self) -> Iterator[tuple[tuple[str, str, str, str], int]]:
        return ((new, self.anchors[new[0]]) for new in USUAL if new[0] in self.anchors)

    def for_augtool(self) -> str:
        """Write the commands for augtool, which counts rules and @includes apart."""
        labels: dict[int, str] = {}
        rules = includes = 0
        for index, node in enumerate(self.nodes):
            if isinstance(node, AtInclude):
                includes += 1
                labels[index] = f"include[{includes}]"
            elif isinstance(node, (Rule, Malformed)):
                rules += 1
                labels[index] = str(rules)
        lines = []
        for number, (new, index) in enumerate(self._insertions()):
            here = f"/files/etc/pam.d/sshd/0{number}"
            lines.append(f"ins 0{number} after /files/etc/pam.d/sshd/{labels[index]}")
            lines += [f"set {here}/{name} {word}" for name, word in zip(_FIELDS, new) if word]
        return "\n".join([*lines, "save", ""])

    def for_pamd(self) -> tuple[str, list[tuple[list[str], tuple[str, str, str, str]]]]:
        """Return the text and the insertions; @include is no place for pamd."""
        insertions = []
        for new, _ in self._insertions():
            anchors = [
                node for node in self.nodes if isinstance(node, Rule) and node.type.value == new[0]
            ]
            if anchors:
                insertions.append((_fields(anchors[-1]), new))
        return self.content.decode("utf-8"), insertions


_FIELDS = ("type", "control", "module", "argument")


def _fields(rule: Rule) -> list[str]:
    spans = rule.spans
    texts = (
        rule.source[start:end] for start, end in (spans.type, spans.control, spans.module_path)
    )
    return [text.decode() for text in texts]


def question(content: bytes) -> Question:
    """Look for the places to insert."""
    nodes = parse(content, Dialect.DEBIAN_1_7).lines
    anchors: dict[str, int] = {}
    for index, node in enumerate(nodes):
        if isinstance(node, Rule):
            anchors[node.type.value] = index
        if isinstance(node, AtInclude):
            for type_ in ("auth", "account", "password", "session"):
                if node.module_path.endswith(b"-" + type_.encode()):
                    anchors[type_] = index
    return Question(content, nodes, anchors)


def augtool() -> str | None:
    """Find augtool."""
    return shutil.which("augtool")


def ask_augtool(program: str, asked: Question) -> bytes | None:
    """Let augtool insert; None if it cannot read the file or cannot save."""
    with tempfile.TemporaryDirectory() as root:
        path = Path(root, "etc/pam.d/sshd")
        path.parent.mkdir(parents=True)
        path.write_bytes(asked.content)
        command = [program, "-r", root, "-t", "Pam incl /etc/pam.d/sshd", "-A", "-e"]
        done = subprocess.run(
            command, input=asked.for_augtool(), capture_output=True, text=True, check=False
        )
        after = path.read_bytes()
    return None if done.returncode or after == asked.content else after


def ansible_python() -> str | None:
    """Find the interpreter of an Ansible that has pamd."""
    program = shutil.which("ansible")
    if program is None:
        return None
    shebang = Path(program).read_text("utf-8").splitlines()[0].removeprefix("#!")
    probe = subprocess.run(
        [shebang, "-c", PAMD], input="", capture_output=True, text=True, check=False
    )
    return None if probe.returncode else shebang


def ask_pamd(python: str, asked: list[Question]) -> list[bytes | None]:
    """Let pamd insert in all files."""
    lines = "".join(json.dumps(one.for_pamd()) + "\n" for one in asked)
    done = subprocess.run(
        [python, "-c", PAMD], input=lines, capture_output=True, text=True, check=True
    )
    answers = (json.loads(line) for line in done.stdout.splitlines())
    return [None if answer is None else answer.encode() for answer in answers]


def without_usual(content: bytes) -> bytes:
    """Take the inserted lines out again, however they are spaced."""
    usual = {" ".join(words).rstrip().encode() for words in USUAL}
    lines = content.splitlines(keepends=True)
    return b"".join(line for line in lines if b" ".join(line.split()) not in usual)


def is_undamaged(before: bytes, after: bytes) -> bool:
    """Return whether nothing of a file changed but for the lines that went in."""
    kept, known = without_usual(after), without_usual(before)
    return kept in (known, known + b"\n")
