# callee: unittest.main
import io
import sys
import unittest
from unittest import mock


def greet(name):
    return f"hello {name}"


class GreetTest(unittest.TestCase):
    def setUp(self):
        self.name = "ann"

    def test_greets(self):
        self.assertEqual(greet(self.name), "hello ann")

    def test_many(self):
        for name in ("a", "b"):
            with self.subTest(name=name):
                self.assertIn(name, greet(name))

    @unittest.expectedFailure
    def test_wrong(self):
        self.assertEqual(greet("x"), "x")

    @mock.patch("__main__.greet", return_value="patched")
    def test_patched(self, patched):
        self.assertEqual(greet("y"), "patched")
        patched.assert_called_once_with("y")


program = unittest.main(argv=["own"], exit=False, testRunner=unittest.TextTestRunner(stream=io.StringIO()))
print(program.result, program.result.wasSuccessful(), program.module.__name__)
suite = unittest.defaultTestLoader.loadTestsFromTestCase(GreetTest)
print(suite.countTestCases(), sorted(case.id() for case in suite), file=sys.stderr)
