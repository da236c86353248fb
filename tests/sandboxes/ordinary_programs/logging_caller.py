# callee: logging.getLogger
import logging
import logging.handlers
import sys

logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(levelname)s %(filename)s:%(lineno)d %(funcName)s %(name)s %(message)s")
log = logging.getLogger(__name__)


def work():
    log.info("working with %s", {"a": 1})
    helper("from helper")


def helper(text):
    log.warning(text, stacklevel=2)
    try:
        1 / 0
    except ZeroDivisionError:
        log.exception("failed")


work()
log.debug("not shown")
print(log.findCaller()[1:3], log.name, logging.getLogger().handlers[0].formatter is not None)
logging.error("root")
memory = logging.handlers.MemoryHandler(10)
log.addHandler(memory)
log.error("kept", stack_info=True)
print([(one.module, one.lineno, one.funcName) for one in memory.buffer], log.getEffectiveLevel())
