"""Run creds-setup-pam from one file, which has the texts of all its modules.

The Ansible modules write this program and the file `creds-setup-pam.json` beside it on a target where no
copy is kept. To write two hundred files and to remove them again would cost more than the run itself.
"""

from __future__ import annotations

import json
import sys
from importlib.machinery import ModuleSpec


class Carried:
    """Finds and loads the modules whose texts are in a table (a finder and a loader of PEP 451)."""

    def __init__(self, place: str, texts: dict) -> None:
        """Take the directory that the modules name in ``__file__``, and the table."""
        self._texts = {f"{place}/{path}": text for path, text in texts.items()}
        self._place = place

    def find_spec(self, name: str, _path=None, _target=None):
        """Return where a module is, or None if it is not in the table."""
        place = f"{self._place}/{name.replace('.', '/')}"
        for path in (f"{place}.py", f"{place}/__init__.py"):
            if path in self._texts:
                is_package = path.endswith("/__init__.py")
                spec = ModuleSpec(name, self, origin=path, is_package=is_package)
                spec.has_location = True  # so that the module has __file__
                return spec
        return None

    def create_module(self, _spec):
        """Let Python make the module."""

    def exec_module(self, module) -> None:
        """Run the text of a module."""
        path = module.__spec__.origin
        exec(compile(self._texts[path], path, "exec", dont_inherit=True), module.__dict__)


with open(f"{__file__}.json", encoding="utf-8") as file:
    sys.meta_path.insert(0, Carried(__file__, json.load(file)))

from creds_session.cli.setup_pam.main import main

sys.exit(main())
