"""CTranslate2 as the second engine: the translations of PyTorch, without importing torch."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import get_args

import pytest
import torch
from conftest import CORPUS, TinyRun, nmt, weights

from nmt.cli.export import ComputeType
from nmt.config import EngineOptions, ModelConfig, SearchOptions
from nmt.decoding.engine import Engine, Query, length_limit
from nmt.decoding.loading import load_engine, why_not_ctranslate2
from nmt.decoding.translator import Translator
from nmt.disk.manifest import write_manifest
from nmt.errors import DataError, NmtWarning, SettingsError
from nmt.model import build_model
from nmt.model.positions import sinusoids
from nmt.store.ctranslate2_cache import KIND
from nmt.store.ctranslate2_model import positions
from nmt.store.layout import PRODUCED, transformer_layout
from nmt.store.model_folder import ModelAbout, ModelFolder, export_model
from nmt.store.tensors import layout_of
from nmt.text.lines import one_line
from nmt.text.tokenizer import EOS

ctranslate2 = pytest.importorskip("ctranslate2")

BASE = ModelConfig(width=16, feed_forward=24, encoder_layers=2, decoder_layers=1, heads=2)
CONFIGS = {
    "pre-norm": BASE,
    "post-norm": replace(BASE, norm="post"),
    "learned positions": replace(BASE, positions="learned"),
    "dot": replace(BASE, attention_score="dot"),
    "untied": replace(BASE, tied_embeddings=False),
    "gelu": replace(BASE, activation="gelu"),
    "gelu-sigmoid": replace(BASE, activation="gelu-sigmoid", norm="post"),
    "swish, as OPUS-MT": replace(BASE, activation="swish", norm="post", positions="sines-first", output_bias=True),
    "bias, untied": replace(BASE, output_bias=True, tied_embeddings=False),
    "not scaled": replace(BASE, scaled_embeddings=False),
    "more layers below than above": replace(BASE, encoder_layers=1, decoder_layers=3, heads=4),
}
LINES = [
    "나는 학생이다.",
    "그가 집에 왔을 때 그녀는 음악을 듣고 있었다.",
    "",
    "집",
    "x" * 300,
    "나는 나는 나는 나는 나는",
]
SHORT = LINES[:4]  # where nothing depends on the search: the tiny run writes a thousand pieces for a long line


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def random_model(
    tiny_run: TinyRun, folder: Path, config: ModelConfig, separate: bool = False, ends: float = 0.0
) -> ModelFolder:
    """A model with random weights whose output is far from uniform, with the tokenizer of the tiny run.

    ``ends`` is added to the logit of </s>, where the config has an output bias.
    """
    tokenizer = (tiny_run.run / "model" / "tokenizer.model").read_bytes()
    names = ["tokenizer.model", "tokenizer.target.model"] if separate else ["tokenizer.model"]
    torch.manual_seed(3)
    model = build_model(config, 664, 664, not separate)
    for parameter in model.parameters():
        parameter.data.mul_(2.0).add_(0.1 * torch.randn_like(parameter))
    model.embeddings.produced.copy_(torch.rand(664) < 0.6)[: EOS + 1] = 1
    if model.embeddings.output_bias is not None:
        model.embeddings.output_bias.data[EOS] += ends
    about = ModelAbout(config, {"source": "ko", "target": "en"}, dict.fromkeys(names, tokenizer))
    export_model(folder, model.state_dict(), about, {})
    return ModelFolder.open(folder)


@pytest.mark.parametrize("joint", [True, False])
@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_the_layout_is_that_of_the_module(config: ModelConfig, joint: bool) -> None:
    sizes = (50, 50) if joint else (50, 40)
    with torch.device("meta"):
        state = build_model(config, *sizes, joint).state_dict()
    assert transformer_layout(config, *sizes, joint) == layout_of(state)


@pytest.mark.parametrize("sines_first", [False, True])
def test_the_table_of_positions_is_the_formula_of_the_model(sines_first: bool) -> None:
    actual = torch.from_numpy(positions(16, None, sines_first))
    expected = sinusoids(torch.arange(len(actual)), 16, sines_first=sines_first)
    assert torch.allclose(actual, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("config", "separate"),
    [*((config, False) for config in CONFIGS.values()), (BASE, True), (CONFIGS["untied"], True)],
    ids=[*CONFIGS, "two vocabularies", "two vocabularies, untied"],
)
def test_both_engines_find_the_same(tiny_run: TinyRun, tmp_path: Path, config: ModelConfig, separate: bool) -> None:
    random_model(tiny_run, tmp_path / "model", config, separate)
    for options in (
        SearchOptions(beam_size=1, max_length_factor=0.4),
        SearchOptions(beam_size=4, n_best=3, length_penalty=0.6, max_length_factor=0.4),
        SearchOptions(beam_size=5, length_penalty=1.4, max_length_factor=0.4),
    ):
        first, second = (
            list(Translator.load(tmp_path / "model", options, 200, "cpu", 1, engine).translate(LINES))
            for engine in ("torch", "ctranslate2")
        )
        for left, right in zip(first, second, strict=True):
            assert left.text == right.text
            assert left.score == pytest.approx(right.score, abs=5e-4)  # of 2 to 7: scores without 1/√E saturate
            assert [each.text for each in left.alternatives] == [each.text for each in right.alternatives]


@pytest.mark.parametrize(
    "options",
    [
        SearchOptions(beam_size=5, n_best=5),
        SearchOptions(beam_size=5),
        SearchOptions(beam_size=4, n_best=2, length_penalty=0.0),
        SearchOptions(beam_size=2, length_penalty=-1.0, no_repeat_ngram=2),
        SearchOptions(beam_size=1, min_length=4),
    ],
)
def test_a_limit_that_cuts_means_the_same_for_a_line_alone_in_a_batch_and_in_pytorch(
    tiny_run: TinyRun, tmp_path: Path, options: SearchOptions
) -> None:
    model = random_model(tiny_run, tmp_path / "model", replace(BASE, output_bias=True), ends=12.0)
    dice = Random(1)
    queries = [Query(dice.choices(range(EOS + 1, 600), k=dice.randint(1, 40))) for _ in range(60)]
    tight = replace(options, max_length_factor=0.4)
    kinds = [EngineOptions(threads=1, device="cpu", engine=engine) for engine in ("ctranslate2", "torch")]
    ours, torchs = (load_engine(model, tight, kind) for kind in kinds)
    alone = [pieces for query in queries for pieces in pieces_of(ours, [query], tight)]
    assert pieces_of(ours, queries, tight) == alone == pieces_of(torchs, queries, tight)
    limits = [query.limit(tight) for query in queries]
    cut = sum(len(found[0]) == limit for found, limit in zip(alone, limits, strict=True))
    assert 1 < cut < 59  # some lines are cut off, some end by themselves


def pieces_of(engine: Engine, queries: list[Query], options: SearchOptions) -> list[list[list[int]]]:
    return [[hypothesis.pieces for hypothesis in found] for found in engine.search(queries, options)]


@pytest.mark.parametrize("engine", ["torch", "ctranslate2"])
def test_only_produced_pieces_are_produced(tiny_run: TinyRun, tmp_path: Path, engine: str) -> None:
    folder = random_model(tiny_run, tmp_path / "model", BASE)
    produced = weights(tmp_path / "model")[PRODUCED].nonzero()[:, 0].tolist()
    assert 300 < len(produced) < 420
    options = SearchOptions(n_best=5, max_length_factor=1.0)
    actual = load_engine(folder, options, EngineOptions(device="cpu", threads=1, engine=engine)).search(
        [Query([77, 99, 300]), Query([12])], options
    )
    pieces = {piece for some in actual for hypothesis in some for piece in hypothesis.pieces}
    assert len(pieces) > 5
    assert pieces < set(produced)


@pytest.mark.parametrize("engine", ["torch", "ctranslate2"])
def test_a_model_that_may_not_produce_an_end_is_refused(tiny_run: TinyRun, tmp_path: Path, engine: str) -> None:
    about = random_model(tiny_run, tmp_path / "model", BASE)
    tensors = weights(tmp_path / "model")
    tensors[PRODUCED][EOS] = 0
    names = {"tokenizer.model": about.tokenizer_paths[0].read_bytes()}
    export_model(tmp_path / "bad", tensors, ModelAbout(BASE, {"source": "ko", "target": "en"}, names), {})
    with pytest.raises(DataError, match="lets no translation end"):
        load_engine(
            ModelFolder.open(tmp_path / "bad"), SearchOptions(), EngineOptions(device="cpu", threads=1, engine=engine)
        )


@pytest.mark.parametrize("engine", ["torch", "ctranslate2"])
def test_workers_and_batches_change_no_byte(engine: str, tiny_run: TinyRun, tmp_path: Path) -> None:
    random_model(tiny_run, tmp_path / "model", BASE)
    options = SearchOptions(beam_size=3, max_length_factor=1.0)
    actual = {
        (threads, batch_tokens): [
            (translation.text, round(translation.score, 4))
            for translation in Translator.load(
                tmp_path / "model", options, batch_tokens, "cpu", threads, engine
            ).translate(LINES * 5)
        ]
        for threads, batch_tokens in ((1, 2048), (2, 2048), (2, 60))
    }
    assert len({tuple(translation) for translation in actual.values()}) == 1


def test_int8_scores_nearly_as_float32_does_and_is_not_it(tiny_run: TinyRun) -> None:
    scores = {
        kind: [
            translation.score
            for translation in Translator.load(tiny_run.run, compute_type=kind).translate(["집", "나는 간다."])
        ]
        for kind in ("float32", "int8")
    }
    assert scores["int8"] != scores["float32"]
    assert scores["int8"] == pytest.approx(scores["float32"], rel=0.05)


@pytest.mark.parametrize("flags", [["--engine", "torch"], ["--device", "cuda"]])
def test_int8_is_refused_where_ctranslate2_does_not_search(tiny_run: TinyRun, flags: list[str]) -> None:
    result = nmt("translate", tiny_run.run, "--compute-type", "int8", *flags, input="집\n")
    assert result.returncode == 78
    assert re.fullmatch(r"nmt: error: .*only CTranslate2 computes in int8; leave --compute-type out\n", result.stderr)


def test_a_translation_by_ctranslate2_imports_no_torch(tiny_run: TinyRun, tmp_path: Path) -> None:
    nmt("translate", tiny_run.run, "--engine", "ctranslate2", input="집\n")  # makes the cache
    code = "import sys, nmt.cli\ntry: nmt.cli.main()\nexcept SystemExit: print('torch' in sys.modules, file=sys.stderr)"
    result = subprocess.run(
        [sys.executable, "-c", code, "translate", str(tiny_run.run)],
        input="집\n나\n",
        capture_output=True,
        encoding="utf-8",
        env={**os.environ},
    )
    assert result.stdout.count("\n") == 2
    assert result.stderr == "False\n"


def test_what_ctranslate2_cannot_do_is_done_by_torch_or_refused_in_words(tiny_run: TinyRun, tmp_path: Path) -> None:
    model = random_model(tiny_run, tmp_path / "model", replace(BASE, family="recurrent"))
    long, on_cpu = SearchOptions(max_length_factor=50.0), EngineOptions(device="cpu", threads=1)
    plain = ModelFolder.open(tiny_run.run / "model")
    for folder, options, words in ((model, SearchOptions(), "runs Transformers"), (plain, long, "`max_length_factor`")):
        assert words in why_not_ctranslate2(folder, options, "cpu")
        assert load_engine(folder, options, on_cpu).about()["engine"] == "torch"
        with pytest.raises(SettingsError, match=words):
            load_engine(folder, options, replace(on_cpu, engine="ctranslate2"))
    assert "device is mps" in why_not_ctranslate2(plain, SearchOptions(), "mps", is_asked=True)
    if ctranslate2.get_cuda_device_count():
        assert "which PyTorch uses" in why_not_ctranslate2(plain, SearchOptions(), "cuda")
    else:
        assert "device is cuda" in why_not_ctranslate2(plain, SearchOptions(), "cuda", is_asked=True)
    assert load_engine(plain, SearchOptions(), on_cpu).about()["engine"] == "ctranslate2"


def test_on_a_gpu_ctranslate2_translates_as_on_the_cpu_when_it_is_asked_for(tiny_run: TinyRun) -> None:
    if not ctranslate2.get_cuda_device_count():
        pytest.skip("no GPU that CTranslate2 could use")
    on_cpu, on_gpu = (Translator.load(tiny_run.run, engine="ctranslate2", device=name) for name in ("cpu", "cuda"))
    assert on_gpu.about()["device"] == "cuda"
    same = [
        left.text == right.text for left, right in zip(on_cpu.translate(LINES), on_gpu.translate(LINES), strict=True)
    ]
    assert sum(same) >= 0.9 * len(LINES)  # their sums differ in the last digits


def test_without_a_cache_translations_are_the_same(
    tiny_run: TinyRun, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_cache = [
        translation.text for translation in Translator.load(tiny_run.run, engine="ctranslate2").translate(SHORT)
    ]
    assert [path.name[:11] for path in (cache / "nmt").iterdir()] == ["ctranslate2"]
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.warns(NmtWarning, match="no cache"):
        assert [
            translation.text for translation in Translator.load(tiny_run.run, engine="ctranslate2").translate(SHORT)
        ] == with_cache


def test_damage_is_found_also_where_a_sound_copy_is_cached(tiny_run: TinyRun, tmp_path: Path, cache: Path) -> None:
    shutil.copytree(tiny_run.run / "model", tmp_path / "model")
    Translator.load(tmp_path / "model", engine="ctranslate2")
    weights = tmp_path / "model" / "model.safetensors"
    data = weights.read_bytes()
    weights.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(DataError, match=str(weights)):
        Translator.load(tmp_path / "model", engine="ctranslate2")
    weights.write_bytes(data)


def zero_a_block(copy: Path) -> None:
    """Overwrite a block with zeros, as a failing disk does: size and times stay."""
    path = copy / "model.bin"
    before, data = path.stat(), path.read_bytes()
    path.write_bytes(data[:4096] + bytes(4096) + data[8192:])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def hash_garbage(copy: Path) -> None:
    """Make a copy that matches its manifest but that CTranslate2 cannot read."""
    (copy / "model.bin").write_bytes(b"not a model")
    write_manifest(copy, {"kind": KIND})


@pytest.mark.parametrize(
    "damage",
    [
        zero_a_block,
        hash_garbage,
        lambda copy: os.truncate(copy / "model.bin", 5000),
        lambda copy: (copy / "config.json").unlink(),
        lambda copy: (copy / "manifest.json").write_bytes(bytes(100)),
        lambda copy: (copy / "manifest.json").write_text('{"kind": "model for CTranslate2", "files": {}}'),
    ],
    ids=["zeroed block", "unreadable", "cut", "missing", "manifest", "empty manifest"],
)
def test_a_damaged_copy_in_the_cache_is_made_anew(
    tiny_run: TinyRun, cache: Path, damage: Callable[[Path], object]
) -> None:
    def translations() -> list[str]:
        return [
            translation.text for translation in Translator.load(tiny_run.run, engine="ctranslate2").translate(SHORT)
        ]

    before = translations()
    (copy,) = cache.glob("nmt/*/*")
    files = {path.name: path.read_bytes() for path in copy.iterdir()}
    damage(copy)
    assert translations() == before
    assert {path.name: path.read_bytes() for path in copy.iterdir()} == files


def link_cache(cache: Path) -> None:
    cache.rename(cache.with_name("elsewhere"))
    cache.symlink_to(cache.with_name("elsewhere"))


def link_copy(cache: Path) -> None:
    (copy,) = cache.glob("*/*")
    copy.rename(copy.parent.parent / "elsewhere")
    copy.symlink_to(copy.parent.parent / "elsewhere")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (link_cache, "nmt is no folder"),
        (link_copy, "is no part of a model for CTranslate2"),
        (lambda cache: cache.chmod(0o770), "others can write to .*/nmt"),
        pytest.param(
            lambda cache: os.chown(cache, 12345, -1),
            "nmt is another user's",
            marks=pytest.mark.skipif(os.geteuid() != 0, reason="only root can make folders of others"),
        ),
    ],
)
def test_a_cache_that_others_may_have_made_is_not_used(
    tiny_run: TinyRun, cache: Path, change: Callable[[Path], None], reason: str
) -> None:
    expected = [
        translation.text for translation in Translator.load(tiny_run.run, engine="ctranslate2").translate(SHORT)
    ]
    (model_file,) = cache.glob("nmt/*/*/model.bin")
    model_file.write_bytes(planted := b"somebody else's")
    change(cache / "nmt")
    with pytest.warns(NmtWarning, match=f"no cache for CTranslate2: .*{reason}.*; the model is converted each time"):
        translator = Translator.load(tiny_run.run, engine="ctranslate2")
    assert [translation.text for translation in translator.translate(SHORT)] == expected
    assert {path.read_bytes() for path in cache.parent.rglob("model.bin")} == {planted}


def test_old_folders_behind_a_link_in_the_cache_stay(tiny_run: TinyRun, tmp_path: Path, cache: Path) -> None:
    (tmp_path / "victim" / "thesis").mkdir(parents=True)
    (cache / "nmt" / "ctranslate2-0.1").mkdir(parents=True)
    (cache / "nmt").chmod(0o700)
    (cache / "nmt" / "ctranslate2-old").symlink_to(tmp_path / "victim")
    (cache / "nmt" / "ctranslate2-0.1" / "link").symlink_to(tmp_path / "victim")
    (cache / "nmt" / "ctranslate2-0.1" / "notes").mkdir()
    (cache / "nmt" / "ctranslate2-0.1" / "notes" / "note.txt").touch()
    for path in [*(tmp_path / "victim").iterdir(), *(cache / "nmt" / "ctranslate2-0.1").iterdir()]:
        os.utime(path, (0, 0), follow_symlinks=False)
    Translator.load(tiny_run.run, engine="ctranslate2")
    assert (tmp_path / "victim" / "thesis").is_dir()
    assert {path.name for path in (cache / "nmt" / "ctranslate2-0.1").iterdir()} == {"link", "notes"}


WITHOUT_RIGHTS = """
import os, sys, warnings
from nmt import Translator
model, cache, temporary = sys.argv[1:]
warnings.simplefilter("always")
def lines(): return [found.text for found in Translator.load(model, engine="ctranslate2").translate(["나는 학생이다."])]
expected = lines()  # imports all there is to import
os.environ["TMPDIR"] = temporary
os.setgid(54321)
os.setuid(54321)
if cache:
    os.environ["XDG_CACHE_HOME"] = cache
else:
    del os.environ["XDG_CACHE_HOME"], os.environ["HOME"]
assert lines() == expected
assert os.listdir(temporary) == []
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become a user that the system does not know")
@pytest.mark.parametrize(
    ("has_cache", "reason"), [(True, "Permission denied"), (False, "this user has no home folder")]
)
def test_a_user_without_a_cache_is_told_so_in_one_line(
    tiny_run: TinyRun, tmp_path: Path, has_cache: bool, reason: str
) -> None:
    with tempfile.TemporaryDirectory() as place:  # pytest's own folder is closed to others
        shutil.copytree(tiny_run.run / "model", Path(place, "model"))
        Path(place, "temporary").mkdir()
        Path(place, "temporary").chmod(0o777)
        Path(place).chmod(0o755)
        closed = str(tmp_path / "closed") if has_cache else ""
        done = subprocess.run(
            [sys.executable, "-c", WITHOUT_RIGHTS, f"{place}/model", closed, f"{place}/temporary"],
            capture_output=True,
            encoding="utf-8",
        )
    assert done.returncode == 0, done.stderr
    assert f"NmtWarning: no cache for CTranslate2: {reason}" in done.stderr.replace(f"cannot create {closed}: ", "")
    assert done.stderr.count("Warning") == 1


def test_the_command_says_in_one_line_that_there_is_no_cache(tiny_run: TinyRun, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "file")}
    done = nmt("translate", tiny_run.run, "--engine", "ctranslate2", input="집\n", env=environment)
    assert done.returncode == 0
    assert re.fullmatch(
        rf"nmt: warning: no cache for CTranslate2: cannot create {tmp_path}/file: File exists; .*\n",
        done.stderr,
    )


def test_what_was_not_used_for_a_month_leaves_the_cache(tiny_run: TinyRun, tmp_path: Path, cache: Path) -> None:
    def use(seed: int) -> None:
        random_model(tiny_run, tmp_path / str(seed), replace(BASE, feed_forward=seed))
        Translator.load(tmp_path / str(seed), engine="ctranslate2")

    use(8)
    use(16)
    first, second = cache.glob("nmt/*/*")
    for path in (first, second):
        os.utime(path, (0, 0))
    names = {path.name for path in (first, second)}
    use(8)  # which makes it young again
    use(24)
    left = {path.name for path in cache.glob("nmt/*/*")}
    assert len(left) == 2
    assert len(left & names) == 1


def export(run: Path, out: Path, compute_type: str = "float32") -> Path:
    made = nmt("export", run, "--to", "ctranslate2", "-o", out, "--compute-type", compute_type)
    assert made.returncode == 0, made.stderr
    return out


def by_the_client(folder: Path, lines: list[str], limits: list[int]) -> list[str]:
    """The translations of the Python code in docs/export.md, with a length limit for each line."""
    import ctranslate2
    import sentencepiece

    model = ctranslate2.Translator(str(folder), inter_threads=2, intra_threads=1)
    names = [name for name in ("tokenizer.model", "tokenizer.target.model") if (folder / name).exists()]
    source, *others = [sentencepiece.SentencePieceProcessor(model_file=str(folder / name)) for name in names]
    target = others[0] if others else source
    pieces = source.encode(lines, out_type=str)
    answers = [""] * len(lines)
    for limit in set(limits):
        rows = [row for row, its in enumerate(limits) if its == limit]
        results = model.translate_batch(
            [pieces[row] for row in rows], beam_size=5, max_decoding_length=limit, max_batch_size=64
        )
        for row, result in zip(rows, results, strict=True):
            answers[row] = target.decode(result.hypotheses[0])
    return answers


@pytest.mark.parametrize("direction", ["ko-en", "en-ko"])
def test_the_client_gives_the_translations_of_the_program_for_1000_lines(
    tiny_run: TinyRun, tmp_path: Path, direction: str
) -> None:
    # Random weights, since a training of a few seconds knows one translation for all lines.
    random_model(tiny_run, tmp_path / "model", BASE, separate=direction == "en-ko")
    lines = (CORPUS / f"test.{direction[:2]}").read_text(encoding="utf-8").splitlines()
    translator = Translator.load(tmp_path / "model", SearchOptions(max_length_factor=0.3), engine="torch")
    ours = list(translator.translate(lines))
    limits = [length_limit(each.source_pieces, 0.3) for each in ours]
    theirs = [one_line(text) for text in by_the_client(export(tmp_path / "model", tmp_path / "out"), lines, limits)]
    assert len(set(theirs)) > 200
    assert [each.text for each in ours] == theirs


@pytest.mark.parametrize("compute_type", get_args(ComputeType))
def test_no_compute_type_of_an_export_lets_a_forbidden_piece_through(
    tiny_run: TinyRun, tmp_path: Path, compute_type: str
) -> None:
    import ctranslate2

    model = random_model(tiny_run, tmp_path / "model", BASE)
    target = model.tokenizers[1]
    produced = weights(tmp_path / "model")[PRODUCED].nonzero()[:, 0].tolist()
    allowed = set(target.pieces(sorted(set(produced) - set(target.control_ids()))))
    client = ctranslate2.Translator(str(export(tmp_path / "model", tmp_path / "out", compute_type)))
    lines = [target.pieces(ids) for ids in target.encode([line for line in LINES if line])]
    results = client.translate_batch(lines, beam_size=5, num_hypotheses=5, max_decoding_length=30)
    pieces = {piece for result in results for each in result.hypotheses for piece in each}
    assert len(pieces) > 5
    assert pieces <= allowed


def test_an_export_has_the_vocabulary(tiny_run: TinyRun, tmp_path: Path) -> None:
    out = export(tiny_run.run, tmp_path / "out")
    assert (out / "tokenizer.model").read_bytes() == (tiny_run.run / "model" / "tokenizer.model").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("direction", ["ko-en", "en-ko"])
def test_the_client_s_own_defaults_give_the_translations_of_a_trained_model(tmp_path: Path, direction: str) -> None:
    import ctranslate2
    import sentencepiece

    source, target = direction.split("-")
    for result in (
        nmt("prepare", "-s", source, "-t", target, "--train", CORPUS / "train", "-o", tmp_path / "data"),
        nmt(
            *("train", tmp_path / "data", "-o", tmp_path / "run", "--config", CORPUS / "demo.toml", "--steps", "700"),
            timeout=1800,
        ),
    ):
        assert result.returncode == 0, result.stderr
    lines = (CORPUS / f"test.{source}").read_text(encoding="utf-8").splitlines()
    translator = Translator.load(tmp_path / "run", SearchOptions(beam_size=2), engine="torch")
    ours = [translation.text for translation in translator.translate(lines)]
    folder = export(tmp_path / "run", tmp_path / "out")
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(folder / "tokenizer.model"))
    actual = ctranslate2.Translator(str(folder)).translate_batch(pieces.encode(lines, out_type=str), max_batch_size=64)
    assert ours == [pieces.decode(translation.hypotheses[0]) for translation in actual]
