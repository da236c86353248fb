# callee: multiprocessing.Pool
import multiprocessing
import os
import sys


def square(number):
    return number * number


def store(queue, value):
    queue.put((value, multiprocessing.current_process().name, os.getppid() == PARENT))


PARENT = os.getpid()

if __name__ == "__main__":
    with multiprocessing.Pool(2) as pool:
        print(pool.map(square, range(8)), pool.apply_async(square, (12,)).get())
    queue = multiprocessing.Queue()
    process = multiprocessing.Process(target=store, args=(queue, "item"), name="worker")
    process.start()
    print(queue.get())
    process.join()
    print(process.exitcode, multiprocessing.get_start_method(), multiprocessing.active_children())
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        print(pool.map(square, [5]))
    failing = multiprocessing.Process(target=sys.exit, args=(4,))
    failing.start()
    failing.join()
    print(failing.exitcode)
