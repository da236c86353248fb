"""9 ** 9 ** 9: one operation that no signal handler, trace function or thread interrupts."""
# expect: timeout | memory
import resource

hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
if hard == resource.RLIM_INFINITY or hard > 50:
    resource.setrlimit(resource.RLIMIT_CPU, (50, 50))
exponent = 9**9
9**exponent
