"""Decide whether a keyring daemon must serve secrets by now, by its arguments and its age."""

from __future__ import annotations

from creds_session.facts.session import LOGIN_TIMEOUT, Daemon, DaemonRole

SETTLING = 3.0  # seconds in which a daemon that has just started takes its name
SECRETS = "secrets"
STOPPED = "T"  # the state of a stopped process in proc_pid_stat(5)


def has_secrets(daemon: Daemon) -> bool:
    """Return whether a daemon was started with the part that serves secrets."""
    words = list(daemon.arguments)
    for place, word in enumerate(words):
        if word.startswith("--components="):
            return SECRETS in word.partition("=")[2].split(",")
        if word in {"--components", "-c"} and place + 1 < len(words):
            return SECRETS in words[place + 1].split(",")
    return True


def is_old_enough(daemon: Daemon, now: float) -> bool:
    """Return whether a daemon has had enough time to take the name on its session bus.

    ``now`` is in seconds since 1970. A daemon that PAM started waits for a program first.
    """
    waits = LOGIN_TIMEOUT if daemon.role is DaemonRole.LOGIN else 0
    return now - daemon.started > waits + SETTLING


def must_have_served(daemon: Daemon, now: float) -> bool:
    """Return whether a daemon that holds a control socket must serve secrets on some bus by now.

    A daemon that D-Bus started counts, too: one that only watches another daemon holds no socket.
    """
    return has_secrets(daemon) and daemon.state != STOPPED and is_old_enough(daemon, now)
