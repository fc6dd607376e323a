// Teacher forcing beside free running, and models side by side.

import { arcs, viewOf } from "./attention.js";
import { label, make, percent, shown, strip, table } from "./draw.js";

const read = (steps, fed) => steps.map((step, at) => [fed[at], step]);

export function forcing(place, told, words) {
  if (!told.forced) return place.replaceChildren(make("p", {}, words.noReference));
  const given = ["<s>", ...told.forced.steps.map((step) => step.piece)];
  const column = (name, about, steps, fed, sum) => make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": name },
    table([words.readsPiece, words.wouldSay, words.wanted, words.probability], read(steps, fed).map(([piece, step]) => {
      const [guess, share] = step.candidates[0];
      const wrong = guess !== step.piece;
      return [label(piece), make("span", { class: wrong ? "wrong" : "" }, `${label(guess)} ${percent(share)}`),
              make("span", {}, label(step.piece)), percent(step.probability)];
    }), { kind: "texts", caption: `${name}: ${about}`, foot: [words.logSum, "", "", shown(sum)] }));
  const loss = -told.forced.log_probability / told.forced.steps.length;
  place.replaceChildren(make("div", { class: "columns" },
    column(words.forced, words.forcedSays, told.forced.steps, given, told.forced.log_probability),
    column(words.free, words.freeSays, told.steps, told.fed, told.log_probability)),
    make("p", {}, words.lossSays(shown(loss, 3), shown(Math.exp(loss), 2))));
}

export function sideBySide(place, models, words) {
  place.replaceChildren(make("div", { class: "columns" }, ...models.map((told) => {
    const column = make("div", { class: "card" }, make("h3", {}, words.modelName(told.model)),
      make("p", { class: "translation" }, told.translation),
      make("p", {}, words.logSays(shown(told.log_probability))));
    if (told.vector) column.append(strip(told.vector, words.vector, words.vectorSays(told.vector.length)));
    if (told.attention.cross) {
      const [layer, head] = told.best_head ?? ["all", "all"];
      const scroll = make("div", { class: "scroll", tabindex: "0", role: "region" });
      arcs(scroll, told.attention.cross.rows, told.attention.cross.columns, viewOf(told, "cross", layer, head), -1, words);
      scroll.setAttribute("aria-label", words.modelName(told.model));
      column.append(make("p", { class: "about" }, words.looksBack), scroll);
    }
    return column;
  })), models.length > 1 ? "" : make("p", {}, words.noneBeside, " ", make("code", {}, "nmt serve MODEL --compare MODEL2")));
}
