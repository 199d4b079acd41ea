"""How the public API page shows requests and replies."""

import json
import re
import shlex
from collections.abc import Iterable
from typing import Any

from django import template
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

from purveyor.site.reference import Parameter

register = template.Library()

_JSON_PART = re.compile(
    r'(?P<key>"(?:[^"\\]|\\.)*")(?=:)|(?P<text>"(?:[^"\\]|\\.)*")|(?P<word>-?\d+(?:\.\d+)?|true|false|null)|(?P<rest>[^"\w-]+|.)',
    re.DOTALL,
)
_QUOTED = re.compile(r"`([^`]+)`")
_PLAIN_VALUE = re.compile(r"[\w.,/-]+", re.ASCII)


@register.filter
def prose(text: object) -> SafeString:
    """A sentence with its `names` marked as code."""
    return mark_safe(_QUOTED.sub(r"<code>\1</code>", escape(str(text))))  # noqa: S308 (escaped here)


@register.filter
def as_json(reply: Any) -> SafeString:
    """A reply as indented JSON, its keys, texts and other values marked for the style sheet."""
    text = json.dumps(reply, indent=4, ensure_ascii=False)
    return mark_safe("".join(_marked(part) for part in _JSON_PART.finditer(text)))  # noqa: S308 (escaped below)


def _marked(part: re.Match[str]) -> str:
    if part.lastgroup == "rest":
        return format_html("{}", part[0])
    return format_html('<span class="json-{}">{}</span>', part.lastgroup, part[0])


@register.simple_tag
def curl_request(url: str, parameters: Iterable[Parameter]) -> str:
    """The call as a curl command that runs as pasted, one parameter a line."""
    lines = [f"curl {shlex.quote(url)}"]
    for parameter in parameters:
        if not parameter.sent:
            continue
        option = "-d" if _PLAIN_VALUE.fullmatch(parameter.sent) else "--data-urlencode"
        lines.append(f"  {option} {shlex.quote(f'{parameter.name}={parameter.sent}')}")
    return " \\\n".join(lines)
