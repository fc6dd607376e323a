"""Terminal control sequences in everything that comes from outside: names, settings, manifests, vocabularies, text.

They set window titles or the clipboard, clear the screen or reverse the direction of text; XML forbids some. Standard
output, standard error, pages and pictures must contain none of them.
"""

import hashlib
import json
import os
import re
import shutil
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from .area import Trial, require
from .ends import LONGEST, Table, ended_well
from .forked import Ended, Setting, import_what_it_imports, program, run
from .protobuf import fields, serialised
from .small import PREPARE, TRAIN, Small, finished

ATTACKS = {
    "OSC 0": "\x1b]0;title\x07",
    "OSC 52": "\x1b]52;c;cm0gLXJm\x07",
    "ESC[2J": "\x1b[2J",
    "C1": "\x9b2J\x85\x90",
    "bidi": "\u202egpj.exe\u2066",
    "U+0001": "\x01\x08\x7f",
    "a line": "\r\nnmt: error: \u2028",
}
KEPT = 12  # characters of an attack in the name of a piece
MANIFESTS = {"run": "run/model/manifest.json", "data": "data/manifest.json"}
FIRST_PIECES = 4  # <unk>, <s>, </s> and <pad>, whose names are settled
SETTINGS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # of files that are shown, and may have tabs

# Each argument that names something, with ? where the attack stands.
ARGUMENTS = (
    "translate ?",
    "translate run ?",
    "translate run ?.tsv",
    "translate run in.ko -o ?/?",
    "translate run in.ko --stats ?/?",
    "translate run in.ko --engine ?",
    "translate run in.ko --beam-size ?",
    "translate run in.ko --?",
    "evaluate ?",
    "evaluate run ?",
    "evaluate --hyp ? --ref valid.en",
    "evaluate --hyp valid.en --ref ?",
    "evaluate --hyp valid.en --ref valid.en --src ?",
    "evaluate --hyp valid.en --ref valid.en --baseline ?",
    "evaluate --hyp valid.en --ref valid.en --metrics ?",
    "evaluate --hyp valid.en --ref valid.en --language ?",
    "evaluate run valid --output ?/?",
    "prepare -s ? -t en --train train -o new",
    "prepare -s ko -t ? --train train -o new",
    "prepare -s ko -t en --train ? -o new",
    "prepare -s ko -t en --train train=? -o new",
    "prepare -s ko -t en --train train --valid ? -o new",
    "prepare -s ko -t en --train train --test ? -o new",
    "prepare -s ko -t en --train train --vocab ? -o new",
    "prepare -s ko -t en --train train --vocab-size ? -o new",
    "prepare -s ko -t en --train train --licence ? -o new",
    "prepare -s ko -t en --train train -o in.ko/?",
    "train ? -o new --steps 2",
    "train data -o in.ko/? --steps 2",
    "train data -o new --steps 2 --preset ?",
    "train data -o new --steps 2 --config ?",
    "train data -o new --steps 2 --init ?",
    "train data -o new --steps 2 --set ?",
    "train data -o new --steps 2 --set ?=1",
    "train data -o new --steps 2 --set model.?=1",
    "train data -o new --steps 2 --set model.width=?",
    "train data -o new --steps 2 --set model.family=?",
    "inspect ?",
    "inspect run --text ?",
    "inspect run --text ? -o new.svg",
    "inspect run --text ? -o new.html",
    "inspect run --text 나는 --target ?",
    "inspect run --text 나는 -o ?",
    "inspect run --text 나는 -o ?/?.svg",
    "export ? --to ctranslate2 -o new",
    "export run --to ? -o new",
    "export run --to ctranslate2 -o in.ko/?",
    "?",
    "translate run in.ko --verbose --resume=?",
)

# What is done with files whose names are attacks and that are there.
FILES = (
    "translate RUN in.ko",
    "translate RUN in.ko -o new.en",
    "translate RUN bad.ko --strict",
    "translate RUN bad.ko",
    "translate RUN cut.gz",
    "evaluate RUN valid",
    "evaluate RUN valid --json",
    "evaluate --hyp bad.en --ref valid.en",
    f"prepare {PREPARE} --train train --valid valid --test valid -o new".replace(" --quiet", ""),
    f"prepare {PREPARE} --train bad -o new",
    f"train DATA -o new --steps 2 {TRAIN}".replace(" --quiet", " --verbose"),
    f"train DATA -o new --steps 2 --plan {TRAIN}",
    f"train DATA -o RUN --steps 4 {TRAIN}".replace(" --quiet", ""),
    "inspect RUN",
    "inspect RUN --text 나는 -o new.html",
    "export RUN --to ctranslate2 -o new",
)


WORKS = {"inspect -o": "inspect run --text 나는 -o warm.html", "evaluate": "evaluate run valid"}


@dataclass
class Escapes(Table):
    """Each attack at each place; for a control, only at places whose description begins with ``only``."""

    name: str = "what a terminal would obey"
    full: int = 616
    quick: int = 8
    only: str = ""
    warm: set[str] = field(default_factory=set)

    def cases(self, workplace: Path) -> Iterable[Trial]:
        small = Small(workplace / "base")
        small.workplace.mkdir()
        small.make()
        base = small.workplace
        finished(run(small.train(base / "run", steps=2)))
        (base / "in.ko").write_text("나는 집에 간다.\n", encoding="utf-8")
        for language in ("ko", "en"):
            (base / f"bad.{language}").write_bytes(b"\xff\xfe\x00\n\x1b]0;a\x07 b\n" * 4)
        (base / "cut.gz").write_bytes(b"\x1f\x8b\x08cut")
        for what, do in self.table(base, workplace):
            if what.startswith(self.only):
                yield what, do

    def warm_up(self, base: Path, words: list[str]) -> None:
        """Import what the command imports before its first trial, as pictures take seconds."""
        kind = f"{words[0]} -o" if words[0] == "inspect" and "-o" in words else words[0]
        if kind in WORKS and kind not in self.warm:
            self.warm.add(kind)
            work = program(*WORKS[kind].split(), prepare=partial(os.chdir, base))
            for ended in import_what_it_imports(work):
                finished(ended)

    def table(self, base: Path, workplace: Path) -> Iterator[Trial]:
        for attack, sign in ATTACKS.items():
            for words in ARGUMENTS:
                command = [word.replace("?", sign) for word in words.split(" ")]
                yield f"{attack} in {words}", partial(self.command, base, workplace, command)
            for words in FILES:
                yield f"{attack} in names of files of {words}", partial(self.in_names, base, workplace, words, sign)
            for place in ("run", "data"):
                for key in texts(json.loads((base / MANIFESTS[place]).read_text(encoding="utf-8"))):
                    what = f"{attack} as {key} of the manifest of {place}"
                    yield what, partial(self.in_manifest, base, workplace, place, key, sign)
            yield f"{attack} in pieces", partial(self.in_pieces, base, workplace, sign)
            yield f"{attack} in a corpus", partial(self.in_corpus, base, workplace, sign)
            for text in (f'"{sign}" = 1', f"model = '{sign}'", f'[model]\nfamily = "{escaped(sign)}"',
                         f'[model]\n"{escaped(sign)}" = 1', f'["{escaped(sign)}"]\nwidth = 1'):  # fmt: skip
                yield f"{attack} in settings {text!a}", partial(self.in_settings, base, workplace, text)
            yield f"{attack} in metrics", partial(self.in_metrics, base, workplace, sign)
            yield f"{attack} in the place of the cache", partial(self.in_environment, base, workplace, sign)

    def command(self, base: Path, workplace: Path, words: list[str]) -> None:
        self.beside(base, workplace, words)

    def beside(self, base: Path, workplace: Path, words: list[str], **environment: str) -> Ended:
        """Run a command in a copy of the base folder."""
        place = workplace / "trial"
        try:
            place.mkdir()
            for path in base.iterdir():
                (place / path.name).symlink_to(path)
            return self.obeyed_by_nobody(place, words, **environment)
        finally:
            shutil.rmtree(place)

    def obeyed_by_nobody(self, place: Path, words: list[str], **environment: str) -> Ended:
        self.warm_up(place.parent / "base", words)
        setting = Setting(folder=place, environment=environment, longest=LONGEST)
        ended = ended_well(program(*words, prepare=self.sabotage), setting)
        for page in (place / "new.html", place / "new.svg"):
            if page.exists():
                control = SETTINGS.search(page.read_text(encoding="utf-8"))
                require(not control, f"{page.name} has {control and control[0]!r}")
        return ended

    def in_names(self, base: Path, workplace: Path, words: str, sign: str) -> None:
        place = workplace / sign.replace("/", "")
        known = {path.name for path in base.iterdir()} | {"RUN", "DATA", "train", "valid", "bad"}
        try:
            shutil.copytree(base, place)
            names = [f"{place}/{word.lower()}" if word in known and index else word
                     for index, word in enumerate(words.split())]  # fmt: skip
            self.obeyed_by_nobody(place, names)
        finally:
            shutil.rmtree(place)

    def copied(self, base: Path, workplace: Path) -> Path:
        place = workplace / "copy"
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(base, place)
        return place

    def in_manifest(self, base: Path, workplace: Path, place: str, key: str, sign: str) -> None:
        copy = self.copied(base, workplace)
        path = copy / MANIFESTS[place]
        manifest = json.loads(path.read_text(encoding="utf-8"))
        change(manifest, key, sign)
        path.write_text(json.dumps(manifest))
        words = ["inspect run", "translate run in.ko", "evaluate run valid"]
        if place == "data":
            words = [f"train data -o new --steps 2 {TRAIN}".replace(" --quiet", " --verbose")]
        for command in words:
            self.obeyed_by_nobody(copy, command.split())

    def in_pieces(self, base: Path, workplace: Path, sign: str) -> None:
        """A vocabulary whose plain pieces are all different attacks."""
        copy = self.copied(base, workplace)
        model = copy / "run/model"
        top = fields((model / "tokenizer.model").read_bytes())
        places = [place for place, field in enumerate(top) if field[0] == 1][FIRST_PIECES:]
        for number, place in enumerate(places):
            piece = fields(bytes(top[place][2]))
            if not any(field[0] == 3 for field in piece):  # a plain one
                name = f"{sign[:KEPT]}{number}".encode()
                top[place] = (1, 2, serialised([field if field[0] != 1 else (1, 2, name) for field in piece]))
        rewrite(model, "tokenizer.model", serialised(top))
        shown = f"inspect run --text {sign[:KEPT]}9"
        for words in ("inspect run", shown, "translate run in.ko", f"{shown} -o new.svg", f"{shown} -o new.html"):
            self.obeyed_by_nobody(copy, words.split(" "))

    def in_corpus(self, base: Path, workplace: Path, sign: str) -> None:
        """Attacks in lines that validation shows, prepare drops or warns of, and translate reads."""
        copy = self.copied(base, workplace)
        text = sign.replace("\n", " ")
        for name in ("train", "valid"):
            for language in ("ko", "en"):
                path = copy / f"{name}.{language}"
                lines = path.read_text(encoding="utf-8").splitlines()
                path.write_text("".join(f"{line} {text}\n" for line in lines), encoding="utf-8", newline="\n")
        shutil.rmtree(copy / "data")
        corpora = "--train train --valid valid --test valid -o data"
        for words in (
            f"prepare {PREPARE} {corpora}".replace("--quiet", "--verbose"),
            f"train data -o new --steps 4 {TRAIN}".replace("--quiet", "--verbose"),
            "translate new valid.ko --verbose",
            "translate new valid.ko --format jsonl",
            "evaluate new valid --no-confidence",
            "evaluate --hyp valid.ko --ref valid.en --src valid.ko --no-confidence",
        ):
            self.obeyed_by_nobody(copy, words.split())

    def in_settings(self, base: Path, workplace: Path, text: str) -> None:
        (workplace / "settings.toml").write_text(text, encoding="utf-8", newline="")
        words = ["train", "data", "-o", "new", "--steps", "2", "--config", str(workplace / "settings.toml")]
        ended = self.beside(base, workplace, words)
        require(ended.code, "such settings were taken")

    def in_metrics(self, base: Path, workplace: Path, sign: str) -> None:
        copy = self.copied(base, workplace)
        with (copy / "run/metrics.jsonl").open("a", encoding="utf-8") as file:
            file.write(sign)
        (copy / "run/.seconds").write_text(sign, encoding="utf-8")
        self.obeyed_by_nobody(copy, f"train data -o run --steps 4 {TRAIN}".replace("--quiet", "--verbose").split())

    def in_environment(self, base: Path, workplace: Path, sign: str) -> None:
        words = ["translate", "run", "in.ko"]
        self.beside(base, workplace, words, XDG_CACHE_HOME=f"{base}/in.ko/{sign}")


def texts(value: Any) -> list[str]:
    """The keys of a manifest with a text at any depth, except the list of files."""
    if not isinstance(value, dict):
        return []
    own = [key for key, inner in value.items() if isinstance(inner, str)]
    deeper = [key for name, inner in value.items() if name != "files" for key in texts(inner)]
    return list(dict.fromkeys(own + deeper))


def change(value: Any, key: str, sign: str) -> None:
    """Replace every text under the key, at any depth, by the attack."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == key and isinstance(inner, str):
                value[name] = sign
            elif name != "files":
                change(inner, key, sign)


def rewrite(folder: Path, name: str, data: bytes) -> None:
    """Write a file, and its hash into the manifest."""
    (folder / name).write_bytes(data)
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest["files"][name] = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    path.write_text(json.dumps(manifest))


def escaped(text: str) -> str:
    """The text as a TOML string."""
    return "".join(f"\\u{ord(sign):04x}" for sign in text)


AREAS = (Escapes(),) if sys.platform == "linux" else ()
