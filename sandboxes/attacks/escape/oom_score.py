"""Asks the kernel to kill anything but itself when memory runs out."""
# expect: failed/other
# where: docker process

with open("/proc/self/oom_score_adj", "w") as file:
    file.write("-1000")
raise AssertionError("escaped: cannot be killed for memory")
