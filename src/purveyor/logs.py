"""The form of every process's log lines. Below every room, because every room may log."""

from typing import Any, Final, TextIO

import structlog

as_logfmt: Final = structlog.processors.LogfmtRenderer(key_order=["at", "level", "event"], drop_missing=True)


def configure(*, form: str, least: int, stream: TextIO) -> None:
    """Let every room's logger in this process write lines of level `least` and above, as json or text."""
    renderer: Any = structlog.processors.JSONRenderer(default=str) if form == "json" else as_logfmt
    structlog.configure(
        processors=[
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=structlog.WriteLoggerFactory(stream),  # a line in one piece: others write there too
    )
