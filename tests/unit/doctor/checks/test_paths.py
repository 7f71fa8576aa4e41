"""Root is shown no command on a path that a user can redirect."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import pytest

from creds_session.doctor.checks import CHECKS, run
from creds_session.doctor.checks.paths import for_the_user, given_back, moved_aside, seen, with_mode
from creds_session.facts.collection_state import CollectionState, KeyringForm
from creds_session.facts.machine import HomeFacts, PathFacts, PathKind, RuntimeFacts
from creds_session.facts.session import SessionFacts
from creds_session.facts.snapshot import Facts, Reader
from creds_session.findings import Remediation
from tests.unit.examples import WELL

HOME = "/home/alice"
DATA = f"{HOME}/.local/share"
FOLDER = f"{DATA}/keyrings"
LOGIN = f"{FOLDER}/login.keyring"
RUNTIME = "/run/user/1000"
BY_ALICE = f"{HOME} belongs to user id 1000"
FOLDER_KIND = PathKind.FOLDER


def own(path: str, kind: PathKind = FOLDER_KIND, mode: int = 0o700) -> PathFacts:
    return PathFacts(path, kind, 1000, mode, redirection=BY_ALICE)


def link(path: PathFacts, target: str) -> PathFacts:
    told = f"{path.path} is a link to {target}"
    return path._replace(is_link=True, links=(told,), redirection=told)


HEALTHY = HomeFacts(
    home=own(HOME),
    home_of_account=HOME,
    data=own(DATA),
    folder=own(FOLDER),
    login=own(LOGIN, PathKind.FILE, 0o600),
    form=KeyringForm.SEALED,
)


def broken_homes() -> Iterator[HomeFacts]:
    """Give homes in which one path is wrong, in every way that there is."""
    forms = (KeyringForm.SEALED, KeyringForm.BROKEN)
    for kind, uid, mode, form in product(PathKind, (0, 1000, 1001), (0, 0o500, 0o755), forms):
        for path in (HEALTHY.home, HEALTHY.data, HEALTHY.folder, HEALTHY.login):
            one = path._replace(kind=kind, uid=uid, mode=mode)
            one = one._replace(is_readable=bool(mode), is_writable=mode == 0o755)
            for changed in (one, link(one, "/etc/shadow")):
                now = (HEALTHY.home, HEALTHY.data, HEALTHY.folder, HEALTHY.login)
                home, data, folder, login = (changed if old is path else old for old in now)
                yield HomeFacts(home, HOME, data, folder, login, form)


def broken_paths() -> Iterator[Facts]:
    for home in broken_homes():
        yield WELL._replace(home=home)
    for uid in (0, 1000):
        named = own(RUNTIME)._replace(uid=uid, mode=0o755)
        for changed in (named, link(named, "/etc")):
            yield WELL._replace(home=HEALTHY, runtime=RuntimeFacts(changed))


def remedies(facts: Facts) -> Iterator[tuple[str, Remediation]]:
    for result in run(CHECKS, facts):
        for finding in result.findings:
            if finding.remediation is not None:
                yield finding.id, finding.remediation


def on_paths_of_alice(remedy: Remediation) -> list[tuple[str, ...]]:
    return [
        argv
        for argv in remedy.commands
        if any(word.startswith((HOME, RUNTIME, "/etc/shadow")) for word in argv)
    ]


@pytest.mark.parametrize("reader", Reader)
def test_no_command_of_roots_is_on_a_path_that_a_user_can_redirect(reader: Reader) -> None:
    named = set()
    for facts in broken_paths():
        for check_id, remedy in remedies(facts._replace(reader=reader)):
            for argv in on_paths_of_alice(remedy):
                assert reader is Reader.USER, (check_id, remedy)
                assert argv[0] in {"chmod", "mv"}, (check_id, remedy)
                named.add(check_id)
    expected = {"keyring-foreign", "keyrings-foreign", "keyrings-open", "runtime-directory-open"}
    assert named >= (expected if reader is Reader.USER else set())


def test_no_command_follows_a_link() -> None:
    for facts in broken_paths():
        for check_id, remedy in remedies(facts):
            for argv in on_paths_of_alice(remedy):
                home, runtime = facts.home, facts.runtime.named or own(RUNTIME)
                paths = (home.home, home.data, home.folder, home.login, runtime)
                links = {one.path for one in paths if one.is_link}
                assert argv[0] == "mv" or not links & set(argv), (check_id, remedy)


def test_evidence_says_that_something_is_a_link() -> None:
    above = own(LOGIN, PathKind.FILE)._replace(links=(f"{DATA} is a link to /srv/share",))
    assert seen(above) == (f"{LOGIN}: file, owner 1000, mode 0700", *above.links)
    shadow = link(PathFacts(LOGIN, PathKind.FILE, 0, 0o640), "/etc/shadow")
    assert seen(shadow) == (
        f"{LOGIN}: a link to a file, owner 0, mode 0640",
        f"{LOGIN} is a link to /etc/shadow",
    )
    dangling = link(PathFacts(LOGIN, PathKind.DANGLING), "/gone")
    assert seen(dangling, "X") == (f"X={LOGIN}: dangling link", f"{LOGIN} is a link to /gone")


@pytest.mark.parametrize(("uid", "is_link"), [(0, False), (0, True), (1001, False)])
def test_what_is_foreign_is_moved_away_by_the_user(uid: int, *, is_link: bool) -> None:
    login = HEALTHY.login._replace(uid=uid)
    facts = WELL._replace(
        home=HEALTHY._replace(login=link(login, "/etc/shadow") if is_link else login)
    )
    remedy = dict(remedies(facts))["keyring-foreign"]
    move = ("mv", "--no-clobber", "--no-target-directory", LOGIN, f"{LOGIN}.aside")
    assert remedy.commands == (move,)
    assert remedy.is_safe is is_link  # a keyring may hold secrets that are still needed
    told = dict(remedies(facts._replace(reader=Reader.ROOT)))["keyring-foreign"]
    assert (told.commands, told.is_safe) == ((), False)
    assert "alice has to do this" in told.text
    assert "Root must not change what is at that path" in told.text


def test_what_the_user_may_not_move_is_for_root_and_said_in_words() -> None:
    home = HEALTHY._replace(
        data=own(DATA)._replace(uid=0, is_writable=False), folder=own(FOLDER)._replace(uid=0)
    )
    for reader in Reader:
        remedy = dict(remedies(WELL._replace(home=home, reader=reader)))["keyrings-foreign"]
        assert remedy.commands == ()
        elsewhere = "it is a path on another machine"
        why = elsewhere if reader is Reader.ELSEWHERE else BY_ALICE
        assert f"No command is shown for root, because {why}" in remedy.text


LOCAL = f"{HOME}/.local"
MOVE = ("mv", "--no-clobber", "--no-target-directory")
COPY = ("cp", "-R", "-P", "--no-target-directory")
CREATE = ("creds", "unlock", "--create")


def foreign(path: str, uid: int = 0) -> PathFacts:
    return own(path, mode=0o755)._replace(uid=uid, is_readable=True, is_writable=False)


@pytest.mark.parametrize(
    ("home", "check_id", "moved"),
    [
        (
            HEALTHY._replace(
                above_data=foreign(LOCAL),
                data=own(DATA, PathKind.ABSENT),
                folder=own(FOLDER, PathKind.ABSENT),
            ),
            "keyrings-cannot-be-made",
            LOCAL,
        ),
        (
            HEALTHY._replace(
                above_data=foreign(LOCAL), data=foreign(DATA), folder=own(FOLDER, PathKind.ABSENT)
            ),
            "keyrings-cannot-be-made",
            LOCAL,
        ),
        (
            HEALTHY._replace(
                above_data=own(LOCAL), data=foreign(DATA), folder=own(FOLDER, PathKind.ABSENT)
            ),
            "keyrings-cannot-be-made",
            DATA,
        ),
        (
            HEALTHY._replace(above_data=foreign(LOCAL), data=foreign(DATA), folder=foreign(FOLDER)),
            "keyrings-foreign",
            LOCAL,
        ),
    ],
)
def test_a_directory_of_roots_above_the_keyrings_is_replaced_by_its_user(
    home: HomeFacts, check_id: str, moved: str
) -> None:
    home = home._replace(home=home.home._replace(is_writable=True))
    home = home._replace(above_data=home.above_data._replace(is_readable=True))
    if home.above_data.uid == 1000:
        home = home._replace(above_data=home.above_data._replace(is_writable=True))
    facts = WELL._replace(home=home, keyring=WELL.keyring._replace(exists=False))
    remedy = dict(remedies(facts))[check_id]
    aside = f"{moved}.aside"
    assert remedy.commands == ((*MOVE, moved, aside), (*COPY, aside, moved), CREATE)
    assert not remedy.is_safe
    seen = facts._replace(bus=facts.bus._replace(login=CollectionState.ABSENT))
    ended = dict(remedies(seen))[check_id].commands[2:]
    assert ended == (("kill", "7"), CREATE)  # it has seen that there is no directory
    for reader in (Reader.ROOT, Reader.ELSEWHERE):
        told = dict(remedies(facts._replace(reader=reader)))[check_id]
        assert told.commands == ()
        assert "alice has to do this" in told.text


def test_what_a_third_user_left_is_not_copied() -> None:
    """That user may know the password of a keyring in it."""
    home = HEALTHY._replace(
        home=HEALTHY.home._replace(is_writable=True),
        above_data=foreign(LOCAL, 1001),
        data=foreign(DATA, 1001),
        folder=foreign(FOLDER, 1001),
    )
    remedy = dict(remedies(WELL._replace(home=home)))["keyrings-foreign"]
    assert remedy.commands == ((*MOVE, LOCAL, f"{LOCAL}.aside"), CREATE)


def test_a_link_on_the_way_to_the_keyrings_is_not_replaced() -> None:
    home = HEALTHY._replace(
        home=HEALTHY.home._replace(is_writable=True),
        above_data=link(foreign(LOCAL), "/etc"),
        data=foreign(DATA),
        folder=foreign(FOLDER),
    )
    assert dict(remedies(WELL._replace(home=home)))["keyrings-foreign"].commands == ()


@pytest.mark.parametrize(
    ("uid", "path", "is_offered"),
    [
        (1000, "/home/alice", True),
        (1000, "/data/home/alice", True),
        (33, "/home/www-data", False),
        (1000, "/usr/sbin", False),
        (1000, "/var/www", False),
        (1000, "/home", False),
        (1000, "/", False),
        (1000, "", False),
    ],
)
def test_no_folder_of_the_systems_is_given_to_an_account(
    uid: int, path: str, *, is_offered: bool
) -> None:
    home = WELL.home._replace(home_of_account=path)
    facts = WELL._replace(session=SessionFacts("x", uid), home=home)
    found = PathFacts(path, PathKind.FOLDER, 0, redirection="")
    remedy = given_back(found, facts)
    assert remedy.commands == ((("sudo", "chown", str(uid), path),) if is_offered else ())
    assert remedy.is_safe is is_offered
    as_root = given_back(found, facts._replace(reader=Reader.ROOT))
    assert as_root.commands == remedy.commands
    elsewhere = given_back(found, facts._replace(reader=Reader.ELSEWHERE))
    assert elsewhere.commands == ()


@pytest.mark.parametrize(
    "path",
    [
        "/home/alice/.local/share/keyrings",
        "/./etc",
        "/./etc/apt/keyrings",
        "/home/../usr/share/keyrings",
        "/data/oracle",
        "/home/alice/",
    ],
)
def test_root_gives_nothing_away_that_the_users_environment_names(path: str) -> None:
    """XDG_DATA_HOME is the user's to choose, and each part of such a path may be root's."""
    home = WELL.home._replace(home_of_account="/home/alice")
    found = PathFacts(path, PathKind.FOLDER, 0, redirection="")
    assert given_back(found, WELL._replace(home=home)).commands == ()


def test_a_path_of_which_nothing_is_known_is_not_roots_to_change() -> None:
    assert given_back(PathFacts("/home/alice", PathKind.FOLDER, 0), WELL).commands == ()


def test_root_is_shown_no_command_on_its_own_path_where_others_can_redirect_it() -> None:
    facts = WELL._replace(session=SessionFacts("root", 0))
    path = PathFacts("/root/.local", PathKind.FOLDER, 0, 0o755, redirection="")
    assert with_mode(facts, path, "700").commands == (("chmod", "700", "/root/.local"),)
    told = with_mode(facts, path._replace(redirection="/root belongs to user id 5"), "700")
    assert told.commands == ()
    assert "because /root belongs to user id 5" in told.text


def test_words_for_others_name_the_user() -> None:
    facts = WELL._replace(reader=Reader.ROOT)
    remedy = for_the_user(facts, HEALTHY.login, "do it", ("rm", LOGIN))
    assert remedy == Remediation(
        "do it. alice has to do this: creds-doctor shows alice the command. Root must not change"
        " what is at that path, because alice decides where it leads"
    )
    assert moved_aside(facts, HEALTHY.login, "do it").commands == ()


HOSTILE = "/home/alice/x' \"\n\x1b[2Jcure: sudo chmod 4755 /bin/sh #"


def test_no_word_that_a_user_chose_stands_in_a_remedy_for_root() -> None:
    """A path may end the line, and go on as a command."""
    for home in broken_homes():
        named = [one._replace(path=one.path.replace(DATA, HOSTILE)) for one in home[:1]]
        paths = [one.path for one in (home.home, home.data, home.folder, home.login)]
        hostile = home._replace(
            home=named[0],
            data=home.data._replace(path=HOSTILE),
            folder=home.folder._replace(path=f"{HOSTILE}/keyrings"),
            login=home.login._replace(path=f"{HOSTILE}/keyrings/login.keyring"),
        )
        assert paths
        for reader in (Reader.ROOT, Reader.ELSEWHERE):
            for _, remedy in remedies(WELL._replace(home=hostile, reader=reader)):
                assert "4755" not in remedy.text, remedy
                assert not [argv for argv in remedy.commands if "4755" in " ".join(argv)]


def test_names_in_evidence_can_be_told_from_the_words_around_them() -> None:
    found = seen(own(HOSTILE))
    assert found[0].startswith('"/home/alice/x\' \\"\\n\\x1b[2Jcure: sudo chmod 4755 /bin/sh #": ')
    assert "\n" not in found[0]
    assert seen(own("/data/ü/a b"))[0].startswith('"/data/ü/a b": directory')


@pytest.mark.parametrize("reader", [Reader.ROOT, Reader.ELSEWHERE])
def test_what_a_link_leads_to_is_for_the_user(reader: Reader) -> None:
    path = link(own(FOLDER, mode=0o755), "/etc")
    told = with_mode(WELL._replace(reader=reader), path, "700")
    assert (told.commands, told.is_safe) == ((), False)
    assert "alice has to do this" in told.text
    assert "Root must not change" in told.text
    own_words = with_mode(WELL, path, "700")
    assert own_words.commands == ()
    assert "the path is a link" in own_words.text
