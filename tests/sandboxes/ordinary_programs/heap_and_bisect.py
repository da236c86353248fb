# callee: heapq.heappush
import bisect
import collections
import heapq
import itertools

queue = []
for word in "the quick brown fox jumps over the lazy dog".split():
    heapq.heappush(queue, (len(word), word))
print([heapq.heappop(queue) for _ in range(4)], heapq.nlargest(2, queue))
print(bisect.bisect([1, 3, 5], 3), list(itertools.batched("abcde", 2)) if hasattr(itertools, "batched") else "none")
print(collections.Counter("mississippi").most_common(2), collections.ChainMap({"a": 1}, {"a": 2, "b": 3})["b"])
names = {"zeta", "alpha", "beta", "gamma"}
print(names, {hash("a") % 97, hash("b") % 97}, dict.fromkeys(names, 0))
print(list(itertools.accumulate([1, 2, 3, 4], initial=0)), [*itertools.pairwise("abc")])
print(collections.deque([1, 2, 3], maxlen=2), collections.OrderedDict(a=1), collections.defaultdict(list, a=[1]))
