"""What the help of each subcommand of ``creds-setup-pam`` says, and its examples."""

from __future__ import annotations

DESCRIPTIONS = {
    "check": """\
Print one line for each management group: whether the rule of pam_gnome_keyring is there, is reached
at every login, and is proved safe. The exit code is 1 if a change is needed.
""",
    "diff": """\
Print the change that apply would make, as a unified diff. The reason for each line is printed on
standard error.
""",
    "apply": """\
Make the change in one transaction. The result is read back and proved again; if that fails, the old
files are restored. The command never asks, and requires root.
""",
    "revert": """\
Undo exactly what apply did. Lines that somebody else has edited since are kept. The command
requires root.
""",
    "rebase": """\
Bring the rules to a vendor's newer file: one in /usr/lib/pam.d or another vendor directory that the
file in /etc/pam.d hides, or one that an update left beside it (.dpkg-dist, .rpmnew). Lines of an
administrator are kept. The change is proved as apply does. The command requires root.
""",
    "confirm": """\
Keep a change that was made with --confirm-within. Run it as root in a login that began after
the change and used a password.
""",
    "explain": """\
Show the rules of one service as a tree, and what each rule does at a login with the right password,
with a wrong one, by SSH key, and with an expired password. No module is run.
""",
    "simulate": """\
Show what one PAM call of one service returns, rule by rule, if the modules return what you say. No
module is run.
""",
    "judge": """\
Compare the PAM files before and after a change by anybody, for any module. Say which services
newly refuse somebody or let somebody in, and which modules no longer run or no longer get the
password, each with the return values that show it. The exit code is 1 if something is found.
""",
}
EXAMPLES = {
    "check": """\
examples:
  creds-setup-pam check
  creds-setup-pam --root /mnt/image check
""",
    "diff": """\
examples:
  creds-setup-pam diff
  creds-setup-pam --service login diff
""",
    "apply": """\
examples:
  sudo creds-setup-pam apply
  sudo creds-setup-pam apply --try alice --confirm-within 10m
                                     if you can reach the machine only by ssh
  creds-setup-pam apply --dry-run    the same as creds-setup-pam diff
  creds-setup-pam --root /mnt/image apply --vendor
""",
    "rebase": """\
examples:
  sudo creds-setup-pam rebase --check    show what newer vendor files change
  sudo creds-setup-pam rebase --confirm-within 10m
""",
    "revert": """\
examples:
  sudo creds-setup-pam revert
""",
    "confirm": """\
examples:
  sudo creds-setup-pam confirm
""",
    "explain": """\
examples:
  creds-setup-pam explain
  creds-setup-pam --service sudo explain
  creds-setup-pam explain --format svg > sshd.svg
  creds-setup-pam explain --files
""",
    "simulate": """\
examples:
  creds-setup-pam simulate --call authenticate --returns pam_unix.so=auth_err
  creds-setup-pam simulate --call open_session
""",
    "judge": """\
examples:
  cp -aL /etc/pam.d /root/pam.d.old    before the change
  creds-setup-pam judge --before /root/pam.d.old
                                       after it
  creds-setup-pam judge --before old --after new --service sshd
""",
}
