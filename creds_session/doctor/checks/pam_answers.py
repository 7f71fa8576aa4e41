"""The answers about the PAM files of one machine that the checks need, each found out once.

The files are judged by ``pam_questions``, which loads the whole proof. An answer consists of text,
numbers and lists, so that it can be kept as JSON: the same files have the same answers. This module
holds the answers, and makes records of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from creds_session.facts.snapshot import PamFacts
from creds_session.pam.keyring_rules.group_verdict import GroupVerdict
from creds_session.pam.syntax.kinds import ManagementGroup
from creds_session.records import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Union

    Verdicts = Union[tuple[GroupVerdict, ...], str]
    """What the proof says about each group of a service, or why libpam refuses the service."""

    Rules = dict[ManagementGroup, tuple["SeenRule", ...]]

MACHINES = 4  # whose answers are held at the same time


class SeenRule(NamedTuple):
    """A rule that libpam runs. ``arguments`` are kept only for rules of pam_gnome_keyring.

    ``file`` is the file that has the rule, and ``place`` is file and line. ``is_ours`` is whether
    the rule calls pam_gnome_keyring, and ``excluded`` says why ``only_if`` excludes the service.
    ``is_anchor``: a rule of pam_gnome_keyring in this group must come after this one.
    """

    group: ManagementGroup
    file: str
    place: str
    module: str
    arguments: tuple[str, ...] = ()
    is_ours: bool = False
    is_anchor: bool = False
    excluded: str = ""


class PamAnswers:
    """Answers about the PAM files of one machine, by question.

    ``known`` are the answers so far, in the form of JSON. ``is_new`` is whether one of them was
    found out here.
    """

    def __init__(self, pam: PamFacts) -> None:
        self.pam = pam
        self.known: dict[str, Any] = {}
        self.is_new = False
        self._records: dict[str, Any] = {}

    def recall(self, known: Mapping[str, Any]) -> None:
        """Take answers about the same files that were found out earlier.

        Raises ValueError, TypeError, LookupError or AttributeError if one of them is of another
        form; then none is taken.
        """
        records = {name: _FORMS[name.partition(" ")[0]](answer) for name, answer in known.items()}
        self._records |= records
        self.known |= known

    def verdicts(self, service: str, *, early_start: bool = False) -> Verdicts:
        """Return what the proof says about a service."""
        found: Verdicts = self._record("early_verdicts" if early_start else "verdicts", service)
        return found

    def rules(self, service: str) -> Rules:
        """Return what libpam runs in each group; nothing if libpam refuses the service."""
        found: Rules = self._record("rules", service)
        return found

    def wrong_password(self, service: str) -> tuple[str, str] | None:
        """Return an example of a wrong password that is let in, and what to change; or None."""
        found: tuple[str, str] | None = self._record("wrong_password", service)
        return found

    def repeated(self, service: str) -> str:
        """Return which rules change the keyring's password again, or an empty string."""
        return str(self._record("repeated", service))

    def may_have_rules(self, service: str) -> bool:
        """Return by the words alone whether a service may have a rule of pam_gnome_keyring."""
        return bool(self._record("may_have_rules", service))

    def _record(self, question: str, service: str) -> Any:  # noqa: ANN401 - of its question
        name = f"{question} {service}"
        if name not in self._records:
            from creds_session.doctor.checks import pam_questions  # loads the proof

            answer = pam_questions.QUESTIONS[question](self.pam, service)
            self._records[name] = _FORMS[question](answer)
            self.known[name] = answer
            self.is_new = True
        return self._records[name]


_HELD: list[PamAnswers] = []


def answers_of(pam: PamFacts) -> PamAnswers:
    """Return the answers about the files of these facts. Facts never change."""
    for held in _HELD:
        one = held.pam
        if one.files is pam.files and (one.dialect, one.directories) == (
            pam.dialect,
            pam.directories,
        ):
            return held
    _HELD[MACHINES - 1 :] = []
    _HELD.insert(0, PamAnswers(pam))
    return _HELD[0]


def _verdicts(answer: Any) -> Verdicts:  # noqa: ANN401 - JSON
    return answer if isinstance(answer, str) else tuple(map(_verdict, answer))


def _verdict(fields: list[Any]) -> GroupVerdict:
    group, present, reached, applies, problem, is_unsafe, alarm, notes, remedy, early, *rest = (
        fields
    )
    return GroupVerdict(
        ManagementGroup(group),
        present,
        reached,
        applies,
        problem,
        is_unsafe,
        alarm,
        tuple(notes),
        remedy,
        tuple(early),
        *rest,
    )


def _rules(answer: list[list[Any]]) -> Rules:
    rules = [_rule(fields) for fields in answer]
    return {
        group: tuple(rule for rule in rules if rule.group is group) for group in ManagementGroup
    }


def _rule(fields: list[Any]) -> SeenRule:
    group, file, place, module, arguments, *rest = fields
    return SeenRule(ManagementGroup(group), file, place, module, tuple(arguments), *rest)


def _example(answer: list[str] | None) -> tuple[str, str] | None:
    if answer is None:
        return None
    example, remedy = answer
    return example, remedy


_FORMS: Mapping[str, Callable[[Any], Any]] = {
    "verdicts": _verdicts,
    "early_verdicts": _verdicts,
    "rules": _rules,
    "wrong_password": _example,
    "repeated": str,
    "may_have_rules": bool,
}
