"""What an askpass program answers: the password or the user name, and nothing else.

ssh asks it whether a host's key is right, and git for a user name, in the same way as for a
password (readpass.c; git's prompt.c). A password must not be the answer to those.
"""

from __future__ import annotations

import os
import re
import threading
import unicodedata
from collections.abc import Iterable, Mapping

from creds_session.credentials import Credential, get
from creds_session.credentials.delivery.prompt_places import is_question, place_of
from creds_session.errors import InvalidData, NotPermitted, UsageError
from creds_session.secret import Secret
from creds_session.system.terminal.askpass_socket import Asker, ask, end_if_named

# As sudo, git, ssh and login ask in these languages; the first line is English.
PASSWORD_WORDS = (
    *("password", "passphrase", "pass phrase", "passcode", "passwd"),
    *("passwort", "kennwort", "mot de passe", "phrase secrète", "phrase de passe"),
    *("contraseña", "contrasenya", "contrasinal", "senha", "palavra-passe", "pasahitza"),
    *("wachtwoord", "lösenord", "passord", "adgangskode", "kodeord", "salasana", "lykilorð"),
    *("hasł", "heslo", "hesla", "geslo", "gesla", "lozink", "zapork", "jelszó", "jelszav"),
    *("parol", "paraul", "peraule", "şifre", "contrasigno", "parool", "slaptažod", "tunnuslause"),
    *("парол", "лозинк", "құпия сөз", "құпиясөз", "сырсөз", "серсүз", "нууц үг", "гасло"),  # noqa: RUF001
    *("κωδικό", "συνθηματικό", "fjalëkalim", "wagwoord", "nywila", "loyniorð", "aðgangsorð"),
    *("cyfrinair", "pasfhocal", "focal faire", "facal-faire", "ger-tremen", "pasvorto"),
    *("密码", "密碼", "口令", "通行码", "通行碼", "パスワード", "パスフレーズ"),
    *("암호", "비밀번호", "패스워드", "mật khẩu", "kata sandi", "kata laluan", "รหัสผ่าน"),
    *("ລະຫັດຜ່ານ", "ពាក្យសម្ងាត់", "စကားဝှက်", "මුරපදය", "የይለፍ ቃል", "პაროლ", "գաղտնաբառ"),
    *("पासवर्ड", "कूटशब्द", "पासवर्ड", "पारण शब्द", "পাসওয়ার্ড", "கடவுச்சொல்", "సంకేతపదం"),
    *("ಗುಪ್ತಪದ", "അടയാളവാക്ക്", "രഹസ്യവാക്ക്", "ਪਾਸਵਰਡ", "પાસવર્ડ", "پاس ورڈ"),
    *("סיסמה", "סיסמא", "كلمة السر", "كلمة المرور", "گذرواژه", "رمز عبور"),
)
# Another secret than the one that is stored. The adjectives stand before the word in most
# languages, and in some behind it.
ANOTHER_WORDS = (
    *("new password", "new unix password", "new passphrase", "same passphrase", "retype"),
    *("neues passwort", "neue passwort", "neues kennwort", "neue kennwort", "einmalpasswort"),
    *("nouveau mot de passe", "nueva contraseña", "nova contrasenya", "nuova password"),
    *("nova senha", "nova palavra-passe", "nieuw wachtwoord", "nieuwe wachtwoord"),
    *("nytt lösenord", "nya lösenordet", "nytt passord", "ny adgangskode", "nyt kodeord"),
    *("uusi salasana", "nowe hasło", "nové heslo", "novo geslo", "nova lozinka", "új jelszó"),
    *("yeni parola", "yeni şifre", "parolă nouă", "parola nouă", "νέος κωδικός"),
    *("новый пароль", "новий пароль", "нова парола", "новая парольная"),
    *("新密码", "新的密码", "新的 密码", "新密碼", "新的密碼", "新しい", "새 암호", "새 비밀번호"),
    *("one-time", "one time password", "otp", "mot de passe à usage unique", "одноразов"),
)
USERNAME_WORDS = (
    *("username", "user name", "login"),
    *("benutzername", "nutzername", "nom d'utilisateur", "identifiant", "nombre de usuario"),
    *("usuario", "usuário", "nome de usuário", "nome utente", "gebruikersnaam", "användarnamn"),
    *(
        "nazwa użytkownika",
        "имя пользователя",
        "логин",
        "用户名",
        "使用者名稱",
        "ユーザー名",
        "사용자 이름",
    ),
    *("uživatelské jméno", "používateľské meno", "uporabniško ime", "korisničko ime", "brugernavn"),
    *("brukernavn", "käyttäjätunnus", "käyttäjänimi", "felhasználónév", "nume de utilizator"),
    *("kullanıcı adı", "ім'я користувача", "имя на потребител", "потребителско име"),  # noqa: RUF001
    *("όνομα χρήστη", "nom d'usuari", "tên người dùng", "nama pengguna", "kasutajanimi"),
)


def _any_of(words: Iterable[str]) -> bytes:
    """Return a pattern for any of these words, in small and capital letters, composed or not.

    Bytes have no case but that of ASCII.
    """
    forms = {
        unicodedata.normalize(form, one).encode()
        for word in words
        for one in (word, word.capitalize(), word.upper())
        for form in ("NFC", "NFD")
    }
    return b"|".join(map(re.escape, sorted(forms)))


PASSWORD = b"(?i)" + _any_of(PASSWORD_WORDS)
USERNAME = re.compile(
    b"(?i)^(?:(?:please|enter|type|input|your|the) )*(" + _any_of(USERNAME_WORDS) + rb")(?!\w)"
)
QUOTED = re.compile(rb"'[^']*'|\"[^\"]*\"")  # a host, a user or a file, which may have any name
ASIDE = re.compile(rb"\([^()]*\)")
FOR = re.compile(rb"(?i)\bfor\b")
ANOTHER = re.compile(rb"(?i)(?<![a-z])(?:" + _any_of(ANOTHER_WORDS) + rb")(?![a-z])")
YES_OR_NO = re.compile(rb"(?i)\byes/no\b|\[y/n\]")
SHOWN = 200  # characters of a prompt in a message
SOCKET = "CREDS_ASKPASS_SOCKET"
SERVICE = "CREDS_ASKPASS_SERVICE"
USER = "CREDS_ASKPASS_USER"
KEY = "CREDS_ASKPASS_USERNAME_KEY"
PATTERN = "CREDS_ASKPASS_PROMPT"
ALL_THE_SAME = (
    "if it asks for the stored one, name it: creds run --askpass-prompt REGEX, or"
    f" {PATTERN}=REGEX in the environment"
)
EXAMPLE = f"SUDO_ASKPASS=$(command -v creds-askpass) {SERVICE}=self {USER}=alice sudo -A id"
KIND = "SSH_ASKPASS_PROMPT"  # of ssh: "confirm" or "none" where nothing secret is asked for


class Answers:
    """A credential for who asks; nobody is given the same answer twice to the same prompt.

    Who asks again was refused: to go on would lock the account. ssh is ended then, for without
    an answer it tries an empty password, twice (readpass.c:read_passphrase); others give up.

    Only the host that asks first is answered, unless ``anywhere``: a server may have chosen another
    one. ``others`` are the prompts that were not answered for that reason.
    """

    def __init__(
        self, credential: Credential, pattern: re.Pattern[bytes], *, anywhere: bool = False
    ) -> None:
        self.pattern = pattern
        self._credential, self._anywhere = credential, anywhere
        self._given: set[tuple[Asker, bytes]] = set()
        self._place: frozenset[bytes] | None = None
        self._lock = threading.Lock()
        self.was_refused = False
        self.others: list[bytes] = []

    def __call__(self, asker: Asker, prompt: bytes) -> Secret | None:
        """Return the answer, or None."""
        found = answer_of(self._credential, prompt, self.pattern)
        if found is None:
            return None
        with self._lock:
            is_repeated = (asker, prompt) in self._given
            is_meant = self._is_meant(prompt)
            if not is_repeated and is_meant:
                self._given.add((asker, prompt))
                return found
            if is_repeated:
                self.was_refused = True
            else:
                self.others.append(prompt)
        end_if_named(asker, "ssh")
        return None

    def _is_meant(self, prompt: bytes) -> bool:
        """Return whether this prompt is for the same host as the first that was answered."""
        place = place_of(prompt)
        self._place = self._place or place
        return self._anywhere or place == self._place


def answer_of(credential: Credential, prompt: bytes, pattern: re.Pattern[bytes]) -> Secret | None:
    """Return what a prompt asks for, if it is the user name or the password.

    A question whether to trust a host is never answered, whatever the pattern is.
    """
    if is_question(prompt):
        return None
    if _asks_for_username(prompt):
        return Secret(os.fsencode(credential.username))
    return credential.password if asks_for_password(prompt, pattern) else None


def _asks_for_username(prompt: bytes) -> bool:
    """Tell whether a prompt begins as one for a user name, and is none for that user's password.

    "Login password: " is one for a password; "Username for 'https://password.example': " and
    "Username (no password yet): " are not.
    """
    head = FOR.split(ASIDE.sub(b"", QUOTED.sub(b"", prompt)))[0]
    return bool(USERNAME.search(prompt)) and not re.search(PASSWORD, head)


def asks_for_password(prompt: bytes, pattern: re.Pattern[bytes]) -> bool:
    """Tell whether a prompt asks for a password; a pattern that a person gave has the last word."""
    if pattern.pattern != PASSWORD:
        return bool(pattern.search(prompt))
    words = QUOTED.sub(b"", prompt)
    return bool(pattern.search(words)) and not (YES_OR_NO.search(prompt) or ANOTHER.search(words))


def require_one_line(credential: Credential) -> None:
    """Raise InvalidData where a program would read less than the whole: it reads a line."""
    if b"\n" in credential.password.reveal() or "\n" in credential.username:
        raise InvalidData("the password or the name has several lines: askpass can give but one")


def answer(prompt: bytes, environ: Mapping[str, str]) -> Secret:
    """Return the answer to a prompt, of whoever the environment names.

    Raises NotPermitted where it is not to be answered, UsageError, and as ``get`` does.
    """
    if environ.get(KIND) in {"confirm", "none"}:
        raise NotPermitted(f"not answered: {_shown(prompt)} asks for no password")
    found = _found(prompt, environ)
    if found is not None:
        return found
    pattern = _pattern(environ)
    if _asks_for_username(prompt) or asks_for_password(prompt, pattern):
        raise NotPermitted(
            f"not answered again: {_shown(prompt)} was answered already, so the answer was refused"
        )
    if ANOTHER.search(QUOTED.sub(b"", prompt)):
        raise NotPermitted(
            f"not answered: {_shown(prompt)} asks for a new password or for one that is used once,"
            " and not for the stored one",
            hint=ALL_THE_SAME,
        )
    raise NotPermitted(
        f"not answered: {_shown(prompt)} does not ask for a password, as far as is known here",
        hint=ALL_THE_SAME,
    )


def _shown(prompt: bytes) -> str:
    """Return a prompt for a message, in quotes and cut."""
    return f"the prompt {prompt.decode(errors='replace').strip()[:SHOWN]!r}"


def _pattern(environ: Mapping[str, str]) -> re.Pattern[bytes]:
    return compiled(environ.get(PATTERN) or os.fsdecode(PASSWORD), PATTERN)


def _found(prompt: bytes, environ: Mapping[str, str]) -> Secret | None:
    if environ.get(SOCKET):
        return ask(environ[SOCKET], prompt)
    service, user, key = environ.get(SERVICE), environ.get(USER), environ.get(KEY)
    if not service or not (user or key):
        raise UsageError(f"set {SERVICE}, and {USER} or {KEY}", hint=f"for example: {EXAMPLE}")
    pattern = _pattern(environ)
    credential = get(service, user or None, username_key=None if user else key)
    require_one_line(credential)
    return answer_of(credential, prompt, pattern)


def compiled(pattern: str, name: str) -> re.Pattern[bytes]:
    """Return a pattern that a person gave as the option or the variable of this name.

    Raises UsageError. It says where the error is and does not repeat the pattern, into which a
    person may have written the password.
    """
    try:
        return re.compile(os.fsencode(pattern), re.MULTILINE)
    except re.error as error:
        place = "" if error.pos is None else f": the error is at character {error.pos + 1}"
        raise UsageError(f"{name}: not a regular expression{place}") from None
