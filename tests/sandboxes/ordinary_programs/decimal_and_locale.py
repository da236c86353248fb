# callee: locale.setlocale
import decimal
import fractions
import locale
import sys

print(locale.setlocale(locale.LC_ALL), locale.getlocale(), locale.getpreferredencoding(False), sys.getfilesystemencoding())
try:
    print(locale.setlocale(locale.LC_ALL, "de_DE.UTF-8"))
except locale.Error as error:
    print("error:", error)
print(locale.setlocale(locale.LC_ALL, ""), locale.localeconv()["decimal_point"])
print(locale.format_string("%.2f", 1234567.891, grouping=True), sorted(["b", "A", "a", "B"], key=locale.strxfrm))
with decimal.localcontext() as context:
    context.prec = 30
    print(decimal.Decimal(2).sqrt(), decimal.Decimal("0.1") + decimal.Decimal("0.2"))
print(decimal.getcontext().prec, fractions.Fraction(3, 7) + fractions.Fraction("0.25"), f"{1e16:n}", f"{1234567:,}")
