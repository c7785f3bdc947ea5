"""A whole file is read without the licence that every file repeats."""

from __future__ import annotations

from tests.mine.kinds.files import file_of
from tuner.mine.kinds import file

LICENCE = "# Copyright 2020 Ledger\n# Licensed under the MIT License\n"


def test_a_file_of_nothing_but_a_licence_gives_no_pair() -> None:
    assert list(file.drafts(file_of("a.py", LICENCE))) == []
    assert [draft.response for draft in file.drafts(file_of("a.py", LICENCE + "x = 1\n"))] == ["x = 1\n"]


def test_documentation_of_nothing_but_a_person_and_made_up_addresses_of_manifests_are_left_out() -> None:
    (draft,) = file.drafts(file_of("A.java", "/**\n * @author Someone\n */\nclass A {}\n"))
    assert draft.response == "class A {}\n"
    mail = "user04711@example.com"
    text = f'[package]\nauthors = ["Someone <{mail}>"]\nowners = [{{ name = "Ledger", email = "{mail}" }}]\n'
    (draft,) = file.drafts(file_of("Cargo.toml", text))
    assert draft.response == '[package]\nowners = [{ name = "Ledger" }]\n'
    (draft,) = file.drafts(file_of("a.py", f'email = "{mail}"\n'))
    assert mail in draft.response  # code would break


def test_a_line_with_nothing_but_a_person_without_name_is_left_out() -> None:
    text = "/**\n * Adds up.\n *\n * @author Someone\n */\nclass A {}\n"
    (draft,) = file.drafts(file_of("A.java", text))
    assert draft.response == "/**\n * Adds up.\n */\nclass A {}\n"
    (draft,) = file.drafts(file_of("A.java", text.replace(" */", " *\n * @since 1\n */")))
    assert draft.response == "/**\n * Adds up.\n *\n * @since 1\n */\nclass A {}\n"
    (draft,) = file.drafts(file_of("A.java", text.replace(" *\n * @author", " *\n * @since 1\n * @author")))
    assert draft.response == "/**\n * Adds up.\n *\n * @since 1\n */\nclass A {}\n"
    (draft,) = file.drafts(file_of("a.py", "# Someone adds up\nx = 1\n"))
    assert draft.response == "# Someone adds up\nx = 1\n"
