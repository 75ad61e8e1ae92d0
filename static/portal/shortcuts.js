// Keys for what the pages offer anyway: each one presses a button or follows a link that is there to be seen.
// Off in fields, off with Ctrl, Alt or Cmd, and off for good where a person has switched them off in the help.
"use strict";

(() => {
  const OFF = "shortcuts-off";
  const GO_WITHIN = 1500;
  let goUntil = 0;

  const isOff = () => {
    try { return localStorage.getItem(OFF) === "yes"; } catch { return false; }
  };

  const setOff = (off) => {
    try { off ? localStorage.setItem(OFF, "yes") : localStorage.removeItem(OFF); } catch { /* a browser that keeps nothing */ }
  };

  const isTyping = (target) => target.closest?.("input:not([type=checkbox], [type=radio]), select, textarea, [contenteditable]");

  const press = (selector) => {
    const found = document.querySelector(selector);
    found?.click();
    return Boolean(found);
  };

  const links = () => [...document.querySelectorAll("main .row-link")];

  const move = (by) => {
    const all = links();
    if (!all.length) return false;
    const row = document.activeElement.closest?.("tr");
    const at = all.findIndex((link) => row?.contains(link));
    const to = all[at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + by, 0), all.length - 1)];
    to.focus();
    to.scrollIntoView({ block: "nearest" });
    return true;
  };

  const choose = () => {
    const box = document.activeElement.closest?.("tr")?.querySelector("input.choose");
    box?.click();
    if (box) box.closest("tr").querySelector(".row-link")?.focus();
    return Boolean(box);
  };

  const search = () => {
    const field = document.getElementById("find");
    field?.focus();
    field?.select();
    return Boolean(field);
  };

  const ACTS = {
    "/": search,
    "?": () => { document.getElementById("shortcuts")?.togglePopover?.(); return true; },
    j: () => move(1),
    k: () => move(-1),
    x: choose,
    g: () => { goUntil = Date.now() + GO_WITHIN; return true; },
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing || isOff() || isTyping(event.target)) return;
    const going = Date.now() < goUntil;
    goUntil = 0;
    const done = going ? press(`[data-go="${CSS.escape(event.key)}"]`)
      : event.key in ACTS ? ACTS[event.key]()
      : /^[a-z]$/.test(event.key) && press(`main [data-key="${event.key}"]`);
    if (done) event.preventDefault();
  });

  document.addEventListener("DOMContentLoaded", () => {
    const box = document.getElementById("shortcuts-on");
    if (!box) return;
    box.checked = !isOff();
    box.addEventListener("change", () => setOff(!box.checked));
  });
})();
