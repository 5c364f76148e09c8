"""The report of a case in a real Chromium: it prints on A4, runs nothing and asks nobody (PTW-06)."""

import re
import zipfile

import pytest

from edge.audit.case import pack, span
from tests.edge.audit.site import Station, append_all, witness
from tests.edge.audit.work import PERMIT, morning


@pytest.fixture
def case(tmp_path):
    """A case of a morning's work, with names that carry markup, unpacked."""
    station = Station(tmp_path / "log")
    log = station.open(checkpoint_s=60)
    append_all(log, morning())
    witness(station, log)
    log.close()
    reader = station.reader()
    pack.export(reader, tmp_path / "case.zip", span.of_permit(reader, PERMIT), station.trust())
    reader.close()
    with zipfile.ZipFile(tmp_path / "case.zip") as opened:
        opened.extractall(tmp_path / "case")
    return tmp_path / "case"


@pytest.mark.parametrize(("language", "words"), [("zh", ("动火作业案卷", "切断", "首出原因")), ("en", ("Hot-work case", "Trips", "First-out"))])
async def test_it_prints_on_a4_and_nothing_of_an_events_text_runs(browser, case, language, words):
    """Each trip, its limit and its gas are on paper; a <script> in a name is a name."""
    context = await browser.new_context(viewport={"width": 794, "height": 1123})
    page = await context.new_page()
    asked, faults = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("dialog", lambda dialog: faults.append(dialog.message))
    page.on("console", lambda message: faults.append(message.text))
    await page.goto((case / f"report.{language}.html").as_uri())
    await page.emulate_media(media="print")
    for word in words:
        assert await page.get_by_text(word, exact=True).count() > 0
    assert await page.locator("svg path.limit").count() == 1
    assert await page.locator("svg path.trip").count() == 1
    assert await page.locator("script, img, link, a").count() == 0
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing runs off the paper"
    printed = await page.pdf(prefer_css_page_size=True)
    width, height = re.search(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", printed).groups()
    assert (round(float(width)), round(float(height))) == (595, 842)
    assert len(asked) == 1
    assert faults == []
    await context.close()
