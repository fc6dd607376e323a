"""Out of memory is recognised by what libraries really raise, and a batch that does not fit is halved."""

import errno
import json
import subprocess
import sys

import pytest
import torch
from conftest import CORPUS, TinyRun
from fakes import CONTROL, HashState, HashStepper, Recorder, WordTokenizer
from torch import Tensor

from nmt.config import SearchOptions
from nmt.decoding.engine import Query
from nmt.decoding.engines.pytorch import PyTorchEngine
from nmt.decoding.translator import Translator
from nmt.errors import BusyError, DataError, is_out_of_memory

FAR_TOO_MUCH = 1 << 50  # bytes


class SmallStepper(HashStepper):
    """A model that really runs out of memory above a number of rows."""

    room = 40

    def step(self, token_N: Tensor, state: HashState) -> tuple[Tensor, HashState]:
        if len(token_N) > self.room:
            torch.empty(FAR_TOO_MUCH, dtype=torch.uint8)
        return super().step(token_N, state)


class BrokenStepper(HashStepper):
    """A model that fails for another reason, with the same exception class."""

    def step(self, token_N: Tensor, state: HashState) -> tuple[Tensor, HashState]:
        return torch.zeros(2) @ torch.zeros(3), state


def error_of(allocate: object) -> BaseException:
    with pytest.raises(Exception) as caught:  # noqa: PT011  # whichever it is
        allocate()  # type: ignore[operator]
    return caught.value


def test_what_allocators_raise_means_out_of_memory() -> None:
    assert is_out_of_memory(error_of(lambda: torch.empty(FAR_TOO_MUCH, dtype=torch.uint8)))
    assert is_out_of_memory(error_of(lambda: bytearray(FAR_TOO_MUCH)))
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."))
    assert is_out_of_memory(RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"))
    assert is_out_of_memory(RuntimeError("MPS backend out of memory (MPS allocated: 9.00 GB)"))
    assert is_out_of_memory(OSError(errno.ENOMEM, "Cannot allocate memory"))


def test_other_errors_do_not_mean_out_of_memory() -> None:
    assert not is_out_of_memory(error_of(lambda: torch.zeros(2) @ torch.zeros(3)))
    assert not is_out_of_memory(OSError(errno.ENOSPC, "No space left on device"))
    assert not is_out_of_memory(DataError("line 3 of 'out of memory.txt' is not UTF-8", ""))


def test_the_pytorch_engine_says_in_words_that_a_batch_does_not_fit() -> None:
    engine = PyTorchEngine(SmallStepper(12), CONTROL)
    with pytest.raises(BusyError, match="30 lines do not fit"):
        engine.search([Query([5, 6])] * 30, SearchOptions(beam_size=2))
    with pytest.raises(RuntimeError, match="size"):
        PyTorchEngine(BrokenStepper(12), CONTROL).search([Query([5, 6])], SearchOptions())


def test_halved_batches_of_the_pytorch_engine_give_what_whole_ones_do() -> None:
    # All different, for lines that are alike are searched once.
    lines = [" ".join("abcdefgh"[(number // 8 + place) % 8] for place in range(1 + number % 8)) for number in range(60)]
    options = SearchOptions(beam_size=3, n_best=2, max_length_factor=1.0)
    tokenizer, progress = WordTokenizer(), Recorder()
    tokenizer.encode(["a b c d e f g h"])
    whole = Translator(PyTorchEngine(HashStepper(12), CONTROL), tokenizer, tokenizer, options)
    small = Translator(PyTorchEngine(SmallStepper(12), CONTROL), tokenizer, tokenizer, options)
    assert list(small.translate(lines, progress)) == list(whole.translate(lines))
    assert len(progress.warnings) == 1


CHILD = """
import json, resource, sys
from pathlib import Path
from nmt.config import SearchOptions
from nmt.decoding.translator import Translator
from nmt.text.progress import Silent

class Told(Silent):
    warnings = []
    def warn(self, line):
        self.warnings.append(line)

model, corpus, room = sys.argv[1:]
lines = Path(corpus).read_text(encoding="utf-8").splitlines()[:3000]
options = SearchOptions(beam_size=4, max_length_factor=0.1)
translator = Translator.load(model, options, batch_tokens=10**6, device="cpu", threads=1)
list(translator.translate(lines[:10]))  # whatever is set up once is set up now
if int(room):
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + int(room), resource.RLIM_INFINITY))
texts = [one.text for one in translator.translate(lines, Told())]
print(json.dumps([texts, Told.warnings]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="/proc as Linux has it")
def test_a_process_with_little_memory_translates_the_same_with_one_warning(tiny_run: TinyRun) -> None:
    def translated(room: int) -> tuple[list[str], list[str]]:
        command = [sys.executable, "-c", CHILD, str(tiny_run.run), str(CORPUS / "train.ko"), str(room)]
        result = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=120)
        assert result.returncode == 0, result.stderr
        texts, warnings = json.loads(result.stdout)
        return texts, warnings

    whole, nothing_said = translated(0)
    little, warnings = translated(48 << 20)
    assert nothing_said == []
    assert len(warnings) == 1
    assert "out of memory: batches are halved" in warnings[0]
    assert little == whole
