"""Where the tests find APIBench's files."""

import os
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]


def apibench_folder() -> Path | None:
    """``$APIGAUGE_DATA``, or ``shared/gorilla`` next to the checkout; None if neither exists."""
    named = os.environ.get("APIGAUGE_DATA")
    folder = Path(named) if named else CHECKOUT.parent / "shared" / "gorilla"
    return folder if (folder / "api").is_dir() else None
