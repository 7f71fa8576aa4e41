"""Plan what must change on a machine so that a login by ssh unlocks the keyring.

Two things can be changed: the rules in the service's file, and a condition on systemd's user socket
of gnome-keyring, without which a new user's first login fails (docs/explanation/first-login.md).
This module plans both; ``apply`` makes the changes and reverts them. sshd's settings are read too,
and never changed (docs/explanation/keyboard-interactive.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from creds_session.errors import InvalidData, NoSuchFile, Unavailable
from creds_session.facts.machine import PolicyRefusal
from creds_session.facts.snapshot import InstallationFacts
from creds_session.facts.sshd import NOT_ASKED, SshdFacts
from creds_session.pam.keyring_rules.names import MODULE, PASSWORD_ONLY, is_of_another_person
from creds_session.pam.keyring_rules.pam_files import PamFiles
from creds_session.pam.keyring_rules.plan import NoSafeEdit, Options, Plan, Refusal, plan_service
from creds_session.pam.syntax.terms import ManagementGroup
from creds_session.probe.installation import probe_first_login, probe_installation
from creds_session.probe.sshd import probe_sshd
from creds_session.setup_pam.notes import (
    is_hindered,
    notes_on_service,
    notes_on_sshd,
    unguarded_rules,
)
from creds_session.setup_pam.service_files import (
    as_libpam_opens,
    find_service,
    pam_files,
    used_names,
)
from creds_session.setup_pam.vendor import in_vendor_directory, require_image
from creds_session.system.files.root import Root
from creds_session.system.systemd.systemctl import KEYRING_SOCKET

DROP_IN = f"/etc/systemd/user/{KEYRING_SOCKET}.d/creds-session.conf"
VENDOR_DROP_IN = f"/usr/lib/systemd/user/{KEYRING_SOCKET}.d/creds-session.conf"
DROP_INS = (DROP_IN, VENDOR_DROP_IN)
DROP_IN_TEXT = b"""\
# Written by creds-setup-pam; `creds-setup-pam revert` removes it.
# A login keyring that is created through this socket is not served until the daemon is
# restarted. So if there is no login keyring yet, PAM starts the daemon, and not this socket.
[Unit]
ConditionPathExists=%h/.local/share/keyrings/login.keyring
"""


class Rebased(NamedTuple):
    """The vendor's file that a change is made from, or None if that is not known.

    ``is_kept``: ``revert`` leaves the vendor's lines in the file, and removes ours alone.
    """

    vendor: bytes | None
    is_kept: bool


class Setup(NamedTuple):
    """All that would change on a machine, and what each service has now.

    ``drop_in`` is the content of the condition's file now, or None if there is no such file, and
    ``drop_in_path`` is that file.
    ``notes`` say what else a person should know. ``is_hindered``: sshd's settings let no password
    through to PAM at all. ``is_enforcing``: SELinux is enforcing; ``selinux_refuses`` is then what
    its policy refuses to a login, or None if the policy could not be asked. ``rebased`` are the
    files that a newer file of the vendor replaces, by path (``rebase``).
    """

    plans: tuple[Plan, ...]
    needs_drop_in: bool
    drop_in: bytes | None = None
    notes: tuple[str, ...] = ()
    sshd: SshdFacts = NOT_ASKED
    is_hindered: bool = False
    is_enforcing: bool = False
    selinux_refuses: tuple[PolicyRefusal, ...] | None = None
    drop_in_path: str = DROP_IN
    rebased: Mapping[str, Rebased] = MappingProxyType({})

    @property
    def edited(self) -> tuple[Plan, ...]:
        """The plans that would change a file."""
        return tuple(planned for planned in self.plans if planned.is_change)

    @property
    def is_needed(self) -> bool:
        """Whether anything would change."""
        return self.needs_drop_in or bool(self.edited)

    @property
    def contents(self) -> tuple[tuple[str, bytes | None, bytes], ...]:
        """The path of each file that would change, its bytes before (or None) and after."""
        files = [(planned.target, planned.replaced, planned.result) for planned in self.edited]
        if self.needs_drop_in:
            files.append((self.drop_in_path, self.drop_in, DROP_IN_TEXT))
        return tuple(files)

    @property
    def refusals(self) -> tuple[tuple[str, Refusal], ...]:
        """The groups that cannot have their rule, with the service."""
        return tuple(
            (planned.service, refusal) for planned in self.plans for refusal in planned.refusals
        )

    @property
    def has_something(self) -> bool:
        """Whether a rule is in place and reached already."""
        verdicts = (verdict for planned in self.plans for verdict in planned.before)
        return any(
            verdict.applies and verdict.reached and not verdict.problem for verdict in verdicts
        )

    @property
    def alarms(self) -> tuple[tuple[str, str, str], ...]:
        """The services that let a wrong password in, each with the counterexample and a remedy.

        They name the lines of the files as they are now, since the change is not made yet.
        """
        return tuple(
            (planned.service, verdict.alarm, verdict.alarm_remedy)
            for planned in self.plans
            for verdict in planned.before
            if verdict.alarm
        )

    @property
    def is_complete(self) -> bool:
        """Whether every group would be in order after the change."""
        verdicts = [verdict for planned in self.plans for verdict in planned.after]
        is_lacking = any(verdict.problem or verdict.alarm for verdict in verdicts)
        return not is_lacking and not self.is_hindered


def plan_setup(
    root: Root,
    services: Sequence[str] = (),
    options: Options | None = None,
    *,
    for_vendor: bool = False,
) -> Setup:
    """Return what would change on a machine; changes nothing.

    If no service is named, these are the service of sshd, and ``passwd`` if it exists.
    ``for_vendor``: an image's own files in /usr change, and none in /etc (``vendor``).

    Raises:
        Unavailable: A program or module is not installed; the hint names its package.
        NoSuchFile: A service has no file.
        InvalidData: libpam would refuse a service, or its change would harm another service.
        UsageError: ``for_vendor`` on a running machine.
    """
    if for_vendor:
        require_image(root)
    found = probe_installation(root)
    sshd = probe_sshd(root, found.sshd) if PASSWORD_ONLY.isdisjoint(services) else NOT_ASKED
    asked = tuple(dict.fromkeys(services or (sshd.pam_service_name, "passwd")))
    _require_installation(found, needs_sshd=sshd.pam_service_name in asked)
    files = pam_files(root)
    plans: list[Plan] = []
    notes: list[str] = []
    for service in asked:
        try:
            planned, refused = plan_for(root, service, files, options, sshd)
            planned = in_vendor_directory(planned) if for_vendor else planned
        except (NoSuchFile, InvalidData) as error:
            # Nobody asked for passwd by name, so its problems must not keep sshd from a change.
            if services or service != "passwd":
                raise
            notes.append(f"passwd is not changed: {error.problem}")
            continue
        plans.append(planned)
        notes += [refused] if refused else []
        notes += [f"{service}: {note}" for note in notes_on_service(root, planned, files)]
        if options is not None and options.skip_root:
            notes += [f"{service}: {note}" for note in unguarded_rules(planned, files)]
    needs_drop_in = probe_first_login(root).breaks_first_login and any(map(_starts_daemon, plans))
    path = VENDOR_DROP_IN if for_vendor else DROP_IN
    drop_in = root.read(path) if needs_drop_in else None
    notes += notes_on_sshd(root, sshd, plans)
    hindered = is_hindered(sshd, plans)
    setup = Setup(tuple(plans), needs_drop_in, drop_in, tuple(notes), sshd, hindered)
    return setup._replace(drop_in_path=path)


def _starts_daemon(planned: Plan) -> bool:
    """Return whether PAM will start the daemon at logins by this service.

    Then the socket need not start it.
    """
    if planned.service in PASSWORD_ONLY or is_of_another_person(planned.service):
        return False
    opening = {ManagementGroup.AUTH, ManagementGroup.SESSION}
    return opening.isdisjoint(refused.group for refused in planned.refusals)


def plan_for(
    root: Root, service: str, files: PamFiles, options: Options | None, sshd: SshdFacts
) -> tuple[Plan, str]:
    """Plan a service. If sshd needs it, the auth rule starts the daemon.

    If that is refused, the plan is the usual one, and the second value says why. Raises NoSuchFile,
    InvalidData.
    """
    if not sshd.only_dialogue or service != sshd.pam_service_name:
        return _plan(root, service, files, options), ""
    early = (options or Options())._replace(early_start=True)
    try:
        made = _plan(root, service, files, early)
    except InvalidData as error:
        reason = error.problem
    else:
        refusals = (refusal for refusal in made.refusals if refusal.group is ManagementGroup.AUTH)
        reason = next((refusal.reason for refusal in refusals), "")
        if not reason:
            return made, ""
    planned = _plan(root, service, files, options)
    return planned, f"{service}: the auth rule cannot start the daemon: {reason}"


def _plan(root: Root, service: str, files: PamFiles, options: Options | None) -> Plan:
    """Plan a service. If no group can have its rule, the plan says so and changes nothing."""
    path = find_service(service, files)
    try:
        planned = plan_service(service, path, files, options, place=root.resolve(path) or "")
    except NoSafeEdit as error:
        if error.plan is None:
            raise
        return error.plan
    if planned.edits:
        from creds_session.pam.keyring_rules.other_services import (  # most runs need none
            refuse_harm_to_other_services,
        )

        others = used_names(sorted(files.services() - {service}))
        readable = as_libpam_opens(files)
        refuse_harm_to_other_services(planned.path, planned.result, others, readable)
    return planned


def _require_installation(found: InstallationFacts, *, needs_sshd: bool) -> None:
    parts = {"gnome-keyring-daemon": found.daemon, MODULE: found.pam_module}
    if needs_sshd:
        parts = {"sshd": found.sshd, **parts}
    missing = [name for name, path in parts.items() if path is None]
    if missing:
        from creds_session.facts.distribution import install_command, is_of_store

        # NixOS and Guix have no program at the usual paths, installed or not.
        if is_of_store(found.os_release):
            return
        *first, last = missing
        named = f"{', '.join(first)} and {last} are" if first else f"{last} is"
        raise Unavailable(f"{named} not installed", hint=install_command(missing, found.os_release))
