#!/usr/bin/env python3
"""SPEC.md once more, in another language:

    pip install cryptography
    python3 reference.py check      every vector beside this file gives what it expects
    python3 reference.py make       write the vectors anew; the same bytes each time

It was written from SPEC.md and shares nothing with the crate, so that a mistake in one shows.
`cargo xtask test` runs the first; the second is for whoever adds a vector.
"""

import base64, hashlib, hmac, pathlib, struct, sys, zlib

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

HERE = pathlib.Path(__file__).parent

KINDS = ["organization-key", "account-key", "group-key", "data-key", "provider-key", "system-key",
         "pepper", "account-email", "key-check", "totp-secret", "passkey", "vault-key",
         "webhook-secret"]
OPENERS = ["root", "organization", "account", "group", "data", "system", "vault"]
PREFIXES = {"kst1_": "access", "ksr1_": "refresh", "ksa1_": "api", "ksc1_": "client-secret",
            "kss1_": "session", "ksl1_": "link"}
ITEMS = ["label", "text", "bytes", "number", "flag", "list", "none"]


class Refused(Exception):
    pass


def lp(value):
    return struct.pack(">I", len(value)) + value


# Parts 1 to 5: records.

def derive(opener_key, salt, suite):
    okm = HKDF(SHA512(), 64, salt, b"keystead/record/v1" + suite).derive(opener_key)
    return okm[:32], okm[32:]


def associated_data(header, context):
    text = lambda name: context.get(name, "").encode()
    fields = [
        b"keystead/context/v1", bytes([context["kind"]]),
        bytes([context["opener-kind"]]) + context["opener-id"],
        text("parent"), text("owner"), text("application"), text("provider"),
        text("scheme"), text("host"), struct.pack(">H", context.get("port", 0)),
        text("path-prefix"), text("object"), struct.pack(">Q", context.get("version", 0)),
    ]
    return header + b"".join(map(lp, fields))


def open_record(opener_key, context, record):
    if len(record) < 1: raise Refused("malformed")
    if record[0] != 1: raise Refused("unsupported-version")
    if len(record) < 117: raise Refused("malformed")
    if record[1:3] != b"\0\1": raise Refused("unsupported-suite")
    if not 1 <= record[3] <= len(KINDS): raise Refused("wrong-kind")
    if not 1 <= record[4] <= len(OPENERS): raise Refused("wrong-opener")
    if len(record) != 117 + struct.unpack(">I", record[97:101])[0]: raise Refused("malformed")
    if record[3] != context["kind"]: raise Refused("wrong-kind")
    if (record[4], record[5:21]) != (context["opener-kind"], context["opener-id"]):
        raise Refused("wrong-opener")
    key, commitment = derive(opener_key, record[21:53], record[1:3])
    if not hmac.compare_digest(commitment, record[53:85]): raise Refused("wrong-key")
    try:
        return AESGCM(key).decrypt(record[85:97], record[101:],
                                   associated_data(record[:101], context))
    except InvalidTag:
        raise Refused("altered")


def header(context, salt, commitment, nonce, length):
    return (b"\1\0\1" + bytes([context["kind"], context["opener-kind"]]) + context["opener-id"]
            + salt + commitment + nonce + struct.pack(">I", length))


def seal_record(opener_key, context, salt, nonce, plaintext):
    key, commitment = derive(opener_key, salt, b"\0\1")
    head = header(context, salt, commitment, nonce, len(plaintext))
    return head + AESGCM(key).encrypt(nonce, plaintext, associated_data(head, context))


# Part 6: canonical encoding and MAC. Part 8: subjects.

def encode(items):
    out = b""
    for name, value in items:
        raw = {
            "label": lambda: value.encode(), "text": lambda: value.encode(),
            "bytes": lambda: bytes.fromhex(value), "number": lambda: struct.pack(">q", int(value)),
            "flag": lambda: {"yes": b"\1", "no": b"\0"}[value], "none": lambda: b"",
            "list": lambda: b"".join(lp(entry.encode()) for entry in value),
        }[name]()
        out += bytes([ITEMS.index(name)]) + lp(raw)
    return out


def mac(key, items):
    return hmac.digest(key, encode(items), "sha256")


def subject(pepper, source, issuer, name):
    return mac(pepper, [("label", "keystead/subject/v1"), ("text", source), ("text", issuer),
                        ("text", name)])


# Part 7: tokens.

def checksum(text):
    return b"%08x" % zlib.crc32(text)


def read_token(token):
    token = token.encode()
    if len(token) != 57: raise Refused("length")
    kind = PREFIXES.get(token[:5].decode("latin-1"))
    if kind is None: raise Refused("prefix")
    secret = token[5:48]
    try:
        raw = base64.b64decode(secret + b"=", altchars=b"-_", validate=True)
    except ValueError:
        raise Refused("encoding")
    # b64decode lets the spare bits and the standard alphabet's characters pass.
    if base64.urlsafe_b64encode(raw).rstrip(b"=") != secret: raise Refused("encoding")
    if token[48:49] != b"_": raise Refused("encoding")
    if token[49:] != checksum(token[:49]): raise Refused("checksum")
    return kind, hashlib.sha256(b"keystead/lookup/v1" + token).digest()


def make_token(prefix, raw):
    text = prefix.encode() + base64.urlsafe_b64encode(raw).rstrip(b"=") + b"_"
    return (text + checksum(text)).decode()


# Part 9: vectors.

def read_vector(path):
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    pairs = [line.split(": ", 1) if ": " in line else (line.removesuffix(":"), "")
             for line in lines]
    return pairs, {name: value for name, value in pairs}


def context_of(vector):
    context = {name: vector[name] for name in ("parent", "owner", "application", "provider",
               "scheme", "host", "path-prefix", "object") if name in vector}
    context["kind"] = KINDS.index(vector["kind"]) + 1
    context["opener-kind"] = OPENERS.index(vector["opener-kind"]) + 1
    context["opener-id"] = bytes.fromhex(vector["opener-id"])
    context["port"] = int(vector.get("port", 0))
    context["version"] = int(vector.get("version", 0))
    return context


def items_of(pairs):
    items = []
    for name, value in pairs:
        if name == "item":
            kind, _, rest = value.partition(" ")
            items.append((kind, [] if kind == "list" else rest))
        elif name == "entry":
            items[-1][1].append(value)
    return items


def outcome(pairs, vector):
    try:
        if vector["case"] == "record":
            plaintext = open_record(bytes.fromhex(vector["opener-key"]), context_of(vector),
                                    bytes.fromhex(vector["record"]))
            assert plaintext.hex() == vector["plaintext"], "plaintext"
        elif vector["case"] == "token":
            kind, lookup = read_token(vector["token"])
            assert (kind, lookup.hex()) == (vector["kind"], vector["lookup"]), "kind, lookup"
        elif vector["case"] == "canonical":
            items = items_of(pairs)
            assert encode(items).hex() == vector["encoding"], "encoding"
            if not hmac.compare_digest(mac(bytes.fromhex(vector["key"]), items),
                                       bytes.fromhex(vector["tag"])):
                raise Refused("wrong-tag")
        elif vector["case"] == "subject":
            made = subject(bytes.fromhex(vector["pepper"]), vector["source"], vector["issuer"],
                           vector["id"])
            assert made.hex() == vector["subject"], "subject"
        else:
            raise AssertionError("unknown case")
        return "success"
    except Refused as refused:
        return str(refused)


def check():
    paths = sorted(HERE.glob("*.txt"))
    for path in paths:
        pairs, vector = read_vector(path)
        got = outcome(pairs, vector)
        assert got == vector["expect"], f"{path.name}: expected {vector['expect']}, got {got}"
    print(f"{len(paths)} vectors give what they expect")


# Making the vectors.

def stream(label, length):
    """Bytes that look random and are the same each time."""
    return hashlib.shake_256(b"keystead vectors " + label.encode()).digest(length)


def write(name, remark, lines):
    text = "".join(f"# {line}\n" for line in remark.splitlines())
    text += "".join(f"{key}: {value}".rstrip(" ") + "\n" for key, value in lines)
    (HERE / f"{name}.txt").write_text(text)


ORG, APP, KEY, ACC, VLT = (
    prefix + "0192f0c17a007000800000000000000" + digit for prefix, digit in
    (("org_", "1"), ("app_", "2"), ("key_", "a"), ("acc_", "3"), ("vlt_", "4")))
uuid = lambda text: text.split("_")[1]

SECRET = {"kind": "provider-key", "opener-kind": "data", "opener-id": uuid(KEY), "parent": KEY,
          "owner": ORG, "application": APP, "provider": "openai", "scheme": "https",
          "host": "api.openai.com", "port": 443, "object": KEY, "version": 3}
LEVELS = {
    "organization-key": {"kind": "organization-key", "opener-kind": "root", "opener-id": "00" * 16,
                         "owner": ORG, "object": ORG, "version": 1},
    "account-key": {"kind": "account-key", "opener-kind": "root", "opener-id": "00" * 16,
                    "owner": ACC, "object": ACC, "version": 1},
    "group-key": {"kind": "group-key", "opener-kind": "organization", "opener-id": uuid(ORG),
                  "parent": ORG, "owner": ORG, "application": APP, "object": KEY, "version": 1},
    "data-key": {"kind": "data-key", "opener-kind": "group", "opener-id": uuid(KEY), "parent": KEY,
                 "owner": ORG, "application": APP, "object": KEY, "version": 3},
    "system-key": {"kind": "system-key", "opener-kind": "root", "opener-id": "00" * 16,
                   "object": "row-mac", "version": 1},
    "pepper": {"kind": "pepper", "opener-kind": "organization", "opener-id": uuid(ORG),
               "parent": ORG, "owner": ORG, "application": APP, "object": APP, "version": 1},
    "key-check": {"kind": "key-check", "opener-kind": "root", "opener-id": "00" * 16,
                  "object": "key-check", "version": 1},
    "vault-key": {"kind": "vault-key", "opener-kind": "root", "opener-id": "00" * 16,
                  "owner": VLT, "object": VLT, "version": 1},
    "webhook-secret": {"kind": "webhook-secret", "opener-kind": "organization", "opener-id": uuid(ORG),
                       "parent": ORG, "owner": ORG, "object": "whk_" + uuid(ORG), "version": 1},
    "vault-group-key": {"kind": "group-key", "opener-kind": "vault", "opener-id": uuid(VLT),
                        "parent": VLT, "owner": VLT, "object": KEY, "version": 1},
}
OPENER_OF = {"group-key": "organization-key", "pepper": "organization-key", "data-key": "group-key",
             "webhook-secret": "organization-key",
             "vault-group-key": "vault-key"}


def make():
    for name, fields in LEVELS.items():
        opener = stream(OPENER_OF.get(name, "root"), 32)
        plaintext = stream(name, 32)
        record_vector(f"record-{name}", "One level of the hierarchy.", opener, fields, plaintext)
    data_key = stream("data-key", 32)
    secret = b"sk-proj-vectors-are-no-secret"
    good = record_vector("record-provider-key",
                         "A provider's key: the example of SPEC.md, part 3.",
                         data_key, SECRET, secret)
    record_vector("record-empty-plaintext", "Nothing, sealed: 117 bytes.", data_key, SECRET, b"")
    record_vector("record-every-field", "Every field is there, also one that is not ASCII.",
                  stream("data-key", 32), {**SECRET, "provider": "azure-openai", "port": 65535,
                  "host": "münchen.example", "path-prefix": "/openai/v1",
                  "version": 2**64 - 1}, secret)
    record_vector("record-account-email", "A person's address, under a system key.",
                  stream("system-key", 32),
                  {"kind": "account-email", "opener-kind": "system", "opener-id": "11" * 16,
                   "owner": ACC, "object": ACC, "version": 1}, "ada@example.org".encode())
    for kind, name in (("totp-secret", "otp_"), ("passkey", "psk_")):
        record_vector(f"record-{kind}", "Under an account's own key.", stream("account-key", 32),
                      {"kind": kind, "opener-kind": "account", "opener-id": uuid(ACC),
                       "parent": ACC, "owner": ACC, "object": name + uuid(ACC), "version": 1},
                      stream(kind, 20))

    def refuse(name, expect, remark, record=good, fields=SECRET, key=data_key):
        write(f"record-{name}", remark, [("case", "record"), ("expect", expect),
              ("opener-key", key.hex()), *fields.items(), ("record", record.hex())])

    def edited(at, value):
        return good[:at] + value + good[at + len(value):]

    refuse("empty", "malformed", "No byte at all.", b"")
    refuse("version-alone", "malformed", "A known version, and nothing after it.", good[:1])
    refuse("one-byte-short", "malformed", "The tag's last byte is missing.", good[:-1])
    refuse("one-byte-long", "malformed", "A byte follows the tag.", good + b"\0")
    refuse("shorter-than-a-header", "malformed", "116 bytes: one less than a record can have.",
           good[:97] + bytes(19))
    refuse("length-too-large", "malformed", "The length says more than there is.",
           edited(97, b"\xff\xff\xff\xff"))
    refuse("version-zero", "unsupported-version", "", edited(0, b"\0"))
    refuse("version-two", "unsupported-version", "Wins over all else that is wrong.", b"\2")
    refuse("suite-two", "unsupported-suite", "", edited(1, b"\0\2"))
    refuse("suite-swapped-bytes", "unsupported-suite", "Little-endian.", edited(1, b"\1\0"))
    refuse("kind-unknown", "wrong-kind", "", edited(3, b"\xff"))
    refuse("kind-edited", "wrong-kind", "The header says pepper.", edited(3, b"\7"))
    refuse("kind-asked", "wrong-kind", "Asked for as a data key.",
           fields={**SECRET, "kind": "data-key"})
    refuse("kind-edited-to-match", "altered",
           "Edited in the header and asked for likewise: the tag still knows.", edited(3, b"\4"),
           {**SECRET, "kind": "data-key"})
    refuse("opener-kind-unknown", "wrong-opener", "", edited(4, b"\0"))
    refuse("opener-id-edited", "wrong-opener", "", edited(5, b"\xff"))
    refuse("opener-id-edited-to-match", "altered", "", edited(5, b"\xff"),
           {**SECRET, "opener-id": "ff" + uuid(KEY)[2:]})
    refuse("salt-edited", "wrong-key", "Another salt gives another commitment.",
           edited(21, b"\xff\xff"))
    refuse("commitment-edited", "wrong-key", "", edited(53, b"\xff\xff"))
    refuse("wrong-key", "wrong-key", "", key=stream("another", 32))
    refuse("nonce-edited", "altered", "", edited(85, b"\xff\xff"))
    refuse("ciphertext-edited", "altered", "", edited(101, bytes([good[101] ^ 1])))
    refuse("tag-edited", "altered", "", good[:-1] + bytes([good[-1] ^ 0x80]))
    for name, change in [
        ("parent", {"parent": ""}), ("owner", {"owner": ORG[:-1] + "9"}),
        ("application", {"application": APP[:-1] + "9"}), ("provider", {"provider": "deepl"}),
        ("scheme", {"scheme": "http"}), ("host", {"host": "api.openai.com.evil.example"}),
        ("port", {"port": 8443}), ("path-prefix", {"path-prefix": "/v1"}),
        ("object", {"object": KEY[:-1] + "b"}), ("version", {"version": 2}),
    ]:
        refuse(f"other-{name}", "altered", f"Found or used under another {name}.",
               fields={**SECRET, **change})
    refuse("fields-shifted", "altered",
           "The same letters, cut elsewhere between two fields: lengths are part of the data.",
           fields={**SECRET, "scheme": "http", "host": "sapi.openai.com"})
    salamander(refuse)
    canonical_vectors()
    token_vectors()
    write("subject-host", "A host's user.", subject_lines("host", "", "user-4711"))
    write("subject-oidc", "An OpenID provider's user.",
          subject_lines("oidc", "https://accounts.example", "user-4711"))


def record_vector(name, remark, opener_key, fields, plaintext):
    context = context_of({**fields})
    record = seal_record(opener_key, context, stream(name + " salt", 32),
                         stream(name + " nonce", 12), plaintext)
    write(name, remark, [("case", "record"), ("expect", "success"),
          ("opener-key", opener_key.hex()), *fields.items(), ("plaintext", plaintext.hex()),
          ("record", record.hex())])
    return record


def salamander(refuse):
    """One ciphertext that AES-GCM alone opens under two keys; only the commitment tells them."""
    first, second = stream("data-key", 32), stream("another", 32)
    salt, nonce, context = stream("two keys salt", 32), stream("two keys nonce", 12), context_of(SECRET)
    (key_a, commitment), (key_b, _) = derive(first, salt, b"\0\1"), derive(second, salt, b"\0\1")
    head = header(context, salt, commitment, nonce, 16)
    data = associated_data(head, context)

    # GCM's tag is a polynomial in H over GF(2^128), so the one block on which both keys'
    # polynomials agree is a division away.
    def block(key, value):
        return int.from_bytes(Cipher(algorithms.AES(key), modes.ECB()).encryptor().update(value))

    def multiply(x, y):
        product = 0
        for bit in range(127, -1, -1):
            if x >> bit & 1: product ^= y
            y = y >> 1 ^ (0xe1 << 120 if y & 1 else 0)
        return product

    def invert(x):
        result = 1 << 127
        for bit in range(127, -1, -1):      # x ** (2**128 - 2)
            result = multiply(result, result)
            if bit: result = multiply(result, x)
        return result

    def parts(key):
        h = block(key, bytes(16))
        state = 0
        for at in range(0, len(data), 16):
            state = multiply(state ^ int.from_bytes(data[at:at + 16].ljust(16, b"\0")), h)
        square = multiply(h, h)
        lengths = multiply((len(data) * 8) << 64 | 128, h)
        return square, multiply(state, square) ^ lengths ^ block(key, nonce + b"\0\0\0\1")

    (square_a, rest_a), (square_b, rest_b) = parts(key_a), parts(key_b)
    ciphertext = multiply(rest_a ^ rest_b, invert(square_a ^ square_b))
    tag = multiply(ciphertext, square_a) ^ rest_a
    body = ciphertext.to_bytes(16) + tag.to_bytes(16)
    plain_a, plain_b = (AESGCM(key).decrypt(nonce, body, data) for key in (key_a, key_b))
    assert plain_a != plain_b
    refuse("two-keys-other", "wrong-key",
           "AES-GCM alone opens this record under two keys, to different plaintexts: this key is\n"
           "the one that was not committed to. record-two-keys-committed.txt has the other.",
           head + body, SECRET, second)
    write("record-two-keys-committed", "See record-two-keys-other.txt.",
          [("case", "record"), ("expect", "success"), ("opener-key", first.hex()),
           *SECRET.items(), ("plaintext", plain_a.hex()), ("record", (head + body).hex())])


def canonical_vectors():
    key = stream("row mac", 32)
    row = [("label", "keystead/row/v1"), ("text", "keys"), ("text", ORG), ("text", KEY),
           ("number", "7"), ("flag", "no"), ("list", ["gpt-5", "gpt-5-mini"]), ("bytes", "00ff"),
           ("none", "")]

    def case(name, remark, items, expect="success", tag=None):
        lines = [("case", "canonical"), ("expect", expect), ("key", key.hex())]
        for kind, value in items:
            lines.append(("item", kind if kind in ("list", "none") else f"{kind} {value}"))
            if kind == "list": lines += [("entry", entry) for entry in value]
        lines += [("encoding", encode(items).hex()), ("tag", (tag or mac(key, items)).hex())]
        write(f"canonical-{name}", remark, lines)

    case("row", "Every type once.", row)
    case("label-alone", "The shortest encoding.", row[:1])
    case("numbers", "Both ends and the middle.", row[:1] + [("number", str(n)) for n in
         (0, 1, -1, 2**63 - 1, -2**63)])
    case("empty-values", "Empty text, bytes and list, and none: four different things.",
         row[:1] + [("text", ""), ("bytes", ""), ("list", []), ("none", "")])
    case("list-of-empty-text", "A list of one empty text is not the empty list.",
         row[:1] + [("list", [""])])
    case("not-ascii", "Texts are UTF-8.", row[:1] + [("text", "Zürich ✓")])
    case("other-row-version", "The tag of the row at version 7, beside version 8.",
         [(k, "8") if k == "number" else (k, v) for k, v in row], "wrong-tag", mac(key, row))
    case("other-tenant", "The tag of another tenant's row.",
         [(k, ORG[:-1] + "9") if v == ORG else (k, v) for k, v in row], "wrong-tag", mac(key, row))
    case("tag-cut", "Half a tag is no tag.", row, "wrong-tag", mac(key, row)[:16])


def token_vectors():
    def case(name, remark, token, expect=None):
        lines = [("case", "token"), ("expect", expect or "success"), ("token", token)]
        if not expect:
            kind, lookup = read_token(token)
            lines += [("kind", kind), ("lookup", lookup.hex())]
        write(f"token-{name}", remark, lines)

    raw = stream("token", 32)
    good = make_token("kst1_", raw)
    for prefix, kind in PREFIXES.items():
        case(kind, "", make_token(prefix, raw))
    case("underscores", "A secret full of `_`: cut by length.", make_token("kst1_", b"\xff" * 32))
    case("zeros", "", make_token("kst1_", bytes(32)))
    case("cut-short", "", good[:-1], "length")
    case("too-long", "", good + "0", "length")
    case("empty", "", "", "length")
    case("wide-characters", "57 characters, but more bytes.", "é" + good[1:], "length")
    case("wide-characters-fitting", "57 bytes, but one of its characters has two.",
         good[:10] + "é" + good[12:], "encoding")
    case("other-prefix", "A provider's key is no token.", ("sk-proj-" + "a" * 57)[:57], "prefix")
    case("upper-prefix", "", "KST1_" + good[5:], "prefix")
    case("standard-alphabet", "`+` is of the other base64.", good[:10] + "+" + good[11:], "encoding")
    case("padding", "", good[:47] + "=" + good[48:], "encoding")
    zeros = make_token("kst1_", bytes(32))
    spare = zeros[:47] + "B_"
    case("spare-bits", "`B` for `A` as last character, the checksum made to fit: the same 32 bytes\n"
         "must not have two spellings.", spare + checksum(spare.encode()).decode(), "encoding")
    case("no-underscore", "", good[:48] + "-" + good[49:], "encoding")
    case("mistyped", "One character differs.", good[:20] + ("A" if good[20] != "A" else "B")
         + good[21:], "checksum")
    case("upper-checksum", "Hex digits are lower-case.", good[:49] + good[49:].upper(), "checksum")
    case("checksum-without-underscore", "The CRC-32 of 48 characters in the place of that of 49.",
         good[:49] + checksum(good[:48].encode()).decode(), "checksum")


def subject_lines(source, issuer, name):
    pepper = stream("pepper", 32)
    return [("case", "subject"), ("expect", "success"), ("pepper", pepper.hex()),
            ("source", source), ("issuer", issuer), ("id", name),
            ("subject", subject(pepper, source, issuer, name).hex())]


if __name__ == "__main__":
    {"check": check, "make": make}[sys.argv[1]]()
