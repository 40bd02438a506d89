"""Names of the types that kernels take: arrays by the type of their elements, and numbers.

Numba compiles for what it is given and reads no annotation; they tell callers what to give.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
UInt16s = NDArray[np.uint16]
Flags = NDArray[np.bool_]
Int32s = NDArray[np.int32]
Int64s = NDArray[np.int64]
Ints = NDArray[np.integer[Any]]
"""int32 or int64."""
Float64s = NDArray[np.float64]
Floats = NDArray[np.floating[Any]]
"""float32 or float64."""
Integer = int | np.integer[Any] | NDArray[np.integer[Any]]
"""A number: for NumPy's stubs, what stands at an index that is no `int` is an array."""
