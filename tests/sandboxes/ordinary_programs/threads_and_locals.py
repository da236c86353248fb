# callee: threading.Thread
import queue
import threading
from concurrent.futures import ThreadPoolExecutor, as_completed

local = threading.local()
results = queue.Queue()


def work(number):
    local.value = number
    results.put((threading.current_thread().name, local.value))


threads = [threading.Thread(target=work, args=(n,), name=f"t{n}") for n in range(4)]
for thread in threads:
    thread.start()
    thread.join()
print([results.get() for _ in threads], hasattr(local, "value"), threading.active_count())
print(threading.main_thread() is threading.current_thread(), threading.current_thread().name)
with ThreadPoolExecutor(3, thread_name_prefix="pool") as pool:
    futures = {pool.submit(pow, n, 2): n for n in range(5)}
    print(sorted((futures[done], done.result()) for done in as_completed(futures)))
    print(type(pool.submit(int, "x").exception()).__name__)
barrier, event = threading.Barrier(2), threading.Event()
threading.Timer(0.05, event.set).start()
print(event.wait(5), threading.Thread(target=barrier.wait).start(), barrier.wait(5) in (0, 1))


def broken():
    raise ValueError("in a thread")


threading.excepthook = lambda info: print("hook", info.exc_type.__name__, info.exc_value)
thread = threading.Thread(target=broken)
thread.start()
thread.join()
threading.Thread(target=lambda: (event.wait(), print("last thread"))).start()
