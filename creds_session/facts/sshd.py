"""Read the settings of sshd that decide whether PAM receives a password.

``sshd -T`` prints each setting as ``keyword value``, the keyword in lower case (servconf.c,
dump_config). Without ``-C`` no Match block counts; with it each criterion that a block names has
to be given, or sshd refuses (servconf.c, match_test_missing_fatal).

Two methods take a password: *password*, whose PAM conversation runs in the process that later
opens the session, so that what pam_gnome_keyring kept is still there; and *keyboard-interactive*,
whose conversation runs in a child of its own, of which only the environment comes back
(auth-pam.c, sshpam_thread and import_environments).
"""

from __future__ import annotations

from creds_session.records import NamedTuple

PASSWORD = "password"  # noqa: S105 - sshd's name of a method
DIALOGUE = "keyboard-interactive"
DEFAULT_SERVICE = "sshd"
NOT_STARTED = "Missing privilege separation directory"  # sshd.c, main()
NO_KEYS = "no hostkeys available"  # likewise; a package or a unit makes them before the first start
NOWHERE = "0.0.0.0"  # noqa: S104 - stands for an address that is not known: nobody comes from it


class Connection(NamedTuple):
    """The user of a login and its addresses, by which sshd chooses Match blocks."""

    user: str
    address: str = NOWHERE
    local_address: str = NOWHERE
    local_port: str = "22"

    @property
    def words(self) -> tuple[str, ...]:
        """The words for ``sshd -T -C``; the name of the host is the address, as under UseDNS no."""
        if "," in self.user:  # it would be read as another criterion
            return ()
        criteria = f"user={self.user},host={self.address},addr={self.address}"
        return ("-C", f"{criteria},laddr={self.local_address},lport={self.local_port},rdomain=")


def connection_of(user: str, ssh_connection: str, address: str = "") -> Connection:
    """Return the connection that SSH_CONNECTION describes, or one from this address, if known."""
    words = ssh_connection.split(" ")
    # Address and port of both ends, or sshd's word for what is no connection (packet.c); but it is
    # a variable of the user's, and what is put together of it is read by root's sshd.
    if len(words) == 4:  # noqa: PLR2004
        here, there, port = _address(words[2]), _address(words[0]), words[3]
        if here and there and port.isdecimal() and port.isascii():
            return Connection(user, there, here, port)
    return Connection(user, _address(address) or NOWHERE)


def _address(word: str) -> str:
    """Return an address without its zone, or nothing if the word is not an address."""
    import ipaddress  # for a login by ssh alone

    try:
        return str(ipaddress.ip_address(word.partition("%")[0]))
    except ValueError:
        return ""


class SshdFacts(NamedTuple):
    """The settings of this machine's sshd; ``reason`` says why they are not known.

    ``pam_service_name`` is as libpam takes it, in lower case (pam_start.c). The methods are
    lists of names that must all succeed, one such list a word; none is any method. ``asked`` is
    the question: the user, and the address that the login comes from.
    """

    reason: str = ""
    use_pam: bool = True
    pam_service_name: str = DEFAULT_SERVICE
    password_authentication: bool = True
    kbd_interactive_authentication: bool = False
    pubkey_authentication: bool = True
    permit_root_login: str = ""
    authentication_methods: tuple[str, ...] = ()
    expose_auth_info: bool = False
    asked: str = "sshd -T"

    @property
    def judged(self) -> bool:
        """Return whether sshd was asked and answered."""
        return not self.reason

    @property
    def password_methods(self) -> tuple[str, ...]:
        """The methods by which a password reaches PAM at all; () if none is known to."""
        enabled = {
            PASSWORD: self.password_authentication,
            DIALOGUE: self.kbd_interactive_authentication,
        }
        allowed = {
            method.partition(":")[0]
            for methods in self.authentication_methods
            for method in methods.split(",")
        }
        return tuple(
            name
            for name, is_on in enabled.items()
            if self.judged and self.use_pam and is_on and (not allowed or name in allowed)
        )

    @property
    def only_dialogue(self) -> bool:
        """Return whether every password is typed by keyboard-interactive."""
        return self.password_methods == (DIALOGUE,)

    @property
    def prefers_dialogue(self) -> bool:
        """Return whether clients can choose; OpenSSH's tries keyboard-interactive first."""
        return self.password_methods == (PASSWORD, DIALOGUE)


NOT_ASKED = SshdFacts("sshd was not asked")


class Hindrance(NamedTuple):
    """A setting that keeps a typed password from the keyring, whatever PAM does, and its remedy."""

    problem: str
    remedy: str


WITHOUT_PAM = Hindrance(
    "sshd has UsePAM no, so a password typed at a login by ssh does not reach the keyring",
    "set `UsePAM yes` in sshd_config, then reload sshd",
)
DIALOGUE_FIRST = Hindrance(
    "sshd offers keyboard-interactive in addition to password, and clients try it first: a password"
    " typed there is lost before the session begins, and the keyring stays locked",
    "set `KbdInteractiveAuthentication no` in sshd_config, then reload sshd",
)
DIALOGUE_ALONE = Hindrance(
    "sshd asks for passwords only by keyboard-interactive: a password typed there is lost before"
    " the session begins, and the keyring stays locked",
    "set `PasswordAuthentication yes` and `KbdInteractiveAuthentication no` in sshd_config, then"
    " reload sshd",
)
NO_PASSWORDS = Hindrance(
    "sshd does not accept passwords, so a login by ssh does not unlock the keyring",
    "creds unlock asks for the keyring's password",
)


def hindrance(facts: SshdFacts) -> Hindrance | None:
    """Return what sshd's settings prevent, or None; a PAM rule can remedy DIALOGUE_ALONE."""
    if not facts.judged:
        return None
    if not facts.use_pam:
        return WITHOUT_PAM
    if facts.only_dialogue:
        return DIALOGUE_ALONE
    if facts.prefers_dialogue:
        return DIALOGUE_FIRST
    return None if facts.password_methods else NO_PASSWORDS


def parse(text: str) -> SshdFacts:
    """Read what ``sshd -T`` printed; a text without settings becomes a reason.

    Before OpenSSH 8.7 keyboard-interactive needs ChallengeResponseAuthentication too, which later
    ones print no more (auth2-kbdint.c). An sshd without PAM prints no ``usepam``; before 9.8 none
    prints ``pamservicename``, and the name is that of the program (sshd.c).
    """
    settings: dict[str, list[str]] = {}
    for line in text.splitlines():
        keyword, _, value = line.strip().partition(" ")
        if keyword:
            settings.setdefault(keyword.lower(), []).append(value.strip())
    if "passwordauthentication" not in settings:
        return SshdFacts("sshd -T printed no settings")
    service = _one(settings, "pamservicename") or DEFAULT_SERVICE
    methods = " ".join(settings.get("authenticationmethods", [])).split()
    return SshdFacts(
        use_pam=_is_on(settings, "usepam"),
        pam_service_name=service.lower(),
        password_authentication=_is_on(settings, "passwordauthentication"),
        kbd_interactive_authentication=_is_on(settings, "kbdinteractiveauthentication")
        and _one(settings, "challengeresponseauthentication") in {"", "yes"},
        pubkey_authentication=_is_on(settings, "pubkeyauthentication"),
        permit_root_login=_one(settings, "permitrootlogin"),
        authentication_methods=tuple(method for method in methods if method != "any"),
        expose_auth_info=_is_on(settings, "exposeauthinfo"),
    )


def _one(settings: dict[str, list[str]], keyword: str) -> str:
    return settings.get(keyword, [""])[0]


def _is_on(settings: dict[str, list[str]], keyword: str) -> bool:
    return _one(settings, keyword) == "yes"
