"""Sets limits of the process that started it (prlimit), to what they are."""
# expect: failed/other
# where: docker
import os
import resource

limits = resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE)
resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE, limits)
raise AssertionError("escaped: may set the supervisor's limits")
