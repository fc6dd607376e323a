"""What a person asks of training, read and checked once. Without PyTorch, whose import takes seconds.

Knows data, settings and the model to begin with; nothing of how a run trains.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from nmt.config import Config, Layer, TrainingConfig
from nmt.corpus.batches import Batch
from nmt.corpus.dataset import Dataset
from nmt.corpus.lexicon import Translated
from nmt.errors import DataError, SettingsError
from nmt.presets import PRESETS, SHOWN, Task, layers_of
from nmt.store.model_folder import ModelFolder
from nmt.store.run_folder import RunFolder
from nmt.text.machine import available_cores, may_have_gpu
from nmt.text.profile import Profile
from nmt.text.reserved import RESERVED, SLOTS
from nmt.text.tokenizer import Tokenizer
from nmt.training.models import open_teacher, refuse_forgotten
from nmt.training.odd_input import OddInput
from nmt.training.stages import Stage, stages_of
from nmt.training.tags import Tags
from nmt.training.terms import ShownTerms

# A resumed run may get more time or patience, and save more often; any other change would make it another run.
MAY_CHANGE = {"steps", "epochs", "minutes", "patience", "save_every", "keep"}

# By default synthetic pairs are half of an epoch (Sennrich et al. 2016), and with text in the target language half of
# the budget trains both directions.
EQUAL, BOTH_DIRECTIONS = 0.5, 0.5


@dataclass(frozen=True)
class TrainRequest:
    """What a person asks for: the data, the folder of the run, the settings, and what to do with a run there."""

    data: Path
    run: Path
    preset: str = "auto"
    layers: tuple[Layer, ...] = ()  # over the preset, the later winning
    resume: bool = True
    overwrite: bool = False
    teachers: tuple[Path, ...] = ()  # models whose translations of the sources are learnt
    init: Path | None = None  # the model whose weights the run begins with
    device: str = "auto"  # preset auto depends on it
    cores: int = 0  # that train, unless a GPU does; 0: all that the process may use. Preset auto depends on them
    config: Path | None = None  # the file of settings among the layers, if it is one of a run


@dataclass(frozen=True)
class TrainJob:
    """A request that was read and checked: its data, its resolved settings, and the model it begins with."""

    request: TrainRequest
    data: Dataset
    tokenizers: tuple[Tokenizer, Tokenizer]  # the source's and the target's
    task: Task  # what preset auto chooses by
    config: Config
    init: ModelFolder | None = None
    teachers: Sequence[ModelFolder] = ()
    lexicon: Mapping[str, Translated] = field(default_factory=dict)

    @property
    def stages(self) -> Sequence[Stage]:
        """Which pairs are read when."""
        return stages_of(self.config.training, bool(self.teachers))

    @property
    def models(self) -> dict[str, list[str]]:
        """The digests of the model that it begins with, if any, and of its teachers."""
        named = {"init": [self.init] if self.init else [], "teachers": self.teachers}
        return {name: [model.digest for model in models] for name, models in named.items()}

    @property
    def odd_input(self) -> OddInput | None:
        """The odd input that training shows, if any."""
        training = self.config.training
        return OddInput(training.odd_input, training.seed, self.tokenizers) if training.odd_input else None

    @property
    def terms(self) -> ShownTerms | None:
        """The terms that training shows, if any."""
        training = self.config.training
        if not training.terms:
            return None
        return ShownTerms(training.terms, training.seed, self.tokenizers[0], self.lexicon)

    @property
    def tags(self) -> Tags | None:
        """What puts tags in front of sources, where there are several directions."""
        return Tags(self.data, self.tokenizers[0]) if len(self.data.directions) > 1 else None

    def change(self, batches: Sequence[Batch], step: int) -> Sequence[Batch]:
        """The batches of an update as training shows them: with odd input, then with terms."""
        if not (tags := self.tags):
            return self.changed(batches, step)
        batches = list(map(tags.exchanged, batches))
        return tags.around(self.changed, batches, step) if self.odd_input else batches

    def changed(self, batches: Sequence[Batch], step: int) -> Sequence[Batch]:
        """The batches of an update with odd input and terms; sources have no tags."""
        for shown in (self.odd_input, self.terms):
            batches = shown.batches(batches, step) if shown else batches
        return batches

    @property
    def profile(self) -> Profile | None:
        """The shape of what training shows."""
        return self._shown(self.data.profile)

    def profile_of(self, target: str) -> Profile | None:
        """The same of what it shows of a target language."""
        return self._shown(self.data.profile_of(target))

    def _shown(self, profile: Profile | None) -> Profile | None:
        profile = profile and replace(profile, terms=bool(self.terms))
        return replace(profile, slots=SLOTS) if profile and self.odd_input else profile


def read_request(request: TrainRequest) -> TrainJob:
    """Open the data, resolve the settings, and open the model to begin with.

    Raises DataError, MissingInputError or SettingsError for what is wrong with them.
    """
    if request.config:
        refuse_forgotten(request.config, request.init, request.teachers)
    data = Dataset.open(request.data)
    for name, split in (("training", data.train), ("validation", data.valid)):
        if not len(split):
            raise DataError(f"{request.data} has no {name} pairs", f"prepare it again with more {name} text")
    tokenizers = data.load_tokenizers()
    init = ModelFolder.open(request.init) if request.init else None
    # A model that has learnt one direction gains nothing from training both at first.
    both = all((target, source) in data.directions for source, target in data.directions)
    known_training = {"bidirectional": 0.0} if init or both or not data.joint else {}
    teachers = [open_teacher(path, data) for path in request.teachers]
    plain_training = known_training
    known_training = plain_training | synthetic_by(data, bool(teachers))
    lexicon = data.lexicon() if data.joint else {}
    terms: dict[str, float] = {} if lexicon else {"terms": 0.0}
    shape: Layer = {"model": asdict(init.config)} if init else {}
    task = task_of(request, data)
    config = resolve(request, task, {"training": known_training | terms}, shape)
    if not config.training.synthetic:  # asked for: then the run is the one of the pairs alone
        config = resolve(request, task, {"training": plain_training | terms | {"synthetic": 0.0}}, shape)
    if config.training.bidirectional and not data.joint:
        raise SettingsError(
            f"training.bidirectional needs one vocabulary for both languages, and {request.data} has two",
            "leave it out, or prepare with `joint_vocab`",
        )
    if config.training.terms and not lexicon:
        why = "has no lexicon of its words" if data.joint else "has two vocabularies"
        why = "has several directions" if len(data.directions) > 1 else why
        mend = "prepare it again with `joint_vocab` and more pairs, and the rule agreement on"
        raise SettingsError(f"training.terms needs translations of words, and {request.data} {why}", mend)
    refuse_synthetic(config.training, data, bool(teachers))
    return TrainJob(request, data, tokenizers, task, config, init, teachers, lexicon)


def synthetic_by(data: Dataset, has_teacher: bool) -> dict[str, float]:
    """Settings that follow from monolingual text or a teacher: as many synthetic pairs as real ones.

    Text in the target language is translated by a model of both directions, which is trained for as long.
    """
    if has_teacher:
        return {"synthetic": EQUAL}
    if not data.mono or (data.mono.pieces[1] and not data.joint):
        return {}
    return {"synthetic": EQUAL, **({"bidirectional": BOTH_DIRECTIONS} if data.mono.pieces[1] else {})}


def refuse_synthetic(training: TrainingConfig, data: Dataset, has_teacher: bool) -> None:
    """Raise SettingsError when nobody can make the synthetic pairs that the settings want."""
    if has_teacher:
        if not training.synthetic:
            raise SettingsError(
                "training.synthetic is 0, so the `teacher` would teach nothing", "leave one of them out"
            )
        return
    if not training.synthetic:
        return
    if len(data.directions) > 1:
        what = f"training.synthetic is for one direction, and {data.folder} has {len(data.directions)}"
        raise SettingsError(what, "leave it out")
    if not data.mono:
        what = f"training.synthetic needs text to translate, and {data.folder} has pairs alone"
        raise SettingsError(what, "prepare with `mono`, or give a `teacher`")
    if data.mono.pieces[1] and not data.joint:
        what = f"text in the target language needs one vocabulary for both languages, and {data.folder} has two"
        raise SettingsError(what, "leave training.synthetic out, or prepare with `joint_vocab`")
    if data.mono.pieces[1] and not training.bidirectional:
        raise SettingsError(
            "training.synthetic needs a model that translates backwards, and training.bidirectional is 0",
            "set training.bidirectional, or training.synthetic to 0",
        )


def resolve(request: TrainRequest, task: Task, known: Layer, shape: Layer) -> Config:
    """The settings of the preset, then ``known``, then those of the request, the later winning.

    The ``shape`` of the model to begin with wins over what preset auto chose. A named preset wins over it: opening the
    run compares what the settings ask for with the model.
    A run that preset auto began keeps the preset that auto chose then, even if auto would choose another one now: with
    more minutes, or on another machine. A run that an older preset began keeps what it shows of odd input.
    """
    shown: Layer = {}

    def over(preset: Sequence[Layer]) -> Config:
        below = [*preset, shape] if request.preset == "auto" else [shape, *preset]
        return Config.from_layers(*below, known, shown, *request.layers)

    first, *alternatives = layers_of(request.preset, task)
    folder = RunFolder(request.run)
    if request.resume and not request.overwrite and folder.exists():
        before = folder.read_config()
        shown = {"training": {name: getattr(before.training, name) for name in SHOWN}}
        choices = map(over, [first, *alternatives])
        return next((choice for choice in choices if not differences(before, choice)), over(first))
    return over(first)


def task_of(request: TrainRequest, data: Dataset) -> Task:
    """What preset auto knows of a run: the sizes of the data, the budget, and the cores that train."""
    has_gpu = may_have_gpu() if request.device == "auto" else request.device != "cpu"
    training = [{"training": layer.get("training", {})} for layer in request.layers]
    budget = Config.from_layers({"training": PRESETS["tiny"]["training"]}, *training).training
    return Task(
        pairs=len(data.train),
        source_tokens=data.train.pieces[0] + len(data.train),
        target_tokens=data.train.pieces[1] + len(data.train),
        vocabulary=data.target_vocabulary - RESERVED,
        cores=0 if has_gpu else request.cores or available_cores(),
        steps=budget.steps,
        epochs=budget.epochs,
        minutes=budget.minutes,
    )


def refuse_other_models(job: TrainJob, before: Mapping[str, Any]) -> None:
    """Raise SettingsError when a run has other models than the job; ``before`` lacks what an older version left out."""
    for name, now in job.models.items():
        if (was := before.get(name, now)) != now:
            flag = name.removesuffix("s")
            how = "with another" if was and now else "with" if was else "without"
            mend = f"give the same `{flag}`" if was else f"leave `{flag}` out"
            raise SettingsError(
                f"the run in {job.request.run} began {how} `{flag}`",
                f"{mend}, choose another `output`, or add `overwrite` to move it aside",
            )


def differences(old: Config, new: Config) -> list[str]:
    """The settings in which ``new`` differs from ``old`` and which may not change when a run is resumed, in words."""
    before, after = asdict(old), asdict(new)
    return [
        f"{section}.{key} was {before[section][key]!r}, is {after[section][key]!r}"
        for section in before
        for key in before[section]
        if key not in MAY_CHANGE and before[section][key] != after[section][key]
    ]
