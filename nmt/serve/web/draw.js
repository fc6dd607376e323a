// Elements, tables, bars and pictures. Knows nothing of translation.

const SVG = "http://www.w3.org/2000/svg";

// An element with attributes; children are elements or texts.
export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  return dressed(element, attributes, children);
}

export function svg(name, attributes = {}, ...children) {
  return dressed(document.createElementNS(SVG, name), attributes, children);
}

function dressed(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value !== undefined && value !== null) element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

// A drawing of so many pixels, larger where the page's letters are.
export function drawing(kind, width, height, name, ...children) {
  const scale = parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;
  return svg("svg", { class: kind, width: width * scale, height: height * scale, viewBox: `0 0 ${width} ${height}`, role: "img",
    "aria-label": name }, ...children);
}

// A number of so many digits, with a real minus.
export function shown(value, digits = 2) {
  if (value === null) return "−∞";
  const text = value.toFixed(digits);
  return (Number(text) === 0 ? text.replace("-", "") : text).replace("-", "−");
}

export const percent = (share) => (share < 0.001 ? "< 0.1%" : `${(100 * share).toFixed(1)}%`);

// A piece as a label: without the sign of a space, and with a dot where its letters continue a word.
export function label(piece) {
  if (/^<.*>$/.test(piece)) return piece;
  if (piece.startsWith("▁")) return piece.slice(1) || "␣";
  return /^[\p{L}\p{N}]/u.test(piece) ? `·${piece}` : piece;
}

// A bar as long as a share; it only repeats a number.
export function bar(share, kind = "") {
  const element = make("span", { class: `bar ${kind}`, "aria-hidden": "true" }, make("i"));
  element.firstChild.style.width = `${Math.max(0, Math.min(1, share)) * 100}%`;
  return element;
}

// A table; a cell is a text or an element, and a row's first cell is its head.
export function table(heads, rows, options = {}) {
  const head = make("tr", {}, ...heads.map((text) => (text ? make("th", { scope: "col" }, text) : make("td"))));
  const body = rows.map((cells) => make("tr", {}, ...cells.map((cell, place) =>
    place ? make("td", { class: typeof cell === "string" ? "number" : undefined }, cell)
          : make("th", { scope: "row" }, cell))));
  return make("table", { class: options.kind },
    options.caption ? make("caption", {}, options.caption) : null,
    make("thead", {}, head), make("tbody", {}, ...body),
    options.foot ? make("tfoot", {}, make("tr", {}, ...options.foot.map((text, place) =>
      make(place ? "td" : "th", place ? { class: "number" } : { scope: "row" }, text)))) : null);
}

// A map of weights as a table whose labels stay. ``open`` is called with a row when its label is pressed.
export function heatmap(rows, columns, weights, { caption, current, open, cell } = {}) {
  const head = make("tr", {}, make("td"), ...columns.map((piece) =>
    make("th", { scope: "col" }, make("span", {}, label(piece)))));
  const body = rows.map((piece, row) => {
    const name = open
      ? make("button", { type: "button", onclick: () => open(row), "aria-pressed": String(row === current) }, label(piece))
      : label(piece);
    return make("tr", { class: row === current ? "current" : undefined }, make("th", { scope: "row" }, name),
      ...columns.map((_, column) => {
        const weight = weights[row][column];
        const text = cell ? cell(row, column) : weight >= 0.095 ? String(Math.round(100 * weight)) : "";
        const element = make("td", { class: `heat${weight > 0.8 ? " dark" : ""}`,
          title: `${label(piece)} → ${label(columns[column])}: ${percent(weight)}` }, text);
        element.style.setProperty("--share", weight);
        return element;
      }));
  });
  return make("table", { class: "heatmap" }, make("caption", {}, caption ?? ""),
    make("thead", {}, head), make("tbody", {}, ...body));
}

function colour(name) {
  const hex = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
}

// A matrix as a picture, a pixel a number: 0 is the paper, the largest one ``positive``, the least one cold.
export function picture(matrix, name, { most, positive = "--warm" } = {}) {
  const [paper, warm, cold] = ["--paper", positive, "--cold"].map(colour);
  const largest = most ?? Math.max(1e-9, ...matrix.flat().map(Math.abs));
  const canvas = make("canvas", { width: matrix[0].length, height: matrix.length, class: "picture",
    ...(name ? { role: "img", "aria-label": name } : { "aria-hidden": "true" }) });
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  matrix.flat().forEach((value, place) => {
    const share = Math.min(1, Math.abs(value) / largest), end = value < 0 ? cold : warm;
    for (let part = 0; part < 3; part += 1) {
      image.data[4 * place + part] = paper[part] + share * (end[part] - paper[part]);
    }
    image.data[4 * place + 3] = 255;
  });
  context.putImageData(image, 0, 0);
  return canvas;
}

// A vector as a strip, with its name and a note.
export function strip(vector, name, note = "", most = undefined) {
  return make("figure", { class: "strip" },
    make("figcaption", {}, make("b", {}, name), note ? ` ${note}` : ""), picture([vector], name, { most }));
}

// Lines over whole numbers from ``first`` on; each as {values, name}.
export function lines(series, { width = 320, height = 150, name, first = 0, x = "" }) {
  const values = series.flatMap((each) => each.values);
  const [low, high] = [Math.min(0, ...values), Math.max(...values, 1e-9)];
  const count = Math.max(...series.map((each) => each.values.length));
  const left = 38, under = 26;
  const across = (place) => left + (place / Math.max(1, count - 1)) * (width - left - 8);
  const up = (value) => 8 + (1 - (value - low) / (high - low)) * (height - under - 8);
  const drawn = series.map((each, number) => svg("path", {
    class: `line line${number}`, d: each.values.map((value, at) => `${at ? "L" : "M"}${across(at)} ${up(value)}`).join(""),
  }, svg("title", {}, each.name)));
  const text = (tx, ty, words, anchor) => svg("text", { x: tx, y: ty, "text-anchor": anchor }, words);
  return drawing("chart", width, height, name,
    svg("path", { class: "axis", d: `M${left} 8V${up(low)}H${width - 8}` }),
    text(left - 5, 16, shown(high, 1), "end"), text(left - 5, up(low), shown(low, 1), "end"),
    text(left, height - 8, String(first), "middle"), text(width - 8, height - 8, String(first + count - 1), "end"),
    text((left + width) / 2, height - 8, x, "middle"), ...drawn);
}
