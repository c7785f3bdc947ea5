"""Build a small repository with everything that mining must tell apart; names, dates and so shas are fixed.

In: an empty folder. Out: a work tree (or a bare repository) with a Python package, one file each of seven more
languages, vendored, generated and lock files, a planted secret and an address, a revert, a merge, a bot, a rename, a
whitespace-only commit, and then features that use the repository's own names, so that there is something to predict.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

START = 1_700_000_000
DAY = 86_400
PEOPLE = {
    "ada": "Ada Byron <ada@ledger.dev>",
    "lin": "Lin Wei <lin@ledger.dev>",
    "bot": "renovate[bot] <bot@renovate.dev>",
}
# Written in pieces, so that no scanner takes this file for a leak.
PLANTED_SECRET = "ghp_" + "Zx8Qv3" * 6
PLANTED_EMAIL = "grace.hopper@" + "ledger.dev"
FEATURES = ("refund", "discount", "transfer", "deposit", "fee", "payout", "reserve", "rebate", "voucher", "bonus")

LEDGER = '''"""Accounts and the entries between them."""

from dataclasses import dataclass, field


@dataclass
class Entry:
    """One movement of money, in cents."""

    account: str
    cents: int
    note: str = ""


@dataclass
class Ledger:
    """A list of entries with a running balance for each account."""

    entries: list[Entry] = field(default_factory=list)
    balances: dict[str, int] = field(default_factory=dict)

    def post_entry(self, account: str, cents: int, note: str = "") -> Entry:
        """Append an entry and bring the balance of its account up to date."""
        entry = Entry(account, cents, note)
        self.entries.append(entry)
        before = self.balances.get(account, 0)
        self.balances[account] = before + cents
        return entry

    def balance_of(self, account: str) -> int:
        """Give the balance of an account, and nothing for an unknown one."""
        if account not in self.balances:
            return 0
        balance = self.balances[account]
        return balance
'''
MONEY = '''"""Show and read amounts of money."""


def format_cents(cents: int, currency: str = "EUR") -> str:
    """Write an amount the way that an invoice shows it."""
    sign = "-" if cents < 0 else ""
    whole, rest = divmod(abs(cents), 100)
    return f"{sign}{whole}.{rest:02d} {currency}"


def parse_cents(text: str) -> int:
    """Read an amount such as 12.50 and give it in cents."""
    whole, _, rest = text.strip().partition(".")
    if not whole.lstrip("-").isdigit():
        raise ValueError(f"not an amount: {text!r}")
    cents = int(whole) * 100
    for digit, weight in zip(rest, (10, 1)):
        cents += int(digit) * weight
    return cents
'''
TYPESCRIPT = """import { readLedger } from "./store";

export interface LedgerRow {
  account: string;
  cents: number;
}

/** Add up the rows of one account and give the total in cents. */
export function totalOf(rows: LedgerRow[], account: string): number {
  let total = 0;
  for (const row of rows) {
    if (row.account === account) {
      total += row.cents;
    }
  }
  return total;
}

export const loadRows = async (path: string): Promise<LedgerRow[]> => {
  const rows = await readLedger(path);
  return rows.filter((row: LedgerRow) => row.cents !== 0);
};
"""
JAVASCRIPT = """const { format } = require("./format");

/** Render the rows of a ledger as lines of text for a terminal. */
function renderRows(rows, width) {
  const lines = [];
  for (const row of rows) {
    const amount = format(row.cents);
    lines.push(row.account.padEnd(width) + amount);
  }
  return lines.join("\\n");
}

module.exports = { renderRows };
"""
GO = """package ledger

import "errors"

var errUnknownAccount = errors.New("unknown account")

type Book struct {
	balances map[string]int64
}

// BalanceOf gives the balance of an account or an error when it is unknown.
func (b *Book) BalanceOf(account string) (int64, error) {
	balance, found := b.balances[account]
	if !found {
		return 0, errUnknownAccount
	}
	return balance, nil
}

// Total adds up the balances of all accounts of the book.
func (b *Book) Total() int64 {
	var total int64
	for _, balance := range b.balances {
		total += balance
	}
	return total
}
"""
JAVA = """package dev.ledger;

import java.util.HashMap;
import java.util.Map;

public class Book {
    private final Map<String, Long> balances = new HashMap<>();

    /** Post an amount to an account and give its new balance in cents. */
    public long post(String account, long cents) {
        long before = balances.getOrDefault(account, 0L);
        long after = before + cents;
        balances.put(account, after);
        return after;
    }

    public long total() {
        long total = 0;
        for (long balance : balances.values()) {
            total += balance;
        }
        return total;
    }
}
"""
RUST = """use std::collections::HashMap;

pub struct Book {
    balances: HashMap<String, i64>,
}

impl Book {
    /// Post an amount to an account and give its new balance in cents.
    pub fn post(&mut self, account: &str, cents: i64) -> i64 {
        let balance = self.balances.entry(account.to_string()).or_insert(0);
        *balance += cents;
        if *balance < 0 {
            println!("account {} is overdrawn", account);
        }
        *balance
    }
}
"""
C = """#include <stddef.h>
#include <string.h>

struct entry {
    const char *account;
    long cents;
};

/* Add up the entries of one account and give the total in cents. */
long total_of(const struct entry *entries, size_t count, const char *account)
{
    long total = 0;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(entries[i].account, account) == 0) {
            total += entries[i].cents;
        }
    }
    return total;
}
"""
CPP = """#include <map>
#include <string>

namespace ledger {

class Book {
public:
    /// Post an amount to an account and give its new balance in cents.
    long post(const std::string &account, long cents) {
        long &balance = balances_[account];
        balance += cents;
        if (balance < 0) {
            overdrawn_ += 1;
        }
        return balance;
    }

private:
    std::map<std::string, long> balances_;
    int overdrawn_ = 0;
};

}  // namespace ledger
"""
SETTINGS = f'''"""Where the ledger sends its reports."""

REPORT_TOKEN = "{PLANTED_SECRET}"
REPORT_TO = "{PLANTED_EMAIL}"
REPORT_RETRIES = 3


def report_header(account: str) -> dict[str, str]:
    """Give the header lines of a report about one account."""
    header = {{"to": REPORT_TO, "account": account}}
    header["retries"] = str(REPORT_RETRIES)
    return header
'''
OTHER_LANGUAGES = {
    "web/total.ts": TYPESCRIPT,
    "web/render.js": JAVASCRIPT,
    "go/book.go": GO,
    "java/Book.java": JAVA,
    "rust/book.rs": RUST,
    "native/total.c": C,
    "native/book.cpp": CPP,
}


def build_tiny_repo(folder: Path, commits: int = 24, bare: bool = False) -> Path:
    """Write the repository into `folder` (made if need be) with `commits` commits, at least 16; give `folder`."""
    assert commits >= 16, "the first 14 commits are each there for a purpose"
    folder.mkdir(parents=True, exist_ok=True)
    git(folder, "init", "--quiet", "--initial-branch=main", *(["--bare"] if bare else []))
    history = _History()
    _begin(history)
    git(folder, "fast-import", "--quiet", given=history.taken())
    _go_on(history, commits, reverted=git(folder, "rev-parse", "main").strip())
    git(folder, "fast-import", "--quiet", given=history.taken())
    if not bare:
        git(folder, "reset", "--quiet", "--hard")
    return folder


def git(folder: Path, *arguments: str, given: bytes = b"") -> str:
    """Run git without the settings of whoever runs the tests, and give what it printed."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment.update(GIT_CONFIG_GLOBAL=os.devnull, GIT_CONFIG_NOSYSTEM="1")
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments], input=given, capture_output=True, env=environment, check=True
    )
    return done.stdout.decode()


class _History:
    """A stream for `git fast-import`, which makes all commits in one process."""

    def __init__(self) -> None:
        self.stream: list[bytes] = []
        self.files: dict[str, str] = {}
        self.count = 0

    def commit(
        self,
        message: str,
        files: Mapping[str, str | None],
        *,
        who: str = "ada",
        branch: str = "main",
        parent: str = "",
        **links: int,
    ) -> int:
        """Add a commit; a file of None is removed. `start` and `merge` name earlier commits by number."""
        self.count += 1
        when = f"{PEOPLE[who]} {START + self.count * DAY} +0000"
        lines = [f"commit refs/heads/{branch}", f"mark :{self.count}", f"author {when}", f"committer {when}"]
        self._say("\n".join(lines) + "\n" + _data(message))
        for word, link in (("from", links.get("start")), ("merge", links.get("merge"))):
            if link:
                self._say(f"{word} :{link}\n")
        if parent:
            self._say(f"from {parent}\n")
        for path, text in files.items():
            if text is None:
                self.files.pop(path, None)
                self._say(f"D {path}\n")
            else:
                self.files[path] = text
                self._say(f"M 100644 inline {path}\n" + _data(text))
        return self.count

    def taken(self) -> bytes:
        stream, self.stream = b"".join(self.stream), []
        return stream

    def _say(self, text: str) -> None:
        self.stream.append(text.encode())


def _data(text: str) -> str:
    return f"data {len(text.encode())}\n{text}\n"


def _begin(history: _History) -> None:
    """Make the commits up to the one that is reverted later."""
    history.commit("Add the ledger", {"ledger/book.py": LEDGER, "README.md": "# Ledger\n\nKeeps accounts.\n" * 5})
    history.commit("feat(money): LED-2 show and read amounts (#2)", {"ledger/amounts.py": MONEY})
    history.commit("Add readers in other languages", OTHER_LANGUAGES)
    locked = '[[package]]\nname = "left"\nversion = "1.0.0"\n' * 9
    stubs = "# Code generated by ledgergen. DO NOT EDIT.\n" + "".join(
        f'KIND_{name.upper()} = "{name}"\n' for name in FEATURES
    )
    vendored = "".join(f"def vendored_{n}(value):\n    return value + {n}\n\n\n" for n in range(9))
    history.commit("Add what tools write", {"poetry.lock": locked, "ledger/kinds.py": stubs, "vendor/sum.py": vendored})
    history.commit("Send reports to the office", {"ledger/settings.py": SETTINGS}, who="lin")
    history.commit("Move amounts to money", {"ledger/amounts.py": None, "ledger/money.py": MONEY})
    rounded = MONEY.replace("divmod(abs(cents), 100)", "divmod(round(abs(cents)), 100)")
    history.commit("Round amounts before they are shown", {"ledger/money.py": rounded}, who="lin")


def _go_on(history: _History, commits: int, reverted: str) -> None:
    """Make the rest: the revert, one commit of each other kind, then features."""
    files = history.files
    message = f'Revert "Round amounts before they are shown"\n\nThis reverts commit {reverted}.'
    history.commit(message, {"ledger/money.py": MONEY}, parent=reverted)
    history.commit(
        "Update dependency left to v2", {"web/total.ts": TYPESCRIPT + "\nexport const LEFT = 2;\n"}, who="bot"
    )
    spaced = files["go/book.go"].replace("\tvar total int64\n", "\tvar   total   int64\n\n")
    main = history.commit("Format the Go reader", {"go/book.go": spaced}, who="lin")
    strict = LEDGER.replace("            return 0\n", '            raise KeyError(f"unknown account: {account}")\n')
    side = history.commit(
        "Fix the balance of an unknown account, which looked like an empty one",
        {"ledger/book.py": strict},
        who="lin",
        branch="strict",
        start=main,
    )
    noted = files["ledger/settings.py"].replace('header["retries"]', 'header["tries"]')
    main = history.commit("Name the header of a report after its use", {"ledger/settings.py": noted}, start=main)
    history.commit("Merge branch 'strict'", {"ledger/book.py": strict}, start=main, merge=side)
    history.commit(
        "Release version 1.0.0",
        {"ledger/__init__.py": '"""Keep accounts."""\n\n__version__ = "1.0.0"\n' + "# A package of accounts.\n" * 5},
    )
    for number in range(commits - history.count):
        name = FEATURES[number % len(FEATURES)] + (f"_{number // len(FEATURES)}" if number >= len(FEATURES) else "")
        path = "ledger/flows.py"
        before = files.get(path, '"""What happens to money in a ledger."""\n\nfrom ledger.book import Ledger\n')
        test_path = "tests/test_flows.py"
        tests = files.get(test_path, "from ledger.book import Ledger\nfrom ledger import flows\n")
        added = {path: before + _feature(name, number), test_path: tests + _test(name, number)}
        history.commit(f"Add a flow that posts a {name} to the ledger", added, who="ada")


def _feature(name: str, number: int) -> str:
    return f'''

def post_{name}(ledger: Ledger, account: str, cents: int) -> int:
    """Post a {name} to an account and give what is left on it."""
    if cents <= {number}:
        raise ValueError(f"a {name} needs more than {number} cents, got {{cents}}")
    entry = ledger.post_entry(account, -cents, note="{name}")
    ledger.post_entry("{name}s", cents, note=entry.note)
    return ledger.balance_of(account)
'''


def _test(name: str, number: int) -> str:
    return f"""

def test_a_{name}_is_taken_from_its_account() -> None:
    ledger = Ledger()
    ledger.post_entry("till", 5000)
    assert flows.post_{name}(ledger, "till", {number + 100}) == {4900 - number}
"""
