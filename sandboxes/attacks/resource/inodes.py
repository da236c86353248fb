"""Makes 200,000 empty files: no bytes, so that no limit on bytes notices.

The cleaning afterwards must not take longer than the making, nor list everything before it deletes anything.
"""
# expect: failed/other | timeout | memory
# where: docker
import os

for number in range(200_000):
    os.close(os.open(f"/tmp/{number:07d}", os.O_CREAT | os.O_WRONLY))
