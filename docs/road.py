"""Trains every model of road-to-attention.md on the bundled corpus, and draws its pictures: make road

Each model is a station. It is trained, translated with and scored by the commands that the page shows. The results go
into docs/road/scores.json, from which update.py writes the tables of the pages. Without make, after an interruption, it
resumes the runs in build/road; make starts over. Run it in the root of the repository. It knows the commands, not the
text of the pages.
"""

import json
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from nmt.scoring.metrics import corpus_scores
from nmt.show.about import about
from nmt.show.charts import large_map, lines_picture, positions_picture, write_picture
from nmt.store.model_folder import ModelFolder

DATA, RUNS, FIGURES = Path("build/demo/data"), Path("build/road"), Path("docs/road")
TEST = Path("data/test")
STEPS = 1200  # of every station, so that all have seen the same sentences
LENGTHS = ((1, 5), (6, 10), (11, 15), (16, 20), (21, 99))  # words of the source
SENTENCE = "그가 집에 왔을 때 그녀는 음악을 듣고 있었다."


@dataclass(frozen=True)
class Station:
    """A model of the road: its name, its title in the page, and its settings on top of docs/road/FILE."""

    name: str
    title: str
    config: str
    settings: tuple[str, ...] = ()

    @property
    def run(self) -> Path:
        return RUNS / self.name

    def train_command(self) -> list[str]:
        settings = [part for setting in self.settings for part in ("--set", setting)]
        return ["train", str(DATA), "-o", str(self.run), "--config", self.config, *settings, "--steps", str(STEPS)]


def recurrent(score: str, title: str) -> Station:
    return Station(score, title, "docs/road/recurrent.toml", (f"model.attention_score={score}",))


# At the pre-norm model's learning rate, 6e-3, it hardly learns: 15 BLEU.
POST_NORM = ("model.norm=post", "training.learning_rate=2e-3")

STATIONS = (
    recurrent("none", "no attention"),
    recurrent("location", "location"),
    recurrent("dot", "dot"),
    recurrent("scaled-dot", "scaled dot"),
    recurrent("general", "general"),
    recurrent("concat", "concat (additive)"),
    Station("transformer-post", "Transformer, post-norm", "docs/road/transformer.toml", POST_NORM),
    Station("transformer", "Transformer, pre-norm", "docs/road/transformer.toml"),
)


def nmt(*arguments: str | Path) -> str:
    print("nmt", *arguments, flush=True)
    program = Path(sys.executable).with_name("nmt")
    return subprocess.run([program, *arguments], stdout=subprocess.PIPE, encoding="utf-8", check=True).stdout


def measure(station: Station) -> dict[str, Any]:
    """Trains a station, unless that is done, and scores it."""
    nmt(*station.train_command())
    hypothesis = RUNS / f"{station.name}.en"
    scores = json.loads(nmt("evaluate", station.run, TEST, "--json", "--output", hypothesis))
    events = [json.loads(line) for line in (station.run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    rates = [event["target_tokens_per_second"] for event in events if event["event"] == "train"]
    facts = dict(about(ModelFolder.open(station.run)))
    return {
        "station": station.name,
        "title": station.title,
        "command": "nmt " + " ".join(station.train_command()),
        "parameters": int(facts["parameters"].replace(",", "")),
        "tokens_per_second": round(statistics.median(rates), -2),
        "bleu": scores["sets"][0]["bleu"],
        "bleu_by_length": by_length(hypothesis),
    }


def by_length(hypothesis: Path) -> dict[str, float]:
    """BLEU of the test sentences by the number of words of their source."""
    sides = [Path(f"{TEST}.ko"), hypothesis, Path(f"{TEST}.en")]
    rows = list(zip(*(path.read_text(encoding="utf-8").splitlines() for path in sides), strict=True))
    scores = {}
    for low, high in LENGTHS:
        chosen = [row for row in rows if low <= len(row[0].split()) <= high]
        bleu, _ = corpus_scores([row[1] for row in chosen], [row[2] for row in chosen], "en")
        scores[f"{low}+" if high == LENGTHS[-1][1] else f"{low}–{high}"] = round(bleu, 1)
    return scores


def draw(measured: list[dict[str, Any]]) -> None:
    from nmt.show.attention import Inspector

    chosen = ("none", "concat", "transformer")
    rows = [
        {"words of the source": length, "BLEU": bleu, "model": row["title"]}
        for row in measured
        if row["station"] in chosen
        for length, bleu in row["bleu_by_length"].items()
    ]
    titles = [row["title"] for row in measured if row["station"] in chosen]
    write_picture(lines_picture(rows, "words of the source", "BLEU", "model", titles), FIGURES / "lengths.png")
    for name, kind, picture in (
        ("location", "cross", "location"),
        ("concat", "cross", "concat"),
        ("transformer", "cross", "cross"),
        ("transformer", "decoder", "causal"),
    ):
        pair = Inspector.load(RUNS / name).look(SENTENCE)
        (attention,) = (each for each in pair.maps if each.kind == kind)
        write_picture(large_map(attention), FIGURES / f"{picture}.png")
    write_picture(positions_picture(Inspector.load(RUNS / "transformer").positions(32)), FIGURES / "positions.png")


def main() -> None:
    measured = [measure(station) for station in STATIONS]
    text = json.dumps({"cores": torch.get_num_threads(), "stations": measured}, ensure_ascii=False, indent=2) + "\n"
    (FIGURES / "scores.json").write_text(text, encoding="utf-8")
    draw(measured)


if __name__ == "__main__":
    main()
