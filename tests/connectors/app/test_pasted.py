"""Server, user and password out of whatever a person pastes."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connectors.contract import Field, FieldKind
from connectors.field_values import clean
from connectors.pasted import LONGEST, read_pasted, reads_pasted

FIELDS = (
    Field(name="ftp_server", label="FTP server", kind=FieldKind.HOST, required=True),
    Field(name="ftp_username", label="FTP username", required=True),
    Field(name="ftp_password", label="FTP password", kind=FieldKind.SECRET, required=True),
    Field(
        name="protocol",
        label="Protocol",
        kind=FieldKind.CHOICE,
        choices=(("sftp", "SFTP"), ("ftps", "FTP with TLS (FTPS)"), ("ftp", "FTP, unencrypted")),
    ),
    Field(name="port", label="Port", kind=FieldKind.INTEGER),
    Field(name="order_folder", label="Order folder", default="out"),
)
HOST, USER, PASSWORD = "sftp.dsco.io", "account1000061639", "hG7!x_q#2"
ALL = {"ftp_server": HOST, "ftp_username": USER, "ftp_password": PASSWORD}


@pytest.mark.parametrize(
    "text",
    [
        f"FTP Server: {HOST}\nFTP Username: {USER}\nFTP Password: {PASSWORD}",
        f"Server {'.' * 0}\t{HOST}\nUser name\t{USER}\nPassword\t{PASSWORD}",
        f"host={HOST}\nlogin={USER}\npwd={PASSWORD}\n",
        f"Hostname - see below\n\nHost: {HOST}\nUsername: {USER}\nPassword: {PASSWORD}",
        f"FTP Server\n{HOST}\nFTP Username\n{USER}\nFTP Password\n{PASSWORD}",
        f"FTP Server\nCopy\n{HOST}\nFTP Username\nCopy\n{USER}\nFTP Password\nShow\n{PASSWORD}\nCopy",
        f"Server\nUsername\nPassword\n{HOST}\n{USER}\n{PASSWORD}",
        f"Server\tUsername\tPassword\n{HOST}\t{USER}\t{PASSWORD}",
        f"| Server | Username | Password |\n|---|---|---|\n| {HOST} | {USER} | {PASSWORD} |",
        f"Server:\n  {HOST}\nUser:\n  {USER}\nPassword:\n  {PASSWORD}\n",
        f"Server: {HOST}, User: {USER}, Password: {PASSWORD}",
        f"Server: {HOST} FTP Username: {USER} and the FTP Password: {PASSWORD}",
        f"server {HOST}".replace("server ", "server=") + f"; username={USER}; password={PASSWORD}",
        f"The server is {HOST}, the user name is {USER} and the password is {PASSWORD}.",
        f'{{"host": "{HOST}", "username": "{USER}", "password": "{PASSWORD}"}}',
        f'{{\n  "host": "{HOST}",\n  "username": "{USER}",\n  "password": "{PASSWORD}"\n}}',
        f"- **Server:** {HOST}\n- **Username:** {USER}\n- **Password:** {PASSWORD}",
        f"1. SFTP Host -> {HOST}\n2. SFTP User -> {USER}\n3. SFTP Password -> {PASSWORD}",
        f"Dear merchant,\n\nhere is your login for DSCO.\n\nYour DSCO FTP server: {HOST}\nYour DSCO FTP username: {USER}\n"
        f"Your DSCO FTP password: {PASSWORD}\n\nKind regards\nThe team",
        f"Server (SFTP): {HOST}\nUser Name (login): {USER}\nPassword (case matters): {PASSWORD}",
        f"\u200bServer\xa0:\xa0{HOST}\r\nUsername\xa0:\xa0{USER}\r\nPassword\xa0:\xa0{PASSWORD}\r\n",
        f"SERVER: {HOST}\nUSERNAME: {USER}\nPASSWORD: {PASSWORD}",
        f"ftp_server: {HOST}\nftp_username: {USER}\nftp_password: {PASSWORD}",
        f'Server: "{HOST}"\nUser: "{USER}"\nPassword: "{PASSWORD}"',
        f"{HOST}\n{USER}\n{PASSWORD}",
        f"{HOST} {USER} {PASSWORD}",
        f"{PASSWORD}\n{USER}\n{HOST}",
    ],
)
def test_all_three_are_read(text: str) -> None:
    assert read_pasted(FIELDS, text) == ALL


@pytest.mark.parametrize("form", ["{}: {}", "{} = {}", "{}\t{}", "{}\n{}", "{}:\n\n{}", "  • {}: {}  "])
@pytest.mark.parametrize("names", [("FTP Server", "FTP Username", "FTP Password"), ("Host", "Login", "Pass")])
def test_order_does_not_matter(form: str, names: tuple[str, str, str]) -> None:
    for pairs in itertools.permutations(zip(names, (HOST, USER, PASSWORD), strict=True)):
        assert read_pasted(FIELDS, "\n".join(form.format(*pair) for pair in pairs)) == ALL


def test_order_does_not_matter_without_names_where_shapes_tell() -> None:
    for words in itertools.permutations((HOST, USER, PASSWORD)):
        assert read_pasted(FIELDS, "\n".join(words)) == ALL


@pytest.mark.parametrize(
    ("text", "server"),
    [
        (f"sftp://{USER}:hG7%21x_q%232@{HOST}:2222/out", f"sftp://{HOST}:2222"),
        (f"Connect to sftp://{USER}:hG7%21x_q%232@{HOST} please", f"sftp://{HOST}"),
        (f"ftps://{HOST}/\nUser: {USER}\nPassword: {PASSWORD}", f"ftps://{HOST}"),
        (f"Server: sftp://{HOST}:2022\nUser: {USER}\nPassword: {PASSWORD}", f"sftp://{HOST}:2022"),
        (f"sftp -P 2222 {USER}@{HOST}\nPassword: {PASSWORD}", HOST),
    ],
)
def test_addresses_are_taken_apart(text: str, server: str) -> None:
    assert read_pasted(FIELDS, text) == {**ALL, "ftp_server": server}


def test_whole_address_fills_port_and_protocol_when_it_is_saved() -> None:
    read = read_pasted(FIELDS, f"ftps://{HOST}:990")
    assert clean(FIELDS, read) == {"ftp_server": HOST, "port": 990, "protocol": "ftps"}


def test_port_and_protocol_are_read_where_they_stand() -> None:
    text = f"Protocol: SFTP\nServer: {HOST}\nPort: 2222\nUser: {USER}\nPassword: {PASSWORD}"
    assert read_pasted(FIELDS, text) == {**ALL, "port": "2222", "protocol": "SFTP"}


@pytest.mark.parametrize(
    "password",
    [
        "two words here",
        "a:b=c",
        "ends with a dot.",
        "comma,semi;colon",
        "{curly}",
        "pass:word",
        "Host=x",
        "ümläut",
        "a|b",
        "**x**y",
    ],
)
def test_password_on_its_own_line_is_taken_whole(password: str) -> None:
    text = f"Server: {HOST}\nUser: {USER}\nPassword: {password}"
    assert read_pasted(FIELDS, text)["ftp_password"] == password


def test_user_may_be_an_address() -> None:
    assert read_pasted(FIELDS, f"Host: {HOST}\nUser: jo@shop.example\nPassword: x")["ftp_username"] == "jo@shop.example"


def test_first_value_counts() -> None:
    assert read_pasted(FIELDS, "Server: one.example\nServer: two.example") == {"ftp_server": "one.example"}


def test_what_is_missing_is_not_made_up() -> None:
    assert read_pasted(FIELDS, f"Server: {HOST}") == {"ftp_server": HOST}
    assert read_pasted(FIELDS, f"Server: {HOST}\nPassword:\n") == {"ftp_server": HOST}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   \n\t\n",
        "The server is down today, please call us.",
        "Please reset your password in the portal, then sign in again.",
        "one two three four five",
        "Hello there",
        "Server: see below",
    ],
)
def test_prose_gives_nothing(text: str) -> None:
    assert read_pasted(FIELDS, text) == {}


def test_other_kinds_are_read_by_their_labels() -> None:
    fields = (
        Field(name="api_url", label="API address", kind=FieldKind.URL),
        Field(name="shop", label="Shop number"),
        Field(name="api_key", label="API key", kind=FieldKind.SECRET),
        Field(name="client_id", label="Application ID"),
        Field(name="client_secret", label="Application secret", kind=FieldKind.SECRET),
    )
    text = (
        "API address: https://api.example.com/v1\nShop number: 0042\nAPI key: k-1\n"
        "Application ID: app-7\nApplication secret: s-1 s-2"
    )
    assert read_pasted(fields, text) == {
        "api_url": "https://api.example.com/v1",
        "shop": "0042",
        "api_key": "k-1",
        "client_id": "app-7",
        "client_secret": "s-1 s-2",
    }


def test_word_that_could_mean_two_fields_means_none() -> None:
    fields = (
        Field(name="read_host", label="Reading host", kind=FieldKind.HOST),
        Field(name="write_host", label="Writing host", kind=FieldKind.HOST),
    )
    assert read_pasted(fields, "Host: a.example") == {}
    assert read_pasted(fields, "Writing host: b.example") == {"write_host": "b.example"}


def test_box_is_offered_where_there_is_something_to_paste() -> None:
    assert reads_pasted(FIELDS)
    assert not reads_pasted(FIELDS[:2])
    assert not reads_pasted([Field(name="token", label="Token", kind=FieldKind.SECRET)])


@given(st.text(max_size=400))
def test_any_text_is_survived_and_nothing_is_made_up(text: str) -> None:
    for name, value in read_pasted(FIELDS, text).items():
        assert name in {field.name for field in FIELDS}
        assert value


def test_huge_text_is_cut_and_quick() -> None:
    assert read_pasted(FIELDS, "password " * LONGEST + f"\nServer: {HOST}") == {}


@example(",")
@example(",user")
@example(";;")
@given(
    st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40).filter(
        lambda word: word[0] not in "\"'`<|" and word[-1] != "|" and "__" not in word and "**" not in word
    )
)
def test_every_password_comes_through(password: str) -> None:
    text = f"Server: {HOST}\nUser: {USER}\nPassword: {password}"
    assert read_pasted(FIELDS, text)["ftp_password"] == password
