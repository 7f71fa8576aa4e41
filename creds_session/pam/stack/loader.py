"""Read a service and its includes into rows of handlers, as libpam does.

A line that libpam refuses ends its file: the include of that file becomes a must-fail entry, or the
service has no stacks at all. Functions return False in that case.

Source: libpam/pam_handlers.c:_pam_parse_conf_file, _pam_load_conf_file,
_pam_add_handler and extract_modulename, with Debian's patch 031_pam_include.
"""

from __future__ import annotations

from typing import Union

from creds_session.pam.stack.handlers import Branch, Failure, Handler, Origin
from creds_session.pam.stack.include import (
    DEPTH_LIMIT,
    MOST_RULES,
    IncludeContext,
    LoadingFailed,
    Read,
)
from creds_session.pam.syntax.controls import ALL_BAD, Control, SimpleControl
from creds_session.pam.syntax.nodes import (
    AtInclude,
    Blank,
    Comment,
    Consequence,
    Malformed,
    Mistake,
    Rule,
    ServiceFile,
)
from creds_session.pam.syntax.parser import parse
from creds_session.pam.syntax.terms import Dialect, ManagementGroup

__all__ = ["Loader", "Read"]

_Line = Union[Rule, AtInclude, Malformed]


class Loader:
    """Fills the rows of handlers of one service."""

    def __init__(self, read: Read, dialect: Dialect, directories: tuple[str, ...]) -> None:
        self.read, self.dialect, self.directories = read, dialect, directories
        self.rows: dict[tuple[bool, ManagementGroup], list[Handler]] = {}
        self.parsed: dict[str, ServiceFile | None] = {}
        self.rules = 0
        self.refusal: Failure | None = None

    def open(self, path: str, *, has_service_field: bool = False) -> ServiceFile | None:
        """Return a parsed file; each file is read once, so that one answer rests on one text."""
        if path not in self.parsed:
            data = self.read(path)
            self.parsed[path] = (
                None
                if data is None
                else parse(data, self.dialect, has_service_field=has_service_field)
            )
        return self.parsed[path]

    def load(self, file: ServiceFile, context: IncludeContext) -> tuple[bool, tuple[Branch, ...]]:
        """Load the rules of a file; return False if libpam refuses it, and the rules before."""
        branches: list[Branch] = []
        for index, node in enumerate(file.lines):
            if isinstance(node, (Blank, Comment)):
                continue
            if not self.load_line(node, index, context, branches):
                return False, tuple(branches)
        return True, tuple(branches)

    def load_line(
        self, node: _Line, index: int, context: IncludeContext, branches: list[Branch]
    ) -> bool:
        """Load one line; return False if libpam returns PAM_ABORT."""
        origin = Origin(context.path, node.line, index)
        group = _group(node, context.requested)
        if isinstance(node, Malformed) and not self._goes_on(node, origin, group, context):
            return False
        if context.requested is not None and group is not context.requested:
            return True
        self.rules += 1
        if self.rules > MOST_RULES:
            raise LoadingFailed(Failure(Consequence.HANG, "includes without end", origin))
        if isinstance(node, AtInclude) or _is_include(node.control):
            return self._include(node, Branch(origin, node, group), context, branches)
        handler = _handler(node, origin, group or ManagementGroup.AUTH, context)
        branches.append(Branch(origin, node, handler.group, len(self._row(handler.group, context))))
        return self._add(handler, context, has_path=node.module_path is not None)

    def _goes_on(
        self,
        node: Malformed,
        origin: Origin,
        group: ManagementGroup | None,
        context: IncludeContext,
    ) -> bool:
        """Return whether libpam continues after a malformed line; raise if it crashes."""
        failure = Failure(node.consequence, node.reason, origin)
        if node.consequence is Consequence.ABORT:
            self.refusal = failure
            return False
        is_read = context.requested is None or group is context.requested
        if node.consequence is Consequence.HANG or (
            node.consequence is Consequence.CRASH and is_read
        ):
            raise LoadingFailed(failure)
        return True

    def _include(
        self, node: _Line, branch: Branch, context: IncludeContext, branches: list[Branch]
    ) -> bool:
        """Follow an include, substack or @include; if that fails, add a must-fail entry."""
        group = branch.group
        name = None if node.module_path is None else _text(node.module_path)
        position = None
        is_substack = not isinstance(node, AtInclude) and node.control is SimpleControl.SUBSTACK
        if is_substack and group is not None:
            position = len(self._row(group, context))
            mark = _bare_handler(branch.origin, group, context)
            mark = mark._replace(module_path=name or "", is_substack=True)
            if not self._add(mark, context, has_path=name is not None):
                return False
        path, file = self._find(name)
        inner = context.below(path, group, stack_levels=int(is_substack))
        reason, mistake, children = self._load_included(file, inner, branch.origin)
        if reason and position is None and group is not None:
            position = len(self._row(group, context))
        included = path if file is not None else None
        branches.append(
            branch._replace(
                position=position,
                included=included,
                children=children,
                reason=reason,
                mistake=mistake,
            )
        )
        return not reason or self._stand_in(
            node, branch._replace(reason=reason, mistake=mistake), context
        )

    def _load_included(
        self, file: ServiceFile | None, context: IncludeContext, origin: Origin
    ) -> tuple[str, Mistake | None, tuple[Branch, ...]]:
        """Load the file of an include; the reason is empty if libpam accepts the file."""
        level = context.include_level if self.dialect.counts_includes else context.stack_level
        if level >= DEPTH_LIMIT:
            return "includes are nested too deep", None, ()
        if file is None:
            reason = f"unable to open {context.path or 'a file without a name'}"
            return reason, Mistake.NO_SUCH_FILE, ()
        if not self.dialect.counts_includes and context.is_circle:
            reason = "includes in a circle, which crash libpam before 1.6"
            raise LoadingFailed(Failure(Consequence.CRASH, reason, origin, Mistake.CIRCLE))
        accepted, children = self.load(file, context)
        return ("" if accepted else f"{context.path} is refused"), None, children

    def _stand_in(self, node: _Line, branch: Branch, context: IncludeContext) -> bool:
        """Add libpam's must-fail entry for a failed include."""
        if branch.group is None:
            # Type 0 has no row: Debian's @include at top level (_pam_add_handler).
            refusal = Failure(Consequence.ABORT, branch.reason, branch.origin, branch.mistake)
            self.refusal = self.refusal or refusal
            return False
        if isinstance(node, AtInclude):
            # The patch jumps over the initialisation of the actions.
            reason = (
                f"{branch.reason}; the effect of an @include inside an include is then undefined"
            )
            failure = Failure(Consequence.UNDEFINED, reason, branch.origin, branch.mistake)
            raise LoadingFailed(failure)
        self.refusal = None
        handler = _bare_handler(branch.origin, branch.group, context)
        return self._add(handler._replace(must_fail=True), context, has_path=False)

    def _find(self, name: str | None) -> tuple[str, ServiceFile | None]:
        """Find an included file: Debian looks in /etc/pam.d only, upstream in all directories."""
        if name is None:
            return "", None
        if name.startswith("/"):
            return name, self.open(name)
        if self.dialect.is_debian:
            return f"/etc/pam.d/{name}", self.open(f"/etc/pam.d/{name}")
        return self.find_service(name)

    def find_service(self, name: str) -> tuple[str, ServiceFile | None]:
        """Return the first file of that name in the directories of services."""
        for directory in self.directories:
            file = self.open(f"{directory}/{name}")
            if file is not None:
                return f"{directory}/{name}", file
        return name, None

    def _row(self, group: ManagementGroup, context: IncludeContext) -> list[Handler]:
        """Return the row of a group's handlers."""
        return self.rows.setdefault((context.is_other, group), [])

    def _add(self, handler: Handler, context: IncludeContext, *, has_path: bool) -> bool:
        """Add a handler; return False if libpam aborts because the path has no module name."""
        stem, dot, _ = handler.module.rpartition(".")
        if has_path and (stem if dot else handler.module) in {"", "?"}:
            reason = f"no module name in {handler.module_path!r}"
            if context.requested is not None:
                # The half-made entry stays in the row.
                raise LoadingFailed(Failure(Consequence.UNDEFINED, reason, handler.origin))
            self.refusal = Failure(Consequence.ABORT, reason, handler.origin)
            return False
        self._row(handler.group, context).append(handler)
        return True


def _is_include(control: Control | None) -> bool:
    return control is not None and control.is_include


def _group(node: _Line, requested: ManagementGroup | None) -> ManagementGroup | None:
    """Return the group that a line belongs to, or None for an @include at top level."""
    if isinstance(node, AtInclude):
        return requested
    return node.type or requested or ManagementGroup.AUTH


def _bare_handler(origin: Origin, group: ManagementGroup, context: IncludeContext) -> Handler:
    """Return a handler without a module."""
    return Handler(origin, group, context.stack_level, "", (), ALL_BAD)


def _handler(
    node: Rule | Malformed, origin: Origin, group: ManagementGroup, context: IncludeContext
) -> Handler:
    """Return the handler of a rule, or of a malformed line."""
    return Handler(
        origin,
        group,
        context.stack_level,
        _text(node.module_path or b""),
        tuple(_text(argument) for argument in node.module_arguments),
        node.control.actions if node.control else ALL_BAD,
        must_fail=isinstance(node, Malformed),
        silent=isinstance(node, Rule) and node.silent,
    )


def _text(data: bytes) -> str:
    """Decode bytes without loss."""
    return data.decode("utf-8", "surrogateescape")
