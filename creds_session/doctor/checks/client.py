"""Check whether programs of this shell look for secrets in the keyring, and what asks for it."""

from __future__ import annotations

from creds_session.doctor.checks.registry import Case, Check
from creds_session.facts.login_log import NO_PROMPT
from creds_session.facts.machine import PathKind
from creds_session.facts.snapshot import Facts
from creds_session.findings import Found, Remediation, Severity, in_this_shell

ON_THE_BUS = ("keyring.backends.SecretService", "keyring.backends.libsecret")
CHAIN = "keyring.backends.chainer"
NOTHING = ("keyring.backends.fail", "keyring.backends.null")
VARIABLE = "PYTHON_KEYRING_BACKEND"


def _backend(facts: Facts) -> tuple[str, str]:
    """Return the backend that python-keyring is configured to use, and where that is said."""
    named = facts.client.variables.get(VARIABLE)
    if named:  # the variable counts before the file
        return named, f"{VARIABLE}={named}"
    name = facts.client.configured_backend
    return name, f"{facts.client.backend_file}: default-keyring={name}"


def _none(facts: Facts) -> Found | None:
    name, place = _backend(facts)
    if not name.startswith(NOTHING):
        return None
    if facts.client.variables.get(VARIABLE):
        remedy = Remediation(
            "remove the variable from this shell", (in_this_shell(f"unset {VARIABLE}"),)
        )
        return Found((place,), remedy=remedy)
    return Found((place,))


def _elsewhere(facts: Facts) -> Found | None:
    name, place = _backend(facts)
    if not name or name.startswith((*ON_THE_BUS, CHAIN, *NOTHING)):
        return None
    return Found((place,))


def _secretstorage(facts: Facts) -> Found | None:
    return None if facts.client.has_secretstorage else Found(("there is no module secretstorage",))


def _hook_absent(facts: Facts) -> Found | None:
    if facts.is_readable or facts.client.hooks or facts.session.uid == 0:
        return None
    return Found(("no creds-session.sh in /etc/profile.d, and no hook of this user",))


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
    versions = (f"gnome-keyring {version}",) if version else ()
    return Found((f"SSH_AUTH_SOCK={socket.path}: absent", *versions))


def _prompt_waits(facts: Facts) -> Found | None:
    prompters = facts.processes.prompters
    if not prompters:
        return None
    alone = tuple(
        process
        for process in prompters
        if process.name.startswith(("gcr-prompter", "gcr4-prompter"))
    )
    ends = tuple(("kill", str(process.pid)) for process in alone)
    end = Remediation(
        "if nobody can see the prompt: end it, then unlock here; the program that waits then fails,"
        " and has to be run again",
        (*ends, ("creds", "unlock")),
    )
    unlock = Remediation(
        "if nobody can see the prompt: unlock here, then end the program that waits, and run it"
        " again",
        (("creds", "unlock"),),
    )
    evidence = tuple(f"{process.name} (pid {process.pid})" for process in prompters)
    return Found(evidence, remedy=end if alone else unlock)


def _no_prompt(facts: Facts) -> Found | None:
    if facts.is_readable:
        return None
    events = facts.login_log.events
    lines = [event.line.text for event in events if NO_PROMPT in event.line.text]
    return Found((lines[-1],)) if lines else None


CHECKS = (
    Check(
        "secretstorage-missing",
        "client",
        Severity.ERROR,
        "python-keyring cannot use the Secret Service, because SecretStorage is not installed",
        _secretstorage,
        cause="python-keyring was installed without its dependencies",
        remedy=Remediation(
            "install SecretStorage in the environment in which keyring is installed"
        ),
    ),
    Check(
        "backend-none",
        "client",
        Severity.ERROR,
        "python-keyring is configured not to use any keyring",
        _none,
        cause=f"{VARIABLE} or keyringrc.cfg names a backend that stores nothing",
        remedy=Remediation(f"unset {VARIABLE}, or remove default-keyring from the file"),
    ),
    Check(
        "backend-elsewhere",
        "client",
        Severity.NOTE,
        "python-keyring is configured to use another backend than the Secret Service",
        _elsewhere,
        cause=f"{VARIABLE} or keyringrc.cfg names that backend; creds-doctor does not check its"
        " secrets",
        cases=(
            Case("you chose that backend", "nothing has to be done; `creds backends` shows it"),
            Case(f"{VARIABLE} is set, and you want the keyring", f"`unset {VARIABLE}`"),
            Case(
                "keyringrc.cfg names it, and you want the keyring",
                "remove the line default-keyring= from that file",
            ),
        ),
    ),
    Check(
        "ssh-socket-gone",
        "client",
        Severity.WARNING,
        "SSH_AUTH_SOCK names the ssh-agent of gnome-keyring, which does not exist",
        _ssh_socket,
        cause="gnome-keyring 48 and later contain an ssh-agent only if they were built with it",
        remedy=Remediation(
            "start the ssh-agent of OpenSSH in this shell, and remove the variable from the file"
            " that sets it",
            (in_this_shell('eval "$(ssh-agent)"'),),
            alternatives=(
                Remediation(
                    "if the ssh-agent of gcr is installed, use it in every session",
                    (("systemctl", "--user", "enable", "--now", "gcr-ssh-agent.socket"),),
                ),
            ),
        ),
    ),
    Check(
        "prompt-waiting",
        "client",
        Severity.WARNING,
        "a prompt asks for the keyring's password, and a program waits until somebody answers it",
        _prompt_waits,
        cause="a program needed a locked keyring; the prompt is shown on the display that the"
        " session bus knows",
        remedy=Remediation(
            "answer the prompt there; or end it, unlock here, and run the program that waits again",
            (("creds", "unlock"),),
        ),
    ),
    Check(
        "prompt-impossible",
        "client",
        Severity.NOTE,
        "a program wanted to ask for the keyring's password, but no prompt could be shown",
        _no_prompt,
        cause="without a display gcr-prompter ends immediately, and the program gets no password,"
        " or hangs",
        remedy=Remediation("unlock without a prompt", (("creds", "unlock"),), is_safe=True),
    ),
    Check(
        "hook-off",
        "client",
        Severity.NOTE,
        "the login hook, which asks for the password of a locked keyring, is switched off",
        _hook_off,
        cause="a file or a variable of this user switches it off",
        cases=(
            Case("you do not want to be asked at logins", "nothing has to be done"),
            Case("the evidence names a file", "remove that file"),
            Case("the evidence names a variable", "remove it from the file that sets it"),
        ),
    ),
    Check(
        "hook-absent",
        "client",
        Severity.NOTE,
        "no login hook asks for the keyring's password if PAM did not unlock it",
        _hook_absent,
        cause="the login hook was not installed for all users, and not by this user",
        remedy=Remediation(
            "install the hook for yourself", (("creds", "hook", "install"),), is_safe=True
        ),
    ),
)
