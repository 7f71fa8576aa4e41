from __future__ import annotations

import json

from hypothesis import given

from creds_session.doctor.checks.diagnosis import Diagnosis
from creds_session.doctor.report.as_json import values
from creds_session.facts.collection_state import CollectionState
from creds_session.facts.login_log import LogLine
from creds_session.facts.session import DaemonRole
from creds_session.facts.snapshot import Facts
from creds_session.findings import CheckResult
from creds_session.version import __version__
from tests.unit import examples
from tests.unit.diagnoses import facts, quick, results
from tests.unit.doctor.report.test_verdict import ERROR, WARNING, result

MEANING = "no daemon yet: so it is at every first login, before the session begins"
LINE = LogLine(examples.NOW, "sshd", 5, "gkr-pam: unable to locate daemon control file")
OF_ALICE = LogLine(examples.NOW, "sshd", 5, "pam_sss(sshd:auth): received for user alice: 7")
LOCKED = examples.WELL._replace(
    bus=examples.bus(login=CollectionState.LOCKED),
    log=(LINE, OF_ALICE),
    daemons=(examples.daemon(DaemonRole.LOGIN),),
)


def test_values_are_json_with_everything_in_it() -> None:
    told = json.loads(json.dumps(values(Diagnosis(LOCKED, (result(ERROR, WARNING),)))))
    assert told == {
        "version": __version__,
        "healthy": False,
        "verdict": "no secret can be read here: it is locked [keyring-locked]",
        "checks": [
            {
                "check": "login-keyring",
                "outcome": "found",
                "summary": "seen",
                "follows_from": [],
                "findings": [
                    {
                        "id": "keyring-locked",
                        "severity": "error",
                        "title": "it is locked",
                        "cause": "a key",
                        "evidence": ["one\ntwo", "x"],
                        "remediation": {
                            "text": "unlock it",
                            "commands": [["creds", "unlock"], ["rm", "a b"]],
                            "lines": ["creds unlock", "rm 'a b'"],
                            "is_safe": False,
                            "alternatives": [],
                        },
                    },
                    {
                        "id": "first-login-fails",
                        "severity": "warning",
                        "title": "it fails",
                        "cause": "",
                        "evidence": [],
                        "remediation": None,
                    },
                ],
            }
        ],
        "login_log": [
            {
                "when": examples.NOW,
                "program": "sshd",
                "pid": 5,
                "text": "gkr-pam: unable to locate daemon control file",
                "meaning": MEANING,
                "alarm": "false alarm",
            }
        ],
        "daemons": [
            {
                "pid": 7,
                "parent": 1,
                "parent_name": "systemd",
                "uid": 1000,
                "executable": "/usr/bin/gnome-keyring-daemon",
                "arguments": ["/usr/bin/gnome-keyring-daemon", "--daemonize", "--login"],
                "started": examples.NOW - 60,
                "role": "login",
                "state": "",
            }
        ],
    }


@quick
@given(facts, results)
def test_any_diagnosis_is_json(made: Facts, found: list[CheckResult]) -> None:
    assert len(json.loads(json.dumps(values(Diagnosis(made, tuple(found)))))["checks"]) == len(
        found
    )
