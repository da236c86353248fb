# callee: logging.warning
import logging
import sys

logging.basicConfig(format="%(filename)s:%(lineno)d:%(funcName)s:%(message)s")


def report():
    logging.warning("inside a function")
    logging.warning("one level up", stacklevel=2)


logging.warning("at the top")
report()
logging.warning("with %s and %d", "text", 3)
logging.captureWarnings(True)
import warnings

warnings.warn("captured")
print(sys.stderr.line_buffering, logging.lastResort.level, logging.getLevelName(30))
