// Reading: a line and its box belong together; zoom; keys; a waiting page that fills in by itself.
const say = JSON.parse(document.getElementById("strings").textContent);
const panes = document.querySelector(".desk-panes");
const stage = document.querySelector("[data-stage]");
const sheet = document.querySelector("[data-sheet]");
const lines = document.querySelector("[data-lines]");
const copyLine = document.querySelector("[data-copy-line]");
const said = document.querySelector("[data-said]");
const fill = (sentence, values) => sentence.replace(/\{(\w+)\}/g, (all, key) => values[key] ?? all);

// --- One line at a time is on ------------------------------------------------------------------
const rows = lines ? [...lines.children] : [];
const boxes = new Map(sheet ? [...sheet.querySelectorAll(".box")].map((b) => [b.dataset.line, b]) : []);
let current = null;

function reveal(box) {
  const view = stage.getBoundingClientRect(), at = box.getBoundingClientRect();
  const outside = at.top < view.top + 8 || at.bottom > view.bottom - 8
    || at.right < view.left + 8 || at.left > view.right - 8;
  if (!outside) return;
  stage.scrollBy({
    top: (at.top + at.bottom) / 2 - (view.top + view.bottom) / 2,
    left: at.left < view.left || at.left > view.right ? at.left - view.left - 24 : 0,
    behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth",
  });
}

/** Turn a line on; `from` is the side that asked, so that only the other one moves. */
function select(row, { from, focus = false } = {}) {
  if (!row) return;
  if (row !== current) {
    current?.classList.remove("on");
    if (current) { current.tabIndex = -1; boxes.get(current.dataset.line)?.classList.remove("on"); }
    current = row;
    row.classList.add("on");
    row.tabIndex = 0;
    const box = boxes.get(row.dataset.line);
    box?.classList.add("on");
    row.append(copyLine);
    copyLine.hidden = false;
    said.textContent = fill(say.line, { number: row.dataset.line, percent: parseInt(row.dataset.percent, 10) });
  }
  if (from !== "image" && boxes.has(row.dataset.line)) reveal(boxes.get(row.dataset.line));
  if (from === "image") row.scrollIntoView({ block: "nearest" });
  if (focus) row.focus({ preventScroll: from === "image" });
}

if (lines) {
  lines.addEventListener("click", (event) => select(event.target.closest(".line")));
  lines.addEventListener("focusin", (event) => select(event.target.closest(".line")));
  // Hovering lights the box without moving anything: the pointer must not make the page jump.
  const hover = (event, on) => {
    const row = event.target.closest?.(".line");
    if (row && row !== current) boxes.get(row.dataset.line)?.classList.toggle("on", on);
  };
  lines.addEventListener("pointerover", (event) => hover(event, true));
  lines.addEventListener("pointerout", (event) => hover(event, false));
  lines.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target === copyLine) return;
    const at = rows.indexOf(event.target.closest(".line"));
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    select(rows[Math.max(0, Math.min(rows.length - 1, to))], { focus: true });
  });
}
if (sheet) {
  const rowOf = (event) => {
    const box = event.target.closest?.(".box");
    return box && rows[Number(box.dataset.line) - 1];
  };
  sheet.addEventListener("click", (event) => select(rowOf(event), { from: "image", focus: true }));
  sheet.addEventListener("pointerover", (event) => rowOf(event)?.classList.add("near"));
  sheet.addEventListener("pointerout", (event) => rowOf(event)?.classList.remove("near"));
}

// --- Copying -----------------------------------------------------------------------------------
/** navigator.clipboard exists only over HTTPS and on localhost; a server in the house has neither. */
async function copy(text, button) {
  let done = false;
  try { await navigator.clipboard.writeText(text); done = true; } catch {
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "visually-hidden";
    document.body.append(area);
    area.select();
    done = document.execCommand("copy");
    area.remove();
    button.focus({ preventScroll: true });
  }
  said.textContent = done ? say.copied : say.copy_failed;
  const use = button.querySelector("use"), before = use.getAttribute("href");
  use.setAttribute("href", before.replace(/#.*/, done ? "#check" : "#alert"));
  setTimeout(() => use.setAttribute("href", before.replace(/#.*/, "#copy")), 1200);
}
const textOf = (row) => row.querySelector("span").textContent;
const copyAll = document.querySelector("[data-copy-all]");
copyAll?.addEventListener("click", () => copy(rows.map(textOf).join("\n"), copyAll));
copyLine?.addEventListener("click", (event) => { event.stopPropagation(); copy(textOf(current), copyLine); });

// --- Lines to look at again --------------------------------------------------------------------
const nextDoubt = document.querySelector("[data-next-doubt]");
function goToDoubt() {
  const from = current ? rows.indexOf(current) + 1 : 0;
  const after = [...rows.slice(from), ...rows.slice(0, from)];
  select(after.find((row) => !row.classList.contains("sure")), { focus: true });
}
nextDoubt?.addEventListener("click", goToDoubt);

// --- Zoom: the sheet is vectors over one picture, so that its width is all there is to change ----
let fit = "width", zoom = 1;
function natural() { return sheet.viewBox.baseVal; }
function room() {
  const style = getComputedStyle(stage);
  return {
    width: stage.clientWidth - parseFloat(style.paddingLeft) * 2,
    height: stage.clientHeight - parseFloat(style.paddingTop) * 2,
  };
}
function apply() {
  const { width, height } = natural(), space = room();
  if (fit === "width") zoom = space.width / width;
  if (fit === "page") zoom = Math.min(space.width / width, space.height / height);
  sheet.style.width = `${width * zoom}px`;
  document.querySelector("[data-zoom-figure]").value = `${Math.round(zoom * 100)} %`;
  for (const button of document.querySelectorAll("[data-zoom][aria-pressed]")) {
    button.setAttribute("aria-pressed", String(button.dataset.zoom === fit));
  }
}
function zoomBy(factor, at = null) {
  const before = sheet.getBoundingClientRect();
  const view = stage.getBoundingClientRect();
  const point = at ?? { x: view.left + view.width / 2, y: view.top + view.height / 2 };
  const share = [(point.x - before.left) / before.width, (point.y - before.top) / before.height];
  fit = "";
  zoom = Math.max(0.05, Math.min(8, zoom * factor));
  apply();
  const after = sheet.getBoundingClientRect();
  stage.scrollBy(after.left + share[0] * after.width - point.x, after.top + share[1] * after.height - point.y);
}
function zoomTo(how) {
  if (how === "in") return zoomBy(1.25);
  if (how === "out") return zoomBy(0.8);
  fit = how;
  return apply();
}
if (sheet) {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-zoom]");
    if (button) zoomTo(button.dataset.zoom);
  });
  stage.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    zoomBy(event.deltaY < 0 ? 1.15 : 1 / 1.15, { x: event.clientX, y: event.clientY });
  }, { passive: false });
  new ResizeObserver(() => { if (fit) apply(); }).observe(stage);
  document.querySelector("[data-boxes]").addEventListener("change", (event) => {
    sheet.classList.toggle("no-boxes", !event.target.checked);
  });
  // Dragging moves the sheet when it is larger than its stage.
  let grip = null;
  stage.addEventListener("pointerdown", (event) => {
    if (event.pointerType === "mouse" && event.button === 0) {
      grip = { x: event.clientX, y: event.clientY, left: stage.scrollLeft, top: stage.scrollTop };
    }
  });
  stage.addEventListener("dragstart", (event) => event.preventDefault());
  addEventListener("pointermove", (event) => {
    if (!grip) return;
    stage.scrollTo(grip.left + grip.x - event.clientX, grip.top + grip.y - event.clientY);
  });
  addEventListener("pointerup", () => { grip = null; });
}

// --- Keys --------------------------------------------------------------------------------------
const turn = (way) => document.querySelector(`[data-turn="${way}"]`)?.click();
const keys = {
  ArrowLeft: () => turn("prev"),
  ArrowRight: () => turn("next"),
  n: () => nextDoubt && goToDoubt(),
  c: () => current && copy(textOf(current), copyLine),
  "+": () => sheet && zoomTo("in"),
  "=": () => sheet && zoomTo("in"),
  "-": () => sheet && zoomTo("out"),
};
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (event.target.closest("input, textarea, select, dialog, summary")) return;
  // A zoomed sheet is scrolled with the arrows; only at its full width do they turn pages.
  const scrolls = event.target === stage && stage.scrollWidth > stage.clientWidth;
  if (scrolls && event.key.startsWith("Arrow")) return;
  keys[event.key]?.();
});

// --- A page that waits -------------------------------------------------------------------------
if (panes.dataset.wait) {
  let pause = 1000;
  const before = { etag: "" };
  const look = async () => {
    if (!document.hidden) {
      try {
        const headers = before.etag ? { "If-None-Match": before.etag } : {};
        const answer = await fetch(panes.dataset.wait, { headers, cache: "no-store" });
        if (answer.redirected || answer.status === 404) return location.reload();
        if (answer.status === 200) {
          before.etag = answer.headers.get("ETag") ?? "";
          const { documents } = await answer.json();
          const mine = documents.find(({ id }) => id === panes.dataset.document);
          const state = mine?.states[Number(panes.dataset.index)];
          if (state !== "waiting" && state !== panes.dataset.state) return location.reload();
        }
        pause = Math.min(pause * 1.1, 4000);
      } catch { pause = 8000; }
    }
    return setTimeout(look, pause);
  };
  setTimeout(look, pause);
}
