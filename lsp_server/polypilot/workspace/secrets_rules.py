"""The kinds of secrets the scan knows, as data.

Every pattern has the same shape, which keeps the scan linear whatever the text is: a
literal prefix, a bounded minimum of characters, then at most one greedy run of a character
class. An attempt that fails therefore fails within a bounded distance, and one that
succeeds consumes what it looked at. Nothing here guesses by entropy.

Prefixes and lengths are the issuers' own published token formats.
"""

from __future__ import annotations

from dataclasses import dataclass

_B64URL = r"[A-Za-z0-9_\-]"
# Left edge: a word boundary, an escape inside a string literal (\n), or a percent escape.
_EDGE = r"(?:\b|\\[nrt]|%[0-9A-F]{2})"


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of secret.

    ``value`` is a pattern with one group: the part of the match that is secret. Without it
    the whole match is.
    """

    kind: str
    pattern: str
    value: str = ""


def _edge(kind: str, pattern: str) -> Rule:
    return Rule(kind, _EDGE + pattern)


# Order matters where prefixes overlap: the first that matches names the kind.
RULES: tuple[Rule, ...] = (
    Rule("aws_access_key", r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b"),
    Rule(
        "aws_secret_key",
        r"(?i:secret_?-?access_?-?key|aws_?-?secret_?-?key|aws_?-?session_?-?token)"
        r"""["']?[ \t]{0,4}(?:=>|:=|[=:,(])[ \t]{0,4}["']?[A-Za-z0-9/+]{40}[A-Za-z0-9/+=]*""",
        r"([A-Za-z0-9/+]{40}[A-Za-z0-9/+=]*)$",
    ),
    Rule("anthropic_key", r"sk-ant-[A-Za-z0-9_\-]{20}" + _B64URL + "*"),
    Rule("openrouter_key", r"sk-or-[A-Za-z0-9_\-]{20}" + _B64URL + "*"),
    Rule("openai_key", r"sk-(?:proj|svcacct|admin|None)-[A-Za-z0-9_\-]{20}" + _B64URL + "*"),
    _edge("openai_key", r"sk-[A-Za-z0-9]{20}[A-Za-z0-9]*"),
    Rule("github_token", r"(?:gh[pousr]_[A-Za-z0-9]{30}|github_pat_[A-Za-z0-9]{20})[A-Za-z0-9_]*"),
    Rule(
        "gitlab_token",
        r"gl(?:pat|dt|rt|cbt|ptt|oas|soat|ft|imt|agent|ffct)-[A-Za-z0-9_\-]{20}[A-Za-z0-9_.\-]*",
    ),
    Rule("google_api_key", r"AIza[A-Za-z0-9_\-]{35}"),
    Rule("google_oauth", r"(?:GOCSPX-[A-Za-z0-9_\-]{24}|ya29\.[A-Za-z0-9_\-]{24})" + _B64URL + "*"),
    Rule(
        "slack_token",
        r"(?:xox[abceoprs](?:\.xox[bp])?-[A-Za-z0-9]{1,4}[A-Za-z0-9\-]{9}|xapp-[0-9]-[A-Z0-9]{8})"
        r"[A-Za-z0-9\-]*",
    ),
    Rule(
        "webhook_url",
        r"(?:hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9/]{20}"
        r"|discord(?:app)?\.com/api/webhooks/[0-9]{15,20}/[A-Za-z0-9_\-]{30})[A-Za-z0-9/_\-]*",
        r"\.com/[a-z]{3,12}/(?:webhooks/)?([A-Za-z0-9/_\-]+)$",
    ),
    Rule(
        "stripe_key",
        r"(?:[rs]k_(?:live|test|prod)_[A-Za-z0-9]{16}|whsec_[A-Za-z0-9]{24})[A-Za-z0-9]*",
    ),
    _edge("npm_token", r"npm_[A-Za-z0-9]{36}"),
    _edge("huggingface_token", r"(?:hf|api_org)_[A-Za-z0-9]{30}[A-Za-z0-9]*"),
    Rule("pypi_token", r"pypi-AgE[A-Za-z0-9_\-]{50}" + _B64URL + "*"),
    _edge("groq_key", r"gsk_[A-Za-z0-9]{32}[A-Za-z0-9]*"),
    _edge("xai_key", r"xai-[A-Za-z0-9]{40}[A-Za-z0-9]*"),
    _edge("perplexity_key", r"pplx-[A-Za-z0-9]{32}[A-Za-z0-9]*"),
    _edge("replicate_token", r"r8_[A-Za-z0-9]{32}[A-Za-z0-9]*"),
    _edge("cerebras_key", r"csk-[a-z0-9]{40}[a-z0-9]*"),
    _edge("nvidia_key", r"nvapi-[A-Za-z0-9_\-]{40}" + _B64URL + "*"),
    _edge("together_key", r"tgp_v1_[A-Za-z0-9_\-]{30}" + _B64URL + "*"),
    Rule("sendgrid_key", r"SG\.[A-Za-z0-9_\-]{22}\.[A-Za-z0-9_\-]{43}"),
    _edge("twilio_key", r"SK[0-9a-f]{32}\b"),
    _edge("mailgun_key", r"key-[0-9a-f]{32}\b"),
    _edge("telegram_token", r"[0-9]{8,10}:AA[A-Za-z0-9_\-]{33}"),
    Rule(
        "azure_key",
        r"(?i:AccountKey|SharedAccessKey)[ \t]{0,3}=[ \t]{0,3}[A-Za-z0-9+/]{42}[A-Za-z0-9+/=]*",
        r"([A-Za-z0-9+/]{42}[A-Za-z0-9+/=]*)$",
    ),
    Rule("azure_sas", r"[?&;]sig=[A-Za-z0-9%+/]{40}[A-Za-z0-9%+/=]*", r"=([A-Za-z0-9%+/=]+)$"),
    Rule("shopify_token", r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}"),
    Rule("digitalocean_token", r"do[opr]_v1_[0-9a-f]{64}"),
    _edge("databricks_token", r"dapi[0-9a-f]{32}(?:-[0-9])?"),
    Rule("atlassian_token", r"ATATT3[A-Za-z0-9_\-]{60}[A-Za-z0-9_=\-]*"),
    _edge("vault_token", r"hv[sbr]\.[A-Za-z0-9_\-]{24}" + _B64URL + "*"),
    Rule("terraform_token", r"\.atlasv1\.[A-Za-z0-9_\-]{40}[A-Za-z0-9_=\-]*"),
    Rule("grafana_token", r"(?:glsa_[A-Za-z0-9]{32}|glc_eyJ[A-Za-z0-9+/]{30})[A-Za-z0-9_+/=]*"),
    Rule("linear_key", r"lin_(?:api|oauth)_[A-Za-z0-9]{32}[A-Za-z0-9]*"),
    _edge("notion_token", r"ntn_[A-Za-z0-9]{40}[A-Za-z0-9]*"),
    Rule("docker_token", r"dckr_(?:pat|oat)_[A-Za-z0-9_\-]{27}" + _B64URL + "*"),
    _edge("doppler_token", r"dp\.(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9_.\-]{36}[A-Za-z0-9_.\-]*"),
    Rule("newrelic_key", r"NRAK-[A-Z0-9]{27}"),
    Rule("sentry_token", r"sntry[su]_[A-Za-z0-9+/=_]{40}[A-Za-z0-9+/=_]*"),
    Rule("square_token", r"sq0(?:atp|csp|idp)-[A-Za-z0-9_\-]{22}" + _B64URL + "*"),
    Rule("supabase_token", r"sbp_[0-9a-f]{40}"),
    Rule("postman_key", r"PMAK-[0-9a-f]{24}-[0-9a-f]{34}"),
    Rule("planetscale_token", r"pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_.=\-]{32}[A-Za-z0-9_.=\-]*"),
    Rule("rubygems_key", r"rubygems_[0-9a-f]{48}"),
    Rule("age_key", r"AGE-SECRET-KEY-1[A-Z0-9]{58}"),
    Rule(
        "authorization_header",
        r"""(?i:authorization)["']?[ \t]{0,3}[:=,][ \t]{0,3}[a-z]?["']?"""
        r"(?i:basic|bearer|token)[ \t]{1,3}"
        r"[A-Za-z0-9+/_.~\-]{16}[A-Za-z0-9+/_.~=\-]*",
        r"[ \t]([A-Za-z0-9+/_.~=\-]+)$",
    ),
    # The issuers without a prefix of their own (Azure's and Mistral's 32 characters, and
    # many more) are found by the name of what they are assigned to.
    Rule(
        "named_key",
        r"(?i:api_?-?key|secret_?-?key|access_?-?token|auth_?-?token|client_?-?secret)"
        r"""["']?[ \t]{0,3}(?:=>|:=|[=:])[ \t]{0,3}["']?[A-Za-z0-9_\-]{32}[A-Za-z0-9_\-]*""",
        r"([A-Za-z0-9_\-]{32,})$",
    ),
    Rule("url_password", r"""://[^\s/?#@:"'<>`]{0,64}:[^\s/@"'<>`]{1,160}@""", r"^://[^:]*:(.*)@$"),
    _edge("jwt", r"eyJ[A-Za-z0-9_\-]{10}[A-Za-z0-9_\-]*(?:\.[A-Za-z0-9_\-]*){0,4}"),
)

CHECKED = frozenset({"jwt", "named_key", "url_password"})
"""Kinds whose match is only a candidate; `secrets` looks at it again."""

PEM_MARK = r"-----(?:BEGIN|END) [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
PEM = "private_key"
