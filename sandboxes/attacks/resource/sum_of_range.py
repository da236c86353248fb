"""sum(range(10 ** 12)): a loop in C over objects that take no memory."""
# expect: timeout
import resource

hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
if hard == resource.RLIM_INFINITY or hard > 50:
    resource.setrlimit(resource.RLIMIT_CPU, (50, 50))
sum(range(10**12))
