// On every page: theme, menus, confirmations, and lists that refresh while something is open.
const root = document.documentElement;

for (const toggle of document.querySelectorAll("[data-theme-toggle]")) {
  toggle.hidden = false;
  toggle.addEventListener("click", () => {
    const theme = root.classList.toggle("is-dark") ? "dark" : "light";
    root.dataset.theme = theme;
    try { localStorage.setItem("theme", theme); } catch { /* for this page only, then */ }
  });
}

// A menu closes when one looks elsewhere.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});
document.addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" && document.querySelector("details.menu[open]");
  if (menu) { menu.open = false; menu.querySelector("summary").focus(); }
});

// A cover whose image is gone leaves the drawing beneath it. (Error events do not bubble.)
document.addEventListener("error", (event) => {
  if (event.target.matches?.(".cover img")) event.target.remove();
}, true);
for (const cover of document.querySelectorAll(".cover img")) {
  if (cover.complete && !cover.naturalWidth && cover.currentSrc) cover.remove();
}

// The confirmation page, shown in a dialog; without scripts the link simply opens it.
const dialog = document.getElementById("dialog");
document.addEventListener("click", async (event) => {
  const link = event.target.closest("a[data-dialog]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  try {
    const answer = await fetch(link.href);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const content = page.querySelector("[data-dialog-content]");
    if (!answer.ok || !content) throw new Error(answer.status);
    dialog.replaceChildren(document.importNode(content, true));
    dialog.showModal();
    dialog.querySelector("[data-dialog-close]").focus();
  } catch { location.assign(link.href); }
});
dialog?.addEventListener("click", (event) => {
  if (event.target === dialog || event.target.closest("[data-dialog-close]")) {
    event.preventDefault();
    dialog.close();
  }
});

// A part of a page looks again while a row in it is still being worked on and somebody can see it,
// and when it hears `stale`.
for (const list of document.querySelectorAll("[data-refresh]")) {
  let timer;
  const look = async () => {
    const busy = list.contains(document.activeElement) || dialog?.open;
    if (!document.hidden && !busy) {
      try {
        const answer = await fetch(location.href);
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const fresh = page.getElementById(list.id);
        if (answer.ok && fresh && fresh.innerHTML !== list.innerHTML) {
          list.replaceChildren(...document.importNode(fresh, true).childNodes);
        }
      } catch { /* the next look may succeed */ }
    }
    lookLater();
  };
  const lookLater = () => {
    clearTimeout(timer);
    if (list.querySelector("[data-open]")) timer = setTimeout(look, Number(list.dataset.refresh));
  };
  list.addEventListener("stale", look);
  lookLater();
}

// A value that is shown once. Without the clipboard (plain HTTP) it is left selected.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const input = document.getElementById(button.dataset.copy);
  input.select();
  try {
    await navigator.clipboard.writeText(input.value);
    button.querySelector("span").textContent = button.dataset.copied;
  } catch { /* selected: Ctrl-C does it */ }
});
