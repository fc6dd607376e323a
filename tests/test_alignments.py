"""Word links and token scores of translations: by hand, by other formulas, by both engines, in any batch."""

import json
import random
import sys
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import CORPUS, ROOT, TinyRun, nmt
from fakes import Recorder
from hypothesis import given
from hypothesis import strategies as st
from test_score import CONFIGS, ENGINES, random_model

from nmt.config import EngineOptions, ModelConfig, SearchOptions
from nmt.decoding.details import words_before
from nmt.decoding.engine import Hypothesis, Query, forced, length_limit
from nmt.decoding.engines import pytorch
from nmt.decoding.formats import Format
from nmt.decoding.job import Job
from nmt.decoding.side_outputs import Links
from nmt.decoding.translator import Translator
from nmt.decoding.word_links import LEAST, links_of, source_words, target_words, word_weights
from nmt.errors import SettingsError, StorageError
from nmt.model import build_model
from nmt.store.model_folder import ModelAbout, ModelFolder, export_model, load_model
from nmt.text.normal import normal
from nmt.text.profile import Profile
from nmt.text.sentences import join_sentences
from nmt.text.spm_format import FIRST_PLAIN
from nmt.text.tokenizer import BOS, EOS, Tokenizer

sys.path.insert(0, str(ROOT / "benchmarks"))
from alignments import error_rate, read_links

ASKED = SearchOptions(beam_size=3, token_scores=True, alignments=True)
LINES = (CORPUS / "test.ko").read_text(encoding="utf-8").splitlines()[:40]
ODD = [
    "",
    " \u3000 ",
    "  나는\t집에  간다.  ",
    unicodedata.normalize("NFD", "나는 집에 간다. 그는 학생이다."),
    "a\u00a0b\u2028c\u200bd 😀 👩‍👩‍👧 e\u0301 \u0301x",
    "▁나는 ▁ 집에▁ 간다",
    "나는 집에 간다. 그는 책을 읽는다. 그녀는 학생이다! 너는 어디에 가니?",
    "你好。再见。 我是学生。",
    "긴 말 " * 300,
    "\x01제어\x7f \ufffd문자\ud800 ﬁ １２",
    "가" * 1500 + " 나",
]


# pieces, words and links


def test_weights_of_words_are_sums_of_columns_and_means_of_rows() -> None:
    weights = np.array([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8], [0.0, 0.4, 0.6]])
    words = word_weights(weights, [0, 1, 1], [0, 0, 1])
    assert words == pytest.approx(np.array([[0.8, 0.2], [0.3, 0.7]]))


def test_rows_of_words_sum_to_one() -> None:
    dice = np.random.default_rng(1)
    for _ in range(100):
        rows, columns = dice.integers(1, 9, 2)
        target, source = (np.sort(dice.integers(0, 4, size)) for size in (rows, columns))
        sums = word_weights(dice.random((rows, columns)), list(target), list(source)).sum(1)
        assert sums[np.unique(target)] == pytest.approx(1)
        assert sums.sum() == pytest.approx(len(np.unique(target)))  # a word without pieces has no weight


def test_links_of_a_matrix_made_by_hand() -> None:
    weights = np.array(
        [
            [0.9, 0.1, 0.0, 0.0],  # word 0 is source word 0
            [0.7, 0.2, 0.1, 0.0],  # so is word 1, and source word 1 looks nowhere else
            [0.0, 0.0, 0.6, 0.4],  # word 2 is two source words
            [0.0, 0.0, 0.0, 0.0],  # word 3 is none
        ]
    )
    assert links_of(weights) == [(0, 0), (0, 1), (1, 1), (2, 2), (3, 2)]
    weights[1], weights[2] = [0.91, 0.09, 0.0, 0.0], [0.0, 0.0, 0.91, 0.09]
    weights[0, 1] = 0.05
    assert LEAST > 0.09
    assert links_of(weights) == [(0, 0), (0, 1), (2, 2)]
    assert links_of(np.zeros((0, 0))) == []


def test_the_error_rate_is_that_of_a_hand_count(tmp_path: Path) -> None:
    (tmp_path / "gold").write_text("0-0 1p1 2-1\n\n0-0\n")
    gold = read_links(tmp_path / "gold")
    assert gold == [({(0, 0), (2, 1)}, {(0, 0), (1, 1), (2, 1)}), (set(), set()), ({(0, 0)}, {(0, 0)})]
    # found 4; sure 3. Right and sure: 0-0. Right and possible: 0-0, 1-1.
    assert error_rate([{(0, 0), (1, 1), (5, 5)}, {(0, 0)}, set()], gold) == pytest.approx(1 - (1 + 2) / (4 + 3))
    assert error_rate([sure for sure, _ in gold], gold) == 0


@pytest.fixture(scope="module")
def tokenizer(tiny_run: TinyRun) -> Tokenizer:
    return Tokenizer.load(tiny_run.run / "model" / "tokenizer.model")


@pytest.mark.parametrize("line", [*ODD, *LINES[:5]])
def test_each_word_is_spelled_by_its_pieces(line: str, tokenizer: Tokenizer) -> None:
    pieces = tokenizer.spell(tokenizer.encode([line])[0])
    text = normal(line.replace("\ud800", "\ufffd"))
    for words, found in (
        ([normal(word.replace("\ud800", "\ufffd")) for word in line.split()], source_words(line, [pieces], [0])[0]),
        (text.split(), target_words(pieces)),
    ):
        spelled = [b""] * len(words)
        for piece, word in zip(pieces, found, strict=True):
            spelled[word] += piece.replace(b" ", b"")
        assert [word.decode() for word in spelled] == words


def test_lent_marks_belong_to_no_other_word() -> None:
    pieces = [[b" I", b" go", b"."], [b" You", b"."]]
    assert source_words("I go You.", pieces, [1, 0]) == [[0, 1, 1], [2, 2]]


# weights between pieces


@pytest.mark.parametrize("name", CONFIGS)
def test_weights_are_attention_times_the_length_of_what_it_passes_on(name: str) -> None:
    torch.manual_seed(5)
    model = build_model(CONFIGS[name], 50, 50, True).double().eval()
    source_BS, target_BT = torch.randint(4, 50, (3, 7)), torch.randint(4, 50, (3, 5))
    length_B = torch.tensor([7, 4, 6])
    weights_BLTS = model.source_weights(source_BS, length_B, target_BT)
    assert weights_BLTS is not None
    for b, length in enumerate(length_B.tolist()):
        source_1S = source_BS[b : b + 1, :length]
        maps_LHTS = model.attention_maps(source_1S[0], target_BT[b])["cross"]
        wanted_LTS = maps_LHTS.new_zeros(maps_LHTS[:, 0].shape)
        for layer, maps_HTS in enumerate(maps_LHTS):
            for head, map_TS in enumerate(maps_HTS):
                for place in range(length):
                    wanted_LTS[layer, :, place] += map_TS[:, place] * passed_on(model, source_1S, layer, head, place)
        torch.testing.assert_close(weights_BLTS[b, :, :, :length], wanted_LTS)
        assert weights_BLTS[b, :, :, length:].abs().sum() == 0


def passed_on(model: torch.nn.Module, source_1S: torch.Tensor, layer: int, head: int, place: int) -> float:
    """The length of the vector that a head adds for one position, by the matrices themselves."""
    length = torch.tensor([source_1S.size(1)])
    with torch.no_grad():
        return lengths(model, source_1S, length, layer, head, place)


def lengths(model: Any, source_1S: torch.Tensor, length: torch.Tensor, layer: int, head: int, place: int) -> float:
    if not hasattr(model, "encode"):
        value_D = model.start(source_1S, length).memory.value_BSD[0, place]
        return float((model.attentional.weight[:, : len(value_D)] @ value_D).norm())
    attention = model.decoder[layer].cross_attention
    memory_SD = model.encode(source_1S, length)[0][0]
    width = memory_SD.size(1) // attention.heads
    own = slice(head * width, head * width + width)
    value_E = (attention.key_value.weight[memory_SD.size(1) :] @ memory_SD[place])[own]
    value_E = value_E + attention.key_value.bias[memory_SD.size(1) :][own]
    return float((attention.output.weight[:, own] @ value_E).norm())


def test_rows_of_pieces_sum_to_one_whatever_the_batch(tiny_run: TinyRun, tmp_path: Path) -> None:
    engine = pytorch.load_engine([random_model(tiny_run, tmp_path / "model", CONFIGS["transformer"])], "cpu", 1)
    dice = random.Random(2)
    pairs = [tuple(dice.choices(range(4, 600), k=dice.randrange(1, 20)) for _ in range(2)) for _ in range(9)]
    pairs.append(([77], []))
    together = engine.align([Query(source) for source, _ in pairs], [target for _, target in pairs])
    for (source, target), weights in zip(pairs, together, strict=True):
        assert weights.shape == (len(target), len(source))
        assert weights.sum(1) == pytest.approx(1)
        assert engine.align([Query(source)], [target])[0] == pytest.approx(weights, abs=1e-12)


def test_the_row_of_a_piece_is_that_of_the_step_which_writes_it(tiny_run: TinyRun, tmp_path: Path) -> None:
    model = random_model(tiny_run, tmp_path / "model", CONFIGS["post-norm, untied"], share=1.0)
    source, target = [50, 60, 70], [80, 90]
    given = torch.tensor([[*source, EOS]]), torch.tensor([len(source) + 1]), torch.tensor([[BOS, *target]])
    with torch.no_grad():
        weights_BLTS = load_model(model).double().source_weights(*given)
    assert weights_BLTS is not None
    own_TS = weights_BLTS[0].sum(0)[: len(target), : len(source)].numpy()
    (found,) = pytorch.load_engine([model], "cpu", 1).align([Query(source)], [target])
    assert found == pytest.approx(own_TS / own_TS.sum(1, keepdims=True))


def test_a_model_without_attention_is_refused(tiny_run: TinyRun, tmp_path: Path) -> None:
    config = ModelConfig(family="recurrent", width=16, encoder_layers=1, decoder_layers=1, attention_score="none")
    model = random_model(tiny_run, tmp_path / "model", config)
    with pytest.raises(SettingsError, match="no attention to align words by"):
        list(translator(model, "torch").translate(LINES[:1]))


# translations


def translator(model: ModelFolder, engine: str, batch_tokens: int = 2048, options: SearchOptions = ASKED) -> Translator:
    if engine == "ctranslate2":
        pytest.importorskip("ctranslate2")
    return Translator.of(model, options, EngineOptions(batch_tokens, "cpu", 1, engine))


@pytest.fixture(scope="module")
def model(tiny_run: TinyRun, tmp_path_factory: pytest.TempPathFactory) -> ModelFolder:
    """A model that writes many words, of pieces that are no bytes."""
    torch.manual_seed(6)
    module = build_model(CONFIGS["transformer"], 664, 664, True)
    for parameter in module.parameters():
        parameter.data.mul_(1.5).add_(0.1 * torch.randn_like(parameter))
    module.output_weight.data[EOS] *= 2
    module.embeddings.produced.copy_((torch.arange(664) >= FIRST_PLAIN) & (torch.arange(664) < 600))[EOS] = 1
    module.embeddings.produced[:EOS] = 1
    folder = tmp_path_factory.mktemp("random") / "model"
    tokenizer = (tiny_run.run / "model" / "tokenizer.model").read_bytes()
    about = ModelAbout(CONFIGS["transformer"], {"source": "ko", "target": "en"}, {"tokenizer.model": tokenizer})
    export_model(folder, module.state_dict(), about, {})
    return ModelFolder.open(folder)


def test_both_engines_give_the_same_links_in_any_batch(model: ModelFolder) -> None:
    runs = [translator(model, engine, tokens) for engine in ENGINES for tokens in (60, 4000)]
    first, *others = [list(run.translate([*LINES, *ODD[:8]], Recorder())) for run in runs]
    assert sum(len(each.alignment or []) for each in first) > 300
    for other in others:
        same = [(left, right) for left, right in zip(first, other, strict=True) if left.text == right.text]
        assert len(same) > 0.9 * len(first)  # a random model has near ties
        assert all(left.alignment == right.alignment for left, right in same)


def test_each_word_of_a_translation_has_a_link_to_a_word_that_is_there(model: ModelFolder) -> None:
    for each in translator(model, "torch").translate([*LINES, *ODD], Recorder()):
        sources, targets = ({link[side] for link in each.alignment or []} for side in (0, 1))
        assert sources <= set(range(len(each.source.split())))
        assert targets == set(range(len(each.text.split())))


@pytest.mark.parametrize("engine", ENGINES)
def test_the_mean_of_the_token_scores_is_the_score(model: ModelFolder, engine: str) -> None:
    ended = 0
    for each in translator(model, engine).translate(LINES):
        assert each.tokens
        pieces, scores = zip(*each.tokens, strict=True)
        assert sum(scores) / len(scores) == pytest.approx(each.score, abs=1e-5 if engine == "torch" else 1e-4)
        ended += pieces[-1] == "</s>"
        # At the limit there is none, and the score's length counts none.
        assert len(pieces) <= length_limit(each.source_pieces, ASKED.max_length_factor)
        assert "".join(pieces).removesuffix("</s>").replace("▁", " ").split() == each.text.split()
    assert 0 < ended < len(LINES)


@dataclass
class Copier:
    """An engine that copies the source and says so: piece n comes from piece n, with a score of -n."""

    workers: int = 1
    scores: bool = True
    score_tokens: int | None = None

    def supports(self, options: SearchOptions) -> str | None:
        return None

    def about(self) -> dict[str, str | int]:
        return {}

    def search(self, queries: Sequence[Query], options: SearchOptions) -> list[list[Hypothesis]]:
        return [[Hypothesis(list(query.pieces), 0.0)] for query in queries]

    def score(self, queries: Sequence[Query], targets: Sequence[Sequence[int]]) -> list[Hypothesis]:
        return [forced(target, [-float(place) for place in range(len(target) + 1)]) for target in targets]

    def align(self, queries: Sequence[Query], targets: Sequence[Sequence[int]]) -> list[Any]:
        return [np.eye(len(target), len(query.pieces)) for query, target in zip(queries, targets, strict=True)]


SENTENCES = [
    "나는 집에 간다. 그는 책을 읽는다. 그녀는 학생이다",
    unicodedata.normalize("NFD", "  나는\t집에 간다.   그는 학생이다 "),
    "네! 나는\u00a0집에 간다",
    "나는 \u200b 집에 간다. \ufeff",
    "집 " * 900,
]


@pytest.mark.parametrize("profile", [None, Profile(8, 1, 1.0, ".", "."), Profile(8, 1, 1.0, "。", " 。")])
def test_words_keep_their_numbers_in_lines_that_are_split_marked_cut_or_normalised(
    profile: Profile | None, tokenizer: Tokenizer
) -> None:
    copier = Copier()
    copying = Translator(copier, tokenizer, tokenizer, ASKED, profile=profile, aligner=copier)
    for each in copying.translate([*SENTENCES, *LINES, *ODD], Recorder()):
        words = each.source.split()
        if "。" in each.source or "가" * 1000 in each.source:  # words are cut, or their translations joined
            assert [source for source, _ in each.alignment or []] == sorted(
                source for source, _ in each.alignment or []
            )
            for side, text in enumerate((each.source, each.text)):
                assert {link[side] for link in each.alignment or []} == set(range(len(text.split())))
        else:
            assert each.alignment == [(place, place) for place in range(len(words))]
            assert len(each.text.split()) == len(words)


def test_each_sentence_of_a_line_has_its_token_scores(tokenizer: Tokenizer) -> None:
    copying = Translator(Copier(), tokenizer, tokenizer, ASKED, profile=Profile(8, 1, 0.5, ".", "."))
    (each,) = copying.translate(["나는 간다. 그는 온다."])
    pieces = [tokenizer.pieces(row) for row in tokenizer.encode(["나는 간다.", "그는 온다."])]
    wanted = [(piece, -float(place)) for row in pieces for place, piece in enumerate([*row, "</s>"])]
    assert each.tokens == wanted
    assert each.alignment is None  # without an aligner


def test_an_ensemble_links_by_its_first_model_and_gives_no_token_scores(model: ModelFolder) -> None:
    options = SearchOptions(beam_size=1, alignments=True)
    wanted = EngineOptions(500, "cpu", 1, "torch")
    alone, twice = (Translator.of(model, options, wanted, others) for others in ([], [model]))
    for left, right in zip(alone.translate(LINES[:5]), twice.translate(LINES[:5]), strict=True):
        assert left.text == right.text
        assert left.alignment == right.alignment
    with pytest.raises(SettingsError, match="an ensemble has no scores of given translations"):
        Translator.of(model, ASKED, wanted, [model])


def test_what_is_not_asked_for_is_not_there(model: ModelFolder) -> None:
    plain = translator(model, "torch", options=SearchOptions(beam_size=3))
    for each in plain.translate(LINES[:3]):
        assert each.tokens is None
        assert each.alignment is None
    for blank in translator(model, "torch").translate(["", "\u3000"]):
        assert (blank.tokens, blank.alignment) == ([], [])


# the command


def test_the_command_writes_links_beside_the_translations(tiny_run: TinyRun, tmp_path: Path) -> None:
    (tmp_path / "in").write_text("\n".join(["", *LINES[:9]]) + "\n", encoding="utf-8")
    links, out = tmp_path / "links", tmp_path / "out.jsonl"
    flags: list[str | Path] = ["--format", "jsonl", "--token-scores", "--alignments", links, "--threads", "1"]
    result = nmt("translate", tiny_run.run, tmp_path / "in", "-o", out, *flags)
    assert result.returncode == 0, result.stderr
    entries = [json.loads(line) for line in out.read_text().splitlines()]
    pharaoh = [" ".join(f"{source}-{target}" for source, target in entry["alignment"]) for entry in entries]
    assert links.read_text() == "".join(f"{line}\n" for line in pharaoh)
    assert links.read_text().startswith("\n")
    assert [bool(entry["tokens"]) for entry in entries] == [False] + [True] * 9
    inside = nmt("translate", tiny_run.run, tmp_path / "in", "--format", "jsonl", "--alignments", "-", "--threads", "1")
    assert [json.loads(line)["alignment"] for line in inside.stdout.splitlines()] == [e["alignment"] for e in entries]
    assert "tokens" not in json.loads(inside.stdout.splitlines()[1])


def test_flags_without_a_place_for_what_they_give_are_refused(tiny_run: TinyRun, tmp_path: Path) -> None:
    for flags in (["--token-scores"], ["--alignments", "-"], ["--token-scores", "--format", "tsv"]):
        result = nmt("translate", tiny_run.run, *flags, input="")
        assert result.returncode == 2
        assert "is for JSON lines; add --format jsonl" in result.stderr
    (tmp_path / "in").touch()
    result = nmt("translate", tiny_run.run, tmp_path / "in", "-o", f"{tmp_path}/out/", "--alignments", tmp_path / "x")
    assert result.returncode == 2
    assert "is one file" in result.stderr
    same = nmt("translate", tiny_run.run, "-o", tmp_path / "x", "--alignments", tmp_path / "x", input="")
    assert same.returncode == 2


@dataclass
class FailingCopier(Copier):
    """A copier that fails at its third window."""

    searches: int = 0

    def search(self, queries: Sequence[Query], options: SearchOptions) -> list[list[Hypothesis]]:
        self.searches += 1
        if self.searches == 3:
            raise StorageError("a disk failed", "try again")
        return super().search(queries, options)


@pytest.mark.parametrize("lost", ["text", "links", ""])
def test_both_files_resume_whichever_was_behind(lost: str, tokenizer: Tokenizer, tmp_path: Path) -> None:
    (tmp_path / "in").write_text("\n".join(LINES[:10]) + "\n", encoding="utf-8")

    def run(copier: Copier, name: str) -> list[bytes]:
        outputs = [tmp_path / f"{name}.text", tmp_path / f"{name}.links"]
        copying = Translator(copier, tokenizer, tokenizer, ASKED, window=3, aligner=copier)
        job = Job([tmp_path / "in"], str(outputs[0]), Format("jsonl"), sides=[Links(outputs[1])])
        job.run(lambda: copying, Recorder(), lambda: sys.stdout.buffer, None)
        return [path.read_bytes() for path in outputs]

    wanted = run(Copier(), "whole")
    with pytest.raises(StorageError, match="a disk failed"):
        run(FailingCopier(), "killed")
    for path in tmp_path.glob(f"killed.{lost}.*") if lost else []:
        path.unlink()
    again = FailingCopier(searches=3)
    assert run(again, "killed") == wanted
    assert again.searches == 3 + (4 if lost else 2)  # windows of 3, 3, 3 and 1 lines
    assert not list(tmp_path.glob("killed.*.*"))


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["", "ab cd", "ab.", "猫。", "猫", "猫 ab", "가나"]), st.sampled_from(["", " ", "  "])
        )
    )
)
def test_words_before_a_text_are_those_of_the_line_that_is_joined_up_to_it(parts: list[tuple[str, str]]) -> None:
    texts, gaps = [text for text, _ in parts], [gap for _, gap in parts]
    expected = [
        len(join_sentences(texts[: place + 1], gaps[: place + 1]).split()) - len(text.split())
        for place, text in enumerate(texts)
    ]
    assert list(words_before(texts, gaps)) == expected
