"""Write an audit as one offline HTML page with pictures: no script, no request, every text of the repository escaped.

In: an `Audit`. Out: the page as text. Pictures are drawn by `pictures`, the layout is `audit.html.j2`.
"""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from tuner.dataset import pictures
from tuner.dataset.audit import LONG_LINE, Audit
from tuner.dataset.audit_text import day, length_names, verdict
from tuner.dataset.shares import Share
from tuner.visible import visible


def as_page(audit: Audit) -> str:
    """Draw the whole audit."""
    environment = Environment(
        loader=PackageLoader("tuner.dataset", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["visible"] = visible
    environment.filters["percent"] = lambda share: f"{share:.1%}"
    environment.filters["count"] = lambda count: "not recorded" if count is None else f"{count:,}"
    return environment.get_template("audit.html.j2").render(
        audit=audit,
        total=audit.total,
        verdict=verdict(audit),
        long_line=LONG_LINE,
        cut_day=day(audit.cut.committed_at),
        supervision=_supervision(audit),
        lengths=_lengths(audit),
        timeline=_timeline(audit),
        shares=[
            ("Languages", "language", _with_bars(audit.languages)),
            ("Folders", "folder", _with_bars(audit.folders)),
        ],
        funnel=[(step, _kept(step.before, step.after)) for step in audit.funnel],
    )


def _supervision(audit: Audit) -> dict[str, Markup]:
    """Draw for each kind that has rows how much of it is supervised."""
    drawn: dict[str, Markup] = {}
    for kind, each in audit.kinds.items():
        learned = each.supervised / max(1, each.tokens)
        parts = [("supervised", learned, "learned"), ("masked", 1 - learned, "masked")]
        drawn[kind] = pictures.stacked(parts, f"{kind}: {learned:.1%} supervised") if each.rows else Markup()
    return drawn


def _lengths(audit: Audit) -> list[tuple[str, int, Markup]]:
    names = [f"{name} tokens" for name in length_names(audit.max_tokens)]
    return [
        (kind, each.rows, pictures.histogram(each.lengths, names, f"lengths of the {each.rows} rows of kind {kind}"))
        for kind, each in audit.kinds.items()
        if each.rows
    ]


def _timeline(audit: Audit) -> Markup:
    found = audit.ages
    label = f"training tokens and evaluation items by {found.unit}; the cut lies in {found.names[found.cut]}"
    return pictures.timeline(found.tokens, found.items, found.names, found.cut, label)


def _with_bars(found: list[Share]) -> list[tuple[Share, Markup]]:
    most = max((max(each.token_share, each.item_share) for each in found), default=1.0)
    return [(each, pictures.pair_of_bars(each.token_share, each.item_share, most)) for each in found]


def _kept(before: int | None, after: int | None) -> Markup:
    if not before or after is None:
        return Markup()
    share = min(1.0, after / before)
    parts = [("kept", share, "learned"), ("dropped", 1 - share, "masked")]
    return pictures.stacked(parts, f"{share:.1%} kept")
