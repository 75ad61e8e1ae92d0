// Names the parts of the console that scroll by themselves. The theme's scroll bars make each of them a landmark, and without a
// name of its own each would be called "scrollable content". Runs before those bars are made: they begin at the same event, later.
"use strict";

(() => {
  const MENU = "nav-sidebar-apps";
  const RESULTS = "changelist-form";

  const nameOf = (part) => {
    if (part.id === MENU) return "Menu";
    if (part.closest(`#${RESULTS}`)) return "Table of results";
    const heading = part.closest("fieldset, section, [role=dialog], form")?.querySelector("h1, h2, h3, legend");
    return heading?.textContent.trim() || "Part that scrolls";
  };

  document.addEventListener("DOMContentLoaded", () => {
    const taken = new Map();
    for (const part of document.querySelectorAll("[data-simplebar]")) {
      const name = nameOf(part);
      const times = (taken.get(name) ?? 0) + 1;
      taken.set(name, times);
      part.setAttribute("data-simplebar-aria-label", times > 1 ? `${name} ${times}` : name);
    }
  });
})();
