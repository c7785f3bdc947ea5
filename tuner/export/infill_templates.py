"""Write a base's infilling form in the words of the engines and editors that render it themselves.

In: the form of a base. Out: template strings. The texts before and after the cursor go in as they are. A client that
renders a template itself cannot heal the token at the cursor: where it can send both texts apart, that is better.
A base without infilling tokens gets a template of the text before the cursor alone, as it was trained.
"""

from __future__ import annotations

from tuner.fim_forms import FORMS, FimForm

_OLLAMA_CHAT = (
    "{{ range .Messages }}<|im_start|>{{ .Role }}\n{{ .Content }}<|im_end|>\n{{ end }}<|im_start|>assistant\n"
)


def form_named(name: str) -> FimForm:
    """Find a form by the name that stands in a run's manifest."""
    return next(each for each in FORMS if each.name == name)


def infill_template(form: FimForm, before: str, after: str) -> str:
    """Put the two names under which a client knows the texts around the cursor into the form."""
    if form.prefix is None:
        return before
    parts = [f"{form.prefix}{before}", f"{form.suffix}{after}"]
    if form.order == "spm":
        parts.reverse()
    hole = f"{''.join(parts)}{form.middle}"
    heading = (form.here or "").format(path="")  # a client's template knows no path
    return f"{form.asking}{heading}{hole}{form.answering}"


def ollama_template(form: FimForm) -> str:
    """Give Ollama's TEMPLATE. `.Suffix` stands in it for every form: without it Ollama refuses to infill at all."""
    plain = "{{ .Prompt }}"
    if "<|im_end|>" in form.stops:
        plain = "{{ if .Messages }}" + _OLLAMA_CHAT + "{{ else }}{{ .Prompt }}{{ end }}"
    infill = infill_template(form, "{{ .Prompt }}", "{{ .Suffix }}")
    return "{{ if .Suffix }}" + infill + "{{ else }}" + plain + "{{ end }}"
