"""What may go wrong: text that is lost, control that is taken over, time that runs away.

Read `examining`; each other module is one question, and `shrinking` finds the smallest example.
"""

from __future__ import annotations

from tokkit.audit.safety.examining import examine
from tokkit.audit.safety.growth import GrowthCurve, time_growth

__all__ = ["GrowthCurve", "examine", "time_growth"]
