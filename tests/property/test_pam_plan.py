"""Plans for made-up services, checked by running them, not by the proof."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from hypothesis import Phase, event, given, settings
from hypothesis import strategies as st

from creds_session.errors import InvalidData
from creds_session.pam.keyring_rules.plan import Edit, NoSafeEdit, Options, Plan, plan
from creds_session.pam.modules.builtin import builtin_return
from creds_session.pam.modules.returns import ALL, MISSING, possible_returns
from creds_session.pam.stack.dispatch import Verdict, dispatch
from creds_session.pam.stack.handlers import Handler, Stacks
from creds_session.pam.stack.resolve import resolve_all
from creds_session.pam.syntax.terms import Call, Dialect, Jump, ManagementGroup, Pass, ReturnValue

D = "/etc/pam.d/"
SERVICE = D + "sshd"
KEYRING = "pam_gnome_keyring.so"
GUARD = ("quiet", "uid", "=", "0")
GUARD_RULE = b"[success=1 default=ignore] pam_succeed_if.so quiet uid = 0".split()
PASSWORDS = {"pam_unix.so", "pam_sss.so"}
SUCCESS = int(ReturnValue.SUCCESS)
ROUNDS = 40

CONTROLS = (
    *("required", "required", "requisite", "sufficient", "sufficient", "optional"),
    *("[success=1 default=ignore]", "[success=2 default=ignore]", "[success=1 default=bad]"),
    *("[success=ok default=ignore]", "[default=die]", "[success=done default=die]"),
    *("[success=ok new_authtok_reqd=ok ignore=ignore default=bad]", "[default=1]"),
    "[default=reset]",
)
MODULES = {
    "auth": ("pam_unix.so", "pam_unix.so", "pam_sss.so", "pam_env.so", "pam_2fa.so"),
    "account": ("pam_unix.so", "pam_nologin.so"),
    "password": ("pam_unix.so", "pam_unix.so", "pam_sss.so", "pam_pwquality.so"),
    "session": ("pam_unix.so", "pam_limits.so", "pam_systemd.so", "pam_selinux.so"),
}
EVERYWHERE = ("pam_deny.so", "pam_permit.so", "pam_succeed_if.so")
OURS = {"auth": "", "password": " use_authtok", "session": " auto_start", "account": ""}
INCLUDES = ("sub", "leaf")


def lines(includes: tuple[str, ...]) -> list[str]:
    """Make all lines to choose from; the number of a module's line tells twins apart."""
    made = [
        f"{silent}{type_}{glue}{control} {module} n{number}"
        for number, (type_, control, module, silent, glue) in enumerate(
            (type_, control, module, silent, glue)
            for type_, own in MODULES.items()
            for control in dict.fromkeys(CONTROLS)
            for module in dict.fromkeys((*own, *own, *EVERYWHERE))
            for silent, glue in (("", " "), ("-", "\t"), ("", " \\\n "))
        )
    ]
    ours = [
        f"{type_} {control} {KEYRING}{argument}"
        for type_, own in OURS.items()
        for control in ("required", "optional", "[default=ignore]", "sufficient")
        for argument in (own, "", " only_if=login")
    ]
    brought = [
        f"{type_} {word} {name}"
        for type_ in MODULES
        for word in ("include", "substack")
        for name in includes
    ]
    brought += [f"@include {name}" for name in includes]
    return [*made, *ours * 2, *brought * 8, *ODD * 10]


ODD = [
    *("# a note", "", "  \t", "auth required pam_succeed_if.so quiet uid = 0"),
    *(f"{type_} [success=1 default=ignore] pam_succeed_if.so quiet uid = 0" for type_ in MODULES),
]


# What distributions write; random rules alone seldom amount to a service that lets anyone in.
CLASSIC = {
    "jump": "{t} [success=1 default=ignore] {m} n1\n{t} requisite pam_deny.so\n"
    "{t} required pam_permit.so\n",
    "required": "{t} required {m} n2\n",
    "sufficient": "{t} sufficient {m} n3\n{t} required pam_deny.so\n",
    "both": "{t} sufficient {m} n4\n{t} sufficient pam_sss.so n5\n{t} required pam_deny.so\n",
}


CLASSICS = {
    type_: [
        text.format(t=type_, m="pam_systemd.so" if type_ == "session" else "pam_unix.so")
        for text in CLASSIC.values()
    ]
    for type_ in ("auth", "password", "session")
}


def texts(includes: tuple[str, ...], most: int) -> st.SearchStrategy[bytes]:
    """Make a file: what a distribution would write for some types, and random lines around it."""
    classic = st.tuples(*(st.sampled_from((*rows, "")) for rows in CLASSICS.values()))
    rows = st.lists(st.sampled_from(lines(includes)), max_size=most)
    places = st.lists(st.integers(0, most), min_size=3, max_size=3)
    ends = st.sampled_from((True, True, True, False))
    return st.builds(_text, classic, rows, places, ends)


def _text(classic: tuple[str, ...], rows: list[str], places: list[int], has_end: bool) -> bytes:
    for block, place in zip(classic, places):
        rows = [*rows[:place], *block.splitlines(), *rows[place:]]
    return ("\n".join(rows) + "\n" * (has_end and bool(rows))).encode()


FILES = st.fixed_dictionaries(
    {
        SERVICE: texts(INCLUDES, 4),
        D + "sub": texts(("leaf",), 3),
        D + "leaf": texts((), 3),
        D + "other": st.sampled_from(
            (b"auth required pam_deny.so\n", b"auth required pam_unix.so\n")
        ),
    }
)
OPTIONS = st.builds(Options, only_add=st.booleans(), skip_root=st.booleans(), strict=st.booleans())
SETTINGS = settings(phases=set(Phase) - {Phase.explain})


@dataclass(frozen=True)
class Planned:
    """A plan, with the files around it."""

    files: dict[str, bytes]
    made: Plan
    options: Options
    dialect: Dialect

    @property
    def after(self) -> Stacks:
        changed = {**self.files, SERVICE: self.made.result}
        return resolve_all("sshd", changed.get, dialect=self.dialect)

    @property
    def before(self) -> Stacks:
        """The service without any rule of ours."""
        bare = {path: b"".join(bare_lines(content)) for path, content in self.files.items()}
        return resolve_all("sshd", bare.get, dialect=self.dialect)


def bare_lines(content: bytes) -> Iterator[bytes]:
    lines = content.splitlines(keepends=True)
    for index, line in enumerate(lines):
        type_, *rest = line.lstrip(b"-").split() or [b""]
        following = (one for one in lines[index + 1 :] if brings(one, type_))
        is_guard = rest == GUARD_RULE and KEYRING.encode() in next(following, b"")
        if KEYRING.encode() not in line and not is_guard:
            yield line


def brings(line: bytes, type_: bytes) -> bool:
    return line.lstrip(b"-").startswith((type_ + b" ", type_ + b"\t", b"@"))


def planned(files: dict[str, bytes], options: Options, dialect: Dialect) -> Planned | None:
    try:
        made = plan("sshd", SERVICE, files.get, dialect, options)
    except InvalidData as refusal:
        event("refused: " + str(refusal).partition(":")[2][:30])
        return None
    event(f"planned, {len(made.edits)} edits")
    return Planned(files, made, options, dialect)


@given(FILES, OPTIONS, st.sampled_from(Dialect))
@SETTINGS
def test_plan_is_lossless_and_the_second_is_empty(
    files: dict[str, bytes], options: Options, dialect: Dialect
) -> None:
    found = planned(files, options, dialect)
    if found is None:
        return
    assert taken_back(found.made.result, found.made.edits) == files[SERVICE]
    assert not (options.only_add and any(edit.old for edit in found.made.edits))
    again = planned_again({**files, SERVICE: found.made.result}, options, dialect)
    assert again.edits == ()
    assert again.refusals == found.made.refusals or found.made.edits
    assert again.after == again.before == found.made.after


def planned_again(files: dict[str, bytes], options: Options, dialect: Dialect) -> Plan:
    """Plan what has all that can be had: a group that was refused is refused again."""
    try:
        return plan("sshd", SERVICE, files.get, dialect, options)
    except NoSafeEdit as error:
        if error.plan is None:
            raise
        return error.plan


def taken_back(content: bytes, edits: tuple[Edit, ...]) -> bytes:
    """Undo edits from the first on; what is at one place was put there in reverse order."""
    for offset in sorted({edit.offset for edit in edits}):
        for edit in reversed([one for one in edits if one.offset == offset]):
            assert content.startswith(edit.new, offset)
            content = content[:offset] + edit.old + content[offset + len(edit.new) :]
            offset += len(edit.old)  # noqa: PLW2901 - what was there stands before the next
    return content


@given(FILES, OPTIONS, st.sampled_from(Dialect), st.integers(0, 2**32))
@SETTINGS
def test_no_run_of_a_planned_service_comes_out_otherwise(
    files: dict[str, bytes], options: Options, dialect: Dialect, seed: int
) -> None:
    found = planned(files, options, dialect)
    if found is not None and not any(one.problem for one in found.made.after):
        check_runs(found, seed)


@given(FILES, st.sampled_from(Dialect), st.integers(0, 2**32))
@SETTINGS
def test_edits_alone_are_safe_also_where_only_some_can_be_made(
    files: dict[str, bytes], dialect: Dialect, seed: int
) -> None:
    """With only_add a group whose rule of ours was unsafe stays so; the others are proved.

    Where no rule is wanted and nobody is checked, a rule that was there may let people in: no edit
    made it, and without it they could not log in any more.
    """
    found = planned(files, Options(only_add=True), dialect)
    if found is not None:
        groups = {one.group for one in found.made.after if not one.problem}
        unwanted = {one.group for one in found.made.after if one.present and not one.applies}
        check_runs(found, seed, groups, may_let_in=unwanted)


def check_runs(
    found: Planned,
    seed: int,
    groups: set[ManagementGroup] | None = None,
    may_let_in: Collection[ManagementGroup] = (),
) -> None:
    """Run both with the same random returns; the verdict and the others' order must agree.

    In the groups ``may_let_in`` only what succeeded before is compared.
    """
    before, after = found.before, found.after
    chance = random.Random(seed)  # noqa: S311 - test data
    calls = [row for row in ROWS if groups is None or row[0].group in groups]
    for _ in range(ROUNDS):
        answers = Answers(chance, strict=found.options.strict)
        for row in calls:
            was, now = run(before, row, answers), run(after, row, answers)
            for one, two in zip(was, now):
                succeeded, succeeds = one.result == SUCCESS, two.result == SUCCESS
                if one.call.group in may_let_in and not succeeded:
                    continue
                if one.call is not Call.CLOSE_SESSION:
                    assert succeeded == succeeds, (row, one, two)
                assert others(before, one) == others(after, two), (row, one, two)
            if groups is None:
                check_reach(found.made, now[0], ours_in(after, now[0].call.group))


ROWS = (
    (Call.AUTHENTICATE, Call.SETCRED),
    (Call.SETCRED,),
    (Call.ACCT_MGMT,),
    (Call.OPEN_SESSION, Call.CLOSE_SESSION),
    (Call.CLOSE_SESSION,),
    (Call.CHAUTHTOK,),
)


def run(stacks: Stacks, row: tuple[Call, ...], returns: Answers) -> list[Verdict]:
    verdicts: list[Verdict] = []
    for call in row:
        last = verdicts[-1] if verdicts else None
        verdicts.append(dispatch(stacks, call, returns, after=last))
    return verdicts


class Answers:
    """Random returns, the same for a module wherever it stands; pam_gnome_keyring's its own."""

    def __init__(self, chance: random.Random, *, strict: bool) -> None:
        self.chance = chance
        self.strict = strict
        self.is_missing = chance.random() < 0.2
        self.success = chance.choice((0.3, 0.6, 0.9))
        self.is_root = chance.random() < 0.5
        self.known: dict[object, int] = {}

    def __call__(self, handler: Handler, pass_: Pass) -> int:
        known = builtin_return(handler, pass_)
        if known is not None:
            return int(known)
        ours = handler.module == KEYRING
        place = (handler.origin.file, handler.arguments) if not ours else id(handler)
        key = (handler.group, handler.module_path, place, pass_)
        if key not in self.known:
            possible = ALL if ours else possible_returns(handler, pass_)
            self.known[key] = self.keyring(pass_) if ours else self.any(possible)
        return self.known[key]

    def any(self, possible: frozenset[int]) -> int:
        if SUCCESS in possible and self.chance.random() < self.success:
            return SUCCESS
        # No module of these is missing: it would be missing in each call.
        return self.chance.choice(sorted(possible - {MISSING}) or [MISSING])

    def keyring(self, pass_: Pass) -> int:
        if self.strict:
            return self.any(ALL)
        if self.is_missing:
            return int(ReturnValue.MODULE_UNKNOWN)
        if pass_.is_frozen:
            return SUCCESS
        return int(self.chance.choice(DOCUMENTED))


INCOMPLETE = int(ReturnValue.INCOMPLETE)
DOCUMENTED = (
    ReturnValue.SUCCESS,
    ReturnValue.SUCCESS,
    ReturnValue.IGNORE,
    ReturnValue.SERVICE_ERR,
    ReturnValue.AUTH_ERR,
    ReturnValue.USER_UNKNOWN,
    ReturnValue.AUTHTOK_ERR,
    ReturnValue.AUTHTOK_RECOVER_ERR,
    ReturnValue.TRY_AGAIN,
)


def ours_in(stacks: Stacks, group: ManagementGroup) -> set[int]:
    """Find our handlers: a look-alike of the guard that guards nothing of ours is not."""
    handlers = stacks.of(group).handlers
    found = {id(handler) for handler in handlers if handler.module == KEYRING}
    for handler, following in zip(handlers, handlers[1:]):
        is_guard = handler.arguments == GUARD and isinstance(handler.actions[SUCCESS], Jump)
        is_near = handler.origin.file == following.origin.file
        if is_guard and is_near and following.module == KEYRING:
            found.add(id(handler))
    return found


def others(stacks: Stacks, verdict: Verdict) -> list[tuple[str, tuple[str, ...], int]]:
    """Return what modules of others ran, and what they returned."""
    ours = ours_in(stacks, verdict.call.group)
    return [
        (entry.handler.module_path, entry.handler.arguments, entry.returned)
        for entry in verdict.trace
        if id(entry.handler) not in ours
    ]


def check_reach(made: Plan, verdict: Verdict, ours: set[int]) -> None:
    """Where the password was right, and all is well, pam_gnome_keyring ran after that."""
    group = verdict.call.group
    state = next((one for one in made.after if one.group is group), None)
    is_asked = verdict.call in {Call.AUTHENTICATE, Call.OPEN_SESSION, Call.CHAUTHTOK}
    if state is None or not state.applies or verdict.result != SUCCESS or not is_asked:
        return
    names = [
        entry.handler.module
        for entry in verdict.trace
        if entry.pass_ is not Pass.PRELIM
        and (entry.handler.module == KEYRING or entry.returned == SUCCESS or group is SESSION)
    ]
    passed_by = any(
        id(entry.handler) in ours and entry.handler.module != KEYRING and entry.returned == SUCCESS
        for entry in verdict.trace
    )
    wanted = {"pam_systemd.so"} if group is SESSION else PASSWORDS
    places = [place for place, name in enumerate(names) if name in wanted]
    if places and not passed_by:
        assert KEYRING in names[places[0] :], (group, names)


SESSION = ManagementGroup.SESSION
