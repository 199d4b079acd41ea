"""Reading the manual's HTML as a person does: its code blocks, its tables, its sections."""

import html
import re

_TAG = re.compile(r"<[^>]+>")
_CODE = re.compile(r'<pre[^>]* aria-label="([^"]*)"[^>]*><code>(.*?)</code></pre>', re.DOTALL)
_ROW = re.compile(r'<th scope="row">(.*?)</th>\s*<td>(.*?)</td>', re.DOTALL)


def text_of(markup: str) -> str:
    """The words of a piece of HTML, blanks run together."""
    return " ".join(html.unescape(_TAG.sub("", markup)).split())


def code_blocks(page: str) -> list[tuple[str, str]]:
    """Each code block's label and its exact text, in the order of the page."""
    return [(html.unescape(label), html.unescape(_TAG.sub("", code))) for label, code in _CODE.findall(page)]


def code_block(page: str, label: str) -> str:
    (code,) = [code for found, code in code_blocks(page) if found == label]
    return code


def rows(markup: str) -> list[tuple[str, str]]:
    """The rows of the tables in it: word and meaning."""
    return [(text_of(word), text_of(meaning)) for word, meaning in _ROW.findall(markup)]


def part(page: str, anchor: str) -> str:
    """The section or folded part with this id."""
    (tag,) = re.findall(rf'<(section|details)\s[^>]*?id="{re.escape(anchor)}"', page)
    _, _, rest = page.partition(f'id="{anchor}"')
    inside, _, _ = rest.partition(f"</{tag}>")
    return inside
