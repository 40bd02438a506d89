"""Which units of a text the vocabulary of a BPE cannot express."""

from tokkit.kernels.arrays import Bytes, Flags, Int32s, Int64s
from tokkit.kernels.caching import njit
from tokkit.kernels.texts.utf8 import character_length, code_point


@njit(cache=True, nogil=True)
def find(
    text: Bytes,
    bounds: Int64s,
    known: Flags,
    byte_token: Int32s,
    characters: bool,
    starts: Int64s,
    stops: Int64s,
) -> int:
    """Find the units that are not known and that no BYTE tokens spell.

    Inputs:
        text: uint8 (n,). bounds: int64 (k + 1,), non-decreasing, 0 to n: a character that a bound
            divides is no character, but stray bytes.
        known: bool (256,), bytes, or (0x110000,), code points, that merges start from.
        byte_token: int32 (256,), the BYTE token of each byte, or -1.
        characters: whether units are characters (a stray byte is one by itself), else bytes.
        starts, stops: int64 (n,), filled with where the units found begin and end.

    Returns:
        Their number.

    Example:
        >>> known = np.isin(np.arange(256), bytes_of("ab"))
        >>> n = find(bytes_of("abcd"), int64s(0, 4), known, bpe.byte_token, False, starts, ends)
        >>> starts[:n].tolist(), ends[:n].tolist()  # c has a BYTE token
        ([3], [4])
    """
    n = 0
    for k in range(len(bounds) - 1):
        pos, stop = bounds[k], bounds[k + 1]
        while pos < stop:
            length = character_length(text, pos, stop) if characters else 1
            stray = characters and length == 1 and text[pos] >= 0x80
            if stray or not known[code_point(text, pos, length)]:
                for i in range(pos, pos + length):
                    if byte_token[text[i]] < 0:
                        starts[n], stops[n] = pos, pos + length
                        n += 1
                        break
            pos += length
    return n
