// The page of nmt serve: asks the service that it came from, and nobody else.

import { ask, fill, list, loaded, locale, part, say, targetsOf } from "./common.js";
import { checked, glossary, links, usable } from "./details.js";
import { WORDS } from "./page_words.js";

const QUIET = 250; // milliseconds without a key before a text is sent

const words = WORDS[locale];
let languages = [], settings = {}, nameOf, timer, asked;

function listTargets() {
  list(part("target"), targetsOf(languages, part("source").value).map((code) => [code, nameOf(code)]));
}

// Show the answer to what was sent: the fields may hold something else by now.
function show(answer, sent) {
  const target = sent.target.replace("_", "-");
  for (const id of ["translation", "alternatives"]) part(id).lang = target;
  links(part("translation"), part("looked"), sent.q, answer.translatedText, () => linked(sent), words);
  part("translation").classList.remove("old");
  const others = [...new Set(answer.alternatives ?? [])].filter((text) => text !== answer.translatedText);
  part("alternatives").replaceChildren(...others.map((text) => {
    const item = document.createElement("li");
    item.textContent = text;
    return item;
  }));
  part("others").hidden = !others.length;
  usable(part("usable"), answer.details ?? [], words);
  checked(part("checks"), answer.details ?? [], words);
  glossary(part("terms"), answer.details ?? [], words);
  say(answer.detectedLanguage ? words.language(nameOf(answer.detectedLanguage.language)) : "");
  part("think").href = `think#${new URLSearchParams({ target: sent.target, q: sent.q.trim().split("\n")[0],
    source: answer.detectedLanguage?.language ?? sent.source })}`;
}

// The links of a translation that is shown, asked for when somebody first wants them.
async function linked(sent) {
  const answer = await ask("translate", { ...sent, alternatives: 0, alignment: true });
  return answer.details.map((detail) => detail.alignment);
}

async function translate() {
  asked?.abort(); // the service then drops what is not translated yet
  const body = { q: part("text").value, source: part("source").value, target: part("target").value,
                 alternatives: Number(part("count").value) };
  if (!body.q.trim()) return show({ translatedText: "" }, body);
  const mine = asked = new AbortController();
  part("translation").classList.add("old");
  say(words.busy);
  if (settings.keyRequired) body.api_key = part("key").value;
  try {
    const answer = await ask("translate", { ...body, details: true }, { signal: mine.signal });
    if (mine === asked) show(answer, body);
  } catch (error) {
    if (error.name !== "AbortError" && mine === asked) say(error.refused ? error.message : words.away, true);
  }
}

function soon() {
  clearTimeout(timer);
  timer = setTimeout(translate, QUIET);
}

async function begin() {
  fill(words);
  document.title = words.title;
  try {
    ({ languages, settings, nameOf } = await loaded());
  } catch {
    return say(words.away, true);
  }
  const sources = languages.filter((each) => each.targets.length).map((each) => [each.code, nameOf(each.code)]);
  if (settings.detects && sources.length > 1) sources.unshift(["auto", words.told]);
  list(part("source"), sources);
  const most = Math.min(4, settings.alternatives);
  list(part("count"), Array.from({ length: most + 1 }, (_, count) => [count, count ? String(count) : words.none]));
  part("count").value = Math.min(2, most);
  part("count").closest(".field").hidden = !most;
  part("key-field").hidden = !settings.keyRequired;
  part("think").hidden = !settings.thinks;
  listTargets();
  part("source").addEventListener("change", () => { listTargets(); soon(); });
  for (const id of ["target", "text", "key", "count"]) part(id).addEventListener("input", soon);
  document.querySelector("form").addEventListener("submit", (event) => { event.preventDefault(); translate(); });
  soon(); // a browser may have kept the text of an earlier visit
}

begin();
