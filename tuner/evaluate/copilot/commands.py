"""The command `tuner copilot`: see whether GitHub Copilot may be asked, and sign in.

tuner copilot status     # what the language server knows; exit status 1 unless it is ready
tuner copilot sign-in    # GitHub's device flow; the sign-in is kept by GitHub's program, not by us
"""

from __future__ import annotations

import argparse

from tuner import recipe_file


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line's parser."""
    steps = commands.add_parser("copilot", help="status of GitHub Copilot, or sign-in").add_subparsers(
        required=True, metavar="status|sign-in"
    )
    for name, text, function in (
        ("status", "say whether Copilot may be asked", _status),
        ("sign-in", "sign in by GitHub's device flow", _sign_in),
    ):
        command = steps.add_parser(name, help=text)
        command.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="one setting of compare")
        command.set_defaults(function=function)


def _status(options: argparse.Namespace) -> int:
    from tuner.evaluate.copilot.signing_in import status

    found = status(recipe_file.load(None, None, options.set).recipe.compare.copilot)
    print(f"Copilot language server {found.server_version}: {found.text}")
    return 0 if found.ready else 1


def _sign_in(options: argparse.Namespace) -> int:
    from tuner.evaluate.copilot.signing_in import sign_in

    def say(line: str) -> None:
        print(line, flush=True)

    found = sign_in(recipe_file.load(None, None, options.set).recipe.compare.copilot, say)
    print(found.text)
    return 0 if found.ready else 1
