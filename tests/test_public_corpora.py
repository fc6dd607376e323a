"""The recipes of public corpora: their commands, their text by mtdata, and what their pages say."""

import gzip
import hashlib
import io
import os
import re
import shutil
import subprocess
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from conftest import PROGRAM, ROOT, write_corpus

from nmt.presets import Task, auto

RECIPES = ROOT / "data/recipes"
PAGE = (RECIPES / "README.md").read_text(encoding="utf-8")

# The languages, the training corpora, and the validation and test corpora of each.
CORPORA = {
    "iwslt15-en-vi": ("en", "vi", ["train"], "tst2012", "tst2013"),
    "wmt14-en-de": ("en", "de", ["europarl", "commoncrawl", "news"], "newstest2013", "newstest2014"),
    "flores-en-hau": ("en", "hau", ["gourmet", "tanzil", "ted", "wikimedia"], "dev", "devtest"),
    "opus-en-ko": ("en", "ko", ["ted", "subtitles", "tatoeba"], "dev", "devtest"),
}
FAST = {
    "TRAIN_FLAGS": "--preset tiny --steps 2 --validate-every 2 --threads 1 --device cpu --set model.width=16 "
    "--set model.feed_forward=16 --set model.encoder_layers=1 --set model.decoder_layers=1 --set model.heads=2",
    "TRANSLATE_FLAGS": "--beam-size 1 --max-length-factor 0.1 --threads 1 --device cpu",
}

# Takes one corpus at a time, and lays it out as mtdata 0.5 does: OUT/train-parts/ID.LANGUAGE.
STAND_IN = """#!/bin/sh
[ "$1 $2 $4 $6" = "get --langs --train --out" ] && [ $# = 7 ] || exit 2
mkdir -p "$7/train-parts"
for language in "${3%-*}" "${3#*-}"; do
    cp "$TEXTS/$5.$language" "$7/train-parts/" || exit 1
done
echo "mtdata get -l $3" > "$7/mtdata.signature.txt"
"""


def make(
    recipe: str, *arguments: str, folder: Path, environment: Mapping[str, str] | None = None, **variables: object
) -> subprocess.CompletedProcess[str]:
    """Run a recipe in a folder."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    settings = [f"{name}={value}" for name, value in variables.items()]
    command = ["make", "-f", str(RECIPES / recipe / "Makefile"), *settings, *arguments]
    environment = {**clean, **(environment or {})}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, encoding="utf-8", timeout=300)


def names_of(recipe: str) -> dict[str, str]:
    """The name in mtdata of each corpus of a recipe."""
    text = (RECIPES / recipe / "Makefile").read_text(encoding="utf-8")
    return dict(re.findall(r"^ID_(\w+) := (\S+)$", text, re.MULTILINE))


@pytest.fixture
def stand_in(tmp_path: Path) -> dict[str, str]:
    """An environment in which a program that copies the texts of all corpora is called mtdata."""
    program = tmp_path / "bin/mtdata"
    program.parent.mkdir()
    program.write_text(STAND_IN)
    program.chmod(0o755)
    texts = tmp_path / "texts"
    texts.mkdir()
    for corpus in (corpus for recipe in CORPORA for corpus in names_of(recipe).values()):
        for language in corpus.split("-")[3:]:
            (texts / f"{corpus}.{language}").write_text(f"{language[:3]} of {corpus}\n")
    return {"PATH": f"{program.parent}:{os.environ['PATH']}", "TEXTS": str(texts)}


@pytest.mark.parametrize("recipe", CORPORA)
def test_local_copy_is_prepared_trained_translated_and_scored(recipe: str, tmp_path: Path) -> None:
    source, target, train, valid, test = CORPORA[recipe]
    for corpus in (*train, valid, test):
        for language in (source, target):
            (tmp_path / f"{corpus}.{language}").touch()
    made = make(recipe, "-n", folder=tmp_path, CORPUS=".", OUT="out", NMT="nmt", MINUTES=7)
    assert made.returncode == 0, made.stderr
    commands = [line for line in re.sub(r"\\\n\s*", "", made.stdout).splitlines() if line.startswith("nmt")]
    trains = " ".join(f"--train ./{corpus}" for corpus in train)
    flags = "--rule entities=off" if recipe == "iwslt15-en-vi" else ""
    assert commands == [
        f"nmt prepare -s {source} -t {target} {trains} --valid ./{valid} --test ./{test} -o out/data {flags}",
        "nmt train out/data -o out/run --minutes 7 || "
        "{ test $? -eq 78 && nmt train out/data -o out/run --minutes 7 --overwrite; }",
        f"nmt translate out/run ./{test}.{source} -o out/{test}.{target} ",
        f"nmt evaluate --hyp out/{test}.{target} --ref ./{test}.{target} > out/scores.txt",
    ]


@pytest.mark.parametrize("recipe", CORPORA)
def test_each_corpus_is_asked_of_mtdata_by_its_name_and_both_sides_get_their_language(
    recipe: str, stand_in: dict[str, str], tmp_path: Path
) -> None:
    source, target, train, valid, test = CORPORA[recipe]
    made = make(recipe, "text", folder=tmp_path, environment=stand_in)
    assert made.returncode == 0, made.stderr
    text = tmp_path / "build" / recipe / "text"
    names = names_of(recipe)
    codes = dict(zip(("en", "de", "vi", "hau", "ko"), ("eng", "deu", "vie", "hau", "kor"), strict=True))
    written = {path.name: path.read_text() for path in text.iterdir() if path.name != "SHA256SUMS"}
    assert written == {
        f"{corpus}.{language}": f"{codes[language]} of {names[corpus]}\n"
        for corpus in (*train, valid, test)
        for language in (source, target)
    }
    again = make(recipe, "text", folder=tmp_path, environment=stand_in, MTDATA_PROGRAM="nobody")
    assert again.returncode == 0, "nothing is left to download"
    back = make(recipe, "-q", "text", folder=tmp_path, SRC=target, TRG=source)
    assert back.returncode == 0, "the other direction has the same text"


def test_text_that_mtdata_brings_becomes_scores_by_the_real_program(stand_in: dict[str, str], tmp_path: Path) -> None:
    texts = Path(stand_in["TEXTS"])
    sizes = {"europarl": 200, "commoncrawl": 40, "news": 40, "newstest2013": 10, "newstest2014": 10}
    for first, (corpus, name) in enumerate(names_of("wmt14-en-de").items()):
        pair = write_corpus(texts, "pair", 200 * first, sizes[corpus])
        for language, code in (("en", "eng"), ("ko", "deu")):
            pair.with_suffix(f".{language}").rename(texts / f"{name}.{code}")
    # The bundled corpus stands in for German: the rules of prepare would drop Korean that says it is German.
    variables = {"TRG": "ko", "CODE_ko": "deu", "TRAIN": "europarl commoncrawl news=2"}
    variables |= {"PREPARE_FLAGS": "--vocab-size 500", **FAST}
    made = make("wmt14-en-de", folder=tmp_path, environment=stand_in, NMT=PROGRAM, **variables)
    assert made.returncode == 0, made.stderr
    assert "news=2" in made.stdout
    out = tmp_path / "build/wmt14-en-de/en-ko"
    assert (out / "newstest2014.ko").read_bytes().count(b"\n") == 10
    assert "BLEU" in (out / "scores.txt").read_text()


def test_sums_are_noted_and_another_text_is_refused_later(stand_in: dict[str, str], tmp_path: Path) -> None:
    assert make("flores-en-hau", "text", folder=tmp_path, environment=stand_in).returncode == 0
    text = tmp_path / "build/flores-en-hau/text"
    sums = (text / "SHA256SUMS").read_text()
    assert {name: sum for sum, name in (line.split("  ") for line in sums.splitlines())} == {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in text.iterdir() if path.suffix
    }

    (text / "devtest.hau").unlink()
    assert make("flores-en-hau", "text", folder=tmp_path, environment=stand_in).returncode == 0, "the same text"
    assert (text / "SHA256SUMS").read_text() == sums

    (text / "devtest.hau").unlink()
    (Path(stand_in["TEXTS"]) / "Flores-flores200_devtest-1-eng-hau_Latn.hau_Latn").write_text("another\n")
    refused = make("flores-en-hau", "text", folder=tmp_path, environment=stand_in)
    assert refused.returncode != 0
    assert "has the wrong SHA-256" in refused.stderr
    assert not (text / "devtest.hau").exists()


def test_without_mtdata_one_line_says_how_to_get_it(tmp_path: Path) -> None:
    made = make("opus-en-ko", "text", folder=tmp_path, MTDATA_PROGRAM="no-such-program")
    assert made.returncode != 0
    first, *others = made.stderr.splitlines()
    assert first.startswith("no-such-program is not installed; ")
    assert "pipx install mtdata" in first
    assert "CORPUS=dir" in first
    assert all(line.startswith("make: ***") for line in others)


def test_corpus_without_a_name_in_mtdata_is_named(tmp_path: Path) -> None:
    made = make("wmt14-en-de", "text", folder=tmp_path, TRAIN="paracrawl")
    assert made.returncode != 0
    assert "no corpus is called paracrawl" in made.stderr


def test_page_lists_every_recipe() -> None:
    assert {path.parent.name for path in RECIPES.glob("*/Makefile")} == set(re.findall(r"\]\(([\w-]+)/README", PAGE))
    assert {path.parent for path in RECIPES.glob("*/Makefile")} == {path.parent for path in RECIPES.glob("*/README.md")}


def test_page_has_the_presets_that_auto_takes() -> None:
    """A row: pairs, pieces of source and target a pair, pieces of the vocabulary; then the preset for each budget."""
    rows = re.findall(r"^\| .*? \| ([\d,]+) \| (\d+), (\d+) \| ([\d,]+) \| (.*) \|$", PAGE, re.MULTILINE)
    assert len(rows) >= len(CORPORA)
    for *sizes, presets in rows:
        pairs, source, target, vocabulary = (int(size.replace(",", "")) for size in sizes)
        budgets = [(2, 60), (2, 1440), (16, 1440), (0, 60)]  # cores, 0 for a GPU, and minutes
        tasks = [Task(pairs, pairs * source, pairs * target, vocabulary, cores, minutes=t) for cores, t in budgets]
        assert presets.split(" | ") == [auto(task).preset for task in tasks], sizes


@pytest.fixture
def real_mtdata(tmp_path: Path) -> tuple[str, dict[str, str]]:
    """The real mtdata by NMT_MTDATA, and an environment with a cache of its own, which has the index of the user's."""
    program = os.environ.get("NMT_MTDATA", "")
    if not program:
        pytest.skip("set NMT_MTDATA to the program mtdata; without an index in MTDATA it makes one, in half a minute")
    cache = tmp_path / "cache"
    cache.mkdir()
    for index in Path(os.environ.get("MTDATA", "~/.mtdata")).expanduser().glob("mtdata.index.*.pkl"):
        shutil.copy(index, cache)
    return program, {"MTDATA": str(cache)}


def cached(cache: Path, url: str, content: bytes, name: str = "") -> None:
    """Put what a URL has into the cache of mtdata."""
    digest = hashlib.md5(url.encode(), usedforsecurity=False).hexdigest()
    path = cache / url.split("/")[2] / digest[:4] / digest[4:] / (name or url.rsplit("/", 1)[1])
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    path.with_name(path.name + "._valid").touch()


def test_real_mtdata_lays_out_what_is_in_its_cache_as_the_stand_in_does(
    real_mtdata: tuple[str, dict[str, str]], tmp_path: Path
) -> None:
    program, environment = real_mtdata
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("GoURMET.en-ha.en", "Good day.\nThanks.\n")
        archive.writestr("GoURMET.en-ha.ha", "Barka da rana.\nNa gode.\n")
    opus = "https://object.pouta.csc.fi/OPUS-GoURMET/v2/moses/en-ha.txt.zip"
    cached(Path(environment["MTDATA"]), opus, packed.getvalue(), "gourmet.zip")
    tarred = io.BytesIO()
    with tarfile.open(fileobj=tarred, mode="w") as tape:
        for language, line in (("eng", b"Yes.\n"), ("hau", b"I.\n")):
            entry = tarfile.TarInfo(f"flores200_dataset/devtest/{language}_Latn.devtest")
            entry.size = len(line)
            tape.addfile(entry, io.BytesIO(line))
    flores = "https://tinyurl.com/flores200dataset"
    cached(Path(environment["MTDATA"]), flores, gzip.compress(tarred.getvalue()), "flores200_dataset.tar.gz")
    text = Path("build/flores-en-hau/text")
    targets = [str(text / name) for name in ("gourmet.hau", "devtest.en")]
    made = make("flores-en-hau", *targets, folder=tmp_path, environment=environment, MTDATA_PROGRAM=program)
    assert made.returncode == 0, made.stderr
    assert {path.name: path.read_text() for path in (tmp_path / text).iterdir() if path.suffix} == {
        "gourmet.en": "Good day.\nThanks.\n",
        "gourmet.hau": "Barka da rana.\nNa gode.\n",
        "devtest.en": "Yes.\n",
        "devtest.hau": "I.\n",
    }


@pytest.mark.parametrize("recipe", CORPORA)
def test_real_mtdata_knows_every_name(recipe: str, real_mtdata: tuple[str, dict[str, str]]) -> None:
    program, environment = real_mtdata
    wanted = set(names_of(recipe).values())
    pairs = {"-".join(name.split("-")[3:]) for name in wanted}
    known = ""
    for pair in pairs:
        command = [program, "list", "-id", "--langs", pair]
        known += subprocess.run(
            command, env={**os.environ, **environment}, check=True, capture_output=True, encoding="utf-8"
        ).stdout
    assert wanted <= set(known.split())
