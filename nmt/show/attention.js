// One map of attention as a table, beside small pictures of all layers and heads to choose from.
const given = document.getElementById("maps"), maps = JSON.parse(given.textContent);
const controls = document.getElementById("controls"), grid = document.querySelector(".grid");
const heads = document.querySelector(".heads"), caption = document.querySelector("figcaption .cell");
const chosen = {kind: 0, unit: given.dataset.by === "words" ? 0 : 1};
const views = maps.map(map => [map.choice.layer + 1, map.choice.head + 1]);  // layer and head 0: the average

const make = (name, text, properties = {}) => {
  const element = Object.assign(document.createElement(name), properties);
  if (text !== undefined) element.append(text);
  return element;
};
const shade = weight => `color-mix(in srgb, var(--mark) ${(100 * Math.sqrt(weight)).toFixed(1)}%, var(--sheet))`;

function label(text) {
  const part = document.createDocumentFragment();
  text.split(/(▁)/).forEach(each => each === "▁" ? part.append(make("i", each, {className: "space"})) : part.append(each));
  return part;
}

function pills(name, title, texts) {
  const set = make("fieldset");
  set.append(make("legend", title));
  texts.forEach((text, at) => {
    const input = make("input", undefined, {type: "radio", name, value: at, checked: chosen[name] === at});
    input.onchange = () => { chosen[name] = at; show(); };
    const pill = make("label");
    pill.append(input, make("span", text));
    set.append(pill);
  });
  return set;
}

const current = () => ({map: maps[chosen.kind], unit: maps[chosen.kind].units[chosen.unit], view: views[chosen.kind]});
const named = ([layer, head]) => `${layer ? `layer ${layer}` : "all layers"}, ${head ? `head ${head}` : "average of heads"}`;

function small(canvas, unit, weights) {
  const colour = getComputedStyle(document.body).getPropertyValue("--mark"), pen = canvas.getContext("2d");
  const width = unit.columns.length;
  Object.assign(canvas, {width, height: unit.rows.length});
  pen.fillStyle = colour;
  weights.forEach((weight, at) => {
    pen.globalAlpha = Math.sqrt(weight / 1000);
    pen.fillRect(at % width, Math.floor(at / width), 1, 1);
  });
}

function showHeads() {
  const {unit, view} = current(), layers = unit.weights.length, count = unit.weights[0].length;
  heads.hidden = layers === 2 && count === 2;  // one head, and the average of it
  const table = make("table"), first = table.createTHead().insertRow(), body = table.createTBody();
  first.append(make("th"));
  for (let head = 0; head < count; head++) first.append(make("th", head ? `head ${head}` : "average", {scope: "col"}));
  unit.weights.forEach((row, layer) => {
    const line = body.insertRow();
    line.append(make("th", layer ? `layer ${layer}` : "all layers", {scope: "row"}));
    row.forEach((weights, head) => {
      const input = make("input", undefined, {type: "radio", name: "view", value: `${layer},${head}`,
        checked: layer === view[0] && head === view[1], ariaLabel: named([layer, head])});
      input.onchange = () => { views[chosen.kind] = [layer, head]; showGrid(); };
      const box = make("label", undefined, {title: named([layer, head])}), canvas = make("canvas");
      small(canvas, unit, weights);
      box.append(input, canvas);
      line.insertCell().append(box);
    });
  });
  const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
  heads.style.setProperty("--small", `${Math.max(3 * rem, Math.min(6 * rem, 0.3 * window.innerWidth / count))}px`);
  heads.replaceChildren(table);
}

function point(cell, focus) {
  const {unit, view} = current();
  grid.querySelectorAll(".on").forEach(each => each.classList.remove("on"));
  const row = cell.parentElement.sectionRowIndex, column = cell.cellIndex - 1;
  const weight = unit.weights[view[0]][view[1]][row * unit.columns.length + column] / 1000;
  cell.classList.add("on");
  cell.parentElement.cells[0].classList.add("on");
  grid.querySelector("thead tr").cells[column + 1].classList.add("on");
  const linked = cell.classList.contains("link") ? ", a word link" : "";
  caption.replaceChildren(label(unit.rows[row]), " looks at ", label(unit.columns[column]), `: ${weight.toFixed(3)}${linked}`);
  grid.querySelectorAll("td[tabindex]").forEach(each => each.removeAttribute("tabindex"));
  cell.tabIndex = 0;
  if (focus) { cell.focus(); cell.scrollIntoView({block: "nearest", inline: "nearest"}); }
}

function showGrid() {
  const {map, unit, view} = current(), weights = unit.weights[view[0]][view[1]];
  const links = new Set(unit.links.map(([column, row]) => row * unit.columns.length + column));
  const table = make("table"), first = table.createTHead().insertRow(), body = table.createTBody();
  table.setAttribute("role", "grid");
  first.insertCell();
  unit.columns.forEach(column => {
    const head = make("th", undefined, {scope: "col", title: column}), text = make("span");
    text.append(label(column));
    head.append(text);
    first.append(head);
  });
  unit.rows.forEach((row, at) => {
    const line = body.insertRow(), head = make("th", undefined, {scope: "row", title: row});
    head.append(label(row));
    line.append(head);
    for (let column = 0; column < unit.columns.length; column++) {
      const cell = line.insertCell(), place = at * unit.columns.length + column;
      cell.style.setProperty("--shade", shade(weights[place] / 1000));
      cell.ariaLabel = (weights[place] / 1000).toFixed(3);
      if (links.has(place)) cell.className = "link";
    }
  });
  const place = [grid.scrollLeft, grid.scrollTop];
  grid.replaceChildren(table);
  fit(unit);
  grid.scrollTo(...place);
  body.rows[0].cells[1].tabIndex = 0;
  document.querySelector(".legend .ring").hidden = !links.size;
  document.querySelector(".legend .sign").hidden = chosen.unit === 0;
  caption.textContent = "Point at a square, or move with the arrow keys, for its weight.";
  const best = view[0] === map.choice.layer + 1 && view[1] === map.choice.head + 1;
  document.querySelector("figcaption .why").textContent = named(view) + (best ? `: ${map.choice.why}` : "");
}

function fit(unit) {
  const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
  const room = Math.min(document.body.clientWidth - 2.5 * rem, window.innerWidth > 900 ? 0.62 * window.innerWidth : Infinity);
  const high = 0.7 * window.innerHeight - 7 * rem;
  const wanted = Math.min((room - 9 * rem) / unit.columns.length, high / unit.rows.length) - 1;
  const cell = Math.max(1.25 * rem, Math.min(2.75 * rem, wanted));
  grid.style.setProperty("--cell", `${cell.toFixed(1)}px`);
  grid.style.setProperty("--size", `${Math.max(0.8 * rem, Math.min(rem, 0.6 * cell)).toFixed(1)}px`);
  grid.style.setProperty("--label", window.innerWidth > 600 ? "11rem" : "6.5rem");
}

function show() {
  const focus = document.activeElement?.name;
  controls.replaceChildren(pills("kind", "kind", maps.map(map => map.title)), pills("unit", "by", ["words", "pieces"]));
  showHeads();
  showGrid();
  if (focus) document.querySelector(`[name="${focus}"]:checked`)?.focus();
}

grid.addEventListener("pointerover", event => event.target.matches("tbody td") && point(event.target, false));
grid.addEventListener("click", event => event.target.matches("tbody td") && point(event.target, true));
grid.addEventListener("focusin", event => event.target.matches("tbody td:not(.on)") && point(event.target, false));
grid.addEventListener("keydown", event => {
  const move = {ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0], Home: [0, -1000], End: [0, 1000]}[event.key];
  if (!move || !event.target.matches("tbody td")) return;
  event.preventDefault();
  const rows = event.target.closest("tbody").rows, limit = (value, most) => Math.max(0, Math.min(most - 1, value));
  const row = rows[limit(event.target.parentElement.sectionRowIndex + move[0], rows.length)];
  point(row.cells[1 + limit(event.target.cellIndex - 1 + move[1], row.cells.length - 1)], true);
});
for (const weight of [0, 0.05, 0.25, 0.5, 1]) {
  const box = make("span"), colour = make("i", undefined, {className: "box"});
  colour.style.setProperty("--shade", shade(weight));
  box.append(colour, String(weight));
  document.querySelector(".scale").append(box);
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", showHeads);
window.addEventListener("resize", () => fit(current().unit));
// Chromium keeps boxes for Hangul that it laid out before the font was there.
document.fonts.load("16px NanumSquare", "가").then(() => {
  document.documentElement.classList.remove("waits");
  show();
  document.body.dataset.ready = "yes";
});
