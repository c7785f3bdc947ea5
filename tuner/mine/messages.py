"""Turn commit messages into requests: what a person asked for, without what firms and machines add around it.

In: a commit's raw message. Out: subject and, where it fits, body in at most 400 characters, or None when it says too
little to act on. Firms write `feat(api): PAY-12 add x (#34)`; such commits are most of their history, so what stands
around the words is taken off and nothing is dropped for it: ticket keys, conventional types, `[tag]`s, emoji, smart
commits, merge-request numbers, trailers, the bullet lists of squash merges. Messages in other languages stay.

Poor (None): work in progress, fixups, `update foo.py`, `fix typo`, `address review`, hashes, versions, single words.
The lists extend those of CommitPackFT (bigcode-project/octopack, commitpackft_filters1.py and 2).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

MIN_CHARS, MAX_CHARS, MIN_WORDS = 10, 400, 2
MAX_MEAN_WORD = 20
MAX_READ, MAX_LINE, PASSES = 8_000, 1_000, 4  # what follows is no request, and patterns must not run long on it
WRAPPED_SUBJECT_CHARS = 40
# One sign of a script without spaces says about as much as two and a half letters, and two of them make a word.
SIGN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
SIGN_CHARS, SIGNS_PER_WORD = 2.5, 2

TYPES = "feat|feature|fix|bugfix|hotfix|bug|refactor|perf|tests?|docs?|chore|build|ci|style|lint|i18n|security|deps|ui"
CONVENTIONAL = re.compile(rf"^(?P<type>{TYPES})(?P<scope>\([^)]*\))?!?:\s*", re.IGNORECASE)
FIX_TYPES = ("fix", "bugfix", "hotfix", "bug")
FIX_TYPE = re.compile("|".join(FIX_TYPES), re.IGNORECASE)
# Names of standards look like ticket keys, and mean something.
STANDARDS = "UTF|ISO|SHA|CVE|RFC|PEP|MD|CP|AES|RSA|HTTP|TLS|IEEE|EUC|ECMA|BASE|CRC|GB|ASCII|ES"
KEY = rf"(?!(?:{STANDARDS})-)[A-Z][A-Z0-9]+-\d+\b"
NUMBER = rf"(?:{KEY}|(?:[\w.-]+/[\w.-]+)?[#!]\d+\b|(?:gh-|GH-|AB#)\d+\b|(?i:issues?)\s*#?\d+\b)"
NUMBERS = rf"{NUMBER}(?:\s*(?:[,&+/]|and)?\s*{NUMBER})*"
CLOSING = r"(?:clos(?:es?|ed)|fix(?:es|ed)?|resolv(?:es?|ed)|refs?|references?|see|related to|part of|for|issue|pr|gh)"
EMOJI = r"[\u2190-\u2bff\U0001f000-\U0001faff]"
AT_START = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"^merged pr \d+:\s*",  # Azure DevOps
        rf"^(?::[a-z0-9_+-]+:\s*|{EMOJI}\ufe0f?\s*)+",  # gitmoji
        r"^\[[^\]]{1,24}\]\s*[:\-–]?\s*",
        r"^(?:issue|bug|ticket|task|story|defect)\s*#?\d+\s*[:\-–]+\s*",
        r"^(?:(?:[*\-+•]|\d+[.)])\s+)+",
    )
)
KEYS_AT_START = re.compile(rf"^[\[(]?(?:{NUMBERS})[\])]?\s*[:\-–—|.,]*\s*")
# "Fixed issue 58 by reading twice" asks for reading twice.
CLOSED_BY = re.compile(
    rf"^(?i:fix(?:es|ed|ing)?|clos(?:es|ed|ing)|resolv(?:es|ed|ing))\s+(?i:for\s+)?{NUMBERS}\s+(?i:by)\s+"
)
CLOSING_AT_START = re.compile(rf"^(?i:{CLOSING}|issues?|bug)\s*:?\s+[\[(]?(?:{NUMBERS})[\])]?\s*(?:[:\-–—|.,]+\s*|$)")
SMART = re.compile(
    r"\s*#(?:time(?:\s+\d+(?:\.\d+)?[wdhm])+|comment|in-progress|in-review|start|stop|close|resolve|done|review)\b",
    re.IGNORECASE,
)
AT_END = (
    re.compile(r"\s*\[(?:skip ci|ci skip|skip-ci|no ci|skip [\w -]{1,16})\]|\s*\*\*\*NO_CI\*\*\*", re.IGNORECASE),
    re.compile(rf"\s*[\[(](?:(?i:{CLOSING})\s*:?\s*)?(?:{NUMBERS}|#?\d+)[\])]\s*[.:]?$"),
    re.compile(
        rf"(?<![\s,;.:\-–—|])[\s,;.:\-–—|]+(?i:(?:this|to|which)\s+)?(?i:{CLOSING})\s*:?\s+(?i:issues?\s+)?(?:{NUMBERS})\s*\.?$"
    ),
    re.compile(rf"(?<![\s,;:\-–—|])[\s,;:\-–—|]+(?:{KEY})$"),
    re.compile(r"\s+#\d+\s*$"),
    re.compile(
        rf"(?:\s*[,;.:]|\s+(?:this|to|which))\s*(?i:{CLOSING}|(?:clos|fix|resolv|address)ing)(?:\s+{NUMBERS})?\s*[.:]?$"
    ),
    re.compile(r"\s*(?:[\[(]|[.,;:!–—-])\s*(?i:(?:many|big)\s+)?(?i:thanks|thank you|thx|kudos|credits?)\b.*$"),
    re.compile(r"\s*[\[(]?\b(?i:thanks|thx|kudos|patch|spotted|reported)(?:,|\s+(?i:to|by|from)|\s*@).*$"),
)
WORK_IN_PROGRESS = re.compile(
    r"^\W*(?:(?:wip|draft|work in progress|do not merge|dnm)\b|(?:fixup|squash|amend)!)", re.I
)
FILE = r"[`'\"]?[\w./-]*\w\.[a-z]\w{0,4}[`'\"]?"
MAKE = (
    r"(?:updat|creat|add|delet|renam|edit|modif|chang|fix|remov|mov|improv|refactor|clean|tweak|polish|chore)"
    r"(?:y|ies|ied|e[ds]?|ed|s|ing|es)?(?:\s+up)?"
)
LITTLE = re.compile(
    r"(?:it|this|that|some|more|few|a|an|the|all|of|for|in|to|and|with|my|minor|small|little|quick|tiny|various|misc(?:"
    r"ellaneous)?|simple|another|last|final|new|old|other|again|up|typos?|nits?|lints?|linting|linters?|linter|lint|clippy"
    r"|flake8|eslint|mypy|golint|prettier|rubocop|isort|black|rustfmt|gofmt|clang-format|style|formats?|formatting"
    r"|whitespaces?|spaces?|indent(?:ation)?|comments?|commentary|docs?|documentation|readme|changelog|news|spelling"
    r"|grammar|wording|tests?|testing|ci|build|builds|travis|jenkins|pipeline|conflicts?|merge|warnings?|errors?|issues?"
    r"|problems?|bugs?|fix|fixes|fixed|fixing|bugfix(?:es)?|hotfix(?:es)?|changes?|change|updates?|update|updated|stuff"
    r"|things?|code|files?|tweaks?|edits?|improvements?|refactor(?:ing|ed|s)?|cleanups?|clean|cleaning|cleaned|tidy"
    r"|reviews?|feedback|suggestions?|from|code-review|pr|comment|remarks|address(?:ed|es)?|apply|applied|applies|resolve"
    r"d?|implement|oops|tmp|temp|temporary|test|debug|debugging|checkpoint|save|backup|done|final|first|initial|commit"
    r"|commits?|import|version|versions|release|polish|polishing|wip|work|works|working|progress|now|please|try|attempt"
    r"|via|upload|add|added|run|correct|corrected|corrections?|mistake|mistakes|broken|missing|dependencies|deps|minors?)",
    re.IGNORECASE,
)
WORD = re.compile(r"\w+(?:-\w+)*")
POOR = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"^{MAKE}(?:\s+the)?(?:\s+file)?\s+{FILE}(?:(?:,|\s+(?:and|to|&))\s*{FILE})*\W*$",  # what a web editor writes
        r"^(?:incorporat\w*|address\w*|appl(?:y|ied|ies)|respond\w*|implement\w*|some|more)\b.{0,24}\b"
        r"(?:comments?|feedback|suggestions?|remarks|review\w*|changes)\b(?:\s+(?:from|by|of|in|for|on)\b.*)?\W*$",
        r"^(?:comments?|changes|edits|fixes|updates?)\s+(?:for|from|in|after|of|per)\s+"
        r"(?:r\d+|code reviews?|reviews?)\b",
        r"\b(?:suggestions?|feedback|review|comments?)\s+(?:from|by)\s+[A-Z]\w+\W*$|\bcode ?review\W*$",
        r"^(?:add(?:ed|s|ing)?|ma[dk]e|some|final|few|the|a|more|last|more\s+)*\s*finishing touches\b",
        r"^sync(?:ed|s|ing)?\s+(?:to|with)\b.{0,20}\b(?:changes|trunk|head|master|main|upstream)\W*$",
        r"^(?:documentation|docs?|code|general|some|more|minor)?\W*(?:and|&)?\W*(?:house[- ]?(?:keeping|cleaning)|"
        r"clean[- ]?ups?|polish(?:ing)?|touch[- ]?ups)\W*$",
        r"^this is v?\d+\.\d+|^(?:the\s+)?v?\d+\.\d+\S*\s+release\b",
        r"^(?:[\w/-]+:\s*)?(?:(?:a|few|some|small|minor|tiny|more|various|little|slight)\s+)*"
        r"(?:polish(?:ing|ed)?|touch[- ]?ups|tweaks|clean[- ]?ups?)"
        r"(?:\s+(?:the|of|to|in|core|code|\w+)){0,4}\W*$",
        r"^(?:auto[- ]?commit|merge (?:branch|pull request|remote|tag|conflict)|merge .{0,20}\binto\b|"
        r"add files via upload)\b",
        r"^(?:prepare|start|begin)\b(?:\s+\w+){0,3}\s+(?:release|version|development)\b",
        r"^v?\d+\.\d+(\.\d+)?\S*$|^[0-9a-f]{7,}\W*$",
        r"^(?:更新|修改|修复|提交|优化|调整|测试|代码|文件|文档|完善|bug|一些|小|的|了|初始化|问题|\s)+\W*$",
        r"^(?:修正|対応|変更|追加|調整|テスト|レビュー|微|の|指摘|\s)+\W*$",
        r"^(?:(?:kleine|diverse|weitere|einige)\s+)?(?:änderung(?:en)?|korrektur(?:en)?|anpassung(?:en)?|fehler)"
        r"(?:\s+behoben)?\W*$",
        r"^(?:petites?\s+)?(?:corrections?|modifs?|modifications?|mise à jour)(?:\s+(?:diverses|mineures))?\W*$",
        r"^(?:pequeños\s+|pequenos\s+)?(?:cambios|arreglos|ajustes|correcciones|correções|alterações)"
        r"(?:\s+(?:menores|varios))?\W*$",
        r"^(?:(?:мелкие|небольшие|разные)\s+)?(?:правки|исправления|изменения|доработки)\W*$",
    )
)
IS_FIX = re.compile(
    r"\b(?:fix(?:es|ing)?|fixed(?!-|\s+(?:size|point|width|length|set|rate|number))|bugs?(?!\s+(?:report|tracker)"
    r")|crash(?:es|ed|ing)?(?!\s+(?:log|report|dump|test))|regressions?(?!\s+tests?))\b"
    r"|修复|修正|不具合|バグ|исправ|\bbehebt\b|\bbehoben\b|\bcorrige\b|\bcorrigir\b|\barregla\b|:bug:|:ambulance:|🐛|🚑",
    re.IGNORECASE,
)
NO_FIX = re.compile(
    r"\bfix(?:es|ed|ing)?\b(?:\W+(?:up|a|an|the|some|more|all|few|minor|small|various|broken|failing|flaky|unit|in|of|for"
    r"|another|several|daily|\w*-?lint|python|code|go))*\W+(?:typos?|lint\w*|clippy|pyright|mypy|pylint|eslint|codacy|sonar\w*|findings|flake8|style|(?:java)?doc(?:s|umentation|strings?)?"
    r"|tests?|ci|build|builds|building|compil\w+|format\w*|comments?|spelling|grammar|readme|changelog|warnings?|links?"
    r"|indent\w*|whitespace|imports?|mistypes?|examples?|workflows?|travis|version)\b"
    r"|\bfix(?:es|ed|ing)?\b.{0,40}\b(?:warnings?|findings|examples?|nits?)\b|\bunlikely\b|\b(?:can|could|will|do)(?:not|n't)\s+fix"
    r"|\btypos?\b|\bmisspell|\bspelling|\b(?:flaky|failing|broken|daily|unit)\s+(?:\w+\s+)?tests?\b|^tests?\b|^docs?\b"
    r"|\b(?:tests?|ci|docs?|build|benchmarks?|typing|readme)\W*$",
    re.IGNORECASE,
)
TRAILER = re.compile(
    r"^(?:[A-Z][A-Za-z]+(?:-[A-Za-z]+)+:\s?\S|(?:Bug|Test|Tests|Tested|Issue|Issues|Task|Ticket|Jira|Story|Fixes|Closes|"
    r"Refs|Resolves|Ref|See|Link|URL|Reviewers?|Subscribers|Summary|Reviewed By|Differential Revision|Test Plan|PR|Cc|"
    r"Topic|Risk|Owner|Approved|Changelog|git-svn-id|BUG|TBR|R|NOTRY|LOW_COVERAGE_REASON|Patch by|Credits?)\s*[:=]"
    r"|\(?cherry[- ]picked from|\(?backport(?:ed)? from|This reverts commit)",
    re.IGNORECASE,
)
CLOSING_LINE = re.compile(
    rf"^\W*(?:(?i:this|pr|also|it|{CLOSING})[\s:]*)*"
    rf"(?:(?:(?i:{CLOSING}|and)[\s:]*)*(?:{NUMBER}|https?://\S+)[\s,;.&)]*)+$"
)
NO_PROSE = re.compile(r"^(?:    |\t|>|\$ |\||#|```|~~~|<|diff |@@)")
CHECKBOX = re.compile(r"^\s*[-*] \[[ xX]\]")
TAKES_BACK = re.compile(r"^\s*[-*+•]\s+(?:Revert|Reapply)\b", re.IGNORECASE)  # a squash that undoes some of itself
RULE = re.compile(r"^[-=_*~]{3,}$")
BULLET = re.compile(r"^\s*(?:[*\-+•]|\d+[.)])\s+")
# A handle, not an annotation (`@Nullable`), a decorator (`@click.command`) or a package (`@types/node`).
NAMES_SOMEONE = re.compile(
    r"(?:\b(?:by|from|to|thanks|thx|cc|as|and|via|with)\s|[(/,]\s?|^)@[A-Za-z][\w-]*(?![\w-]*[./(])"
    r"|(?<![\w/`])@(?=[\w-]*[-\d])[A-Za-z][\w-]*(?![\w-]*[./(])"
    r"|\b(?:thanks|thank you|kudos|credits?)\b|\b(?:reported|suggested|patch|spotted|noticed|found|contributed) by\b"
    r"|https?://|\b[0-9a-f]{40}\b",
    re.IGNORECASE,
)
SENTENCE_END = re.compile(r"(?<=[.!?。！？])\s*(?=\s[A-Z\"'`(]|[\u3040-\u9fff]|$)")


def normalised_message(message: str) -> str | None:
    """Give the request in a message, at most 400 characters; None when it says too little."""
    asked = _asked(message)
    if asked is None:
        return None
    subject, body = asked
    text = _fitting(subject, MAX_CHARS) or subject[:MAX_CHARS].rpartition(" ")[0]
    after_point = False
    told = {subject}
    for is_point, said in _parts(body):
        if said in told or (is_point and (_is_poor(said) or WORK_IN_PROGRESS.match(said))):
            continue
        joint = "\n" if is_point and after_point else "\n\n"
        line = f"- {said}" if is_point else said
        if fitting := _fitting(line, MAX_CHARS - len(text) - len(joint)):
            text += joint + fitting
        if fitting != line:
            break
        after_point = is_point
        told.add(said)
    return text


def says_too_little(message: str) -> bool:
    """Tell whether `normalised_message` gives None."""
    return _asked(message) is None


def is_fix(message: str) -> bool:
    """Tell whether a raw message says that it mends a fault of the program (not of its tests, docs or build)."""
    if not (FIX_TYPE.search(message.strip()[:MAX_READ]) or IS_FIX.search(message.strip().split("\n", 1)[0])):
        return False  # as most do: what stands below asks for one of these
    subject = _bare(_split(message)[0], keep_type=True)
    conventional = CONVENTIONAL.match(subject)
    if conventional is None:
        return bool(IS_FIX.search(message.strip().split("\n", 1)[0])) and not NO_FIX.search(subject)
    if conventional["type"].lower() not in FIX_TYPES:
        return False
    scope, rest = (conventional["scope"] or "").strip("()"), subject[conventional.end() :]
    return not any(NO_FIX.search(text) for text in (f"fix {scope}", f"fix {rest}", rest))


def _asked(message: str) -> tuple[str, list[str]] | None:
    """Give the plain subject, and the lines of the body; None when they say too little."""
    subject, body = _split(message)
    if WORK_IN_PROGRESS.match(re.sub(r"^\W+", "", subject)):
        return None
    subject = _bare(subject)
    if _is_poor(subject) or any(TAKES_BACK.match(line) for line in body):
        return None
    return subject, body


def _split(message: str) -> tuple[str, list[str]]:
    """Give the subject, joined where it was wrapped or cut with dots, and the lines of the body."""
    subject, *body = [line.rstrip()[:MAX_LINE] for line in message.strip()[:MAX_READ].replace("\r\n", "\n").split("\n")]
    follows = next((index for index, line in enumerate(body) if line.strip()), None)
    if follows is not None and subject.endswith(("…", "...")) and body[follows].startswith(("…", "...")):
        return subject.rstrip(".… ") + body[follows].lstrip(".…"), body[follows + 1 :]
    if follows is not None and subject.endswith("…"):  # cut by a web page that puts the whole line below
        whole = BULLET.sub("", body[follows])
        if whole.startswith(subject.rstrip(".… ")):
            return whole, body[follows + 1 :]
    while body and len(subject) >= WRAPPED_SUBJECT_CHARS and body[0][:1].islower() and not TRAILER.match(body[0]):
        subject += " " + body.pop(0).strip()
    return subject, body


def _bare(subject: str, keep_type: bool = False) -> str:
    """Take off what stands before and after the words, in any order and number."""
    patterns = [*AT_START, CONVENTIONAL, KEYS_AT_START, CLOSED_BY, CLOSING_AT_START, *AT_END]
    if keep_type:
        patterns.remove(CONVENTIONAL)
    subject = " ".join(subject.split())
    for _ in range(PASSES):
        subject = SMART.sub("", subject)
        for pattern in patterns:
            subject = pattern.sub("", subject.strip())
    return " ".join(subject.strip(" .:-–—|,;").split())


def _is_poor(subject: str) -> bool:
    signs = len(SIGN.findall(subject))
    words = len(SIGN.sub(" ", subject).split()) + signs // SIGNS_PER_WORD
    if len(subject) + signs * (SIGN_CHARS - 1) < MIN_CHARS or words < MIN_WORDS:
        return True
    if len(subject) / words > MAX_MEAN_WORD or any(pattern.match(subject) for pattern in POOR):
        return True
    return all(LITTLE.fullmatch(word) for word in WORD.findall(subject))


def _parts(body: list[str]) -> Iterator[tuple[bool, str]]:
    """Yield the body's paragraphs and points in order, each with whether it is a point; stop at code and tables."""
    lines: list[str] = []
    is_point = False
    for line in [*body, ""]:
        said = line.strip()
        if TRAILER.match(line) or CLOSING_LINE.match(line) or RULE.match(said) or CHECKBOX.match(line):
            said = ""
        begins_point = BULLET.match(line) is not None and bool(said)
        if lines and (not said or begins_point or NO_PROSE.match(line)):
            whole = " ".join(lines)
            if kept := _bare(_sentences(whole)) if is_point else _sentences(whole):
                yield is_point, kept
            lines = []
        if said and not begins_point and not lines and NO_PROSE.match(line):
            return
        if said:
            is_point = begins_point if not lines else is_point
            lines.append(BULLET.sub("", line).strip() if begins_point else said)


def _sentences(prose: str) -> str:
    """Keep the sentences before one that names people, hashes or addresses: what follows it leans on it."""
    parts = (part.strip() for part in SENTENCE_END.split(prose))
    kept = list(itertools.takewhile(lambda part: not NAMES_SOMEONE.search(part), parts))
    while kept and kept[-1].endswith(":"):  # it announces code, a table or a link
        kept.pop()
    return " ".join(kept).strip()


def _fitting(text: str, room: int) -> str:
    """Keep as many whole sentences as fit."""
    kept = ""
    for part in SENTENCE_END.split(text):
        longer = f"{kept} {part.strip()}".strip()
        if len(longer) > room:
            break
        kept = longer
    return kept
