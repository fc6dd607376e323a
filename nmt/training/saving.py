"""Saving a run: checkpoints to resume from, and the averaged weights as a model folder.

Knows what goes into both; not when to save.
"""

from dataclasses import dataclass
from typing import Any

from nmt.errors import DataError
from nmt.store.model_folder import ModelAbout, ModelFolder, export_model
from nmt.text.directions import targets_of
from nmt.text.known_words import WORDS
from nmt.text.telling import Telling
from nmt.training.context import RunContext
from nmt.training.request import TrainJob
from nmt.training.validation import Validation


@dataclass
class Saver:
    """Writes the checkpoints and the model of a run, and remembers what is on the disk."""

    context: RunContext
    about: ModelAbout
    saved_step: int = -1  # the update whose checkpoint holds the present state; -1: none does
    saved_seconds: float = 0.0  # of the run, when a checkpoint was last saved

    def refuse_spoilt(self) -> None:
        """Raise DataError unless all weights are finite: no checkpoint and no model may have others."""
        if not self.context.state.is_finite():
            what = f"weights are not finite after update {self.context.counters.step}; {self.last_good()}"
            raise DataError(f"training diverged: {what}", "start again with a lower training.learning_rate")

    def save(self) -> None:
        """Save a checkpoint; before the first validation export the model too, so that a saved run can be used."""
        counters = self.context.counters
        self.refuse_spoilt()
        self.saved_step, self.saved_seconds = counters.step, counters.seconds
        if not counters.step or not self.context.group.leads:  # nothing to save yet, or the leader does
            return
        if not counters.validated.best_step or not self.context.folder.model_path.exists():
            self.export({})
        self.context.save_checkpoint()

    def export(self, scores: dict[str, float], result: Validation | None = None) -> None:
        """Write the averaged weights to the model folder of the run, with what their validation found."""
        counters, data = self.context.counters, self.context.data
        training = {
            "pairs": len(data.train),
            "epochs": round(self.context.epochs(), 2),
            "target_tokens": counters.target_tokens,
        }
        facts = {"step": counters.step, "training": training, "validation": scores, "data": data.digest}
        if profile := self.context.job.profile:
            facts |= {"profile": profile.facts()}
        if len(data.directions) > 1:
            facts |= about_targets(self.context.job, result)
        elif result and (usable := result.usable.get(data.target_language)):
            facts |= {"usable": usable.facts()}
        export_model(self.context.folder.model_path, self.context.state.average.state_dict(), self.about, facts)

    def last_good(self) -> str:
        """The last good checkpoint, in words for the end of an error."""
        paths = self.context.folder.checkpoints.paths()
        return f"the last good checkpoint is {paths[-1]}" if paths else "there is no checkpoint yet"


def about_model(job: TrainJob) -> ModelAbout:
    """What a model folder holds beside the weights. Read at the start: the dataset may be prepared anew meanwhile."""
    data = job.data
    files = {data.source_tokenizer_path, data.target_tokenizer_path, data.folder / WORDS}
    return ModelAbout(
        job.config.model,
        {"source": data.source_language, "target": data.target_language},
        {path.name: path.read_bytes() for path in files if path.name in data.manifest["files"]},
        licence_of(job),
        data.directions if len(data.directions) > 1 else (),
        list(dict.fromkeys(origin for model in learnt_from(job) for origin in model.origins)),
    )


def learnt_from(job: TrainJob) -> list[ModelFolder]:
    """The models that a run learns from."""
    return [*([job.init] if job.init else []), *job.teachers]


def licence_of(job: TrainJob) -> str:
    """The licences of the pairs and of the models that a run learns from, each once."""
    found = " AND ".join(filter(None, [job.data.licence, *(model.licence for model in learnt_from(job))]))
    return " AND ".join(dict.fromkeys(found.split(" AND ")))


def about_targets(job: TrainJob, result: Validation | None) -> dict[str, Any]:
    """What the manifest of a model of several directions says of each language."""
    targets: dict[str, dict[str, Any]] = {}
    for target in targets_of(job.data.directions):
        profile, usable = job.profile_of(target), result.usable.get(target) if result else None
        targets[target] = {
            **({"profile": profile.facts()} if profile else {}),
            **({"usable": usable.facts()} if usable else {}),
        }
    telling = Telling.read(job.data.manifest, str(job.data.folder))
    scores = result.by_direction if result else {}
    return {"targets": targets, **({"frequencies": telling.facts()} if telling else {}), "by_direction": scores}
