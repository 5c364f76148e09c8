"""A permit without a network, the whole way: the bridge's page on a phone, the box's camera, its screen, and back."""

import asyncio
import os
import subprocess
import tempfile
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest
import zxingcpp

from contracts import parts
from edge import sockets
from tests.browser.reader import signed_in
from tests.cloud_bridge.box_side import BoxLog, connected
from tests.cloud_bridge.running import until
from tests.edge.cli.box import PYTHON, make_idle
from tests.edge.link.site import free_port
from tests.edge.presence.box import simulated_site

pytestmark = pytest.mark.timeout(240)  # a bridge, a site, a browser and a camera, on a busy machine

BOX = "box-air-gap"
WIDTH = 360
PICTURES = Path(os.environ["QR_PICTURES"]) if "QR_PICTURES" in os.environ else None
"""Where the pictures of this story are kept for somebody to look at; nowhere, by default."""


@pytest.fixture(scope="module")
def camera():
    with tempfile.TemporaryDirectory(prefix="hb-eye-") as folder, simulated_site(Path(folder), "camera") as site:
        yield site


@pytest.fixture(scope="module")
def box(bridge, camera):
    """Interlock and link that trust this bridge and cannot reach it; the screen's page; a camera."""
    for made in make_idle():
        settings = made.read()
        made.port = free_port()
        settings |= {"box": BOX, "kiosk": {"host": "127.0.0.1", "port": made.port}}
        settings["metrics"] = {"host": "127.0.0.1", "port": free_port()}
        settings["vision"]["camera"] = msgspec.json.decode((camera.directory / "site.json").read_bytes())["camera"]["url"]
        public = bridge.data / "public"
        settings["bridge"] = {
            "broker_host": "127.0.0.1", "broker_port": free_port(), "id": "bridge", "permit_keys": str(public / "permit_keys.json"),
            "command_keys": str(public / "command_keys.json"), "witness": str(public / "witness.vkey"),
        }  # fmt: skip
        made.write(settings)
        inner, outer = sockets.pair()
        made.start(link=inner)
        os.set_inheritable(outer.fileno(), True)
        link = subprocess.Popen(
            [PYTHON, "-m", "edge.process", "link", str(made.config), f"link={outer.fileno()}"], pass_fds=[outer.fileno()]
        )
        vkey = (made.folder / "data" / "log.vkey").read_text().strip()
        bridge.cli("box", "add", BOX, "--vkey", vkey)
        try:
            yield made
        finally:
            link.terminate()
            assert link.wait(20) == 0
            inner.close()
            outer.close()


def issued(bridge):
    """Applied for and approved by two; signed by the bridge."""
    jti = bridge.visitor("shen").apply(BOX)
    for approver in ("fang", "zhou"):
        bridge.visitor(approver).approve(jti)
    reader = bridge.visitor("fang")
    until(lambda: reader.json(f"/api/v1/permits/{jti}")["jws"])
    return jti


async def known(bridge):
    """The bridge has heard of the box's rules, in the days when there was a network."""
    async with connected(BoxLog(BOX), bridge.host, bridge.port) as side:
        await side.state("LOCKED", baseline="SIMULATION")
    reader = await asyncio.to_thread(bridge.visitor, "fang")
    await asyncio.to_thread(until, lambda: reader.json(f"/api/v1/boxes/{BOX}")["baseline"] == "SIMULATION")


def seen(png):
    """The codes in a picture of a screen."""
    picture = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_GRAYSCALE)
    return [code.text for code in zxingcpp.read_barcodes(picture, formats=zxingcpp.BarcodeFormat.QRCode)]


async def shoot(page, name, **options):
    """A picture of what the page shows."""
    png = await page.screenshot(**options)
    if PICTURES is not None:
        (PICTURES / f"{name}.png").write_bytes(png)
    return png


async def photographed(page, folder):
    """Step through the codes by hand, a picture of the phone's screen each."""
    count = await page.locator("[data-codes] li").count()
    files = []
    await page.locator("[data-pause]").click()
    for number in range(count):
        at = page.locator("[data-codes] li:not([hidden])")
        assert await at.count() == 1, "one code at a time"
        frame = await at.locator("img").bounding_box()
        assert frame["width"] >= 0.75 * WIDTH, "large on a small phone"
        clip = {"x": 0, "y": max(0, frame["y"] - 12), "width": WIDTH, "height": frame["height"] + 60}
        png = await shoot(page, f"code-{number + 1}", clip=clip)
        files.append(folder / f"{number}.png")
        files[-1].write_bytes(png)
        await page.locator("[data-step='1']").click()
    return files


@pytest.mark.parametrize("language", ["zh-hans", "en"])
async def test_a_permit_reaches_a_box_without_a_network_and_its_acceptance_comes_back(
    bridge, browser, box, camera, tmp_path, language
):
    """PTW-09, PTW-17, BOX-03: every step through the interface that a person uses."""
    await known(bridge)
    jti = await asyncio.to_thread(issued, bridge)
    page, faults = await signed_in(bridge, browser, "fang", language, WIDTH)
    await page.goto(f"{bridge.url}/permits/{jti}/")
    await page.get_by_role("link", name={"zh-hans": "显示为二维码", "en": "Show as codes"}[language]).click()
    await page.wait_for_url(f"**/permits/{jti}/qr/")
    await shoot(page, f"phone-{language}", full_page=True)
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing runs out of the page"
    first = await page.locator("[data-codes] li:not([hidden]) p").inner_text()
    await page.wait_for_function("said => document.querySelector('[data-codes] li:not([hidden]) p').innerText !== said", arg=first)
    files = await photographed(page, tmp_path)
    assert all(parts.is_part(*seen(file.read_bytes())) for file in files)

    camera.set("camera", "show", *files)
    shown = await asyncio.to_thread(box.hotbox, "permit", "import", "--camera", "--seconds", "40")
    camera.set("camera", "empty")
    assert shown.returncode == 0, shown.stderr
    assert f"{len(files)} of {len(files)}, all read" in shown.stderr
    assert f"permit {jti} accepted" in shown.stdout

    kiosk = await browser.new_page(viewport={"width": 800, "height": 480})
    await kiosk.goto(f"http://127.0.0.1:{box.port}/")
    receipt = kiosk.locator("#receipt")
    await receipt.filter(has_text=jti).wait_for()
    await kiosk.wait_for_function("() => document.querySelector('#receipt img').naturalWidth > 0")
    await kiosk.evaluate("document.querySelector('#receipt img').decode()")
    await shoot(kiosk, f"kiosk-{language}")
    await receipt.dispatch_event("click")  # where it is not shown at this instant, a finger would wait for its turn
    await kiosk.locator("body[data-big=receipt]").wait_for()
    await kiosk.evaluate("new Promise(painted => requestAnimationFrame(() => requestAnimationFrame(painted)))")
    (text,) = seen(await shoot(kiosk, f"kiosk-receipt-{language}"))
    assert text == shown.stdout.rstrip().splitlines()[-1], "the screen and the command line say the same"
    await kiosk.close()

    await page.fill("[name=acceptance]", text[:-6] + "AAAAAA")
    await page.locator("form.stack button").click()
    await page.locator(".error").wait_for()
    assert faults.pop().startswith("Failed to load resource"), "422: it was refused"
    await page.fill("[name=acceptance]", text)
    await page.locator("form.stack button").click()
    await page.locator(".chip.accepted").wait_for()
    await shoot(page, f"accepted-{language}")
    assert "QR · " in await page.locator("#permit-trail").inner_text()
    assert faults == []
    await page.context.close()


async def test_the_codes_can_be_read_without_script(bridge, browser, box, tmp_path):
    """All of them below each other; nothing needs to move."""
    await known(bridge)
    jti = await asyncio.to_thread(issued, bridge)
    page, _ = await signed_in(bridge, browser, "fang", "zh-hans", WIDTH)
    still = await browser.new_context(
        viewport={"width": WIDTH, "height": 800}, java_script_enabled=False, storage_state=await page.context.storage_state()
    )
    plain = await still.new_page()
    await plain.goto(f"{bridge.url}/permits/{jti}/qr/")
    read = parts.Collection()
    for text in seen(await plain.screenshot(full_page=True)):
        read = read.add(parts.read(text))
    reader = await asyncio.to_thread(bridge.visitor, "fang")
    signed = (await asyncio.to_thread(reader.json, f"/api/v1/permits/{jti}"))["jws"]
    assert read.newest.payload().decode() == signed
    await still.close()
    await page.context.close()
