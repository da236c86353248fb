"""Raises its own hard limits."""
# expect: passed
# where: docker process
import resource

for name in [name for name in dir(resource) if name.startswith("RLIMIT_")]:
    kind = getattr(resource, name)
    hard = resource.getrlimit(kind)[1]
    if hard == resource.RLIM_INFINITY:
        continue
    try:
        resource.setrlimit(kind, (hard, hard + 1))
    except (OSError, ValueError):
        continue
    raise AssertionError(f"escaped: raised {name} from {hard}")
for kind in (resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE, resource.RLIMIT_CORE):
    if resource.getrlimit(kind)[1] == resource.RLIM_INFINITY:
        raise AssertionError(f"escaped: limit {kind} is infinite")
