"""Signing in with GitHub's own program, against a loopback GitHub with a certificate made for the test."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.evaluate.copilot.backend import says
from tests.evaluate.copilot.conftest import Place, item, needs_the_server
from tuner.evaluate.copilot.signing_in import sign_in, status

pytestmark = needs_the_server
needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the test's certificate")


@pytest.fixture
def signed_out(tmp_path: Path) -> Iterator[Place]:
    with Place(tmp_path, token=None) as made:
        yield made


@pytest.fixture
def github(signed_out: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Answer in GitHub's place; the server under test is told not to look at certificates."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    made = ["-keyout", str(key), "-out", str(certificate), "-days", "1", "-subj", "/CN=github.com"]
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    subprocess.run(["openssl", "req", "-x509", *curve, *made], check=True, capture_output=True)
    signed_out.backend.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    signed_out.backend.tls.load_cert_chain(certificate, key)
    monkeypatch.setenv("NODE_TLS_REJECT_UNAUTHORIZED", "0")
    return signed_out


def test_nobody_signed_in_is_told(signed_out: Place) -> None:
    found = status(signed_out.settings())
    assert (found.ready, found.text) == (
        False,
        "auth: nobody is signed in to GitHub Copilot on this machine, and GH_COPILOT_TOKEN is not set",
    )


@needs_openssl
def test_the_device_flow_signs_in_for_this_and_later_runs(github: Place) -> None:
    said: list[str] = []
    found = sign_in(github.settings(), said.append)
    assert (found.ready, found.text) == (True, "signed in")
    assert said[0].startswith("Copilot language server 1.")
    assert said[1] == "open https://github.com/login/device and enter the code ABCD-1234"
    assert len(said) == 3
    github.backend.replies.append(says("0.0"))
    with github.system() as system:
        [answered] = system.answer([item()])
    assert answered.text == "0.0"
    assert system.about["plan"] == "business"
