"""Find the host that a prompt asks for, as the program that asks writes it into its prompt.

git     Password for 'https://alice@forge.example': (credential.c:credential_describe)
ssh     alice@web01's password: (sshconnect2.c:userauth_passwd); since OpenSSH 8.5 also
        (alice@web01) Password: before what a server says (sshconnect2.c:input_userauth_info_req)

A server can decide which host is asked next, by the URL of a submodule or by a redirection. An
askpass program learns that only from the words of the prompt.
"""

from __future__ import annotations

import re

URL = re.compile(rb"([a-z][a-z0-9+.-]*)://(?:[^/'\"\s]*@)?([^/'\"\s@]+)", re.IGNORECASE)
AT_HOST = re.compile(rb"(?<=[^\s'\"()])@([^\s'\"()/@]+)")
QUESTION = re.compile(
    rb"(?i)\(yes/no|'yes', 'no'|\[y/n\]|\(y/n\)|continue connecting|authenticity of host"
)
"""The question of ssh before it trusts a host's key (sshconnect.c:check_host_key, confirm)."""


def place_of(prompt: bytes) -> frozenset[bytes]:
    """Return all hosts in the prompt, with the protocol if there is one.

    Two prompts are for the same place if their results are equal. The result for a prompt without a
    host is the prompt itself.
    """
    hosts = {b"%s://%s" % url for url in URL.findall(prompt)}
    hosts |= {host.rstrip(b":") for host in AT_HOST.findall(URL.sub(b"", prompt))}
    return frozenset(host.lower() for host in hosts) or frozenset({prompt})


def is_question(prompt: bytes) -> bool:
    """Return whether the prompt asks for a decision, whatever the names in it are."""
    return QUESTION.search(prompt) is not None
