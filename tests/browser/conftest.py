"""A real Chromium on the real bridge."""

from pathlib import Path

import pytest

from tests.cloud_bridge.conftest import shared_bridge

CHROMIUM = Path("/usr/bin/chromium")
IS_THERE = CHROMIUM.exists()


@pytest.fixture(scope="session")
def bridge(request: pytest.FixtureRequest):
    """The real bridge."""
    return shared_bridge(request)


@pytest.fixture
async def browser():
    if not IS_THERE:
        pytest.skip(f"no {CHROMIUM}: apt-get install chromium fonts-noto-cjk")
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        found = await playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield found
        await found.close()
