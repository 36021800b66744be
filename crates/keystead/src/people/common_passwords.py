#!/usr/bin/env python3
"""Makes common_passwords.bin, to be run by hand:

    pip download zxcvbn==4.5.0 --no-deps --no-binary :all: && tar xf zxcvbn-4.5.0.tar.gz
    python3 common_passwords.py zxcvbn-4.5.0

The list of passwords is the one that zxcvbn (Dropbox, Inc. and Daniel Wolf; MIT licence) was published
with, counted in leaks. Of those with 8 characters or more, for shorter ones are refused anyway, the
commonest 10,000: the first 6 bytes of SHA-256 of each, in order.
"""

import hashlib, pathlib, sys

sys.path.insert(0, sys.argv[1])
from zxcvbn.frequency_lists import FREQUENCY_LISTS

passwords = [word.lower() for word in FREQUENCY_LISTS["passwords"] if len(word) >= 8]
commonest = list(dict.fromkeys(passwords))[:10_000]
hashes = sorted(hashlib.sha256(word.encode()).digest()[:6] for word in commonest)
out = pathlib.Path(__file__).with_suffix(".bin")
out.write_bytes(b"".join(hashes))
print(len(commonest), "passwords,", out.stat().st_size, "bytes")
