"""Whether the programs that are needed lie on the disk, and a bus can start them."""

from __future__ import annotations

from creds_session.doctor.checks.registry import Check, hindrance, is_other_provider
from creds_session.facts.distribution import install_step
from creds_session.facts.session import DAEMON_NAME
from creds_session.facts.snapshot import Facts
from creds_session.findings import Found, NotJudged, Remediation, Severity

SERVICE_FILE = "/usr/share/dbus-1/services/org.freedesktop.secrets.service"


def install(name: str, os_release: str) -> Remediation:
    """Return how a program or module is installed on this distribution."""
    step = install_step(name, os_release)
    if not step.command:
        return Remediation(step.text)
    return Remediation("install it", (("sudo", *step.command),))


def _daemon(facts: Facts) -> Found | None:
    if facts.installation.daemon or is_other_provider(facts):
        return None
    return Found((f"no {DAEMON_NAME} in /usr/bin",))


def _capabilities(facts: Facts) -> Found | None:
    lacking = facts.init.lacks_capability
    if not lacking:
        return None
    daemon = facts.installation.daemon or ""
    remedy = Remediation(
        "take the capability from the file, or give it to the container (--cap-add IPC_LOCK)",
        (("sudo", "setcap", "-r", daemon),),
        is_safe=True,
    )
    return Found((f"{daemon} demands {lacking}", "this process may not pass it on"), remedy=remedy)


def _activation_missing(facts: Facts) -> Found | NotJudged | None:
    if facts.activations is None:
        return NotJudged("the bus's service files were not read")
    if facts.activations or facts.bus.activatable or is_other_provider(facts):
        return None
    return Found((f"no service file names org.freedesktop.secrets, such as {SERVICE_FILE}",))


def _activation_broken(facts: Facts) -> Found | NotJudged | None:
    if facts.activations is None:
        return NotJudged("the bus's service files were not read")
    first = facts.activations[:1]
    if not first or first[0].is_there or is_other_provider(facts):
        return None
    return Found((f"{first[0].path} runs {first[0].command}", "that program is not there"))


def _activation_other(facts: Facts) -> Found | NotJudged | None:
    if facts.activations is None:
        return NotJudged("the bus's service files were not read")
    first = facts.activations[:1]
    if not first or not first[0].is_there or DAEMON_NAME in first[0].command:
        return None
    return Found((f"{first[0].path} runs {first[0].command}",))


CHECKS = (
    Check(
        "daemon-not-installed",
        "installation",
        hindrance,
        "gnome-keyring-daemon is not installed",
        _daemon,
        cause="servers come without a desktop, and so without its keyring",
        remedy=lambda facts: install(DAEMON_NAME, facts.installation.os_release),
    ),
    Check(
        "daemon-capabilities",
        "installation",
        hindrance,
        "the keyring daemon cannot be started here: its file demands a capability",
        _capabilities,
        cause="the file has cap_ipc_lock, which this container takes from all its processes;"
        " execve(2) then says `Operation not permitted`",
        needs=("daemon-not-installed",),
    ),
    Check(
        "activation-missing",
        "installation",
        hindrance,
        "the bus knows no program that serves secrets",
        _activation_missing,
        cause="the service file of gnome-keyring is not there, so no program can start the daemon:"
        " `The name org.freedesktop.secrets was not provided by any .service files`",
        remedy=Remediation(
            "install gnome-keyring again, or unlock by hand", (("creds", "unlock"),)
        ),
        needs=("daemon-not-installed",),
    ),
    Check(
        "activation-broken",
        "installation",
        hindrance,
        "the bus would start a program for secrets that is not there",
        _activation_broken,
        cause="the first service file that the bus finds for the name counts, and its program is"
        " gone: an own file below ~/.local/share/dbus-1, or a package that was removed",
        remedy=Remediation(
            "install the program that the file names, or ask the owner of the file to remove it"
        ),
        needs=("daemon-not-installed",),
    ),
    Check(
        "activation-other",
        "installation",
        Severity.NOTE,
        "the bus starts another program than gnome-keyring for secrets",
        _activation_other,
        cause="the first service file that the bus finds for the name counts",
    ),
)
