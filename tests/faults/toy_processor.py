"""A processor as a user has it: in a file that is installed nowhere, and slow enough to be killed.

What goes wrong is chosen by the environment of the workers, so that the same class gives the
reference in this process, where nothing goes wrong.
"""

from __future__ import annotations

import os
import signal
import time

import numpy as np

from tau3mu.processors import DsPhiPi


class Toy(DsPhiPi):
    """`DsPhiPi` that takes some time, and dies or eats memory where it is told to."""

    def select(self, events, cutflow):
        """Misbehaves if the first event of the chunk is the chosen one; then selects."""
        if len(events):
            time.sleep(float(os.environ.get("TOY_SLEEP", "0")))
            first = f"{events.run[0]}:{events.event[0]}"
            if first == os.environ.get("TOY_POISON"):
                os.kill(os.getpid(), signal.SIGKILL)
            if first == os.environ.get("TOY_HOG"):
                hog = np.ones(1_500_000_000 // 8)
                time.sleep(20)
                del hog
        return super().select(events, cutflow)
