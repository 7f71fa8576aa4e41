"""Run a command of creds-session, and turn its exit code and its messages into a result."""

from __future__ import annotations

import json

from ansible.module_utils.basic import AnsibleModule

SBIN = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin"]
MEANINGS = {
    64: "the command line is wrong",
    65: "a file or a value is invalid, or a PAM file cannot be changed safely",
    66: "a file, a service or a user does not exist",
    69: "something that is needed is not available",
    70: "the command is defective",
    73: "a file cannot be written",
    75: "another run holds the lock, or another change waits for confirmation",
    77: "the permission is missing, or the keyring is locked",
}
"""What each exit code means; docs/reference/commands.md has the same list."""


class Done:
    """A command that has ended: its exit code, its output and its messages."""

    def __init__(self, code: int, output: bytes, messages: str) -> None:
        self.code = code
        self.output = output
        self.messages = messages

    @property
    def values(self) -> dict:
        """Return the JSON object that the command printed. It is empty if there is none."""
        try:
            found = json.loads(self.output.decode("utf-8"))
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


def run(module: AnsibleModule, command, *, data=None, environment=None) -> Done:
    """Run a command; ``data`` is its standard input, as bytes.

    No password may be in ``command`` or in ``environment``, because others can read both.
    """
    code, output, errors = module.run_command(
        command,
        data=data,
        binary_data=True,
        encoding=None,
        environ_update=environment,
        expand_user_and_vars=False,
        use_unsafe_shell=False,
    )
    return Done(code, output, errors.decode("utf-8", "replace"))


def text_of(done: Done, program: str) -> str:
    """Return the messages without the name of the program at the beginning of each."""
    margin = f"{program}: "
    lines = [line.removeprefix(margin).strip() for line in done.messages.splitlines()]
    return "\n".join(line for line in lines if line)


def fail(module: AnsibleModule, done: Done, program: str, **more) -> None:
    """End the module with what the command said."""
    meaning = MEANINGS.get(done.code, "it ended unexpectedly")
    message = text_of(done, program) or f"{program} printed no message; {meaning}"
    module.fail_json(msg=message, rc=done.code, meaning=meaning, **more)
