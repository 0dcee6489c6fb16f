"""Canvas' request throttle: a leaky bucket per access token (UPSTREAMS.md §2.5, app/middleware/request_throttle.rb)."""

from collections.abc import Callable

from sandbox.canvas.settings import CanvasSettings


class LeakyBucket:
    """Filled by what requests cost, drained by time. A request holds an up-front charge while it runs."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._fill = 0.0
        self._seen = clock()

    def _leak(self, settings: CanvasSettings) -> None:
        now = self._clock()
        self._fill = max(0.0, self._fill - settings.leak * max(0.0, now - self._seen))
        self._seen = now

    def admit(self, settings: CanvasSettings) -> bool:
        """Takes the up-front charge; False when the high-water mark is reached, and then nothing is charged."""
        self._leak(settings)
        if self._fill >= settings.high_water:
            return False
        self._fill = min(settings.maximum, self._fill + settings.up_front)
        return True

    def settle(self, settings: CanvasSettings, cost: float) -> float:
        """Gives the up-front charge back for the real cost; what remains to the high-water mark."""
        self._leak(settings)
        self._fill = min(settings.maximum, max(0.0, self._fill - settings.up_front + cost))
        return max(0.0, settings.high_water - self._fill)
