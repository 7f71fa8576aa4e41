"""Check whether another program than gnome-keyring, or another user, serves the secrets."""

from __future__ import annotations

from creds_session.doctor.checks.bus import NO_BUS
from creds_session.doctor.checks.registry import Check
from creds_session.doctor.checks.session import note_or_error
from creds_session.facts.collection_state import CollectionState
from creds_session.facts.other_providers import means_to_serve
from creds_session.facts.session import NameOwner
from creds_session.facts.snapshot import Facts
from creds_session.findings import Found, Remediation, Severity

MAKE_A_DEFAULT = "make a default keyring in {}, or unlock the one that exists"


def _foreign(facts: Facts) -> Found | None:
    owner = facts.bus.owner
    if owner is None or owner.uid == facts.session.uid:
        return None
    return Found((f"{owner.shown} belongs to user id {owner.uid}",))


def _name(owner: NameOwner) -> str:
    return owner.name or "that program"


def _locked(facts: Facts) -> Found | None:
    owner = facts.bus.owner
    if owner is None or owner.is_gnome_keyring or facts.bus.default is not CollectionState.LOCKED:
        return None
    return Found(
        (f"{facts.bus.default_path} is locked",),
        f"another program serves secrets here, and its keyring is locked: {owner.shown}",
        remedy=Remediation(
            f"unlock the keyring in {_name(owner)}; `creds unlock` cannot unlock it"
        ),
    )


def _other(facts: Facts) -> Found | None:
    owner = facts.bus.owner
    if owner is None or owner.is_gnome_keyring:
        return None
    means = means_to_serve(owner.name) or MAKE_A_DEFAULT.format(_name(owner))
    return Found(
        (f"org.freedesktop.secrets is owned by {owner.shown}",),
        f"another program serves secrets here: {owner.shown}",
        remedy=Remediation(means),
    )


CHECKS = (
    Check(
        "provider-foreign",
        "daemon",
        Severity.ERROR,
        "the process that serves secrets here belongs to another user",
        _foreign,
        cause="this session bus lets other users in, and one of them, or root, owns the name",
        remedy=Remediation("log in again, which gives you your own session bus"),
        needs=NO_BUS,
    ),
    Check(
        "other-provider-locked",
        "daemon",
        Severity.ERROR,
        "another program serves secrets here, and its keyring is locked",
        _locked,
        cause="KeePassXC, KWallet and others own org.freedesktop.secrets in place of gnome-keyring",
        remedy=Remediation("unlock the keyring in that program, or end it and run: creds unlock"),
        needs=(*NO_BUS, "daemon-hung", "provider-foreign"),
    ),
    Check(
        "other-provider",
        "daemon",
        note_or_error,
        "another program serves secrets here",
        _other,
        cause="only one program can own org.freedesktop.secrets on a session bus",
        remedy=Remediation("unlock the keyring in that program, or end the program"),
        needs=(*NO_BUS, "daemon-hung", "provider-foreign", "other-provider-locked"),
    ),
)
