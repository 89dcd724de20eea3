"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const table = document.querySelector("table");
const detail = document.getElementById("detail");
const body = table.tBodies[0];
const columns = data.destinations.length;
let selected = null;

const cellAt = (row, column) => body.rows[row].cells[column + 1];
const placeOf = (td) => [td.parentNode.sectionRowIndex, td.cellIndex - 1];

function element(name, className, ...children) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

/* A cell in one line, for tooltips and screen readers. */
function described(row, column) {
  const label = data.labels[row * columns + column];
  const text = label < 0 ? "policy has no say" : data.texts[label];
  return data.sources[row] + " \u2192 " + data.destinations[column] + ": " + text;
}

/* One end of a connection: what was decided, and by which lines. */
function end(reason) {
  const [verdict, headline, lines] = data.reasons[reason];
  const list = lines.map(([text, source]) => {
    const line = element("li", "", data.texts[text]);
    if (source >= 0) line.append(" ", element("code", "", data.texts[source]));
    return line;
  });
  return element("div", "end " + verdict, element("b", "", data.texts[headline]), element("ul", "", ...list));
}

function fact([status, connections, flow, egress, ingress]) {
  const [word, swatch] = data.statuses[status];
  return element(
    "section",
    "fact",
    element("h3", "", element("span", "swatch " + swatch), word),
    element("div", "what mono", data.texts[connections]),
    element("div", "flow mono", "for example " + data.texts[flow]),
    end(egress),
    end(ingress),
  );
}

function show(td) {
  const [row, column] = placeOf(td);
  const facts = data.cells[row * columns + column];
  const title = element(
    "h2",
    "",
    data.sources[row],
    element("span", "arrow", " \u2192 "),
    data.destinations[column],
  );
  const none = element("p", "hint", "Policy has no say here: there are no two different ends, or neither is a pod.");
  detail.replaceChildren(title, ...(facts ? facts.map(fact) : [none]));
  detail.scrollTop = 0;
}

function select(td) {
  if (selected) {
    selected.removeAttribute("aria-selected");
    selected.tabIndex = -1;
  }
  selected = td;
  td.setAttribute("aria-selected", "true");
  td.tabIndex = 0;
  const [row, column] = placeOf(td);
  td.setAttribute("aria-label", described(row, column));
  show(td);
}

/* The row and the column below the pointer or the keyboard. */
const cross = document.head.appendChild(document.createElement("style"));
function mark(td) {
  for (const row of body.querySelectorAll(".row")) row.classList.remove("row");
  if (!td) {
    cross.textContent = "";
    return;
  }
  td.parentNode.classList.add("row");
  const column = ":nth-child(" + (td.cellIndex + 1) + ")";
  cross.textContent =
    "thead th" + column + "{background:var(--cross);color:var(--focus)}" +
    "td.nothing" + column + ",td.none" + column + "{background-color:var(--cross)}";
}

const cellOf = (event) => event.target.closest("td");
body.addEventListener("pointerover", (event) => {
  const td = cellOf(event);
  mark(td);
  if (td) td.title = described(...placeOf(td));
});
body.addEventListener("pointerleave", () => mark(document.activeElement === selected ? selected : null));
body.addEventListener("focusin", (event) => mark(cellOf(event)));
body.addEventListener("click", (event) => {
  const td = cellOf(event);
  if (!td) return;
  select(td);
  td.focus({ preventScroll: true });
});

const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
body.addEventListener("keydown", (event) => {
  const step = STEPS[event.key];
  const td = cellOf(event);
  if (!step || !td) return;
  event.preventDefault();
  let [row, column] = placeOf(td);
  for (;;) {
    row += step[0];
    column += step[1];
    if (!body.rows[row] || column < 0 || column >= columns) return;
    const next = cellAt(row, column);
    if (body.rows[row].hidden || next.hidden) continue;
    select(next);
    next.focus();
    next.scrollIntoView({ block: "nearest", inline: "nearest" });
    return;
  }
});

/* Filters: each word must occur. */
const matches = (name, words) => words.every((word) => name.includes(word));
const wordsIn = (id) => document.getElementById(id).value.toLowerCase().split(/\s+/).filter(Boolean);
function filter() {
  const from = wordsIn("from");
  const to = wordsIn("to");
  data.sources.forEach((name, row) => (body.rows[row].hidden = !matches(name.toLowerCase(), from)));
  const away = data.destinations.map((name) => !matches(name.toLowerCase(), to));
  for (const row of table.rows) {
    away.forEach((hidden, column) => (row.cells[column + 1].hidden = hidden));
  }
}
document.getElementById("from").addEventListener("input", filter);
document.getElementById("to").addEventListener("input", filter);

for (const button of document.querySelectorAll(".legend button")) {
  button.addEventListener("click", () => {
    const on = button.getAttribute("aria-pressed") !== "true";
    for (const other of document.querySelectorAll(".legend button")) other.setAttribute("aria-pressed", "false");
    button.setAttribute("aria-pressed", String(on));
    table.className = table.className.replace(/ ?only\S*/g, "") + (on ? " only only-" + button.dataset.verdict : "");
  });
}

const first = body.querySelector("td");
if (first) first.tabIndex = 0;
