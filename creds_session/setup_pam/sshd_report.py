"""Write what is printed about sshd's settings."""

from __future__ import annotations

from creds_session.facts.sshd import SshdFacts, hindrance
from creds_session.text import printable


def sshd_line(facts: SshdFacts) -> str:
    """Return the settings that matter, in one line."""
    methods = " or ".join(facts.password_methods) or "no password"
    service = printable(facts.pam_service_name)
    return f"takes {methods}; PAM service {service}" if facts.use_pam else "UsePAM no"


def sshd_values(facts: SshdFacts, *, is_cured: bool) -> dict[str, object]:
    """Return the settings as values for JSON; unknown ones are None."""
    found = None if is_cured else hindrance(facts)
    settings = {
        "use_pam": facts.use_pam,
        "pam_service_name": facts.pam_service_name,
        "password_authentication": facts.password_authentication,
        "kbd_interactive_authentication": facts.kbd_interactive_authentication,
        "pubkey_authentication": facts.pubkey_authentication,
        "permit_root_login": facts.permit_root_login,
        "authentication_methods": list(facts.authentication_methods),
        "expose_auth_info": facts.expose_auth_info,
        "password_methods": list(facts.password_methods),
    }
    return {
        "judged": facts.judged,
        "reason": facts.reason,
        **{name: value if facts.judged else None for name, value in settings.items()},
        "problem": found.problem if found else "",
    }
