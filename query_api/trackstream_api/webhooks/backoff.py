"""When a delivery that failed is tried again. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trackstream_api.webhooks.config import Webhook
    from trackstream_api.webhooks.sending import Outcome

_MOST_DOUBLINGS = 60


def pause_after(webhook: Webhook, attempts: int, outcome: Outcome, chance: float) -> float | None:
    """Return how long to wait after so many attempts, seconds; None: it is given up.

    The pause doubles, and `chance` (0 to 1) spreads it between half and whole, so that deliveries that failed
    together do not come back together. A receiver that names a longer one gets it, within the longest.
    """
    if outcome.final or attempts >= webhook.max_attempts:
        return None
    doubled = webhook.retry_first_s * 2.0 ** min(attempts - 1, _MOST_DOUBLINGS)
    pause = min(doubled, webhook.retry_longest_s) * (0.5 + chance / 2)
    return max(pause, min(outcome.retry_after_s or 0.0, webhook.retry_longest_s))
