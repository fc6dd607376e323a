// What both pages share: the words of the reader's language, the languages of the service, and asking it.

export const part = (id) => document.getElementById(id);
export const locale = navigator.language.startsWith("ko") ? "ko" : "en";

const names = new Intl.DisplayNames([locale], { type: "language", fallback: "none" });

// Put the words into the page: each element says data-say.
export function fill(words) {
  document.documentElement.lang = locale;
  for (const each of document.querySelectorAll("[data-say]")) each.textContent = words[each.dataset.say];
}

export function say(text, wrong = false) {
  part("state").textContent = text;
  part("state").classList.toggle("wrong", wrong);
}

// The languages and the settings of the service, with a name for each code.
export async function loaded() {
  const [languages, settings] = await Promise.all(
    ["languages", "frontend/settings"].map(async (path) => (await fetch(path)).json()));
  const english = new Map(languages.map((each) => [each.code, each.name]));
  const nameOf = (code) => {
    try {
      return names.of(code.replace("_", "-")) ?? english.get(code) ?? code;
    } catch {
      return english.get(code) ?? code;
    }
  };
  return { languages, settings, nameOf };
}

// Fill a select element, and keep what was chosen if it is still there. Options are [value, text].
export function list(select, options) {
  const before = select.value;
  select.replaceChildren(...options.map(([value, text]) => new Option(text, value)));
  if (options.some(([value]) => String(value) === before)) select.value = before;
}

// The languages that a source is translated into.
export function targetsOf(languages, source) {
  const all = languages.filter((each) => source === "auto" || each.code === source).flatMap((each) => each.targets);
  return [...new Set(all)];
}

const AGAIN = 20; // times that a busy service is asked again, where that is wanted

// The answer to a request, or an Error that says what is wrong. A service that is busy is asked again if ``patient``.
export async function ask(path, body, { signal, patient = false } = {}) {
  const send = () => fetch(path, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body), signal,
  });
  let response = await send();
  for (let tries = 0; patient && response.headers.has("Retry-After") && tries < AGAIN; tries += 1) {
    await new Promise((go) => { setTimeout(go, 1000 * (1 + Math.random())); }); // not all of a class at once
    response = await send();
  }
  const answer = await response.json();
  if (!response.ok) throw Object.assign(new Error(answer.error), { refused: true });
  return answer;
}
