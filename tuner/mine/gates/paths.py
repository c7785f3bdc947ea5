"""Tell by its path alone what nobody on the team types, before anything is read.

In: a path, its mode and the settings. Out: a reason, or None. The rules are those of github-linguist
(`lib/linguist/vendor.yml`, `lib/linguist/generated.rb`), less what drops hand-written code as well: linguist counts
languages, where a lost file costs nothing. Not taken over: `cache/`, `env/`, `examples/`, `docs/`, `testdata/`,
`tests/fixtures/`, `*.d.ts`, `fabfile.py`, `effects.js`, `bootstrap.js`. Added: environments and build outputs.
"""

from __future__ import annotations

import functools
import re

from tuner.mine.history import SUBMODULE, SYMLINK
from tuner.mine.languages import is_prose, language_of
from tuner.recipe import MineSettings

VENDORED_FOLDER = re.compile(
    r"(^|/)(node_modules|bower_components|jspm_packages|flow-typed|_?vendor(s|ed)?|[Vv]endor|"
    r"(3rd|[Tt]hird)[-_]?[Pp]arty|[Ee]xtern(als?)?|Godeps|dist|site-packages|__pypackages__|\.?venv|\.tox|\.nox|\.eggs|"
    r"\.bundle|\.yarn|\.pnpm-store|Pods|Carthage|[\w.-]+\.(xc)?framework|gradle/wrapper|\.mvn/wrapper|\.gradle|"
    r"\.terraform|renv|packrat|elm-stuff|\.dart_tool|ace-builds|MathJax|bootstrap-datepicker|extjs|tiny_mce|wwwroot/lib|"
    r"wp-includes|wp-admin|admin_media|font-?awesome|select2|\.google_apis)/"
    r"|^(deps|[Pp]ackages/.+\.\d+)/"  # `deps/` below the top is a name for one's own code
    r"|(^|/)[Cc]ode[Mm]irror/(\d+\.\d+/)?(lib|mode|theme|addon|keymap)/"
)
# Below a JVM source root a folder is a package, named after the business: a shop has vendors.
JVM_PACKAGE = re.compile(r"(^|/)src/(\w+/)?(java|kotlin|scala|groovy)/")
VENDORED_FILE = re.compile(
    r"(^|/)(gradlew(\.bat)?|mvnw(\.cmd)?|configure|config\.(guess|sub)|(aclocal|libtool|lt\w+|lt~obsolete)\.m4|ltmain\.sh|"
    r"dotnet-install\.(ps1|sh)|erlang\.mk|cpplint\.py|versioneer\.py|ez_setup\.py|get-pip\.py|"
    r"jquery([-_]\w+)?\.js|jquery-\d[\w.]*\.js|jquery[-.](ui|effects|validate|unobtrusive|fancybox|fileupload|"
    r"dataTables|fn\.gantt)\b[\w.-]*\.(js|css)|bootstrap[-.]\d[\w.-]*\.(js|css)|bootstrap[\w-]*\.(css|less)|"
    r"bootstrap\.bundle\.js|bootbox\.js|pdf\.worker\.m?js|(font-?awesome|normalize|animate|bulma|foundation)\."
    r"(css|less|scss|styl)|materialize\.(css|js)|leaflet\.draw(-src)?\.(js|css)|mootools[\w.-]*\.js|dojo\.js|MochiKit\.js|"
    r"(yahoo|yui)-[\w.-]*\.js|yui\.js|ckeditor\.js|tiny_mce\w*\.js|sh(Brush\w*|Core|Legacy)\.js|"
    r"angular(-(animate|aria|cookies|loader|messages|mocks|resource|route|sanitize|touch|ui-router))?\.js|"
    r"d3(\.v\d+)?\.js|react(-dom|-with-addons)?\.js|modernizr(-\d[\w.]*|\.custom[\w.]*)?\.js|knockout-\d[\w.]*\.js|"
    r"html5shiv\.js|cordova(-\d[\w.]*)?\.js|Chart\.js|[\w.-]+-vsdoc\.js|[\w.-]+\.intellisense\.js)$"
)
GENERATED_PATH = re.compile(
    r"(^|/)(__generated__|_?generated|generated[-_](sources?|src)|src-gen|autogen|__snapshots__|htmlcov|lcov-report|"
    r"docs?/_build|\.idea|\.sqlx|\.next|\.nuxt|\.svelte-kit|\.angular|target/(debug|release|classes)|"
    r"build/(generated|intermediates)|obj/(Debug|Release)|sorbet/rbi/(gems|dsl|annotations))/"
    r"|(^|/)(\.pnp\.[\w.]+|R\.java|BuildConfig\.java|(wire_gen|bindata)\.go|zz_generated\.\w+\.go|moc_\w+\.cpp|"
    r"qrc_\w+\.cpp|ui_\w+\.h|ppport\.h|Cargo\.toml\.orig)$"
    r"|(\.pb\.(go|cc|h|c|swift|dart|rb|ts)|\.pb\.gw\.go|\.pb(enum|json|server)\.dart|\.grpc\.(swift|pb\.(cc|h))|"
    r"_pb2(_grpc)?\.pyi?|_grpc\.pb\.go|_pb\.(js|ts|d\.ts|rb)|\.(g|gr|freezed|mocks)\.dart|\.g(\.i)?\.cs|"
    r"\.designer\.(cs|vb)|\.feature\.cs|\.generated\.\w+|\.gen\.(go|tsx?|jsx?|py|rs)|\.zep\.(c|h|php)|_tlb\.pas|"
    r"_generated\.(go|rs|py|ts|h|cs|dart))$"
    r"|(^|/)cassettes/.*\.ya?ml$",
    re.IGNORECASE,
)
MINIFIED_PATH = re.compile(r"[.-]min\.(js|css|mjs|cjs)$|\.bundle\.js$|\.(js|css|mjs)\.map$", re.IGNORECASE)
LOCK_FILE = re.compile(
    r"(^|/)(package-lock\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml|bun\.lockb?|deno\.lock|poetry\.lock|uv\.lock|"
    r"pdm\.lock|pixi\.lock|Pipfile\.lock|conda-lock\.ya?ml|Cargo\.lock|composer\.lock|Gemfile\.lock|go\.sum|"
    r"(Gopkg|glide|buf|Chart|conan|rebar|renv|paket|flake|mise|mix)\.lock|(\w+\.)?esy\.lock|packages\.lock\.json|"
    r"(Package|Cartfile)\.resolved|\.terraform\.lock\.hcl|MODULE\.bazel\.lock|Podfile\.lock|pubspec\.lock|"
    r"stack\.yaml\.lock|gradle\.lockfile)$"
)
# Forms and rules of a code host, which every project copies: they say nothing of the project's code.
FORM = re.compile(
    r"(^|/)(\.github|\.gitlab|\.gitea|\.forgejo)/((issue|discussion|pull_request|merge_request)_templates?\b|"
    r"(FUNDING|stale|no-response|lock|lock-threads|config|labels|settings)\.ya?ml$)"
    r"|(^|/)((issue|pull_request|merge_request)_template\.\w+|FUNDING\.ya?ml|CODE_OF_CONDUCT\.\w+)$"
    r"|(^|/)\.github/workflows/(lock([-_]threads)?|stale([-_]\w+)?|no[-_]response|close[-_]stale|greetings)\.ya?ml$",
    re.IGNORECASE,
)
# ISO 639-1, without English: its texts are the ones that people write first. Without a list, `i18n/src/` is a language.
TONGUES = (
    "aa ab af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el "
    "eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik is it iu ja "
    "jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na "
    "nb nd ne ng nl nn no nr nv ny oc om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn sq "
    "sr ss st su sv sw ta te tg th ti tk tl tn tr tt tw ty ua ug uk ur uz ve vi wa wo xh yi yo za zh zu fil ckb "
    "kab"
)
TRANSLATION = re.compile(
    r"(^|/)(locales?|i18n|l10n|langs?|languages|translations?)/(.*/)?"
    rf"(?:{TONGUES.replace(' ', '|')})([-_]([A-Za-z]{{2,4}}|\d{{3}})){{0,2}}(\.\w+|/[^/]+\.\w+)$"
)


def path_reason(path: str, mode: str, settings: MineSettings) -> str | None:
    """Say why a path is left out, before its contents are read."""
    if any("\ud800" <= character <= "\udfff" for character in path):
        return "path_not_utf8"
    if mode == SYMLINK:
        return "symlink"
    if mode == SUBMODULE:
        return "submodule"
    if any(glob(pattern).search(path) for pattern in settings.exclude):
        return "excluded"
    if settings.include and not any(glob(pattern).search(path) for pattern in settings.include):
        return "not_included"
    if LOCK_FILE.search(path):
        return "lock_file"
    if vendored(path):
        return "vendored"
    for reason, pattern in (
        ("minified", MINIFIED_PATH),
        ("generated", GENERATED_PATH),
        ("translation", TRANSLATION),
    ):
        if pattern.search(path):
            return reason
    language = language_of(path)
    if language is None:
        return "not_code"
    if language.is_code or settings.include:  # an explicit glob asks for it
        return None
    if FORM.search(path):
        return "form"
    return "prose" if is_prose(language) else None


def vendored(path: str) -> bool:
    """Tell whether a path lies where other people's code is kept."""
    package = JVM_PACKAGE.search(path)
    return bool(VENDORED_FOLDER.search(path[: package.end()] if package else path) or VENDORED_FILE.search(path))


def is_code_path(path: str, mode: str, settings: MineSettings) -> bool:
    """Tell whether a change of this path counts as a change of code."""
    language = language_of(path)
    return language is not None and language.is_code and path_reason(path, mode, settings) is None


@functools.cache
def glob(pattern: str) -> re.Pattern[str]:
    """Turn a glob into a pattern: `*.py` at any depth, `docs/` and all below, `src/**/x.py` from the top."""
    anchored = "/" in pattern.rstrip("/")
    body = ""
    for piece in re.findall(r"\*\*/?|\*|\?|\[[^\]]+\]|[^*?\[]+|\[", pattern.strip("/")):
        body += {"**": ".*", "**/": "(?:.*/)?", "*": "[^/]*", "?": "[^/]", "[": r"\["}.get(
            piece, piece.replace("[!", "[^") if piece.startswith("[") else re.escape(piece)
        )
    return re.compile(("^" if anchored else "(?:^|/)") + body + "(?:/|$)")
