"""Check whether the programs that are needed are installed, and whether D-Bus can start them."""

from __future__ import annotations

from creds_session.doctor.checks.registry import Case, Check, hindrance, is_other_provider
from creds_session.facts.distribution import install_step
from creds_session.facts.session import DAEMON_NAME
from creds_session.facts.snapshot import Facts
from creds_session.findings import Found, NotJudged, Remediation, Severity

SERVICE_FILE = "/usr/share/dbus-1/services/org.freedesktop.secrets.service"
UNREAD = "the service files of the session bus were not read"


def install(name: str, os_release: str) -> Remediation:
    """Return how to install a program or module on this distribution."""
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
        "remove the capability from the file, or give it to the container (--cap-add IPC_LOCK)",
        (("sudo", "setcap", "-r", daemon),),
        is_safe=True,
    )
    evidence = (f"{daemon} demands {lacking}", "this process may not pass it on")
    return Found(evidence, remedy=remedy)


def _activation_missing(facts: Facts) -> Found | NotJudged | None:
    if facts.activations is None:
        return NotJudged(UNREAD)
    if facts.activations or facts.bus.activatable or is_other_provider(facts):
        return None
    return Found((f"no service file names org.freedesktop.secrets, such as {SERVICE_FILE}",))


def _activation_broken(facts: Facts) -> Found | NotJudged | None:
    if facts.activations is None:
        return NotJudged(UNREAD)
    first = facts.activations[:1]
    if not first or first[0].is_there or is_other_provider(facts):
        return None
    return Found((f"{first[0].path} runs {first[0].command}", "that program does not exist"))


def _activation_other(facts: Facts) -> Found | NotJudged | None:
    if facts.activations is None:
        return NotJudged(UNREAD)
    first = facts.activations[:1]
    if not first or not first[0].is_there or DAEMON_NAME in first[0].command:
        return None
    return Found((f"{first[0].path} runs {first[0].command}",))


def install_cases(name: str) -> tuple[Case, ...]:
    """Return how to install a program or module on each family of distributions, as cases."""
    families = {
        "debian": "Debian, Ubuntu and their like",
        "fedora": "Fedora, Red Hat Enterprise Linux and their like",
        "suse": "openSUSE, SUSE Linux Enterprise",
        "arch": "Arch Linux and its like",
        "alpine": "Alpine Linux",
    }
    commands = (
        Case(family, f"`sudo {install_step(name, f'ID={word}').text}`")
        for word, family in families.items()
    )
    others = (
        Case(family, install_step(name, f"ID={word}").text)
        for word, family in {"nixos": "NixOS", "guix": "Guix System"}.items()
    )
    return (*commands, *others)


CHECKS = (
    Check(
        "daemon-not-installed",
        "installation",
        hindrance,
        "gnome-keyring-daemon is not installed",
        _daemon,
        cause="servers are installed without a desktop, and therefore without its keyring",
        remedy=lambda facts: install(DAEMON_NAME, facts.installation.os_release),
        cases=install_cases(DAEMON_NAME),
    ),
    Check(
        "daemon-capabilities",
        "installation",
        hindrance,
        "the keyring daemon cannot be started here, because its file demands a capability",
        _capabilities,
        cause="the file has the capability cap_ipc_lock, which this container takes from all its"
        " processes; execve(2) then fails with `Operation not permitted`",
        needs=("daemon-not-installed",),
        cases=(
            Case(
                "you can change the container's image",
                "`sudo setcap -r /usr/bin/gnome-keyring-daemon`; the daemon works without it, but"
                " its memory may be swapped to disk",
            ),
            Case("you start the container", "start it with `--cap-add IPC_LOCK`"),
        ),
    ),
    Check(
        "activation-missing",
        "installation",
        hindrance,
        "the session bus does not know any program that it could start to serve secrets",
        _activation_missing,
        cause="the service file of gnome-keyring does not exist, so no program can have the daemon"
        " started: `The name org.freedesktop.secrets was not provided by any .service files`",
        remedy=Remediation(
            "install gnome-keyring again, or unlock the keyring by hand", (("creds", "unlock"),)
        ),
        needs=("daemon-not-installed",),
    ),
    Check(
        "activation-broken",
        "installation",
        hindrance,
        "the session bus is configured to start a program for secrets that does not exist",
        _activation_broken,
        cause="the session bus uses the first service file that it finds for the name, and the"
        " program in that file does not exist: the file is your own, below ~/.local/share/dbus-1,"
        " or is left over from a package that was removed",
        remedy=Remediation(
            "install the program that the file names, or ask the owner of the file to remove it"
        ),
        needs=("daemon-not-installed",),
    ),
    Check(
        "activation-other",
        "installation",
        Severity.NOTE,
        "the session bus is configured to start another program than gnome-keyring for secrets",
        _activation_other,
        cause="the session bus uses the first service file that it finds for the name",
        cases=(
            Case("you use that program (KeePassXC, KWallet, oo7)", "nothing has to be done"),
            Case(
                "the file is below ~/.local/share, and you want gnome-keyring",
                "move the file away, then log in again",
            ),
            Case(
                "the file is below /usr/share, and you want gnome-keyring",
                "root removes the package of the other program",
            ),
        ),
    ),
)
