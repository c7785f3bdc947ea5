"""Each reason for a path has paths that it drops and near misses that it keeps."""

from __future__ import annotations

import pytest

from tuner.mine.gates.paths import glob, is_code_path, path_reason
from tuner.recipe import MineSettings

SETTINGS = MineSettings()
FILE = "100644"

DROPPED = {
    "vendored": """
        node_modules/x/index.js  src/third_party/zlib.c  src/thirdparty/zlib.c  ThirdParty/zlib/inflate.c
        3rdparty/a.cpp  vendor/github.com/pkg/errors/errors.go  src/vendors/a.js  Vendor/a.rb
        pip/_vendor/idna/core.py  app/_vendored/six.py  external/lib.c  externals/a.py  extern/fmt/format.h
        Godeps/_workspace/src/a.go  dist/app.js  packages/x/dist/index.js  deps/lua/src/lua.c
        site-packages/yaml/loader.py  .venv/lib/a.py  venv/bin/activate.fish  .yarn/releases/yarn.cjs
        ios/Pods/AFNetworking/a.m  Carthage/Build/a.swift  Frameworks/Crashlytics.framework/Headers/C.h
        gradlew.bat  gradle/wrapper/a.kts  .mvn/wrapper/MavenWrapperDownloader.java  mvnw.cmd  versioneer.py
        tools/cpplint.py  build/dotnet-install.ps1  js/jquery-3.6.0.js  js/jquery.js  js/jquery.validate.js
        js/jquery-ui.js  erlang.mk  css/bootstrap.css  js/bootstrap-3.3.7.js  css/font-awesome.css
        css/normalize.css  js/d3.v3.js  js/angular-route.js  js/modernizr-2.6.2.js
        static/ace-builds/src/ace.js  lib/codemirror/mode/python.js  flow-typed/npm/jest.js
        wwwroot/lib/x/x.js  .bundle/ruby/a.rb  renv/activate.r  wp-includes/post.php
        packages/NUnit.3.12.0/tools/a.ps1  src/select2/select2.js  Scripts/respond-vsdoc.js
        jspm_packages/a.js  .tox/py311/lib/a.py
    """,
    "generated": """
        api/user.pb.go  api/user_pb2.py  api/user_pb2_grpc.pyi  api/user.pb.cc  api/user_grpc.pb.go
        api/user_pb.d.ts  lib/user.g.dart  lib/user.freezed.dart  Forms/Main.Designer.cs
        Steps/Login.feature.cs  src/__generated__/Query.ts  src/generated/client.ts  src/Generated/Client.cs
        app/routeTree.gen.ts  internal/zz_generated.deepcopy.go  cmd/wire_gen.go  bindata.go
        schema_generated.rs  monster_generated.h  ext/parser.zep.c  app/R.java  tests/cassettes/login.yaml
        src/__snapshots__/a.ts  htmlcov/index.html  docs/_build/html/a.html  .idea/a.kts  target/classes/a.py
        obj/Debug/App.cs  .next/server/a.js  .pnp.cjs  moc_window.cpp  ui_window.h  api.generated.ts
        Sources/user.pb.swift
    """,
    "lock_file": """
        poetry.lock  uv.lock  web/pnpm-lock.yaml  go.sum  Cargo.lock  package-lock.json  Gopkg.lock  pixi.lock
        flake.lock  MODULE.bazel.lock  .terraform.lock.hcl  Package.resolved  conda-lock.yml
        x/packages.lock.json  esy.lock
    """,
    "minified": "web/app.min.js  web/app-min.css  web/app.bundle.js  web/app.js.map",
    "translation": """
        src/locales/de.ts  src/i18n/pt-BR.ts  i18n/zh_Hans_CN/messages.ts  lang/fr/auth.php
        src/translations/es-419.js  locale/ja/index.ts
    """,
    "not_code": "logo.png  data.json  LICENSE  Jenkinsfile  model.onnx",
    "form": """
        .github/ISSUE_TEMPLATE/config.yml  .github/ISSUE_TEMPLATE/bug_report.yml  .github/issue_template.md
        .github/PULL_REQUEST_TEMPLATE/fix.md  docs/pull_request_template.md  PULL_REQUEST_TEMPLATE.md
        .gitlab/merge_request_templates/default.md  .github/DISCUSSION_TEMPLATE/ideas.yml  .github/FUNDING.yml
        FUNDING.yml  CODE_OF_CONDUCT.md  .github/CODE_OF_CONDUCT.md  .github/stale.yml  .github/no-response.yml
        .github/workflows/stale.yml  .github/workflows/lock.yaml  .github/workflows/lock-threads.yml
        .github/labels.yml  .gitea/issue_template/bug.yaml
    """,
    "prose": "docs/index.md  README.rst  notes.txt",
    "path_not_utf8": "bad\udce9.py",
}
KEPT = """
    .github/workflows/test.yml  .github/workflows/release.yml  .github/dependabot.yml  .github/actions/setup/action.yml
    src/issue_template.py  templates/issue_template.html  app/funding.py  config.yml  src/stale.yml  src/lock.yaml
    .github/workflows/lock_release.yml  .golangci.yml
    modules/x/index.js  src/party/zlib.c  vendor_api.py  src/vendor_api/client.py  vendor.py  src/vendoring/a.py
    src/main/java/com/shop/vendor/VendorApi.java  src/main/kotlin/com/shop/external/Client.kt
    app/src/main/java/a/deps/B.java  src/distance/metric.py  distribution.py  src/dist.py  src/redistribute/a.go
    distutils_build.py  src/deps/auth.py  api/deps.py  depstore/a.py  src/externalities/a.py  external.go
    myvenv/a.py  environment/a.py  env/prod.tf  src/cache/store.go  packages/core/index.ts
    packages/core/v2/index.ts  jquerylike.js  js/jquery.ours.js  resources/js/bootstrap.js  js/effects.js
    js/controls.js  js/reactive.js  js/react-table.js  js/d3chart.js  js/angular-app.js  src/configure.py
    api/user.go  api/user_pb.py  api/pb.go  src/generators/client.ts  src/generate.py  code_gen.py  data-gen.js
    tools/codegen.py  src/regenerated.ts  src/designer.cs  src/feature.cs  src/cassettes/player.ts  src/main.rs
    R.kt  src/bindata_test.go  poetry.py  web/pnpm.yaml  lock.py  src/flake.nix  web/admin.js  src/minimum.js
    src/bundle.js  src/locales/en.ts  src/locales/en-GB.ts  src/i18n/index.ts  src/i18n/src/api.ts
    lang/go/parse.py  src/languages/sql/lexer.py  i18n/lib/format.js  src/locale/fmt/a.go  logo.svelte
    docs/conf.py  docs/_static/custom.css  examples/app.py  testdata/input.go  tests/fixtures/a.py
    types/index.d.ts  fabfile.py  good\u00e9.py  notebook.ipynb  src/target/debug.py  tools/build.py
    .github/workflows/ci.yml  Dockerfile  src/libs/select.js  src/framework/app.py  src/obj/model.py
"""


@pytest.mark.parametrize(("path", "reason"), [(path, reason) for reason in DROPPED for path in DROPPED[reason].split()])
def test_a_path_is_dropped_with_its_reason(path: str, reason: str) -> None:
    assert path_reason(path, FILE, SETTINGS) == reason


@pytest.mark.parametrize("path", KEPT.split())
def test_a_near_miss_is_kept(path: str) -> None:
    assert path_reason(path, FILE, SETTINGS) is None


def test_links_and_submodules_are_no_files() -> None:
    assert path_reason("a.py", "120000", SETTINGS) == "symlink"
    assert path_reason("a.py", "160000", SETTINGS) == "submodule"


def test_globs_of_the_settings_choose_files() -> None:
    chosen = MineSettings(include=["src/**", "*.md"], exclude=["src/old/", "*_test.py"])
    reasons = {
        path: path_reason(path, FILE, chosen)
        for path in ("src/a/b.py", "lib/a.py", "src/old/a.py", "src/x_test.py", "docs/a.md")
    }
    assert reasons == {
        "src/a/b.py": None,
        "lib/a.py": "not_included",
        "src/old/a.py": "excluded",
        "src/x_test.py": "excluded",
        "docs/a.md": None,
    }


def test_a_form_is_taken_where_a_glob_asks_for_it() -> None:
    path = ".github/ISSUE_TEMPLATE/bug.yml"
    assert path_reason(path, FILE, MineSettings(include=[".github/"])) is None


def test_only_code_counts_as_a_change_of_code() -> None:
    assert is_code_path("a.py", FILE, SETTINGS) and is_code_path("a.tf", FILE, SETTINGS)
    assert not is_code_path("a.yaml", FILE, SETTINGS) and not is_code_path("a.ipynb", FILE, SETTINGS)


def test_a_glob_matches_at_any_depth_unless_it_names_a_folder() -> None:
    assert glob("*.py").search("a/b.py") and glob("src/*.py").search("src/b.py")
    assert not glob("src/*.py").search("src/a/b.py") and not glob("src/*.py").search("lib/src/b.py")
