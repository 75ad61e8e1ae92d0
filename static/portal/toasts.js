// Shows what came of an act as a message at the edge of the window. The page has it as a notice at its top, for browsers without
// scripts; here it gets a button to close it, is read out, and goes by itself where nobody has to do anything about it.
"use strict";

(() => {
  const STAYS = 6000;
  const AGAIN = 1000;
  const BEFORE_READING = 100; // a region that reads out what is put into it must have been there empty

  const box = () => {
    const there = document.querySelector(".notices");
    if (there) return there;
    const made = document.createElement("div");
    made.className = "notices";
    document.getElementById("content")?.prepend(made);
    return made;
  };

  const region = (role) => {
    const there = box().querySelector(`:scope > div[role=${role}]`);
    if (there) return there;
    const made = document.createElement("div");
    made.setAttribute("role", role);
    box().append(made);
    return made;
  };

  const close = (toast) => {
    const hadFocus = toast.contains(document.activeElement);
    toast.remove();
    if (hadFocus) document.getElementById("content")?.focus({ preventScroll: true });
  };

  const leave = (toast) => {
    if (document.hidden || toast.matches(":hover, :focus-within")) setTimeout(leave, AGAIN, toast);
    else toast.remove();
  };

  const show = (notice) => {
    const words = document.createElement("span");
    words.append(...notice.childNodes);
    const button = document.createElement("button");
    button.type = "button";
    button.className = "link close";
    button.setAttribute("aria-label", "Close this message");
    button.textContent = "×";
    button.addEventListener("click", () => close(notice));
    notice.addEventListener("keydown", (event) => { if (event.key === "Escape") close(notice); });
    notice.removeAttribute("role");
    notice.replaceChildren(words, button);
    const into = region(notice.matches(".error") ? "alert" : "status");
    for (const same of [...into.children].filter((one) => one.textContent === notice.textContent)) same.remove();
    into.append(notice);
    if (!notice.matches(".error, .warning")) setTimeout(leave, STAYS, notice);
  };

  const showAll = (notices) => {
    const fresh = notices.filter((one) => !one.dataset.taken);
    if (!fresh.length) return;
    for (const one of fresh) one.dataset.taken = "yes";
    region("status");
    region("alert");
    setTimeout(() => fresh.forEach(show), BEFORE_READING);
  };

  const notice = (words, tags) => {
    const made = document.createElement("p");
    made.className = `notice fresh ${tags}`;
    made.textContent = words;
    return made;
  };

  document.addEventListener("DOMContentLoaded", () => showAll([...document.querySelectorAll(".notices > .notice")]));
  document.addEventListener("htmx:load", (event) => showAll([...event.target.querySelectorAll(".notices > .notice")]));
  document.addEventListener("told", (event) => showAll(event.detail.messages.map((one) => notice(one.words, one.tags))));

  const IN_DOUBT = "Load this page anew to see whether it was done.";
  const failed = (event, words) => {
    // What a page asks for by itself it asks for again.
    if (["click", "submit"].includes(event.detail.requestConfig?.triggeringEvent?.type)) showAll([notice(words, "error")]);
  };
  document.addEventListener("htmx:sendError", (event) => failed(event, `The hub could not be reached. ${IN_DOUBT}`));
  document.addEventListener("htmx:responseError", (event) => {
    failed(event, `The hub answered with an error (${event.detail.xhr.status}). ${IN_DOUBT}`);
  });
})();
