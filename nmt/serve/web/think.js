// The page that shows how a sentence is translated: asks the service once, and once more for each place that is opened.

import { arcs, heads, map, mask, row, viewOf } from "./attention.js";
import { forcing, sideBySide } from "./beside.js";
import { ask, fill, list, loaded, locale, part, say, targetsOf } from "./common.js";
import { label } from "./draw.js";
import { example, norm, positions, residual, residualLengths } from "./inside.js";
import { beam, candidates, legend, pieces } from "./search.js";
import { WORDS } from "./think_words.js";

const words = WORDS[locale];
const PACE = 1200; // milliseconds of a step that plays
const BEAMS = [1, 2, 3, 4, 5, 6, 7, 8];

let languages = [], settings = {}, asked, question, models, told, playing;
const turns = {}; // by what is opened: how often it was
const now = { step: 0, kind: "cross", layer: "all", head: "all", row: 0 };

const last = () => told.steps.length - 1;

function go(step) {
  now.step = Math.max(0, Math.min(last(), step));
  if (now.kind !== "encoder") now.row = now.step;
  drawStep();
  if (told.attention[now.kind]) drawAttention();
}

function drawStep() {
  const { step } = now;
  part("step").max = last();
  part("step").value = step;
  const says = words.stepSays(step + 1, last() + 1, label(told.steps[step].piece));
  part("step-says").textContent = says;
  part("step").setAttribute("aria-valuetext", says);
  pieces(part("source-pieces"), words.source, told.source);
  const focused = document.activeElement?.closest?.("#target-pieces");
  pieces(part("target-pieces"), words.translation, told.steps.map((each) => each.piece), { steps: told.steps, current: step, go });
  if (focused) part("target-pieces").querySelector("[aria-current]")?.focus();
  candidates(part("candidate-bars"), told, step, words);
  beam(part("beam-tree"), part("beam-says"), told, step, words);
}

function drawAttention() {
  const { kind, layer, head } = now;
  const { rows, columns } = told.attention[kind];
  const weights = viewOf(told, kind, layer, head);
  arcs(part("arcs"), rows, columns, weights, now.row, words);
  const focused = document.activeElement?.closest?.("#map, #heads")?.id;
  map(part("map"), rows, columns, weights, now.row, openRow, words);
  heads(part("heads"), told, kind, layer, head, choose, words);
  if (focused) part(focused).querySelector("[aria-pressed=true]")?.focus();
  drawRow();
}

function openRow(at) {
  now.row = at;
  if (now.kind !== "encoder") return go(at);
  drawAttention();
}

function choose(layer, head) {
  Object.assign(now, { layer, head });
  part("layer").value = layer;
  part("head").value = head;
  drawAttention();
}

function place() {
  if (now.layer !== "all" && now.head !== "all") return [now.layer, now.head];
  const [layer, head] = now.kind === "cross" && told.best_head ? told.best_head : [0, 0];
  return [now.layer === "all" ? layer : now.layer, now.head === "all" ? head : now.head];
}

async function open(wanted) {
  return (await ask("think", { ...question, open: wanted }, { patient: true })).opened;
}

// A place opened; undefined where the same was opened again meanwhile, or another sentence.
async function latest(name, wanted) {
  const turn = turns[name] = (turns[name] ?? 0) + 1, before = told;
  const answer = await shown(open(wanted));
  return turn === turns[name] && before === told ? answer : undefined;
}

async function drawRow() {
  const [layer, head] = place();
  const answer = await latest("row", { what: "row", kind: now.kind, layer, head, row: now.row });
  if (!answer) return;
  const averaged = now.layer === "all" || now.head === "all" ? ` ${words.averaged}` : "";
  part("row-says").textContent = `${words.kinds[now.kind]}. ${words.rowIs(layer + 1, head + 1)}${averaged}`;
  const own = now.kind === "encoder" ? { ...words, rowSays: words.encoderRowSays } : words;
  row({ formula: part("row-formula"), table: part("row-table"), vectors: part("row-vectors") }, told, now, answer, own);
}

async function drawSublayer() {
  const number = Number(part("place").value), { side } = told.sublayers[number];
  const texts = side === "encoder" ? told.source : told.fed;
  list(part("position"), texts.map((piece, at) => [at, `${at + 1}: ${label(piece)}`]));
  const position = Number(part("position").value);
  const answer = await latest("sublayer", { what: "sublayer", place: number, position });
  if (!answer) return;
  norm(part("norm-numbers"), answer, words);
  residual(part("residual-numbers"), answer, words);
  residualLengths(part("residual-lengths"), told, side, position, number, words);
}

async function drawPositions() {
  const answer = await latest("positions", { what: "positions" });
  if (answer === undefined) return;
  part("positions").hidden = !answer;
  if (!answer) return;
  part("positions-about").textContent = told.model.positions === "learned" ? words.learned : words.positionsAbout;
  positions(part("positions-shown"), answer, words);
}

// What a request brings; null when it fails, which the page then says.
async function shown(request) {
  try {
    return await request;
  } catch (error) {
    say(error.refused ? error.message : words.away, true);
    return null;
  }
}

function drawAll() {
  now.step = now.row = 0;
  const kinds = Object.keys(told.attention);
  for (const id of ["attention", "row"]) part(id).hidden = !kinds.length;
  for (const id of ["norm-numbers", "residual"]) part(id).hidden = !told.sublayers.length;
  for (const id of ["place", "position"]) part(id).closest(".field").hidden = !told.sublayers.length;
  legend(part("beam-legend"), words);
  if (kinds.length) {
    now.kind = "cross";
    [now.layer, now.head] = told.best_head ?? [0, 0];
    list(part("kind"), kinds.map((kind) => [kind, words.kinds[kind]]));
    part("kind").value = now.kind;
    listHeads();
  }
  go(0);
  mask(part("mask"), part("mask-map"), told, words);
  if (told.sublayers.length) {
    list(part("place"), told.sublayers.map((each, number) => [number, words.sublayerName(each)]));
    drawSublayer();
  }
  drawPositions();
  forcing(part("forcing-shown"), told, words);
  sideBySide(part("beside-shown"), models, words);
}

function listHeads() {
  const { weights } = told.attention[now.kind];
  list(part("layer"), [["all", words.all], ...weights.map((_, at) => [at, String(at + 1)])]);
  list(part("head"), [["all", words.all], ...weights[0].map((_, at) => [at, String(at + 1)])]);
  part("layer").value = now.layer;
  part("head").value = now.head;
}

async function watch() {
  stop();
  asked?.abort();
  const mine = asked = new AbortController();
  const q = part("text").value.trim();
  if (!q) return;
  const body = { q, source: part("source").value, target: part("target").value, beam_size: Number(part("beam-size").value) };
  if (settings.keyRequired) body.api_key = part("key").value;
  say(words.busy);
  part("watch").disabled = true;
  const reference = part("reference").value.trim();
  try {
    const answer = await ask("think", reference ? { ...body, reference } : body, { signal: mine.signal, patient: true });
    if (mine !== asked) return;
    question = body; // of which places are opened from now on
    models = answer.models;
    [told] = models;
    part("told").hidden = false;
    say("");
    drawAll();
  } catch (error) {
    if (error.name !== "AbortError") say(error.refused ? error.message : words.away, true);
  } finally {
    if (mine === asked) part("watch").disabled = false;
  }
}

function stop() {
  clearInterval(playing);
  playing = undefined;
  part("play").textContent = words.play;
  part("play").setAttribute("aria-pressed", "false");
}

function play() {
  if (playing) return stop();
  if (now.step === last()) go(0);
  part("play").textContent = words.stop;
  part("play").setAttribute("aria-pressed", "true");
  playing = setInterval(() => { go(now.step + 1); if (now.step === last()) stop(); }, PACE);
}

function listen() {
  part("back").addEventListener("click", () => { stop(); go(now.step - 1); });
  part("next").addEventListener("click", () => { stop(); go(now.step + 1); });
  part("step").addEventListener("input", () => { stop(); go(Number(part("step").value)); });
  part("play").addEventListener("click", play);
  part("kind").addEventListener("change", () => {
    now.kind = part("kind").value;
    [now.layer, now.head] = now.kind === "cross" && told.best_head ? told.best_head : [0, 0];
    now.row = now.kind === "encoder" ? 0 : now.step;
    listHeads();
    drawAttention();
  });
  for (const id of ["layer", "head"]) {
    part(id).addEventListener("change", () => {
      now[id] = part(id).value === "all" ? "all" : Number(part(id).value);
      drawAttention();
    });
  }
  for (const id of ["place", "position"]) part(id).addEventListener("change", drawSublayer);
  part("source").addEventListener("change", listTargets);
  document.querySelector("form").addEventListener("submit", (event) => { event.preventDefault(); watch(); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => told && drawAll());
}

let nameOf;

function listTargets() {
  list(part("target"), targetsOf(languages, part("source").value).map((code) => [code, nameOf(code)]));
}

// Choose what an address names, where it is there.
function chooseGiven(id, given) {
  if ([...part(id).options].some((each) => each.value === given.get(id))) part(id).value = given.get(id);
}

async function begin() {
  fill(words);
  document.title = words.title;
  for (const [id, name] of [["back", words.previous], ["next", words.next]]) part(id).setAttribute("aria-label", name);
  part("step").setAttribute("aria-label", words.steps);
  stop();
  example(part("norm-example"), words);
  list(part("beam-size"), BEAMS.map((size) => [size, String(size)]));
  part("beam-size").value = 5;
  try {
    ({ languages, settings, nameOf } = await loaded());
  } catch {
    return say(words.away, true);
  }
  list(part("source"), languages.filter((each) => each.targets.length).map((each) => [each.code, nameOf(each.code)]));
  const given = new URLSearchParams(location.hash.slice(1)); // the part of an address that is sent to nobody
  chooseGiven("source", given);
  listTargets();
  chooseGiven("target", given);
  part("key-field").hidden = !settings.keyRequired;
  listen();
  if (!settings.thinks) return say(words.absent, true);
  for (const [id, name] of [["text", "q"], ["reference", "reference"]]) part(id).value = given.get(name) ?? part(id).value;
  if (given.get("q") && !settings.keyRequired) watch();
}

begin();
