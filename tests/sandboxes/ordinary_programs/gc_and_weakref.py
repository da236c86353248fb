# callee: weakref.ref
import gc
import sys
import weakref


class Node:
    def __init__(self, name):
        self.name = name

    def __del__(self):
        print("deleted", self.name)


node = Node("single")
reference = weakref.ref(node, lambda _: print("callback"))
print(sys.getrefcount(node), reference() is node, weakref.getweakrefcount(node))
del node
print(reference())
one, two = Node("one"), Node("two")
one.other, two.other = two, one
gc.disable()
del one, two
print("collecting")
gc.collect()
print(gc.isenabled(), gc.get_threshold(), gc.garbage)
weakref.finalize(Node("kept"), print, "finalized")
table = weakref.WeakValueDictionary(a=(kept := Node("value")))
print(dict(table) == {"a": kept})
del kept
print(len(table))
