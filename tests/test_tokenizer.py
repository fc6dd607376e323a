"""Text survives encoding and decoding, typed text is never a control symbol, and learning is deterministic."""

import io
import pickle
import subprocess
import sys
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sentencepiece
from hypothesis import given, settings
from hypothesis import strategies as st
from real_text import real_text

from nmt.errors import DataError, MissingInputError
from nmt.text.lines import one_line
from nmt.text.normal import normal as normal_form
from nmt.text.tokenizer import BOS, EOS, PAD, UNK, Tokenizer, train_tokenizer

TEXT = [
    f"{subject} {thing} {verb}."
    for subject in ("나는", "너는", "우리는", "The old man", "Eine Frau", "Die Kinder")
    for thing in ("학교에", "집에서 책을", "the red house", "den großen Hund", "a book")
    for verb in ("간다", "읽는다", "sees", "liebt", "reads")
]

SIZE = 300  # near the most that so small a text can give

SURVIVORS = [
    "나는 학교에 간다.",
    "龘 靐 麤 爨 鸞",  # rare hanja
    "\uf90a\uf9d1\uf914 樂",  # compatibility hanja, which have canonical equals
    "ᄒᆞᆫ글 나랏말ᄊᆞ미 듕귁에 달아",  # old hangul, of conjoining jamo
    unicodedata.normalize("NFD", "한국어 문장"),  # the same syllables as decomposed jamo
    "ㅋㅋㅋ ㅠㅠ ㅎㅏㄴ",  # compatibility jamo
    "ＦＵＬＬ　ｗｉｄｔｈ ㍿ ﬁ ① ½ ™",
    "👩‍👩‍👧‍👦 🇰🇷 👍🏽 ☺️",
    "e\u0301 é ñ n\u0303",
    "שלום عليكم นมัสการ",
    "<s> </s> <unk> <pad> <0x0A> <0xEA><0xB0><0x80>",
    "▁ a▁b ▁▁ \ufdd0▁ ▅ ⁇ \u2581",
    "a\x00b \x1b[0m \ufffd \U0010ffff \ue000",
    "zero\u200bwidth\u200djoiner\ufeffmark",
    "",
]


def normal(text: str) -> str:
    whole = ("\ufffd" if unicodedata.category(character) == "Cs" else character for character in text)
    return unicodedata.normalize("NFC", " ".join("".join(whole).split()))


@pytest.fixture(scope="module", params=["unigram", "bpe"])
def tokenizer(request: pytest.FixtureRequest) -> Tokenizer:
    return Tokenizer(train_tokenizer(TEXT, request.param, SIZE), "test model")


@pytest.mark.parametrize("text", SURVIVORS)
def test_text_survives_but_for_runs_of_white_space_and_controls(tokenizer: Tokenizer, text: str) -> None:
    ids = tokenizer.encode([text])
    assert tokenizer.decode(ids) == [one_line(normal(text))]
    assert all(EOS < id < tokenizer.first_reserved for id in ids[0])


@settings(max_examples=300, deadline=None)
@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=12))
def test_any_text_survives_but_for_white_space_and_controls(text: str) -> None:
    tokenizer = Tokenizer(MODEL, "test model")
    assert tokenizer.decode(tokenizer.encode([text])) == [one_line(normal(text))]


MODEL = train_tokenizer(TEXT, "unigram", SIZE)


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters() | st.sampled_from(" \t\xa0\u3000\u0301ᄒ"), max_size=8))
def test_the_normal_form_is_nfc_with_single_spaces(text: str) -> None:
    assert normal_form(text) == normal(text)


def test_half_of_a_surrogate_pair_is_a_replacement_character_from_the_beginning() -> None:
    assert normal_form("나는 \ud800간다. ") == "나는 \ufffd간다."


def test_no_white_space_but_the_space_is_printable() -> None:
    assert [chr(code) for code in range(0x110000) if chr(code).isspace() and chr(code).isprintable()] == [" "]


@pytest.mark.parametrize(
    "text", ["한국어 문장을 나눈다", "Tôi đang đọc một quyển sách ở nhà", "Ångström Ω café"], ids=["ko", "vi", "latin"]
)
def test_every_spelling_of_a_text_gives_the_same_pieces(tokenizer: Tokenizer, text: str) -> None:
    spellings = [unicodedata.normalize(form, text) for form in ("NFC", "NFD")] + [text.replace("Å", "\u212b")]
    assert len(set(map(tuple, tokenizer.encode(spellings)))) == 1


def test_what_has_no_canonical_equal_is_left_as_it_is(tokenizer: Tokenizer) -> None:
    text = "Ｆｕｌｌ ㍿ ﬁ ① ½ ™ ² ㅎㅏㄴ ᄒᆞᆫ글 ﾊﾝｶｸ"
    assert tokenizer.decode(tokenizer.encode([text])) == [text] != [unicodedata.normalize("NFKC", text)]


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
def test_a_vocabulary_learnt_from_decomposed_text_is_that_of_the_composed(kind: str) -> None:
    decomposed = [unicodedata.normalize("NFD", line) for line in TEXT]
    assert train_tokenizer(decomposed, kind, SIZE) == train_tokenizer(TEXT, kind, SIZE)


@pytest.mark.parametrize("space", ["\t", "\xa0", "\u3000", "\u2028", "\x85", "  ", "\r", "\n"])
def test_every_kind_of_white_space_is_one_space_between_words(tokenizer: Tokenizer, space: str) -> None:
    assert tokenizer.encode([f"{space}나는{space}집에{space}"]) == tokenizer.encode(["나는 집에"])


def test_nothing_that_a_person_types_becomes_a_special_id(tokenizer: Tokenizer) -> None:
    typed = " ".join(tokenizer.pieces(range(tokenizer.size)))  # every piece by name, bytes and specials too
    assert set(tokenizer.encode([typed])[0]) <= set(range(EOS + 1, tokenizer.first_reserved))


def test_lines_are_encoded_as_each_by_itself_also_in_another_process(tokenizer: Tokenizer) -> None:
    lines = TEXT * 3 + SURVIVORS
    sent: Tokenizer = pickle.loads(pickle.dumps(tokenizer))  # noqa: S301  # our own bytes
    assert sent.encode(lines) == tokenizer.encode(lines) == [tokenizer.encode([line])[0] for line in lines]


def test_empty_input_gives_empty_output(tokenizer: Tokenizer) -> None:
    assert tokenizer.encode([]) == []
    assert tokenizer.decode([]) == []
    assert tokenizer.encode(["", " \t "]) == [[], []]
    assert tokenizer.decode([[], [PAD, BOS, EOS, UNK]]) == ["", ""]


def test_arrays_are_decoded_like_lists(tokenizer: Tokenizer) -> None:
    ids = tokenizer.encode(["나는 집에서 책을 읽는다."])
    assert tokenizer.decode([np.array(ids[0], np.uint16)]) == ["나는 집에서 책을 읽는다."]  # type: ignore[list-item]


def test_decoded_text_is_one_line_whatever_the_bytes_say(tokenizer: Tokenizer) -> None:
    bytes_of = {tokenizer.pieces([id])[0]: id for id in range(tokenizer.size)}
    line_feed, wild = bytes_of["<0x0A>"], bytes_of["<0xFF>"]
    assert tokenizer.decode([[line_feed, wild, line_feed]]) == [" \ufffd "]


def test_special_ids_stand_where_the_model_expects_them(tokenizer: Tokenizer) -> None:
    assert (PAD, UNK, BOS, EOS) == (0, 1, 2, 3)
    assert tokenizer.control_ids() == [PAD, UNK, BOS, EOS, *range(SIZE + 16, SIZE + 64)]
    assert (tokenizer.first_reserved, tokenizer.size) == (SIZE, SIZE + 64)


@pytest.mark.parametrize("text", SURVIVORS)
def test_what_pieces_spell_is_the_text_after_a_space(tokenizer: Tokenizer, text: str) -> None:
    spelled = tokenizer.spell(tokenizer.encode([text])[0])
    assert b"".join(spelled).decode() == (f" {normal(text)}" if normal(text) else "")


def test_a_byte_piece_spells_its_byte(tokenizer: Tokenizer) -> None:
    ids = tokenizer.encode(["the red 龘"])[0]
    assert tokenizer.spell(ids)[-3:] == [b"\xe9", b"\xbe", b"\x98"]


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
def test_learning_repeats_to_the_byte(kind: str) -> None:
    assert train_tokenizer(iter(TEXT), kind, SIZE) == train_tokenizer(TEXT, kind, SIZE)


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
def test_a_size_that_does_not_fit_names_the_one_that_does(kind: str) -> None:
    for size, word in ((100_000, "large"), (262, "small")):
        with pytest.raises(DataError, match=f"{size} pieces is too {word} for the text; choose [0-9]+ or ") as caught:
            train_tokenizer(TEXT, kind, size)
        fits = int(caught.value.mend.split()[1])
        assert Tokenizer(train_tokenizer(TEXT, kind, fits), "fits").first_reserved == fits
        with pytest.raises(DataError, match=f"too {word}"):
            train_tokenizer(TEXT, kind, fits + (1 if word == "large" else -1))


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
def test_the_block_that_sentencepiece_reserves_is_text(kind: str) -> None:
    lines = [f"▅▅ {line} x▅y \ufdd0" for line in TEXT]
    tokenizer = Tokenizer(train_tokenizer(lines, kind, 400, exact=False), "blocks")
    assert tokenizer.decode(tokenizer.encode(lines)) == lines
    pieces = tokenizer.pieces(range(tokenizer.size))
    assert any("▅" in piece for piece in pieces)
    assert "".join(tokenizer.pieces(tokenizer.encode(["x▅y"])[0])) == "▁x▅y", "it is spelled by bytes"
    every = [chr(code) for code in range(0xFDD0, 0xFDF0)]
    tokenizer = Tokenizer(train_tokenizer([*lines, *every], kind, 400, exact=False), "no stand-in is left")
    assert tokenizer.decode(tokenizer.encode(lines)) == lines


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
@pytest.mark.parametrize(
    "text", [["a"], ["가"], ["▁a"], ["▅"], ["▅ a"], ["a b", "c d"], ["\x00x"], ["word " * 20_000], TEXT]
)
def test_a_soft_size_always_fits(kind: str, text: list[str]) -> None:
    tokenizer = Tokenizer(train_tokenizer(text, kind, 8000, exact=False), "soft")
    assert 260 < tokenizer.first_reserved <= 8000
    assert tokenizer.decode(tokenizer.encode(text)) == [one_line(normal(line)) for line in text]


def test_a_small_vocabulary_leaves_rare_characters_to_the_bytes() -> None:
    common = ["가나다라 마바사아"] * 2000
    rare = [chr(code) for code in range(0x4E00, 0x4E00 + 200)]
    tokenizer = Tokenizer(train_tokenizer([*common, *rare], "unigram", 300, exact=False), "small")
    assert tokenizer.first_reserved <= 300
    assert tokenizer.decode(tokenizer.encode(rare)) == rare


@pytest.mark.parametrize("space", ["", " "])
def test_a_long_line_is_learned_to_its_end(space: str) -> None:
    line = space.join(["가나다라"] * 3000 + ["마바사"] * 300)
    tokenizer = Tokenizer(train_tokenizer([line], "unigram", 300, exact=False), "long")
    assert not any(piece.startswith("<0x") for piece in tokenizer.pieces(tokenizer.encode(["마바사"])[0]))


def test_learning_from_nothing_is_a_data_error() -> None:
    for text in ([], [""], [" "], ["▁"]):
        with pytest.raises(DataError, match="there is no text to learn a vocabulary from"):
            train_tokenizer(text, "unigram", 300)


def test_sentencepiece_keeps_its_log_to_itself() -> None:
    code = (
        "from nmt.text.tokenizer import train_tokenizer\n"
        "train_tokenizer(['a b c', 'd e f'], 'unigram', 8000, exact=False)\n"
        "try: train_tokenizer(['a b c', 'd e f'], 'bpe', 8000)\n"
        "except Exception: pass"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert (done.stdout, done.stderr) == ("", "")


def test_a_model_is_loaded_from_its_file(tmp_path: Path) -> None:
    (tmp_path / "m.model").write_bytes(MODEL)
    assert Tokenizer.load(tmp_path / "m.model").first_reserved == SIZE
    with pytest.raises(MissingInputError, match=r"absent\.model"):
        Tokenizer.load(tmp_path / "absent.model")


def foreign_model(**options: Any) -> bytes:
    """A SentencePiece model made with its own defaults."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXT),
        model_writer=model,
        vocab_size=100,
        hard_vocab_limit=False,
        minloglevel=5,
        **options,
    )
    return model.getvalue()


OURS = dict(pad_id=0, unk_id=1, bos_id=2, eos_id=3)


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (b"", "not a SentencePiece model"),
        (b"garbage", "not a SentencePiece model"),
        (MODEL[: len(MODEL) // 2], "m.model"),
        (foreign_model(), "does not begin with the pieces <pad> <unk> <s> </s>"),
        (foreign_model(**OURS), "no pieces for bytes"),
    ],
    ids=["empty", "garbage", "cut", "other ids", "no bytes"],
)
def test_a_broken_or_foreign_model_is_a_data_error_that_names_it(tmp_path: Path, model: bytes, reason: str) -> None:
    (tmp_path / "m.model").write_bytes(model)
    with pytest.raises(DataError, match=reason) as caught:
        Tokenizer.load(tmp_path / "m.model")
    assert "m.model" in str(caught.value)


@pytest.mark.parametrize("name", ["ko-en-news/valid.ko", "ko-en-news/valid.en", "multi30k/valid.de"])
def test_real_text_survives(name: str) -> None:
    folder, file = name.split("/")
    text = (real_text(folder) / file).read_text(encoding="utf-8").split("\n")
    tokenizer = Tokenizer(train_tokenizer(text[:500], "unigram", 1600, exact=False), "real")
    assert tokenizer.decode(tokenizer.encode(text)) == [one_line(normal(line)) for line in text]


def test_a_character_is_strange_when_the_vocabulary_has_neither_it_nor_letters_of_its_script() -> None:
    tokenizer = Tokenizer(train_tokenizer(["나는 간다.", "I go."] * 20, "unigram", 300, False), "test")
    for text, expected in (("나는 간다. I go", False), ("", False), ("간다 😀", True), ("간다 Z", True), ("쁠", True)):
        assert tokenizer.has_bytes(tokenizer.encode([text])[0]) == expected
    strange = [character for character in '나Zz쁠 .😀"я漢' if tokenizer.is_strange(character)]
    assert strange == [*'😀"я漢']
