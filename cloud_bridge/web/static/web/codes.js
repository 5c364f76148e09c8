// A permit's codes one after the other; without this script they stand below each other. The screen stays awake.
"use strict";
(() => {
  const SHOWN_MS = 700;
  for (const place of document.querySelectorAll("[data-codes]")) {
    const codes = [...place.querySelectorAll("li")];
    const bar = place.querySelector("[data-bar]");
    const pause = place.querySelector("[data-pause]");
    const said = { true: pause.textContent, false: pause.dataset.go };
    let at = 0;
    let running = !matchMedia("(prefers-reduced-motion: reduce)").matches;

    const draw = () => {
      codes.forEach((code, index) => { code.hidden = index !== at; });
      pause.textContent = said[running];
    };
    const step = (by) => {
      at = (at + by + codes.length) % codes.length;
      draw();
    };
    if (codes.length < 2) continue;
    bar.hidden = false;
    pause.addEventListener("click", () => { running = !running; draw(); });
    for (const button of place.querySelectorAll("[data-step]")) {
      button.addEventListener("click", () => { running = false; step(Number(button.dataset.step)); });
    }
    setInterval(() => { if (running) step(1); }, SHOWN_MS);
    draw();
  }
  navigator.wakeLock?.request("screen").catch(() => {});
})();
