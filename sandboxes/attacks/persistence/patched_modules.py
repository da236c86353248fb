"""Patches builtins and the standard library: a sandbox that runs programs in one interpreter passes it on."""
# expect: passed
import builtins
import json
import os
import random
import sys
import types

builtins.poisoned = True
builtins.open = builtins.sorted = lambda *_, **__: None
json.loads = json.dumps = lambda *_, **__: None
os.fork = os.kill = os.listdir = lambda *_: 0
random.seed(1)
random.random = lambda: 4
sys.modules["re"] = types.ModuleType("re")
sys.meta_path.clear()
sys.path_hooks.clear()
