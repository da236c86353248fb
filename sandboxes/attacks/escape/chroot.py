"""Changes its root directory: with an open descriptor outside, chroot is the classic way out of a chroot."""
# expect: failed/other
# where: docker process
import os

os.chroot(".")
raise AssertionError("escaped: changed its root")
