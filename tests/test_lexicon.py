"""The lexicon of a dataset, and training that writes translations of its words after them."""

import json
import random
import re
import shutil
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from conftest import TRAIN, TinyRun, nmt
from test_stranger_datasets import make_right

from nmt.config import Config, TrainingConfig
from nmt.corpus.batches import Batch
from nmt.corpus.dataset import Dataset
from nmt.corpus.lexicon import FREQUENT, LEXICON, MOST, Translated, count_lexicon, usual_form, write_lexicon
from nmt.corpus.rules.agreement import Agreement
from nmt.corpus.rules.rule import Chunk
from nmt.errors import DataError, SettingsError
from nmt.store.model_folder import ModelFolder
from nmt.text.annotations import without_added
from nmt.text.tokenizer import Tokenizer, train_tokenizer
from nmt.training.request import TrainRequest, read_request
from nmt.training.terms import MOST as MOST_TERMS
from nmt.training.terms import ShownTerms, with_terms

SYLLABLES = ["ba", "do", "ki", "lu", "me", "no", "pa", "ri", "su", "ta"]


def invented(count: int, pairs: int, seed: int = 0) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """A language of ``count`` words that is translated word by word, in another order, with endings; and its pairs."""
    chance = random.Random(seed)
    names = chance.sample([a + b + c for a in SYLLABLES for b in SYLLABLES for c in SYLLABLES], 2 * count)
    words = {f"{left}x": f"{right.upper()[:1]}{right[1:]}z" for left, right in zip(*[iter(names)] * 2, strict=True)}
    texts = []
    for _ in range(pairs):
        chosen = chance.sample(sorted(words), 6)
        told = [words[word] + chance.choice(["", "", "en"]) for word in chosen]
        chance.shuffle(told)
        texts.append((" ".join(chosen), "So " + " ".join(told)))
    return words, texts


def test_the_lexicon_is_the_dictionary_of_a_language_that_was_invented() -> None:
    words, texts = invented(120, 3000)
    rule = Agreement()
    rule.learn(Chunk(texts))
    lexicon = count_lexicon(rule.translations, texts)
    expected = {source[:5]: Translated(target[:5].lower(), target) for source, target in words.items()}
    assert len(lexicon) == len(words) - FREQUENT
    assert lexicon.items() <= expected.items()


def test_only_what_is_seen_together_often_enough_is_kept() -> None:
    seen = [("Haus a", "x house")] * 6 + [("Baum", "x tree")] * 4 + [("Katze", "x dog")] * 6 + [("Katze", "x")] * 18
    seen += [("Haus a", "House x")] * 9  # a capital for its place
    common = [(f"w{chr(97 + number // 26)}{chr(97 + number % 26)}", "y") for number in range(50)]
    pairs = seen + [pair for pair in common for _ in range(40)]
    told = [("haus", "house"), ("baum", "tree"), ("katze", "dog"), ("haus", "tree"), *(("waa"[:5], "y"),)]
    assert count_lexicon(told, pairs) == {"haus": Translated("house", "house")}


@pytest.mark.parametrize(
    ("counts", "form"),
    [
        ({"Datei": 9, "Dateien": 3}, "Datei"),
        ({"Dateien": 9, "Datei": 3}, "Dateien"),
        ({"학교에": 8, "학교": 2, "학": 0}, "학교"),
        ({"학교에서": 19, "학": 1}, "학교에서"),
        ({"b": 2, "a": 2}, "a"),
        ({"x" * 41: 5}, ""),
        ({}, ""),
    ],
)
def test_the_usual_form_is_the_most_frequent_and_of_korean_without_a_particle(
    counts: dict[str, int], form: str
) -> None:
    assert usual_form(counts) == form


LEXICON_OF_TESTS = {
    "setti": Translated("einst", "Einstellung"),
    "file": Translated("datei", "Datei"),
    "open": Translated("öffne", "öffnen"),
    "large": Translated("große", "große"),
    "commu": Translated("kommu", "Kommune"),
}
PAIRS = [
    ("Open the settings of the large file.", "Öffnet die Einstellungen der großen Datei."),
    ("communication", "die Kommunikation"),
    ("the file", "die Datei"),
    ("nothing known", "nichts bekannt"),
]


def all_forms(source: str, target: str, count: int = 400) -> set[str]:
    return {with_terms(source, target, LEXICON_OF_TESTS, Random(seed)) for seed in range(count)}


def test_translations_stand_after_their_words_in_one_of_two_forms() -> None:
    source, target = PAIRS[0]
    forms = all_forms(source, target)
    assert {without_added(form) for form in forms} == {source}
    added = Counter(text for form in forms for text in re.findall("(\\w+)\ufde0 ([^\ufde1]+)\ufde1", form))
    assert set(added) == {
        ("Open", "öffnen"),
        ("Open", "Öffnet"),
        ("settings", "Einstellung"),
        ("settings", "Einstellungen"),
        ("large", "große"),
        ("large", "großen"),
        ("file", "Datei"),
        ("file", "großen Datei"),  # two neighbours that are neighbours on the other side
        ("file", "große Datei"),
    }
    counts = {form.count("\ufde0") for form in forms}
    assert counts == set(range(1, MOST_TERMS + 1))


def test_a_word_that_only_begins_as_a_translation_does_is_none_and_unknown_words_are_left() -> None:
    assert all_forms(*PAIRS[1], 50) == {"communication"}
    assert all_forms("large file", "große Dateiverwaltung", 50) == {"large\ufde0 große\ufde1 file"}
    assert all_forms(*PAIRS[3], 50) == {"nothing known"}
    assert all_forms("setting", "Datei", 50) == {"setting"}


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    texts = [text for pair in PAIRS for text in pair] * 20
    return Tokenizer(train_tokenizer(texts, "unigram", 300, False), "test model")


def batch_of(tokenizer: Tokenizer) -> Batch:
    sides = ([np.array(row, np.uint16) for row in tokenizer.encode(list(side))] for side in zip(*PAIRS, strict=True))
    return Batch(np.arange(len(PAIRS)), *sides)


def test_a_batch_is_annotated_by_seed_update_and_number_and_its_other_rows_stay(tokenizer: Tokenizer) -> None:
    batch, shown = batch_of(tokenizer), ShownTerms(0.5, 3, tokenizer, LEXICON_OF_TESTS)

    def told(seed: int, step: int, number: int = 0) -> list[list[int]]:
        made = ShownTerms(0.5, seed, tokenizer, LEXICON_OF_TESTS).batch(batch, step, number)
        assert made.targets is batch.targets
        assert made.rows is batch.rows
        return [row.tolist() for row in made.sources]

    plain = [row.tolist() for row in batch.sources]
    first = [told(3, step) for step in range(60)]
    assert first == [[row.tolist() for row in shown.batches([batch], step)[0].sources] for step in range(60)]
    assert 15 <= sum(rows != plain for rows in first) <= 45
    assert first != [told(4, step) for step in range(60)] != [told(3, step, 1) for step in range(60)]
    signs = {tokenizer.first_reserved + 17, tokenizer.first_reserved + 18}
    for rows in first:
        assert (rows[1], rows[3]) == (plain[1], plain[3])
        assert rows == plain or (signs <= set(rows[0]) and signs <= set(rows[2]))
    assert ShownTerms(0.0, 3, tokenizer, LEXICON_OF_TESTS).batch(batch, 0, 0) is batch


def write_invented(folder: Path) -> Path:
    _, texts = invented(100, 2200)
    for name, part in (("train", texts[:2100]), ("valid", texts[2100:2120])):
        for language, side in zip(("ko", "en"), zip(*part, strict=True), strict=True):
            (folder / f"{name}.{language}").write_text("".join(f"{line}\n" for line in side), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_invented(tmp_path_factory.mktemp("invented"))
    command = f"prepare -s ko -t en --vocab-size 400 --clean off --rule agreement=0.9 --train {folder}/train"
    made = nmt(*command.split(), "--valid", folder / "valid", "-o", folder / "data")
    assert made.returncode == 0, made.stderr
    return folder / "data"


def test_prepare_writes_the_lexicon_and_training_shows_it(data: Path, tmp_path: Path) -> None:
    lexicon = Dataset.open(data).lexicon()
    assert len(lexicon) >= 40
    assert json.loads((data / "manifest.json").read_text())["lexicon"] == len(lexicon)
    made = nmt("train", data, "-o", tmp_path / "run", *TRAIN.split(), "--set", "training.terms=0.5")
    assert made.returncode == 0, made.stderr
    profile = ModelFolder.open(tmp_path / "run").profile
    assert profile
    assert profile.terms


def request(data: Path, **training: Any) -> TrainRequest:
    layer = {"training": {"steps": 1, **training}}
    return TrainRequest(data, data.parent / "no-run", "tiny", (layer,), device="cpu", cores=1)


def test_without_a_lexicon_terms_are_refused_and_presets_leave_them_out(
    tiny_run: TinyRun, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SettingsError, match="has no lexicon of its words"):
        read_request(request(tiny_run.data, terms=0.1))  # its 300 pairs are too few to learn from
    monkeypatch.setattr(
        "nmt.training.request.layers_of", lambda preset, task: [[{"training": {"terms": 0.1, "steps": 1}}]]
    )
    assert read_request(request(tiny_run.data)).terms is None
    terms = read_request(request(data)).terms
    assert terms
    assert terms.share == 0.1
    assert Config.from_layers({"training": {"steps": 1}}).training == TrainingConfig(steps=1, terms=0.0)


@pytest.mark.parametrize(
    "text",
    [
        "menu\tmenü\n",
        "menu\tmenü\tMenü\tx\n",
        "menu\t\tMenü\n",
        "menu\tmenü\tein Menü\n",
        "menu\tmenü\t" + "x" * 41 + "\n",
        "menu\tmenü\tM\ufde0\n",
        "menu\ta\tb\nmenu\ta\tb\n",
    ],
)
def test_a_lexicon_that_is_not_ours_is_refused(text: str, data: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(data, tmp_path / "data")
    (copy / LEXICON).write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=rf"{LEXICON} has "):
        Dataset.open(copy).lexicon()
    make_right(copy, LEXICON)
    with pytest.raises(DataError, match=rf"{LEXICON} has an invalid line"):
        read_request(request(copy))


def test_a_lexicon_has_a_bound_and_an_older_dataset_has_none(data: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(data, tmp_path / "data")
    write_lexicon(copy, {f"w{number}": Translated("x", "x") for number in range(MOST + 1)})
    make_right(copy, LEXICON)
    with pytest.raises(DataError, match=f"over {MOST} lines"):
        Dataset.open(copy).lexicon()
    manifest = json.loads((copy / "manifest.json").read_text())
    del manifest["files"][LEXICON]
    (copy / "manifest.json").write_text(json.dumps(manifest))
    assert Dataset.open(copy).lexicon() == {}
