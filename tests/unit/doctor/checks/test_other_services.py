from __future__ import annotations

from pathlib import Path

import pytest

from creds_session.doctor.checks import CHECKS, run
from creds_session.facts.snapshot import Facts
from creds_session.findings import Finding
from tests.unit.examples import WELL

SSHD = Path(__file__).parents[4] / "pam.d" / "debian" / "after"
UNIX = b"auth required pam_unix.so\naccount required pam_unix.so\n"
SESSION = b"session required pam_systemd.so\n"
AUTH_OURS = b"auth [default=ignore] pam_gnome_keyring.so\n"
SESSION_OURS = b"session [default=ignore] pam_gnome_keyring.so auto_start\n"
WHOLE = UNIX + AUTH_OURS + SESSION + SESSION_OURS


def with_service(name: str, text: bytes) -> Facts:
    files = {f"/etc/pam.d/{path.name}": path.read_bytes() for path in SSHD.iterdir()}
    return WELL._replace(
        pam=WELL.pam._replace(files={**files, f"/etc/pam.d/{name}": text}, reason="")
    )


def found(facts: Facts) -> list[Finding]:
    kinds = ("unsafe", "daemon", "ineffective")
    wanted = (*(f"pam-other-service-{kind}" for kind in kinds), "pam-other-services")
    return [one for result in run(CHECKS, facts) for one in result.findings if one.id in wanted]


@pytest.mark.parametrize(
    ("name", "text", "expected", "evidence"),
    [
        ("login", WHOLE, "", ""),
        ("su", UNIX + SESSION, "", ""),
        ("sudo", AUTH_OURS + UNIX, "", ""),
        ("sudo", WHOLE, "pam-other-service-daemon", "not the login of the person"),
        ("su-l", WHOLE, "pam-other-service-daemon", "/etc/pam.d/su-l:5"),
        ("cron", WHOLE, "pam-other-service-daemon", "cron: "),
        ("sudo", WHOLE.replace(b"auto_start", b"auto_start only_if=login"), "", ""),
        ("su", UNIX + AUTH_OURS + SESSION, "", ""),
        ("login", UNIX + SESSION, "pam-other-services", "login"),
        ("login", UNIX + AUTH_OURS + SESSION, "pam-other-service-ineffective", "login: session"),
        (
            "lightdm",
            b"auth sufficient pam_unix.so\n" + WHOLE,
            "pam-other-service-ineffective",
            "lightdm: auth",
        ),
        (
            "xdm",
            WHOLE.replace(b"auto_start", b"auto_start only_if=gdm"),
            "pam-other-service-ineffective",
            "only_if",
        ),
        (
            "login",
            WHOLE.replace(b"auth [default=ignore]", b"auth required"),
            "pam-other-service-unsafe",
            "login: auth",
        ),
        (
            "cron",
            UNIX + b"session required pam_gnome_keyring.so\n",
            "pam-other-service-unsafe",
            "cron: session",
        ),
        ("login", WHOLE + b"auht required x.so\n", "pam-other-service-unsafe", "login: "),
        (
            "login",
            UNIX + b"account required pam_gnome_keyring.so\n",
            "pam-other-service-unsafe",
            "has no function in account",
        ),
    ],
)
def test_another_service_is_judged_by_the_same_proof(
    name: str, text: bytes, expected: str, evidence: str
) -> None:
    told = found(with_service(name, text))
    assert [one.id for one in told] == ([expected] if expected else [])
    assert all(evidence in "\n".join(one.evidence) for one in told)


def test_the_cure_names_each_service_once_and_what_was_not_read_is_not_judged() -> None:
    broken = with_service("login", UNIX + AUTH_OURS + SESSION)
    files = {**broken.pam.files, "/etc/pam.d/xdm": UNIX + AUTH_OURS + SESSION}
    (told,) = found(broken._replace(pam=broken.pam._replace(files=files)))
    assert told.remediation is not None
    assert told.remediation.commands == (
        ("sudo", "creds-setup-pam", "--service", "login", "--service", "xdm", "apply"),
    )
    refused = with_service("login", WHOLE + b"@include nothing\n")
    assert [one.id for one in found(refused)] == ["pam-other-service-unsafe"]
    assert found(refused._replace(pam=refused.pam._replace(reason="denied"))) == []


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        (b"@include common-keyring\n", True),
        (b"auth include common-keyring\n", True),
        (b"auth substack /etc/pam.d/common-keyring\n", True),
        (b"auth include common-keyring#x\n", True),
        (b"auth include [common-keyring]\n", True),
        (b"auth \\\n[default=ignore] \\\npam_gnome_keyring.so\n", True),
        (b"@include login\npassword optional pam_gnome_keyring.so\n", False),
    ],
)
def test_a_rule_is_found_behind_what_is_included(text: bytes, *, rules: bool) -> None:
    facts = with_service("login", UNIX + SESSION + text)
    files = {**facts.pam.files, "/etc/pam.d/common-keyring": AUTH_OURS + SESSION_OURS}
    told = found(facts._replace(pam=facts.pam._replace(files=files)))
    assert ("pam-other-services" not in [one.id for one in told]) is rules


def test_where_no_password_is_typed_a_rule_is_to_go() -> None:
    (told,) = found(with_service("cron", UNIX + b"session required pam_gnome_keyring.so\n"))
    assert told.remediation is not None
    assert told.remediation.text == "remove the rules of pam_gnome_keyring from: cron"
    assert told.remediation.commands == ()


def test_a_service_that_is_another_ones_is_named_once() -> None:
    facts = with_service("login", UNIX + AUTH_OURS + SESSION)
    alias = {group: f"{group} include login\n".encode() for group in ("auth", "account", "session")}
    files = {**facts.pam.files, "/etc/pam.d/xdm": b"".join(alias.values())}
    (told,) = found(facts._replace(pam=facts.pam._replace(files=files)))
    assert [line.partition(":")[0] for line in told.evidence] == ["login"]


def test_the_admins_file_counts_beside_the_vendors() -> None:
    facts = with_service("login", WHOLE.replace(b"auth [default=ignore]", b"auth required"))
    files = {**facts.pam.files, "/usr/lib/pam.d/login": UNIX + SESSION}
    told = found(facts._replace(pam=facts.pam._replace(files=files)))
    assert [one.id for one in told] == ["pam-other-service-unsafe"]


def test_the_services_that_lack_rules_are_in_the_command() -> None:
    (told,) = found(with_service("login", UNIX + SESSION))
    assert told.remediation is not None
    command = "sudo creds-setup-pam --service login apply"
    assert told.remediation.text == f"if people log in by these services: {command}"
