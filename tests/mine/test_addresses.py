"""Addresses of people and machines leave no text; versions, netmasks and private addresses stay."""

from __future__ import annotations

import ipaddress
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuner.mine.placeholders import PLACEHOLDER_EMAIL, PLACEHOLDER_IPV4, PLACEHOLDER_IPV6
from tuner.mine.redact import redact


@pytest.mark.parametrize(
    "text",
    [
        'HOST = "93.184.216.34"',
        "ssh deploy@93.184.216.34",
        "http://93.184.216.34:8080/v1",
        "allow 93.184.216.0/24",
        "moved to 93.184.216.34.",
        "server=5.6.7.8",
        "http://5.6.7.8/",
    ],
)
def test_a_public_address_becomes_a_documentation_address(text: str) -> None:
    redacted = redact(text)
    assert redacted.counts == {"ip_address": 1} and any(network in redacted.text for network in PLACEHOLDER_IPV4)


@pytest.mark.parametrize(
    "text",
    [
        'VERSION = "1.10.2.1"',
        '("1.10.2.1", "1.10.2.2")',
        "ledger==93.184.216.34",
        "version 93.184.216.34 fixes this",
        "ledger-93.184.216.34.tar.gz",
        "Mozilla/5.0 Chrome/120.0.0.0 Safari/537.36",
        "v93.184.216.34",
        "oid 1.3.6.1.4.1.311",
        "see C99 6.10.3.5 on hosts",
        "bind 10.1.2.3 172.16.4.5 192.168.0.1 127.0.0.1 169.254.1.1 0.0.0.0",
        "netmask 255.255.255.0 broadcast 255.255.255.255",
        "host 192.0.2.7 198.51.100.7 203.0.113.7",
        "999.184.216.34",
        "host fe80::1 ::1 fd00:1:2::3 2001:db8::7",
        "x[2000::2] and std::deque<int>::iterator",
        "12:30:45 2024:01:02",
    ],
)
def test_what_is_no_public_address_stays(text: str) -> None:
    assert redact(text).text == text


def test_an_ipv6_address_becomes_a_documentation_address() -> None:
    redacted = redact('HOST = "2a01:4f8:c17:b0f::2"  # and [2606:4700:4700::1111]:443').text
    assert redacted.count(PLACEHOLDER_IPV6) == 2 and "2a01" not in redacted and "2606" not in redacted


def test_the_same_address_has_the_same_stand_in() -> None:
    first, second = redact("host 93.184.216.34\nhost 93.184.216.34").text.split("\n")
    assert first == second


@pytest.mark.parametrize(
    "text",
    [
        "call +49 151 9876 5432",
        'CALL = "+4915198765432"',
        "phone: (030) 901820-44",
        "tel. 030 9018 2044",
        '"mobile": "0151-98765432"',
        "tel:+44-20-7946-0958",
    ],
)
def test_a_telephone_number_keeps_its_length_and_signs(text: str) -> None:
    redacted = redact(text)
    assert redacted.counts == {"phone": 1}
    assert len(redacted.text) == len(text) and "5550" in "".join(filter(str.isdigit, redacted.text))
    assert [c for c in redacted.text if not c.isdigit()] == [c for c in text if not c.isdigit()]


@pytest.mark.parametrize(
    "text",
    [
        "x = a +1234567 - b",
        "+1-555-0100",
        "phone = 320",
        "mobile: 2024-01-02",
        "offset +0100",
        "limit +12",
        "i+4915198765432",
    ],
)
def test_what_is_no_telephone_number_stays(text: str) -> None:
    assert redact(text).text == text


@pytest.mark.parametrize(
    "text", ["ann at ledger dot dev", "ann [at] ledger [dot] dev", "ann(at)ledger.dev", "ann@ledger.dev"]
)
def test_a_mail_address_is_found_however_it_is_spelt(text: str) -> None:
    assert PLACEHOLDER_EMAIL.fullmatch(redact(text).text)


def test_each_address_has_its_own_stand_in_everywhere() -> None:
    mails = [f"clerk{number}@ledger.dev" for number in range(50)]
    hosts = [f"http://93.184.{number}.34/" for number in range(20)]
    stand_ins = [redact(each).text for each in (*mails, *hosts)]
    assert len(set(stand_ins)) >= len(stand_ins) - 1  # there are 762 documentation addresses
    assert len(set(stand_ins[: len(mails)])) == len(mails)
    assert redact(f"<{mails[0]}> and {mails[1]}").text == f"<{stand_ins[0]}> and {stand_ins[1]}"
    assert redact(mails[0].upper()).text == stand_ins[0]


@pytest.mark.parametrize("text", ["look at the dot product", "y = x@self.weight", "@app.route", "pointed at main dot"])
def test_words_and_operators_are_no_mail_address(text: str) -> None:
    assert redact(text).text == text


@settings(max_examples=200, deadline=None)
@given(st.ip_addresses(), st.sampled_from(["host {}", '"{}"', "http://{}/", "[{}]:80", "{}"]))
def test_no_public_address_beside_a_network_word_survives(address: ipaddress.IPv4Address, form: str) -> None:
    text = "connect to " + form.format(address)
    once = redact(text).text
    groups = [each for each in str(address).split(":") if each]
    is_sought = address.version == 4 or (int(address) >> 125 == 1 and len(groups) >= 3)  # 2000::/3, and no slice
    is_netmask = str(address).startswith("255.") or str(address).endswith(".0.0.0")
    if address.is_global and is_sought and not address.is_multicast and not is_netmask:
        assert re.search(rf"(?<![\w:.]){re.escape(str(address))}(?![\w:.])", once) is None
    if not address.is_global and not str(address).startswith("2001"):
        assert once == text
    assert redact(once).text == once
