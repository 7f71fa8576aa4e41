"""Tell a person what to do about a group that cannot have its rule: the hint of a refusal.

No hint removes a module that checks or changes people's passwords. A file that a tool writes is
changed with that tool; sources: pam-config, src/mod_pam_gnome_keyring.c (auto_start
goes into session only); pam-auth-update(8); authselect(8).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from creds_session.pam.keyring_rules.counterexample import Breach, Counterexample
from creds_session.pam.keyring_rules.names import is_of_another_person
from creds_session.pam.keyring_rules.owners import AUTHSELECT, PAM_AUTH_UPDATE, PAM_CONFIG, owner_of
from creds_session.pam.keyring_rules.policy import PASSWORD_MODULES, is_keyring
from creds_session.pam.modules.returns import is_in_libpams_directory, is_known
from creds_session.pam.stack.handlers import Handler
from creds_session.pam.stack.resolve import Read
from creds_session.pam.syntax.terms import ManagementGroup

REMOVAL: Final = {
    AUTHSELECT: "run: sudo authselect disable-feature with-pam-gnome-keyring",
    PAM_CONFIG: "run: sudo pam-config --delete --gnome_keyring",
    PAM_AUTH_UPDATE: "run: sudo pam-auth-update, and disable the profile of the GNOME keyring",
}
"""How a tool removes its rules of pam_gnome_keyring."""
AUTO_START: Final = "run: sudo pam-config --add --gnome_keyring-auto_start, or: "
"""The option exists at least since openSUSE Leap 42.1, whose gnome-keyring package sets it."""
PROFILES: Final = {"pam_sss.so": "sss", "pam_winbind.so": "winbind", "pam_krb5.so": "krb5"}
"""The names under which Debian's packages have their profiles in /usr/share/pam-configs."""
BY_HAND: Final = {
    ManagementGroup.AUTH: "people who log in run `creds unlock` after the login",
    ManagementGroup.SESSION: "people who log in run `creds unlock` after the login",
    ManagementGroup.PASSWORD: "people run `creds rekey` after they have changed their password",
}
"""What replaces a rule that cannot be added."""


def take_out(rules: Sequence[Handler], read: Read, *, movable: bool) -> str:
    """Return how to remove rules of pam_gnome_keyring, each with the tool that writes its file.

    ``movable``: a rule that no tool wrote can be moved instead.
    """
    texts = []
    by_hand = []
    for rule in rules:
        owner = owner_of(read(rule.origin.file) or b"")
        if owner is None:
            by_hand.append(rule.place)
        elif owner in REMOVAL:
            texts.append(f"{rule.origin.file} is written by {owner.tool}; {REMOVAL[owner]}")
        else:
            texts.append(f"{rule.origin.file} is {owner.problem}; {owner.hint}")
    if by_hand:
        places = " and ".join(dict.fromkeys(by_hand))
        texts.append(f"remove {places}, {'or move it' if movable else WORKS_NOT}")
    return f"{'; '.join(dict.fromkeys(texts))}; then try again"


def take_out_for_good(rules: Sequence[Handler], read: Read, path: str) -> str:
    """Return how to remove rules that the service with the file ``path`` must not have."""
    out = take_out(rules, read, movable=False).replace(f", {WORKS_NOT}", "")
    shared = dict.fromkeys(rule.origin.file for rule in rules if rule.origin.file != path)
    if not shared:
        return f"{out}; nothing replaces it"
    return f"{out}; nothing replaces it here, and {OF_OTHERS.format(' and '.join(shared))}"


OF_OTHERS: Final = (
    "logins by other services that read {} lose the rule too:"
    " `creds-setup-pam --service NAME apply` gives each of them its own rules"
)


WORKS_NOT: Final = "because it has no effect there"


def start_or_take_out(rules: Sequence[Handler], read: Read) -> str:
    """Return how to make rules work that have no effect now, or how to remove them."""
    owners = {owner_of(read(rule.origin.file) or b"") for rule in rules}
    out = take_out(rules, read, movable=False)
    is_session = all(rule.group is ManagementGroup.SESSION for rule in rules)
    starts = all("auto_start" in rule.arguments for rule in rules)
    if owners != {PAM_CONFIG} or starts or not is_session:
        return out
    return out.replace("run: ", AUTO_START, 1)


def way_round(
    found: Counterexample | None,
    group: ManagementGroup,
    service: str,
    read: Read,
    *,
    has_rule: bool,
) -> str:
    """Return what a person could do if no rule can be added, whatever is removed.

    ``has_rule``: the group has a rule of pam_gnome_keyring, which works in other cases.
    """
    if found is None:
        return "add the rule by hand, or leave the group as it is"
    ends = [step.handler for step in found.steps if not is_keyring(step.handler)]
    if found.breach not in {Breach.NOT_REACHED, Breach.PASSED_BY} or not ends:
        return "first, a person must change the rules there"
    unknown = [
        handler for handler in ends if not (is_known(handler) and is_in_libpams_directory(handler))
    ]
    if found.breach is Breach.PASSED_BY and unknown:
        return (
            f"{unknown[0].place}: what {unknown[0].module_path} returns is not known to this"
            " program, so it could let in people whose password nothing has checked; if it cannot,"
            " add the rule by hand, or leave the group as it is"
        )
    last = ends[-1]
    what = (
        "lets in people whose password nothing has checked"
        if found.breach is Breach.PASSED_BY
        else ""
    )
    what = what or "ends the stack before the keyring's rule can run"
    text = f"{last.place}: {last.module} {what}{_by_whom(last, read)}"
    if last.module not in PASSWORD_MODULES and is_known(last):
        return f"{text}: remove or change that line"
    return f"{text}; keep that line: {_instead(last, group, service, has_rule=has_rule)}"


def _by_whom(last: Handler, read: Read) -> str:
    """Name the tool that writes the file of a rule, and the profile that the rule comes from."""
    owner = owner_of(read(last.origin.file) or b"")
    if owner is None:
        return ""
    profile = PROFILES.get(last.module, "") if owner is PAM_AUTH_UPDATE else ""
    return f" ({owner.tool} writes that file{', profile ' + profile if profile else ''})"


def _instead(last: Handler, group: ManagementGroup, service: str, *, has_rule: bool) -> str:
    """Return what people do instead of the rule, because the module must stay."""
    if group is ManagementGroup.PASSWORD and has_rule:
        return f"people whose password {last.module} changes run `creds rekey` after the change"
    if is_of_another_person(service) and group is not ManagementGroup.PASSWORD:
        return f"{service} needs no rule and can be left as it is"
    return BY_HAND[group]
