"""Folders to import from strangers: whatever is in them, they become a model that works, or one line says why not."""

import io
import json
import re
import shutil
import sys
import zipfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

import foreign
import numpy as np
import pytest
import torch
from conftest import nmt
from torture.mutations import BYTES, OBJECTS, STRUCTURE, Mutation, change_json
from torture.strangers import CODES, Folder, tried, wrong_end
from torture.vocabulary import change_pieces, change_settings

from nmt.config import SearchOptions
from nmt.decoding.translator import Translator
from nmt.errors import DataError, NmtError
from nmt.store.imported import import_model
from nmt.store.imported.marian_yaml import read_settings, read_vocabulary

Dice = Random
LINE = "나는 the red 집에서 <s> ▁ 龘."
linux = pytest.mark.skipif(sys.platform != "linux", reason="forks, and measures memory as Linux does")


def change_lines(data: bytes, dice: Dice) -> bytes:
    """Change a line of YAML."""
    lines = data.decode().splitlines()
    odd = ["[", "- a", "a: b", '"\\x0G": 1', '"\\ud800": 3', "!!python/object:os.system x: 1", "&a [*a]", "x" * 10**5]
    odd += ["? long", ": 3", "</s>: 0", "a: 99999999999999999999", "a: -1", "a: 1e3", '"a: 7', "models: /etc/passwd"]
    odd += ["vocabs: [../../x, y]", "vocabs:\n  - vocab.yml", "\0", "\ufeffa: 1", "a:1", "  deep:\n    deeper: 1"]
    for _ in range(dice.choice((1, 1, 2, 5))):
        place = dice.randrange(len(lines))
        match dice.randrange(4):
            case 0:
                del lines[place]
                lines = lines or [""]
            case 1:
                lines.insert(place, dice.choice(lines))
            case 2:
                lines[place] = dice.choice(odd)
            case _:
                lines[place] = lines[place].partition(":")[0] + dice.choice(
                    (": 0", ": -1", ":", ": true", ": []", ": 3")
                )
    return "\n".join(lines).encode()


def change_arrays(data: bytes, dice: Dice) -> bytes:
    """Write an archive with other entries: an array of objects, of another shape or type, compressed, twice."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    name = dice.choice([*entries, "special:model.yml.npy"])
    match dice.randrange(8):
        case 0:
            entries.pop(name)
        case 1:
            entries[name] = as_npy(np.array([{"a": 1}], object))
        case 2:
            entries[name] = as_npy(np.zeros(dice.choice(((0,), (3, 5), (16, 16, 16), (1,) * 30)), np.float32))
        case 3:
            entries[name] = as_npy(
                np.full((16, 16), dice.choice((np.nan, np.inf, 1e38)), dice.choice(("<f4", "<f8", ">f4")))
            )
        case 4:
            shape = dice.choice(
                (b"(9999999999, 9999999999)", b"(-1,)", b"()", b"(True,)", b"'a'", b"((((1,),),),)", b"(1e9,)")
            )
            entries[name] = re.sub(rb"\([0-9, ]*\)", shape, entries[name], count=1)
        case 5:
            settings = np.frombuffer(change_lines(settings_of(entries), dice) + b"\0", np.int8)
            entries["special:model.yml.npy"] = as_npy(settings)
        case 6:
            entries[dice.choice(("x", "../x.npy", "/etc/passwd", "a" * 60_000))] = entries[name]
        case _:
            entries[name] = as_npy(np.zeros((500, 500), np.float32))
    written = io.BytesIO()
    kind = dice.choice((zipfile.ZIP_STORED, zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
    with zipfile.ZipFile(written, "w", kind) as archive:
        for key, value in entries.items():
            archive.writestr(key, value)
    return written.getvalue()


def settings_of(entries: Mapping[str, bytes]) -> bytes:
    array: Any = np.load(io.BytesIO(entries["special:model.yml.npy"]), allow_pickle=False)
    return bytes(array.tobytes().rstrip(b"\0"))


def as_npy(array: Any) -> bytes:
    written = io.BytesIO()
    np.save(written, array)
    return written.getvalue()


KINDS: Mapping[str, Sequence[Mutation]] = {
    "model.safetensors": STRUCTURE["model.safetensors"],
    "config.json": (change_json,),
    "generation_config.json": (change_json,),
    "tokenizer_config.json": (change_json,),
    "vocab.json": (change_json,),
    "source.spm": (change_pieces, change_settings),
    "target.spm": (change_pieces, change_settings),
    "model.npz": (change_arrays,),
    "vocab.yml": (change_lines,),
    "decoder.yml": (change_lines,),
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[Folder]:
    """A folder of each kind, as bytes of its files."""
    torch.set_num_threads(1)  # a forked child has no other threads, and would wait for them
    place = tmp_path_factory.mktemp("folders")
    models = foreign.spm(foreign.text("ko", 200), 300), foreign.spm(foreign.text("en", 200), 300)
    made = foreign.write_hugging_face(place / "hf", models), foreign.write_marian(place / "marian", models)
    for folder in made:
        work(folder, place / "warm")  # so that a child has nothing to import
        shutil.rmtree(place / "warm")
    return [{path.name: path.read_bytes() for path in folder.iterdir()} for folder in made]


def work(folder: Path, model: Path) -> list[list[Any]]:
    """Import a folder, and translate a line by the model; for each, nothing or the error's [exit code, message]."""
    try:
        import_model(folder, model)
        options = SearchOptions(beam_size=2, max_length_factor=0.1)
        translator = Translator.load(model, options, device="cpu", threads=1, engine="torch")
        (translation,) = translator.translate([LINE])
    except NmtError as error:
        return [[error.exit_code, str(error)]]
    assert len(f"{translation.text}!".splitlines()) == 1, f"not one line: {translation.text!r}"
    return [[]]


def mutate(folder: Path, files: Folder, dice: Dice) -> str:
    """Write the files with one of them mutated; returns what was done."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    name = dice.choice(list(files))
    for other, data in files.items():
        if other != name:
            (folder / other).write_bytes(data)
    if dice.random() < 0.06:
        maker = dice.choice(OBJECTS)
        maker(folder / name)
        return f"{name}: {maker.__name__}"
    mutation = dice.choice(BYTES if dice.random() < 0.3 else KINDS[name])
    (folder / name).write_bytes(mutation(files[name], dice))
    return f"{name}: {mutation.__name__}"


def trials(folders: Sequence[Folder], place: Path, count: int, seed: int) -> Counter[str]:
    """How many mutated folders were refused, and how many work. Fails where one does neither."""
    outcomes: Counter[str] = Counter()
    wrong = []
    for trial in range(count):
        dice = Random(f"{seed} {trial}")
        files = folders[trial % len(folders)]
        done = mutate(place / "folder", files, dice)
        shutil.rmtree(place / "model", ignore_errors=True)
        end = tried(lambda: work(place / "folder", place / "model"))
        if failure := wrong_end(end, max(map(len, files.values())), CODES):
            wrong.append(f"trial {trial} of seed {seed}, {done}: {failure}")
        outcomes["refused" if end.said and end.said[0] else "works"] += 1
    assert not wrong, "\n".join(wrong)
    return outcomes


@linux
def test_mutated_folders_work_or_are_refused_in_one_line(folders: list[Folder], tmp_path: Path) -> None:
    outcomes = trials(folders, tmp_path, 60, seed=1)
    assert outcomes["refused"] > 30


@linux
@pytest.mark.slow
def test_a_thousand_mutated_folders_are_refused_in_one_line_and_the_others_work(
    folders: list[Folder], tmp_path: Path
) -> None:
    outcomes = trials(folders, tmp_path, 1500, seed=2)
    assert outcomes["refused"] > 1000


def refusal(folder: Path, model: Path) -> str:
    """What is said when a folder is imported; nothing is left behind."""
    result = nmt("import", folder, "-o", model)
    assert result.returncode in CODES
    assert result.stderr.count("\n") == 1
    assert not model.exists()
    return result.stderr


def test_a_pickle_alone_is_never_opened_and_the_line_says_how_to_get_safetensors(
    folders: list[Folder], tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for name, data in folders[0].items():
        (folder / name.replace("model.safetensors", "pytorch_model.bin")).write_bytes(data)
    said = refusal(folder, tmp_path / "model")
    assert "is a pickle, which can run code and is never opened; get model.safetensors" in said
    assert f"from_pretrained('{folder}').save_pretrained(" in said


def test_an_array_of_objects_is_not_unpickled(folders: list[Folder], tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (tmp_path / "opened",)

    folder = tmp_path / "folder"
    folder.mkdir()
    for name, data in folders[1].items():
        (folder / name).write_bytes(data)
    with zipfile.ZipFile(folder / "model.npz", "a") as archive:
        archive.writestr("Bomb.npy", as_npy(np.array([Bomb()], object)))
    assert "array 'Bomb' is of the type 'object'" in refusal(folder, tmp_path / "model")
    assert not (tmp_path / "opened").exists()


@pytest.mark.parametrize(("old", "new"), [(b"}", b" "), (b"{", b"("), (b"'<f4'", b"(()) "), (b"'descr'", b"[{}, 1]")])
def test_a_header_that_is_no_python_is_refused(old: bytes, new: bytes, folders: list[Folder], tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for name, data in folders[1].items():
        (folder / name).write_bytes(data)
    array = as_npy(np.zeros((2, 2), np.float32))
    assert old in array[:128]
    with zipfile.ZipFile(folder / "model.npz", "a") as archive:
        archive.writestr("Wrong.npy", array[:128].replace(old, new, 1) + array[128:])
    assert "array 'Wrong' " in refusal(folder, tmp_path / "model")


def changed_config(folders: list[Folder], place: Path, file: str, **changes: Any) -> Path:
    place.mkdir()
    for name, data in folders[0].items():
        (place / name).write_bytes(data)
    table = json.loads(folders[0][file]) | changes
    (place / file).write_text(json.dumps(table), encoding="utf-8")
    return place


@pytest.mark.parametrize(
    ("file", "changes", "words"),
    [
        ("config.json", {"model_type": "t5"}, "has the model_type 't5'"),
        ("config.json", {"normalize_before": True}, "has normalize_before"),
        ("config.json", {"activation_function": "tanh"}, "has activation_function 'tanh'"),
        ("config.json", {"decoder_ffn_dim": 48}, "has decoder_ffn_dim 48"),
        ("config.json", {"decoder_layers": 2}, "tensor model.decoder.layers.1.encoder_attn.k_proj.bias is missing"),
        (
            "config.json",
            {"encoder_attention_heads": 3, "decoder_attention_heads": 3},
            "not a multiple of model.heads 3",
        ),
        ("generation_config.json", {"eos_token_id": 5}, "has eos_token_id 5"),
        ("config.json", {"scale_embedding": "yes"}, "has scale_embedding 'yes'"),
        ("vocab.json", {"one more": 0}, "does not number"),
        ("generation_config.json", {"decoder_start_token_id": 10**6}, "has decoder_start_token_id 1000000"),
    ],
)
def test_what_the_transformer_cannot_be_is_refused_by_its_name(
    file: str, changes: dict[str, Any], words: str, folders: list[Folder], tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=re.escape(words)):
        import_model(changed_config(folders, tmp_path / "folder", file, **changes), tmp_path / "model")


def test_a_model_of_several_target_languages_is_refused(folders: list[Folder], tmp_path: Path) -> None:
    row_of = json.loads(folders[0]["vocab.json"])
    renamed = {(">>fra<<" if row == 7 else name): row for name, row in row_of.items()}
    folder = changed_config(folders, tmp_path / "folder", "config.json")
    (folder / "vocab.json").write_text(json.dumps(renamed), encoding="utf-8")
    with pytest.raises(DataError, match="several target languages, such as >>fra<<"):
        import_model(folder, tmp_path / "model")


def test_yaml_of_marian_is_read_as_its_parser_writes_it() -> None:
    written = 'type: transformer\nlist:\n  - 1\n  - "a b"\nempty:\n  []\ninline: [1, \'2\']\nnone: ""\n'
    assert read_settings(written) == {
        "type": "transformer",
        "list": ["1", "a b"],
        "empty": [],
        "inline": ["1", "2"],
        "none": "",
    }
    vocabulary = '</s>: 0\n"\\"": 1\n\'it\'\'s\': 2\n"\\x85": 3\na:b: 4\n? long\n: 5\n"\\u2028": 6\n'
    assert read_vocabulary(vocabulary) == {"</s>": 0, '"': 1, "it's": 2, "\x85": 3, "a:b": 4, "long": 5, "\u2028": 6}


@pytest.mark.parametrize(
    "text", ["a", "a: 0\na: 1", "a: 0\nb: 0", "? a", "? a\nb: 1", "a: 1x", '"\\ud800": 0', "a: -1"]
)
def test_what_is_no_vocabulary_of_marian_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"it"):
        read_vocabulary(text)
