"""``nmt score``: both engines give the formula's log-probabilities, the same in any batch, a line for each pair."""

import json
import math
import os
import random
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import CORPUS, TinyRun, nmt
from fakes import Recorder, WordTokenizer

from nmt.config import EngineOptions, ModelConfig, SearchOptions
from nmt.decoding.engine import MAX_PIECES, NEVER_SEEN, FullEngine, Hypothesis, Query, forced, length_limit
from nmt.decoding.forced import PairScorer, Scoring
from nmt.decoding.formats import ScoreFormat
from nmt.decoding.loading import load_engine
from nmt.errors import BusyError, DataError
from nmt.model import build_model
from nmt.store.model_folder import ModelAbout, ModelFolder, export_model, load_model
from nmt.text.progress import Silent
from nmt.text.tokenizer import BOS, EOS, UNK

ENGINES = ["torch", "ctranslate2"]
CONFIGS = {
    "transformer": ModelConfig(width=16, feed_forward=24, encoder_layers=2, decoder_layers=1, heads=2),
    "post-norm, untied": ModelConfig(
        width=16, feed_forward=24, encoder_layers=1, decoder_layers=2, heads=2, norm="post", tied_embeddings=False
    ),
    "recurrent": ModelConfig(
        family="recurrent", width=16, encoder_layers=1, decoder_layers=1, attention_score="general"
    ),
}
CASES = [(name, engine) for name in CONFIGS for engine in ENGINES if (name, engine) != ("recurrent", "ctranslate2")]
ODD = [
    ("나는 학생이다.", "I am a student."),
    ("", "I go."),
    ("집", ""),
    ("  ", "\u3000"),
    ("긴 " * 500, "long"),
    ("짧다", "word " * 500),
    ("😀 집 👩‍👩‍👧", "a 😀 home"),
    ("제어\x01문자\x7f", "control\x02characters\x1b[0m"),
    ("줄\u2028바꿈\x85", "line\u2029break\x0c"),
    ('쉼표, "따옴표"', 'a \\ "quote"\tand a tab'),
]


def random_model(
    tiny_run: TinyRun,
    folder: Path,
    config: ModelConfig,
    languages: tuple[str, str] = ("ko", "en"),
    share: float = 0.6,
    end_like: int = EOS,
) -> ModelFolder:
    """A model with random weights, which produces a share of the pieces of the tiny run's tokenizer.

    Its </s> is as probable as the piece ``end_like``.
    """
    torch.manual_seed(3)
    model = build_model(config, 664, 664, True)
    for parameter in model.parameters():
        parameter.data.mul_(1.5).add_(0.1 * torch.randn_like(parameter))
    model.output_weight.data[EOS] = model.output_weight.data[end_like]
    model.embeddings.produced.copy_(torch.rand(664) < share)[: EOS + 1] = 1
    tokenizer = (tiny_run.run / "model" / "tokenizer.model").read_bytes()
    about = ModelAbout(config, dict(zip(("source", "target"), languages, strict=True)), {"tokenizer.model": tokenizer})
    export_model(folder, model.state_dict(), about, {})
    return ModelFolder.open(folder)


def engine_of(model: ModelFolder, name: str, threads: int = 1) -> FullEngine:
    if name == "ctranslate2":
        pytest.importorskip("ctranslate2")
    return load_engine(model, SearchOptions(), EngineOptions(device="cpu", threads=threads, engine=name))


def scoring(model: ModelFolder, engine: str = "torch", batch_tokens: int = 2048, threads: int = 1) -> Scoring:
    return Scoring(PairScorer(engine_of(model, engine, threads), model.tokenizers, batch_tokens))


@torch.no_grad()
def formula(model: ModelFolder, source: Sequence[int], target: Sequence[int]) -> list[float]:
    """The log-probabilities in float64, by the step function of the whole model, without padding or narrowing."""
    module = load_model(model).double()
    allowed = module.embeddings.produced.bool()
    allowed[[piece for piece in model.tokenizers[1].control_ids() if piece != EOS]] = False
    state = module.start(torch.tensor([[*source, EOS]]), torch.tensor([len(source) + 1]))
    scores, before = [], BOS
    for piece in [*target, EOS]:
        logits, state = module.step(torch.tensor([before]), state)
        normaliser = logits[0, allowed].exp().sum().log().item()
        scores.append(logits[0, piece].item() - normaliser if allowed[piece] else NEVER_SEEN)
        before = piece if allowed[piece] else UNK
    return scores


def pairs_of_ids(seed: int, count: int = 12) -> list[tuple[list[int], list[int]]]:
    dice = random.Random(seed)
    return [tuple(dice.choices(range(4, 600), k=dice.randrange(1, 20)) for _ in range(2)) for _ in range(count)]  # type: ignore[misc]


@pytest.mark.parametrize(("config", "engine"), CASES)
def test_token_scores_are_the_formula_in_float64(config: str, engine: str, tiny_run: TinyRun, tmp_path: Path) -> None:
    model = random_model(tiny_run, tmp_path / "model", CONFIGS[config])
    pairs = [*pairs_of_ids(1), ([77], [])]
    sources, targets = [Query(source) for source, _ in pairs], [target for _, target in pairs]
    results = engine_of(model, engine).score(sources, targets)
    assert any(NEVER_SEEN in (result.token_scores or []) for result in results)
    for (source, target), result in zip(pairs, results, strict=True):
        wanted = formula(model, source, target)
        assert result.pieces == target
        assert result.token_scores == pytest.approx(wanted, abs=1e-5 if engine == "torch" else 1e-4)
        assert result.score == pytest.approx(math.fsum(wanted) / len(wanted), abs=1e-5 if engine == "torch" else 1e-4)


@pytest.mark.parametrize(("config", "engine"), CASES)
def test_a_forced_score_is_that_of_the_search(config: str, engine: str, tiny_run: TinyRun, tmp_path: Path) -> None:
    queries = [Query(source) for source, _ in pairs_of_ids(2)]
    options = SearchOptions(beam_size=4, n_best=4)
    endless = engine_of(random_model(tiny_run, tmp_path / "endless", CONFIGS[config]), engine)
    usual = Counter(chain.from_iterable(beam[0].pieces for beam in endless.search(queries, options)))
    end_like = usual.most_common()[0][0]
    searching = engine_of(random_model(tiny_run, tmp_path / "model", CONFIGS[config], end_like=end_like), engine)
    ended = 0
    for query, hypotheses in zip(queries, searching.search(queries, options), strict=True):
        results = searching.score([query] * len(hypotheses), [each.pieces for each in hypotheses])
        for hypothesis, result in zip(hypotheses, results, strict=True):
            scores = result.token_scores or []
            if len(hypothesis.pieces) == length_limit(len(query.pieces), options.max_length_factor):
                scores = scores[:-1]  # at the length limit search ends a hypothesis without </s>
            else:
                assert result.score == pytest.approx(hypothesis.score, abs=1e-4)
                ended += 1
            assert math.fsum(scores) / len(scores) == pytest.approx(hypothesis.score, abs=1e-4)
    assert ended > 5


def bundled_pairs(count: int) -> list[tuple[str, str]]:
    texts = [(CORPUS / f"train.{language}").read_text(encoding="utf-8").split("\n") for language in ("ko", "en")]
    return list(zip(*texts, strict=True))[:count]


@pytest.mark.parametrize("engine", ENGINES)
def test_no_digit_depends_on_batches_or_threads(engine: str, tiny_run: TinyRun) -> None:
    model, pairs = ModelFolder.open(tiny_run.run), bundled_pairs(1000)
    outputs = set()
    for batch_tokens, threads in ((1, 1), (300, 2), (4096, 1)):
        scorer = scoring(model, engine, batch_tokens, threads)
        scored = scorer.score(pairs, 0, Silent())
        outputs.add(
            tuple(ScoreFormat("jsonl").record(number, pair, scorer.tokenizers) for number, pair in enumerate(scored))
        )
    assert len(outputs) == 1


@pytest.mark.parametrize("engine", ENGINES)
def test_every_pair_gets_a_line_in_its_place_whatever_it_holds(engine: str, tiny_run: TinyRun) -> None:
    scorer = scoring(ModelFolder.open(tiny_run.run), engine)
    pairs = [*ODD, *bundled_pairs(5), *reversed(ODD)]
    scored = scorer.score(pairs, 0, progress := Recorder())
    assert [(pair.source, pair.translation) for pair in scored] == pairs
    assert progress.advanced == len(pairs)
    alone = [scorer.score([pair], 0, Silent())[0].score for pair in pairs]
    tolerance = 1e-12 if engine == "torch" else 1e-5
    assert [pair.score for pair in scored] == pytest.approx(alone, abs=tolerance, nan_ok=True)
    assert [math.isnan(score) for score in alone[: len(ODD)]] == [False, *[True] * 5, *[False] * 4]
    for name in ("text", "tsv", "jsonl"):
        records = [ScoreFormat(name).record(number, pair, scorer.tokenizers) for number, pair in enumerate(scored)]
        assert len("\n".join(records).splitlines()) == len(pairs)
        assert name != "tsv" or {record.count("\t") for record in records} == {2}
        assert name != "jsonl" or [json.loads(record)["score"] for record in records[1:6]] == [None] * 5


def test_both_engines_score_the_same(tiny_run: TinyRun) -> None:
    model = ModelFolder.open(tiny_run.run)
    first, second = (scoring(model, engine).score([*ODD, *bundled_pairs(200)], 0, Silent()) for engine in ENGINES)
    assert [pair.score for pair in first] == pytest.approx([pair.score for pair in second], abs=1e-4, nan_ok=True)


class NoRoom:
    """A scorer without memory for more than a number of pairs."""

    workers = 1
    score_tokens = None

    def __init__(self, room: int) -> None:
        self.room = room

    def about(self) -> dict[str, str | int]:
        return {}

    def score(self, queries: Sequence[Query], targets: Sequence[Sequence[int]]) -> list[Hypothesis]:
        if len(queries) > self.room:
            raise BusyError("no room", "give more")
        return [Hypothesis(list(target), -float(len(target)), [-1.0] * len(target)) for target in targets]


def test_batches_without_room_are_halved_and_a_pair_without_room_is_named() -> None:
    tokenizer: Any = WordTokenizer()
    pairs = [("a", "b " * number) for number in range(1, 30)]
    scored = Scoring(PairScorer(NoRoom(3), (tokenizer, tokenizer), 2048)).score(pairs, 0, progress := Recorder())
    assert [pair.score for pair in scored] == [-float(number) for number in range(1, 30)]
    assert len(progress.warnings) == 1
    with pytest.raises(BusyError, match=r"^pair 129 does not fit into memory"):
        Scoring(PairScorer(NoRoom(0), (tokenizer, tokenizer), 2048)).score(pairs, 100, Silent())


def test_scores_that_are_not_numbers_are_an_error() -> None:
    assert forced([7], [-1.0, -float("inf")]) == Hypothesis([7], (NEVER_SEEN - 1) / 2, [-1.0, NEVER_SEEN])
    with pytest.raises(DataError, match="not numbers"):
        forced([7], [float("nan"), -1.0])


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("a.tsv", "tsv"),
        ("b/c.jsonl.zst", "jsonl"),
        ("d.tsv.gz", "tsv"),
        ("e.txt", "text"),
        ("tsv", "text"),
        ("", "text"),
    ],
)
def test_the_ending_of_a_file_says_its_format(file: str, name: str) -> None:
    assert ScoreFormat.of_file(file).name == name


def write_pairs(folder: Path, pairs: Sequence[tuple[str, str]], name: str = "pairs") -> Path:
    for side, language in enumerate(("ko", "en")):
        (folder / f"{name}.{language}").write_text("".join(f"{pair[side]}\n" for pair in pairs), encoding="utf-8")
    return folder / name


def test_each_format_and_the_perplexity_agree(tiny_run: TinyRun, tmp_path: Path) -> None:
    pairs = [*bundled_pairs(20), ("", "nothing")]
    first, second = write_pairs(tmp_path, pairs[:12], "a"), tmp_path / "b.tsv"
    second.write_text("".join(f"{source}\t{target}\n" for source, target in pairs[12:]), encoding="utf-8")
    output = {}
    for flags in ("", "--sum", "--format tsv", "--format jsonl"):
        result = nmt("score", tiny_run.run, first, second, *flags.split(), "--stats", tmp_path / "stats")
        assert result.returncode == 0, result.stderr
        output[flags] = result.stdout.splitlines()
    entries = [json.loads(line) for line in output["--format jsonl"]]
    assert [entry["id"] for entry in entries] == list(range(21))
    assert [(entry["source"], entry["translation"]) for entry in entries] == pairs
    assert output["--format tsv"] == [
        f"{source}\t{target}\t{score}" for (source, target), score in zip(pairs, output[""], strict=True)
    ]
    tokens = [[score for _, score in entry["tokens"]] for entry in entries]
    assert ["".join(piece for piece, _ in entry["tokens"]) for entry in entries[:2]] == [
        f"▁{target.replace(' ', '▁')}</s>" for _, target in pairs[:2]
    ]
    assert [float(score) for score in output[""][:20]] == pytest.approx(
        [sum(scores) / len(scores) for scores in tokens[:20]], abs=2e-6
    )
    assert [float(score) for score in output["--sum"][:20]] == pytest.approx(list(map(sum, tokens[:20])), abs=1e-4)
    assert output[""][20] == "nan"
    assert entries[20]["tokens"] == []
    every = [score for scores in tokens for score in scores]
    perplexity = math.exp(-sum(every) / len(every))
    figures = json.loads((tmp_path / "stats").read_text(encoding="utf-8"))
    assert figures["perplexity"] == pytest.approx(perplexity, rel=1e-5)
    assert (figures["pairs"], figures["without_score"], figures["lines"]) == (21, 1, 21)
    assert f"perplexity {perplexity:.3f}" in result.stderr
    assert f"1 pair has a side that is blank or has over {MAX_PIECES} pieces: the score is nan" in result.stderr


KILLED = """
import os, signal, sys
import nmt.decoding.forced as forced
from nmt.cli import main
from nmt.store.resumable import Resumable
forced.WINDOW, left, add = 30, int(sys.argv.pop(1)), Resumable.add
def add_or_die(self, *window):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    add(self, *window)
Resumable.add = add_or_die
main()
"""


def test_resumed_after_sigkill_it_is_the_uninterrupted_output(tiny_run: TinyRun, tmp_path: Path) -> None:
    corpus = write_pairs(tmp_path, bundled_pairs(130))

    def run(name: str, dies_at: int) -> subprocess.CompletedProcess[str]:
        flags: list[str | Path] = ["--format", "jsonl", "-o", tmp_path / name, "--stats", tmp_path / f"{name}.stats"]
        return nmt(str(dies_at), "score", tiny_run.run, corpus, *flags, code=KILLED)

    assert run("whole", 0).returncode == 0
    assert run("killed", 3).returncode == -signal.SIGKILL
    assert not (tmp_path / "killed").exists()
    resumed = run("killed", 0)
    assert "resuming after line 60" in resumed.stderr
    assert (tmp_path / "killed").read_bytes() == (tmp_path / "whole").read_bytes()
    figures = [json.loads((tmp_path / f"{name}.stats").read_text(encoding="utf-8")) for name in ("whole", "killed")]
    entries = [json.loads(line) for line in (tmp_path / "whole").read_text(encoding="utf-8").splitlines()]
    assert [entry["id"] for entry in entries] == list(range(130))
    scores = [score for entry in entries for _, score in entry["tokens"]]
    assert figures[0]["perplexity"] == pytest.approx(math.exp(-sum(scores) / len(scores)), rel=1e-5)
    assert figures[0]["perplexity"] == figures[1]["perplexity"]
    assert [each["pairs"] for each in figures] == [130, 130]
    assert [each["lines"] for each in figures] == [130, 70]
    assert {path.name for path in tmp_path.iterdir() if path.name.startswith("killed")} == {"killed", "killed.stats"}


def test_dual_cross_entropy_is_its_formula(tiny_run: TinyRun, tmp_path: Path) -> None:
    config = CONFIGS["transformer"]
    random_model(tiny_run, tmp_path / "there", config)
    random_model(tiny_run, tmp_path / "back", config, ("en", "ko"), share=0.7)
    there_and_back = write_pairs(tmp_path, pairs := [*bundled_pairs(10), ("", "x")], "there-and-back")

    def scores(*arguments: object) -> list[float]:
        result = nmt("score", *map(str, arguments))
        assert result.returncode == 0, result.stderr
        return [float(line.split("\t")[-1]) for line in result.stdout.splitlines()]

    there, back = scores(tmp_path / "there", there_and_back), scores(tmp_path / "back", there_and_back)
    dual = nmt("score", tmp_path / "there", there_and_back, "--reverse", tmp_path / "back", "--format", "tsv")
    rows = [line.split("\t") for line in dual.stdout.splitlines()]
    assert [tuple(row[:2]) for row in rows] == pairs
    expected = [-(abs(-h1 - -h2) + (-h1 - h2) / 2) for h1, h2 in zip(there, back, strict=True)]
    assert [float(row[2]) for row in rows] == pytest.approx(expected, abs=3e-6, nan_ok=True)
    assert [float(row[3]) for row in rows] == pytest.approx(there, nan_ok=True)
    assert [float(row[4]) for row in rows] == pytest.approx(back, nan_ok=True)
    lines = nmt("score", tmp_path / "there", there_and_back, "--reverse", tmp_path / "back", "--format", "jsonl")
    entries = [json.loads(line) for line in lines.stdout.splitlines()]
    assert [entry["reverse"] for entry in entries[:10]] == pytest.approx(back[:10])
    assert [entry["source_tokens"][-1][0] for entry in entries[:10]] == ["</s>"] * 10
    assert (entries[10]["forward"], entries[10]["reverse"], entries[10]["tokens"]) == (None, None, [])
    assert " in reverse" in lines.stderr


def test_pieces_that_no_target_had_are_counted_in_a_warning(tiny_run: TinyRun, tmp_path: Path) -> None:
    random_model(tiny_run, tmp_path / "model", CONFIGS["transformer"])
    corpus = write_pairs(tmp_path, bundled_pairs(5))
    outputs = [nmt("score", tmp_path / "model", corpus, "--engine", engine) for engine in ENGINES]
    for result in outputs:
        assert "5 pairs have pieces that no target of training had: each counts -20" in result.stderr
    first, second = ([float(line) for line in result.stdout.splitlines()] for result in outputs)
    assert first == pytest.approx(second, abs=1e-4)


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("{run} {text} --reverse {run}", 78, "--reverse translates ko → en.*give a model that translates en → ko"),
        ("{run} {text} --reverse {run} --sum", 2, "--sum and --reverse exclude each other"),
        ("{run} {tmp}/no", 66, "{tmp}/no"),
        ("{tmp}/no {text}", 66, "{tmp}/no"),
        ("{run}", 2, "PATH"),
        ("{run} {text} -o {text}.en", 2, "an input as well"),
        ("{run} {tmp}/unequal", 65, "ends before line 2"),
        ("{run} {text} --columns a", 2, "--columns 'a' does not name two columns"),
        ("{run} {text} -o {tmp}", 73, "is a folder"),
        ("{run} {text} --format xml", 2, "jsonl"),
    ],
)
def test_mistakes_are_one_line(line: str, code: int, words: str, tiny_run: TinyRun, tmp_path: Path) -> None:
    here = {"run": tiny_run.run, "tmp": tmp_path, "text": write_pairs(tmp_path, bundled_pairs(2))}
    write_pairs(tmp_path, bundled_pairs(2), "unequal")
    (tmp_path / "unequal.ko").write_text("하나\n", encoding="utf-8")
    result = nmt("score", *line.format(**here).split())
    assert result.returncode == code, result.stderr
    assert result.stderr.count("\n") == 1
    assert re.search(words.format(**here), result.stderr)


def test_a_score_by_ctranslate2_imports_no_torch(tiny_run: TinyRun, tmp_path: Path) -> None:
    pytest.importorskip("ctranslate2")
    corpus = write_pairs(tmp_path, bundled_pairs(3))
    nmt("score", tiny_run.run, corpus, "--engine", "ctranslate2")  # makes the cache
    code = "import sys, nmt.cli\ntry: nmt.cli.main()\nexcept SystemExit: print('torch' in sys.modules)"
    command = [sys.executable, "-c", code, "score", str(tiny_run.run), str(corpus)]
    result = subprocess.run(command, capture_output=True, encoding="utf-8", env={**os.environ})
    assert result.stdout.splitlines()[3:] == ["False"]
