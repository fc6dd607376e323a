// Pieces, the candidates of a step, and the beam.

import { bar, drawing, label, make, percent, shown, svg } from "./draw.js";

// The pieces of a side. Those of the translation are buttons that lead to their step, with more colour for more doubt.
export function pieces(place, name, texts, { steps, current, go } = {}) {
  const made = texts.map((piece, number) => {
    const kind = `piece${piece.startsWith("▁") || number === 0 || piece === "</s>" ? " first" : ""}`;
    if (!go) return make("span", { class: kind }, label(piece).replace(/^·/, ""));
    const { probability } = steps[number];
    const button = make("button", { type: "button", class: kind, title: percent(probability),
      "aria-current": number === current ? "step" : undefined, onclick: () => go(number),
      "aria-label": `${label(piece)} ${percent(probability)}` }, label(piece).replace(/^·/, ""));
    button.style.setProperty("--doubt", 1 - probability);
    return button;
  });
  place.replaceChildren(make("span", { class: "name" }, name), ...made);
}

// What could come at a step, the most probable first.
export function candidates(place, told, step, words) {
  const { piece, candidates: rivals, probability } = told.steps[step];
  const chosen = rivals.some(([rival]) => rival === piece) ? rivals : [...rivals, [piece, probability]];
  place.replaceChildren(
    make("p", {}, words.reads(told.fed.slice(0, step + 1).map(label).join(" "))),
    make("ol", { class: "bars" }, ...chosen.map(([rival, share]) => make("li", { class: rival === piece ? "kept" : "" },
      make("span", { class: "what" }, label(rival)), bar(share), make("span", { class: "share" }, percent(share)),
      make("span", { class: "mark" }, rival === piece ? words.chosen : "")))));
}

const WIDE = 126, HIGH = 36, BOX = 104, TALL = 26, PAD = 10;

// The tree of hypotheses, up to a step; later ones are faint.
export function beam(place, says, told, step, words) {
  const { nodes } = told.beam;
  const columns = Math.max(...nodes.map((node) => node.step)) + 1;
  const rows = new Array(columns).fill(0);
  const at = nodes.map((node) => [PAD + node.step * WIDE, PAD + 20 + (rows[node.step]++) * HIGH]);
  const paths = [], boxes = [];
  nodes.forEach((node, number) => {
    const [x, y] = at[number];
    const kind = [node.kept ? "kept" : node.alive ? "alive" : "dead", node.score === null ? "" : "ended",
                  node.step > step ? "later" : node.step === step ? "now" : ""].join(" ");
    if (node.parent !== null) {
      const [left, above] = at[node.parent];
      const [from, to] = [above + TALL / 2, y + TALL / 2];
      paths.push(svg("path", { class: kind, d: `M${left + BOX} ${from}C${left + BOX + 12} ${from} ${x - 12} ${to} ${x} ${to}` }));
    }
    const name = label(node.piece);
    boxes.push(svg("g", { class: kind },
      svg("title", {}, `${pathOf(nodes, number).map(label).join(" ")} ${shown(node.score ?? node.sum)}`),
      svg("rect", { x, y, width: BOX, height: TALL, rx: 6 }),
      svg("text", { x: x + 6, y: y + 18 }, name.length > 7 ? `${name.slice(0, 6)}…` : name),
      svg("text", { x: x + BOX - 6, y: y + 18, class: "sum", "text-anchor": "end" }, shown(node.score ?? node.sum))));
  });
  const heads = [...rows.keys()].map((column) => svg("text", { x: PAD + column * WIDE, y: 16, class: "sum" }, String(column + 1)));
  const width = 2 * PAD + columns * WIDE, height = 2 * PAD + 20 + Math.max(...rows) * HIGH;
  const here = nodes.filter((node) => node.step === step);
  const said = words.beamSays(step + 1, here.filter((node) => node.alive).length,
                              here.filter((node) => !node.alive).length, here.filter((node) => node.score !== null).length);
  place.setAttribute("aria-label", words.beamHead);
  says.textContent = said;
  place.replaceChildren(drawing("beam", width, height, said, ...heads, ...paths, ...boxes));
  const left = (PAD + step * WIDE + BOX / 2) * (place.scrollWidth / width) - place.clientWidth / 2;
  place.scrollTo({ left: Math.max(0, left) });
}

function pathOf(nodes, number) {
  const { parent, piece } = nodes[number];
  return [...(parent === null ? [] : pathOf(nodes, parent)), piece];
}

export function legend(place, words) {
  place.replaceChildren(...["kept", "alive", "dead", "ended"].map((kind) =>
    make("li", { class: kind }, make("i", { "aria-hidden": "true" }), words[kind])));
}
