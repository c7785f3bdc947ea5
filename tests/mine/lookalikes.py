"""Values that look like secrets and are none: digests, identifiers, pictures, lock files, versions, names.

`harmless()` gives the same list on every run.
"""

from __future__ import annotations

import base64
import hashlib
import uuid

from tests.mine.planted import ALNUM, chance_of, draw


def harmless() -> list[tuple[str, str]]:
    """Give pairs of a class and a line that holds no secret although it looks as if."""
    chance = chance_of("harmless")
    lines: list[tuple[str, str]] = []
    for number in range(60):
        data = str(number).encode()
        for name in ("md5", "sha1", "sha256", "sha512"):
            digest = hashlib.new(name, data).hexdigest()
            forms = (f'{name} = "{digest}"', f"{digest}  dist/ledger-{number}.tar.gz", f'"token_hash": "{digest}",')
            lines.append((name, forms[number % 3]))
        commit = hashlib.sha1(data + b"commit").hexdigest()
        lines.append(("commit", (f"commit {commit}", f'rev = "{commit}"', f"Revert {commit[:12]}")[number % 3]))
        some = str(uuid.UUID(int=chance.getrandbits(128), version=4))
        lines.append(("uuid", (f'id = "{some}"', f"token: {some}", f'"request_token": "{some}"')[number % 3]))
        picture = base64.b64encode(b"\x89PNG\r\n\x1a\n" + chance.randbytes(180)).decode()
        lines.append(("image", f'src="data:image/png;base64,{picture}"'))
        integrity = base64.b64encode(hashlib.sha512(data).digest()).decode()
        lines.append(("lock", f'      "integrity": "sha512-{integrity}",'))
        lines.append(("lock", f'  resolved "https://registry.test/ledger/-/ledger-1.{number}.0.tgz#{commit}"'))
        lines.append(
            (
                "lock",
                f'    {{file = "ledger-1.{number}.0.whl", hash = "sha256:{hashlib.sha256(data).hexdigest()}"}},',
            )
        )
        lines.append(
            ("lock", f"ledger.test/go v1.{number}.0 h1:{base64.b64encode(hashlib.sha256(data).digest()).decode()}")
        )
        lines.append(("lock", f'checksum = "{hashlib.sha256(data).hexdigest()}"'))
        version = f"{number % 12}.{number % 7}.{number}.{number % 5}"
        lines.append(
            ("version", (f'VERSION = "{version}"', f"ledger=={version}", f'"{version}"', f"v{version}")[number % 4])
        )
        lines.append(("colour", f"  color: #{chance.getrandbits(24):06x}; background: #{chance.getrandbits(32):08x};"))
        lines.append(
            ("minified", f"var {draw(chance, ALNUM, 2)}=function(e,t){{return e.key===t.token?e.k{number}:n(t)}};")
        )
    names = ("account", "Ledger", "balance", "Token", "password", "Secret", "Key", "reset", "Handler", "Factory")
    for number in range(60):
        words = [names[(number * k + k) % len(names)] for k in (1, 3, 7, 9)]
        camel = "".join(word.capitalize() for word in words)
        lines.append(("name", f"{camel}{number} = build{camel}()"))
        lines.append(("name", f"token = self.{'_'.join(words).lower()}_{number}"))
        lines.append(("import", f"from ledger.{words[0].lower()}.{words[1].lower()}{number} import {camel}"))
        lines.append(("regex", rf"PASSWORD = re.compile(r'^[A-Za-z0-9_]{{{number},}}\d+$')"))
        lines.append(("test", f"assert parse_token('test-token-{number}') == 'dummy-password-{number}'"))
        lines.append(("test", f'password = "test{number}"  # nosec'))
        lines.append(
            ("network", f"listen 10.0.{number}.1 192.168.1.{number} 127.0.0.1 255.255.255.0 fe80::{number:x} ::1")
        )
        lines.append(
            ("code", f"token{number} = tokens[{number}]; password: str = get_password(user{number}, key=api_key)")
        )
        lines.append(("code", f'api_key = os.environ.get("API_KEY_{number}", config.api_key{number})'))
        lines.append(
            ("number", f"limits = [{number * 7919}, {number * 104729}, +{number}, 1e-{number}, 0x{number * 7919:08x}]")
        )
    return lines
