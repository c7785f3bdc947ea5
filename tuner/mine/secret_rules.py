"""The shapes of secrets that a provider's prefix gives away, as the providers document them.

A rule is tried only where one of its anchors occurs, so that a text without any costs one search. A prefix stays in the
stand-in: it is public, and a reader sees what stood there. High entropy alone is no rule: it would take hashes,
identifiers and test data. What counts only beside a word such as `password` is in `keyword_rules`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

APART = r"(?<![A-Za-z0-9])"  # not in the middle of a longer word
SHORTEST = 15  # characters without a space: no rule of this file matches less


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of secret, tried where `anchor` occurs. Group 1 of the pattern is what gets replaced."""

    kind: str
    anchor: str
    pattern: re.Pattern[str]
    tag: str = ""
    prefix: str = ""

    @property
    def is_block(self) -> bool:
        """Say whether the secret is a block of lines under a header."""
        return self.kind in ("private_key", "putty_key")


def _issued(kind: str, prefixes: str, rest: str) -> list[Rule]:
    """A token that starts with a prefix of its provider and goes on as `rest`; spaces part the prefixes.

    The prefix comes first in the pattern, since a search for a literal is 20 times as fast as one for a class.
    """
    return [
        Rule(kind, each, re.compile(f"({re.escape(each)}(?<![A-Za-z0-9]{re.escape(each)}){rest})"), "", each)
        for each in prefixes.split()
    ]


def _around(kind: str, anchor: str, pattern: str, tag: str, flags: int = 0) -> list[Rule]:
    """A value that is known by what stands before it or inside it."""
    return [Rule(kind, anchor, re.compile(pattern, flags), tag)]


END = r"(?![A-Za-z0-9])"
RULES = [
    *_around(
        "private_key",
        "PRIVATE KEY",
        r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----((?:(?!-----).)+)",
        "",
        re.DOTALL,
    ),
    *_around("putty_key", "Private-Lines:", r"Private-Lines: \d{1,4}\r?\n((?:[A-Za-z0-9+/=]{4,80}\r?\n?){1,200})", ""),
    *_issued("age_key", "AGE-SECRET-KEY-1", r"[A-Z0-9]{50,62}"),
    # Clouds
    *_issued("aws_key", "AKIA ASIA ABIA ACCA", r"[A-Z2-7]{16}" + END),
    *_issued("google_key", "AIza", r"[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])"),
    *_issued("google_token", "ya29. GOCSPX-", r"[A-Za-z0-9_-]{20,}"),
    *_around("azure_ad_secret", "Q~", APART + r"([A-Za-z0-9_~.-]{3}\dQ~[A-Za-z0-9_~.-]{31,34})(?![\w~-])", "az"),
    *_around("azure_sas", "sig=", r"[?&;]sig=([A-Za-z0-9%+/=_-]{30,100})", "az"),
    *_issued("digitalocean_token", "doo_v1_ dop_v1_ dor_v1_", r"[a-f0-9]{64}"),
    *_issued("alibaba_key", "LTAI", r"[A-Za-z0-9]{20}" + END),
    *_issued("heroku_token", "HRKU-", r"[0-9A-Za-z_-]{36,70}"),
    *_issued("fly_token", "fm2_ fo1_", r"[A-Za-z0-9_+/=-]{40,}"),
    *_issued("cloudflare_ca_key", "v1.0-", r"[a-f0-9]{24}-[a-f0-9]{100,160}"),
    *_issued("netlify_token", "nfp_", r"[A-Za-z0-9]{36,60}"),
    *_issued("supabase_token", "sbp_ sb_secret_", r"[A-Za-z0-9_]{30,60}"),
    *_issued("planetscale_token", "pscale_tkn_ pscale_pw_ pscale_oauth_", r"[A-Za-z0-9_.=-]{32,64}"),
    *_issued("databricks_token", "dapi", r"[a-f0-9]{32}(?:-\d)?" + END),
    # Code hosts, registries and build services
    *_issued("github_token", "ghp_ gho_ ghu_ ghs_ ghr_", r"[A-Za-z0-9]{30,255}"),
    *_issued("github_token", "github_pat_", r"[A-Za-z0-9_]{50,255}"),
    *_issued(
        "gitlab_token",
        "glpat- gldt- glrt- glcbt- glptt- glft- glsoat- glagent- glimt- gloas- GR1348941",
        r"[A-Za-z0-9_.-]{20,}",
    ),
    *_issued("bitbucket_token", "ATBB", r"[A-Za-z0-9]{32}" + END),
    *_issued("npm_token", "npm_", r"[A-Za-z0-9]{36}" + END),
    *_issued("pypi_token", "pypi-", r"[A-Za-z0-9_-]{50,}"),
    *_issued("rubygems_key", "rubygems_", r"[a-f0-9]{48}"),
    *_issued("nuget_key", "oy2", r"[a-z0-9]{43}" + END),
    *_issued("crates_token", "cio", r"[A-Za-z0-9]{32}(?![\w-])"),
    *_issued("docker_token", "dckr_pat_ dckr_oat_", r"[A-Za-z0-9_-]{20,}"),
    *_issued("artifactory_key", "AKCp", r"[A-Za-z0-9]{60,75}" + END),
    *_issued("circleci_token", "CCIPAT_", r"[A-Za-z0-9_]{40,}"),
    *_issued("buildkite_token", "bkua_", r"[a-z0-9]{40}"),
    # Infrastructure
    *_issued("vault_token", "hvs. hvb. hvr.", r"[A-Za-z0-9_-]{24,}"),
    *_around("terraform_token", ".atlasv1.", APART + r"([A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{40,80})", ""),
    *_issued("pulumi_token", "pul-", r"[a-f0-9]{40}" + END),
    *_issued("doppler_token", "dp.pt. dp.st. dp.ct. dp.sa. dp.scim. dp.audit.", r"[A-Za-z0-9_.-]{40,60}"),
    *_issued("openshift_token", "sha256~", r"[A-Za-z0-9_-]{43}"),
    *_issued("dynatrace_token", "dt0c01. dt0s01.", r"[A-Z0-9]{24}\.[A-Z0-9]{64}"),
    *_issued("grafana_token", "glsa_", r"[A-Za-z0-9]{32}_[A-Fa-f0-9]{8}"),
    *_issued("grafana_token", "glc_", r"[A-Za-z0-9+/]{32,400}={0,3}"),
    *_issued("sentry_token", "sntrys_ sntryu_", r"[A-Za-z0-9+/=_-]{50,}"),
    *_issued("new_relic_key", "NRAK- NRJS- NRII- NRIQ-", r"[A-Za-z0-9_-]{19,40}"),
    *_issued("launchdarkly_key", "sdk- mob-", r"[a-f0-9]{8}-[a-f0-9]{4}-4[a-f0-9]{3}-[a-f0-9]{4}-[a-f0-9]{12}"),
    # Messages and work
    *_issued("slack_token", "xoxa- xoxb- xoxe- xoxe. xoxo- xoxp- xoxr- xoxs- xapp-", r"[A-Za-z0-9.-]{10,}"),
    *_around("slack_webhook", "hooks.slack.com", r"hooks\.slack\.com/(?:services|workflows)/([A-Za-z0-9+/]{20,})", ""),
    *_around("discord_webhook", "/api/webhooks/", r"/api/webhooks/\d{15,22}/([A-Za-z0-9_-]{60,80})", ""),
    *_around("telegram_token", ":AA", r"(?<![A-Za-z0-9])(?:bot)?(\d{8,10}:AA[A-Za-z0-9_-]{32,34})(?![\w-])", "tg"),
    *_around(
        "teams_webhook", "webhook.office.com", r"webhook\.office\.com/(webhookb2/[\w@-]{30,}/\w+/[a-f0-9]{32})", ""
    ),
    *_issued("atlassian_token", "ATATT3 ATCTT3 ATOATT3", r"[A-Za-z0-9_=-]{40,}"),
    *_issued("linear_key", "lin_api_ lin_oauth_", r"[A-Za-z0-9]{40,64}"),
    *_issued("notion_token", "ntn_", r"[A-Za-z0-9]{40,50}" + END),
    *_issued("notion_token", "secret_", r"[A-Za-z0-9]{43}" + END),
    *_issued("figma_token", "figd_", r"[A-Za-z0-9_-]{38,}"),
    *_issued("postman_key", "PMAK-", r"[a-f0-9]{24}-[a-f0-9]{34}"),
    *_issued("typeform_token", "tfp_", r"[A-Za-z0-9_.=-]{40,64}"),
    *_issued("sendgrid_key", "SG.", r"[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{32,64}"),
    *_issued("sendinblue_key", "xkeysib- xsmtpsib-", r"[a-f0-9]{64}-[A-Za-z0-9]{16}"),
    *_issued("twilio_key", "SK", r"[0-9a-f]{32}" + END),
    *_issued("mailgun_key", "key-", r"[0-9a-f]{32}" + END),
    *_around("mailchimp_key", "-us", APART + r"([0-9a-f]{32}-us\d{1,2})" + END, "mc"),
    *_issued("mapbox_token", "sk.eyJ", r"[A-Za-z0-9_-]{40,}\.[A-Za-z0-9_-]{20,}"),
    # Money and shops
    *_issued("stripe_key", "sk_live_ sk_test_ rk_live_ rk_test_ whsec_ sk_org_live_", r"[A-Za-z0-9]{16,}"),
    *_issued("shopify_token", "shpat_ shpca_ shppa_ shpss_", r"[a-fA-F0-9]{32}"),
    *_issued("square_token", "sq0atp- sq0csp- sq0idp-", r"[A-Za-z0-9_-]{22,43}"),
    *_issued("shippo_token", "shippo_live_ shippo_test_", r"[a-f0-9]{40}"),
    *_issued("flutterwave_key", "FLWSECK- FLWSECK_TEST-", r"[a-h0-9]{12,32}(?:-X)?"),
    # Models
    *_issued("anthropic_key", "sk-ant- sk-ant-api03- sk-ant-admin01-", r"[A-Za-z0-9_-]{20,}"),
    *_issued("openai_key", "sk-proj- sk-svcacct- sk-admin- sk-or-v1-", r"[A-Za-z0-9_-]{20,}"),
    *_issued("openai_key", "sk-", r"(?=[A-Za-z0-9]*\d)[A-Za-z0-9]{20,}"),
    *_issued("hugging_face_token", "hf_ api_org_", r"(?=[a-z0-9]*[A-Z])[A-Za-z0-9]{30,40}(?![A-Za-z0-9_])"),
    *_issued("groq_key", "gsk_", r"[A-Za-z0-9]{48,56}"),
    *_issued("xai_key", "xai-", r"[A-Za-z0-9]{60,90}"),
    *_issued("perplexity_key", "pplx-", r"[A-Za-z0-9]{40,60}"),
    *_issued("replicate_token", "r8_", r"[A-Za-z0-9]{37,40}"),
    # Anything signed
    *_issued("jwt", "eyJ", r"[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"),
]
# Discord's bot tokens have no prefix: user number, time and signature in base64, joined by dots.
DISCORD = Rule(
    "discord_token", "", re.compile(APART + r"([MNO][A-Za-z\d_-]{22,27}\.[\w-]{6}\.[\w-]{27,40})(?![\w.-])"), "dc"
)
DISCORD_HINT = re.compile(rb"\.[\w-]{6}\.[\w-]{27}")
# The headers of private keys have spaces in them; all other anchors are inside one long word.
_SPACED = [rule for rule in RULES if rule.is_block]
BLOCK_ANCHORS = tuple(rule.anchor for rule in _SPACED)
_ANCHORS = re.compile(
    "|".join(sorted({re.escape(rule.anchor) for rule in RULES if not rule.is_block}, reverse=True)).encode()
)
# The search takes the longest anchor at a place, and `sk-ant-api03-` also stands for `sk-ant-` and `sk-`.
_RULES_BY_FOUND = {
    found.encode(): sorted((rule for rule in RULES if rule.anchor in found), key=lambda rule: -len(rule.anchor))
    for found in {rule.anchor for rule in RULES}
}
_WORD_SIGNS = b"_-.+/=~:@%?&;"
_PARTING = bytes(byte if (byte < 128 and chr(byte).isalnum()) or byte in _WORD_SIGNS else 32 for byte in range(256))


def rules_for(text: str) -> list[Rule]:
    """Give the rules whose anchor occurs in the text, the one with the longest prefix first."""
    words = text.encode("utf-8", "replace").translate(_PARTING).split()
    long_words = b" ".join({word for word in words if len(word) >= SHORTEST})
    rules = [rule for rule in _SPACED if rule.anchor in text]
    for anchor in set(_ANCHORS.findall(long_words)):
        rules += _RULES_BY_FOUND[anchor]
    if DISCORD_HINT.search(long_words):
        rules.append(DISCORD)
    return rules
