"""Logs of all processes: lines of JSON on standard error, without anything personal."""

import logging
import sys

import structlog
from structlog.typing import Processor

STEPS: tuple[Processor, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)
ENDS: tuple[Processor, ...] = (
    structlog.processors.format_exc_info,
    structlog.processors.JSONRenderer(ensure_ascii=False),
)


def configure() -> None:
    structlog.configure(
        processors=[*STEPS, *ENDS],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        # Looked up for each line: who replaced it for a while has closed theirs since.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )


def json_lines() -> logging.Formatter:
    """The same lines for what libraries tell by the standard library's logging, gunicorn's too."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=list(STEPS),
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *ENDS],
    )


def configure_libraries() -> None:
    """For a process that has no logging of its own: their warnings, on standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(json_lines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
