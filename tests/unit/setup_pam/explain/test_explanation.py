from __future__ import annotations

import json
import re
import shutil
import subprocess
from xml.etree import ElementTree as ET

import pytest

from creds_session.pam.stack.resolve import resolve_all
from creds_session.pam.syntax.terms import Dialect, Pass
from creds_session.setup_pam.explain.as_dot import explanation_dot
from creds_session.setup_pam.explain.as_json import explanation_values
from creds_session.setup_pam.explain.as_svg import explanation_svg
from creds_session.setup_pam.explain.as_text import Style, explanation_lines
from creds_session.setup_pam.explain.explanation import (
    Explanation,
    Tone,
    explanation,
    node_text,
    numbers,
    tree_lines,
)
from creds_session.setup_pam.explain.scenarios import Scenario

DEBIAN = {
    "sshd": "@include common-auth\n@include common-account\nsession required pam_unix.so\n",
    "common-auth": (
        "auth [success=1 default=ignore] pam_unix.so nullok\nauth requisite pam_deny.so\n"
        "auth required pam_permit.so\n"
    ),
    "common-account": "account required pam_unix.so\n",
    "other": "password required pam_deny.so\n",
}
NASTY = {
    "svc": (
        "auth required <&\"'>\\x1b.so ]]> -- \x1b[31m\x07 é\u202e\n"
        "auth [success=ok   default=ignore\\\n new_authtok_reqd=ok] b.so <script>\n"
        "nonsense <here>\n"
        "auth substack gone\n"
        "-session optional c.so\n"
    ),
}


def show(files: dict[str, str], service: str = "sshd", *, upstream: bool = False) -> Explanation:
    read = {f"/etc/pam.d/{name}": text.encode() for name, text in files.items()}.get
    dialect = Dialect.UPSTREAM_1_5 if upstream else Dialect.DEBIAN_1_7
    return explanation(resolve_all(service, read, dialect=dialect))


EXPLAINED = """\
PAM service sshd, as Debian's libpam (1.6.0 or later) runs it

password login    authenticate success, acct_mgmt success, setcred success, open_session success
wrong password    authenticate auth_err
key login         acct_mgmt success, setcred success, open_session success
expired password  authenticate success, acct_mgmt new_authtok_reqd, chauthtok authtok_err

auth
    └─ sshd:1  @include common-auth → /etc/pam.d/common-auth
  1    ├─ common-auth:1  [success=1 default=ignore] pam_unix.so nullok
  2    ├─ common-auth:2  requisite pam_deny.so
  3    └─ common-auth:3  required pam_permit.so

                    password login    wrong password     key login         expired password
authenticate        success           auth_err           not called        success
   1 pam_unix.so    success → jump 1  auth_err → ignore                    success → jump 1
   2 pam_deny.so    skipped by 1      auth_err → die                       skipped by 1
   3 pam_permit.so  success → ok      skipped by 2                         success → ok
setcred             success           not called         success           not called
   1 pam_unix.so    success → jump 1                     success → jump 1
   2 pam_deny.so    skipped by 1                         skipped by 1
   3 pam_permit.so  success → ok                         success → ok

account
    └─ sshd:2  @include common-account → /etc/pam.d/common-account
  1    └─ common-account:1  required pam_unix.so

                  password login  wrong password  key login     expired password
acct_mgmt         success         not called      success       new_authtok_reqd
   1 pam_unix.so  success → ok                    success → ok  new_authtok_reqd → ok

password  (no rules of its own: those of the service other)
  1 └─ other:1  required pam_deny.so

                   password login  wrong password  key login   expired password
chauthtok, prelim  not called      not called      not called  authtok_err
   1 pam_deny.so                                               authtok_err → bad
chauthtok, update  not called      not called      not called  not called

session
  1 └─ sshd:3  required pam_unix.so

                  password login  wrong password  key login     expired password
open_session      success         not called      success       not called
   1 pam_unix.so  success → ok                    success → ok

what the modules are assumed to return
  pam_deny.so, pam_permit.so: computed (they always return the same)
  pam_unix.so in authenticate: auth_err (the password is wrong)
  pam_unix.so in acct_mgmt: new_authtok_reqd (the password has expired)
  every other module: success
"""


def test_text_shows_the_trees_and_the_scenarios() -> None:
    assert "\n".join(explanation_lines(show(DEBIAN))) + "\n" == EXPLAINED


def test_ascii_is_ascii_and_lines_up_as_before() -> None:
    plain = explanation_lines(show(DEBIAN))
    lines = explanation_lines(show(DEBIAN), Style(is_ascii=True))
    assert all(line.isascii() for line in lines)
    assert [len(line) for line in lines] == [len(line) for line in plain]
    assert "  1    |- common-auth:1  [success=1 default=ignore] pam_unix.so nullok" in lines
    assert "   1 pam_unix.so    success > jump 1  auth_err > ignore" in "\n".join(lines)


def test_colours_change_nothing_but_the_colour() -> None:
    coloured = explanation_lines(show(DEBIAN), Style(is_coloured=True))
    bare = [re.sub("\033\\[[0-9]+m", "", line).rstrip() for line in coloured]
    assert bare == explanation_lines(show(DEBIAN))
    assert any("\033[31mauth_err → die" in line for line in coloured)
    assert any("\033[32msuccess → ok" in line for line in coloured)


def test_nothing_of_a_file_reaches_the_terminal_as_it_is() -> None:
    for upstream in (False, True):
        text = "\n".join(explanation_lines(show(NASTY, "svc", upstream=upstream)))
        assert text.replace("\n", "").isprintable()
        assert r"\x1b[31m\x07 é\u202e" in text


@pytest.mark.parametrize(
    ("files", "service", "expected"),
    [
        (
            {"svc": "auth substack one\nauth required a.so\n", "one": "auth include two\n"}
            | {"two": "auth required b.so\n"},
            "svc",
            ["1 - svc:1", "2 - one:1", "3 1 two:1", "1 2 svc:2"],
        ),
        (
            {"svc": "auth include gone\nauth substack lost\nauth required a.so\n"},
            "svc",
            ["1 1 svc:1", "1 2 svc:2", "1 3 svc:3"],
        ),
        (
            {
                "svc": "@include none\nauth include none\nauth required a.so\n",
                "none": "# nothing\n",
            },
            "svc",
            ["1 - svc:2", "1 1 svc:3"],
        ),
        (
            {"svc": "account required a.so\n", "other": "auth required o.so\n"},
            "svc",
            ["1 1 other:1"],
        ),
        ({"svc": "account required a.so\n"}, "svc", []),
    ],
)
def test_tree_lines(files: dict[str, str], service: str, expected: list[str]) -> None:
    stack = show(files, service).stacks.auth
    number = numbers(stack)
    rows = [
        f"{len(line.guides)} {'-' if line.position is None else number[line.position]} {line.place}"
        for line in tree_lines(stack)
    ]
    assert rows == expected


def test_guides_say_what_follows() -> None:
    files = {"svc": "auth substack one\nauth required a.so\n", "one": "auth required b.so\n" * 2}
    guides = [line.guides for line in tree_lines(show(files, "svc").stacks.auth)]
    assert guides == [(True,), (True, True), (True, False), (False,)]


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("auth\trequired  a.so   x  y", "required a.so x y"),
        ("-auth required a.so", "-auth required a.so"),
        ("auth [success=ok\\\n  default=bad]   a.so", r"[success=ok\ default=bad] a.so"),
        ("auth include common", "include common → /etc/pam.d/common"),
        ("@include common", "@include common → /etc/pam.d/common"),
        ("auth include gone", "include gone  (unable to open /etc/pam.d/gone)"),
        ("nonsense a.so", "nonsense a.so  (illegal module type: nonsense)"),
    ],
)
def test_rules_are_written_on_one_line(rule: str, text: str) -> None:
    stack = show({"svc": f"{rule}\n", "common": "auth required x.so\n"}, "svc").stacks.auth
    assert tree_lines(stack)[0].text == text
    assert node_text(stack.tree[0].node) in text


def test_cells_say_why() -> None:
    shown = show(DEBIAN)
    right = shown.cells(Scenario.PASSWORD, Pass.AUTHENTICATE)
    wrong = shown.cells(Scenario.WRONG_PASSWORD, Pass.AUTHENTICATE)
    assert [cell.tone for cell in right.values()] == [Tone.NEUTRAL, Tone.SKIPPED, Tone.GOOD]
    assert [cell.tone for cell in wrong.values()] == [Tone.NEUTRAL, Tone.BAD, Tone.SKIPPED]
    assert right[1].reason == "rule 1 jumps over 1"
    assert wrong[2].reason == "rule 2 ends the stack as failed"
    assert shown.result(Scenario.EXPIRED, Pass.ACCT_MGMT).tone is Tone.RENEW
    assert shown.result(Scenario.EXPIRED, Pass.UPDATE).reason == "prelim failed"
    assert shown.result(Scenario.KEY, Pass.AUTHENTICATE).reason == "a key login does not call it"


def test_cells_of_setcred_say_which_value_they_use() -> None:
    shown = show(
        {"svc": "auth required pam_env.so\nauth required a.so\naccount required b.so"}, "svc"
    )
    cell = shown.cells(Scenario.PASSWORD, Pass.SETCRED)[0]
    assert cell.text == "success as ignore → ignore"
    assert cell.reason == "returns success (libpam uses authenticate's ignore); libpam: ignore"
    assert shown.cells(Scenario.KEY, Pass.SETCRED)[0].text == "success → ok"


def test_a_broken_rule_says_that_no_module_ran() -> None:
    cell = show({"svc": "nonsense\n"}, "svc").cells(Scenario.PASSWORD, Pass.AUTHENTICATE)[0]
    assert "without a module" in cell.reason


def test_json_names_rules_by_number() -> None:
    values = json.loads(json.dumps(explanation_values(show(DEBIAN))))
    assert list(values) == ["service", "dialect", "groups", "scenarios", "assumptions"]
    auth, _, password, _ = values["groups"]
    assert auth["rules"][0] == {
        "number": 1,
        "file": "/etc/pam.d/common-auth",
        "line": 1,
        "module": "pam_unix.so",
        "arguments": ["nullok"],
        "must_fail": False,
    }
    include = auth["tree"][0]
    assert (include["rule"], include["included"]) == (None, "/etc/pam.d/common-auth")
    assert [child["rule"] for child in include["children"]] == [1, 2, 3]
    assert password["from_other"]
    scenarios = {
        scenario["scenario"]: {call["call"]: call for call in scenario["calls"]}
        for scenario in values["scenarios"]
    }
    assert list(scenarios) == ["password_login", "wrong_password", "key_login", "expired_password"]
    wrong = scenarios["wrong_password"]
    assert (wrong["authenticate"]["result"], wrong["authenticate"]["code"]) == ("auth_err", 7)
    assert [rule["skipped_by"] for rule in wrong["authenticate"]["passes"][0]["rules"]] == [
        None,
        None,
        2,
    ]
    assert wrong["setcred"] == {
        "call": "setcred",
        "group": "auth",
        "called": False,
        "reason": "authenticate returned auth_err",
        "result": None,
        "code": None,
        "passes": [],
    }
    assert scenarios["expired_password"]["chauthtok"]["passes"][0]["rules"] == [
        {
            "rule": 1,
            "ran": True,
            "returned": "authtok_err",
            "goes_by": "authtok_err",
            "action": "bad",
            "skipped_by": None,
        }
    ]
    assert values["assumptions"][1]["returns"] == "auth_err"


ALL = [(DEBIAN, "sshd"), (NASTY, "svc"), (DEBIAN, "passwd"), ({"svc": ""}, "svc")]


@pytest.mark.parametrize(("files", "service"), ALL)
def test_svg_is_xml_that_stands_alone(files: dict[str, str], service: str) -> None:
    picture = explanation_svg(show(files, service))
    assert picture.isascii()
    tree = ET.fromstring(picture)  # noqa: S314 - we wrote it
    names = {element.tag.rpartition("}")[2] for element in tree.iter()}
    assert names <= {"svg", "g", "rect", "line", "text", "title"}
    links = {key for element in tree.iter() for key in element.attrib if "href" in key}
    assert not links


@pytest.mark.parametrize(("files", "service"), ALL)
def test_svg_holds_all_that_is_drawn(files: dict[str, str], service: str) -> None:
    tree = ET.fromstring(explanation_svg(show(files, service)))  # noqa: S314
    _, _, width, height = map(float, tree.attrib["viewBox"].split())
    for element in tree.iter():
        x, y = float(element.get("x", 0)), float(element.get("y", 0))
        wide = element.get("width", "0").rstrip("%")
        longest = max(
            float(wide), len(element.text or "") * 7 if element.tag.endswith("text") else 0
        )
        assert 0 <= y <= height
        assert element.get("width") == "100%" or x + longest <= width


def test_svg_has_a_row_for_each_rule_and_a_column_for_each_scenario() -> None:
    tree = ET.fromstring(explanation_svg(show(DEBIAN)))  # noqa: S314
    texts = [element for element in tree.iter() if element.tag.endswith("text")]
    heads = {
        e.text: e.get("x") for e in texts if e.text in {scenario.value for scenario in Scenario}
    }
    assert len(set(heads.values())) == 4
    deny = next(e for e in texts if e.text and "common-auth:2" in e.text)
    row = {e.get("x"): e.text for e in texts if e.get("y") == deny.get("y")}
    assert row[heads["password login"]] == "skipped by 1"
    assert row[heads["wrong password"]] == "auth_err → die"
    assert row[heads["key login"]] == "·"
    titles = [e.text for e in tree.iter() if e.tag.endswith("title")]
    assert "rule 2 ends the stack as failed" in titles


def test_svg_shortens_a_control_before_a_module() -> None:
    control = "[success=ok ignore=ignore module_unknown=ignore default=bad]"
    text = f"auth {control} pam_selinux.so {'x' * 80}\n"
    picture = explanation_svg(show({"svc": text}, "svc"))
    assert "[success=ok ignor&#8230;] pam_selinux.so" in picture
    assert f"<title>svc:1  {control} pam_selinux.so {'x' * 80}</title>" in picture


def test_dot_is_ascii_and_names_the_scenarios_of_each_edge() -> None:
    graph = explanation_dot(show(DEBIAN))
    assert graph.isascii()
    assert graph.startswith("digraph pam {")
    assert (
        '"authenticate:1" -> "authenticate:3" [color="#0072b2:#cc79a7", label="success: jump 1"]'
        in graph
    )
    assert (
        '"authenticate:1" -> "authenticate:2" [color="#d55e00", label="auth_err: ignore"]' in graph
    )
    assert '"authenticate:2" -> "authenticate=auth_err"' in graph
    assert "cluster_update" not in graph
    assert '\\l  every other module: success\\l"];' in graph
    assert '"setcred:2" [label="2  common-auth:2\\npam_deny.so", style="dashed"' in graph


@pytest.mark.skipif(shutil.which("dot") is None, reason="needs Graphviz")
@pytest.mark.parametrize(("files", "service"), ALL)
def test_dot_is_read_by_graphviz(files: dict[str, str], service: str) -> None:
    graph = explanation_dot(show(files, service)).encode()
    done = subprocess.run(["dot", "-Tsvg"], input=graph, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    ET.fromstring(done.stdout)  # noqa: S314
