"""``creds-setup-pam simulate``: show what one call returns, rule by rule."""

from __future__ import annotations

import argparse

from creds_session.cli.output import complain, print_json
from creds_session.cli.setup_pam.arguments import PROGRAM, one_service
from creds_session.pam.keyring_rules.broken import refuse_unloadable
from creds_session.pam.stack.handlers import Stacks
from creds_session.pam.syntax.terms import Call
from creds_session.probe.installation import dialect_assumption
from creds_session.setup_pam.explain.simulation import (
    parse_override,
    require_known_modules,
    simulate,
    unused_overrides,
)
from creds_session.setup_pam.explain.simulation_report import simulation_lines, simulation_values
from creds_session.setup_pam.service_files import find_service, pam_files
from creds_session.system.files.root import Root


def run(root: Root, arguments: argparse.Namespace) -> int:
    """Simulate one call; return 0, whatever the call returns."""
    call = Call(arguments.call)
    given = [parse_override(text) for text in arguments.returns]
    stacks = load(root, one_service(arguments))
    require_known_modules(stacks, call, given)
    for override in unused_overrides(call, given):
        complain(PROGRAM, f"--returns {override.text} plays no part in {call.value}")
    verdict = simulate(stacks, call, given)
    if arguments.json:
        print_json(simulation_values(stacks.auth.service, verdict))
    else:
        print("\n".join(simulation_lines(stacks.of(call.group), verdict)))
    return 0


def load(root: Root, service: str) -> Stacks:
    """Read a service as libpam does. Raises NoSuchFile, and InvalidData if libpam refuses it."""
    if assumed := dialect_assumption(root):
        complain(PROGRAM, assumed)
    files = pam_files(root)
    find_service(service, files)
    stacks = files.stacks(service)
    refuse_unloadable(service, stacks.failure, files.read)
    return stacks
