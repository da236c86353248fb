# callee: multiprocessing.Value
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import shared_memory


def add(counter, lock):
    for _ in range(100):
        with lock:
            counter.value += 1


def cube(n):
    return n**3


if __name__ == "__main__":
    counter, lock = multiprocessing.Value("i", 0), multiprocessing.Lock()
    workers = [multiprocessing.Process(target=add, args=(counter, lock)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    print(counter.value)
    memory = shared_memory.SharedMemory(create=True, size=16)
    memory.buf[:3] = b"abc"
    again = shared_memory.SharedMemory(memory.name)
    print(bytes(again.buf[:3]))
    again.close()
    memory.close()
    memory.unlink()
    with ProcessPoolExecutor(2) as executor:
        print(list(executor.map(cube, range(5))))
    with multiprocessing.Manager() as manager:
        shared = manager.dict(a=1)
        worker = multiprocessing.Process(target=shared.update, args=({"b": 2},))
        worker.start()
        worker.join()
        print(dict(shared))
    left, right = multiprocessing.Pipe()
    left.send({"key": [1, 2]})
    print(right.recv())
