"""Chance: one seeded source for everything that may go wrong or vary."""

from random import Random

from replicate_emulator.config import Config


class Dice:
    """Rolls against the probabilities of the configuration.

    The same seed and the same order of requests give the same faults.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self.reseed()

    def reseed(self) -> None:
        """Begin again at the configured seed."""
        self._random = Random(self._config.seed)

    def strikes(self, fault: str) -> bool:
        """Whether the fault happens this time."""
        probability = self._config.faults[fault]
        return probability > 0 and self._random.random() < probability

    def has_struck(self, fault: str, thing: str) -> bool:
        """Whether the fault happens to this thing: every time, or never."""
        probability = self._config.faults[fault]
        return probability > 0 and (
            Random(f"{self._config.seed} {fault} {thing}").random() < probability
        )

    def about(self, seconds: float) -> float:
        """A duration up to a fifth shorter or longer."""
        return seconds * self._random.uniform(0.8, 1.2)
