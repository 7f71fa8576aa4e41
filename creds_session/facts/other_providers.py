"""How programs other than gnome-keyring come to serve secrets."""

from __future__ import annotations

WALLET = "create the wallet in KWallet Manager, or open the wallet that exists"
MEANS = {
    "keepassxc": "in KeePassXC, open a database that exposes a group to the Secret Service",
    "kwalletd": WALLET,
    "ksecretd": WALLET,
}


def means_to_serve(program: str) -> str | None:
    """Return what makes a program serve secrets, or None if that is not known.

    ``program`` is the name of its process, which may go on behind the name in the table, as in
    ``kwalletd6``.
    """
    return next((means for name, means in MEANS.items() if program.startswith(name)), None)
