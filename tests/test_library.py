"""The Python library in its host's process: after fork, in threads, in async programs, changing nothing global."""

import asyncio
import os
import pickle
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, get_args

import pytest
from conftest import CORPUS, ROOT, TinyRun

import nmt
from nmt import NmtError, SearchOptions, Translation, Translator
from nmt.cli import options
from nmt.config import EngineOptions
from nmt.decoding.engine import Query
from nmt.errors import SettingsError

ENGINES = ["torch", "ctranslate2"]
LINES = ["", "  ", *(CORPUS / "valid.ko").read_text(encoding="utf-8").splitlines()[:8]]
LONGEST_WAIT = 60.0  # seconds, after which a child hangs
loaded: Translator


@pytest.fixture(scope="module", params=ENGINES)
def translator(request: pytest.FixtureRequest, tiny_run: TinyRun) -> Translator:
    options = SearchOptions(beam_size=2, max_length_factor=0.5)
    return Translator.load(tiny_run.run, options, device="cpu", threads=2, engine=request.param)


def texts(translations: Iterator[Translation]) -> list[str]:
    return [translation.text for translation in translations]


def translate_in_child(lines: list[str]) -> tuple[int, list[str]]:
    return os.getpid(), texts(loaded.translate(lines))


# --- processes --------------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_children_forked_after_loading_translate_as_their_parent_does(translator: Translator) -> None:
    global loaded
    loaded = translator
    expected = texts(translator.translate(LINES))
    with ProcessPoolExecutor(2, mp_context=get_context("fork")) as pool:
        try:
            answers = [pool.submit(translate_in_child, LINES).result(LONGEST_WAIT) for _ in range(3)]
        except TimeoutError:
            for process in pool._processes.values():
                process.kill()
            raise
    assert [text for _, text in answers] == [expected] * 3
    assert os.getpid() not in {process for process, _ in answers}
    assert texts(translator.translate(LINES)) == expected, "the parent does not go on"


FORKS = """
import os, sys
from nmt import Translator
translator = Translator.load(sys.argv[1], device="cpu", threads=2, engine=sys.argv[2])
print(*[each.text for each in translator.translate(["나는 간다."])], flush=True)
if os.fork():
    _, status = os.wait()
    sys.exit(os.waitstatus_to_exitcode(status))
if sys.argv[3] == "translate":
    print(*[each.text for each in translator.translate(["나는 간다."])], flush=True)
del translator
sys.exit(3)
"""


@pytest.mark.parametrize("then", ["translate", "nothing"])
@pytest.mark.parametrize("engine", ENGINES)
def test_a_child_ends_by_itself_whatever_it_inherited(tiny_run: TinyRun, engine: str, then: str) -> None:
    """The child ends like gunicorn's workers, through Python's own shutdown, and not by ``os._exit``."""
    command = [sys.executable, "-W", "ignore", "-c", FORKS, str(tiny_run.run), engine, then]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8", start_new_session=True)
    try:
        out, _ = process.communicate(timeout=LONGEST_WAIT)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        raise
    assert process.returncode == 3
    assert len(set(out.splitlines())) == 1
    assert out.count("\n") == 1 + (then == "translate")


def test_a_child_with_its_parents_gpu_is_refused_in_words(tiny_run: TinyRun) -> None:
    import torch

    engine: Any = Translator.load(tiny_run.run, device="cpu", engine="torch").engine
    engine.device = torch.device("cuda")
    child = os.fork()
    if not child:
        try:
            engine.search([Query([5, 6])], SearchOptions())
        except SettingsError as error:
            os._exit(7 if "load the model in each process" in error.mend else 8)
        finally:
            os._exit(9)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


def test_a_translator_is_not_sent_to_another_process(translator: Translator) -> None:
    with pytest.raises(TypeError, match="load it in each process"):
        pickle.dumps(translator)
    error = SettingsError("what", "mend")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)  # noqa: S301  # made here


# --- threads ----------------------------------------------------------------------------------------------------------


def test_threads_that_share_a_translator_get_what_each_would_alone(translator: Translator) -> None:
    slices = [LINES[start : start + 3] for start in range(8)]
    alone = [texts(translator.translate(lines)) for lines in slices]
    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(lambda lines: texts(translator.translate(lines)), slices))
    assert together == alone


def test_an_async_program_goes_on_while_lines_are_translated(translator: Translator) -> None:
    async def program() -> tuple[list[list[str]], int]:
        steps = 0

        async def count() -> None:
            nonlocal steps
            while True:
                await asyncio.sleep(0)
                steps += 1

        counting = asyncio.create_task(count())
        work = [asyncio.to_thread(texts, translator.translate(LINES)) for _ in range(3)]
        answers = await asyncio.gather(*work)
        counting.cancel()
        return answers, steps

    answers, steps = asyncio.run(program())
    assert answers == [texts(translator.translate(LINES))] * 3
    assert steps > 3


def test_lines_that_come_slowly_are_answered_at_once(translator: Translator) -> None:
    expected = texts(translator.translate(LINES))
    answered: list[str] = []

    def slow() -> Iterator[str]:
        for number, line in enumerate(LINES):
            assert len(answered) == number
            yield line

    for translation in translator.translate(slow(), at_once=True):
        answered.append(translation.text)
    assert answered == expected


GLOBALS = """
import gc, locale, logging, os, random, signal, sys, threading, warnings
import numpy, torch
def state():
    import torch
    new = []
    thread = threading.Thread(target=lambda: new.append(torch.get_num_threads()))
    thread.start(); thread.join()
    return {
        "threads": torch.get_num_threads(), "threads of new threads": new, "across": torch.get_num_interop_threads(),
        "cudnn": torch.backends.cuda.cudnn_sdp_enabled(), "flash": torch.backends.cuda.flash_sdp_enabled(),
        "gradients": torch.is_grad_enabled(), "type": torch.get_default_dtype(), "device": torch.get_default_device(),
        "seed": torch.get_rng_state().sum().item(), "numpy": str(numpy.random.get_state()[1][:9]),
        "random": hash(random.getstate()), "environment": dict(os.environ), "here": os.getcwd(),
        "signals": {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE)},
        "warnings": list(warnings.filters), "locale": locale.setlocale(locale.LC_ALL), "hook": sys.excepthook,
        "thread hook": threading.excepthook, "streams": (sys.stdin, sys.stdout, sys.stderr), "path": list(sys.path),
        "log": logging.getLogger().level, "handlers": list(logging.getLogger().handlers),
        "umask": os.umask(os.umask(0)), "limits": (sys.getrecursionlimit(), sys.getswitchinterval()),
        "collection": (gc.isenabled(), gc.get_threshold()),
        "deterministic": torch.are_deterministic_algorithms_enabled(), "precise": torch.get_float32_matmul_precision(),
    }
torch.set_num_threads(3)
import sentencepiece
before = state()
from nmt import Translator, SearchOptions
translator = Translator.load(sys.argv[1], device="cpu", threads=2, engine=sys.argv[2])
during = []
def lines():
    for _ in range(3):
        yield "나는 간다."
        during.append(state())
found = list(translator.translate(lines(), at_once=True))
for seen in [*during, state()]:
    assert seen.keys() == before.keys()
    print([(key, before[key], seen[key]) for key in before if before[key] != seen[key]])
"""


@pytest.mark.parametrize("engine", ENGINES)
def test_nothing_global_changes_in_the_process_of_a_user(tiny_run: TinyRun, engine: str) -> None:
    command = [sys.executable, "-c", GLOBALS, str(tiny_run.run), engine]
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    result = subprocess.run(command, capture_output=True, encoding="utf-8", env=environment)
    assert (result.stdout, result.stderr) == ("[]\n" * 4, "")


# --- arguments --------------------------------------------------------------------------------------------------------

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"engine": "tourch"}, "`engine` is 'tourch'; choose one of auto, torch, ctranslate2"),
    ({"device": "gpu"}, "`device` is 'gpu'; choose one of auto, cpu, cuda, mps"),
    ({"compute_type": "int4"}, "`compute_type` is 'int4'; choose one of float32, int8"),
    ({"compute_type": "int8", "engine": "torch"}, "leave `compute_type` out"),
    ({"threads": -3}, "`threads` is -3; choose a value of at least 0"),
    ({"threads": 10**6}, "`threads` is 1000000, but this machine"),
    ({"threads": "2"}, "`threads` is '2'; give it a value of type int"),
    ({"threads": True}, "`threads` is True; give it a value of type int"),
    ({"batch_tokens": 0}, "`batch_tokens` is 0; choose a value from 1 to 100000000"),
    ({"batch_tokens": 10.5}, "`batch_tokens` is 10.5; give it a value of type int"),
]


@pytest.mark.parametrize(("arguments", "words"), WRONG, ids=[words for _, words in WRONG])
def test_what_load_cannot_take_is_refused_with_what_it_can(
    tiny_run: TinyRun, arguments: dict[str, Any], words: str
) -> None:
    with pytest.raises(NmtError, match=re.escape(words)):
        Translator.load(tiny_run.run, **arguments)


UNCHECKED: Any = Translator  # by mypy, which would refuse these calls


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda run: UNCHECKED.load(run, beam_size=3), "no argument `beam_size`: pass SearchOptions(beam_size=…)"),
        (lambda run: UNCHECKED.load(run, thread=3), "no argument `thread`: the nearest is `threads`"),
        (lambda run: UNCHECKED.load(run, 3), "`options` is of type int: pass SearchOptions("),
        (lambda run: UNCHECKED.load(run, {"beam_size": 3}), "`options` is of type dict: pass SearchOptions("),
        (
            lambda run: UNCHECKED.load(run).translate([], n_best=3),
            "no argument `n_best`: pass SearchOptions(n_best=…)",
        ),
        (lambda run: UNCHECKED.load(run).translate([], atonce=1), "no argument `atonce`: the nearest is `at_once`"),
        (lambda run: UNCHECKED.load(run).translate("나는 학생이다."), "`lines` is of type str: pass a list of lines"),
        (lambda run: list(UNCHECKED.load(run).translate(["a", None])), "`lines[1]` is None: a line is a str"),
    ],
)
def test_a_mistaken_call_is_a_type_error_that_says_what_to_pass(
    tiny_run: TinyRun, call: Callable[[Path], object], words: str
) -> None:
    with pytest.raises(TypeError, match=re.escape(words)):
        call(tiny_run.run)


def test_a_surrogate_is_translated_as_what_is_not_utf_8_is(translator: Translator) -> None:
    (broken, mended) = translator.translate(["나는 \ud800간다.", "나는 \ufffd간다."])
    assert broken.text == mended.text


def test_the_package_gives_its_public_names_and_no_others() -> None:
    assert set(nmt.__all__) <= set(dir(nmt))
    for name in nmt.__all__:
        assert getattr(nmt, name)
    with pytest.raises(AttributeError, match="no attribute 'Translater'"):
        nmt.Translater  # noqa: B018


def test_flags_take_the_values_that_the_library_takes() -> None:
    choices = {spec.name: spec.metadata["choices"] for spec in EngineOptions.__dataclass_fields__.values()}
    assert get_args(options.Device) == choices["device"]
    assert get_args(options.EngineName) == choices["engine"]
    assert get_args(options.ComputeTypeName) == choices["compute_type"]


# --- the page and the package -----------------------------------------------------------------------------------------

PAGE = ROOT / "docs/library.md"
EXAMPLES = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES, ids=[example.splitlines()[-1] for example in EXAMPLES])
def test_example_of_the_page_runs(tiny_run: TinyRun, tmp_path: Path, example: str) -> None:
    (tmp_path / "build/demo").mkdir(parents=True)
    (tmp_path / "build/demo/run").symlink_to(tiny_run.run)
    (tmp_path / "script.py").write_text(example, encoding="utf-8")
    result = subprocess.run(
        [sys.executable, "-W", "error", "script.py"], cwd=tmp_path, capture_output=True, encoding="utf-8", timeout=120
    )
    assert (result.returncode, result.stderr) == (0, "")


def test_the_page_names_every_argument_and_every_field() -> None:
    import inspect
    from dataclasses import fields

    page = PAGE.read_text(encoding="utf-8")
    public: list[Callable[..., Any]] = [Translator.load, Translator.translate]
    names = {name for method in public for name in inspect.signature(method).parameters} - {"self", "unknown"}
    names |= {spec.name for kind in (Translation, SearchOptions) for spec in fields(kind)} | set(nmt.__all__)
    assert [name for name in sorted(names) if not re.search(rf"`[^`\n]*\b{name}\b[^`\n]*`", page)] == []
