// The screen on the box: draws what /live says, counts on between two words, and says so when nobody speaks.
"use strict";

const SILENT_MS = 4000;
const TURN_MS = 8000;
const FIXED = {
  zh: { lost: "无应答", lost_do: "联锁没有应答，点火已切断。找维护人员。", badge: "工牌", face: "刷脸", nobody: "没有作业票",
    nobody_do: "等待平台下发", more: "另有 {n} 项", qr: "现场码 · 点击放大", receipt: "已接收 {id} · 点击放大", simulation: "仿真", other: "EN" },
  en: { lost: "NO WORD", lost_do: "The interlock is silent; ignition is open. Call maintenance.", badge: "badge", face: "face",
    nobody: "no permit", nobody_do: "wait for the bridge", more: "{n} more", qr: "place code · tap to enlarge",
    receipt: "{id} accepted · tap to enlarge", simulation: "SIMULATION", other: "中" },
};
const asked = new URLSearchParams(location.search).get("lang");
let lang = asked === "en" || asked === "zh" ? asked : localStorage.getItem("lang") || "zh";
let picture = null;
let heardAt = -Infinity;
const shownCodes = {};
let receiptAt = 0;
let told = { key: "", turn: false, whole: 1 };

const $ = (id) => document.getElementById(id);
const words = (key, values = {}) => FIXED[lang][key].replace(/\{(\w+)\}/g, (_, name) => values[name]);

function make(tag, text = "", name = "") {
  const element = document.createElement(tag);
  element.textContent = text;
  if (name) element.className = name;
  return element;
}

function todo(item) {
  const box = make("div", "", "todo");
  box.append(make("p", item.why[lang]), make("strong", item.todo[lang]));
  return box;
}

function proof(name, there) {
  return make("i", `${there ? "✔" : "✘"} ${words(name)}`, there ? "yes" : "no");
}

function person(one) {
  const box = make("div", "", "person");
  const proofs = make("div");
  proofs.append(proof("badge", one.badge), proof("face", one.face));
  box.append(make("span", one.role[lang]), make("b", one.name), proofs);
  return box;
}

function channel(one) {
  const box = make("div", "", one.alarm ? "channel alarm" : "channel");
  box.append(make("small", one.note[lang] ? `${one.gas} · ${one.note[lang]}` : `${one.gas} ${one.name}`),
    make("strong", one.value), make("em", ` ${one.unit}`));
  return box;
}

function span(ms) {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  const two = (number) => String(number).padStart(2, "0");
  const minutes = Math.floor(seconds / 60);
  return minutes >= 60 ? `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

// One code at a time, as large as its place: not every screen can be touched. A new acceptance comes first.
function turn() {
  const first = Math.floor((performance.now() - receiptAt) / TURN_MS) % 2 === 0;
  const receipt = picture && picture.receipt && (first || !picture.qr);
  document.body.dataset.turn = receipt ? "receipt" : "qr";
}

// One movement at a time, as large as the screen; the same arrow twice must be seen to be a new one.
function prompt() {
  const now = picture && picture.prompt;
  const left = now ? now.left_ms - (performance.now() - heardAt) : 0;
  const place = $("prompt");
  place.hidden = !now || left <= 0;
  if (place.hidden) return;
  const key = `${now.person}/${now.done}/${now.action}/${now.result}`;
  if (key !== told.key) told = { key, turn: !told.turn, whole: Math.max(1, left) };
  Object.assign(place.dataset, { action: now.action, result: now.result, turn: told.turn ? "odd" : "even" });
  $("who").textContent = now.name;
  $("say").textContent = now.text[lang];
  $("steps").replaceChildren(...Array.from({ length: now.of }, (_, step) => make("b", "", step < now.done ? "done" : "")));
  $("bar").hidden = now.result !== "open";
  $("bar").firstElementChild.style.transform = `scaleX(${Math.min(1, left / told.whole)})`;
}

function count() {
  turn();
  prompt();
  const lost = performance.now() - heardAt > SILENT_MS;
  if (lost && document.body.dataset.state !== "LOST") draw();
  const first = lost || !picture ? undefined : picture.left[0];
  $("left").hidden = first === undefined;
  if (first === undefined) return;
  $("left").dataset.what = first.what;
  $("left-text").textContent = first.text[lang];
  $("left-time").textContent = span(first.left_ms - (performance.now() - heardAt));
}

// As large as it fits; an instruction that ends in the middle is none, so what does not fit is left out and counted.
function advise() {
  const place = $("todo");
  const more = Object.assign(make("p"), { id: "more" });
  const full = () => place.scrollHeight > place.clientHeight;
  const tell = (n) => {
    more.textContent = n ? words("more", { n }) : "";
    more.hidden = !n;
  };
  place.replaceChildren(...picture.todo.map(todo), more);
  tell(picture.more);
  for (const size of ["large", "middle", "small"]) {
    place.dataset.size = size;
    if (!full()) return;
  }
  for (let left = picture.todo.length; left > 1 && full(); left -= 1) {
    place.children[left - 1].remove();
    tell(picture.more + picture.todo.length - left + 1);
  }
}

// A code that is not there any more must not stay enlarged over everything else.
function code(name, id, said) {
  const button = $(name);
  button.hidden = !id;
  button.lastElementChild.textContent = said;
  if (!id && document.body.dataset.big === name) delete document.body.dataset.big;
  if (!id || id === shownCodes[name]) return;
  shownCodes[name] = id;
  if (name === "receipt") receiptAt = performance.now();
  button.firstElementChild.src = `${name}.svg?${encodeURIComponent(id)}`;
}

function draw() {
  document.documentElement.lang = lang === "zh" ? "zh-CN" : "en";
  $("lang").textContent = words("other");
  const lost = picture === null || performance.now() - heardAt > SILENT_MS;
  document.body.dataset.state = lost ? "LOST" : picture.state;
  $("word").textContent = lost ? words("lost") : picture.word[lang];
  $("lamps").textContent = lost ? words("lost_do") : picture.lamps[lang];
  code("qr", lost ? "" : picture.qr, words("qr"));
  code("receipt", lost ? "" : picture.receipt, words("receipt", { id: lost ? "" : picture.accepted }));
  if (picture === null) return;
  const parts = [picture.box, picture.permit, picture.place, picture.clock].filter((part) => part);
  $("meta").replaceChildren(parts.join(" · "));
  if (picture.simulation) $("meta").prepend(make("span", words("simulation"), "simulation"), " ");
  $("people").replaceChildren(...picture.people.map(person));
  if (!picture.people.length) $("people").append(make("b", words("nobody"), "no"), make("span", words("nobody_do")));
  $("gas").replaceChildren(...picture.gas.map(channel));
  count();
  advise();
}

addEventListener("resize", draw);
$("lang").addEventListener("click", () => {
  lang = lang === "zh" ? "en" : "zh";
  localStorage.setItem("lang", lang);
  draw();
});
for (const name of ["qr", "receipt"]) {
  $(name).addEventListener("click", () => {
    if (document.body.dataset.big === name) delete document.body.dataset.big;
    else document.body.dataset.big = name;
  });
}

new EventSource("live").addEventListener("message", (event) => {
  const heard = JSON.parse(event.data);
  if (heard.lost) {
    heardAt = -Infinity;
  } else {
    picture = heard;
    heardAt = performance.now();
  }
  draw();
  document.body.dataset.ready = "1";
});
setInterval(count, 250);
draw();
