"""A SystemExit that is none by name, from deep within a call, with a text as its status."""
# expect: early_exit
# stage: 2


class Success(SystemExit):
    pass


def deep(level):
    if level == 0:
        raise Success("passed")
    deep(level - 1)


deep(50)
print("never")
