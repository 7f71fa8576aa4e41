"""Take out of a text what looks like a password, as configurations and command lines have it.

    key=Zm9v                pam_yubico.so, pam_ldap.so (bindpw=), a line of pam.d
    [passwd=two words]      one argument of a PAM rule with blanks (pam.conf(5))
    --password x, -ptoken=x arguments of a program
    https://me:x@host       a URL

Nobody can know every name that a program gives to a secret. So whatever is handed to others should
still be read first by a person.
"""

from __future__ import annotations

import re

HIDDEN = "(removed)"
WHOLE = r"pass|pwd?|key|pin|psk|otp|cred|credentials?|auth_?token"
PART = r"passw(?:or)?d|passphrase|passcode|secret|token|bindpw|api_?key|private_?key|credential"
NAME = rf"(?:[\w.-]*(?:{PART})[\w.-]*|(?:[\w.-]*[_.-])?(?:{WHOLE}))"
VALUE = r"""(?:"(?:[^"\\]|\\.)*"|'[^']*'|\S+)"""
IN_BRACKETS = re.compile(rf"(?i)\[({NAME})=(?:\\.|[^\]\\])*\]")
ASSIGNED = re.compile(rf"(?i)(?<![\w.-])(-*{NAME})(\s?[=:]\s?|=)(?!$){VALUE}")
OPTION = re.compile(rf"(?i)(?<!\S)(--?{NAME})(\s+){VALUE}")
OPTION_ALONE = re.compile(rf"(?i)--?{NAME}")
IN_A_URL = re.compile(r"(?i)(\b[a-z][a-z0-9+.-]*://[^/\s:@]*:)[^/\s@]*(?=@)")
WITH_A_HOST = re.compile(r"(?<![\w.:/-])([\w.-]+:)[^\s@:/=]+(?=@[\w-])")


def without_secrets(text: str) -> str:
    """Return a text without what looks like a password in it."""
    text = IN_BRACKETS.sub(rf"[\1={HIDDEN}]", text)
    text = ASSIGNED.sub(rf"\1\2{HIDDEN}", text)
    text = OPTION.sub(rf"\1\2{HIDDEN}", text)
    text = IN_A_URL.sub(rf"\1{HIDDEN}", text)
    return WITH_A_HOST.sub(rf"\1{HIDDEN}", text)


def without_secrets_in_words(words: tuple[str, ...]) -> tuple[str, ...]:
    """Return arguments of a program, without those that follow an option such as --password."""
    return tuple(
        HIDDEN if index and OPTION_ALONE.fullmatch(words[index - 1]) else word
        for index, word in enumerate(words)
    )
