// Watching a job: asks once a second while it is open, more rarely when nothing changes or answers,
// and not at all while the tab is hidden. The server renders; this only swaps what changed.
const job = document.getElementById("job");
const lost = document.getElementById("lost");
const spoken = document.getElementById("spoken");
const say = JSON.parse(document.getElementById("strings").textContent);
const EVERY = 1000, AT_MOST = 8000;
let wait = EVERY, etag = "", timer = 0, open = "open" in job.dataset;

function clock(seconds) {
  const two = (n) => String(n).padStart(2, "0");
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

let base = 0, since = Date.now();
function wind(seconds) { base = seconds; since = Date.now(); }
wind(Number(job.querySelector("[data-elapsed]").dataset.elapsed));
setInterval(() => {
  if (open) job.querySelector("[data-elapsed]").textContent = clock(base + Math.floor((Date.now() - since) / 1000));
}, 1000);

function show(fragment) {
  const fresh = new DOMParser().parseFromString(fragment, "text/html");
  for (const region of fresh.querySelectorAll("[data-region]")) {
    const name = region.dataset.region;
    const old = [...job.querySelectorAll("[data-region]")].find((r) => r.dataset.region === name);
    const next = document.importNode(region, true);
    if (!old) { job.append(next); continue; }
    if (old.isEqualNode(next)) continue;
    const focused = old.contains(document.activeElement) ? document.activeElement : null;
    const again = focused && [...old.querySelectorAll("a, button")].indexOf(focused);
    old.replaceWith(next);
    if (focused) next.querySelectorAll("a, button")[again]?.focus();
  }
  const heard = `${job.querySelector("h1").textContent}. ${job.querySelector("[data-say]").textContent}`;
  if (spoken.textContent !== heard) spoken.textContent = heard;
}

async function look() {
  clearTimeout(timer);
  if (document.hidden || !open) return;
  try {
    const answer = await fetch(job.dataset.progressUrl, {
      headers: { Accept: "application/json", ...(etag && { "If-None-Match": etag }) },
      cache: "no-store",
    });
    if (answer.redirected || answer.status === 404) return location.reload();
    if (answer.status === 304) wait = Math.min(wait * 1.25, 4000);
    else if (!answer.ok) throw new Error(answer.status);
    else {
      etag = answer.headers.get("ETag") ?? "";
      const progress = await answer.json();
      ({ open } = progress);
      show(progress.fragment);
      wind(progress.elapsed_seconds);
      wait = EVERY;
    }
    lost.hidden = true;
  } catch {
    wait = Math.min(wait * 2, AT_MOST);
    lost.querySelector("span").textContent = say.lost;
    lost.hidden = false;
  }
  if (open) timer = setTimeout(look, wait);
}

document.addEventListener("visibilitychange", () => { if (!document.hidden) { wait = EVERY; look(); } });
timer = setTimeout(look, EVERY);
