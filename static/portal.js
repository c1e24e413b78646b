// Everything works without this file. It announces notices, copies text and looks again
// when somebody comes back from another tab.
"use strict";

const LOOK_AGAIN_AFTER_MS = 3000;
const loadedAt = Date.now();

// A live region that is filled only after load is read out; one that arrives filled is not.
const live = document.getElementById("live");
const notice = document.querySelector("[data-announce]");
if (live && notice) {
  setTimeout(() => {
    live.textContent = notice.textContent.trim();
  }, 100);
}

for (const button of document.querySelectorAll("[data-copy]")) {
  const source = document.getElementById(button.dataset.copy);
  if (!source || !navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(source.textContent);
      button.textContent = "Copied";
      if (live) live.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(source);
    }
  });
}

document.addEventListener("visibilitychange", () => {
  const page = document.querySelector("[data-refresh-url]");
  if (!page || document.visibilityState !== "visible") return;
  if (Date.now() - loadedAt <= LOOK_AGAIN_AFTER_MS) return;
  const url = new URL(page.dataset.refreshUrl, location.href);
  if (url.origin === location.origin) location.replace(url);
});

document.addEventListener("keydown", (event) => {
  const menu = document.querySelector("details.me[open]");
  if (event.key !== "Escape" || !menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});

document.addEventListener("click", (event) => {
  const menu = document.querySelector("details.me[open]");
  if (menu && !menu.contains(event.target)) menu.open = false;
});
