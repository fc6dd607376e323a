"""Chooses and loads the engine that searches an opened model folder. Imports neither engine before it is chosen."""

from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version

from nmt.config import EngineOptions, SearchOptions
from nmt.decoding.engine import Aligner, FullEngine
from nmt.disk.files import sha256
from nmt.errors import SettingsError, missing_extra
from nmt.store.ctranslate2_model import not_installed, why_not
from nmt.store.model_folder import ModelFolder
from nmt.text.directions import lacking, spoken


def load_engine(
    model: ModelFolder, options: SearchOptions, wanted: EngineOptions, ensemble: Sequence[ModelFolder] = ()
) -> FullEngine:
    """The engine for a model and options: the wanted one, or with ``auto`` CTranslate2 where it can search so.

    For lines with phrases ``auto`` takes both: CTranslate2 searches plainly, and PyTorch is loaded for what lacks some.
    The engine of an ``ensemble`` searches with the mean of the probabilities of all models, and does not score. Raises
    SettingsError when the wanted engine cannot do it, the device is not there, or a model does not go with the first.
    """
    both = options.phrases and wanted.engine == "auto"
    name, device, compute_type = wanted.engine, wanted.device, wanted.compute_type
    for member in ensemble:
        check_member(model, member)
    if ensemble and options.token_scores:
        raise SettingsError("an ensemble has no scores of given translations", "leave `token_scores` out")
    if name == "torch":
        reason = "PyTorch searches in float32"
    elif ensemble:
        reason = "CTranslate2 searches with one model, and `ensemble` has more"
    else:
        asked = replace(options, phrases=False) if both else options
        reason = why_not_ctranslate2(model, asked, device, is_asked=name == "ctranslate2")
    installing = missing_extra("fast") if reason and reason == not_installed() else None
    if name == "ctranslate2" and reason:
        raise SettingsError(reason, installing or "set `engine` to torch")
    if compute_type != "float32" and reason:
        what = f"{reason}, and only CTranslate2 computes in {compute_type}"
        raise SettingsError(what, installing or "leave `compute_type` out")
    if reason:
        from nmt.decoding.engines import pytorch

        return pytorch.load_engine([model, *ensemble], device, wanted.threads, wide=options.sample is not None)
    from nmt.decoding.engines import ctranslate2

    engine = ctranslate2.load_engine(model, wanted.threads, compute_type, ctranslate2.device_of(device))
    return with_phrases(model, engine, wanted.threads) if both else engine


def with_phrases(model: ModelFolder, plain: FullEngine, threads: int) -> FullEngine:
    """Both engines: ``plain``, and PyTorch on the CPU for what asks for phrases."""
    from nmt.decoding.engines.both import BothEngines

    def load() -> FullEngine:
        from nmt.decoding.engines import pytorch

        return pytorch.load_engine([model], "cpu", threads)

    return BothEngines(plain, load, {"phrases by": "torch", "torch version": version("torch")})


def check_member(model: ModelFolder, member: ModelFolder) -> None:
    """Raise SettingsError unless ``member`` has the directions and the vocabulary of ``model``."""
    tagged = bool(member.directions)
    if tagged != bool(model.directions) or lacking(model.pairs, member.pairs, tagged):
        what = f"{member.folder} translates {spoken(member.pairs)}, and {model.folder} {spoken(model.pairs)}"
        raise SettingsError(what, "give an `ensemble` of models that were trained for the same directions")
    if [sha256(path) for path in model.tokenizer_paths] != [sha256(path) for path in member.tokenizer_paths]:
        raise SettingsError(
            f"{member.folder} has another vocabulary than {model.folder}",
            "give an `ensemble` of models that were trained on one dataset, or on datasets with one vocabulary",
        )


def load_aligner(model: ModelFolder, engine: FullEngine | None, wanted: EngineOptions) -> Aligner:
    """What aligns words for an engine of the model: PyTorch, for CTranslate2 gives no attention of given targets.

    So both engines give the same links for the same translation. None: the engine is an ensemble's, whose first model
    aligns. Raises SettingsError for a model without attention, ImportError without PyTorch.
    """
    if model.config.attention_score == "none":
        raise SettingsError("this model has no attention to align words by", "leave `alignments` out")
    from nmt.decoding.engines import pytorch
    from nmt.decoding.engines.both import BothEngines

    second = engine.for_phrases if isinstance(engine, BothEngines) else engine
    if isinstance(second, pytorch.PyTorchEngine):
        return second
    return pytorch.load_engine([model], "cpu" if engine else wanted.device, wanted.threads)


def why_not_ctranslate2(model: ModelFolder, options: SearchOptions, device: str, is_asked: bool = False) -> str:
    """Why CTranslate2 cannot search this, or should not; "" when it is the faster engine, or ``is_asked`` for.

    On a GPU it is taken only when it is asked for: there nobody has measured it beside PyTorch yet.
    """
    if reason := not_installed():
        return reason
    from nmt.decoding.engines.ctranslate2 import device_of, why_not_options

    wanted = device_of(device)
    if wanted not in ("cpu", "cuda"):
        return f"CTranslate2 searches on a CPU or with CUDA, and the device is {wanted}"
    if wanted == "cuda" and device_of("auto") != "cuda":
        return "CTranslate2 finds no GPU, and the device is cuda"
    if wanted == "cuda" and not is_asked:
        return "there is a GPU here, which PyTorch uses"
    return why_not(model.config) or why_not_options(options) or ""
