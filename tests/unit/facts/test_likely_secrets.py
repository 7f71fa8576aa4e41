from __future__ import annotations

import time

import pytest

from creds_session.facts.likely_secrets import without_secrets, without_secrets_in_words


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("auth required pam_yubico.so id=16 key=Zm9vYmFy= debug", "Zm9vYmFy="),
        ("auth required pam_x.so [passwd=two words] debug", "two words"),
        ("auth required pam_x.so [bindpw=a\\] b] debug", "a\\] b"),
        ("pam_x.so pass=hunter2", "hunter2"),
        ("pam_x.so pw=hunter2", "hunter2"),
        ("pam_x.so pwd=hunter2", "hunter2"),
        ("pam_x.so radius_secret=hunter2", "hunter2"),
        ("pam_x.so ldap.bindpw=hunter2", "hunter2"),
        ("pam_x.so PASSPHRASE='hunter2 too'", "hunter2 too"),
        ('pam_x.so password="hunter2 too"', "hunter2 too"),
        ("pam_x.so api-key=hunter2", "hunter2"),
        ("pam_x.so apikey=hunter2", "hunter2"),
        ("# password: hunter2", "hunter2"),
        ("# the password is not here; secret = hunter2", "hunter2"),
        ("mount -o username=me,password=hunter2,rest", "hunter2,rest"),
        ('pam_x.so secret="hunter2', '"hunter2'),
        ("daemon --password hunter2 --foreground", "hunter2"),
        ("daemon --db-password=hunter2", "hunter2"),
        ("daemon -token hunter2", "hunter2"),
        ("curl https://me:hunter2@host/path", "hunter2"),
        ("curl https://:hunter2@host/path", "hunter2"),
        ("rsync me:hunter2@host", "hunter2"),
    ],
)
def test_a_secret_is_taken_out(text: str, secret: str) -> None:
    told = without_secrets(text)
    assert secret not in told
    assert not set(secret.split()) & set(told.split())
    assert "(removed)" in told
    assert told.startswith(text[:3])
    for kept in ("debug", "--foreground", "id=16", "@host"):
        assert (kept in told) == (kept in text)


@pytest.mark.parametrize(
    "text",
    [
        "password required pam_unix.so use_authtok try_first_pass yescrypt",
        "auth [success=2 new_authtok_reqd=ok cred_err=die default=ignore] pam_unix.so nullok",
        "auth [authtok_err=die cred_unavail=bad perm_denied=die] pam_x.so",
        "session optional pam_keyinit.so force revoke",
        "password optional pam_gnome_keyring.so",
        "Accepted password for bob from 10.0.0.1 port 22 ssh2",
        "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh user=bob",
        "gkr-pam: unlocked login keyring",
        "unix:path=/run/user/1000/bus,guid=0123456789abcdef",
        "user@1000.service: active",
        "/usr/bin/gnome-keyring-daemon --daemonize --login",
        "@include common-password",
        "fe80::1%eth0",
    ],
)
def test_what_a_verdict_needs_stays(text: str) -> None:
    assert without_secrets(text) == text


def test_the_word_behind_an_option_is_taken_out() -> None:
    words = ("daemon", "--password", "two words", "--verbose", "-pw", "x", "--login")
    assert without_secrets_in_words(words) == (
        *("daemon", "--password", "(removed)", "--verbose", "-pw", "(removed)", "--login"),
    )
    assert without_secrets_in_words(()) == ()


@pytest.mark.parametrize(
    "part",
    [
        *("-", "a.", "token", "token.", "password=", "-token ", "[password=", "[a=", "a:", "a ="),
        *("a://", "a:a", "\\", 'password="', 'password="\\', "password='x ", "key=\\\n", " "),
    ],
)
def test_a_long_text_costs_as_much_time_as_its_length(part: str) -> None:
    text = (part * 65536)[:65536]
    before = time.process_time()
    without_secrets(text)
    without_secrets_in_words((text, text))
    assert time.process_time() - before < 2  # seconds; what is quadratic takes a minute


@pytest.mark.parametrize("name", ["a" * 3000 + "-password", "token" * 3000, "-" * 3000 + "key"])
def test_a_long_name_of_a_secret_is_a_name(name: str) -> None:
    assert without_secrets(f"{name}=hunter2") == f"{name}=(removed)"
    assert without_secrets(f"x [{name}=hunter2 too] y") == f"x [{name}=(removed) y"


def test_a_bracket_that_nothing_closes_hides_the_rest() -> None:
    assert without_secrets("x [passwd=two words") == "x [passwd=(removed)"
    assert without_secrets("x [y=two words") == "x [y=two words"
