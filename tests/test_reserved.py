"""The reserved pieces: typed text never becomes one, nothing prints one, and nothing produces one."""

import json
from pathlib import Path

import numpy as np
import pytest
import sentencepiece
from conftest import TinyRun, nmt

from nmt.config import PrepareOptions
from nmt.corpus.dataset import Dataset
from nmt.corpus.prepare import PrepareRequest, prepare
from nmt.store.model_folder import ModelFolder, load_model
from nmt.text.lines import one_line
from nmt.text.normal import normal
from nmt.text.reserved import RESERVED, SIGNS, SLOTS, TERM_SIGNS, are_reserved, reserved_pieces
from nmt.text.slots import without_signs
from nmt.text.tokenizer import EOS, SOURCE_TOKENIZER, Tokenizer, train_tokenizer
from nmt.training.objective import Objective

NAMES = reserved_pieces(["ko", "en"])
TYPED = [form for name in NAMES for form in (name, name.removesuffix("▁"), name.replace("▁", " "))]
LINES = [line for text in TYPED for line in (text, f" {text} ", f"a{text}b", f"a {text} b", text * 3, f"{text} {text}")]


def test_the_64_names_are_16_slots_16_kinds_and_32_directions() -> None:
    assert len(NAMES) == len(set(NAMES)) == RESERVED == 64
    assert NAMES[:16] == [f"<{number}>▁" for number in range(16)]
    assert NAMES[16:18] == ["<synthetic>▁", "<kind-1>▁"]
    assert NAMES[32:35] == ["<2en>▁", "<2ko>▁", "<direction-2>▁"]
    assert reserved_pieces(["en", "ko", "en"]) == NAMES
    many = [f"l{number:02}" for number in range(32)]
    assert are_reserved(reserved_pieces(many))
    assert [name for name in reserved_pieces(many) if "direction" in name] == []


@pytest.fixture(scope="module", params=["unigram", "bpe"])
def dataset(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Dataset, Dataset]:
    """Two datasets, with one vocabulary and with two, of text that is full of typed names of reserved pieces."""
    folder = tmp_path_factory.mktemp("typed")
    for language, word in (("ko", "나무"), ("en", "tree")):
        (folder / f"train.{language}").write_text("".join(f"{word} {line}\n" for line in LINES), encoding="utf-8")
        (folder / f"valid.{language}").write_text(f"{word}\n", encoding="utf-8")
    made = []
    for joint in (True, False):
        asked = PrepareRequest("ko", "en", (folder / "train",), folder / "valid", (), folder / str(joint))
        prepare(asked, PrepareOptions(0, request.param, joint, clean="off", kinds="all=off"))
        made.append(Dataset.open(asked.output))
    return made[0], made[1]


def test_no_typed_text_of_a_corpus_becomes_a_reserved_piece(dataset: tuple[Dataset, Dataset]) -> None:
    for data in dataset:
        assert len(data.train) == len(LINES)
        for ids, tokenizer in zip(data.train.ids(range(len(LINES))), data.load_tokenizers(), strict=True):
            assert max(map(np.max, ids)) < tokenizer.first_reserved


def test_no_line_to_translate_becomes_a_reserved_piece_and_decoding_gives_it_back(
    dataset: tuple[Dataset, Dataset],
) -> None:
    for data in dataset:
        for tokenizer in data.load_tokenizers():
            assert tokenizer.pieces(range(tokenizer.first_reserved, tokenizer.size)) == NAMES
            for line, ids in zip(LINES, tokenizer.encode(LINES), strict=True):
                assert set(ids) <= set(range(EOS + 1, tokenizer.first_reserved))
                assert tokenizer.decode([ids]) == [one_line(normal(line))]


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
def test_text_full_of_a_typed_name_learns_a_piece_for_it_which_is_another(kind: str) -> None:
    tokenizer = Tokenizer(train_tokenizer(["共<0>件", "全<0>个", "x<0>y", "第<0>页"] * 50, kind, 280, False), kind)
    pieces = tokenizer.pieces(tokenizer.encode(["共<0>件"])[0])
    assert "<0>" in pieces
    assert not set(pieces) & set(NAMES)


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
def test_no_learnt_piece_has_the_sign_of_a_space_after_its_beginning(kind: str) -> None:
    tokenizer = Tokenizer(train_tokenizer(LINES, kind, 400, False), kind)
    assert not [piece for piece in tokenizer.pieces(range(tokenizer.first_reserved)) if "▁" in piece[1:]]


def test_sentencepiece_takes_them_for_control_pieces_and_nothing_else(tiny_run: TinyRun) -> None:
    path = tiny_run.run / "model" / SOURCE_TOKENIZER
    model, tokenizer = sentencepiece.SentencePieceProcessor(model_file=str(path)), Tokenizer.load(path)
    control = [id for id in range(len(model)) if model.is_control(id) or model.is_unknown(id)]
    assert control[4:] == [model.piece_to_id(name) for name in NAMES]
    assert tokenizer.control_ids() == control[:4] + control[4 + SLOTS :]  # slots are part of translations


def test_decoding_leaves_them_out_and_so_does_spelling_but_for_slots(tiny_run: TinyRun) -> None:
    tokenizer = Tokenizer.load(tiny_run.run / "model" / SOURCE_TOKENIZER)
    reserved = range(tokenizer.first_reserved, tokenizer.size)
    (ids,) = tokenizer.encode(["나는 <0> 학생이다."])
    mixed = [piece for id, tag in zip(ids, reserved, strict=False) for piece in (tag, id)]
    assert tokenizer.decode([mixed, [*reserved]]) == ["나는 <0> 학생이다.", ""]
    spelled = without_signs(b"".join(tokenizer.spell(mixed)).decode())
    assert spelled.translate({ord(sign): None for sign in TERM_SIGNS}) == b"".join(tokenizer.spell(ids)).decode()
    signs = [*SIGNS, "", *TERM_SIGNS]
    assert tokenizer.spell(reserved) == [sign.encode() for sign in signs] + [b""] * (RESERVED - len(signs))


def test_a_sign_of_annotations_is_the_kind_of_its_number_where_it_is_asked_for(tiny_run: TinyRun) -> None:
    tokenizer = Tokenizer.load(tiny_run.run / "model" / SOURCE_TOKENIZER)
    text = "\ufdd3 책\ufde0 book\ufde1 \ufdd0"
    reserved = [id for id in tokenizer.encode_annotated([text], [True])[0] if id >= tokenizer.first_reserved]
    assert tokenizer.pieces(reserved) == ["<3>▁", "<kind-1>▁", "<kind-2>▁", "<0>▁"]
    assert b"".join(tokenizer.spell(tokenizer.encode_annotated([text], [True])[0])).decode().strip() == text
    typed = [id for id in tokenizer.encode_slotted([text], [True])[0] if id >= tokenizer.first_reserved]
    assert tokenizer.pieces(typed) == ["<3>▁", "<0>▁"]
    assert tokenizer.decode_slotted(tokenizer.encode_slotted([text], [True])) == [text]


def test_no_column_of_search_training_or_ctranslate2_is_a_reserved_piece(tiny_run: TinyRun, tmp_path: Path) -> None:
    model = ModelFolder.open(tiny_run.run)
    first = model.tokenizers[1].first_reserved
    module = load_model(model)
    produced = int(module.embeddings.produced.count_nonzero())
    assert len(module.embeddings.produced) == first + RESERVED
    assert module.embeddings.produced[first:].count_nonzero() == 0
    piece_P = module.narrowed()[1]
    assert (len(piece_P), int(piece_P.max()) < first) == (-(-produced // 32) * 32, True)
    piece_P = Objective(module, 0.1).piece_P
    assert (len(piece_P), int(piece_P.max()) < first) == (produced, True)
    pytest.importorskip("ctranslate2")
    made = nmt("export", tiny_run.run, "--to", "ctranslate2", "-o", tmp_path / "out")
    assert made.returncode == 0, made.stderr
    names = json.loads((tmp_path / "out" / "target_vocabulary.json").read_text(encoding="utf-8"))
    assert (len(names), set(names) & set(NAMES)) == (produced, set())
