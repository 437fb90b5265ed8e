"""Logging, set up once per process."""

import logging
import sys
import time


def set_up_logging(level: str = "INFO") -> None:
    """Log to standard error, one line per record, times in UTC."""
    handler = logging.StreamHandler(sys.stderr)
    formatter = logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    formatter.converter = time.gmtime
    formatter.default_msec_format = "%s.%03dZ"
    handler.setFormatter(formatter)
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for noisy in ("aio_pika", "aiormq", "pika", "uvicorn"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
