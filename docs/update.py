"""Writes the generated parts of the pages in docs/: python docs/update.py

Help texts go into the pages of the commands, the settings into settings.md, the results of `make road` into the pages
of the road to attention, the results of `make torture` into promises.md, a line for each decision into their index. A
test compares the pages with this script's output. It knows nothing of what the pages say in between.
"""

import json
import os
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

from nmt.checked import Checked
from nmt.config import Layer, ModelConfig, TrainingConfig
from nmt.presets import PRESETS, RULES

DOCS = Path(__file__).parent
COMMANDS = ("prepare", "train", "translate", "evaluate", "score", "inspect", "report", "serve", "import", "export")
ROADS = {  # the words of their tables, a page for each language
    "road-to-attention": {
        "model": "model",
        "size": "parameters",
        "speed": "tokens a second, cores: {}",
        "length": "words of the source",
    },
    "road-to-attention.ko": {
        "model": "모델",
        "size": "매개변수",
        "speed": "초당 토큰 수(코어 {}개)",
        "length": "원문의 어절 수",
        "no attention": "어텐션 없음",
        "concat (additive)": "concat(가산)",
        "Transformer, post-norm": "트랜스포머, post-norm",
        "Transformer, pre-norm": "트랜스포머, pre-norm",
    },
}
PAGES = (*COMMANDS, "settings", "promises", "decisions/README", *ROADS)
SECTIONS: dict[type[Checked], str] = {
    ModelConfig: "The shape of the model.",
    TrainingConfig: "How it is trained. Exactly one of `steps`, `epochs` and `minutes` is the budget.",
}


def help_text(command: str) -> str:
    """What ``nmt COMMAND --help`` prints on a terminal of 80 columns."""
    result = subprocess.run(
        [sys.executable, "-m", "nmt", command, "--help"],
        env={**os.environ, "COLUMNS": "80", "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    return result.stdout


def with_help(page: str, command: str) -> str:
    """The page with its block of help, the one that begins with Usage, replaced."""
    block = f"```text\n{help_text(command)}```"
    return re.sub(r"```text\nUsage:.*?```", lambda match: block, page, count=1, flags=re.DOTALL)


def settings_page(page: str) -> str:
    """The page with everything from its first table on replaced."""
    head, mark, _ = page.partition("## [model]")
    assert mark, "settings.md has no [model] section to write"
    return head + "\n".join([*sections(), *presets()])


def sections() -> list[str]:
    lines = []
    for kind, about in SECTIONS.items():
        lines += [
            f"## [{kind.section}]",
            "",
            about,
            "",
            "| setting | default | values | |",
            "| --- | --- | --- | --- |",
        ]
        for spec in fields(kind):
            values = ", ".join(f"`{choice}`" for choice in spec.metadata["choices"])
            values = values or values_between(spec.default, spec.metadata["low"], spec.metadata["high"])
            lines.append(f"| `{spec.name}` | `{toml(spec.default)}` | {values} | {spec.metadata['help']} |")
        lines.append("")
    return lines


def values_between(default: object, low: float | None, high: float | None) -> str:
    if isinstance(default, bool):
        return "`true`, `false`"
    return "a name" if low is None or high is None else f"{low:,} to {high:,}"


def toml(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def presets() -> list[str]:
    """The tables of the presets, a column each, and of the rules by which auto chooses."""
    columns = PRESETS
    keys = dict.fromkeys((part, key) for layer in columns.values() for part in layer for key in layer[part])
    lines = ["## Presets", "", "A dash: the default above.", ""]
    lines += ["| setting | " + " | ".join(columns) + " |", "| --- |" + " --- |" * len(columns)]
    for part, key in keys:
        values = [layer.get(part, {}).get(key) for layer in columns.values()]
        cells = ["–" if value is None else toml(value) for value in values]
        lines.append(f"| `{part}.{key}` | {' | '.join(cells)} |")
    lines += [
        "",
        "## What `auto` takes",
        "",
        "A row applies to corpora of fewer pairs than its first column says. Find the smallest such number, and begin",
        "at its last row. If the budget is too small for the epochs of that row, `auto` takes the one above, and on.",
        "It converts minutes to epochs by an estimate for the machine's cores. A run that resumes keeps its row.",
        "",
        "| pairs | epochs | preset | why |",
        "| --- | --- | --- | --- |",
    ]
    for rule in RULES:
        pairs = {0: "–", float("inf"): "any"}.get(rule.below, f"{rule.below:,}")
        over = f"{shown(rule.layer)}{', in minutes also' if rule.timed else ''}{shown(rule.timed).lstrip(',')}"
        lines.append(f"| {pairs} | {rule.epochs:g} | `{rule.preset}`{over} | {rule.why} |")
    return [*lines, ""]


def shown(layer: Layer) -> str:
    return "".join(
        f", `{part}.{key} = {toml(value)}`" for part, values in layer.items() for key, value in values.items()
    )


def road_page(page: str, words: dict[str, str]) -> str:
    """The page with its two tables made from docs/road/scores.json."""
    scores = json.loads((DOCS / "road/scores.json").read_text(encoding="utf-8"))
    page = between(page, "scores", scores_table(scores["stations"], words, scores["cores"]))
    return between(page, "lengths", lengths_table(scores["stations"], words))


def between(page: str, name: str, text: str) -> str:
    head, begin, rest = page.partition(f"<!-- {name} -->\n")
    assert begin, f"the page has no place for {name}"
    _, end, tail = rest.partition("<!-- end -->")
    return head + begin + text + end + tail


def scores_table(measured: list[dict[str, Any]], words: dict[str, str], cores: int) -> str:
    lines = [
        f"| {words['model']} | {words['size']} | {words['speed'].format(cores)} | BLEU |",
        "| --- |" + " ---: |" * 3,
    ]
    for row in measured:
        bleu = row["bleu"]
        interval = f"{bleu['score']:.1f} ± {(bleu['high'] - bleu['low']) / 2:.1f}"
        title = words.get(row["title"], row["title"])
        lines.append(f"| {title} | {row['parameters']:,} | {row['tokens_per_second']:,.0f} | {interval} |")
    return "\n".join(lines) + "\n"


def lengths_table(measured: list[dict[str, Any]], words: dict[str, str]) -> str:
    lengths = list(measured[0]["bleu_by_length"])
    lines = [f"| BLEU, {words['length']}: | " + " | ".join(lengths) + " |", "| --- |" + " ---: |" * len(lengths)]
    for row in measured:
        title = words.get(row["title"], row["title"])
        lines.append(f"| {title} | " + " | ".join(f"{row['bleu_by_length'][length]:.1f}" for length in lengths) + " |")
    return "\n".join(lines) + "\n"


def promises_page(page: str) -> str:
    """The page with the table of the last ``make torture``, made from docs/torture.json."""
    return between(page, "torture", torture_table(json.loads((DOCS / "torture.json").read_text(encoding="utf-8"))))


def torture_table(ran: dict[str, Any]) -> str:
    """A row for each area, then one for each control: whether the proof noticed that a safety was missing."""
    lines = ["| what was done to it | trials | failures | seconds |", "| --- |" + " ---: |" * 3]
    for area in ran["areas"]:
        counts = (
            "– | skipped"
            if area["skipped"]
            else "– | BROKE"
            if area["broken"]
            else f"{area['trials']:,} | {len(area['failures']):,}"
        )
        lines.append(f"| {area['name']} | {counts} | {area['seconds']:,} |")
    lines += ["", "| the same on a program | failed as it must |", "| --- | --- |"]
    for control in ran["controls"]:
        noticed = "skipped" if control["skipped"] else "yes" if control["failures"] else "NO"
        lines.append(f"| {control['name']} | {noticed} |")
    if not ran["whole"]:
        lines += ["", "This was a part of it only, not the whole `make torture`."]
    lines += ["", f"Seed {ran['seed']}, {ran['minutes']} minutes on {ran['cores']} cores; {ran['system']}."]
    return "\n".join(lines) + "\n"


def decisions_page(page: str) -> str:
    """The page with a line for each decision, newest first."""
    form = re.compile(r"# (.+)\n\n- Status: (.+)\n- Date: (\S+), recorded at .+\n- Superseded by: .+\n\n\*\*Question")
    lines = []
    for path in set((DOCS / "decisions").glob("*.md")) - {DOCS / "decisions/README.md"}:
        match = form.match(path.read_text(encoding="utf-8"))
        assert match, f"{path} does not begin as a decision does"
        title, status, date = match.groups()
        lines.append(f"- {date} [{title}]({path.name}){'' if status == 'holds' else f', {status}'}\n")
    newest_first = sorted(sorted(lines), key=lambda line: line[:12], reverse=True)  # by title within a day
    return between(page, "pages", "".join(newest_first))


def page(name: str) -> tuple[Path, str]:
    """The path of a generated page, and the text that it should have."""
    path = DOCS / f"{name}.md"
    old = path.read_text(encoding="utf-8")
    if name in ROADS:
        return path, road_page(old, ROADS[name])
    if name == "promises":
        return path, promises_page(old)
    if name == "decisions/README":
        return path, decisions_page(old)
    return path, settings_page(old) if name == "settings" else with_help(old, name)


def main() -> None:
    for name in PAGES:
        path, text = page(name)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
