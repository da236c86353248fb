"""Takes the README's picture: ``make picture`` after ``make showcase``; needs chromium."""

import io
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

PICTURE = Path(__file__).parents[1] / "images" / "leaderboard.png"
# As many as the page has, anti-aliased text included: a third of the file's size.
_COLOURS = 48


def main() -> int:
    """Writes the top of the leaderboard in ``SITE`` to ``docs/images/leaderboard.png``."""
    page_address = (Path(sys.argv[1]) / "index.html").resolve().as_uri()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1440, "height": 780}, device_scale_factor=1.25)
        page.goto(page_address)
        picture = page.screenshot()
        browser.close()
    Image.open(io.BytesIO(picture)).convert("RGB").quantize(_COLOURS).save(PICTURE, optimize=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
