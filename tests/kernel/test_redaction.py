"""What is stored or logged for people holds no secret."""

from __future__ import annotations

import base64
import io
import json
import logging
import time
from urllib.parse import quote, urlencode

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cartrover import redaction
from cartrover.redaction import MASK, ScrubFilter, excerpt, scrub

SECRET = "hunter2/+x"
BASIC = base64.b64encode(b"merchant:" + SECRET.encode()).decode()

WRITTEN = [
    f"Authorization: Bearer {SECRET}",
    f"authorization:Basic {BASIC}\r\nAccept: application/json",
    f'Proxy-Authorization: Digest username="merchant", response="{SECRET}"',
    json.dumps({"Authorization": f"Bearer {SECRET}"}),
    str({"Authorization": f"Bearer {SECRET}", "Accept": "*/*"}),
    str([("authorization", f"token {SECRET}")]),
    f"sent with bearer {SECRET}",
    f"X-Api-Key: {SECRET}",
    f"X-Shopify-Access-Token: {SECRET}",
    f"Cookie: sessionid={SECRET}; csrftoken={SECRET}",
    f"Set-Cookie: sessionid={SECRET}; HttpOnly",
    json.dumps({"ftp_password": SECRET, "user": "merchant"}),
    json.dumps({"password": f'with"quote{SECRET}'}),
    json.dumps(json.dumps({"client_secret": SECRET})),
    json.dumps({"access_token": SECRET, "expires_in": 3600}, indent=2),
    str({"refresh_token": SECRET}),
    f'{{"password": "{SECRET}',
    urlencode({"grant_type": "password", "password": SECRET, "user": "merchant"}),
    f"client_secret={quote(SECRET)}&scope=x",
    f"password: {SECRET}",
    f"api_key => '{SECRET}'",
    f"https://merchant:{SECRET.replace('/', '')}@files.example.com/out",
    f"https://api.example.com/cb?code={quote(SECRET)}&state={quote(SECRET)}",
    f"https://api.example.com/orders?access_token={quote(SECRET)}#top",
    f"<login><password>{SECRET}</password></login>",
    f"-----BEGIN RSA PRIVATE KEY-----\n{SECRET}\n-----END RSA PRIVATE KEY-----",
    f"-----BEGIN OPENSSH PRIVATE KEY-----\n{SECRET}",
]


@pytest.mark.parametrize("text", WRITTEN)
def test_secret_is_masked_however_it_is_written(text: str) -> None:
    shown = scrub(text)
    for shape in (SECRET, quote(SECRET), quote(SECRET, safe=""), SECRET.replace("/", ""), BASIC):
        assert shape not in shown
    assert MASK in shown


@pytest.mark.parametrize(
    "text",
    [
        "DSCO refused the password for sftp.dsco.io. Paste the new password.",
        "basic authentication is switched off",
        "http://host:8080/orders?email=a@b.example",
        '{"token_url": "https://api.example.com/token", "token_type": "Bearer", "order_number": "PO-1"}',
        '{"Idempotency-Key": "7d9f", "line_item_sku": "CAP-9"}',
        "Purchase_Order_20261122.csv: row 14, column dsco_order_id",
        "POST /orders 201 in 240 ms",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert scrub(text) == text


def test_rest_of_the_text_stays() -> None:
    shown = scrub('{"password": "hunter2", "user": "merchant"} user=merchant&password=hunter2&port=22')
    assert shown == f'{{"password": "{MASK}", "user": "merchant"}} user=merchant&password={MASK}&port=22'


@given(st.text(min_size=4), st.text(), st.text())
def test_given_secret_never_shows(secret: str, before: str, after: str) -> None:
    assume(MASK[0] not in secret and secret not in before + after)
    for shape in (secret, json.dumps(secret), json.dumps(secret, ensure_ascii=False), quote(secret), urlencode({"x": secret})):
        shown = scrub(f"{before} {shape} {after}", [secret])
        assert secret not in shown or secret in f"{before} {MASK} {after}"


@given(st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc", "Z"], exclude_characters="&\"'<>{}[],;)#\\")))
def test_password_in_a_form_never_shows(secret: str) -> None:
    assume(len(secret) > 3 and MASK[0] not in secret)
    assert secret not in scrub(f"user=merchant&ftp_password={secret}&port=22").replace("merchant", "").replace("password", "")


@given(st.text(min_size=4))
def test_password_in_json_never_shows(secret: str) -> None:
    shown = json.loads(scrub(json.dumps({"a": 1, "client_secret": secret, "b": 2})))
    # After a secret that is a header's name, what follows may be taken for that header's value.
    assert (shown["a"], shown["client_secret"]) == (1, MASK)
    assert list(shown.values()) == [1, MASK, 2]


@given(st.text())
def test_any_text_can_be_scrubbed(text: str) -> None:
    assert isinstance(scrub(text, [text]), str)


def test_short_secret_is_masked_where_it_stands_alone() -> None:
    assert scrub("the pin 12 of 1234", ["12"]) == f"the pin {MASK} of 1234"


def test_longer_of_two_secrets_that_begin_alike_goes_whole() -> None:
    assert scrub("it was hunter22", ["hunter2", "hunter22"]) == f"it was {MASK}"


def test_no_secrets_given_changes_nothing() -> None:
    assert scrub("plain", ["", "***"]) == "plain"


@pytest.mark.parametrize(
    "piece", ["a", "token", '"', "://a:", "x-", 'password="', "\\", "authorization: '", "basic ", "<password", "-----BEGIN "]
)
def test_hostile_text_takes_no_more_than_its_share(piece: str) -> None:
    def seconds(length: int) -> float:
        text = piece * (length // len(piece))
        began = time.process_time()
        scrub(text)
        return time.process_time() - began

    # Eight times the text at most twenty times the time: a quadratic pattern would take 64 times.
    assert seconds(80_000) < 20 * max(seconds(10_000), 0.005)


def test_excerpt_says_how_much_it_left_out() -> None:
    assert excerpt("short") == "short"
    assert excerpt("x" * 5000) == "x" * 4000 + "… (1,000 more characters)"
    assert excerpt("abcdef", limit=3) == "abc… (3 more characters)"


@pytest.fixture
def logged() -> tuple[logging.Logger, io.StringIO]:
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.addFilter(ScrubFilter())
    logger = logging.Logger("scrubbed")
    logger.addHandler(handler)
    return logger, written


def test_log_lines_are_scrubbed_with_arguments_and_traceback(logged: tuple[logging.Logger, io.StringIO]) -> None:
    logger, written = logged
    logger.warning("sent %s to %s", {"password": "hunter2"}, "DSCO")
    try:
        raise ValueError("Authorization: Bearer hunter2")
    except ValueError:
        logger.exception("it broke with token=%s", "hunter2", stack_info=True)
    text = written.getvalue()
    assert "hunter2" not in text.replace('"hunter2"', "")
    assert "to DSCO" in text
    assert "ValueError: Authorization: ***" in text


def test_log_line_with_wrong_arguments_is_scrubbed_too(
    logged: tuple[logging.Logger, io.StringIO], capsys: pytest.CaptureFixture[str]
) -> None:
    logger, written = logged
    logger.warning("one %s two %s", "password=hunter2")
    assert "hunter2" not in written.getvalue() + capsys.readouterr().err
    assert "one %s two %s" in written.getvalue()


def test_every_handler_of_the_hub_scrubs() -> None:
    from cartrover import settings

    assert all("scrub" in handler["filters"] for handler in settings.LOGGING["handlers"].values())
    assert settings.LOGGING["filters"]["scrub"] == {"()": "cartrover.redaction.ScrubFilter"}


@given(
    st.lists(
        st.sampled_from(["pass", "word", "api", "_", "-", "key", "=", ":", "://", "a@b", "x-auth", "Basic ", "?sig=", '"', "1"])
        | st.text(max_size=8)
    )
)
def test_a_text_that_is_let_through_at_a_glance_has_nothing_that_the_patterns_find(pieces: list[str]) -> None:
    text = "".join(pieces)
    at_a_glance = scrub(text)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(redaction, "_has_mark", lambda text: True)
        assert scrub(text) == at_a_glance
