"""PAM service files and what libpam makes of them: pure, text in, values out.

==========  ===================================================================
parser      ``parse``: bytes to a ServiceFile, without loss, never raising
lint        ``lint``: what libpam would refuse in a file, or read otherwise
stack       ``resolve_all``: what libpam runs for each management group
dispatch    ``dispatch``: one call, as libpam runs it
judge       ``judge``: what pam_gnome_keyring gets from a service
plan        ``plan``: the smallest edit that is proved safe
proof       ``refute``: a counterexample to an edit, or None
==========  ===================================================================

docs/reference/pam.md has examples. Nothing is imported here: each command pays for what it uses.
"""
