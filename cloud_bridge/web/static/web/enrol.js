// Takes a person's pictures with the phone's camera and sends them at once. They exist in this page's memory only: there is
// no file to choose, nothing is stored, and whatever the answer is, they are wiped.
"use strict";
(() => {
  const WIDTH = 640;
  const HEIGHT = 480;
  const QUALITY = 0.9;
  const PAUSE_MS = 1500;

  const place = document.querySelector("[data-enrol]");
  if (!place) return;
  const $ = (name) => place.querySelector(`[data-${name}]`);
  const words = place.dataset;
  const prompts = words.prompts.split("|");
  const video = $("video");
  const start = $("start");
  const said = $("said");

  const pause = (ms) => new Promise((done) => setTimeout(done, ms));

  function say(text, tone) {
    said.textContent = text;
    said.className = `banner ${tone}`;
    said.hidden = false;
  }

  async function open() {
    // Front camera first: the person looks at the prompts. A frame of 4:3, as the box's camera sees people.
    const wanted = { facingMode: "user", width: { ideal: WIDTH }, height: { ideal: HEIGHT } };
    const stream = await navigator.mediaDevices.getUserMedia({ audio: false, video: wanted });
    video.srcObject = stream;
    await video.play();
    return stream;
  }

  function shoot() {
    // Cut to 4:3 around the middle, as large as the camera gives it up to 640 x 480.
    const canvas = document.createElement("canvas");
    const scale = Math.min(video.videoWidth / 4, video.videoHeight / 3);
    const [wide, high] = [scale * 4, scale * 3];
    canvas.width = Math.min(WIDTH, Math.round(wide));
    canvas.height = Math.round((canvas.width * 3) / 4);
    const left = (video.videoWidth - wide) / 2;
    const top = (video.videoHeight - high) / 2;
    canvas.getContext("2d").drawImage(video, left, top, wide, high, 0, 0, canvas.width, canvas.height);
    return canvas;
  }

  function show(canvas) {
    const item = document.createElement("li");
    item.append(canvas);
    $("taken").append(item);
  }

  function wipe() {
    for (const canvas of place.querySelectorAll("canvas")) {
      canvas.width = 0;
      canvas.height = 0;
    }
    $("taken").replaceChildren();
  }

  const encoded = (canvas) => canvas.toDataURL("image/jpeg", QUALITY).split(",", 2)[1];

  async function send(stills) {
    const token = place.querySelector("[name=csrfmiddlewaretoken]").value;
    const answer = await fetch(words.to, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRFToken": token },
      body: JSON.stringify({ consent: Number(words.consent), stills }),
    });
    return answer.json();
  }

  async function take() {
    const stills = [];
    const most = Math.min(Number(words.most), prompts.length);
    while (stills.length < most) {
      $("prompt").textContent = `${stills.length + 1}/${most} ${prompts[stills.length]}`;
      await pause(PAUSE_MS);
      const canvas = shoot();
      show(canvas);
      stills.push(encoded(canvas));
    }
    $("prompt").textContent = "";
    return stills;
  }

  start.addEventListener("click", async () => {
    start.disabled = true;
    said.hidden = true;
    let stream = null;
    try {
      stream = await open();
    } catch {
      say(words.noCamera, "bad");
      start.disabled = false;
      return;
    }
    try {
      const stills = await take();
      say(words.working, "warn");
      const answer = await send(stills);
      say(answer.message, answer.ok ? "good" : "bad");
      place.dataset.done = answer.ok ? "yes" : "no";
    } catch {
      say(words.lost, "bad");
    } finally {
      for (const track of stream.getTracks()) track.stop();
      video.srcObject = null;
      wipe();
      start.disabled = false;
    }
  });
  // The page comes with the button off: on a slow line a press before this script is there would be lost.
  start.disabled = false;
})();
