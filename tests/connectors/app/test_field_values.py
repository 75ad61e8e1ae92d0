"""Settings as typed, stored and read."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.contract import Field, FieldKind
from connectors.field_values import FieldProblems, clean, clean_secrets, missing, texts, typed

FIELDS = (
    Field(name="server", label="Server", kind=FieldKind.HOST, required=True),
    Field(name="port", label="Port", kind=FieldKind.INTEGER, default="22", minimum=1, maximum=65535),
    Field(
        name="protocol",
        label="Protocol",
        kind=FieldKind.CHOICE,
        default="sftp",
        choices=(("sftp", "SFTP"), ("ftps", "FTPS (explicit TLS)"), ("ftp", "FTP")),
    ),
    Field(name="password", label="Password", kind=FieldKind.SECRET, required=True),
    Field(name="from_day", label="From", kind=FieldKind.DATE),
    Field(name="share", label="Share", kind=FieldKind.DECIMAL, default="0.5", minimum=0, maximum=1),
    Field(name="keep", label="Keep", kind=FieldKind.BOOLEAN, default="yes"),
    Field(name="label", label="Label", default="Shipping Cost"),
    Field(name="api_url", label="API", kind=FieldKind.URL),
)


def problem(name: str, text: str) -> str:
    with pytest.raises(FieldProblems) as caught:
        clean(FIELDS, {name: text})
    return caught.value.by_field[name]


def test_each_kind_is_stored_plainly_and_read_as_its_own_type():
    stored = clean(
        FIELDS,
        {
            "server": "SFTP.Example.com ",
            "port": "2222",
            "protocol": "FTP",
            "from_day": "2026-11-01",
            "share": "0.25",
            "keep": "No",
            "label": "Freight",
            "api_url": "https://api.example.com/v2/",
        },
    )
    assert stored == {
        "server": "sftp.example.com",
        "port": 2222,
        "protocol": "ftp",
        "from_day": "2026-11-01",
        "share": "0.25",
        "keep": False,
        "label": "Freight",
        "api_url": "https://api.example.com/v2/",
    }
    assert typed(FIELDS, stored) == {
        **stored,
        "from_day": date(2026, 11, 1),
        "share": Decimal("0.25"),
    }


def test_what_is_not_set_has_its_default_or_nothing():
    assert typed(FIELDS, {}) == {
        "server": "",
        "port": 22,
        "protocol": "sftp",
        "from_day": None,
        "share": Decimal("0.5"),
        "keep": True,
        "label": "Shipping Cost",
        "api_url": "",
    }


def test_an_empty_text_goes_back_to_the_default_and_an_empty_label_stays_empty():
    stored = clean(FIELDS, {"port": "", "label": " "})
    assert stored == {"port": None, "label": ""}
    read = typed(FIELDS, stored)
    assert (read["port"], read["label"]) == (22, "")


@pytest.mark.parametrize(
    ("pasted", "host", "port", "protocol"),
    [
        ("sftp://sftp.example.com:2222/out/orders", "sftp.example.com", 2222, "sftp"),
        ("FTP://user@ftp.example.com", "ftp.example.com", None, "ftp"),
        ("sftp.example.com:2022", "sftp.example.com", 2022, None),
        ("sftp.example.com/", "sftp.example.com", None, None),
        ("sftp://[2001:db8::1]:22/", "2001:db8::1", 22, "sftp"),
        ("2001:DB8::1", "2001:db8::1", None, None),
        ("10.0.0.7", "10.0.0.7", None, None),
        ("münchen.example", "xn--mnchen-3ya.example", None, None),
    ],
)
def test_a_pasted_address_fills_host_port_and_protocol(pasted: str, host: str, port: int | None, protocol: str | None):
    stored = clean(FIELDS, {"server": pasted})
    assert stored["server"] == host
    assert stored.get("port") == port
    assert stored.get("protocol") == protocol


def test_what_was_typed_wins_over_what_the_address_says():
    assert clean(FIELDS, {"server": "sftp://host.example:22/", "port": "2222"})["port"] == 2222


@pytest.mark.parametrize(
    "text", ["two words", "host/folder", "-host.example", "a..b", "http://", "://x", "host:port", "x" * 300]
)
def test_a_host_with_anything_else_in_it_is_refused(text: str):
    assert "name of a server" in problem("server", text)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("port", "22.5", "whole number"),
        ("port", "0", "at least 1"),
        ("port", "70000", "at most 65535"),
        ("port", "٢٢", "whole number"),
        ("protocol", "scp", "sftp, ftps, ftp"),
        ("from_day", "01.11.2026", "2026-11-30"),
        ("from_day", "2026-02-30", "2026-11-30"),
        ("from_day", "20261101", "2026-11-30"),
        ("share", "1,5", "12.50"),
        ("share", "NaN", "12.50"),
        ("share", "1.5", "at most 1"),
        ("keep", "maybe", "yes or no"),
        ("label", "a\nb", "one line"),
        ("api_url", "api.example.com", "https://"),
        ("api_url", "ftp://api.example.com", "https://"),
        ("api_url", "https://user:pw@api.example.com", "user name or a password"),
        ("api_url", "https://api.example.com:99999/", "https://"),
    ],
)
def test_a_text_that_does_not_fit_is_refused_with_what_would(name: str, text: str, words: str):
    assert words in problem(name, text)


def test_every_wrong_field_is_named_at_once():
    with pytest.raises(FieldProblems) as caught:
        clean(FIELDS, {"port": "x", "keep": "perhaps", "server": "ok.example"})
    assert set(caught.value.by_field) == {"port", "keep"}


def test_an_unknown_field_is_refused_with_the_known_ones():
    assert "server, port, protocol" in problem("prot", "22")


def test_a_secret_is_refused_as_a_setting_and_a_setting_as_a_secret():
    assert "is a secret" in problem("password", "hunter2")
    with pytest.raises(FieldProblems, match="Its secrets are: password"):
        clean_secrets(FIELDS, {"port": "22"})


def test_a_pasted_secret_loses_its_line_end_and_keeps_its_blanks():
    assert clean_secrets(FIELDS, {"password": " hunter 2 \r\n"}) == {"password": " hunter 2 "}
    assert clean_secrets(FIELDS, {"password": "\n"}) == {}


def test_a_stored_value_that_no_longer_fits_is_never_handed_on():
    with pytest.raises(FieldProblems, match="protocol: must be one of"):
        typed(FIELDS, {"protocol": "gopher"})


def test_required_fields_are_missing_until_they_have_a_value():
    assert [field.name for field in missing(FIELDS, {}, ())] == ["server", "password"]
    assert missing(FIELDS, {"server": "a.example"}, {"password"}) == ()


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no failure
@given(
    st.dates(),
    st.integers(1, 65535),
    st.booleans(),
    st.decimals(0, 1, places=3),
    st.text(alphabet=st.characters(categories=["L", "N", "P"])),
)
def test_what_a_form_shows_is_what_it_stores(day: date, port: int, keep: bool, share: Decimal, label: str):
    answers = {"from_day": str(day), "port": str(port), "keep": "yes" if keep else "no", "share": str(share), "label": label}
    stored = clean(FIELDS, answers)
    shown = texts(FIELDS, stored)
    assert clean(FIELDS, {name: shown[name] for name in answers}) == stored
    assert typed(FIELDS, stored)["from_day"] == day
