"""The collection carries a whole creds-setup-pam, and the same sources give the same bytes."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from creds_session.version import __version__
from tests.unit.ansible.conftest import BUILD, CHECKOUT

BUNDLE = "ansible_collections/creds_session/keyring/plugins/module_utils/bundle.py"


def test_the_same_sources_give_the_same_bytes(tree: Path, tmp_path: Path) -> None:
    subprocess.run([sys.executable, BUILD, "--tree", tmp_path], check=True)
    assert (tmp_path / BUNDLE).read_bytes() == (tree / BUNDLE).read_bytes()


def test_the_bundle_is_the_package_of_this_version(plugin: Callable[[str], Any]) -> None:
    bundle = plugin("module_utils.bundle")
    assert __version__ == bundle.VERSION
    texts = json.loads(zlib.decompress(base64.b64decode(bundle.MODULES)))
    for name, text in texts.items():
        assert text == (CHECKOUT / name).read_text("utf-8")
    names = set(texts)
    assert "creds_session/cli/setup_pam/main.py" in names
    assert "creds_session/setup_pam/confirmation.py" in names  # is imported in a function only
    assert not [name for name in names if name.startswith("creds_session/cli/creds/")]


def test_the_collection_has_the_version_of_the_package() -> None:
    galaxy = (CHECKOUT / "scripts/ansible/galaxy.yml").read_text()
    assert re.search(r"^version: (.+)$", galaxy, re.MULTILINE).group(1) == __version__  # type: ignore[union-attr]


MODULES = sorted((CHECKOUT / "scripts/ansible/plugins/modules").glob("*.py"))


def options(documentation: str) -> dict[str, str]:
    """Return the text of each option of a documentation, without its indentation."""
    found = re.search(r"^options:\n((?: .*\n|\n)*)", documentation, re.MULTILINE)
    blocks = re.findall(
        r"^  (\w+):\n((?:    .*\n)+)", found.group(1) if found else "", re.MULTILINE
    )
    return dict(blocks)


def shared(plugin: Callable[[str], Any], documentation: str) -> dict[str, str]:
    """Return the options of the fragments that a documentation extends."""
    found: dict[str, str] = {}
    for name, part in re.findall(
        r"^  - creds_session\.keyring\.(\w+)(?:\.(\w+))?$", documentation, re.MULTILINE
    ):
        fragment = plugin(f"doc_fragments.{name}").ModuleDocFragment
        found |= options(getattr(fragment, (part or "documentation").upper()))
    return found


def test_every_option_of_a_module_is_documented_once(plugin: Callable[[str], Any]) -> None:
    for path in MODULES:
        text = path.read_text()
        own, fragments = options(text), shared(plugin, text)
        assert not own.keys() & fragments.keys(), path
        specified = set(re.findall(r'^ {12}"(\w+)": \{', text, re.MULTILINE))
        assert specified <= own.keys() | fragments.keys(), path


def test_what_several_modules_document_is_in_a_fragment() -> None:
    texts = [block for path in MODULES for block in options(path.read_text()).items()]
    assert [one for one in texts if texts.count(one) > 1] == []


def test_the_roles_describe_every_variable_that_has_a_default() -> None:
    for role in (CHECKOUT / "scripts/ansible/roles").iterdir():
        specified = (role / "meta/argument_specs.yml").read_text()
        defaults = (role / "defaults/main.yml").read_text()
        for name in re.findall(r"^(\w+):", defaults, re.MULTILINE):
            assert f"      {name}:\n" in specified, name


def test_each_fragment_has_options_or_attributes(plugin: Callable[[str], Any]) -> None:
    """Otherwise ansible-core prints no documentation of a module that extends it."""
    for path in (CHECKOUT / "scripts/ansible/plugins/doc_fragments").glob("*.py"):
        fragment = plugin(f"doc_fragments.{path.stem}").ModuleDocFragment
        parts = [text for name, text in vars(fragment).items() if name.isupper()]
        assert parts, path
        for text in parts:
            assert re.search(r"^(options|attributes):\n ", text, re.MULTILINE), path
