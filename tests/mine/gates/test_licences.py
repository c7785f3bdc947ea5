"""What names another holder or licence is told from the team's own, and nothing else is."""

from __future__ import annotations

import pytest

from tuner.mine.gates.licences import (
    Owners,
    holders_of,
    is_licence_file,
    licence_folders,
    licence_reason,
    licences_of,
    names_owners,
    spdx_of,
)
from tuner.recipe import MineSettings

SETTINGS = MineSettings()
MIT = (
    "MIT License\n\nCopyright (c) 2019 Ledger Works Ltd\n\nPermission is hereby granted, free of charge, to any person "
    "obtaining a copy\nof this software and associated documentation files\n"
)
BSD = (
    "Redistributions of source code must retain the above copyright notice\nNeither the name of the copyright holder\n"
)
APACHE = "Apache License\nVersion 2.0, January 2004\n   Copyright [yyyy] [name of copyright owner]\n"
GPL = "GNU GENERAL PUBLIC LICENSE\nVersion 2, June 1991\n\n Copyright (C) 1989 Free Software Foundation, Inc.\n"
OURS = "/*\n * Copyright (c) 2019-2024, Ledger Works Ltd. and contributors. All rights reserved.\n */\n"
THEIRS = "/* Copyright (C) 2004 Grace Zlotnik <grace@z.test> */\n"
OWNERS = Owners.from_repository([MIT], [OURS] * 50 + [THEIRS] * 2, ["Lin Wei", "ledger"])


@pytest.mark.parametrize(
    "head",
    [
        "",
        "int total;\n",
        OURS,
        "# Copyright 2020 Lin Wei\n",
        "// Copyright (C) Lin Wei, 2020\n",
        "// Copyright 2021 The Ledger Authors\n",
        "// SPDX-License-Identifier: MIT\n",
        "// SPDX-License-Identifier: (GPL-2.0-only OR MIT)\n",
        "// SPDX-License-Identifier: GPL-2.0\n// Copyright 2020 Ledger Works Ltd.\n",  # its own, under what it likes
        THEIRS + OURS,  # held together
        "// Copyright 2020 Grace Zlotnik and Lin Wei\n",
        "// Redistributions must retain the above\n// copyright notice, this list of conditions\n",
        "// THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE\n",
        'copyright = "2014 Grace Zlotnik"\n',
        'print("Copyright 2014 Grace Zlotnik")\n',
        "# Copyright law is explained by Grace Zlotnik\n",
        "# Copyright 2020\n",
        "# Written by Grace Zlotnik; public domain.\n",
        "\n" * 70 + THEIRS,
    ],
)
def test_the_teams_own_is_kept(head: str) -> None:
    assert OWNERS.foreign(head) is None


@pytest.mark.parametrize(
    "head",
    [
        THEIRS,
        "# Copyright 2001-2006 Grace Zlotnik.  All rights reserved.\n",
        "// Copyright Grace Zlotnik 2019\n",
        "// Portions Copyright © 2012 Zlotnik Instruments, Inc.\n",
        "// SPDX-FileCopyrightText: 2020 Grace Zlotnik <grace@z.test>\n// SPDX-License-Identifier: MIT\n",
        "/* (c) 2011 Grace Zlotnik */\n",
        "# SPDX-License-Identifier: GPL-3.0-or-later\n",
        "# SPDX-License-Identifier: MIT AND GPL-2.0\n",
        '"""Parse options.\n\nCopyright 2001 Grace Zlotnik\n"""\n',
    ],
)
def test_another_holder_or_licence_is_foreign(head: str) -> None:
    assert OWNERS.foreign(head) == "foreign_licence"


def test_a_holder_of_many_files_is_an_owner() -> None:
    many = Owners.from_repository([MIT], [OURS] * 50 + [THEIRS] * 3)
    assert many.foreign(THEIRS) is None
    assert Owners.from_repository([MIT], [OURS] * 90 + [THEIRS] * 3).foreign(THEIRS) == "foreign_licence"


def test_where_no_text_names_an_owner_the_leading_holder_is_one() -> None:
    owners = Owners.from_repository([], ["x = 1\n"] * 300 + [OURS] * 2 + [THEIRS])
    assert owners.foreign(OURS) is None and owners.foreign(THEIRS) == "foreign_licence"
    assert Owners.from_repository([], []).foreign("# SPDX-License-Identifier: GPL-2.0\n") is None


def test_without_a_licence_text_the_files_own_ids_decide() -> None:
    own = "# SPDX-License-Identifier: Apache-2.0\n"
    owners = Owners.from_repository([], [own] * 5 + ["# SPDX-License-Identifier: GPL-2.0\n"])
    assert owners.foreign(own) is None
    assert owners.foreign("# SPDX-License-Identifier: GPL-2.0\n") == "foreign_licence"


def test_the_steward_of_a_licence_owns_nothing_by_it() -> None:
    owners = Owners.from_repository([GPL], [])
    assert owners.foreign("/* Copyright (C) 2001 Free Software Foundation, Inc. */\n") == "foreign_licence"
    assert owners.licences == {"GPL-2.0"}


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        (MIT, {"MIT"}),
        (APACHE, {"Apache-2.0"}),
        (BSD, {"BSD-3-Clause"}),
        (BSD.split("\n")[0], {"BSD-2-Clause"}),
        (GPL, {"GPL-2.0"}),
        ("GNU Lesser General Public License, version 2.1", {"LGPL-2.1"}),
        ("All rights reserved. Not for use outside of Ledger Works.", set()),
    ],
)
def test_common_licences_are_detected(text: str, ids: set[str]) -> None:
    assert licences_of(text) == ids


def test_folders_with_somebody_elses_licence_are_found() -> None:
    texts = {
        "LICENSE": MIT,
        "packages/core/LICENSE": MIT.replace("2019", "2023"),
        "enterprise/LICENSE.txt": "Copyright 2023 Ledger Works Ltd. Not to be used without a contract.\n",
        "src/zlib/LICENSE": MIT.replace("Ledger Works Ltd", "Grace Zlotnik"),
        "src/gnu/COPYING": GPL,
        "docs/license.md": "See the file LICENSE.\n",
    }
    folders = licence_folders(texts, OWNERS)
    assert folders == {"src/zlib", "src/gnu"}
    assert licence_reason("src/zlib/deep/inflate.c", "", OWNERS, folders, SETTINGS) == "foreign_licence"
    assert licence_reason("src/zlib.c", "", OWNERS, folders, SETTINGS) is None
    assert licence_reason("src/a.c", THEIRS, OWNERS, folders, SETTINGS) == "foreign_licence"


def test_the_recipe_can_keep_what_is_foreign() -> None:
    kept = MineSettings(foreign_licences=True)
    assert licence_reason("src/zlib/a.c", THEIRS, OWNERS, {"src/zlib"}, kept) is None


def test_licence_files_are_known_by_name() -> None:
    assert all(map(is_licence_file, ("LICENSE", "a/COPYING", "a/LICENSE-MIT", "a/LICENCE.txt", "a/UNLICENSE")))
    assert not any(
        map(is_licence_file, ("license.py", "a/licence_check.go", "LICENSES/MIT.txt", "a/license-list.json"))
    )
    assert all(map(names_owners, ("LICENSE-MIT", "AUTHORS", "NOTICE.txt", "CONTRIBUTORS.md")))
    assert not any(map(names_owners, ("src/AUTHORS", "authors.py", "notice.go")))


def test_holders_and_ids_are_read_from_their_lines() -> None:
    assert holders_of("# Copyright (C) 2004, Ada Byron and Lin Wei,\n") == [
        {"ada byron", "lin wei", "ada byron lin wei"}
    ]
    assert holders_of("* Copyright 2019 Ledger.com, Inc. or its affiliates.\n")[0] >= {"ledger com"}
    assert spdx_of("/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note OR MIT */") == [{"GPL-2.0", "MIT"}]
