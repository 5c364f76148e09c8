// Rings while a call is open: two tones every two seconds, a vibration, and a mark in the window's title.
// A browser lets a page sound only after it was touched; until then a button asks for that.
"use strict";
(() => {
  const title = document.title;
  let sound = null;

  const calls = () => Number(document.getElementById("calls")?.dataset.ringing || 0);

  function tone(pitch, at) {
    const swing = sound.createOscillator();
    const volume = sound.createGain();
    swing.frequency.value = pitch;
    volume.gain.setValueAtTime(0.0001, at);
    volume.gain.exponentialRampToValueAtTime(0.4, at + 0.02);
    volume.gain.exponentialRampToValueAtTime(0.0001, at + 0.45);
    swing.connect(volume).connect(sound.destination);
    swing.start(at);
    swing.stop(at + 0.5);
  }

  function ring() {
    const open = calls();
    document.title = open ? `(${open}) ‼ ${title}` : title;
    const silent = document.getElementById("silent");
    if (!open) {
      document.body.removeAttribute("data-bell");
      return;
    }
    sound ??= new AudioContext();
    const heard = sound.state === "running";
    if (silent) silent.hidden = heard;
    document.body.dataset.bell = heard ? "sounding" : "silent";
    if (!heard) return;
    tone(880, sound.currentTime);
    tone(660, sound.currentTime + 0.5);
    navigator.vibrate?.([400, 100, 400]);
  }

  // Any touch of the page will do, so that the bell is ready before the first call.
  for (const touch of ["pointerdown", "keydown"]) {
    addEventListener(touch, () => {
      sound ??= new AudioContext();
      sound.resume().then(() => { if (calls()) ring(); });
    });
  }
  document.body.addEventListener("htmx:afterSwap", ring);
  ring();
  setInterval(ring, 2000);
})();
