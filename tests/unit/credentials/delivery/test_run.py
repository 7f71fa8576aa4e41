from __future__ import annotations

import os
import re
import shlex
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import creds_session
from creds_session.credentials import Credential
from creds_session.credentials.delivery import askpass, run
from creds_session.credentials.delivery.askpass import PASSWORD, Answers, answer_of
from creds_session.credentials.delivery.run import Delivery, Prompt, Variable
from creds_session.errors import InvalidData, NotPermitted, Unavailable, UsageError
from creds_session.secret import Secret
from creds_session.system.terminal import askpass_socket
from creds_session.system.terminal.askpass_socket import Asker
from creds_session.system.terminal.password_pipe import reserve
from tests.unit.children import run_child
from tests.unit.traces import python

KNOWN = Credential("app", "me", Secret(b"canary-ue \xc3\xbc"))
PATTERN = re.compile(PASSWORD)
HERE = str(Path(creds_session.__file__).parents[1])
RUN = f"""
import os, sys
sys.path.insert(0, {HERE!r})
from creds_session.credentials import Credential
from creds_session.credentials.delivery.run import Variable, Delivery, run_with_credential
from creds_session.secret import Secret
from creds_session.system.terminal.password_pipe import reserve
known = Credential("app", "me", Secret(sys.stdin.buffer.read()))
number = int(sys.argv[1])
ways = Delivery((Variable("WHO", True), Variable("WHAT", False)) if number == 0 else (),
            reserve(number) if number else None)
run_with_credential(known, ways, sys.argv[2:], os.environ)
"""


def handed(number: int, password: bytes, *argv: str) -> subprocess.CompletedProcess[bytes]:
    words = [sys.executable, "-c", RUN, str(number), *argv]
    return subprocess.run(words, input=password, capture_output=True, check=False, timeout=30)


@pytest.mark.parametrize("size", [0, 1, 4096, 65536, 200_000])
def test_descriptor_gives_it_once_and_whole(size: int) -> None:
    password = b"x" * size
    read = "cat <&9; cat /dev/fd/9 | wc -c >&2"
    done = handed(9, password, "sh", "-c", read)
    assert (done.stdout, done.stderr.strip()) == (password, b"0")


def test_descriptor_that_is_taken() -> None:
    reading, writing = os.pipe()
    try:
        for number in (0, 2, reading, 1 << 40, 1 << 20):
            with pytest.raises(UsageError):
                reserve(number)
    finally:
        os.close(reading)
        os.close(writing)


def test_variables_have_the_bytes() -> None:
    done = handed(0, "ü\nx".encode(), "sh", "-c", 'printf %s "$WHO:$WHAT"')
    assert done.stdout == "me:ü\nx".encode()


def test_what_a_way_cannot_carry() -> None:
    def refused(password: bytes, ways: Delivery, why: str) -> None:
        with pytest.raises(InvalidData, match=why):
            run.run_with_credential(Credential("a", "b", Secret(password)), ways, ["true"], {})

    refused(b"a\0b", Delivery((Variable("A", is_username=False),)), "NUL")
    typed = Delivery(prompts=(Prompt(re.compile(b"x"), is_username=False),))
    refused(b"a\x03b", typed, "control character")
    refused(b"a" * 5000, typed, "longer than 4095 bytes")
    refused(b"a\nb", Delivery(askpass=PATTERN), "several lines")


@pytest.mark.parametrize(
    ("prompt", "answer"),
    [
        (b"alice@box's password: ", KNOWN.password),
        (b"[sudo] password for alice: ", KNOWN.password),
        (b"Password for 'https://me@a.example': ", KNOWN.password),
        (b"Username for 'https://a.example': ", Secret(b"me")),
        (b"Are you sure you want to continue connecting (yes/no/[fingerprint])? ", None),
        (b"Verification code: ", None),
        (b"", None),
        (b"Login password: ", KNOWN.password),
        (b"login Password for alice: ", KNOWN.password),
        (b"[sudo: authenticate] Password: ", KNOWN.password),
        (b"login: ", Secret(b"me")),
        (b"Login for password-server: ", Secret(b"me")),
        (b"Username for 'https://password.example': ", Secret(b"me")),
        (b"Enter passphrase for key '/home/alice/.ssh/login': ", KNOWN.password),
        (b"Trust the host 'password.example'? ", None),
        (b"Change the password now (yes/no)? ", None),
        ("[sudo] Passwort für alice: ".encode(), KNOWN.password),
        (b"Kennwort: ", KNOWN.password),
        (b"Mot de passe de alice : ", KNOWN.password),
        (b"MOT DE PASSE : ", KNOWN.password),
        ("Contraseña: ".encode(), KNOWN.password),
        ("CONTRASEÑA: ".encode(), KNOWN.password),
        ("contrasen\u0303a para alice: ".encode(), KNOWN.password),
        (b"[sudo] senha para alice: ", KNOWN.password),
        (b"[sudo] wachtwoord voor alice: ", KNOWN.password),
        ("[sudo] lösenord för alice: ".encode(), KNOWN.password),
        ("[sudo] hasło użytkownika alice: ".encode(), KNOWN.password),
        ("Пароль: ".encode(), KNOWN.password),
        ("[sudo] пароль для alice: ".encode(), KNOWN.password),
        ("[sudo] alice 的密码：".encode(), KNOWN.password),  # noqa: RUF001
        ("alice のパスワード: ".encode(), KNOWN.password),
        ("[sudo] alice의 암호: ".encode(), KNOWN.password),
        (b"[sudo] alice jelszava: ", KNOWN.password),
        ("[sudo] alice için parola: ".encode(), KNOWN.password),
        (b"Enter pass phrase for key.pem:", KNOWN.password),
        (b"Passwd: ", KNOWN.password),
        (b"Benutzername: ", Secret(b"me")),
        (b"Nom d'utilisateur : ", Secret(b"me")),
        ("用户名：".encode(), Secret(b"me")),  # noqa: RUF001
        ("Parolă: ".encode(), KNOWN.password),
        (b"Parole: ", KNOWN.password),
        (b"Zadejte heslo: ", KNOWN.password),
        (b"Unesite lozinku: ", KNOWN.password),
        ("Δώστε τον κωδικό πρόσβασης: ".encode(), KNOWN.password),
        (b"Parolni kiriting: ", KNOWN.password),
        ("Fjalëkalimi: ".encode(), KNOWN.password),
        (b"Cyfrinair ar gyfer alice: ", KNOWN.password),
        ("पासवर्ड: ".encode(), KNOWN.password),
        ("கடவுச்சொல்: ".encode(), KNOWN.password),
        ("Գաղտնաբառ: ".encode(), KNOWN.password),
        ("רמז: סיסמא: ".encode(), KNOWN.password),
        ("رمز عبور: ".encode(), KNOWN.password),
        (b"Username (no password is needed): ", Secret(b"me")),
        (b"Login password (alice): ", KNOWN.password),
        (b"Please enter your username: ", Secret(b"me")),
        ("Uživatelské jméno pro 'https://a.example': ".encode(), Secret(b"me")),
        ("Käyttäjätunnus: ".encode(), Secret(b"me")),
        (b"New password: ", None),
        (b"Retype new password: ", None),
        (b"Enter new UNIX password: ", None),
        (b"(alice@box) New Password:", None),
        (b"Neues Passwort: ", None),
        (b"Nouveau mot de passe : ", None),
        ("Nueva contraseña: ".encode(), None),
        ("Новый пароль: ".encode(), None),
        ("新的密码：".encode(), None),  # noqa: RUF001
        (b"One-time password (OATH) for `alice': ", None),
        (b"OTP password: ", None),
        (b"Current password: ", KNOWN.password),
        (b"Password for 'new password': ", KNOWN.password),
    ],
)
def test_what_is_answered(prompt: bytes, answer: Secret | None) -> None:
    assert answer_of(KNOWN, prompt, PATTERN) == answer


def test_nobody_is_answered_twice() -> None:
    answers = Answers(KNOWN, PATTERN)
    one, other = Asker(1 << 30, 1), Asker(1 << 30, 2)
    assert answers(one, b"password: ") == KNOWN.password
    assert answers(other, b"password: ") == KNOWN.password
    assert not answers.was_refused
    assert answers(one, b"password: ") is None
    assert answers.was_refused


HOST_KEY = (
    b"The authenticity of host 'password.example (::1)' can't be established.\nED25519 key"
    b" fingerprint is SHA256:x.\nAre you sure you want to continue connecting"
    b" (yes/no/[fingerprint])? "
)
GIT = b"Password for 'https://alice@forge.example': "


@pytest.mark.parametrize(
    ("first", "same", "other"),
    [
        (
            GIT,
            b"Passwort f\xc3\xbcr 'https://FORGE.example', password: ",
            b"Password for 'https://alice@evil.example': ",
        ),
        (GIT, GIT, b"Password for 'https://forge.example@evil.example': "),
        (GIT, GIT, b"Password for 'https://alice@evil.example/forge.example': "),
        (GIT, GIT, b"Password for 'http://alice@forge.example': "),
        (GIT, GIT, b"Password for 'https://alice@forge.example:8443': "),
        (GIT, GIT, b"Password for 'https://forge.example.evil.example': "),
        (GIT, GIT, b"Username for 'https://evil.example': "),
        (GIT, GIT, b"alice@forge.example's password: "),
        (b"Username for 'https://forge.example': ", GIT, b"Password for 'https://evil.example': "),
        (b"alice@hop's password: ", b"alice@hop's password: ", b"alice@target's password: "),
        (b"alice@hop's password: ", b"(bob@hop) Password: ", b"alice@hop's@evil's password: "),
        (b"(alice@hop) Password: ", b"alice@hop's password: ", b"(alice@evil) hop's password: "),
        (b"alice@fe80::1's password: ", b"(a@fe80::1) Password: ", b"alice@fe80::2's password: "),
        (b"a@corp@hop's password: ", b"b@corp@hop's password: ", b"a@corp@evil's password: "),
        (b"Password: ", b"Password: ", b"Password for evil: "),
        (b"[sudo] password for alice: ", b"[sudo] password for alice: ", GIT),
        (b"Enter passphrase for key '/a': ", b"Enter passphrase for key '/a': ", b"Password: "),
    ],
)
def test_only_the_host_that_asks_first_is_answered(first: bytes, same: bytes, other: bytes) -> None:
    """A submodule's URL or a redirection decides which host git asks for, not the person."""
    answers = Answers(KNOWN, PATTERN)
    one, two, three = (Asker(1 << 30, number) for number in range(3))
    assert answers(one, first) is not None
    assert answers(three, other) is None
    assert answers(two, same) is not None
    assert answers.others == [other]
    assert not answers.was_refused
    anywhere = Answers(KNOWN, PATTERN, anywhere=True)
    assert anywhere(one, first) is not None
    assert anywhere(three, other) is not None


@pytest.mark.parametrize("anywhere", [True, False])
@pytest.mark.parametrize(
    "question",
    [
        HOST_KEY,
        b"Please type 'yes', 'no' or the fingerprint: password",
        b"Trust password.example? (yes/no) ",
    ],
)
def test_the_password_is_no_answer_to_a_question(question: bytes, *, anywhere: bool) -> None:
    answers = Answers(KNOWN, re.compile(b""), anywhere=anywhere)
    assert answers(Asker(1 << 30, 1), question) is None
    assert answers(Asker(1 << 30, 1), GIT) == KNOWN.password


def test_a_host_that_was_not_answered_is_named(
    short: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = short / "ask"
    script.write_text('#!/bin/sh\n"$GIT_ASKPASS" "$1"; "$GIT_ASKPASS" "$2"; exit 0\n')
    script.chmod(0o755)
    monkeypatch.setattr(run, "_program", lambda: str(ask_program(short)))
    told = run.run_with_credential(
        KNOWN,
        Delivery(askpass=PATTERN),
        [str(script), GIT.decode(), "Password for 'https://evil.example': "],
        {"PATH": os.defpath, "TMPDIR": str(short)},
    )
    assert told.code == 0
    assert "not answered: \"Password for 'https://evil.example':\"" in told.remark
    assert "--askpass-prompt REGEX" in told.remark


def ask_program(directory: Path) -> Path:
    """Make an askpass program of the checkout."""
    program = directory / "creds-askpass"
    words = shlex.join(python("from creds_session.cli.creds.askpass import main; sys.exit(main())"))
    program.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
    program.chmod(0o755)
    return program


def test_socket_answers_and_refuses(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    seen: list[tuple[Asker, bytes]] = []

    def answer(asker: Asker, prompt: bytes) -> Secret | None:
        seen.append((asker, prompt))
        return KNOWN.password if prompt == b"yes" else None

    with askpass_socket.listening(path) as server:
        askpass_socket.serve(server, answer)
        assert askpass_socket.ask(path, b"yes") == KNOWN.password
        assert askpass_socket.ask(path, b"no") is None
        assert {asker.pid for asker, _ in seen} == {os.getppid()}
        assert askpass.answer(b"yes", {askpass.SOCKET: path}) == KNOWN.password
        with pytest.raises(NotPermitted):
            askpass.answer(b"no", {askpass.SOCKET: path})
    with pytest.raises(Unavailable):
        askpass_socket.ask(str(tmp_path / "gone"), b"yes")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
@pytest.mark.parametrize(("uid", "is_answered"), [(0, True), (65_534, False)])
def test_another_users_program_is_not_answered(short: Path, uid: int, *, is_answered: bool) -> None:
    """Though the folder and the socket be open to everybody, by mistake."""
    path = str(short / "s")

    def ask_as_another() -> None:
        os.setuid(uid)
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(5)
            client.connect(path)
            client.sendall(b"yes")
            client.shutdown(socket.SHUT_WR)
            assert bool(client.recv(100)) == is_answered

    with askpass_socket.listening(path) as server:
        short.chmod(0o755)
        (short / "s").chmod(0o777)
        askpass_socket.serve(server, lambda _asker, _prompt: KNOWN.password)
        assert run_child(ask_as_another) == 0


def test_socket_of_another_user_gets_no_prompt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(tmp_path / "s")
    with askpass_socket.listening(path):
        monkeypatch.setattr(
            askpass_socket, "peer_credentials", lambda _client: (1, os.getuid() + 1)
        )
        with pytest.raises(NotPermitted, match="another user"):
            askpass_socket.ask(path, b"yes")


def test_answer_that_does_not_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(askpass_socket, "WITHIN", 0.1)
    with askpass_socket.listening(str(tmp_path / "s")), pytest.raises(Unavailable, match="timed"):
        askpass_socket.ask(str(tmp_path / "s"), b"yes")


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        (b"Verification code: ", "'Verification code:' is not known as a prompt for a password"),
        (b"\x1b[2JToken\nof alice:", "Token"),
        (b"password: ", "was answered already"),
    ],
)
def test_what_is_not_answered_is_quoted_with_the_true_reason(
    prompt: bytes, words: str, tmp_path: Path
) -> None:
    path = str(tmp_path / "s")
    with askpass_socket.listening(path) as server:
        askpass_socket.serve(server, lambda _asker, _prompt: None)
        with pytest.raises(NotPermitted) as caught:
            askpass.answer(prompt, {askpass.SOCKET: path})
    assert words in caught.value.problem
    assert ("--askpass-prompt" in caught.value.hint) is (b"password" not in prompt)
    assert "\x1b" not in caught.value.problem


def test_environment_that_names_nobody() -> None:
    for environ in ({}, {askpass.SERVICE: "app"}, {askpass.USER: "me"}):
        with pytest.raises(UsageError):
            askpass.answer(b"password", environ)
    with pytest.raises(NotPermitted):
        askpass.answer(b"password", {askpass.KIND: "confirm", askpass.SERVICE: "app"})
    with pytest.raises(UsageError):
        askpass.compiled("(", askpass.PATTERN)
