"""Your own table in a browser: a file is chosen, its columns picked, and a run trained on it."""

import numpy as np
import pytest

from browser_support import Visitor, browser, served

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

SMALL = "#preset=spirals&step=2&run.problem.architecture.width=4&slice.resolution=11"
DATA = "run.problem.dataset"


def test_a_file_is_uploaded_its_columns_chosen_and_the_run_is_of_it(tmp_path):
    file = tmp_path / "mine.csv"
    rng = np.random.default_rng(0)
    # More than one part of a transfer.
    rows = [f"{x},{y},{'ab'[int(x * y > 0)]},{'x' * 200}" for x, y in rng.normal(size=(2000, 2))]
    file.write_text("\n".join(["width,height,kind,remark", *rows]), encoding="utf-8")
    with browser() as chromium, served("panel", tmp_path / "cache") as url:
        guest = Visitor(chromium, url).open(SMALL)
        guest.at_rest()
        menu = guest.page.locator(f"select[data-path='{DATA}']")
        dialog = guest.page.locator("dialog.uploader")
        menu.select_option("table")
        dialog.wait_for()
        guest.page.keyboard.press("Escape")
        guest.until(lambda: menu.input_value() == "spirals", "the menu to be as it was")
        menu.select_option("table")
        dialog.locator("input[type=file]").set_input_files(file)
        dialog.get_by_text("mine.csv: 2000 rows, 4 columns").wait_for()
        dialog.get_by_label("Target").select_option("kind")
        dialog.get_by_text(
            "Classification into 2 classes (a, b): 2000 rows, 2 features."
        ).wait_for()
        dialog.get_by_role("button", name="Use this table").click()
        dialog.wait_for(state="hidden")
        button = guest.page.locator(f"button[data-path='{DATA}.path']")
        guest.until(lambda: button.count() and button.inner_text() == "mine.csv", "its name")
        guest.press("step")
        guest.at_rest()
        assert guest.step() == 1
        assert f"{DATA}.path=sha256:" in guest.page.url
        assert guest.errors == []
        assert guest.strangers == []
