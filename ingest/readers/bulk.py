"""C functions called thousands of times in a row. Knows no library, only ctypes.

ctypes makes an object of every typed pointer that goes in or comes out, which costs more than the call. Here pointers
are plain integers, so that `map` can call a function for a list of them, and results can be written into an array.
"""

import ctypes
from collections.abc import Callable, Sequence
from itertools import repeat
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # numpy takes 0.1 s to import, and this module is loaded before anybody knows whether it is needed
    import numpy as np
    from numpy.typing import NDArray

POINTER, INTEGER = ctypes.c_void_p, ctypes.c_int


def plain(function: Any, result: Any, *arguments: Any) -> Callable[..., Any]:
    """A C function of ctypes with these types instead of its own; POINTER takes and gives integers, None for null.

    The interpreter's lock is held during a call, so it has to be a short one.
    """
    return ctypes.PYFUNCTYPE(result, *arguments)(address(function))


def address(pointer: Any) -> int:
    """Where a pointer of ctypes points to."""
    return int(ctypes.cast(pointer, ctypes.c_void_p).value or 0)


def written(
    function: Callable[..., Any], items: Sequence[int], columns: int
) -> "tuple[NDArray[np.float32], NDArray[np.bool_]]":
    """What `function(item, &a, &b, …)` writes into `columns` floats for each item, and whether it said it did.

    Returns:
        float32 `(len(items), columns)`, and bool `(len(items),)`.
    """
    import numpy as np

    values = np.zeros((len(items), columns), dtype=np.float32)
    width = values.itemsize
    first, end = values.ctypes.data, values.ctypes.data + values.nbytes
    places = [range(first + column * width, end + column * width, columns * width) for column in range(columns)]
    return values, np.fromiter(map(function, items, *places), dtype=np.bool_, count=len(items))


def called(function: Callable[..., Any], first: Any, others: Sequence[Any]) -> list[Any]:
    """`function(first, other)` for each of the others."""
    return list(map(function, repeat(first), others))
