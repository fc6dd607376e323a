// What is known of a translation beside its text: how usable it is, failed checks, terms, and links between words.

import { bar, make } from "./draw.js";

const SURE = 0.8, DOUBTFUL = 0.5; // of being usable

const numbered = (details, each) => details.flatMap((detail, at) => each(detail, at, details.length > 1));

export function usable(place, details, words) {
  const found = numbered(details, ({ usable: share }, at, several) => {
    if (share === undefined || share === null) return [];
    const word = words.usable[share >= SURE ? 2 : share >= DOUBTFUL ? 1 : 0];
    const kind = share >= SURE ? "good" : share >= DOUBTFUL ? "" : "warm";
    return [make("li", {}, bar(share, kind), make("span", {},
      `${several ? words.line(at + 1) : ""}${words.usableSays(word, Math.round(100 * share))}`))];
  });
  place.replaceChildren(...found);
  place.hidden = !found.length;
}

export function checked(place, details, words) {
  const found = numbered(details, ({ checks }, at, several) =>
    (checks ?? []).map((name) => make("li", {}, `${several ? words.line(at + 1) : ""}${words.checks[name] ?? name}`)));
  place.replaceChildren(...found);
  place.hidden = !found.length;
}

export function glossary(place, details, words) {
  const found = numbered(details, ({ terms }) => (terms ?? []).map(({ source, target, kept }) =>
    make("li", { class: kept ? "" : "wrong" }, `${kept ? "✓" : "✗"} ${source} → ${target}`,
      make("span", { class: "visually-hidden" }, ` ${kept ? words.kept : words.lost}`))));
  place.replaceChildren(...(found.length ? [make("h3", {}, words.terms), make("ul", {}, ...found)] : []));
  place.hidden = !found.length;
}

// The translation with its words, each of which shows what it looked at when it is pointed at or focused: one of them
// can be reached by Tab, the others by arrow keys. ``ask`` brings the links of each line.
export function links(place, says, source, translation, ask, words) {
  const sources = source.replaceAll("\r\n", "\n").split("\n").map((line) => line.split(/\s+/u).filter(Boolean));
  let found;
  const spans = [];
  const show = async (span) => {
    found ??= ask().catch((error) => { found = undefined; return error; }); // the next word asks again
    const lines = await found;
    if (!span.isConnected || place.dataset.word !== span.dataset.word) return;
    const { line } = span.dataset, own = lines[line];
    if (lines instanceof Error) return void (says.textContent = lines.refused ? lines.message : words.away);
    if (!own) return void (says.textContent = words.unlinked);
    const number = Number(span.dataset.at);
    const seen = [...new Set(own.filter(([, target]) => target === number).map(([at]) => at))].sort((a, b) => a - b);
    for (const each of spans) each.classList.toggle("linked", each === span);
    says.textContent = words.looks(span.textContent, seen.map((at) => sources[line][at]).join(" "));
  };
  const enter = (span) => {
    place.dataset.word = span.dataset.word;
    show(span);
  };
  const step = (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 1, ArrowUp: -1 }[event.key];
    const next = by && spans[spans.indexOf(event.target) + by];
    if (!next) return;
    event.preventDefault();
    event.target.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  };
  const parts = translation.split("\n").flatMap((text, line) => {
    let at = 0;
    const made = text.split(/(\s+)/u).filter(Boolean).map((word) => {
      if (!word.trim()) return word;
      const span = make("span", { class: "word", tabindex: spans.length ? "-1" : "0", "data-line": line, "data-at": at,
        "data-word": spans.length, "aria-describedby": says.id, onkeydown: step }, word);
      at += 1;
      span.addEventListener("mouseenter", () => enter(span));
      span.addEventListener("focus", () => enter(span));
      spans.push(span);
      return span;
    });
    return line ? ["\n", ...made] : made;
  });
  place.replaceChildren(...parts);
  says.textContent = spans.length ? words.looked : "";
}
