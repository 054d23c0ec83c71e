// What htmx has no word for: the chart, previews, sounds, uploads, confirmations, copying, errors.
"use strict";

const notice = (text) => {
  const place = document.getElementById("notice");
  place.textContent = text;
  clearTimeout(notice.timer);
  notice.timer = setTimeout(() => { place.textContent = ""; }, 6000);
};

const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const drawChart = async (place) => {
  const answer = await fetch(place.dataset.chart, { headers: { "HX-Request": "true" } });
  if (!answer.ok || answer.status === 204) return;
  const told = await answer.json();
  const data = [told.at, told.accepted, told.succeeded, told.failed];
  if (place.plot) { place.plot.setData(data); return; }
  const of = (name) => () => color(name);
  const axis = { stroke: of("--quiet"), grid: { stroke: of("--line") }, ticks: { stroke: of("--line") } };
  const line = (label, name) => ({ label, stroke: of(name), width: 2, points: { size: 5 } });
  place.plot = new uPlot({
    width: place.clientWidth, height: 180,
    scales: { x: { range: () => [Date.now() / 1000 - 3600, Date.now() / 1000] }, y: { range: (_, low, high) => [0, Math.max(4, high || 0)] } },
    axes: [axis, { ...axis, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000] }],
    series: [{}, line("accepted", "--accent"), line("succeeded", "--good"), line("failed", "--bad")],
  }, data, place);
  new ResizeObserver(() => place.plot.setSize({ width: place.clientWidth, height: 180 })).observe(place);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => place.plot.redraw());
};

const point = (event, moving) => {
  const image = event.target.closest?.(".card")?.querySelector("img[data-moving]");
  if (!image) return;
  image.dataset.still ??= image.src;
  image.src = moving ? image.dataset.moving : image.dataset.still;
};

// One sound at a time; the cards may be drawn anew while it plays.
const sound = new Audio();
const mark = () => {
  for (const button of document.querySelectorAll("[data-sound]")) {
    button.setAttribute("aria-pressed", String(!sound.paused && sound.dataset.of === button.dataset.sound));
  }
};
for (const kind of ["play", "pause", "ended"]) sound.addEventListener(kind, mark);
sound.addEventListener("error", () => notice("The sound cannot be played."));
document.addEventListener("htmx:afterSwap", mark);
const play = async (of) => {
  const again = sound.dataset.of === of;
  if (again && !sound.paused) { sound.pause(); return; }
  if (!again) { sound.dataset.of = of; sound.src = of; }
  await sound.play().catch(() => {});
};

const upload = async (input) => {
  const into = document.getElementById(input.dataset.into);
  const body = new FormData();
  body.append("content", input.files[0]);
  notice(`Uploading ${input.files[0].name} …`);
  const token = input.form.elements.form_token.value;
  const answer = await fetch(input.dataset.upload, { method: "POST", body, headers: { "X-Form-Token": token, "HX-Request": "true" } });
  if (!answer.ok) { notice((await answer.text()).trim()); return; }
  const file = await answer.json();
  into.value = file.url;
  notice(`${file.name} is here`);
};

document.addEventListener("DOMContentLoaded", () => {
  for (const place of document.querySelectorAll("[data-chart]")) {
    drawChart(place);
    setInterval(() => drawChart(place), 5000);
  }
});
for (const kind of ["mouseover", "focusin"]) document.addEventListener(kind, (event) => point(event, true));
for (const kind of ["mouseout", "focusout"]) document.addEventListener(kind, (event) => point(event, false));
document.addEventListener("submit", (event) => {
  const ask = event.target.dataset.confirm;
  if (ask && !confirm(ask)) event.preventDefault();
});
document.addEventListener("change", (event) => {
  if (event.target.dataset.upload && event.target.files.length) upload(event.target);
});
document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-sound]");
  if (button) play(button.dataset.sound);
});
document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(button.dataset.copy);
  notice("Copied");
});
document.addEventListener("htmx:responseError", (event) => notice(event.detail.xhr.responseText.trim()));
document.addEventListener("htmx:sendError", () => notice("The server does not answer."));
