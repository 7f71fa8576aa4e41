"""Resolve the name of a service to its four stacks: directories, includes, ``other``, pam.conf.

Source: libpam/pam_handlers.c:_pam_init_handlers and _pam_open_config_file;
libpam/pam_start.c (how the service's name is read).
"""

from __future__ import annotations

from creds_session.pam.stack.handlers import (
    Branch,
    Failure,
    Handler,
    Origin,
    Stack,
    Stacks,
    frame_ends,
    prune,
)
from creds_session.pam.stack.include import IncludeContext, LoadingFailed, Read
from creds_session.pam.stack.loader import Loader
from creds_session.pam.syntax.nodes import Blank, Comment, Consequence, Malformed
from creds_session.pam.syntax.terms import Dialect, ManagementGroup

__all__ = [
    "OTHER",
    "PAM_CONF",
    "Branch",
    "Failure",
    "Handler",
    "Origin",
    "Read",
    "Stack",
    "Stacks",
    "resolve",
    "resolve_all",
    "service_name",
]

OTHER = "other"
"""The service whose rules are used if a service has none (PAM_DEFAULT_SERVICE)."""

PAM_CONF = "/etc/pam.conf"
"""The only file that libpam reads if none of the directories exists."""


def service_name(name: str) -> str:
    """Return the name of a service as pam_start reads it: the last component, in lower case."""
    last = name.rpartition("/")[2]
    return "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in last)


def resolve(
    service: str,
    group: ManagementGroup,
    read: Read,
    *,
    dialect: Dialect = Dialect.DEBIAN_1_7,
    directories: tuple[str, ...] | None = None,
) -> Stack:
    """Return what libpam runs for one group of a service; see ``resolve_all``."""
    stacks = resolve_all(service, read, dialect=dialect, directories=directories)
    return stacks.of(group)


def resolve_all(
    service: str,
    read: Read,
    *,
    dialect: Dialect = Dialect.DEBIAN_1_7,
    directories: tuple[str, ...] | None = None,
) -> Stacks:
    """Return what libpam runs for each group of a service; never raises.

    ``read`` returns the bytes of a path, or None; each path is read once. ``directories`` are the
    directories of services, by default those of the dialect. An empty tuple means that none exists,
    so that /etc/pam.conf is read.
    """
    name = service_name(service)
    places = dialect.directories if directories is None else directories
    loader = Loader(read, dialect, places)
    trees: dict[bool, tuple[Branch, ...]] = {False: (), True: ()}
    try:
        failure = _load(loader, name, trees)
    except LoadingFailed as failed:
        failure = failed.failure
    return Stacks(*(_stack(loader, name, group, trees, failure) for group in ManagementGroup))


def _stack(
    loader: Loader,
    name: str,
    group: ManagementGroup,
    trees: dict[bool, tuple[Branch, ...]],
    failure: Failure | None,
) -> Stack:
    """Return the service's own row of a group, or the row of ``other`` (_pam_dispatch)."""
    is_other = not loader.rows.get((False, group))
    handlers = () if failure else tuple(loader.rows.get((is_other, group), []))
    return Stack(
        service=name,
        group=group,
        handlers=handlers,
        frame_ends=frame_ends(handlers),
        dialect=loader.dialect,
        is_other=is_other,
        files=tuple(path for path, file in loader.parsed.items() if file is not None),
        missing=tuple(path for path, file in loader.parsed.items() if file is None),
        failure=failure,
        tree=prune(trees[is_other], group),
    )


def _load(loader: Loader, name: str, trees: dict[bool, tuple[Branch, ...]]) -> Failure | None:
    """Load the service and ``other``, or /etc/pam.conf; return what made libpam stop, or None."""
    if not loader.directories:
        return _load_pam_conf(loader, name, trees)
    has_read = False
    for service in (name, OTHER):
        path, file = loader.find_service(service)
        if file is None:
            continue
        has_read = True
        is_other = service == OTHER
        accepted, branches = loader.load(file, IncludeContext(path, is_other))
        trees[is_other] += branches
        if not accepted:
            return loader.refusal
    if has_read:
        return None
    return Failure(Consequence.ABORT, f"neither the service {name} nor {OTHER} has a file")


def _load_pam_conf(
    loader: Loader, name: str, trees: dict[bool, tuple[Branch, ...]]
) -> Failure | None:
    """Load the lines of /etc/pam.conf for the service and for ``other``."""
    file = loader.open(PAM_CONF, has_service_field=True)
    if file is None:
        return Failure(Consequence.ABORT, f"{PAM_CONF} cannot be read")
    for index, node in enumerate(file.lines):
        if isinstance(node, (Blank, Comment)):
            continue
        service = node.service.decode("utf-8", "surrogateescape").lower()
        # A line without an end has no service yet, so it stops libpam for every service.
        if service not in {name, OTHER} and not (isinstance(node, Malformed) and not service):
            continue
        branches: list[Branch] = []
        context = IncludeContext(PAM_CONF, is_other=service == OTHER)
        accepted = loader.load_line(node, index, context, branches)
        trees[context.is_other] += tuple(branches)
        if not accepted:
            return loader.refusal
    return None
