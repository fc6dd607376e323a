"""How cost grows: an update and an attention with the length of sentences, a translation with its lines; and a picture.

Everything in a process of its own: python benchmarks/growth.py
"""

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from corpus import command, parse
from measure import NMT, PLACE, ROOT, Arm
from results import Figure, record

from nmt.show.charts import COLOUR, plotting, write_picture

ONE_LENGTH = Path(__file__).with_name("one_length.py")
LENGTHS, LONG = [2**n for n in range(4, 12)], [2**n for n in range(8, 14)]
PICTURE = ROOT / "benchmarks" / "growth.png"
Row = dict[str, Any]
# Greedy, or a million lines would take an hour.
TRANSLATE: list[str | Path] = [NMT, "translate", "--beam-size", "1", "--no-resume", "--quiet"]


def main() -> None:
    options, corpus = parse(__doc__, minutes=5.0, lines=1_000_000)
    model = corpus.model("auto", options.minutes)
    updates = [measured(length, "update") for length in LENGTHS]
    attentions = [measured(length, "attention", *plain) for plain in ([], ["plain"]) for length in LONG]
    translations: list[Row] = []
    count = 100
    while count <= options.lines:
        source, _ = corpus.lines(count)
        output = corpus.place / "out-growth"
        arm = Arm(f"{count:,} lines", [*TRANSLATE, model, source, "-o", output], output)
        if not translations:
            arm.run()  # the disk's cache, and CTranslate2's model
            arm.forget()
        translations.append({"lines": count, **taken(arm)})
        count *= 10
    draw(updates, attentions, translations)
    report(updates, attentions, translations, command("growth", options))


def taken(arm: Arm) -> Row:
    """Run it: seconds and memory."""
    arm.run()
    if arm.words:
        raise SystemExit(f"{arm.name}: {arm.words}")
    print(f"  {arm.name}: {arm.seconds[0]:.1f} s, {arm.memory / 1e6:,.0f} MB", flush=True)
    return {"seconds": arm.seconds[0], "MB": arm.memory / 1e6}


def measured(length: int, what: str, *plain: str) -> Row:
    arm = Arm(f"{what} of {length} pieces {' '.join(plain)}", [sys.executable, ONE_LENGTH, what, str(length), *plain])
    found = taken(arm)
    rate = json.loads((PLACE / "log").read_text(encoding="utf-8").splitlines()[-1])
    return {"pieces": length, "tokens a second": rate, "how": "the formula" if plain else "fused", **found}


def draw(updates: list[Row], attentions: list[Row], translations: list[Row]) -> None:
    """Both axes logarithmic: what is in proportion is a line of slope one."""
    alt = plotting()
    panels = [
        panel(updates, "pieces", "tokens a second", "an update of 4,096 tokens: rate"),
        panel(updates, "pieces", "MB", "an update of 4,096 tokens: memory"),
        panel(translations, "lines", "seconds", "translating, greedy: time"),
        panel(translations, "lines", "MB", "translating, greedy: memory"),
        panel(attentions, "pieces", "MB", "one attention, fused or by the formula: memory", "how"),
    ]
    write_picture(alt.concat(*panels, columns=2, spacing=32).resolve_scale(color="independent"), PICTURE)


def panel(rows: Iterable[Row], x: str, y: str, title: str, series: str | None = None) -> Any:
    alt = plotting()
    values = list(rows)
    low = min(1.0 if y == "seconds" else 10.0, *(row[y] for row in values))
    marks = {"color": alt.Color(f"{series}:N", title=None)} if series else {"color": alt.value(COLOUR)}
    return (
        alt.Chart(alt.Data(values=values), width=360, height=220, title=title)
        .mark_line(point=True)
        .encode(
            x=alt.X(
                f"{x}:Q",
                scale=alt.Scale(type="log", nice=False),
                axis=alt.Axis(values=[row[x] for row in values], labelFlush=False, labelOverlap=False),
            ),
            y=alt.Y(f"{y}:Q", scale=alt.Scale(type="log", domainMin=low)),
            **marks,
        )
    )


def report(updates: list[Row], attentions: list[Row], translations: list[Row], line: str) -> None:
    """Record the figures."""
    long, both, many = [], [], []
    for row in updates:
        long.append(Figure(f"{row['pieces']:,} pieces", "speed", round(row["tokens a second"]), "tokens/s"))
        long.append(Figure(f"{row['pieces']:,} pieces", "memory", round(row["MB"]), "MB"))
    for row in attentions:
        both.append(Figure(f"{row['how']}, {row['pieces']:,} pieces", "memory", round(row["MB"]), "MB"))
    for row in translations:
        many.append(Figure(f"{row['lines']:,} lines", "time", round(row["seconds"], 1), "s"))
        many.append(Figure(f"{row['lines']:,} lines", "memory", round(row["MB"]), "MB"))
    record("an update of 4,096 tokens, by the length of its sentences", line, long)
    record("memory of one attention, fused or by the formula", line, both)
    record("nmt translate, greedy, by the number of lines", line, many)


if __name__ == "__main__":
    main()
