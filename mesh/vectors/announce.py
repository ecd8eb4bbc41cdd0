"""The announcement schemes a second time, in another language and from the description alone.

    python3 mesh/vectors/announce.py > mesh/vectors/announce.txt

writes the vectors that mesh/src/announce/tests/vectors.rs holds the Rust code against. Seed: 32 bytes 0, 1, ... 31;
node 0x0102030405060708, epoch 5, 8 rows above row 0; the message "hello" is signed under row 3, and "again" as well.
"""

import hashlib
import hmac

NODE, EPOCH, ROWS, ROW = 0x0102030405060708, 5, 8, 3
PLACE = NODE.to_bytes(8, "little") + EPOCH.to_bytes(8, "little")


def le(number, size):
    return number.to_bytes(size, "little")


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def row(number, seals):
    seed = bytes(range(32))
    found = [hmac.digest(seed, b"tip" + le(EPOCH, 8) + le(i, 2), "sha256")[:16] for i in range(seals)]
    for below in range(ROWS - 1, number - 1, -1):
        found = [sha256(b"seal", PLACE, le(i, 2), le(below, 4), seal)[:16] for i, seal in enumerate(found)]
    return found


def challenge(tag, attempt, message):
    return sha256(tag, PLACE, le(ROW, 4), le(attempt, 2), le(len(message), 4), message)


def biba(seals, k, n, message):
    for attempt in range(1024):
        h = challenge(b"biba-h", attempt, message)
        bins = [[] for _ in range(n)]
        for i, seal in enumerate(seals):
            number = int.from_bytes(sha256(b"biba-g", h, le(i, 2), seal)[:8], "little")
            bins[number * n >> 64].append(i)
        full = next((found for found in bins if len(found) >= k), None)
        if full:
            bits = len(seals).bit_length() - 1
            packed = sum(i << (bits * at) for at, i in enumerate(full[:k]))
            return le(attempt, 2) + le(packed, (k * bits + 7) // 8) + b"".join(seals[i] for i in full[:k])


def hors(seals, k, message):
    bits = len(seals).bit_length() - 1
    for attempt in range(1024):
        h = int.from_bytes(challenge(b"hors-h", attempt, message), "little")
        named = [h >> (bits * at) & (len(seals) - 1) for at in range(k)]
        if len(set(named)) == k:
            return le(attempt, 2) + b"".join(seals[i] for i in named)


for name, t, sign in [
    ("b16", 1024, lambda seals, message: biba(seals, 16, 134, message)),
    ("b12", 2048, lambda seals, message: biba(seals, 12, 485, message)),
    ("h16", 1024, lambda seals, message: hors(seals, 16, message)),
]:
    print(name, "row-0", sha256(*row(0, t)).hex())
    for message in [b"hello", b"again"]:
        print(name, message.decode(), sign(row(ROW, t), message).hex())
