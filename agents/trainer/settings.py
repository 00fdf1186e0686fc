"""Settings of `buildcast trainer`."""

from __future__ import annotations

from pydantic import Field, SecretStr

from agents.settings import ProcessSettings
from models.desk import DeskPolicy
from models.promotion import PromotionPolicy
from models.triggers import TriggerPolicy

__all__ = ["TrainerSettings"]


class TrainerSettings(ProcessSettings):
    """`buildcast trainer`."""

    trainer_metrics_port: int = Field(9467, ge=0, le=65_535, description="0: any free port")
    trainer_challengers: int = Field(5, ge=1, le=50, description="configs drawn for a training")
    trainer_shadows: int = Field(2, ge=0, le=10, description="challengers that go on beside the champion")
    trainer_window_records: int = Field(0, ge=0, description="of history that counts as evidence; 0: all")
    trainer_lead_records: int = Field(20, ge=0, description="notice that workers get of a promotion")
    trainer_alpha: float = Field(0.05, gt=0.0, lt=1.0, description="chance that one of equals is ever promoted")
    trainer_min_labels: int = Field(200, ge=1, description="labels without which nothing is promoted")
    trainer_rest_labels: int = Field(200, ge=0, description="labels after a move during which none is promoted")
    trainer_schedule_days: float = Field(7.0, ge=0.0, description="between trainings, in event time; 0: never")
    trainer_volume_labels: int = Field(5_000, ge=0, description="new labels after which to train; 0: never")
    trainer_snapshot_seconds: float = Field(60.0, gt=0.0, description="between snapshots of what it has folded")
    snapshot_key: SecretStr = Field(SecretStr(""), description="seals snapshots; default: a key kept in STATE")
    trainer_nice: int = Field(10, ge=0, le=19, description="how far the trainer steps back behind live work")

    def policy(self) -> DeskPolicy:
        """As the core takes it."""
        return DeskPolicy(
            challengers=self.trainer_challengers,
            shadows=self.trainer_shadows,
            window_records=self.trainer_window_records,
            lead_records=self.trainer_lead_records,
            promotion=PromotionPolicy(
                alpha=self.trainer_alpha, min_labels=self.trainer_min_labels, rest_labels=self.trainer_rest_labels
            ),
            triggers=TriggerPolicy(
                schedule_seconds=self.trainer_schedule_days * 86_400.0, volume_labels=self.trainer_volume_labels
            ),
        )
