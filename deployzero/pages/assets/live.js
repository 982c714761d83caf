// What moves on a page: times, numbers, logs. Every page works without it, too.
"use strict";

const MOST_LINES = 2000;
const USAGE_SECONDS = 4;
const RETRY_SECONDS = 2;

// Times count on in the words of the server's own `ago`.
const UNITS = [[31536000, "year"], [2592000, "month"], [86400, "day"], [3600, "hour"], [60, "min"]];

function ago(text) {
  const seconds = (Date.now() - Date.parse(text)) / 1000;
  const found = UNITS.find(([size]) => seconds >= size);
  if (!found) return "just now";
  const number = Math.floor(seconds / found[0]);
  return `${number} ${found[1]}${number > 1 && found[1] !== "min" ? "s" : ""} ago`;
}

function countOn() {
  for (const each of document.querySelectorAll("time")) {
    const words = ago(each.dateTime);
    if (each.textContent !== words) each.textContent = words;
  }
}

// Regions marked data-live are taken from the page as the server has it now.
let asked = 0;

async function refresh() {
  const mine = ++asked;
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } }).catch(() => null);
  if (!answer || mine !== asked) return;
  if (answer.redirected || answer.status === 404) return location.reload();
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (mine !== asked) return;
  for (const region of document.querySelectorAll("[data-live]")) {
    const news = fresh.querySelector(`[data-live="${region.dataset.live}"]`);
    if (news) replace(region, news);
  }
  document.title = fresh.title;
  countOn();
  paint();
}

function replace(region, news) {
  if (region.dataset.version) region.dataset.version = news.dataset.version;
  if (plain(region) === plain(news)) return;
  const focused = region.contains(document.activeElement) ? document.activeElement.id : "";
  region.replaceChildren(...news.childNodes);
  if (focused) document.getElementById(focused)?.focus();
}

// What a region says, without what this script itself changes.
function plain(region) {
  const copy = region.cloneNode(true);
  for (const each of copy.querySelectorAll("time, [data-value]")) each.textContent = "";
  for (const each of copy.querySelectorAll("meter")) each.removeAttribute("value");
  for (const each of copy.querySelectorAll("button")) each.disabled = false;
  return copy.innerHTML;
}

// CPU and memory now.
let used = [];

function size(bytes) {
  const gigabytes = bytes / 2 ** 30;
  if (gigabytes >= 1) return `${gigabytes.toFixed(gigabytes >= 10 ? 0 : 1)} GB`;
  return `${Math.round(bytes / 2 ** 20)} MB`;
}

function paint() {
  for (const row of document.querySelectorAll("[data-process]")) {
    const found = used.find((each) => each.name === row.dataset.process);
    const shown = { cpus: found ? found.cpus.toFixed(2) : "–", memory: found ? size(found.memory) : "–" };
    for (const name of ["cpus", "memory"]) {
      row.querySelector(`[data-value="${name}"]`).textContent = shown[name];
      row.querySelector(`[data-meter="${name}"]`).value = found ? found[name] : 0;
    }
  }
}

async function measure(box) {
  const answer = await fetch(box.dataset.usage).catch(() => null);
  if (!answer) return;
  if (answer.status === 401 || answer.status === 404) return location.reload();
  if (!answer.ok) return;
  used = (await answer.json()).processes;
  paint();
}

// Calls again and again, while somebody looks.
function repeat(seconds, call) {
  const turn = async () => {
    if (!document.hidden) await call();
    setTimeout(turn, seconds * 1000);
  };
  turn();
}

// Logs.
function kind(text) {
  return { "----->": "step", "=====>": "result", " !    ": "error" }[text.slice(0, 6)] || "";
}

function drawn(line) {
  const row = document.createElement("div");
  if (line.source) {
    const source = document.createElement("b");
    source.textContent = line.source;
    row.append(source, ` ${line.text}`);
  } else {
    row.className = line.kind ?? kind(line.text);
    row.textContent = line.text;
  }
  return row;
}

function atEnd(log) {
  return log.scrollHeight - log.scrollTop - log.clientHeight < 40;
}

function follow(log) {
  const button = log.parentElement.querySelector(".follow");
  const told = document.querySelector("[data-stream-state]");
  const url = log.dataset.stream;
  let since = log.dataset.since, source = null, ended = false, trouble = "", waiting = [];

  const toEnd = () => { log.scrollTop = log.scrollHeight; };
  const say = (words) => { if (told && told.textContent !== words) told.textContent = words; };

  function draw() {
    const stay = !atEnd(log);
    const lines = waiting.slice(-MOST_LINES);
    waiting = [];
    log.append(...lines.map(drawn));
    while (log.childElementCount > MOST_LINES) log.firstElementChild.remove();
    if (!stay) toEnd();
  }

  function add(line) {
    if (waiting.push(line) === 1) setTimeout(draw, 50);
  }

  function take(event) {
    since = event.lastEventId || since;
    add(JSON.parse(event.data));
  }

  function open() {
    source = new EventSource(`${url}?since=${encodeURIComponent(since)}`);
    source.addEventListener("open", () => {
      trouble = "";
      // What is wrong comes right behind.
      setTimeout(() => { if (!trouble && source.readyState === EventSource.OPEN) say("Live"); }, 300);
    });
    source.addEventListener("trouble", (event) => {
      trouble = JSON.parse(event.data).reason;
      say(trouble);
    });
    source.addEventListener("line", take);
    source.addEventListener("skipped", (event) => {
      add({ text: `… ${JSON.parse(event.data).lines} lines left out …`, kind: "step" });
    });
    source.addEventListener("state", (event) => {
      const shown = document.querySelector("[data-version]").dataset.version;
      if (shown !== JSON.parse(event.data).version) refresh();
    });
    source.addEventListener("end", (event) => {
      ended = true;
      source.close();
      say(JSON.parse(event.data).reason || "Ended");
      refresh();
    });
    source.addEventListener("error", () => {
      say(trouble || "Connecting …");
      // By itself a browser does not come back after an answer that is an error's.
      if (source.readyState === EventSource.CLOSED) setTimeout(again, RETRY_SECONDS * 1000);
    });
  }

  async function again() {
    if (ended || document.hidden || source.readyState !== EventSource.CLOSED) return;
    await refresh();  // to /login, if that is why
    open();
  }

  log.addEventListener("scroll", () => { button.hidden = atEnd(log); });
  button.addEventListener("click", () => { toEnd(); log.focus(); });
  toEnd();
  if (!url) return;
  open();
  // A browser has few connections to spare: a page that nobody sees gives its own back.
  document.addEventListener("visibilitychange", () => {
    if (ended) return;
    source.close();
    if (!document.hidden) open();
  });
}

document.addEventListener("submit", (event) => {
  const question = event.target.dataset.confirm;
  if (question && !window.confirm(question)) return event.preventDefault();
  const pressed = event.submitter;
  // Later, or its own name and value would not be sent.
  if (pressed) setTimeout(() => { pressed.disabled = true; });
});
// Back from the browser's cache, buttons can be pressed again.
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

countOn();
setInterval(countOn, 15000);
for (const log of document.querySelectorAll(".logbox .log")) follow(log);
for (const box of document.querySelectorAll("[data-usage]")) repeat(USAGE_SECONDS, () => measure(box));
for (const region of document.querySelectorAll("[data-every]")) {
  setTimeout(() => repeat(Number(region.dataset.every), refresh), region.dataset.every * 1000);
}
