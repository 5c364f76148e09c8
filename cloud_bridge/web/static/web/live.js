// Keeps an open page current: server-sent events replace cards and add events; ages and countdowns tick.
// The server draws and escapes every fragment; this file only puts them in their place.
"use strict";
(() => {
  const body = document.body;
  const words = body.dataset;
  const LONGEST_LIST = 300;
  const SILENT_MS = 25000;

  const $ = (id) => document.getElementById(id);

  function fragment(html) {
    const holder = document.createElement("template");
    holder.innerHTML = html.trim();
    return holder.content.firstElementChild;
  }

  function fill(text, number) {
    return text.replace("%s", String(number));
  }

  // --- time -------------------------------------------------------------------------------------------------

  function age(ms) {
    const seconds = Math.max(0, Math.floor((Date.now() - ms) / 1000));
    if (seconds < 120) return fill(words.secondsAgo, seconds);
    if (seconds < 7200) return fill(words.minutesAgo, Math.floor(seconds / 60));
    return fill(words.hoursAgo, Math.floor(seconds / 3600));
  }

  function left(ms) {
    const seconds = Math.ceil((ms - Date.now()) / 1000);
    if (seconds <= 0) return words.over;
    const two = (n) => String(n).padStart(2, "0");
    const hours = Math.floor(seconds / 3600);
    const rest = `${two(Math.floor((seconds % 3600) / 60))}:${two(seconds % 60)}`;
    return hours ? `${hours}:${rest}` : rest;
  }

  function tick() {
    for (const node of document.querySelectorAll("[data-since]")) {
      const ms = Number(node.dataset.since);
      const text = ms ? age(ms) : words.never;
      if (node.textContent !== text) node.textContent = text;
      node.classList.toggle("old", !ms || Date.now() - ms > 60000);
    }
    for (const node of document.querySelectorAll("[data-until]")) {
      const ms = Number(node.dataset.until);
      const text = left(ms);
      if (node.textContent !== text) node.textContent = text;
      node.classList.toggle("soon", ms - Date.now() < 600000);
    }
  }

  // --- cards ------------------------------------------------------------------------------------------------

  function count() {
    const cards = [...document.querySelectorAll(".card")];
    const put = (id, test) => {
      const node = $(id);
      if (!node) return;
      const number = cards.filter(test).length;
      node.textContent = String(number);
      if (id === "count-alarm") node.parentElement.classList.toggle("bad", number > 0);
    };
    put("count-alarm", (card) => card.dataset.alarm === "1");
    put("count-released", (card) => card.dataset.online === "1" && card.dataset.state === "released");
    put("count-online", (card) => card.dataset.online === "1");
  }

  function placeCard(card) {
    const list = $("cards");
    const rank = (node) => `${node.dataset.rank} ${node.dataset.box}`;
    const next = [...list.children].find((node) => node !== card && node.dataset.box && rank(node) > rank(card));
    if (next ? card.nextElementSibling !== next : card !== list.lastElementChild) list.insertBefore(card, next || null);
  }

  function showBox(html) {
    const card = fragment(html);
    if (!card || !$("cards")) return;
    if (words.onlyBox && card.dataset.box !== words.onlyBox) return;
    const old = $(card.id);
    if (old) old.replaceWith(card);
    else $("cards").append(card);
    document.querySelector("#cards > .empty")?.remove();
    placeCard(card);
    count();
    tick();
  }

  // --- events -----------------------------------------------------------------------------------------------

  function showEvent(html) {
    const list = $("events");
    const row = fragment(html);
    if (!row || !list) return;
    if (words.onlyBox && !row.id.startsWith(`event-${words.onlyBox}-`)) return;
    const old = $(row.id);
    if (old) {
      if (old.dataset.proven === "0" || row.dataset.proven === "1") old.replaceWith(row);
      return;
    }
    row.classList.add("new");
    list.prepend(row);
    if ($("no-events")) $("no-events").hidden = true;
    while (list.children.length > LONGEST_LIST) list.lastElementChild.remove();
  }

  $("alarms-only")?.addEventListener("change", (change) => {
    $("events").classList.toggle("alarms-only", change.target.checked);
  });

  // --- stream -----------------------------------------------------------------------------------------------

  let source = null;
  let heard = Date.now();
  let lastNumber = "";

  function lost(is) {
    const banner = $("lost");
    if (banner) banner.hidden = !is;
    $("live")?.classList.toggle("on", !is);
  }

  function hear(message) {
    heard = Date.now();
    if (message.lastEventId) lastNumber = message.lastEventId;
    lost(false);
  }

  function open() {
    const address = new URL(words.stream, location.href);
    if (lastNumber) address.searchParams.set("after", lastNumber);
    source = new EventSource(address);
    const on = (name, act) => source.addEventListener(name, (message) => { hear(message); act(message.data); });
    on("box", showBox);
    on("event", showEvent);
    on("permit", (number) => {
      if (!words.permit || words.permit === number) body.dispatchEvent(new CustomEvent("permit-changed"));
    });
    on("call", () => body.dispatchEvent(new CustomEvent("call-changed")));
    on("ready", () => body.setAttribute("data-ready", "1"));
    on("beat", () => {});
    on("reload", () => { source.close(); location.reload(); });
    source.onerror = () => {
      lost(true);
      if (source.readyState === EventSource.CLOSED) {
        // The browser gave up (an error status, a bridge that was away): ask again, or sign in again.
        fetch("/healthz").then(() => setTimeout(() => location.reload(), 2000)).catch(() => setTimeout(open, 3000));
      }
    };
  }

  body.addEventListener("htmx:afterSwap", tick);
  document.querySelector("[data-print]")?.addEventListener("click", () => window.print());
  tick();
  setInterval(tick, 1000);
  if (words.stream) {
    open();
    setInterval(() => { if (Date.now() - heard > SILENT_MS) lost(true); }, 1000);
    addEventListener("pagehide", () => source?.close());
  }
})();
