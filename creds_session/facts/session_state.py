"""Decide the state of a session's keyring: one pure decision, which every command uses.

``creds status``, ``get``, ``unlock``, the login hook and the doctor all ask ``judge``. It decides
in this order:

bus       owner of the name    default keyring                       state
silent    -                    -                                     NO_BUS
answers   nobody               see ``_without_owner``
answers   does not answer      -                                     HUNG
answers   another program      any                                   OTHER_PROVIDER
answers   gnome-keyring        unlocked                              UNLOCKED
answers   gnome-keyring        locked, its file is not encrypted     NO_PASSWORD
answers   gnome-keyring        locked, the open login keyring keeps
                               a password for it                     PASSWORD_KEPT
answers   gnome-keyring        locked                                LOCKED
answers   gnome-keyring        named and not served                  GHOST
answers   gnome-keyring        none, and there is a login keyring
                               or a file that ``default`` names      NO_DEFAULT
answers   gnome-keyring        none, and a login keyring's file      GHOST
answers   gnome-keyring        none                                  NO_KEYRING

The default keyring is the one that the alias ``default`` leads to, where programs read and store.
"""

from __future__ import annotations

import enum

from creds_session.facts.collection_state import CollectionState, KeyringForm, collection_name
from creds_session.facts.session import DAEMON_NAME, BusFacts, KeyringFacts, is_daemon_name
from creds_session.records import NamedTuple

LOGIN = "login"


class SessionState(enum.Enum):
    """What a program finds if it wants a secret of this session."""

    UNLOCKED = "unlocked"
    LOCKED = "locked"
    NO_PASSWORD = "no-password"  # noqa: S105 - a word for a state
    """The keyring has no password: every program opens it without a question."""
    PASSWORD_KEPT = "password-kept"  # noqa: S105
    """The default keyring is locked, and the unlocked login keyring keeps a password for it. The
    first program that asks opens it, if that is still its password: nobody knows before."""
    NO_KEYRING = "no-keyring"
    NO_DEFAULT = "no-default"
    """The alias ``default`` leads to no keyring that the daemon serves."""
    NO_DAEMON = "no-daemon"
    WAITING = "waiting"
    """A daemon listens at the control socket, and serves nothing on this bus yet."""
    GHOST = "ghost"
    """The daemon does not serve the login keyring that there is."""
    OTHER_PROVIDER = "other-provider"
    HUNG = "hung"
    """The bus answers, and the program that serves secrets does not."""
    NO_BUS = "no-bus"

    @property
    def is_readable(self) -> bool:
        """Return whether a program that asks for a secret gets it, without a question."""
        return self in _READABLE


_READABLE = frozenset({SessionState.UNLOCKED, SessionState.NO_PASSWORD})


class Verdict(NamedTuple):
    """The state, and one line about it; ``keyring`` is the name of the keyring that programs use.

    ``default`` is what the collection of another provider says, of which we know no more.
    """

    state: SessionState
    line: str
    keyring: str = LOGIN
    default: CollectionState | None = None

    @property
    def is_readable(self) -> bool:
        """Return whether a program reads a secret here now, whoever serves it."""
        return self.state.is_readable or self.default is CollectionState.UNLOCKED


def judge(bus: BusFacts, keyring: KeyringFacts) -> Verdict:
    """Return the state that these facts of a session come to."""
    if bus.owner is not None and bus.reason:
        return _hung(bus)
    if not bus.answers:
        return Verdict(SessionState.NO_BUS, bus.reason or "there is no session bus")
    if bus.owner is None:
        return _without_owner(bus, keyring)
    if not bus.owner.is_gnome_keyring:
        return _of_another(bus)
    return _with_owner(bus, keyring)


def default_keyring(bus: BusFacts) -> tuple[str, CollectionState | None]:
    """Return the name and the state of the keyring where programs read and store."""
    if bus.default is None:  # only the login keyring was looked at
        return LOGIN, bus.login
    return collection_name(bus.default_path) or LOGIN, bus.default


def hung_line(program: str, pid: int, what: str) -> str:
    """Return the line about a program that serves secrets and does not answer."""
    who = "the keyring daemon" if is_daemon_name(program) else program
    return f"{who} (pid {pid}) does not answer; the session bus does ({what})"


def _hung(bus: BusFacts) -> Verdict:
    owner = bus.owner
    line = hung_line(owner.name, owner.pid, bus.reason) if owner else bus.reason
    return Verdict(SessionState.HUNG, line)


def _of_another(bus: BusFacts) -> Verdict:
    owner = bus.owner
    who = ""
    if owner is not None:
        named = f"{owner.name}, pid {owner.pid}" if owner.name else owner.shown
        who = f"another program serves secrets here ({named})"
    name = collection_name(bus.default_path)
    if bus.default not in {CollectionState.UNLOCKED, CollectionState.LOCKED}:
        return Verdict(SessionState.OTHER_PROVIDER, f"{who}, and it has no default keyring", name)
    line = f"{who}; its keyring {name} is {bus.default.value}"
    return Verdict(SessionState.OTHER_PROVIDER, line, name, bus.default)


def _with_owner(bus: BusFacts, keyring: KeyringFacts) -> Verdict:
    by = f"({DAEMON_NAME}, pid {bus.owner.pid})" if bus.owner else ""
    name, state = default_keyring(bus)
    if state is CollectionState.UNLOCKED:
        return Verdict(SessionState.UNLOCKED, f"the {name} keyring is unlocked {by}", name)
    if state is CollectionState.LOCKED:
        return _locked(bus, keyring, name, by)
    if state is CollectionState.GHOST:
        return _unserved_login(keyring, by) if name == LOGIN else _unserved(name, by)
    return _without_default(bus, keyring, by)


def _locked(bus: BusFacts, keyring: KeyringFacts, name: str, by: str) -> Verdict:
    if form_of(keyring, name) is KeyringForm.PLAIN:
        line = f"the {name} keyring has no password: every program opens it {by}"
        return Verdict(SessionState.NO_PASSWORD, line, name)
    if bus.keeps_default_password:
        line = (
            f"the default keyring {name} is locked; the login keyring keeps a password for it, so"
            f" the first program that asks may open it (creds get tries it) {by}"
        )
        return Verdict(SessionState.PASSWORD_KEPT, line, name)
    return Verdict(SessionState.LOCKED, f"the {name} keyring is locked {by}", name)


def _unserved(name: str, by: str) -> Verdict:
    line = f"the daemon does not serve the {name} keyring that exists {by}"
    return Verdict(SessionState.GHOST, line, name)


def _unserved_login(keyring: KeyringFacts, by: str) -> Verdict:
    """Say that the daemon does not serve the login keyring, and why if its file shows it."""
    if not keyring.form.is_damaged:
        return _unserved(LOGIN, by)
    line = f"the file of the login keyring is damaged ({keyring.form.value}) {by}"
    return Verdict(SessionState.GHOST, line)


def _without_default(bus: BusFacts, keyring: KeyringFacts, by: str) -> Verdict:
    named = keyring.default_name
    if named and named != LOGIN and keyring.default_form is not KeyringForm.ABSENT:
        return Verdict(SessionState.NO_DEFAULT, f"{_why_unserved(keyring)} {by}", named)
    if bus.login in {CollectionState.LOCKED, CollectionState.UNLOCKED}:
        missing = f"the file `default` names {_shown(named)}" if named else ""
        line = f"there is no default keyring: {missing}, which does not exist {by}"
        if not named:
            line = f"there is no default keyring {by}"
        return Verdict(SessionState.NO_DEFAULT, line, named or "")
    if bus.login is CollectionState.GHOST or keyring.exists:
        return _unserved_login(keyring, by)
    return Verdict(SessionState.NO_KEYRING, f"there is no login keyring yet {by}")


def _why_unserved(keyring: KeyringFacts) -> str:
    named, form = _shown(keyring.default_name or ""), keyring.default_form
    if form.is_damaged:
        return f"the file of the default keyring, {named}, is damaged ({form.value})"
    return f"the daemon does not serve the default keyring, {named}"


def _shown(name: str) -> str:
    """Return the name that a file holds, on one line whatever is in it."""
    from creds_session.quoting import quoted  # not to load `re` for `creds get`

    return quoted(name)


def form_of(keyring: KeyringFacts, name: str) -> KeyringForm:
    """Return what the file of the keyring with this name is, as far as it was looked at."""
    if name == LOGIN:
        return keyring.form
    return keyring.default_form if name == keyring.default_name else KeyringForm.UNKNOWN


def _without_owner(bus: BusFacts, keyring: KeyringFacts) -> Verdict:
    """Return the state if nobody owns the name: a program that asks may start the daemon."""
    name = keyring.default_name or LOGIN
    if keyring.holder is not None:
        from creds_session.facts.control_holder import holder_line  # seldom

        return Verdict(SessionState.WAITING, holder_line(keyring), name)
    if keyring.control_listens:
        where = f"a keyring daemon listens at {keyring.control} and serves nothing yet"
        return Verdict(SessionState.WAITING, where, name)
    form = form_of(keyring, name)
    if form.is_damaged:
        which = "login keyring" if name == LOGIN else f"default keyring, {_shown(name)},"
        line = f"no keyring daemon runs, and the file of the {which} is damaged ({form.value})"
        state = SessionState.GHOST if name == LOGIN else SessionState.NO_DEFAULT
        return Verdict(state, line, name)
    if keyring.exists is False and not has_other_default(keyring):
        line = "no keyring daemon runs, and there is no login keyring yet"
        return Verdict(SessionState.NO_KEYRING, line)
    starts = bus.activatable and keyring.is_activated
    if starts and form_of(keyring, name) is KeyringForm.PLAIN:
        line = (
            f"no keyring daemon runs; the {name} keyring has no password: the first program that"
            " asks starts the daemon and opens it"
        )
        return Verdict(SessionState.NO_PASSWORD, line, name)
    return Verdict(SessionState.NO_DAEMON, "no keyring daemon runs", name)


def has_other_default(keyring: KeyringFacts) -> bool:
    """Return whether the file ``default`` names another keyring than login, whose file exists."""
    if keyring.default_name in {None, "", LOGIN}:
        return False
    return keyring.default_form not in {KeyringForm.ABSENT, KeyringForm.UNKNOWN}


def rekey_command(name: str) -> str:
    """Return the command that gives the keyring with this name another password."""
    from shlex import join  # only for a message

    return join(rekey_words(name))


def rekey_words(name: str) -> tuple[str, ...]:
    """Return the same as argv; a name that a shell would split is quoted by who prints it."""
    if name == LOGIN:
        return ("creds", "rekey")
    # Behind a blank it would be taken for an option.
    is_like_an_option = name.startswith("-")
    return (
        "creds",
        "rekey",
        *([f"--keyring={name}"] if is_like_an_option else ["--keyring", name]),
    )
