"""What modules of other projects do with the password, and what they return.

Almost nothing is assumed about what they return: options, configuration files and patches of
distributions change it. A cell says less than *anything* only if the function is a single
``return``, or if the module's source returns ignore only after a test of an argument.
"""

from __future__ import annotations

from typing import Final

from creds_session.pam.modules.facts import (
    ANYTHING,
    YES_OR_NO,
    Admission,
    Handling,
    ModuleFacts,
    any_of,
    ignoring_if,
    judging,
    proving,
)

OTHERS: Final[dict[str, ModuleFacts]] = {
    # Modules that ask for the password of the account, or receive it, and check it.
    "pam_sss.so": ignoring_if(
        "SSSD, src/sss_client/pam_sss.c:pam_sss, 1.5.1 to 2.11",
        "ignore_unknown_user",
        "ignore_authinfo_unavail",
    ),
    "pam_ldap.so": judging("nss-pam-ldapd, pam/pam.c; before it PADL's pam_ldap"),
    "pam_ldapd.so": judging("nss-pam-ldapd, pam/pam.c, under another name"),
    "pam_krb5.so": judging("pam-krb5 (rra), module/public.c; Red Hat has had another"),
    "pam_winbind.so": ignoring_if("Samba, nsswitch/pam_winbind.c", "unknown_ok"),
    "pam_systemd_home.so": judging(
        "systemd, src/home/pam_systemd_home.c:pam_sm_setcred", setcred="success"
    ),
    "pam_himmelblau.so": judging("Himmelblau, src/pam"),
    "pam_kanidm.so": judging("Kanidm, unix_integration/pam_kanidm"),
    "pam_aad.so": judging("pam_aad, pam_aad.c"),
    "pam_authd.so": judging("authd, pam"),
    "pam_authd_exec.so": judging("authd, pam"),
    "pam_tcb.so": judging("tcb, pam_tcb"),
    "pam_unix2.so": judging("pam_unix2 of SUSE"),
    "pam_pwdb.so": judging("Linux-PAM before 0.99, pam_pwdb"),
    "pam_radius_auth.so": judging("pam_radius, src/pam_radius_auth.c:talk_radius")._replace(
        options=(("localifdown", "authenticate", ANYTHING),)
    ),
    "pam_tacplus.so": judging("pam_tacplus, pam_tacplus.c"),
    "pam_centrifydc.so": judging("Centrify's (Delinea's) own; its documents"),
    "pam_vas3.so": judging("One Identity's Safeguard Authentication Services; its documents"),
    "pam_lsass.so": judging("PBIS Open, pam_lsass"),
    "pam_mysql.so": judging("pam_mysql"),
    "pam_pgsql.so": judging("pam_pgsql"),
    # Modules that accept another proof.
    "pam_fprintd.so": proving("fprintd, pam/pam_fprintd.c"),
    "pam_u2f.so": proving(
        "pam-u2f, pam-u2f.c:pam_sm_authenticate (`nouserok`: ignore since 1.3.1, success before),"
        " pam_sm_setcred",
        setcred="success",
    )._replace(options=(("nouserok", "authenticate", ANYTHING),)),
    "pam_google_authenticator.so": proving(
        "google-authenticator-libpam, src/pam_google_authenticator.c:google_authenticator,"
        " pam_sm_setcred",
        setcred="success",
    )._replace(options=(("nullok", "authenticate", ANYTHING),)),
    "pam_2fa.so": proving("pam_2fa of CERN"),
    "pam_oath.so": proving("oath-toolkit, pam_oath/pam_oath.c"),
    "pam_yubico.so": proving("yubico-pam, pam_yubico.c"),
    "pam_duo.so": proving("duo_unix, pam_duo/pam_duo.c"),
    "pam_otpw.so": proving("otpw, pam_otpw.c"),
    "pam_opie.so": proving("opie, pam_opie"),
    "pam_pkcs11.so": proving("pam_pkcs11, src/pam_pkcs11"),
    "pam_p11.so": proving("pam_p11"),
    "pam_poldi.so": proving("poldi, src/pam"),
    "pam_ssh.so": proving("pam_ssh"),
    "pam_ssh_agent_auth.so": proving("pam_ssh_agent_auth"),
    "pam_sss_gss.so": proving("SSSD, src/sss_client/pam_sss_gss.c"),
    "pam_oslogin_login.so": proving("guest-oslogin, src/pam"),
    # Modules that receive the password and do not check it, or do not use it.
    "pam_gnome_keyring.so": any_of("gnome-keyring, pam/gkr-pam-module.c", Handling.READS),
    "pam_kwallet.so": any_of("kwallet-pam, pam_kwallet.c", Handling.READS),
    "pam_kwallet5.so": any_of("kwallet-pam, pam_kwallet.c", Handling.READS),
    "pam_ecryptfs.so": any_of("ecryptfs-utils, src/pam_ecryptfs", Handling.READS),
    "pam_fscrypt.so": any_of("fscrypt, pam_fscrypt", Handling.READS),
    "pam_zfs_key.so": any_of("OpenZFS, contrib/pam_zfs_key", Handling.READS),
    "pam_mount.so": any_of("pam_mount, src/pam_mount.c", Handling.READS),
    "pam_smbpass.so": any_of("Samba before 4.5, source3/pam_smbpass", Handling.READS),
    "pam_pwquality.so": ModuleFacts(
        "libpwquality, src/pam_pwquality.c:pam_sm_chauthtok: no PAM_IGNORE",
        chauthtok=YES_OR_NO,
        handling=Handling.CHANGES,
    ),
    "pam_passwdqc.so": any_of("passwdqc, pam_passwdqc.c", Handling.CHANGES),
    "pam_systemd.so": any_of("systemd, src/login/pam_systemd.c"),
    "pam_elogind.so": any_of("elogind, src/login/pam_elogind.c"),
    "pam_systemd_loadkey.so": any_of("systemd, src/login/pam_systemd_loadkey.c"),
    "pam_oddjob_mkhomedir.so": any_of("oddjob-mkhomedir, src/pam_oddjob_mkhomedir.c"),
    "pam_cap.so": any_of("libcap, pam_cap/pam_cap.c", admission=Admission.CONDITION),
    "pam_selinux_permit.so": any_of("the old name of pam_sepermit", admission=Admission.CONDITION),
    "pam_apparmor.so": any_of("AppArmor, changehat/pam_apparmor"),
    "pam_cgfs.so": any_of("lxcfs, pam"),
    "pam_cgroup.so": any_of("libcgroup, src/pam"),
    "pam_ck_connector.so": any_of("ConsoleKit, pam-ck-connector"),
    "pam_console.so": any_of("Red Hat, pam_console"),
    "pam_gdm.so": any_of("gdm, pam_gdm/pam_gdm.c", Handling.READS),
    "pam_lastlog2.so": any_of("util-linux, pam_lastlog2"),
    "pam_postgresok.so": any_of("Red Hat, pam_postgresok", admission=Admission.OTHERWISE),
    "pam_ssh_add.so": any_of("cockpit, src/pam-ssh-add", Handling.READS),
    "pam_tmpdir.so": any_of("pam-tmpdir"),
}
