"""C functions called with plain integers do what they do with typed pointers."""

import ctypes

import numpy as np

from ingest.readers.bulk import INTEGER, POINTER, address, called, plain, written


@ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(ctypes.c_float), ctypes.POINTER(ctypes.c_float))
def half_and_double(
    item: int, half: "ctypes._Pointer[ctypes.c_float]", double: "ctypes._Pointer[ctypes.c_float]"
) -> int:
    """As a library's function that writes two figures about an object, and tells whether it knows them."""
    half[0], double[0] = item / 2, item * 2
    return item % 2


@ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int)
def beyond(place: int, steps: int) -> int | None:
    """As a library's function that gives the object behind another one; null for none."""
    return place + steps or None


def test_each_item_writes_its_own_row() -> None:
    values, told = written(plain(half_and_double, INTEGER, POINTER, POINTER, POINTER), [1, 2, 7], 2)
    assert values.tolist() == [[0.5, 2.0], [1.0, 4.0], [3.5, 14.0]]
    assert values.dtype == np.float32
    assert told.tolist() == [True, False, True]


def test_no_items_are_no_rows() -> None:
    values, told = written(plain(half_and_double, INTEGER, POINTER, POINTER, POINTER), [], 2)
    assert (values.shape, told.shape) == ((0, 2), (0,))


def test_pointers_are_integers_and_null_is_none() -> None:
    assert called(plain(beyond, POINTER, POINTER, INTEGER), 10, [1, 5, -10]) == [11, 15, None]


def test_the_address_of_a_pointer() -> None:
    held = ctypes.c_int(7)
    assert address(ctypes.pointer(held)) == ctypes.addressof(held)
    assert address(ctypes.POINTER(ctypes.c_int)()) == 0
