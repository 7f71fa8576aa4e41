"""The commands that tests type are those of the documents, whole and in their order."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import recipes

PAGE = """# Title

Text:

    creds unlock        # a comment
    creds exec -- sh -c '
        creds put a b # of the command
        exec ./c'

1. A list

       $ creds get a b
       s3cret
       $ creds status    # a comment
       …

   its text
    not a block
"""


@pytest.fixture
def page(tmp_path: Path) -> str:
    path = tmp_path / "page.md"
    path.write_text(PAGE)
    return str(path)


def test_a_block_loses_its_indentation() -> None:
    assert len(recipes.blocks(PAGE)) == 2
    assert recipes.blocks(PAGE)[1].splitlines()[0] == "$ creds get a b"


def test_a_quotation_of_several_lines_is_one_command(page: str) -> None:
    assert recipes.commands(page, "creds unlock") == [
        "creds unlock",
        "creds exec -- sh -c '\n    creds put a b # of the command\n    exec ./c'",
    ]


def test_a_transcript_is_commands_and_what_they_print(page: str) -> None:
    assert recipes.transcripts(page) == [
        [recipes.Step("$", "creds get a b", "s3cret"), recipes.Step("$", "creds status", "…")]
    ]


def test_a_here_document_belongs_to_its_command(page: str) -> None:
    text = "    $ cat > a.sh <<'END'\n    #!/bin/sh\n    echo 'b\n    END\n    $ sh a.sh\n    b\n"
    Path(page).write_text(f"Text:\n\n{text}")
    assert recipes.transcripts(page) == [
        [
            recipes.Step("$", "cat > a.sh <<'END'\n#!/bin/sh\necho 'b\nEND", ""),
            recipes.Step("$", "sh a.sh", "b"),
        ]
    ]


def test_a_command_goes_on_after_a_backslash_and_after_a_pipe(page: str) -> None:
    Path(page).write_text("Text:\n\n    docker run \\\n      image\n    a |\n      b\n    c\n")
    assert recipes.commands(page, "docker") == ["docker run \\\n  image", "a |\n  b", "c"]


def test_each_login_of_a_page_has_its_commands(page: str) -> None:
    Path(page).write_text("\n\n    $ a\n\nLog out, and log in again:\n\n    $ b\n\n    $ c\n")
    commands = [[step.command for step in steps] for steps in recipes.logins(page)]
    assert commands == [["a"], ["b", "c"]]


def test_a_block_of_nothing_but_the_text_comes_first(page: str) -> None:
    Path(page).write_text(f"{PAGE}\n\n    creds unlock\n")
    assert recipes.commands(page, "creds unlock") == ["creds unlock"]


def test_a_recipe_that_is_no_longer_there_is_an_error(page: str) -> None:
    with pytest.raises(AssertionError, match="0 code blocks hold"):
        recipes.block(page, "creds rekey")
    with pytest.raises(AssertionError, match="2 code blocks hold"):
        recipes.block(page, "creds")


def test_an_ellipsis_is_anything_and_the_rest_is_literal() -> None:
    assert recipes.is_as_shown("Password: \nAgain: ", "Password:\nAgain:")
    assert recipes.is_as_shown("locked: pid 12\nmore", "locked: pid …\n…")
    assert not recipes.is_as_shown("locked: pid 12", "unlocked: …")
    assert not recipes.is_as_shown("a.c", "abc")
    assert recipes.is_as_shown("served (pid 4711)", "served (pid 12)")
    assert not recipes.is_as_shown("served (pid none)", "served (pid 12)")
