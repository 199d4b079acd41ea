"""The example programs of the public page: real files, shown with this panel's own address."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

EXAMPLE_URL: Final = "https://panel.example/api/v2"
"""The address in the files; a page and a download have the panel's own in its place."""
EXAMPLE_KEY: Final = "YOUR_API_KEY"

_FOLDER = Path(__file__).parent / "examples"


@dataclass(frozen=True, kw_only=True)
class Example:
    """An example program in one language."""

    language: str
    file_name: str
    media_type: str
    code: str

    def with_url(self, url: str) -> str:
        """The program as it runs against the API at `url`."""
        return self.code.replace(EXAMPLE_URL, url)


def _example(language: str, file_name: str, media_type: str) -> Example:
    code = (_FOLDER / file_name).read_text(encoding="utf-8")
    return Example(language=language, file_name=file_name, media_type=media_type, code=code)


EXAMPLES: Final = (
    _example("PHP", "api.php", "application/x-httpd-php"),
    _example("Python", "api.py", "text/x-python"),
    _example("JavaScript", "api.mjs", "text/javascript"),
    _example("curl", "api.sh", "application/x-sh"),
)
