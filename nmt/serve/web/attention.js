// Attention as arcs and as maps, one row of it opened, and the causal mask.

import { bar, drawing, heatmap, label, make, percent, picture, shown, strip, svg, table } from "./draw.js";

// The weights of a layer and a head of a kind; "all" averages.
export function viewOf(told, kind, layer, head) {
  const { weights } = told.attention[kind];
  const chosen = (layer === "all" ? weights : [weights[layer]]).flatMap((heads) => head === "all" ? heads : [heads[head]]);
  return chosen[0].map((row, at) => row.map((_, column) =>
    chosen.reduce((sum, view) => sum + view[at][column], 0) / chosen.length));
}

// Rows below, columns above, and an arc between them as strong as its weight.
export function arcs(place, rows, columns, weights, current, words) {
  const width = (texts) => texts.map((text) => 16 + 10 * [...label(text)].reduce((sum, letter) => sum + (letter > "\u1100" ? 1.6 : 0.85), 0));
  const starts = (sizes) => sizes.map((_, at) => sizes.slice(0, at).reduce((sum, size) => sum + size + 6, 8));
  const sizes = [width(columns), width(rows)], places = sizes.map(starts);
  const whole = Math.max(...sizes.map((some, side) => places[side].at(-1) + some.at(-1))) + 8;
  const middle = (side, at) => places[side][at] + sizes[side][at] / 2;
  const drawn = [], height = 210;
  weights.forEach((row, at) => row.forEach((weight, column) => {
    if (weight < 0.03) return;
    const [from, to] = [middle(1, at), middle(0, column)];
    drawn.push(svg("path", { class: at === current ? "arc now" : "arc", d: `M${from} ${height - 42}C${from} 120 ${to} 90 ${to} 42`,
      "stroke-width": 1 + 7 * weight, "stroke-opacity": at === current ? 0.25 + 0.75 * weight : (current < 0 ? 0.85 : 0.35) * weight }));
  }));
  const texts = [columns, rows].flatMap((side, number) => side.map((piece, at) => {
    const weight = number ? Number(at === current) : weights[current]?.[at] ?? 0;
    return svg("g", {}, svg("rect", { class: "under", x: places[number][at], y: number ? height - 40 : 8, rx: 6,
      width: sizes[number][at], height: 32, "fill-opacity": 0.45 * weight }),
      svg("text", { x: middle(number, at), y: number ? height - 18 : 30, "text-anchor": "middle" }, label(piece)));
  }));
  const best = weights[current] ?? weights[0];
  const most = best.indexOf(Math.max(...best));
  place.setAttribute("aria-label", words.arcsHead);
  const says = words.arcSays(label(rows[current] ?? rows[0]), label(columns[most]), percent(best[most]));
  place.replaceChildren(drawing("arcs", whole, height, says, ...drawn, ...texts));
}

export function map(place, rows, columns, weights, current, open, words) {
  place.setAttribute("aria-label", words.mapHead);
  place.replaceChildren(heatmap(rows, columns, weights, { caption: words.mapSays, current, open }));
}

// All heads of a kind, a small map each.
export function heads(place, told, kind, layer, head, choose, words) {
  const { weights } = told.attention[kind];
  place.setAttribute("aria-label", words.headsHead);
  place.replaceChildren(...weights.map((some, at) => make("div", { class: "thumbs" },
    make("span", { class: "name" }, words.layerName(at + 1)), ...some.map((view, number) =>
      make("button", { type: "button", "aria-pressed": String(at === layer && number === head),
        "aria-label": words.headName(at + 1, number + 1), title: words.headName(at + 1, number + 1),
        onclick: () => choose(at, number) }, picture(view, "", { most: 1, positive: "--heat" }))))));
}

// A row: q·k, the division, the mask, softmax and its sum.
export function row(parts, told, { kind, row: at }, opened, words) {
  const { rows, columns } = told.attention[kind];
  const width = opened.query?.length;
  const division = opened.scale === 1 ? "" : ` ÷ ${shown(1 / opened.scale, 2)}`;
  const largest = Math.max(...opened.scores.filter((score) => score !== null));
  const powers = opened.scores.map((score) => (score === null ? 0 : Math.exp(score - largest)));
  parts.formula.textContent = words.formula[told.model.family === "transformer" ? "transformer" : told.model.score]
    ?? words.formula.transformer;
  parts.table.setAttribute("aria-label", words.rowHead);
  const heads = [words.lookedAt, "q · k", `q · k${division || " ÷ 1"}`, words.masked, "exp(s − max)", words.weight, ""];
  parts.table.replaceChildren(table(heads, columns.map((piece, column) => [
    label(piece), shown(opened.products[column]), shown(opened.products[column] * opened.scale),
    shown(opened.scores[column]), shown(powers[column], 3), shown(opened.weights[column], 3), bar(opened.weights[column]),
  ]), { caption: words.rowSays(label(rows[at])), foot: [words.sum, "", "", "", shown(powers.reduce((sum, power) => sum + power, 0), 3), shown(opened.sum, 3), ""] }));
  if (!opened.query) return parts.vectors.replaceChildren();
  const best = opened.weights.indexOf(Math.max(...opened.weights));
  const key = opened.keys[best], products = opened.query.map((value, place) => value * key[place]);
  const most = Math.max(...[opened.query, key].flat().map(Math.abs));
  parts.vectors.replaceChildren(make("p", { class: "about" }, words.vectorsAbout(width, label(columns[best]))),
    strip(opened.query, "q", `${label(rows[at])}`, most), strip(key, "k", label(columns[best]), most),
    strip(products, "q × k", `${words.sum} = ${shown(products.reduce((sum, value) => sum + value, 0))}`),
    ...(opened.context ? [strip(opened.context, words.context, words.contextSays)] : []));
}

// Scores get −∞ where a piece would see what comes after it.
export function mask(section, place, told, words) {
  section.hidden = !told.attention.decoder;
  if (section.hidden) return;
  const { rows, columns } = told.attention.decoder;
  const weights = viewOf(told, "decoder", "all", "all");
  place.setAttribute("aria-label", words.maskHead);
  place.replaceChildren(heatmap(rows, columns, weights, { caption: words.maskSays,
    cell: (at, column) => (column > at ? "−∞" : "0") }));
}
