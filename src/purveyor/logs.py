"""The form of every process's log lines. Below every room, because every room may log."""

import logging
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


def take_in_libraries(*, least: int) -> None:
    """Let what libraries log, of level `least` and above, become lines of the same form."""
    logging.basicConfig(level=least, handlers=[_FromLibraries()], force=True)


class _FromLibraries(logging.Handler):
    """Hands a library's record to our own logger."""

    def emit(self, record: logging.LogRecord) -> None:
        facts: dict[str, Any] = {"logger": record.name, "text": record.getMessage()}
        if record.exc_info:
            facts["exc_info"] = record.exc_info
        structlog.get_logger(record.name).log(record.levelno, "library", **facts)
