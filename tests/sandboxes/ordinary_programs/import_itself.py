# callee: print
import sys

print("running as", __name__)
if __name__ == "__main__":
    from pathlib import Path

    name = Path(__file__).stem
    again = __import__(name)
    print(again.__name__, again is sys.modules["__main__"], again.LATER)
LATER = "defined later"
