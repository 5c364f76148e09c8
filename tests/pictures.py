"""`python -m tests.pictures [DIR]`: takes the README's pictures from the real thing: site, box, bridge, Chromium."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from firmware_sim.demo.processes import BIN
from firmware_sim.demo.stage import Stage
from firmware_sim.demo.story import Story

CHROMIUM = "/usr/bin/chromium"


def _watch(config: Path, target: Path, lang: str) -> None:
    svg = target.with_suffix(".svg")
    command = [str(BIN / "hotbox"), "-c", str(config), "--lang", lang, "watch", "--picture", str(svg)]
    subprocess.run(command, check=True, env=dict(os.environ), timeout=60)
    subprocess.run(["rsvg-convert", "-w", "1100", str(svg), "-o", str(target)], check=True, timeout=60)
    svg.unlink()


def _bridge(stage: Stage, target: Path, lang: str, size: tuple[int, int], path: str = "/") -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, locale="zh-CN" if lang == "zh" else "en-GB",
            extra_http_headers={"Accept-Language": "zh-hans" if lang == "zh" else "en"},
        )  # fmt: skip
        context.add_cookies([{"name": "django_language", "value": "zh-hans" if lang == "zh" else "en", "url": stage.url}])
        page = context.new_page()
        page.goto(f"{stage.url}/accounts/login/")
        page.fill("input[name=login]", "safety")
        page.fill("input[name=password]", stage.passwords["safety"])
        page.press("input[name=password]", "Enter")
        page.wait_for_url(f"{stage.url}/")
        page.goto(f"{stage.url}{path}")
        page.wait_for_timeout(1500)
        page.screenshot(path=str(target))
        browser.close()


def main() -> None:
    """Play the story up to a release, take pictures, let methane rise, take pictures."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/pictures")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        stage = Stage(Path(temporary), print)
        story = Story(stage)
        try:
            for step in (story.all_up, story.permit_issued, story.people_arrive, story.release_confirmed):
                print(step().detail)
            _watch(stage.config, folder / "watch.png", "en")
            print(story.methane_rises().detail)
            _watch(stage.config, folder / "watch.zh.png", "zh")
            _bridge(stage, folder / "bridge.png", "en", (1280, 860))
            _bridge(stage, folder / "bridge.zh.png", "zh", (1280, 860))
            _bridge(stage, folder / "permit.zh.png", "zh", (390, 844), f"/permits/{story.permit}/")
        finally:
            stage.close()


if __name__ == "__main__":
    main()
