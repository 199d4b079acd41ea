"""The time of the simulated provider: the wall clock, until a test freezes it or moves it on."""

import time


class Clock:
    """Seconds since the epoch that never run backwards.

    Frozen, it moves only by `advance`; running, it follows the wall clock plus whatever it was advanced by.
    """

    def __init__(self) -> None:
        self._offset_seconds = 0.0
        self._frozen_at: float | None = None
        self._last = 0.0

    def now(self) -> float:
        """Seconds since the epoch; a wall clock that is set back makes it stand still, not go back."""
        reading = time.time() + self._offset_seconds if self._frozen_at is None else self._frozen_at
        self._last = max(self._last, reading)
        return self._last

    def freeze(self) -> None:
        """Stop: from here on only `advance` moves it."""
        self._frozen_at = self.now()

    def resume(self) -> None:
        """Run on from where it stands."""
        if self._frozen_at is not None:
            self._offset_seconds = self._frozen_at - time.time()
            self._frozen_at = None

    def advance(self, seconds: float) -> None:
        """Move on by so many seconds, frozen or running.

        Raises:
            ValueError: the seconds are negative.
        """
        if seconds < 0:
            raise ValueError("the clock does not go back")
        if self._frozen_at is None:
            self._offset_seconds += seconds
        else:
            self._frozen_at += seconds

    def not_before(self, instant: float) -> None:
        """Make sure that `now` is not earlier than an instant, such as the last one in a journal."""
        self.advance(max(0.0, instant - self.now()))
