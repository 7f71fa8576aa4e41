"""A user of sssd on Red Hat's layout: authselect's sssd profile, faillock and dbus-broker.

The user is known to a directory server alone, so that pam_sss and not pam_unix judges the
password, and a new one goes to the directory.
"""

from __future__ import annotations

import json

import pytest

from tests.machine.support.login import LoginFailed
from tests.machine.support.machine import Boot, Machine, wait_until
from tests.machine.support.rootfs import SSSD
from tests.trees.authselect import Release
from tests.trees.redhat import tree

OLD, NEW = "correct horse 7!", "battery staple 8 plumbing!"
BASE = "dc=nodomain"
ADMIN = "pw of the directory"
BIND = ("-x", "-H", "ldap://127.0.0.1", "-D", f"cn=admin,{BASE}", "-w", ADMIN)
# Over a socket of the machine's own sssd asks for no TLS.
SSSD_CONF = f"""\
[sssd]
services = nss, pam
domains = here
[domain/here]
id_provider = ldap
auth_provider = ldap
chpass_provider = ldap
ldap_uri = ldapi://%2frun%2fslapd%2fldapi
ldap_search_base = {BASE}
ldap_id_use_start_tls = false
"""
ADMINISTRATOR = f"""\
dn: olcDatabase={{1}}mdb,cn=config
changetype: modify
replace: olcRootPW
olcRootPW: {ADMIN}
"""
PERSON = """\
dn: uid={name},{base}
objectClass: account
objectClass: posixAccount
cn: {name}
uid: {name}
uidNumber: {uid}
gidNumber: 100
homeDirectory: /home/{name}
loginShell: /bin/bash
"""
PEOPLE = {"dora": 20001, "emil": 20002}
LINK = """
mkdir /etc/authselect
for name in password-auth system-auth postlogin; do
    mv /etc/pam.d/$name /etc/authselect/$name
    ln -s /etc/authselect/$name /etc/pam.d/$name
done
"""
FAILLOCK = "/etc/security/faillock.conf"
LAYOUT = tree(Release.EL10, "sssd", ("with-faillock",))


@pytest.fixture(scope="module")
def machine(boot: Boot) -> Machine:
    files = {**LAYOUT.files, FAILLOCK: b"deny = 1\n"}
    machine = boot("trixie", files=files, packages=SSSD)
    machine.sh(LINK)
    machine.run("ldapmodify", "-Y", "EXTERNAL", "-H", "ldapi:///", stdin=ADMINISTRATOR.encode())
    for name, uid in PEOPLE.items():
        person = PERSON.format(name=name, uid=uid, base=BASE)
        machine.run("ldapadd", *BIND, stdin=person.encode())
        machine.run("ldappasswd", *BIND, "-s", OLD, f"uid={name},{BASE}")
    place = ("install", "-m", "600", "/dev/stdin", "/etc/sssd/sssd.conf")
    machine.run(*place, stdin=SSSD_CONF.encode())
    machine.run("systemctl", "restart", "sssd")
    for name in PEOPLE:
        wait_until(lambda: machine.run("id", name, check=False).returncode == 0)  # noqa: B023
        machine.run("install", "-d", "-m", "700", "-o", name, "-g", "users", f"/home/{name}")
    return machine


def service_file(machine: Machine) -> bytes:
    return (machine.root / "etc/pam.d/sshd").read_bytes()


def test_a_user_of_sssd_has_a_keyring_from_the_first_login_on(machine: Machine) -> None:
    original = service_file(machine)
    assert machine.run("getent", "-s", "files", "passwd", "dora", check=False).returncode == 2
    assert "dbus-broker" in machine.sh("systemctl show -P Id dbus.service").stdout
    assert machine.run("creds-setup-pam", "check", check=False).returncode == 1
    machine.run("creds-setup-pam", "apply")
    applied = service_file(machine)
    assert machine.run("creds-setup-pam", "check").returncode == 0
    machine.run("creds-setup-pam", "apply")
    assert service_file(machine) == applied

    with machine.ssh("dora", OLD) as session:
        assert session.run("printf s3cret | creds put app me").status == 0
        assert session.run("creds get app me").output == "s3cret"
        doctor = session.run("creds-doctor --json")
        assert doctor.status == 0, doctor
        assert json.loads(doctor.output)["healthy"] is True
        session.type("passwd")
        session.expect("urrent [Pp]assword: ?$")
        session.type_secretly(OLD)
        session.expect("New password: ?$")
        session.type_secretly(NEW)
        session.expect("new password: ?$")
        session.type_secretly(NEW)
        assert "password updated successfully" in session.run("true").output
    assert "pam_sss(sshd:auth): authentication success" in machine.journal()
    machine.run("loginctl", "terminate-user", "dora")
    machine.wait_until_gone("dora")
    with machine.ssh("dora", NEW) as session:
        assert session.run("creds get app me").output == "s3cret"
        assert session.run("creds-doctor").status == 0

    machine.run("creds-setup-pam", "revert")
    assert service_file(machine) == original
    with machine.ssh("dora", NEW) as session:
        assert session.run("true").status == 0


def test_a_wrong_password_still_locks_the_account(machine: Machine) -> None:
    machine.run("creds-setup-pam", "apply")
    with machine.ssh("emil", OLD) as session:
        assert session.run("printf s3cret | creds put app me").status == 0
    for password in ("not " + OLD, OLD):  # the right one no longer helps
        with pytest.raises(LoginFailed):
            machine.ssh("emil", password, "-o", "NumberOfPasswordPrompts=1")
    machine.run("faillock", "--user", "emil", "--reset")
    with machine.ssh("emil", OLD) as session:
        assert session.run("creds get app me").output == "s3cret"
    machine.run("creds-setup-pam", "revert")


def test_gdms_own_file_raises_no_alarm(machine: Machine) -> None:
    machine.run("creds-setup-pam", "apply")
    with machine.ssh("emil", OLD) as session:
        doctor = session.run("creds-doctor").output
        assert "pam-other-services" in doctor
        assert "pam-other-service-unsafe" not in doctor
    machine.run("creds-setup-pam", "revert")
