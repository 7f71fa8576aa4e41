"""What systemd and logind say about this user, asked once and handed to the jobs that need it.

The system bus is asked over one connection, and the user manager over the connection that is open
to the session bus anyway. systemctl and loginctl are started only for what the buses do not answer.
"""

from __future__ import annotations

import os

from creds_session.errors import CredsSessionError
from creds_session.facts.bus_address import path_of_address
from creds_session.facts.machine import UnitFacts, UnitsFacts
from creds_session.probe.units import OF_KEYRING, of_keyring, probe_units
from creds_session.system.bus.connection import Bus
from creds_session.system.processes.jobs import handed
from creds_session.system.processes.user_ids import usual_runtime_directory
from creds_session.system.systemd.login_time import LoginTime, own_login_time
from creds_session.system.systemd.logind import name_of_session, service_of_session
from creds_session.system.systemd_bus.system_bus import TIMEOUT, OnSystemBus, ask_system_bus
from creds_session.system.systemd_bus.units import SYSTEMD, units_on_bus

WAIT = TIMEOUT + 0.2  # seconds for the answers of the system bus, and for those of the session bus
BRIEF = 0.3  # seconds; a user manager that works answers in two milliseconds


class Systemd:
    """Answers about one user's manager, units and sessions. Each method may run in its own job."""

    def __init__(self) -> None:
        self._hand_system, self._of_system = handed(OnSystemBus())
        no_units: dict[str, UnitFacts] = {}
        self._hand_user, self._of_user = handed(no_units)

    def units(self) -> UnitsFacts:
        """Ask the system bus, and return the state of the user manager and of its units."""
        answers = OnSystemBus()
        try:
            answers = ask_system_bus(os.getuid())
        finally:
            self._hand_system(answers)
        manager = answers.manager
        if manager is None or manager.active != "active":
            return probe_units(manager)
        units = self._of_user(WAIT)
        return of_keyring(manager, units) if units else probe_units(manager)

    def ask_user_manager(self, bus: Bus) -> None:
        """Ask the user manager over a session bus, if it is known to be on that bus.

        Other programs can own its name there. So its process must be the one that the system's
        systemd calls the main process of the user manager. The calls to the bus have 0.3 seconds
        from now on.
        """
        manager = self._of_system(BRIEF).manager
        usual = f"{usual_runtime_directory(os.getuid())}/bus"
        if manager is None or path_of_address(bus.address) != usual:
            return
        bus.allow(BRIEF)
        try:
            peer = bus.peer(SYSTEMD)
            if peer is not None and peer.pid == manager.main_pid:
                self._hand_user(units_on_bus(bus, peer.unique_name, OF_KEYRING))
        except (CredsSessionError, LookupError, TypeError, ValueError):
            pass  # systemctl is asked

    def no_user_manager(self) -> None:
        """Let nobody wait any longer for the answers of the user manager."""
        self._hand_user({})

    def service(self) -> str:
        """Return the PAM service of this user's session in logind, or an empty string."""
        if not name_of_session():
            return ""
        known = self._of_system(WAIT).service
        return service_of_session() if known is None else known

    def login(self) -> LoginTime | None:
        """Return when the login of this session ran, or None if this user has no session here."""
        if not name_of_session():
            return None
        return own_login_time(listed=self._of_system(WAIT).sessions)
