"""The announcement schemes a second time, in another language and from the description alone.

    python3 mesh/vectors/announce.py > mesh/vectors/announce.txt

writes the vectors that mesh/src/announce/tests/vectors.rs holds the Rust code against. Seed: 32 bytes 0, 1, ... 31;
node 0x0102030405060708, epoch 5, 8 rows above row 0; the message "hello" is signed under row 3, and "again" as well;
under Ed25519, with an identity from 32 zeros, under row 0.
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


# Ed25519 from RFC 8032, slowly.
P, Q = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
BY = 4 * pow(5, -1, P) % P
BX = 15112221349535400772501151409588531511454012693041857206046113283949847762202


def add(a, b):
    (x1, y1), (x2, y2) = a, b
    product = D * x1 * x2 * y1 * y2
    x = (x1 * y2 + x2 * y1) * pow(1 + product, -1, P) % P
    return x, (y1 * y2 + x1 * x2) * pow(1 - product, -1, P) % P


def times(scalar):
    sum_, point = (0, 1), (BX, BY)
    while scalar:
        if scalar & 1:
            sum_ = add(sum_, point)
        point, scalar = add(point, point), scalar >> 1
    return le(sum_[1] | (sum_[0] & 1) << 255, 32)


def ed25519(seed, message):
    h = hashlib.sha512(seed).digest()
    a = int.from_bytes(h[:32], "little") & (1 << 254) - 8 | 1 << 254
    r = int.from_bytes(hashlib.sha512(h[32:] + message).digest(), "little") % Q
    k = int.from_bytes(hashlib.sha512(times(r) + times(a) + message).digest(), "little")
    return times(r) + le((r + k * a) % Q, 32)


def signed_record(body):
    return body + ed25519(bytes(32), b"epoch record\0" + body)


def epoch_record(profile, row_0):
    """Period 250 ms, clock error 62.5 ms, row 0 at 1,800,000,000 s; identity: a seed of 32 zeros."""
    schedule = le(250_000, 4) + le(1_800_000_000_000_000, 8) + le(ROWS, 4) + le(62_500, 4) + row_0
    return signed_record(bytes([1, 16]) + PLACE + profile + bytes([2]) + schedule)


for name, t, sign in [
    ("b16", 1024, lambda seals, message: biba(seals, 16, 134, message)),
    ("b12", 2048, lambda seals, message: biba(seals, 12, 485, message)),
    ("h16", 1024, lambda seals, message: hors(seals, 16, message)),
]:
    row_0 = sha256(*row(0, t))
    parameters = {"b16": (1, 16, 134), "b12": (1, 12, 485), "h16": (2, 16, 0)}[name]
    profile = bytes([parameters[0]]) + le(t, 2) + bytes([parameters[1]]) + le(parameters[2], 2)
    print(name, "row-0", row_0.hex())
    print(name, "record", epoch_record(profile, row_0).hex())
    for message in [b"hello", b"again"]:
        print(name, message.decode(), sign(row(ROW, t), message).hex())

for message in [b"hello", b"again"]:
    signature = ed25519(bytes(32), b"announcement\0" + PLACE + le(0, 4) + message)
    print("ed25519", message.decode(), signature.hex())
