"""Which place a prompt asks for: the host, as the program that asks writes it into its prompt.

git     Password for 'https://alice@forge.example': (credential.c:credential_describe)
ssh     alice@web01's password: (sshconnect2.c:userauth_passwd); since OpenSSH 8.5 also
        (alice@web01) Password: before what a server says (sshconnect2.c:input_userauth_info_req)

Which host is asked may be decided by what a server sent: a submodule's URL, or a redirection. The
words of the prompt are the only thing that an askpass program learns of that.
"""

from __future__ import annotations

import re

URL = re.compile(rb"([a-z][a-z0-9+.-]*)://(?:[^/'\"\s]*@)?([^/'\"\s@]+)", re.IGNORECASE)
AT_HOST = re.compile(rb"(?<=[^\s'\"()])@([^\s'\"()/@]+)")
QUESTION = re.compile(
    rb"(?i)\(yes/no|'yes', 'no'|\[y/n\]|\(y/n\)|continue connecting|authenticity of host"
)
"""What ssh asks before it trusts a host's key (sshconnect.c:check_host_key, confirm)."""


def place_of(prompt: bytes) -> frozenset[bytes]:
    """Return what the prompt is for, so that it can be compared with another prompt's.

    These are all the hosts in it, with the protocol if there is one. A prompt without a host is for
    nothing but itself.
    """
    found = {b"%s://%s" % one for one in URL.findall(prompt)}
    found |= {host.rstrip(b":") for host in AT_HOST.findall(URL.sub(b"", prompt))}
    return frozenset(one.lower() for one in found) or frozenset({prompt})


def is_question(prompt: bytes) -> bool:
    """Return whether the prompt wants a decision, whatever words are in the names in it."""
    return QUESTION.search(prompt) is not None
