"""Work on a Ray cluster: the same results as here, in order, whatever ends on the way."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path

import pytest
from conftest import CORPUS, TinyRun, nmt, write_corpus

ray = pytest.importorskip("ray", reason="Ray is not installed: the extra cluster")

from nmt.config import PrepareOptions  # noqa: E402
from nmt.corpus.prepare import PrepareRequest, prepare  # noqa: E402
from nmt.errors import BusyError, DataError, SettingsError  # noqa: E402  # after the check that ray is there
from nmt.spread.cluster import Cluster, joined  # noqa: E402
from nmt.spread.mapped import by_workers  # noqa: E402
from nmt.spread.pool import AHEAD, BUFFERED, Pool  # noqa: E402
from nmt.spread.sent import Heard  # noqa: E402
from nmt.store.model_folder import WEIGHTS, ModelFolder  # noqa: E402
from nmt.store.shipped import Shipped  # noqa: E402
from nmt.text.progress import Silent  # noqa: E402


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers cannot import the tests
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_ADDRESS", "127.0.0.1:9")  # where another cluster would be: this one is not looked for there
        with joined() as there:
            patch.undo()
            yield there


class Doubles:
    """Doubles numbers; what a file in ``place`` asks for happens once."""

    def __init__(self, place: Path | None = None, about: str = "") -> None:
        self.place, self.what = place, about

    def begin(self) -> dict[str, str | int | float]:
        if self.what == "pid":
            return {"pid": os.getpid()}
        if self.what == "wrong":
            raise DataError("the model is damaged", "restore it")
        return {"work": "doubles"}

    def __call__(self, item: int) -> int:
        if self.place:
            for path in self.place.glob(f"{item}-*"):
                what = path.name.split("-")[1]
                if what != "always":
                    path.unlink()
                if what == "error":
                    raise DataError(f"item {item} is wrong", "mend it")
                if what == "memory":
                    raise BusyError("no memory", "wait")
                os.kill(os.getpid(), signal.SIGKILL)
        return 2 * item


def named(item: int) -> str:
    return f"item {item}"


def test_results_come_in_the_order_of_the_items_and_are_those_of_one_process(cluster: Cluster) -> None:
    with Pool(Doubles(), 2, Silent()) as pool:
        assert list(pool.map(iter(range(40)), named)) == [*map(Doubles(), range(40))]
        assert list(pool.map(iter(()), named)) == []
        assert pool.about() == {"work": "doubles"}


def test_items_are_read_only_as_far_ahead_as_there_is_room(cluster: Cluster) -> None:
    read = count()
    with Pool(Doubles(), 1, Silent()) as pool:
        results = pool.map((next(read) for _ in iter(int, 1)), named)
        assert [next(results) for _ in range(5)] == [0, 2, 4, 6, 8]
        assert next(read) <= 5 + AHEAD * BUFFERED


def test_items_of_a_worker_that_is_killed_are_done_by_another(cluster: Cluster, tmp_path: Path) -> None:
    for item in (3, 9, 10):
        (tmp_path / f"{item}-kill").touch()
    with Pool(Doubles(tmp_path), 2, Silent()) as pool:
        assert list(pool.map(iter(range(20)), named)) == [2 * item for item in range(20)]
        assert pool.lost == 3


def test_an_item_that_ends_three_workers_is_named(cluster: Cluster, tmp_path: Path) -> None:
    (tmp_path / "4-always").touch()
    with Pool(Doubles(tmp_path), 2, Silent()) as pool:
        results = pool.map(iter(range(9)), named)
        assert [next(results) for _ in range(4)] == [0, 2, 4, 6]
        with pytest.raises(BusyError, match="item 4 ended 3 workers"):
            next(results)


def test_what_does_not_fit_into_memory_is_tried_again_and_other_errors_are_raised_in_order(
    cluster: Cluster, tmp_path: Path
) -> None:
    for name in ("1-memory", "2-memory", "6-error"):
        (tmp_path / name).touch()
    with Pool(Doubles(tmp_path), 2, Silent()) as pool:
        results = pool.map(iter(range(9)), named)
        assert [next(results) for _ in range(6)] == [0, 2, 4, 6, 8, 10]
        with pytest.raises(DataError, match="item 6 is wrong; mend it"):
            next(results)


def test_an_error_of_reading_comes_after_the_results_of_what_was_read(cluster: Cluster) -> None:
    def items() -> Iterator[int]:
        yield from (1, 2, 3)
        raise DataError("line 4 is wrong", "mend it")

    with Pool(Doubles(), 1, Silent()) as pool:
        results = pool.map(items(), named)
        assert [next(results) for _ in range(3)] == [2, 4, 6]
        with pytest.raises(DataError, match="line 4 is wrong"):
            next(results)


def test_workers_that_would_give_other_results_are_refused(cluster: Cluster) -> None:
    with Pool(Doubles(about="pid"), 2, Silent()) as pool, pytest.raises(SettingsError, match="other versions of pid"):
        list(pool.map(iter(range(999)), named))
    with (
        Pool(Doubles(), 1, Silent(), driver={"work": "triples"}) as pool,
        pytest.raises(SettingsError, match="other versions of work; install the same on all, and on this one"),
    ):
        pool.about()
    with Pool(Doubles(about="wrong"), 1, Silent()) as pool, pytest.raises(DataError, match="the model is damaged"):
        pool.about()


def test_workers_have_the_cores_of_one_machine_or_are_refused() -> None:
    cluster = Cluster([2, 7, 4], 0)
    assert [cluster.workers(cores) for cores in (1, 2, 3, 4, 7)] == [13, 6, 3, 2, 1]
    with pytest.raises(SettingsError, match="no machine of the cluster has 8 cores; set `threads` to at most 7"):
        cluster.workers(8)
    assert Cluster([2, 7], 3).workers(2) == 3


def test_a_model_that_was_sent_is_made_once_and_again_when_it_is_damaged(
    tiny_run: TinyRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    shipped = Shipped.pack(model := ModelFolder.open(tiny_run.run))
    place = shipped.unpack()
    before = place.stat().st_ino
    assert shipped.unpack() == place
    assert place.stat().st_ino == before
    for damage in (lambda path: path.write_bytes(b"x"), Path.unlink):
        for name in (WEIGHTS, "manifest.json"):
            damage(place / name)
            assert shipped.unpack() == place
            assert (place / name).read_bytes() == (model.folder / name).read_bytes()


# Windows of seven lines; dies after some of them.
DRIVER = """
import os, signal, sys
import nmt.decoding.windows as windows
from nmt.cli import main
from nmt.decoding.translator import Translator
from nmt.spread.translators import ClusterTranslator
from nmt.store.resumable import Resumable
left, add = int(sys.argv.pop(1)), Resumable.add
ClusterTranslator.window = 7
Translator.window = property(lambda self: 7, lambda self, value: None)
def add_or_die(self, *window):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGTERM)
    add(self, *window)
Resumable.add = add_or_die
main()
"""


def test_a_file_has_the_same_bytes_as_on_one_core_also_when_the_driver_is_killed_and_resumes(
    cluster: Cluster, tiny_run: TinyRun, tmp_path: Path
) -> None:
    lines = (CORPUS / "test.ko").read_text(encoding="utf-8").splitlines()[:28]
    text = tmp_path / "text.ko"
    text.write_text("".join(f"{line}\n" for line in [*lines, "", lines[3], "\U0001f600", lines[4]]), encoding="utf-8")
    address = ray.get_runtime_context().gcs_address
    flags = ["--format", "jsonl", "--check", "--beam-size", "2"]

    def run(name: str, *more: str, dies_at: int = 0) -> subprocess.CompletedProcess[str]:
        command: list[str | Path] = ["translate", tiny_run.run, text, "-o", tmp_path / name, *flags, *more]
        return nmt(str(dies_at), *command, code=DRIVER, timeout=300)

    assert run("one").returncode == 0
    killed = run("spread", "--cluster", address, dies_at=4)
    assert killed.returncode == -signal.SIGTERM, killed.stderr
    assert not (tmp_path / "spread").exists()
    resumed = run("spread", "--cluster", address)
    assert "resuming after line 21" in resumed.stderr
    assert (tmp_path / "spread").read_bytes() == (tmp_path / "one").read_bytes()
    assert resumed.stdout == ""


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pairs that are one window, as many more would be."""
    return write_corpus(tmp_path_factory.mktemp("few"), "few", 320, 40)


def test_scores_on_a_cluster_are_those_of_one_process(
    cluster: Cluster, tiny_run: TinyRun, few: Path, tmp_path: Path
) -> None:
    address = ray.get_runtime_context().gcs_address
    command: list[str | Path] = ["score", tiny_run.run, few, "--format", "jsonl", "--threads", "1"]
    nmt(*command, "-o", tmp_path / "one")
    spread = nmt(*command, "-o", tmp_path / "spread", "--cluster", address)
    assert (tmp_path / "spread").read_bytes() == (tmp_path / "one").read_bytes()
    assert "perplexity" in spread.stderr


def test_an_evaluation_on_a_cluster_says_the_same(cluster: Cluster, tiny_run: TinyRun, few: Path) -> None:
    address = ray.get_runtime_context().gcs_address
    command: list[str | Path] = ["evaluate", tiny_run.run, few, "--json", "--beam-size", "2", "--threads", "1"]
    assert nmt(*command, "--cluster", address, timeout=300).stdout == nmt(*command).stdout != ""


def test_a_dataset_made_on_a_cluster_has_the_same_bytes(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nmt.corpus.means.WORTH_PROCESSES", 0)
    write_corpus(tmp_path, "train", 0, 300)
    request = PrepareRequest("ko", "en", (tmp_path / "train",), None, (), tmp_path / "one")
    options, heard = PrepareOptions(vocab_size=600), Heard()
    prepare(request, options)
    spread = partial(by_workers, lambda: cluster, heard)
    prepare(replace(request, output=tmp_path / "spread"), options, spread=spread)
    one, other = ({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("one", "spread"))
    assert one == other
    assert {"dropped.tsv.gz", "train-rows.bin"} <= one.keys()
    assert [note for note in heard.notes if "lost" in note] == []


def test_who_has_no_token_cannot_join_the_cluster_of_this_machine(cluster: Cluster) -> None:
    address = ray.get_runtime_context().gcs_address
    code = f"import ray; ray.init({address!r}, log_to_driver=False)"
    outside = {name: value for name, value in os.environ.items() if not name.startswith("RAY_AUTH")}
    joins = [subprocess.run([sys.executable, "-c", code], env=env, capture_output=True) for env in (outside, None)]
    assert [bool(one.returncode) for one in joins] == [True, False]


def test_an_address_without_a_cluster_is_refused_in_one_line() -> None:
    with pytest.raises(BusyError, match=r"no Ray cluster at 127\.0\.0\.1:9"), joined("127.0.0.1:9"):
        pass
