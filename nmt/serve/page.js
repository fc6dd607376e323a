// The page of nmt serve: asks the service that it came from, and nobody else.

const WORDS = {
  en: { title: "Translate", from: "From", into: "Into", key: "API key", text: "Text", translation: "Translation",
        others: "Other translations", told: "Tell the language", busy: "Translating…",
        language: (name) => `The text seems to be in ${name}.`, away: "The service does not answer." },
  ko: { title: "번역", from: "원문 언어", into: "번역 언어", key: "API 키", text: "원문", translation: "번역문",
        others: "다른 번역", told: "언어 알아내기", busy: "번역하고 있습니다…",
        language: (name) => `원문은 ${name}인 것 같습니다.`, away: "서비스가 응답하지 않습니다." },
};
const QUIET = 250; // milliseconds without a key before a text is sent
const ALTERNATIVES = 2;

const part = (id) => document.getElementById(id);
const locale = navigator.language.startsWith("ko") ? "ko" : "en";
const words = WORDS[locale];
const names = new Intl.DisplayNames([locale], { type: "language", fallback: "none" });
let languages = [], settings = {}, timer, asked;

function nameOf(code) {
  try {
    return names.of(code.replace("_", "-")) ?? languages.find((each) => each.code === code).name;
  } catch {
    return languages.find((each) => each.code === code)?.name ?? code;
  }
}

function option(code, name) {
  return new Option(name, code);
}

function say(text, wrong = false) {
  part("state").textContent = text;
  part("state").classList.toggle("wrong", wrong);
}

function listTargets() {
  const source = part("source").value;
  const all = languages.filter((each) => source === "auto" || each.code === source).flatMap((each) => each.targets);
  const before = part("target").value;
  const targets = [...new Set(all)];
  part("target").replaceChildren(...targets.map((code) => option(code, nameOf(code))));
  if (targets.includes(before)) part("target").value = before;
}

function show(answer) {
  const target = part("target").value.replace("_", "-");
  for (const id of ["translation", "alternatives"]) part(id).lang = target;
  part("translation").textContent = answer.translatedText;
  part("translation").classList.remove("old");
  const others = [...new Set(answer.alternatives ?? [])].filter((text) => text !== answer.translatedText);
  part("alternatives").replaceChildren(...others.map((text) => {
    const item = document.createElement("li");
    item.textContent = text;
    return item;
  }));
  part("others").hidden = !others.length;
  say(answer.detectedLanguage ? words.language(nameOf(answer.detectedLanguage.language)) : "");
}

async function translate() {
  asked?.abort(); // the service then drops what is not translated yet
  const q = part("text").value;
  if (!q.trim()) return show({ translatedText: "" });
  const mine = asked = new AbortController();
  part("translation").classList.add("old");
  say(words.busy);
  const body = { q, source: part("source").value, target: part("target").value,
                 alternatives: Math.min(ALTERNATIVES, settings.alternatives) };
  if (settings.keyRequired) body.api_key = part("key").value;
  try {
    const response = await fetch("translate", {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body), signal: mine.signal,
    });
    const answer = await response.json();
    if (mine !== asked) return;
    if (response.ok) show(answer);
    else say(answer.error, true);
  } catch (error) {
    if (error.name !== "AbortError") say(words.away, true);
  }
}

function soon() {
  clearTimeout(timer);
  timer = setTimeout(translate, QUIET);
}

async function begin() {
  document.documentElement.lang = locale;
  for (const each of document.querySelectorAll("[data-say]")) each.textContent = words[each.dataset.say];
  try {
    [languages, settings] = await Promise.all(
      ["languages", "frontend/settings"].map(async (path) => (await fetch(path)).json()));
  } catch {
    return say(words.away, true);
  }
  const sources = languages.filter((each) => each.targets.length).map((each) => option(each.code, nameOf(each.code)));
  if (settings.detects && sources.length > 1) sources.unshift(option("auto", words.told));
  part("source").replaceChildren(...sources);
  part("key-field").hidden = !settings.keyRequired;
  listTargets();
  part("source").addEventListener("change", () => { listTargets(); soon(); });
  for (const id of ["target", "text", "key"]) part(id).addEventListener("input", soon);
  document.querySelector("form").addEventListener("submit", (event) => { event.preventDefault(); translate(); });
  soon(); // a browser may have kept the text of an earlier visit
}

begin();
