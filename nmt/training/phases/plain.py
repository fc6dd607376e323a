"""Plain training: each pair as it is. Knows no model."""

from nmt.training.phases.phase import Phase


class Plain(Phase):
    """Predicts each target from its source."""
