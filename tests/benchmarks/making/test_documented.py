import pytest

from apigauge.benchmarks.making.documented import has_noise, is_documented, is_of_a_process


@pytest.mark.parametrize(("printed", "want"), [
    ("12.566370614359172", "12.566"),
    ("12.566370614359172", "12.5663..."),
    ("array([ 1.,  2.])", "array([1., 2.])"),
    ("array([1.5, 2. ])", "array([ 1.50,\n        2.00])"),
    ("np.float64(0.25)", "0.25"),
    ("[np.int64(3), np.True_]", "[3, True]"),
    ("<a.B object at 0x7f1234567890>", "<a.B object at ...>"),
    ("first\n\nlast\n", "first\n<BLANKLINE>\nlast"),
    ("[1, 2, 3, 4, 5]", "[1, ..., 5]"),
    ("(1, 2)", "..."),
    ("nan", "nan"),
    ("1e-08", "1.0e-8"),
    (" ".join(map(str, range(3000))), " ".join(map(str, range(3000)))),
])  # fmt: skip
def test_what_is_printed_is_the_documented_text(printed, want):
    assert is_documented(printed, want)


@pytest.mark.parametrize(("printed", "want"), [
    ("12.6", "12.5"),
    ("12", "13"),
    ("12", "1 2"),
    ("[1, 2]", "[1, 2, 3]"),
    ("[1, 2, 3]", "[1, 2]"),
    ("x1", "x2"),
    ("0.12", "0.25"),
    ("0.3", "'0.3'"),
    ("[1, 2]", "[1, ..., 2, 2]"),
    ("", "1"),
    ("3", "True"),
    (" ".join(map(str, range(3000))), " ".join(map(str, range(3001)))),
])  # fmt: skip
def test_what_differs_is_noticed(printed, want):
    assert not is_documented(printed, want)


def test_addresses_and_rounding_errors_are_recognised():
    assert is_of_a_process("<a.B object at 0x7f1234567890>")
    assert not is_of_a_process("0x10")
    assert has_noise("[1.0, 2.2204460e-16]")
    assert not has_noise("1e-10 and x1e-16")
