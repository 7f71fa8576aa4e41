from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from creds_session.errors import (
    Busy,
    CannotWrite,
    InvalidData,
    NotPermitted,
    Unavailable,
    UsageError,
)
from creds_session.setup_pam import confirmation, new_login
from creds_session.setup_pam.confirmation import (
    BOOT_UNIT,
    Confirmed,
    NothingPending,
    confirm,
    is_pending,
    seconds,
)
from creds_session.setup_pam.pending_note import PENDING, Pending, read_note, write_note
from creds_session.system.files.directory import Directory
from creds_session.system.files.root import Root
from creds_session.system.files.state import STATE, state_directory
from creds_session.system.processes.commands import Completed
from creds_session.system.systemd import logind, timers
from creds_session.system.systemd.logind import Login

NEW = Login("9", "sshd", 1e12)
OLD = Login("2", "sshd", 1.0)
PROGRAM = (sys.executable, "-I", __file__)
NOTE = Pending("creds-setup-pam-revert-1", 1.0, ("sshd",), "root", "2", "boot")


class Timers:
    """What systemd would do, noted."""

    def __init__(self) -> None:
        self.set: list[str] = []
        self.argv: tuple[str, ...] = ()
        self.stops = True

    def start(self, unit: str, _seconds: float, job: timers.Job) -> None:
        self.set.append(unit)
        self.argv = job.argv

    def is_waiting(self, unit: str) -> bool:
        return unit in self.set

    def stop(self, unit: str, *, program: bool) -> bool:
        if self.stops and unit in self.set:
            self.set.remove(unit)
        return self.stops or not program


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Timers:
    made = Timers()
    for name in ("start", "is_waiting", "stop"):
        monkeypatch.setattr(timers, name, getattr(made, name))
    monkeypatch.setattr(confirmation, "for_root_later", lambda _name: PROGRAM)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    come_by(monkeypatch, OLD)
    return made


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root(tmp_path)


def come_by(monkeypatch: pytest.MonkeyPatch, login: Login | None) -> None:
    monkeypatch.setattr(logind, "own", lambda: login)


@contextmanager
def waiting(
    root: Root, limit: float | None, services: tuple[str, ...]
) -> Iterator[Callable[[], None]]:
    """Make a change that waits; give what settles it."""
    with state_directory(root) as state, confirmation.waiting(root, state, limit, services) as one:
        yield one.settle


def wait_for(root: Root, limit: float = 600) -> Pending:
    """Make a change that waits; return the note of it."""
    with waiting(root, limit, ("sshd",)) as require_waiting:
        require_waiting()
    pending = read(root)
    assert pending is not None
    return pending


def read(root: Root) -> Pending | None:
    with state_directory(root) as state:
        return read_note(state)


def note(root: Root, pending: Pending) -> None:
    with state_directory(root) as state:
        write_note(state, pending)


def drop(root: Root, *, by_timer: bool = False) -> str:
    with state_directory(root) as state:
        return confirmation.drop(root, state, by_timer=by_timer)


def pending_of(root: Root, unit: str) -> bool:
    with state_directory(root) as state:
        return is_pending(state, unit)


@pytest.mark.parametrize(
    ("text", "value"), [("1s", 1), ("90s", 90), ("10m", 600), ("1h", 3600), ("24h", 86400)]
)
def test_times_are_read(text: str, value: int) -> None:
    assert seconds(text) == value


@pytest.mark.parametrize(
    "text",
    ["", "10", "0s", "010m", "-1m", "+1m", "1.5h", "1 m", "10m ", "10m\n", "10min", "1h30m", "1d",
     "25h", "99999h", "inf", "\u0661\u0660m", "M"],
)  # fmt: skip
def test_text_that_is_no_time_is_64(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        seconds(text)
    assert caught.value.exit_code == 64


def test_the_timer_waits_before_the_change_and_the_note_is_roots(root: Root, clock: Timers) -> None:
    with waiting(root, 600, ("sshd",)) as require_waiting:
        assert len(clock.set) == 1
        assert root.path(PENDING).stat().st_mode & 0o777 == 0o600
        require_waiting()
    assert clock.argv == (*PROGRAM, "revert", "--if-pending", *clock.set)


def test_the_unit_for_the_next_boot_has_the_owner_of_its_directory(
    root: Root, clock: Timers
) -> None:
    folder = root.path("/etc/systemd/system")
    folder.mkdir(parents=True)
    if os.getuid() == 0:
        os.chown(folder, 12, 34)
    wait_for(root)
    unit, owner = (folder / f"{BOOT_UNIT}.service").stat(), folder.stat()
    assert (unit.st_uid, unit.st_gid, unit.st_mode & 0o777) == (owner.st_uid, owner.st_gid, 0o644)
    assert clock.set


def test_without_a_limit_no_timer_is_set(root: Root, clock: Timers) -> None:
    with waiting(root, None, ("sshd",)) as require_waiting:
        require_waiting()
    assert (clock.set, root.read(PENDING)) == ([], None)


def test_a_change_that_fails_ends_the_waiting(root: Root, clock: Timers) -> None:
    with pytest.raises(KeyboardInterrupt), waiting(root, 600, ("sshd",)):
        raise KeyboardInterrupt
    assert (clock.set, root.read(PENDING)) == ([], None)


def test_a_timer_that_cannot_be_set_stops_the_change(
    root: Root, clock: Timers, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: object) -> None:
        raise Unavailable("no")

    def set_it_and_refuse(unit: str, *_arguments: object) -> None:
        clock.set.append(unit)
        refuse()

    for start in (refuse, set_it_and_refuse):
        monkeypatch.setattr(timers, "start", start)
        with pytest.raises(Unavailable), waiting(root, 600, ("sshd",)):
            raise AssertionError
        assert (clock.set, root.read(PENDING)) == ([], None)


def test_a_timer_that_elapsed_early_undoes_the_change(root: Root, clock: Timers) -> None:
    def change() -> None:
        with waiting(root, 1, ("sshd",)) as require_waiting:
            clock.set.clear()
            require_waiting()

    with pytest.raises(Unavailable, match="is not waiting any more"):
        change()
    assert root.read(PENDING) is None


def test_a_program_that_is_gone_by_now_undoes_the_change(
    root: Root, clock: Timers, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    script = tmp_path / "creds-setup-pam"
    script.touch()
    program = (sys.executable, "-I", str(script))
    monkeypatch.setattr(confirmation, "for_root_later", lambda _name: program)

    def change() -> None:
        with waiting(root, 600, ("sshd",)) as require_waiting:
            script.unlink()  # as scripts/install removes an old release
            require_waiting()

    with pytest.raises(Unavailable, match="creds-setup-pam was removed in the meantime"):
        change()
    assert (clock.set, root.read(PENDING)) == ([], None)


@pytest.mark.parametrize(
    ("word", "quoted"),
    [
        ("/opt/creds", '"/opt/creds"'),
        ("/opt/My Tools", '"/opt/My Tools"'),
        ("a%b$c", '"a%%b$$c"'),
        ('a"b\\c', '"a\\"b\\\\c"'),
        ("a\nb\u00e9\udcff", '"a\\x0ab\\xc3\\xa9\\xff"'),
    ],
)
def test_words_are_quoted_in_the_unit_for_the_next_boot(root: Root, word: str, quoted: str) -> None:
    timers.at_boot(root, "unit", timers.Job(("/opt/$py%", word), "x", "words"), PENDING)
    unit = root.path("/etc/systemd/system/unit.service").read_text()
    assert f'\nExecStart="/opt/$py%%" {quoted}\n' in unit
    assert "\nSyslogIdentifier=x\n" in unit
    timers.not_at_boot(root, "unit")
    assert not root.path("/etc/systemd/system/unit.service").exists()


@pytest.mark.parametrize(
    ("told", "again"),
    [
        ("systemd 244 (244.1)\n+PAM", "Restart=on-failure\nRestartSec=10s"),
        ("systemd 257~rc1 (257)", "Restart=on-failure\nRestartSec=10s"),
        ("systemd 243 (243)", "Restart=no"),
        ("", "Restart=no"),
    ],
)
def test_at_boot_it_is_tried_again_where_systemd_can(
    root: Root, monkeypatch: pytest.MonkeyPatch, told: str, again: str
) -> None:
    """Before 244 systemd refuses the whole unit for a Restart= (service.c:service_verify)."""
    monkeypatch.setattr(
        "creds_session.system.systemd.systemctl.run", lambda *_, **__: Completed(0, told, "")
    )
    timers.at_boot(root, "unit", timers.Job(("/x",), "x", "words"), PENDING)
    unit = root.path("/etc/systemd/system/unit.service").read_text()
    assert f"\n{again}\n" in unit
    assert "\nStartLimitIntervalSec=0\n\n[Service]\n" in unit
    before = unit.partition("\nBefore=")[2].partition("\n")[0].split()
    for name in ("ssh.service", "sshd.service", "ssh.socket", "sshd.socket", "dropbear.socket"):
        assert name in before  # else a socket that listens would let somebody in earlier
    assert "\nDefaultDependencies=no\n" in unit  # else that would be a cycle
    link = root.path("/etc/systemd/system/multi-user.target.wants/unit.service")
    assert link.resolve() == root.path("/etc/systemd/system/unit.service")


def test_the_program_of_a_timer_is_run_until_it_succeeds(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def run(argv: list[str], **_options: float) -> Completed:
        asked.extend(argv)
        return Completed(0, "", "")

    monkeypatch.setattr(timers, "run", run)
    timers.start("unit", 5, timers.Job(("/x", "a$b"), "x", "words"))
    for setting in ("Restart=on-failure", "RestartSec=10s", "StartLimitIntervalSec=0"):
        assert f"--property={setting}" in asked
    assert asked[-3:] == ["--", "/x", "a$$b"]


@pytest.mark.parametrize("character", ["'", '"', "\\", "\n"])
def test_a_program_that_systemd_would_not_run_is_refused(root: Root, character: str) -> None:
    with pytest.raises(Unavailable, match="systemd runs no program"):
        timers.at_boot(root, "unit", timers.Job((f"/opt/{character}/x",), "x", "words"), PENDING)
    assert not root.path("/etc").exists()


@pytest.mark.parametrize("limit", [None, 60])
def test_while_one_change_waits_no_other_is_made(
    root: Root, clock: Timers, limit: float | None
) -> None:
    pending = wait_for(root)
    with pytest.raises(Busy, match="waits to be confirmed"), waiting(root, limit, ("sshd",)):
        raise AssertionError
    assert clock.set == [pending.unit]


def test_a_new_login_confirms(root: Root, clock: Timers, monkeypatch: pytest.MonkeyPatch) -> None:
    pending = wait_for(root)
    come_by(monkeypatch, NEW)
    assert confirm(root) == Confirmed(pending, (), is_tested=True)
    assert (clock.set, root.read(PENDING)) == ([], None)
    with pytest.raises(NothingPending):
        confirm(root)


@pytest.mark.parametrize(
    ("login", "told"),
    [
        (OLD, "began before the change"),
        (None, "no login session"),
        (NEW._replace(service="systemd-run0"), "used the service systemd-run0, not sshd"),
    ],
)
def test_others_are_refused(
    root: Root, clock: Timers, monkeypatch: pytest.MonkeyPatch, login: Login | None, told: str
) -> None:
    pending = wait_for(root)
    come_by(monkeypatch, login)
    with pytest.raises(NotPermitted, match=told) as caught:
        confirm(root)
    assert "log in again by sshd" in caught.value.hint
    assert clock.set == [pending.unit]


def test_a_login_that_began_while_the_change_was_made_is_refused(
    root: Root, clock: Timers, monkeypatch: pytest.MonkeyPatch
) -> None:
    note(root, wait_for(root)._replace(since=None))
    come_by(monkeypatch, NEW)
    with pytest.raises(NotPermitted, match="began before"):
        confirm(root)
    assert clock.set


def test_after_a_reboot_any_login_is_new(root: Root, clock: Timers) -> None:
    pending = wait_for(root)._replace(boot="another")
    note(root, pending)
    clock.set.clear()
    assert confirm(root) == Confirmed(pending, (), is_tested=True)
    assert root.read(PENDING) is None


@pytest.mark.usefixtures("clock")
def test_a_change_of_a_service_that_opens_no_session_can_be_kept(
    root: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with su: logind knows the session in which it was typed."""
    with waiting(root, 600, ("su",)) as settle:
        settle()
    come_by(monkeypatch, NEW)
    with pytest.raises(NotPermitted, match="used the service sshd, not su") as caught:
        confirm(root)
    assert "creds-setup-pam confirm --untested" in caught.value.hint
    assert not confirm(root, untested=True).is_tested
    assert root.read(PENDING) is None


BY_SSHD = NEW._replace(leader=77, is_by_sshd=True)


@pytest.mark.parametrize(
    ("methods", "told"),
    [
        (("publickey",), "was let in by publickey"),
        (("gssapi-with-mic",), "was let in by gssapi-with-mic"),
        ((), "do not say how this login was let in"),
    ],
)
def test_a_login_that_ran_no_rule_for_passwords_confirms_only_if_requested(
    root: Root,
    clock: Timers,
    monkeypatch: pytest.MonkeyPatch,
    methods: tuple[str, ...],
    told: str,
) -> None:
    pending = wait_for(root)
    come_by(monkeypatch, BY_SSHD)
    monkeypatch.setattr(new_login, "probe_login_methods", lambda _leader: methods)
    with pytest.raises(NotPermitted, match=told) as caught:
        confirm(root)
    assert "log in again by sshd, with a password" in caught.value.hint
    assert "creds-setup-pam confirm --untested" in caught.value.hint
    assert clock.set == [pending.unit]
    assert confirm(root, untested=True) == Confirmed(pending, methods, is_tested=False)
    assert (clock.set, root.read(PENDING)) == ([], None)


@pytest.mark.parametrize(
    "methods", [("password",), ("keyboard-interactive/pam",), ("password", "publickey")]
)
@pytest.mark.usefixtures("clock")
def test_a_login_by_password_confirms(
    root: Root, monkeypatch: pytest.MonkeyPatch, methods: tuple[str, ...]
) -> None:
    pending = wait_for(root)
    come_by(monkeypatch, BY_SSHD)
    monkeypatch.setattr(new_login, "probe_login_methods", lambda _leader: methods)
    assert confirm(root) == Confirmed(pending, methods, is_tested=True)


@pytest.mark.usefixtures("clock")
def test_a_login_by_key_confirms_a_change_of_rules_that_it_runs(
    root: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    pending = wait_for(root)._replace(needs_password=False)
    note(root, pending)
    come_by(monkeypatch, BY_SSHD)
    monkeypatch.setattr(new_login, "probe_login_methods", lambda _leader: ("publickey",))
    assert confirm(root) == Confirmed(pending, ("publickey",), is_tested=True)


def test_an_override_is_no_way_around_a_new_login(
    root: Root, clock: Timers, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait_for(root)
    for login in (OLD._replace(leader=77, is_by_sshd=True), None):
        come_by(monkeypatch, login)
        with pytest.raises(NotPermitted):
            confirm(root, untested=True)
    assert clock.set


def test_only_root_confirms(root: Root, clock: Timers, monkeypatch: pytest.MonkeyPatch) -> None:
    wait_for(root)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(NotPermitted, match="requires root"):
        confirm(root)
    assert clock.set


def test_a_timer_that_does_not_stop_leaves_it_unconfirmed(
    root: Root, clock: Timers, monkeypatch: pytest.MonkeyPatch
) -> None:
    pending = wait_for(root)
    come_by(monkeypatch, NEW)
    clock.stops = False
    with pytest.raises(Unavailable, match="not confirmed"):
        confirm(root)
    assert read(root) == pending


def test_a_note_that_cannot_be_removed_leaves_the_timer(
    root: Root, clock: Timers, monkeypatch: pytest.MonkeyPatch
) -> None:
    pending = wait_for(root)
    come_by(monkeypatch, NEW)

    def read_only(*_names: object) -> None:
        raise CannotWrite("read-only")

    with monkeypatch.context() as patch:
        patch.setattr(Directory, "remove", read_only)
        with pytest.raises(CannotWrite):
            confirm(root)
    assert (clock.set, read(root)) == ([pending.unit], pending)
    with monkeypatch.context() as patch:
        patch.setattr(timers, "not_at_boot", read_only)
        assert confirm(root).pending == pending
    assert (clock.set, root.read(PENDING)) == ([], None)


@pytest.mark.usefixtures("clock")
def test_revert_ends_the_waiting_and_says_who_did_it(root: Root) -> None:
    assert drop(root) == ""
    pending = wait_for(root)
    assert drop(root) == "the change does not wait for a confirmation any more"
    note(root, pending._replace(deadline=1.0))  # the clock was set forward
    assert drop(root) == "the change does not wait for a confirmation any more"
    note(root, pending)
    assert "nobody confirmed the change by" in drop(root, by_timer=True)
    assert root.read(PENDING) is None


def test_no_change_waits_if_its_revert_would_stop_at_another(root: Root, clock: Timers) -> None:
    """An unreadable checkpoint would have `confirm` say later that a reverted change stays."""
    lost = root.path(f"{STATE}/checkpoints/000007")
    lost.mkdir(parents=True, mode=0o700)
    lost.parents[1].chmod(0o700)
    (lost / "0").write_text("saved")
    with pytest.raises(InvalidData, match="000007"):
        wait_for(root)
    assert (read(root), clock.set) == (None, [])


def test_only_the_change_of_the_timer_itself_is_pending(root: Root, clock: Timers) -> None:
    assert not pending_of(root, "unit")
    pending = wait_for(root)
    assert pending_of(root, pending.unit)
    assert not pending_of(root, "unit")
    root.path(PENDING).write_text("{}")  # damaged: what was changed may have to be taken back
    assert pending_of(root, pending.unit)
    assert clock.set


@pytest.mark.parametrize("by_timer", [False, True])
def test_the_program_of_a_timer_is_stopped_unless_it_is_the_caller(
    root: Root, clock: Timers, monkeypatch: pytest.MonkeyPatch, *, by_timer: bool
) -> None:
    asked: list[bool] = []
    monkeypatch.setattr(timers, "stop", lambda _unit, *, program: asked.append(program))
    monkeypatch.setattr(confirmation, "read_note", lambda _state: NOTE)
    monkeypatch.setattr(confirmation, "forget", lambda *_note: None)
    with state_directory(root) as state:  # of the running system: only that one has timers
        confirmation.drop(Root(), state, by_timer=by_timer)
    assert asked == [not by_timer]
    assert clock.set == []


@pytest.mark.usefixtures("clock")
def test_a_damaged_note_is_reported_and_dropped(root: Root) -> None:
    wait_for(root)
    root.path(PENDING).write_text("{}")
    with pytest.raises(InvalidData):
        confirm(root)
    assert "cannot be read" in drop(root)
    assert root.read(PENDING) is None


@pytest.mark.parametrize("by_timer", [False, True])
def test_a_damaged_note_does_not_keep_its_timer(
    root: Root, monkeypatch: pytest.MonkeyPatch, *, by_timer: bool
) -> None:
    stopped: list[tuple[str, bool]] = []

    def stop(unit: str, *, program: bool) -> bool:
        stopped.append((unit, program))
        return True

    monkeypatch.setattr(timers, "stop", stop)
    root.path(PENDING).parent.mkdir(parents=True, mode=0o700)
    root.path(PENDING).write_text("{}")
    monkeypatch.setattr(Root, "is_running_system", True)
    with state_directory(root) as state:
        assert "cannot be read" in confirmation.drop(root, state, by_timer=by_timer)
    assert stopped == [("creds-setup-pam-revert-*", not by_timer)]
    assert not root.path(PENDING).exists()


def test_the_unit_for_the_next_boot_is_durable_with_its_link(
    root: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[str, bool]] = []
    link = root.path(f"/etc/systemd/system/multi-user.target.wants/{BOOT_UNIT}.service")

    def fsync(descriptor: int) -> None:
        synced.append((str(Path(f"/proc/self/fd/{descriptor}").readlink()), link.is_symlink()))

    monkeypatch.setattr(os, "fsync", fsync)
    timers.at_boot(root, BOOT_UNIT, timers.Job(("/x",), "x", "words"), PENDING)
    assert (str(link.parent), True) in synced
    assert (str(link.parents[1]), False) in synced


def process(proc: Path, pid: int, parent: int, program: str, title: str, ticks: int) -> None:
    folder = proc / str(pid)
    folder.mkdir()
    zeros = " ".join(["0"] * 17)
    (folder / "stat").write_text(f"{pid} (a) b) S {parent} {zeros} {ticks} 0 0\n")
    (folder / "exe").symlink_to(f"/usr/sbin/{program}")
    (folder / "cmdline").write_text(title + "\0")


def proc_of(tmp_path: Path, cgroup: str) -> Path:
    process(tmp_path, 1, 0, "systemd", "/sbin/init", 1)
    process(tmp_path, 20, 1, "sshd", "sshd: /usr/sbin/sshd -D [listener] 0 of 10-100", 100)
    process(tmp_path, 30, 20, "sshd-session", "sshd-session: alice [priv]", 700)
    process(tmp_path, 31, 30, "sshd-session", "sshd-session: alice@pts/0", 900)
    process(tmp_path, 32, 31, "bash", "-bash", 950)
    (tmp_path / "self").symlink_to("32")
    (tmp_path / "32" / "cgroup").write_text(f"0::{cgroup}\n")
    return tmp_path


def test_without_logind_the_connections_own_process_tells(tmp_path: Path) -> None:
    login = logind.own(proc_of(tmp_path, "/system.slice/ssh.service"))
    began = 700 / os.sysconf("SC_CLK_TCK")
    assert login == Login("of process 30", "sshd", began, 30, is_by_sshd=True)


@pytest.mark.parametrize("kind", ["user", "user-light", "background"])
def test_logind_names_the_service_and_the_leader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    told = f"Leader=31\nService=sshd\nClass={kind}\n"
    monkeypatch.setattr(logind, "run", lambda _argv: Completed(0, told, ""))
    login = logind.own(proc_of(tmp_path, "/user.slice/user-1000.slice/session-c4.scope"))
    expected = Login("c4", "sshd", 900 / os.sysconf("SC_CLK_TCK"), 31, is_by_sshd=True)
    assert login == (None if kind == "background" else expected)


def test_a_process_outside_any_login_belongs_to_none(tmp_path: Path) -> None:
    proc = proc_of(tmp_path, "/system.slice/cron.service")
    (proc / "self").unlink()
    process(proc, 40, 1, "cron", "cron", 5)
    (proc / "self").symlink_to("40")
    (proc / "40" / "cgroup").write_text("0::/system.slice/cron.service\n")
    assert logind.own(proc) is None


@pytest.mark.parametrize(
    ("done", "told"),
    [
        (Completed(127, "", "systemd-run: not found"), "is not installed"),
        (Completed(1, "", "Failed to connect to bus\nmore"), "set no timer: Failed to connect"),
        (Completed(124, "", ""), "set no timer: it ended with 124"),
    ],
)
def test_a_systemd_run_that_fails_is_reported(
    monkeypatch: pytest.MonkeyPatch, done: Completed, told: str
) -> None:
    monkeypatch.setattr(timers, "run", lambda *_argv, **_options: done)
    with pytest.raises(Unavailable, match=told):
        timers.start("unit", 5, timers.Job(("/x", "revert"), "x", "words"))


@pytest.mark.parametrize("code", [0, 5, 1, 124])
def test_a_unit_that_is_gone_needs_no_stop(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    asked: list[list[str]] = []

    def run(argv: list[str], **_options: float) -> Completed:
        asked.append(argv)
        return Completed(code, "", "")

    monkeypatch.setattr("creds_session.system.systemd.systemctl.run", run)
    assert timers.stop("u", program=True) is (code in {0, 5})
    assert asked == [["systemctl", "stop", "u.timer", "u.service"]]


def test_hints_name_the_root_that_they_are_about(root: Root) -> None:
    assert confirmation.revert_command(Root()) == "creds-setup-pam revert"
    image = Root(Path("/mnt/my image"))
    assert confirmation.revert_command(image) == "creds-setup-pam --root '/mnt/my image' revert"
    pending = Pending("u", 0, ("sshd",), "alice", "1", "b", 1.0)
    with state_directory(root) as state:
        write_note(state, pending)
    with pytest.raises(Busy) as caught, waiting(root, None, ("sshd",)):
        raise AssertionError
    assert "confirm" not in caught.value.hint, "nobody can log in to an image"
    assert confirmation.revert_command(root) in caught.value.hint
