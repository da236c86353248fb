# callee: warnings.warn
import sys
import warnings


def old():
    warnings.warn("old is deprecated", DeprecationWarning, stacklevel=2)


def careless():
    warnings.warn("here")


class Custom(UserWarning):
    pass


old()
careless()
careless()
warnings.warn("custom kind", Custom)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    old()
    warnings.warn_explicit("explicit", UserWarning, "elsewhere.py", 12)
print([(str(one.message), one.category.__name__, one.lineno, one.filename == __file__) for one in caught])
warnings.simplefilter("error")
try:
    warnings.warn("raised")
except UserWarning as error:
    print("error", error, error.__traceback__.tb_lineno)
print(sorted({one[0] for one in warnings.filters}), "__warningregistry__" in globals())
open("unclosed.txt", "w").close()
