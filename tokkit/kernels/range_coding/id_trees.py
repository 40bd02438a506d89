"""Code ids by a range coder whose probabilities adapt to the ids before.

An id is coded as its binary digits, highest first. The digits lead down a binary tree, and each
node counts the zeros and ones that have come to it: the next digit is 1 with probability
(ones + 1/2) / (zeros + ones + 1) (Krichevsky & Trofimov, "The Performance of Universal Encoding",
1981). A digit that the number of codes leaves no choice about is not coded.

The range coder keeps an interval of 32-bit numbers, gives each digit its share of it, and writes
the highest byte once both ends agree in it (Martin, "Range Encoding", 1979; carry-less, as in
Mahoney's fpaq0). Shares are in units of 2^-16, so no digit is impossible.
"""

from tokkit.kernels.arrays import Bytes, Int64s
from tokkit.kernels.caching import njit

_ALL = 0xFFFFFFFF
_ONE = 1 << 16


@njit(cache=True)
def _split(low: int, high: int, zeros: int, ones: int) -> int:
    """Where the part of the interval ends that means a 1."""
    share = min(max(((2 * ones + 1) * _ONE) // (2 * (zeros + ones + 1)), 1), _ONE - 1)
    width = high - low
    return low + (width >> 16) * share + (((width & (_ONE - 1)) * share) >> 16)


@njit(cache=True, nogil=True)
def encode_ids(ids: Int64s, size: int, counts: Int64s, interval: Int64s, out: Bytes) -> int:
    """Code ids after those that were coded before.

    Args:
        ids: int64 (n,), each from 0 to `size` - 1.
        size: number of codes.
        counts: int64 (2 << d,), for d binary digits of an id: how often each node was gone to;
            changed in place. All zero before the first id.
        interval: int64 (2,), both ends; changed in place. (0, 2^32 - 1) before the first id.
        out: uint8 (2 n d + 8,), filled.

    Returns:
        How many bytes were written.

    Example:
        >>> counts, interval, out = np.zeros(8, np.int64), int64s(0, 2**32 - 1), bytes_of("." * 40)
        >>> n = encode_ids(int64s(0, 1, 2, 0, 1, 2), 3, counts, interval, out)
        >>> n, out[:n].tolist(), counts.tolist()  # right of node 3 is 3, which is no id
        (1, [209], [0, 0, 4, 2, 2, 2, 0, 0])
    """
    n_digits = 0
    while 1 << n_digits < size:
        n_digits += 1
    low, high = interval[0], interval[1]
    n_written = 0
    for code in ids:
        node = 1
        for place in range(n_digits - 1, -1, -1):
            digit = (code >> place) & 1
            if ((code >> (place + 1)) << (place + 1)) + (1 << place) < size:
                middle = _split(low, high, counts[2 * node], counts[2 * node + 1])
                if digit:
                    high = middle
                else:
                    low = middle + 1
                counts[2 * node + digit] += 1
                while low >> 24 == high >> 24:
                    out[n_written] = high >> 24
                    n_written += 1
                    low = (low << 8) & _ALL
                    high = ((high << 8) & _ALL) | 0xFF
            node = 2 * node + digit
    interval[0], interval[1] = low, high
    return n_written


@njit(cache=True, nogil=True)
def decode_ids(data: Bytes, size: int, counts: Int64s, reader: Int64s, out: Int64s) -> None:
    """Read ids after those that were read before; what follows the data counts as zeros.

    Args:
        data: uint8 (n_bytes,), all that was coded.
        size: number of codes.
        counts: int64 (2 << d,), as for `encode_ids`.
        reader: int64 (4,), both ends of the interval, the 32 bits that are looked at, and the
            number of bytes read; changed in place. (0, 2^32 - 1, the first four bytes, 4) at first.
        out: int64 (n,), filled.

    Example:
        >>> data, out = np.array([209, 144], np.uint8), np.zeros(6, np.int64)
        >>> reader = int64s(0, 2**32 - 1, 209 << 24 | 144 << 16, 4)
        >>> decode_ids(data, 3, np.zeros(8, np.int64), reader, out)
        >>> out.tolist()
        [0, 1, 2, 0, 1, 2]
    """
    n_digits = 0
    while 1 << n_digits < size:
        n_digits += 1
    low, high, window, place_in_data = reader[0], reader[1], reader[2], reader[3]
    for k in range(len(out)):
        node, code = 1, 0
        for place in range(n_digits - 1, -1, -1):
            digit = 0
            if (code << (place + 1)) + (1 << place) < size:
                middle = _split(low, high, counts[2 * node], counts[2 * node + 1])
                if window <= middle:
                    digit, high = 1, middle
                else:
                    low = middle + 1
                counts[2 * node + digit] += 1
                while low >> 24 == high >> 24:
                    byte = data[place_in_data] if place_in_data < len(data) else 0
                    place_in_data += 1
                    low = (low << 8) & _ALL
                    high = ((high << 8) & _ALL) | 0xFF
                    window = ((window << 8) & _ALL) | byte
            node = 2 * node + digit
            code = 2 * code + digit
        out[k] = code
    reader[0], reader[1], reader[2], reader[3] = low, high, window, place_in_data
