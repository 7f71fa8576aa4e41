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
OF_A_SECRET = re.compile(rf"(?i)(?:{PART})|(?:\A|[_.-])(?:{WHOLE})\Z")
# What is before a value. A name is taken whole and judged apart, for a pattern that looks for the
# words within it tries each place of a long text again and again: users write these texts.
IN_BRACKETS = re.compile(r"\[([\w.-]+)=")
ASSIGNED = re.compile(r"(?<![\w.-])([\w.-]+)(?:\s?[=:]\s?)")
OPTION = re.compile(r"(?<!\S)(--?[\w.-]+)\s+")
VALUE = re.compile(r"""(?:"(?:[^"\\]|\\.)*"|'[^']*'|\S+)""")
TO_THE_BRACKET = re.compile(r"(?s:\\.|[^\]])*\]?")
OPTION_ALONE = re.compile(r"--?[\w.-]+")
IN_A_URL = re.compile(r"(?i)(?<=[a-z0-9+.-])(://[^/\s:@]*:)[^/\s@]*(?=@)")
WITH_A_HOST = re.compile(r"(?<![\w.:/-])([\w.-]+:)[^\s@:/=]+(?=@[\w-])")


def without_secrets(text: str) -> str:
    """Return a text without what looks like a password in it.

    The time it takes is proportional to the text's length.
    """
    text = _hidden(text, IN_BRACKETS, TO_THE_BRACKET, f"{HIDDEN}]")
    text = _hidden(text, ASSIGNED, VALUE)
    text = _hidden(text, OPTION, VALUE)
    text = IN_A_URL.sub(rf"\1{HIDDEN}", text)
    return WITH_A_HOST.sub(rf"\1{HIDDEN}", text)


def _hidden(
    text: str, before: re.Pattern[str], value: re.Pattern[str], instead: str = HIDDEN
) -> str:
    """Return the text without each value that is behind the name of a secret."""
    parts: list[str] = []
    end = 0
    for found in before.finditer(text):
        if found.start() < end or not OF_A_SECRET.search(found[1]):
            continue
        secret = value.match(text, found.end())
        if secret is not None:
            parts += [text[end : found.end()], instead]
            end = secret.end()
    return "".join((*parts, text[end:]))


def without_secrets_in_words(words: tuple[str, ...]) -> tuple[str, ...]:
    """Return arguments of a program, without those that follow an option such as --password."""
    return tuple(
        HIDDEN if index and _is_option_of_a_secret(words[index - 1]) else word
        for index, word in enumerate(words)
    )


def _is_option_of_a_secret(word: str) -> bool:
    return bool(OPTION_ALONE.fullmatch(word) and OF_A_SECRET.search(word))
