"""Read the variables and files that decide where the programs of this shell look for secrets."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from creds_session.facts.machine import ClientFacts
from creds_session.facts.session import DAEMON_NAME, LOCKED_BY_US, REFUSED
from creds_session.probe.home import look_at
from creds_session.system.files.own_files import read_regular
from creds_session.system.processes.user_ids import own_account

SHOWN = (
    *(
        "DBUS_SESSION_BUS_ADDRESS",
        "XDG_RUNTIME_DIR",
        "XDG_DATA_HOME",
        "HOME",
        "GNOME_KEYRING_CONTROL",
    ),
    *("SSH_AUTH_SOCK", "PYTHON_KEYRING_BACKEND", "DISPLAY", "WAYLAND_DISPLAY", "SUDO_USER", "TMUX"),
    *("CREDS_SESSION_HOOK", "XDG_SESSION_ID"),
)
SYSTEM_HOOKS = ("/etc/profile.d/creds-session.sh", "/etc/fish/conf.d/creds-session.fish")
STARTUP = (
    *(".profile", ".bash_profile", ".bash_login", ".bashrc", ".zshenv", ".zprofile", ".zshrc"),
    *(".zlogin", ".xsessionrc", ".xprofile", ".xinitrc"),
)
LARGEST = 1 << 16  # bytes


def probe_client(environ: Mapping[str, str]) -> ClientFacts:
    """Return the variables, keyring's configuration, the login hooks and the sandbox."""
    variables = {name: environ[name] for name in SHOWN if environ.get(name)}
    home = environ.get("HOME", "")
    config = environ.get("XDG_CONFIG_HOME") or f"{home}/.config"
    file, backend = _configured(environ, home, config)
    ssh = environ.get("SSH_AUTH_SOCK")
    return ClientFacts(
        variables=variables,
        backend_file=file,
        configured_backend=backend,
        has_secretstorage=_is_importable("secretstorage"),
        hooks=_hooks(config),
        hook_is_off=_hook_is_off(environ, config),
        ssh_socket=look_at(ssh) if ssh else None,
        sandbox=_sandbox(environ),
        starts_daemon=tuple(_lines_that_start_a_daemon(home, config)),
        has_ssh_keys=_has_ssh_keys(),
        was_refused=_has_note(environ, REFUSED),
        was_locked=_has_note(environ, LOCKED_BY_US),
    )


def _is_importable(name: str) -> bool:
    """Return whether a module is installed, as importlib.util.find_spec() finds it out."""
    return any(finder.find_spec(name, None) for finder in sys.meta_path)


def _lines_that_start_a_daemon(home: str, config: str) -> Iterator[str]:
    """Yield FILE:LINE for each line of the user's start-up files that names the daemon."""
    own = [f"{home}/{name}" for name in STARTUP]
    own += [f"{config}/fish/config.fish", f"{config}/autostart/gnome-keyring-secrets.desktop"]
    for path in own:
        content = read_regular(path, LARGEST, {0, os.getuid()}) or b""
        for number, line in enumerate(content.splitlines(), 1):
            if DAEMON_NAME.encode() in line and not line.lstrip().startswith(b"#"):
                yield f"{path}:{number}"


def _has_ssh_keys() -> bool | None:
    """Return whether this user has ssh login keys, in sshd's usual files; None if unknown."""
    home = own_account().home
    for name in ("authorized_keys", "authorized_keys2"):
        try:
            if os.stat(f"{home}/.ssh/{name}").st_size:
                return True
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:
            return None
    return False


def _has_note(environ: Mapping[str, str], name: str) -> bool:
    runtime = environ.get("XDG_RUNTIME_DIR")
    return bool(runtime) and os.path.exists(f"{runtime}/{name}")


def _configured(environ: Mapping[str, str], home: str, config: str) -> tuple[str, str]:
    """Return python-keyring's configuration file, and the backend that it names.

    keyring/util/platform_.py:_config_root_Linux falls back to the older place. Only files of this
    user or of root are read.
    """
    older = environ.get("XDG_DATA_HOME") or f"{home}/.local/share"
    for directory in (config, older):
        path = f"{directory}/python_keyring/keyringrc.cfg"
        content = read_regular(path, LARGEST, {0, os.getuid()})
        if content is None:
            continue
        import configparser  # most people have no such file

        parser = configparser.RawConfigParser()
        with suppress(ValueError, configparser.Error):
            parser.read_string(content.decode())
            return path, parser.get("backend", "default-keyring", fallback="").strip()
        return path, ""
    return "", ""


def _hooks(config: str) -> tuple[str, ...]:
    own = (f"{config}/creds-session/hook.sh", f"{config}/fish/conf.d/creds-session.fish")
    return tuple(path for path in (*SYSTEM_HOOKS, *own) if os.path.exists(path))


def _hook_is_off(environ: Mapping[str, str], config: str) -> str:
    mark = f"{config}/creds-session/no-hook"
    if os.path.exists(mark):
        return mark
    word = environ.get("CREDS_SESSION_HOOK", "on")
    if word not in {"", "on", "asked", "always"}:
        return f"CREDS_SESSION_HOOK={word}"
    is_dumb = environ.get("TERM", "") in {"", "dumb"} and "SSH_TTY" in environ
    return f"TERM={environ.get('TERM', '')}" if is_dumb and word != "always" else ""


def _sandbox(environ: Mapping[str, str]) -> str:
    if Path("/.flatpak-info").exists():
        return "flatpak"
    return "snap" if environ.get("SNAP") and environ.get("SNAP_NAME") else ""
