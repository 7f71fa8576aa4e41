"""Write what is printed about SELinux's policy."""

from __future__ import annotations

from collections.abc import Sequence

from creds_session.facts.machine import PolicyRefusal

NOT_JUDGED = (
    "SELinux is enforcing here. Its policy also decides whether sshd may start the keyring daemon,"
    " and the policy could not be asked; if a login unlocks no keyring, creds-doctor shows what was"
    " denied"
)
REFUSES = (
    "SELinux is enforcing here, and its policy does not let a login by ssh {}. {} The policy lacks:"
)
NOT_STARTED = "With PAM's rules alone, no login unlocks a keyring."
NOT_REACHED = "A login does not unlock the keyring if the daemon is running already."
REMEDY = (
    "you can add a policy module that allows it: creds-doctor --explain selinux-refuses; without"
    " it, people run `creds unlock` after each login"
)


def policy_line(refused: Sequence[PolicyRefusal]) -> str:
    """Return in a few words what the policy allows to a login."""
    if not refused:
        return "lets a login by ssh start and reach the keyring daemon"
    return f"does not let a login by ssh {_verb(refused)} the keyring daemon"


def policy_warning(refused: Sequence[PolicyRefusal] | None) -> str:
    """Return the warning to print if SELinux is enforcing, or "" if its policy allows all."""
    if refused is None:
        return NOT_JUDGED
    if not refused:
        return ""
    verb = _verb(refused)
    so = NOT_STARTED if verb == "start" else NOT_REACHED
    first = REFUSES.format(f"{verb} the keyring daemon", so)
    return "\n".join([first, *(f"  {refusal.rule}" for refusal in refused), REMEDY])


def _verb(refused: Sequence[PolicyRefusal]) -> str:
    """Return what a login must not do with the daemon: start it, or else reach it."""
    return "start" if any(refusal.object_class == "file" for refusal in refused) else "reach"


def policy_values(
    refused: Sequence[PolicyRefusal] | None, *, is_enforcing: bool
) -> dict[str, object] | None:
    """Return the same as values for JSON, or None if SELinux is not enforcing."""
    if not is_enforcing:
        return None
    return {"judged": refused is not None, "refused": [refusal.rule for refusal in refused or ()]}
