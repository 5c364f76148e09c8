// Shows a segment picture by picture, at the pace at which it was taken; goes on with the next segment when it played.
"use strict";
(() => {
  const LONGEST_MS = 2000;
  for (const player of document.querySelectorAll("[data-player]")) {
    const times = player.dataset.times.split(",").map(Number);
    const picture = player.querySelector("img");
    const base = picture.getAttribute("src").replace(/0\.jpg$/, "");
    const when = player.querySelector("[data-when]");
    const place = player.querySelector("[data-place]");
    const pause = player.querySelector("[data-pause]");
    const said = { false: pause.textContent, true: pause.dataset.stop };
    const clock = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "short", timeStyle: "medium" });
    let at = 0;
    let running = location.hash === "#play";
    let timer = 0;

    const draw = () => {
      picture.src = `${base}${at}.jpg`;
      when.textContent = `${clock.format(times[at])} · ${at + 1}/${times.length}`;
      place.value = String(at);
      pause.textContent = said[running];
      player.dataset.at = String(at);
    };
    const plan = () => {
      clearTimeout(timer);
      if (!running) return;
      if (at + 1 < times.length) {
        timer = setTimeout(() => { at += 1; draw(); }, Math.min(LONGEST_MS, times[at + 1] - times[at]));
      } else if (player.dataset.next) {
        timer = setTimeout(() => { location.href = `${player.dataset.next}#play`; }, LONGEST_MS / 4);
      } else {
        running = false;
        draw();
      }
    };
    const show = (number) => {
      at = Math.min(times.length - 1, Math.max(0, number));
      draw();
    };

    // The next one is asked for once this one is there: a slow line shows fewer, not later ones.
    picture.addEventListener("load", plan);
    picture.addEventListener("error", () => { running = false; pause.textContent = said[running]; });
    place.addEventListener("input", () => { running = false; show(Number(place.value)); });
    pause.addEventListener("click", () => {
      running = !running;
      show(running && at + 1 === times.length ? 0 : at);
      plan();
    });
    for (const button of player.querySelectorAll("[data-step]")) {
      button.addEventListener("click", () => { running = false; show(at + Number(button.dataset.step)); });
    }
    draw();
    plan();
  }
})();
