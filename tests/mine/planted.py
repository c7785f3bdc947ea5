"""Fake secrets and personal details in code, config, history, messages and notebooks.

Every value is drawn at run time from a fixed seed and put together from pieces, so that no scanner takes this file for
a leak. `planted()` gives the same list on every run.
"""

from __future__ import annotations

import base64
import json
import random
import string
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Where = Literal["code", "config", "history", "message", "notebook"]
UPPER32, HEX = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "0123456789abcdef"
ALNUM, WORD = string.ascii_letters + string.digits, string.ascii_letters + string.digits + "-_"


@dataclass(frozen=True, slots=True)
class Planted:
    """A secret and a text that it stands in. `parts` are the pieces in which it stands there, one in most texts."""

    kind: str
    secret: str
    text: str
    where: Where
    suffix: str
    parts: tuple[str, ...]

    def survives_in(self, text: str) -> bool:
        """Say whether the text still holds the secret, whole or in a piece that is more than its public prefix."""
        return self.secret in text or any(part in text for part in self.parts if len(part) >= 8)


def chance_of(*seed: object) -> random.Random:
    return random.Random("/".join(map(str, seed)))


def draw(chance: random.Random, letters: str, length: int) -> str:
    return "".join(chance.choice(letters) for _ in range(length))


def _mixed(chance: random.Random, length: int) -> str:
    """Letters of both cases and digits in turn, as in a drawn key."""
    return "".join(
        chance.choice((string.ascii_lowercase, string.ascii_uppercase, string.digits)[i % 3]) for i in range(length)
    )


# kind: prefix in two pieces, letters, length, what follows
PREFIXED: dict[str, tuple[str, str, str, int, str]] = {
    "aws_key": ("AK", "IA", UPPER32, 16, ""),
    "aws_session_key": ("AS", "IA", UPPER32, 16, ""),
    "github_token": ("gh", "p_", ALNUM, 36, ""),
    "github_app_token": ("gh", "s_", ALNUM, 36, ""),
    "github_fine_token": ("github", "_pat_", ALNUM, 82, ""),
    "gitlab_token": ("gl", "pat-", ALNUM, 20, ""),
    "slack_bot_token": ("xo", "xb-", string.digits, 12, "-" + "aB3dE7fG1hJ5kL9mN2pQ4rS6"),
    "slack_app_token": ("xa", "pp-1-", UPPER32, 11, "-4823719283746-" + "0a1b2c3d4e5f60718293a4b5c6d7e8f9"),
    "openai_key": ("s", "k-proj-", ALNUM, 48, ""),
    "openai_old_key": ("s", "k-", ALNUM, 48, ""),
    "anthropic_key": ("s", "k-ant-api03-", WORD, 80, "xA"),
    "google_key": ("AI", "za", ALNUM, 35, ""),
    "google_oauth": ("GOC", "SPX-", ALNUM, 28, ""),
    "google_token": ("ya", "29.", WORD, 60, "x"),
    "npm_token": ("np", "m_", ALNUM, 36, ""),
    "pypi_token": ("py", "pi-AgEIcHlwaS5vcmc", WORD, 80, "x"),
    "rubygems_key": ("ruby", "gems_", HEX, 48, ""),
    "stripe_key": ("sk", "_live_", ALNUM, 24, ""),
    "stripe_webhook": ("wh", "sec_", ALNUM, 32, ""),
    "digitalocean_token": ("do", "p_v1_", HEX, 64, ""),
    "hugging_face_token": ("h", "f_", string.ascii_letters, 34, ""),
    "twilio_key": ("S", "K", HEX, 32, ""),
    "mailgun_key": ("ke", "y-", HEX, 32, ""),
    "shopify_token": ("shp", "at_", HEX, 32, ""),
    "square_token": ("sq0", "atp-", ALNUM, 22, ""),
    "vault_token": ("hv", "s.", ALNUM, 90, ""),
    "docker_token": ("dckr", "_pat_", ALNUM, 27, ""),
    "databricks_token": ("da", "pi", HEX, 32, ""),
    "atlassian_token": ("ATA", "TT3xFfGF0", ALNUM, 170, "=1A2B3C4D"),
    "linear_key": ("lin", "_api_", ALNUM, 40, ""),
    "notion_token": ("nt", "n_", ALNUM, 46, ""),
    "postman_key": ("PM", "AK-", HEX, 24, "-" + "0a1b2c3d4e5f60718293a4b5c6d7e8f90a"),
    "new_relic_key": ("NR", "AK-", string.ascii_uppercase + string.digits, 27, ""),
    "grafana_token": ("gl", "sa_", ALNUM, 32, "_0a1B2c3D"),
    "sentry_token": ("sn", "tryu_", HEX, 64, ""),
    "pulumi_token": ("pu", "l-", HEX, 40, ""),
    "doppler_token": ("dp", ".pt.", ALNUM, 43, ""),
    "age_key": ("AGE-SEC", "RET-KEY-1", "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", 58, ""),
    "groq_key": ("gs", "k_", ALNUM, 52, ""),
    "xai_key": ("xa", "i-", ALNUM, 80, ""),
    "perplexity_key": ("pp", "lx-", ALNUM, 48, ""),
    "replicate_token": ("r", "8_", ALNUM, 37, ""),
    "netlify_token": ("nf", "p_", ALNUM, 40, ""),
    "supabase_token": ("sb", "p_", HEX, 40, ""),
    "planetscale_token": ("pscale", "_tkn_", ALNUM, 43, ""),
    "heroku_token": ("HR", "KU-", ALNUM, 60, ""),
    "figma_token": ("fi", "gd_", ALNUM, 40, ""),
    "sendgrid_key": ("S", "G.", ALNUM, 22, "." + "aB3dE7fG1hJ5kL9mN2pQ4rS6tU8vW0xYaB3dE7fG1hJ"),
    "jwt": ("ey", "JhbGciOiJIUzI1NiJ9.eyJ", ALNUM, 30, "." + "aB3dE7fG1hJ5kL9mN2pQ4rS6tU8vW0xY"),
    "mapbox_token": ("s", "k.eyJ", ALNUM, 60, "." + "aB3dE7fG1hJ5kL9mN2pQ4r"),
    "bitbucket_token": ("AT", "BB", ALNUM, 32, ""),
    "telegram_token": ("482", "7193845:AA", WORD, 32, "x"),
    "terraform_token": ("aB3dE7fG1hJ5kL", ".atlas" + "v1.", ALNUM, 60, ""),
    "discord_token": ("MT", "A0OTgyNzE5Mzg0NTY3ODkx", "AB", 2, ".GxYz1a." + "aB3dE7fG1hJ5kL9mN2pQ4rS6tU8vW0xYaB3dE7"),
    "azure_ad_secret": ("aB3", "8" + "Q~", ALNUM, 34, ""),
    "mailchimp_key": ("0a1b", "2c3d4e5f60718293a4b5", HEX, 8, "-us" + "14"),
}
# Where a value of a known shape stands: {s} the whole, {a} and {b} the halves. The file's ending says how to parse it.
SHAPE_PLACES: tuple[tuple[Where, str, str], ...] = (
    ("code", ".py", 'import client\n\nCLIENT = client.Client("{s}", timeout=30)\n'),
    ("code", ".py", 'def connect(user):\n    header = f"{{user}}/{s}"\n    return open_session(header)\n'),
    ("code", ".py", 'value = "{a}" + "{b}"\nsend(value)\n'),
    ("code", ".py", 'value = (\n    "{a}"\n    "{b}"\n)\n'),
    ("code", ".js", "const client = new Client({{ auth: '{s}', retries: 3 }});\n"),
    ("code", ".js", "const auth = '{a}' +\n  '{b}';\n"),
    ("code", ".go", 'package main\n\nconst auth = "{s}" // TODO: move\n'),
    ("code", ".java", 'class Auth {{\n    static final String VALUE = "{s}";\n}}\n'),
    ("code", ".rb", "# old one: {s}\nclient = Client.new\n"),
    ("code", ".c", '/* {s} */\nstatic const char *auth = "{s}";\n'),
    ("config", ".yaml", "service:\n  auth: {s}\n  retries: 3\n"),
    ("config", ".json", '{{"service": {{"auth": "{s}", "retries": 3}}}}\n'),
    ("config", ".ini", "[service]\nauth = {s}\nretries = 3\n"),
    ("config", ".env", "export SERVICE_AUTH={s}\nRETRIES=3\n"),
    ("config", "Dockerfile", "FROM debian\nENV SERVICE_AUTH={s}\nRUN make\n"),
    ("config", ".sh", "#!/bin/sh\ncurl -H 'X-Auth: {s}' https://service.test/v1\n"),
    ("config", ".toml", '[service]\nauth = "{s}"\n'),
    ("config", ".xml", "<service><auth>{s}</auth></service>\n"),
    ("history", ".py", "AUTH = '{s}'\n\n\ndef call():\n    return get('/v1', AUTH)\n"),
    ("history", ".ts", "export const auth: string = `{s}`;\n"),
    ("history", ".patch", "@@ -1 +1 @@\n-auth = '{s}'\n+auth = os.environ['AUTH']\n"),
    ("message", ".txt", "Rotate the key\n\nThe old one was {s}, it is revoked.\n"),
    ("message", ".txt", "Use {s} for staging\n"),
)
# kind: how the value is drawn, and the places that give it away
FREE: dict[str, tuple[Callable[[random.Random], str], tuple[tuple[Where, str, str], ...]]] = {
    "password": (
        lambda chance: _mixed(chance, 6) + chance.choice("#!*?") + _mixed(chance, 5),
        (
            ("code", ".py", 'db_password = "{s}"\n'),
            ("code", ".py", 'connect(host="db", password="{s}", port=5432)\n'),
            ("code", ".py", 'settings["DB_PASSWORD"] = "{s}"\n'),
            ("code", ".js", "const dbPassword = '{s}';\n"),
            ("code", ".go", 'password := "{s}"\n'),
            ("code", ".php", "define('DB_PASSWORD', '{s}');\n"),
            ("code", ".java", 'source.setPassword("{s}");\n'),
            ("code", ".cs", 'var c = "Server=db;User Id=ledger;Password={s};Timeout=3";\n'),
            ("code", ".py", 'dsn = "host=db user=ledger password={s} dbname=main"\n'),
            ("config", ".json", '{{"db": {{"password": "{s}"}}}}\n'),
            ("config", ".ini", "[db]\nuser = ledger\npassword = {s}\n"),
            ("config", ".properties", "spring.datasource.password={s}\n"),
            ("config", ".env", "DB_PASSWORD={s}\n"),
            ("config", ".xml", "<db><password>{s}</password></db>\n"),
            ("config", ".sql", "CREATE USER ledger IDENTIFIED BY '{s}';\n"),
            ("config", ".netrc", "machine api.ledger.test login ledger password {s}\n"),
            ("config", ".sh", "mysql -u root -p{s} ledger < dump.sql\n"),
            ("config", ".sh", "tool login --user ledger --password {s} --quiet\n"),
            ("config", ".sh", "curl -u ledger:{s} https://api.ledger.test/v1\n"),
            ("history", ".py", "PASSWORD = '{s}'\n"),
            ("history", ".rb", "password: '{s}',\n"),
            ("message", ".txt", "Change the database\n\nThe password is {s} until Monday.\n"),
            ("message", ".txt", "Log in with password: {s}\n"),
        ),
    ),
    "plain_password": (
        lambda chance: (
            draw(chance, string.ascii_lowercase, 5)
            + draw(chance, string.digits, 2)
            + draw(chance, string.ascii_lowercase, 3)
        ),
        (
            ("config", ".yaml", "db:\n  user: ledger\n  password: {s}\n"),
            ("config", ".properties", "db.password={s}\n"),
            ("code", ".py", 'password = "{s}"\n'),
            ("config", ".env", "export DB_PASS={s}\n"),
            ("config", ".yaml", "env:\n  - POSTGRES_PASSWORD={s}\n"),
        ),
    ),
    "url_password": (
        lambda chance: _mixed(chance, 12),
        (
            ("code", ".py", 'ENGINE = create_engine("postgres://ledger:{s}@db.internal/main")\n'),
            ("config", ".yaml", "broker: amqp://ledger:{s}@mq.internal:5672/jobs\n"),
            ("config", ".sh", "git clone https://ledger:{s}@code.internal/ledger.git\n"),
            ("history", ".js", "mongoose.connect('mongodb+srv://ledger:{s}@cluster0.internal/main');\n"),
            ("message", ".txt", "Point the worker to redis://:{s}@cache.internal:6379/0\n"),
        ),
    ),
    "api_key": (
        lambda chance: _mixed(chance, 32),
        (
            ("code", ".py", 'API_KEY = "{s}"\n'),
            ("code", ".py", 'os.environ["SERVICE_TOKEN"] = "{s}"\n'),
            ("code", ".py", 'API_KEY = "{a}" + "{b}"\n'),
            ("code", ".js", "headers: {{ 'X-Api-Key': '{s}' }},\n"),
            ("code", ".ts", "const clientSecret: string = '{s}';\n"),
            ("code", ".py", 'URL = "https://api.ledger.test/v1?access_token={s}&page=1"\n'),
            ("code", ".rs", 'let secret_key = "{s}";\n'),
            ("code", ".swift", 'let apiKey: String = "{s}"\n'),
            ("code", ".rs", 'const API_KEY: &str = "{s}";\n'),
            ("code", ".go", 'var token string = "{s}"\n'),
            ("code", ".c", 'static const char auth_token[] = "{s}";\n'),
            ("code", ".rb", "ENV['API_TOKEN'] ||= '{s}'\n"),
            ("code", ".php", "return ['secret' => '{s}'];\n"),
            ("config", ".mk", "API_TOKEN ?= {s}\n"),
            ("config", ".tf", 'variable "token" {{\n  default = 1\n}}\nsecret_key = "{s}"\n'),
            ("config", ".npmrc", "//registry.internal/:_authToken={s}\n"),
            ("config", ".sh", "curl -H 'Authorization: Bearer {s}' https://api.ledger.test\n"),
            ("config", ".sh", "curl -H 'X-Api-Key: {s}' https://api.ledger.test\n"),
            ("config", ".yaml", "secret_key_base: {s}\n"),
            ("config", ".xml", '<add key="ServiceSecret" value="{s}" />\n'),
            ("history", ".java", 'private String accessToken = "{s}";\n'),
            ("message", ".txt", "Use token={s} on staging\n"),
        ),
    ),
    "hex_api_key": (
        lambda chance: draw(chance, HEX, 32),
        (
            ("code", ".py", 'api_key = "{s}"\n'),
            ("config", ".yaml", "datadog_api_key: {s}\n"),
            ("config", ".env", "TWILIO_AUTH_TOKEN={s}\n"),
            ("code", ".js", "const algoliaApiKey = '{s}';\n"),
            ("config", ".yaml", "client_secret: {s}\n"),
            ("config", ".env", "API_KEY={s}\n"),
        ),
    ),
    "short_password": (
        lambda chance: draw(chance, string.ascii_lowercase, 6) + draw(chance, string.digits, 1),
        (("code", ".py", 'password = "{s}"\n'), ("code", ".java", 'String password = "{s}";\n')),
    ),
    "kubernetes_secret": (
        lambda chance: base64.b64encode(draw(chance, string.ascii_lowercase, 10).encode()).decode(),
        (("config", ".yaml", "kind: Secret\ndata:\n  password: {s}\n"),),
    ),
    "aws_secret": (
        lambda chance: _mixed(chance, 19) + "/" + _mixed(chance, 20),
        (
            ("code", ".py", 'aws_secret_access_key="{s}",\n'),
            ("config", ".ini", "[default]\naws_secret_access_key = {s}\n"),
            ("config", ".env", "AWS_SECRET_ACCESS_KEY={s}\n"),
            ("history", ".json", '{{"SecretAccessKey": "{s}"}}\n'),
        ),
    ),
    "azure_key": (
        lambda chance: _mixed(chance, 86) + "==",
        (("config", ".json", '{{"storage": "AccountName=ledger;AccountKey={s};EndpointSuffix=core"}}\n'),),
    ),
    "azure_sas": (
        lambda chance: _mixed(chance, 43) + "%3D",
        (("config", ".yaml", "url: https://ledger.blob.test/box?sv=2022&sig={s}\n"),),
    ),
    "basic_auth": (
        lambda chance: base64.b64encode(("ledger:" + _mixed(chance, 12)).encode()).decode(),
        (
            ("config", ".json", '{{"auths": {{"registry.internal": {{"auth": "{s}"}}}}}}\n'),
            ("code", ".py", 'headers = {{"Authorization": "Basic {s}"}}\n'),
        ),
    ),
    "slack_webhook": (
        lambda chance: "T" + draw(chance, UPPER32, 8) + "/B" + draw(chance, UPPER32, 8) + "/" + _mixed(chance, 24),
        (
            ("config", ".yaml", "hook: https://hooks.slack" + ".com/services/{s}\n"),
            ("message", ".txt", "Post to https://hooks.slack" + ".com/services/{s}\n"),
        ),
    ),
    "discord_webhook": (
        lambda chance: _mixed(chance, 68),
        (("code", ".py", 'HOOK = "https://discord' + '.com/api/webhooks/123456789012345678/{s}"\n'),),
    ),
    "cloudflare_key": (
        lambda chance: draw(chance, WORD, 39) + "x",
        (("config", ".env", "CLOUDFLARE_API_TOKEN={s}\n"), ("code", ".py", 'cloudflare_token = "{s}"\n')),
    ),
    "fastly_key": (lambda chance: _mixed(chance, 32), (("config", ".yaml", "fastly_api_key: {s}\n"),)),
    "pagerduty_key": (lambda chance: _mixed(chance, 20), (("config", ".yaml", "pagerduty_key: {s}\n"),)),
    "okta_token": (lambda chance: "00" + _mixed(chance, 40), (("config", ".env", "OKTA_TOKEN={s}\n"),)),
    "heroku_key": (
        lambda chance: str(uuid.UUID(int=chance.getrandbits(128), version=4)),
        (("config", ".env", "HEROKU_API_KEY={s}\n"),),
    ),
    "email": (
        lambda chance: draw(chance, string.ascii_lowercase, 6) + "@" + "ledger.dev",
        (
            ("code", ".py", "# ask {s} first\n"),
            ("config", ".toml", 'authors = ["{s}"]\n'),
            ("message", ".txt", "Fix\n\nSigned-off-by: G <{s}>\n"),
        ),
    ),
    "ip_address": (
        lambda chance: (
            f"{chance.randint(120, 160)}.{chance.randint(1, 250)}.{chance.randint(1, 250)}.{chance.randint(1, 250)}"
        ),
        (
            ("code", ".py", 'HOST = "{s}"\n'),
            ("config", ".ini", "[db]\nhost = {s}\n"),
            ("message", ".txt", "Move the worker to {s}\n"),
        ),
    ),
    "ipv6_address": (
        lambda chance: f"2a01:4f8:{chance.randint(4096, 65535):x}:{chance.randint(4096, 65535):x}::2",
        (("code", ".py", 'HOST = "{s}"\n'), ("config", ".ini", "[db]\nhost = {s}\n")),
    ),
    "spelt_email": (
        lambda chance: draw(chance, string.ascii_lowercase, 6) + " at ledger dot dev",
        (("code", ".c", "/* Copyright 2020, ask {s} */\n"),),
    ),
    "phone": (
        lambda chance: f"+49 {chance.randint(151, 179)} 9{chance.randint(100, 999)}{chance.randint(100, 999)}",
        (("code", ".py", '# on call: {s}\nCALL = "{s}"\n'), ("message", ".txt", "On call is {s} now\n")),
    ),
    "person": (
        lambda chance: chance.choice(("Zora Quillfeather", "Ignaz Brückenau", "Tove O'Sulliveen", "Mieke van Drunten")),
        (
            ("code", ".py", "# TODO({s}): drop this\n"),
            ("code", ".java", "/**\n * @author {s}\n */\n"),
            ("code", ".py", '"""Read a ledger.\n\nWritten by {s}.\n"""\n'),
            ("message", ".txt", "Fix\n\nReviewed-by: {s} <r@ledger.test>\n"),
        ),
    ),
}


def planted() -> list[Planted]:
    """Give every kind in several places, all five of `where` among them, in a fixed order."""
    found = []
    for number, (kind, (first, second, letters, length, rest)) in enumerate(PREFIXED.items()):
        for place in range(4):  # the places wander, so that all of them are used
            where, suffix, form = SHAPE_PLACES[(number * 5 + place * 7) % len(SHAPE_PLACES)]
            drawn = draw(chance_of(kind, place), letters, length)
            found.append(_plant(kind, first + second + drawn + rest, form, where, suffix))
        value = first + second + draw(chance_of(kind, "notebook"), letters, length) + rest
        found.append(_in_notebook(kind, value, f'client = Client("{value}")\n'))
    for kind, (draw_value, places) in FREE.items():
        for number, (where, suffix, form) in enumerate(places):
            value = draw_value(chance_of(kind, number))
            found.append(_plant(kind, value, form, where, suffix))
            if where == "code" and suffix == ".py":
                found.append(_in_notebook(kind, value, found[-1].text))
    key = "\n".join(_mixed(chance_of("pem", line), 64) for line in range(6))
    for label in ("RSA ", "EC ", "OPENSSH ", ""):
        block = f"-----BEGIN {label}PRIV" + f"ATE KEY-----\n{key}\n-----END {label}PRIV" + "ATE KEY-----\n"
        found.append(Planted("private_key", key, block, "config", ".pem", tuple(key.split("\n"))))
        account = json.dumps({"type": "service_account", "private_key": block}) + "\n"
        found.append(Planted("private_key", key, account, "config", ".json", tuple(key.split("\n"))))
        quoted = f'KEY = """{block}"""\n'
        found.append(Planted("private_key", key, quoted, "code", ".py", tuple(key.split("\n"))))
    return found


def _plant(kind: str, value: str, form: str, where: Where, suffix: str) -> Planted:
    half = len(value) // 2
    parts = (value,) if "{s}" in form else (value[:half], value[half:])
    return Planted(kind, value, form.format(s=value, a=value[:half], b=value[half:]), where, suffix, parts)


def _in_notebook(kind: str, value: str, code: str) -> Planted:
    cell = {"cell_type": "code", "metadata": {}, "outputs": [], "source": code.splitlines(keepends=True)}
    text = json.dumps(
        {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, indent=1, ensure_ascii=False
    )
    parts = (value,) if value in code else (value[: len(value) // 2], value[len(value) // 2 :])
    return Planted(kind, value, text, "notebook", ".ipynb", parts)
