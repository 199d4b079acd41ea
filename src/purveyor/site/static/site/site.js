// What pages do better with scripts. Without them everything can still be read, chosen and sent.
"use strict";

const THEME = "purveyor.theme";

function remembered() {
  try {
    return localStorage.getItem(THEME) ?? "";
  } catch {
    return ""; // storage is shut in some private windows
  }
}

function remember(theme) {
  try {
    localStorage.setItem(THEME, theme);
  } catch {
    // Then it holds for this page.
  }
}

function show(theme) {
  document.documentElement.dataset.theme = theme;
}

function offerThemes() {
  for (const choice of document.querySelectorAll("input[name=theme]")) {
    choice.checked = choice.value === remembered();
    choice.addEventListener("change", () => {
      remember(choice.value);
      show(choice.value);
    });
  }
}

function offerCopies() {
  // Browsers give pages the clipboard over HTTPS and on localhost only.
  if (!navigator.clipboard) return;
  for (const button of document.querySelectorAll("button.copy")) {
    const words = button.firstChild;
    const asked = words.data;
    button.hidden = false;
    button.addEventListener("click", async () => {
      const code = button.closest("figure").querySelector("code");
      try {
        await navigator.clipboard.writeText(code.textContent);
      } catch {
        getSelection().selectAllChildren(code); // refused: then one keystroke is left to the reader
        return;
      }
      words.data = button.dataset.done;
      setTimeout(() => (words.data = asked), 2000);
    });
  }
}

// A link to a folded part unfolds it.
function unfold() {
  const named = location.hash && document.getElementById(location.hash.slice(1));
  if (named instanceof HTMLDetailsElement) named.open = true;
}

// On a phone the contents would fill the first screen.
function foldContents() {
  const contents = document.querySelector(".contents details");
  if (contents && matchMedia("(max-width: 63.99rem)").matches) contents.open = false;
}

// The contents show where the reader is: the last part that begins in the upper half of the window, or above it.
function followReading() {
  const links = [...document.querySelectorAll(".contents a")];
  const parts = links.map((link) => document.getElementById(link.hash.slice(1)));
  const mark = () => {
    const read = parts.findLastIndex((part) => part.getBoundingClientRect().top < innerHeight / 2);
    links.forEach((link, index) => {
      if (index === read) link.setAttribute("aria-current", "location");
      else link.removeAttribute("aria-current");
    });
  };
  let waiting = false;
  addEventListener("scroll", () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      mark();
    });
  }, { passive: true });
  mark();
}

show(remembered());
document.addEventListener("DOMContentLoaded", () => {
  offerThemes();
  offerCopies();
  foldContents();
  followReading();
  unfold();
});
addEventListener("hashchange", unfold);
