"""Recursion without end."""
# expect: failed/other


def down():
    return down()


down()
