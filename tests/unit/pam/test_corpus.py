from __future__ import annotations

import os
from pathlib import Path

import pytest

from creds_session.pam.lint import lint
from creds_session.pam.parser import parse
from creds_session.pam.terms import Dialect

CORPUS = os.environ.get("CREDS_PAM_CORPUS", "")


@pytest.mark.parametrize("dialect", Dialect)
def test_every_file_of_the_corpus_comes_back_byte_for_byte(dialect: Dialect) -> None:
    if not CORPUS:
        pytest.skip("CREDS_PAM_CORPUS names no directory of PAM files")
    files = [path for path in sorted(Path(CORPUS).iterdir()) if path.is_file()]
    assert files
    for path in files:
        data = path.read_bytes()
        file = parse(data, dialect)
        assert file.render() == data, path.name
        lint(file)
