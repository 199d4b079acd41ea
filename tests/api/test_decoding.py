"""Decoding as a pure function: what every encoding has in common, for any text."""

from urllib.parse import quote, urlencode

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from purveyor.api.decoding import FIELDS_MAX, UNREADABLE, Undecodable, decode

names = st.sampled_from(["key", "action", "link", "comments", "orders", "quantity", "x", "ключ"])
texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=50)
fields = st.dictionaries(names, texts, min_size=1)


def in_form(body: bytes, query: bytes = b"") -> dict[str, str]:
    return decode(content_type=b"application/x-www-form-urlencoded", query=query, body=body)


@given(fields)
def test_a_form_says_what_was_meant(sent: dict[str, str]) -> None:
    assert in_form(urlencode(sent).encode()) == sent
    assert in_form(urlencode(sent, quote_via=quote).encode()) == sent
    assert in_form(b"", urlencode(sent).encode()) == sent


@given(fields)
def test_json_says_what_was_meant(sent: dict[str, str]) -> None:
    body = msgspec.json.encode(sent)
    for content_type in (
        b"application/json",
        b"text/plain;charset=UTF-8",
        b"",
        b"application/x-www-form-urlencoded",
    ):
        assert decode(content_type=content_type, query=b"", body=body) == sent
    assert decode(content_type=b"application/json", query=b"", body=b"\xef\xbb\xbf \n" + body) == sent


@given(fields)
def test_multipart_says_what_was_meant(sent: dict[str, str]) -> None:
    body = b"".join(
        f'--cut\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'.encode()
        for name, text in sent.items()
    )
    content_type = b'Multipart/Form-Data; charset=utf-8; boundary="cut"'
    assert decode(content_type=content_type, query=b"", body=body + b"--cut--\r\n") == sent


@given(
    st.binary(max_size=300), st.sampled_from([b"multipart/form-data; boundary=a", b"application/json", b"x"])
)
def test_any_bytes_are_read_or_refused(body: bytes, content_type: bytes) -> None:
    try:
        found = decode(content_type=content_type, query=body, body=body)
    except Undecodable:
        return
    assert all(isinstance(text, str) for pair in found.items() for text in pair)


@pytest.mark.parametrize(
    ("form", "found"),
    [
        ("a=1&a=2", {"a": "2"}),  # as PHP takes it
        ("order[]=1&order[]=2", {"order": UNREADABLE}),
        ("order[]=1", {"order": "1"}),
        ("link=1&link=", {"link": "1"}),
        ("orders=1&orders[]=2&orders[x]=3", {"orders": "1,2,3"}),
        ("usernames[]=a&usernames[]=b", {"usernames": "a\nb"}),
        ("a", {}),
        ("&&=&=x&", {"": "x"}),
        ("a=b=c", {"a": "b=c"}),
        ("a=%2B+%20", {"a": "+  "}),
        ("a=%zz%", {"a": "%zz%"}),
        ("[]=1&x]=2&y[=3&z[0][1]=4", {"[]": "1", "x]": "2", "y[": "3", "z[0][1]": "4"}),
    ],
)
def test_odd_forms(form: str, found: dict[str, str]) -> None:
    taken = in_form(form.encode())
    assert {name: text for name, text in taken.items() if name in found} == found


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (
            '{"a":1,"b":1.50,"c":1e9,"d":true,"e":false,"f":null,"g":""}',
            {"a": "1", "b": "1.50", "c": "1e9", "d": UNREADABLE},
        ),
        ('{"a":1.0,"b":-3.000,"c":1.0e2,"d":0.01}', {"a": "1", "b": "-3", "c": "1.0e2", "d": "0.01"}),
        ('{"orders":[1.0,2.5,true]}', {"orders": "1,2.5,Array"}),
        ('{"orders[]":[1,2],"comments[]":["a","b"]}', {"orders": "1,2", "comments": "a\nb"}),
        ('{"orders":{"0":1,"2":3}}', {"orders": "1,3"}),
        ('{"link":{"a":1},"order":[1],"x":[[]]}', dict.fromkeys(["link", "order", "x"], UNREADABLE)),
        ('{"link":[],"order":{}}', {}),
        ('{"comments":["a",["b"]]}', {"comments": f"a\n{UNREADABLE}"}),
        ('{"orders":[1,"2",null,[3],{"a":4}]}', {"orders": "1,2,,Array,Array"}),
        ('{"orders":[]}', {}),
        ('{"comments":["a,b","c"]}', {"comments": "a,b\nc"}),
        ('{"order":123456789012345678901234567890}', {"order": "123456789012345678901234567890"}),
        ('{"a":1,"a":2}', {"a": "2"}),
    ],
)
def test_json_values(body: str, found: dict[str, str]) -> None:
    assert decode(content_type=b"application/json", query=b"", body=body.encode()) == found


def test_the_number_of_fields_is_limited() -> None:
    assert len(in_form(b"&".join(b"a%d=1" % number for number in range(FIELDS_MAX)))) == FIELDS_MAX
    with pytest.raises(Undecodable):
        in_form(b"&".join(b"a%d=1" % number for number in range(FIELDS_MAX + 1)))
