"""Whether programs of this shell look where the keyring is, and what asks for its password."""

from __future__ import annotations

from creds_session.doctor.checks.registry import Check
from creds_session.facts.login_log import NO_PROMPT
from creds_session.facts.machine import PathKind
from creds_session.facts.snapshot import Facts
from creds_session.findings import Found, Remediation, Severity, in_this_shell

ON_THE_BUS = ("keyring.backends.SecretService", "keyring.backends.libsecret")
CHAIN = "keyring.backends.chainer"
NOTHING = ("keyring.backends.fail", "keyring.backends.null")
VARIABLE = "PYTHON_KEYRING_BACKEND"


def _backend(facts: Facts) -> tuple[str, str]:
    """Return the backend that keyring is told to use, and where; the variable counts first."""
    named = facts.client.variables.get(VARIABLE)
    if named:
        return named, f"{VARIABLE}={named}"
    name = facts.client.configured_backend
    return name, f"{facts.client.backend_file}: default-keyring={name}"


def _none(facts: Facts) -> Found | None:
    name, place = _backend(facts)
    if not name.startswith(NOTHING):
        return None
    if facts.client.variables.get(VARIABLE):
        remedy = Remediation("leave it out of this shell", (in_this_shell(f"unset {VARIABLE}"),))
        return Found((place,), remedy=remedy)
    return Found((place,))


def _elsewhere(facts: Facts) -> Found | None:
    name, place = _backend(facts)
    if not name or name.startswith((*ON_THE_BUS, CHAIN, *NOTHING)):
        return None
    return Found((place,))


def _secretstorage(facts: Facts) -> Found | None:
    return None if facts.client.has_secretstorage else Found(("no module secretstorage",))


def _hook_absent(facts: Facts) -> Found | None:
    if facts.is_readable or facts.client.hooks or facts.session.uid == 0:
        return None
    return Found(("no creds-session.sh in /etc/profile.d, and none of this user's own",))


def _hook_off(facts: Facts) -> Found | None:
    if facts.is_readable or not facts.client.hook_is_off:
        return None
    return Found((facts.client.hook_is_off,))


def _ssh_socket(facts: Facts) -> Found | None:
    socket = facts.client.ssh_socket
    if socket is None or not socket.path.endswith("/keyring/ssh"):
        return None
    if socket.kind is not PathKind.ABSENT:
        return None
    version = facts.init.keyring_version
    told = (f"gnome-keyring {version}",) if version else ()
    return Found((f"SSH_AUTH_SOCK={socket.path}: absent", *told))


def _prompt_waits(facts: Facts) -> Found | None:
    prompters = facts.processes.prompters
    if not prompters:
        return None
    alone = tuple(
        one for one in prompters if one.name.startswith(("gcr-prompter", "gcr4-prompter"))
    )
    ends = tuple(("kill", str(one.pid)) for one in alone)
    end = Remediation(
        "if nobody sees it: end the prompt, then unlock here; the program that waits fails, and has"
        " to be run again",
        (*ends, ("creds", "unlock")),
    )
    unlock = Remediation(
        "if nobody sees it: unlock here; the program that waits has to be ended and run again",
        (("creds", "unlock"),),
    )
    told = tuple(f"{one.name} (pid {one.pid})" for one in prompters)
    return Found(told, remedy=end if alone else unlock)


def _no_prompt(facts: Facts) -> Found | None:
    if facts.is_readable:
        return None
    told = [event.line.text for event in facts.login_log.events if NO_PROMPT in event.line.text]
    return Found((told[-1],)) if told else None


CHECKS = (
    Check(
        "secretstorage-missing",
        "client",
        Severity.ERROR,
        "Python's keyring has no way to the Secret Service: secretstorage is not installed",
        _secretstorage,
        cause="keyring was installed without its dependencies",
        remedy=Remediation("install SecretStorage where keyring is installed"),
    ),
    Check(
        "backend-none",
        "client",
        Severity.ERROR,
        "Python's keyring is told to use no keyring at all",
        _none,
        cause=f"{VARIABLE} or keyringrc.cfg names a backend that keeps nothing",
        remedy=Remediation(f"unset {VARIABLE}, or take default-keyring out of the file"),
    ),
    Check(
        "backend-elsewhere",
        "client",
        Severity.NOTE,
        "Python's keyring is told to use another backend than the Secret Service",
        _elsewhere,
        cause=f"{VARIABLE} or keyringrc.cfg names it; nothing said here is about its secrets",
    ),
    Check(
        "ssh-socket-gone",
        "client",
        Severity.WARNING,
        "SSH_AUTH_SOCK names gnome-keyring's ssh-agent, which is not there",
        _ssh_socket,
        cause="gnome-keyring has no ssh-agent since 48 unless it was built with one",
        remedy=Remediation(
            "start OpenSSH's agent in this shell, and take the variable out of what sets it",
            (in_this_shell('eval "$(ssh-agent)"'),),
            alternatives=(
                Remediation(
                    "if gcr's agent is installed, use it in every session",
                    (("systemctl", "--user", "enable", "--now", "gcr-ssh-agent.socket"),),
                ),
            ),
        ),
    ),
    Check(
        "prompt-waiting",
        "client",
        Severity.WARNING,
        "a prompt for the keyring's password waits to be answered, and a program waits for it",
        _prompt_waits,
        cause="a program met a locked keyring; the prompt is on the display that the bus knows",
        remedy=Remediation(
            "answer it there; or end the prompt, unlock here, and run the program again that waits",
            (("creds", "unlock"),),
        ),
    ),
    Check(
        "prompt-impossible",
        "client",
        Severity.NOTE,
        "a program asked for the keyring's password, and nobody could be asked",
        _no_prompt,
        cause="without a display gcr-prompter ends at once, and the program gets nothing or hangs",
        remedy=Remediation("unlock without a prompt", (("creds", "unlock"),), is_safe=True),
    ),
    Check(
        "hook-off",
        "client",
        Severity.NOTE,
        "the login hook, which asks for the keyring's password, is switched off",
        _hook_off,
        cause="a file or a variable of this user says so",
    ),
    Check(
        "hook-absent",
        "client",
        Severity.NOTE,
        "no login hook asks for the keyring's password where PAM left it locked",
        _hook_absent,
        cause="it was not installed for everybody, nor by this user",
        remedy=Remediation(
            "install it for yourself", (("creds", "hook", "install"),), is_safe=True
        ),
    ),
)
