// Enhances pages that work without it: buttons that copy, and buttons that say that something takes a while.
"use strict";

(() => {
  const addCopyButtons = (root) => {
    for (const field of root.querySelectorAll("input[data-copy]:not([data-copy=ready])")) {
      const button = copyButton(field.labels[0]?.textContent ?? "this");
      button.addEventListener("click", () => copy(field, button));
      field.dataset.copy = "ready";
      field.after(button);
    }
    for (const text of root.querySelectorAll("[data-copy-text]")) {
      if (text.nextElementSibling?.matches(".copy-button")) continue;
      const button = copyButton(text.dataset.copyText);
      button.addEventListener("click", () => copy(text, button));
      text.after(button);
    }
  };

  const copyButton = (what) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "second copy-button";
    button.textContent = "Copy";
    button.setAttribute("aria-label", `Copy ${what}`);
    return button;
  };

  const copy = async (source, button) => {
    source.select ? source.select() : getSelection().selectAllChildren(source);
    try {
      await navigator.clipboard.writeText(source.value ?? source.textContent);
    } catch {
      document.execCommand("copy"); // the clipboard is closed to pages without TLS
    }
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  };

  document.addEventListener("submit", (event) => {
    const button = event.submitter;
    if (!button?.dataset.busy) return;
    button.textContent = button.dataset.busy;
    // After the browser has read the form: a disabled button is not sent.
    setTimeout(() => { button.disabled = true; });
  });

  // A page that comes back from the browser's memory must not wait for ever.
  window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

  document.addEventListener("DOMContentLoaded", () => addCopyButtons(document));
  document.addEventListener("htmx:load", (event) => addCopyButtons(event.target));
})();
