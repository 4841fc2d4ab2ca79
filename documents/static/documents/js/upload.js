// Choosing, judging early, sending, and what the server said. Its judgement is the one that counts.
const form = document.getElementById("upload");
const say = JSON.parse(document.getElementById("strings").textContent);
const part = (name) => form.querySelector(`[data-${name}]`);
const input = form.querySelector("input[type=file]");
const [box, list, bar, trouble] = ["chosen", "files-list", "progress", "trouble"].map(part);
const [send, watch, clear, summary] = ["send", "watch", "clear", "summary"].map(part);
const limits = {
  fileBytes: Number(form.dataset.fileBytes),
  files: Number(form.dataset.files),
  storageLeft: Number(form.dataset.storageLeft),
  kinds: new Set(form.dataset.kinds.split(" ")),
};
const sprite = form.querySelector("use").getAttribute("href").split("#")[0];
const locale = document.documentElement.lang;
let chosen = []; // { file, row, refused }
let sending = false;

const fill = (sentence, values) => sentence.replace(/\{(\w+)\}/g, (all, key) => values[key] ?? all);

function size(bytes) {
  const [unit, divisor] = bytes < 1024 ? ["B", 1] : bytes < 1024 * 1024 ? ["KB", 1024] : ["MB", 1024 * 1024];
  const digits = { maximumFractionDigits: bytes < divisor * 10 ? 1 : 0 };
  return `${new Intl.NumberFormat(locale, digits).format(bytes / divisor)} ${unit}`;
}

function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(svg.namespaceURI, "use");
  use.setAttribute("href", `${sprite}#${name}`);
  svg.append(use);
  return svg;
}

function element(tag, className, text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

function earlyRefusal(file) {
  const suffix = file.name.includes(".") ? file.name.split(".").pop().toLowerCase() : "";
  if (file.size === 0) return say.empty_file;
  if (file.size > limits.fileBytes) return fill(say.file_too_large, { limit: size(limits.fileBytes) });
  if (suffix && !limits.kinds.has(suffix) && !/^image\/|pdf$/.test(file.type)) return say.unsupported_type;
  return "";
}

function mark(entry, state, sentence) {
  entry.row.className = state;
  entry.row.querySelector(".icon").replaceWith(
    icon({ refused: "alert", accepted: "check", known: "info" }[state] ?? "page"));
  entry.row.querySelector(".says").textContent = sentence;
}

function add(files) {
  if (sending) return;
  if (chosen.some((entry) => entry.settled)) reset();
  for (const file of files) {
    const known = chosen.some(({ file: f }) => f.name === file.name && f.size === file.size
      && f.lastModified === file.lastModified);
    if (known) continue;
    const entry = { file, refused: earlyRefusal(file), settled: false };
    entry.row = element("li", "");
    const remove = element("button", "quiet square");
    remove.type = "button";
    remove.setAttribute("aria-label", `${say.remove}: ${file.name}`);
    remove.title = say.remove;
    remove.append(icon("close"));
    remove.addEventListener("click", () => {
      chosen = chosen.filter((other) => other !== entry);
      entry.row.remove();
      judge();
      input.focus();
    });
    entry.row.append(icon("page"), element("span", "name", file.name),
      element("span", "size", size(file.size)), remove, element("span", "says"));
    mark(entry, entry.refused ? "refused" : "ready", entry.refused);
    list.append(entry.row);
    chosen.push(entry);
  }
  judge();
}

function complain(sentence) {
  trouble.hidden = !sentence;
  trouble.querySelector("span").textContent = sentence;
}

/** What can be said about the batch as a whole, before it is sent. */
function judge() {
  const good = chosen.filter((entry) => !entry.refused);
  const total = good.reduce((sum, entry) => sum + entry.file.size, 0);
  box.hidden = chosen.length === 0;
  let sentence = "";
  if (good.length > limits.files) {
    sentence = fill(say.batch_too_large, { files: good.length, limit: limits.files });
  } else if (total > limits.storageLeft) sentence = say.storage_full;
  complain(sentence);
  send.disabled = good.length === 0 || good.length > limits.files;
  summary.textContent = good.length ? fill(say.chosen, { files: good.length, size: size(total) }) : "";
}

function reset() {
  chosen = [];
  list.replaceChildren();
  watch.hidden = true;
  send.hidden = false;
  bar.hidden = true;
  form.reset();
  judge();
}

function busy(on) {
  sending = on;
  clear.disabled = send.disabled = on;
  bar.hidden = !on;
  for (const button of list.querySelectorAll("button")) button.hidden = on;
}

function upload() {
  const going = chosen.filter((entry) => !entry.refused);
  const body = new FormData();
  body.append("bundle", form.elements.bundle.value);
  for (const { file } of going) body.append("files", file, file.name);
  const request = new XMLHttpRequest();
  request.open("POST", form.action);
  request.setRequestHeader("Accept", "application/json");
  request.setRequestHeader("X-CSRFToken", form.elements.csrfmiddlewaretoken.value);
  request.responseType = "json";
  request.upload.addEventListener("progress", (event) => {
    const percent = Math.floor((event.loaded / event.total) * 100);
    bar.value = percent;
    summary.textContent = fill(say.sending, { percent });
  });
  request.upload.addEventListener("load", () => {
    bar.removeAttribute("value"); // no more figures: the server looks at each file
    summary.textContent = say.checking;
  });
  request.addEventListener("load", () => answered(request, going));
  request.addEventListener("error", () => failed(say.network));
  busy(true);
  request.send(body);
}

function failed(sentence) {
  busy(false);
  judge();
  complain(sentence);
}

/** The first of them with that name, taken out of the list. */
function taken(answers, name) {
  const at = answers.findIndex((answer) => answer.name === name);
  return at >= 0 ? answers.splice(at, 1)[0] : null;
}

/** The same bytes were handed in before: a way to what was read in them. */
function offer(entry, earlier) {
  mark(entry, "known", `${earlier.sentence} `);
  const link = element("a", "", say.open_it);
  link.href = earlier.url;
  entry.row.querySelector(".says").append(link);
}

function answered(request, going) {
  const answer = request.response;
  if (request.responseURL.includes("/login/")) return location.reload();
  if (!answer?.refused) return failed(answer?.detail ?? say.unexpected);
  const nothingToSay = answer.job && !answer.refused.length && !answer.known.length
    && going.length === chosen.length;
  if (nothingToSay) return location.assign(answer.status_url);
  busy(false);
  const refused = [...answer.refused];
  const known = [...answer.known];
  for (const entry of going) {
    // The server tidies names, so that only an exact one can be matched; order does the rest.
    const why = taken(refused, entry.file.name);
    const earlier = why ? null : taken(known, entry.file.name);
    entry.settled = true;
    if (earlier) offer(entry, earlier);
    else if (why) { entry.refused = why.sentence; mark(entry, "refused", why.sentence); }
    else if (answer.accepted.length) mark(entry, "accepted", say.accepted);
  }
  complain(refused.map(({ name, sentence }) => `${name}: ${sentence}`).join(" "));
  for (const button of list.querySelectorAll("button")) button.hidden = true;
  send.hidden = true;
  summary.textContent = "";
  if (!answer.job) return;
  watch.href = answer.status_url;
  watch.hidden = false;
  watch.focus();
  for (const part of document.querySelectorAll("[data-refresh]")) part.dispatchEvent(new Event("stale"));
}

input.required = false;
input.addEventListener("change", () => { add(input.files); input.value = ""; });
clear.addEventListener("click", reset);
form.addEventListener("submit", (event) => { event.preventDefault(); if (!sending) upload(); });

// Anywhere on the page; `depth` because leaving a child fires dragleave too.
let depth = 0;
const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
const veil = (on) => document.body.classList.toggle("is-dragging", on);
addEventListener("dragenter", (event) => { if (carriesFiles(event)) { depth += 1; veil(true); } });
addEventListener("dragleave", (event) => { if (carriesFiles(event) && (depth -= 1) <= 0) { depth = 0; veil(false); } });
addEventListener("dragover", (event) => { if (carriesFiles(event)) event.preventDefault(); });
addEventListener("drop", (event) => {
  if (!carriesFiles(event)) return;
  event.preventDefault();
  depth = 0;
  veil(false);
  add(event.dataTransfer.files);
});
addEventListener("paste", (event) => { if (event.clipboardData?.files.length) add(event.clipboardData.files); });
