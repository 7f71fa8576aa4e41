"""What an unencrypted keyring's file can hold, and which of its lines nobody can read.

gnome-keyring keeps a keyring without a password as a key file of GLib. It writes a secret as it is
and reads it with GLib's escapes (gkm-secret-textual.c: g_key_file_set_value and
g_key_file_get_string), so that some secrets come back changed after the next start of the daemon,
and a secret of several lines can make the whole file unreadable.
"""

from __future__ import annotations

HEADER = b"[keyring]"
SPACE = b" \t\n\r\f\v"  # as g_ascii_isspace() has it


def keeps(secret: bytes) -> bool:
    """Return whether an unencrypted keyring gives this very secret back after it was read again.

    GLib ends a value at the end of its line, drops blanks before it and a carriage return at its
    end, and reads a backslash as the beginning of an escape (gkeyfile.c).
    """
    if b"\n" in secret or b"\\" in secret or secret.endswith(b"\r"):
        return False
    return not secret or secret[:1] not in SPACE


def bad_line(text: bytes) -> int | None:
    """Return the number of the first line that makes a key file unreadable, or None.

    A line is blank, a comment, a ``[group]`` or ``key=value`` behind a group; any other makes
    GLib refuse the file (gkeyfile.c:g_key_file_parse_line).
    """
    has_group = False
    for number, line in enumerate(text.split(b"\n"), 1):
        stripped = line.strip(SPACE)
        if not stripped or stripped.startswith(b"#"):
            continue
        if stripped.startswith(b"[") and stripped.endswith(b"]"):
            has_group = True
        elif not has_group or line.find(b"=") < 1:
            return number
    return None
