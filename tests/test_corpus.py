"""Readers of corpora, samples of them, and rows on disk."""

import gzip
import lzma
from collections.abc import Callable
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from nmt.corpus import parallel
from nmt.corpus.ledger import Ledger
from nmt.corpus.parallel import find_corpus, read_chunks, read_pairs
from nmt.corpus.shards import Ragged, Split, SplitWriter, id_type
from nmt.corpus.survey import Sample
from nmt.corpus.verdicts import EMPTY, VerdictNames
from nmt.corpus.vocabulary import auto_size
from nmt.disk.files import create_binary, sha256
from nmt.errors import DataError, MissingInputError
from nmt.text.lines import LONGEST_LINE

PAIRS = [("나는 간다.", "I go."), ("", "nothing"), ("a\x85b\u2028c", "d")]


@pytest.mark.parametrize(
    ("ending", "compress"),
    [("", bytes), (".gz", gzip.compress), (".xz", lzma.compress), (".zst", zstandard.compress)],
)
@pytest.mark.parametrize("tsv", [False, True])
def test_a_corpus_is_read_by_prefix_or_tsv_plain_or_compressed(
    tmp_path: Path, ending: str, compress: Callable[[bytes], bytes], tsv: bool
) -> None:
    if tsv:
        path = tmp_path / f"some.corpus.tsv{ending}"
        path.write_bytes(compress("".join(f"{source}\t{target}\r\n" for source, target in PAIRS).encode()))
    else:
        path = tmp_path / "some.corpus"
        for side, language in enumerate(("ko", "en")):
            text = "".join(f"{pair[side]}\n" for pair in PAIRS).encode()
            (tmp_path / f"some.corpus.{language}{ending}").write_bytes(compress(text))
    assert list(read_pairs(find_corpus(path, "ko", "en"))) == PAIRS


def test_the_two_sides_may_be_compressed_in_two_ways(tmp_path: Path) -> None:
    (tmp_path / "c.ko.gz").write_bytes(gzip.compress(b"a\n"))
    (tmp_path / "c.en.xz").write_bytes(lzma.compress(b"b"))
    assert list(read_pairs(find_corpus(tmp_path / "c", "ko", "en"))) == [("a", "b")]


def test_a_missing_side_is_named(tmp_path: Path) -> None:
    (tmp_path / "c.ko").write_text("a\n")
    for path, name in ((tmp_path / "c", "c.en"), (tmp_path / "c.ko", "c.ko.ko"), (tmp_path / "c.tsv.gz", "c.tsv.gz")):
        with pytest.raises(MissingInputError, match=f"there is no file .*{name}"):
            find_corpus(path, "ko", "en")


@pytest.mark.parametrize("name", ["c.en-US", "c.eng.gz", "c.eng_Latn.zst", "c.EN"])
def test_a_side_is_found_by_another_code_of_its_language(tmp_path: Path, name: str) -> None:
    for file in ("c.ko", "c.de", "c.new", "c.tok.en", "c.en.bak", "d.en", name):
        (tmp_path / file).write_text("a\n")
    assert find_corpus(tmp_path / "c", "ko", "en").files == (tmp_path / "c.ko", tmp_path / name)
    (tmp_path / "c.en.xz").write_text("a\n")
    assert find_corpus(tmp_path / "c", "ko", "en").files[1] == tmp_path / "c.en.xz", "the very code comes first"


def test_several_files_of_a_language_are_refused_with_their_names(tmp_path: Path) -> None:
    for file in ("c.ko", "c.en-US", "c.en_GB.gz", "c.en_GB"):
        (tmp_path / file).write_text("a\n")
    with pytest.raises(DataError, match=r"no file .*c\.en, but several of its language: .*c\.en-US, .*c\.en_GB;"):
        find_corpus(tmp_path / "c", "ko", "en")
    assert find_corpus(tmp_path / "c", "ko", "en-GB").files[1].name == "c.en_GB"


@pytest.mark.parametrize("name", ["c.de_CH", "c.de-CH", "c.deu", "c.DE-ch.gz"])
def test_a_file_of_the_other_side_or_of_either_is_not_taken(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("a\n")
    for languages in (("de", "de_CH"), ("de_CH", "de")):
        with pytest.raises(MissingInputError, match=r"there is no file .*c\.de"):
            find_corpus(tmp_path / "c", *languages)
    (tmp_path / "c.de_AT").write_text("a\n")
    if name == "c.de-CH":
        assert [file.name for file in find_corpus(tmp_path / "c", "de", "de_CH").files] == ["c.de_AT", name]


@pytest.mark.parametrize(("sources", "targets", "short"), [(3, 5, "c.ko"), (5, 3, "c.en"), (0, 1, "c.ko")])
def test_unequal_sides_name_the_line_where_one_ends(tmp_path: Path, sources: int, targets: int, short: str) -> None:
    (tmp_path / "c.ko").write_text("a\n" * sources)
    (tmp_path / "c.en").write_text("b\n" * targets)
    message = f"{short} ends before line {min(sources, targets) + 1}, but .* has more lines"
    with pytest.raises(DataError, match=message):
        list(read_pairs(find_corpus(tmp_path / "c", "ko", "en")))


@pytest.mark.parametrize(("line", "tabs"), [("no tab", 0), ("a\tb\tc", 2), ("", 0)])
def test_a_tsv_line_has_one_tab(tmp_path: Path, line: str, tabs: int) -> None:
    (tmp_path / "c.tsv").write_text(f"a\tb\n{line}\n")
    with pytest.raises(DataError, match=rf"c\.tsv line 2 has {tabs} tabs, not 1"):
        list(read_pairs(find_corpus(tmp_path / "c.tsv", "ko", "en")))


def test_an_empty_file_and_broken_text_are_named(tmp_path: Path) -> None:
    (tmp_path / "c.tsv").write_bytes(b"")
    with pytest.raises(DataError, match=r"c\.tsv line 1 is missing: the file is empty"):
        list(read_pairs(find_corpus(tmp_path / "c.tsv", "ko", "en")))
    (tmp_path / "d.ko").write_bytes(b"a\nb\n")
    (tmp_path / "d.en").write_bytes(b"a\n\xc3\x28\n")
    with pytest.raises(DataError, match=r"d\.en line 2 byte 1 is not UTF-8"):
        list(read_pairs(find_corpus(tmp_path / "d", "ko", "en")))


def test_chunks_hold_all_pairs_in_order_and_bounded_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "CHUNK_PAIRS", 4)
    monkeypatch.setattr(parallel, "CHUNK_CHARACTERS", 100)
    pairs = [(str(number), "x" * (90 if number == 6 else 1)) for number in range(11)]
    (tmp_path / "c.tsv").write_text("".join(f"{source}\t{target}\n" for source, target in pairs))
    chunks = list(read_chunks(find_corpus(tmp_path / "c.tsv", "ko", "en")))
    assert [pair for chunk in chunks for pair in chunk] == pairs
    assert [len(chunk) for chunk in chunks] == [4, 4, 3]
    monkeypatch.setattr(parallel, "CHUNK_CHARACTERS", 90)
    assert [len(chunk) for chunk in read_chunks(find_corpus(tmp_path / "c.tsv", "ko", "en"))] == [4, 3, 4]


@pytest.mark.parametrize(("kept", "expected"), [(0, 0), (1, 0), (19, 0), (20, 1), (1000, 50), (30_000, 1000)])
def test_one_pair_in_twenty_is_held_out_and_at_most_a_thousand(kept: int, expected: int) -> None:
    ledgers = [
        Ledger(np.zeros(2 * kept, np.uint8), np.zeros(2 * kept, np.float32), np.zeros(0, np.float32), [])
        for _ in range(2)
    ]
    for ledger, block in zip(ledgers, (1 << 20, 7), strict=True):
        ledger.verdicts[1::2] = EMPTY
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("nmt.corpus.ledger.BLOCK", block)
            ledger.hold_out(seed=1)
    assert VerdictNames([]).count(ledgers[0].verdicts) == {
        name: count for name, count in (("empty", kept), ("held-out", expected)) if count
    }
    assert (ledgers[0].verdicts == ledgers[1].verdicts).all()


@pytest.mark.parametrize(("limit", "stride"), [(100, 1), (50, 2), (49, 4), (13, 8), (1, 128)])
def test_a_sample_is_every_nth_pair_however_they_come(limit: int, stride: int) -> None:
    pairs = [(str(number), f"t{number}") for number in range(100)]
    whole, parts = Sample(9, limit), Sample(9, limit)
    whole.add(pairs)
    for start in range(0, 100, 7):
        parts.add(pairs[start : start + 7])
    verdicts = np.zeros(100, np.uint8)
    assert whole.kept(verdicts) == parts.kept(verdicts) == whole.pairs == pairs[::stride]
    verdicts[0] = EMPTY
    assert pairs[0] not in whole.kept(verdicts)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=60), st.integers(1, 20), st.integers(14, 99))
def test_a_sample_is_bounded_in_pairs_and_characters_and_has_no_overlong_side(
    lengths: list[tuple[int, int]], most: int, characters: int
) -> None:
    pairs = [("s" * source, "t" * target) for source, target in lengths]
    sample = Sample(7, most, characters)
    sample.add(pairs)
    held = sample.kept(np.zeros(len(pairs), np.uint8))
    assert len(held) <= most
    assert sum(map(len, chain(*held))) <= characters

    def every(stride: int) -> list[tuple[str, str]]:
        return [pair for pair in pairs[::stride] if max(map(len, pair)) <= 7]

    # The whole stream at the smallest stride that fits, as long as the pairs that came later do not matter.
    fitting = [n for n in range(7) if len(every(2**n)) <= most and sum(map(len, chain(*every(2**n)))) <= characters]
    assert held == every(2 ** fitting[0])


def test_a_line_of_over_a_megabyte_is_refused_by_its_number(tmp_path: Path) -> None:
    (tmp_path / "c.ko").write_text("a\n" + "b" * (LONGEST_LINE - 1) + "\n" + "c" * LONGEST_LINE + "\n")
    (tmp_path / "c.en.gz").write_bytes(gzip.compress(b"a\nb\nc\n"))
    pairs = read_pairs(find_corpus(tmp_path / "c", "ko", "en"))
    assert [len(next(pairs)[0]) for _ in range(2)] == [1, LONGEST_LINE - 1]
    with pytest.raises(DataError, match=r"c\.ko line 3 has over 1048576 bytes"):
        next(pairs)


@pytest.mark.parametrize("ending", ["", ".gz", ".xz", ".zst"])
def test_a_corpus_is_held_to_its_hashes_at_the_end_of_each_file(tmp_path: Path, ending: str) -> None:
    with create_binary(tmp_path / f"c.tsv{ending}") as file:
        file.write(b"a\tb\nc\td\n")
    corpus = find_corpus(tmp_path / f"c.tsv{ending}", "ko", "en")
    held = replace(corpus, hashes=(sha256(corpus.files[0]),))
    assert list(read_pairs(held)) == [("a", "b"), ("c", "d")]
    with create_binary(corpus.files[0]) as file:
        file.write(b"a\tb\nc\tX\n")
    assert list(read_pairs(corpus)) == [("a", "b"), ("c", "X")]
    with pytest.raises(DataError, match=r"c\.tsv.* changed while it was read"):
        list(read_pairs(held))


def test_the_fitted_vocabulary_grows_with_lines_words_and_characters() -> None:
    many = 10**9
    sizes = [auto_size(lines, many, 0) for lines in range(0, 5_000_000, 997)]
    assert sizes == sorted(sizes)
    sizes = [auto_size(many, words, 0) for words in range(0, 200_000, 97)]
    assert sizes == sorted(sizes)
    sizes = [auto_size(1000, many, characters) for characters in range(0, 10_000, 97)]
    assert sizes == sorted(sizes)


@pytest.mark.parametrize(
    ("pairs", "size"),
    [
        (5000, 6500),
        (27_000, 11_500),
        (29_000, 12_000),
        (400_000, 12_000),
        (10**6, 16_500),
        (7_600_000, 32_000),
        (10**8, 32_000),
    ],
)
def test_the_fitted_vocabulary_is_what_its_source_says(pairs: int, size: int) -> None:
    assert auto_size(2 * pairs, 10**9, 100) == size


def test_few_words_or_many_characters_bound_the_fitted_vocabulary() -> None:
    assert auto_size(32_000, 5000, 70) == 1700
    assert 3000 < auto_size(2000, 20_000, 3000) < 4000


def appended_in(folder: Path) -> Callable[[str], BinaryIO]:
    """Opens files of a folder at their ends."""
    return lambda name: (folder / name).open("ab")


ROWS = st.lists(st.tuples(st.lists(st.integers(4, 70_000), max_size=5), st.lists(st.integers(4, 60_000), max_size=5)))


@settings(max_examples=50, deadline=None)
@given(st.lists(ROWS, max_size=4), st.integers(1, 5))
def test_rows_come_back_from_the_shards(
    tmp_path_factory: pytest.TempPathFactory, corpora: list[list[tuple[list[int], list[int]]]], shard_rows: int
) -> None:
    folder = tmp_path_factory.mktemp("shards")
    writer = SplitWriter(appended_in(folder), "train", 70_001, 65_536, shard_rows)
    for number, rows in enumerate(corpora):
        writer.append(Ragged.of([source for source, _ in rows]), Ragged.of([target for _, target in rows]), number)
        writer.close()  # another goes on
        writer = SplitWriter(appended_in(folder), "train", 70_001, 65_536, shard_rows, writer.state)
    writer.close()
    split = Split(folder, "train", 70_001, 65_536, shard_rows)
    written = [(number, source, target) for number, rows in enumerate(corpora) for source, target in rows]
    assert len(split) == writer.rows == len(written)
    backwards = np.arange(len(written))[::-1]
    sources, targets = split.ids(backwards)
    assert [
        (number, source.tolist(), target.tolist())
        for number, source, target in zip(split.corpus_ids(backwards), sources, targets, strict=True)
    ] == written[::-1]
    for row, (number, source, target) in enumerate(written):
        assert [[ids.tolist() for ids in side] for side in split.ids([row])] == [[source], [target]]
        assert split.corpus_ids([row]) == [number]
    lengths = [[len(source), len(target)] for _, source, target in written[::-1]]
    assert np.transpose(split.lengths(backwards)).tolist() == lengths


def test_ids_take_two_bytes_as_long_as_they_fit() -> None:
    assert [id_type(size).itemsize for size in (300, 65_535, 65_536, 65_537)] == [2, 2, 2, 4]


def test_a_missing_or_cut_shard_is_a_data_error(tmp_path: Path) -> None:
    writer = SplitWriter(appended_in(tmp_path), "train", 300, 300)
    writer.append(Ragged.of([[5, 6]]), Ragged.of([[7]]), 0)
    writer.close()
    table = tmp_path / "train-rows.bin"
    whole = table.read_bytes()
    table.write_bytes(whole[:-1])
    with pytest.raises(DataError, match=r"train-rows\.bin is damaged"):
        Split(tmp_path, "train", 300, 300)
    table.write_bytes(whole)
    (tmp_path / "train-00000.target.bin").unlink()
    with pytest.raises(DataError, match=r"train-00000\.target\.bin is missing"):
        Split(tmp_path, "train", 300, 300)
