"""What packages report through ``logging``, shown with ``--verbose``."""

import logging
from collections.abc import Callable


class _Lines(logging.Handler):
    """Passes records on as lines of text."""

    def __init__(self, write: Callable[[str], None]) -> None:
        super().__init__()
        self._write = write

    def emit(self, record: logging.LogRecord) -> None:
        """Writes one record."""
        self._write(self.format(record))


def log_progress(write: Callable[[str], None]) -> None:
    """Passes what a batch is waiting for (INFO records of its engine) to a function; a second call changes nothing."""
    logger = logging.getLogger("apigauge.harness.generation.openai_batch")
    if logger.getEffectiveLevel() > logging.INFO:
        logger.setLevel(logging.INFO)
        logger.addHandler(_Lines(write))


def log_details(write: Callable[[str], None]) -> None:
    """Passes DEBUG records of ``apigauge.*`` to a function; a second call changes nothing."""
    logger = logging.getLogger("apigauge")
    logger.setLevel(logging.DEBUG)
    if not any(isinstance(handler, _Lines) for handler in logger.handlers):
        logger.addHandler(_Lines(write))
