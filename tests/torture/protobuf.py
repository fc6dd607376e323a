"""Protobuf's wire format: splits a message into fields and joins them again. Trusts its input."""

Field = tuple[int, int, int | bytes]  # number, kind (0 varint, 1 eight bytes, 2 length and bytes, 5 four bytes), value


def fields(message: bytes) -> list[Field]:
    result: list[Field] = []
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        number, kind = key >> 3, key & 7
        if kind == 0:
            value, place = _varint(message, place)
            result.append((number, kind, value))
            continue
        length, place = _varint(message, place) if kind == 2 else ({1: 8, 5: 4}[kind], place)
        result.append((number, kind, message[place : place + length]))
        place += length
    return result


def serialised(message: list[Field]) -> bytes:
    parts = []
    for number, kind, value in message:
        parts.append(_bytes(number << 3 | kind))
        if isinstance(value, int):
            parts.append(_bytes(value))
        else:
            parts.append(_bytes(len(value)) + value if kind == 2 else value)
    return b"".join(parts)


def _varint(message: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while message[place] > 0x7F:
        value |= (message[place] & 0x7F) << shift
        place, shift = place + 1, shift + 7
    return value | message[place] << shift, place + 1


def _bytes(number: int) -> bytes:
    parts = []
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*parts, number])
