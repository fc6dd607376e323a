// LayerNorm, residual connections and positions, in numbers.

import { bar, lines, make, picture, shown, strip, svg, table } from "./draw.js";

const FEW = 8; // features in a table

// Three numbers of one's own, normalised.
export function example(place, words) {
  const fields = [["1", "x₁"], ["2", "x₂"], ["3", "x₃"], ["1", "γ"], ["0", "β"]].map(([value, name], at) => {
    const input = make("input", { id: `example${at}`, type: "number", step: "any", value });
    return [input, make("span", { class: "field" }, make("label", { for: input.id }, name), " ", input)];
  });
  const out = make("div", { "aria-live": "polite", class: "scroll", tabindex: "0", role: "region", "aria-label": words.normHead });
  const draw = () => {
    const [x1, x2, x3, gamma, beta] = fields.map(([input]) => Number(input.value) || 0);
    const xs = [x1, x2, x3], mean = (x1 + x2 + x3) / 3;
    const deviation = Math.sqrt(xs.reduce((sum, x) => sum + (x - mean) ** 2, 0) / 3);
    const normal = xs.map((x) => (deviation ? (x - mean) / deviation : 0));
    out.replaceChildren(table(["", "x₁", "x₂", "x₃"], [
      ["x", ...xs.map((x) => shown(x))], [words.normalised, ...normal.map((x) => shown(x))],
      ["× γ + β", ...normal.map((x) => shown(x * gamma + beta))],
    ], { caption: words.meanSays(shown(mean), shown(deviation)) }));
  };
  for (const [input] of fields) input.addEventListener("input", draw);
  draw();
  place.replaceChildren(make("p", { class: "row" }, ...fields.map(([, field]) => field)), out);
}

// A position of the model's own, normalised.
export function norm(place, opened, words) {
  const { norm: numbers } = opened;
  const rows = [["x", numbers.input], [words.normalised, numbers.normalised], ["γ", numbers.gamma], ["β", numbers.beta],
                [words.output, numbers.output]];
  place.replaceChildren(make("p", {}, `${opened.pre ? words.pre : words.post} ${words.meanSays(shown(numbers.mean, 3), shown(numbers.deviation, 3))}`),
    features(rows, words), strip(numbers.input, "x", words.range(numbers.input)),
    strip(numbers.normalised, words.normalised, words.range(numbers.normalised)),
    strip(numbers.output, words.output, words.range(numbers.output)));
}

function features(rows, words) {
  const scroll = make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": words.firstFeatures(FEW) });
  scroll.append(table(["", ...Array.from({ length: FEW }, (_, at) => String(at + 1)), "…"],
    rows.map(([name, values]) => [name, ...values.slice(0, FEW).map((value) => shown(value)), "…"]),
    { caption: words.firstFeatures(FEW) }));
  return scroll;
}

export function residual(place, opened, words) {
  const most = Math.max(...[opened.before, opened.added, opened.after].flat().map(Math.abs));
  place.replaceChildren(features([[words.before, opened.before], [words.added, opened.added],
    [opened.pre ? words.after : words.afterNorm, opened.after]], words),
    strip(opened.before, words.before, "", most), strip(opened.added, words.added, "", most),
    strip(opened.after, opened.pre ? words.after : words.afterNorm, "", most));
}

// How long the vectors of a position are, sublayer by sublayer.
export function residualLengths(place, told, side, position, current, words) {
  const own = told.sublayers.map((each, number) => [each, number]).filter(([each]) => each.side === side);
  const most = Math.max(...own.flatMap(([each]) => [each.before[position], each.added[position], each.after[position]]));
  place.setAttribute("aria-label", words.lengthsHead);
  place.replaceChildren(table([words.sublayer, words.before, "", words.added, "", words.after],
    own.map(([each, number]) => [make("span", { class: number === current ? "current" : "" }, words.sublayerName(each)),
      shown(each.before[position], 1), bar(each.before[position] / most), shown(each.added[position], 1),
      bar(each.added[position] / most, "warm"), shown(each.after[position], 1)])));
}

// Four requirements, each with a picture.
export function positions(place, opened, words) {
  const cards = [
    [words.unique, words.uniqueSays(shown(opened.nearest.distance, 3), opened.nearest.positions, opened.positions),
     opened.nearest.distance > 0, picture(opened.similar, words.similar, { most: 1 })],
    [words.equal, words.equalSays(opened.distances.starts, shown(opened.spread, 3)), opened.spread < 1e-6,
     lines(opened.distances.by_start.map((values, at) => ({ values, name: words.fromPosition(opened.distances.starts[at]) })),
           { name: words.equal, first: 1, x: words.offset })],
    [words.anyLength, words.anyLengthSays(opened.positions, opened.lengths.map((length) => shown(length))), !opened.parameters,
     picture(opened.last, words.lastPositions(opened.positions), { most: 1 })],
    [words.deterministic, words.deterministicSays(opened.difference, opened.parameters.toLocaleString()),
     opened.difference === 0 && !opened.parameters, null],
  ];
  place.replaceChildren(
    make("figure", { class: "strip tall" }, make("figcaption", {}, words.positionsSays(opened.vectors.length, opened.vectors[0].length)),
      picture(opened.vectors, words.positionsHead, { most: 1 })),
    make("ul", { class: "cards" }, ...cards.map(([name, says, holds, drawn]) => make("li", {},
      make("h3", {}, `${holds ? "✓" : "✗"} ${name}`), make("p", {}, says), drawn))));
}
