"""A regular expression that backtracks 2 ** 40 times, in C and without dropping the interpreter lock."""
# expect: timeout
import re
import resource

hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
if hard == resource.RLIM_INFINITY or hard > 50:
    resource.setrlimit(resource.RLIMIT_CPU, (50, 50))
re.match(r"(a+)+$", "a" * 40 + "b")
