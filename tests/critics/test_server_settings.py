"""Where a critic's server may be, who gets the key, and settings that cannot work."""

from __future__ import annotations

import pytest

from xlard.critics.server import ServerSettings
from xlard.critics.server.address import Address

KEY = "sk-secret/0123+456"


@pytest.mark.parametrize(
    "named, sent",
    [
        ("", False),
        ("elsewhere.example", False),
        ("far.example", True),
        ("FAR.example", True),
        ("far.example:8000", True),
        ("far.example:8001", False),
        ("example", False),
    ],
)
def test_a_host_elsewhere_gets_the_key_only_by_name(monkeypatch, named, sent):
    monkeypatch.setenv("XLARD_API_HOST", named)
    assert Address.parse("http://far.example:8000").is_trusted is sent


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com",
        "http://127.0.0.1.evil.com/v1",
        "http://localhost.evil.com",
        "http://0.0.0.0:8080",
        "http://10.0.0.1",
        "http://[::]:8080",
        "http://[fe80::1]:8080",
        "http://127.1:80",
        "http://2130706433",
        "http://128.0.0.1",
        "http://notlocalhost",
    ],
)
def test_a_server_elsewhere_is_refused_without_the_switch(url):
    with pytest.raises(
        ValueError, match="is not on this machine, and pictures would be sent to it. Turn on allow_remote"
    ):
        ServerSettings(url)
    assert ServerSettings(url, allow_remote=True).address.is_loopback is False


@pytest.mark.parametrize(
    "url, base",
    [
        ("http://localhost", "http://localhost:80/v1"),
        ("https://LOCALHOST:1234/v1", "https://localhost:1234/v1"),
        (" http://127.8.9.10:1/api/ ", "http://127.8.9.10:1/api"),
        ("http://[::1]:8080", "http://[::1]:8080/v1"),
    ],
)
def test_this_machine_has_several_names(url, base):
    address = ServerSettings(url).address
    assert str(address) == base and address.is_loopback and address.is_trusted


@pytest.mark.parametrize(
    "settings, cause",
    [
        ({"url": ""}, "does not begin with http"),
        ({"url": "127.0.0.1:8080"}, "does not begin with http"),
        ({"url": "localhost:8080"}, "does not begin with http"),
        ({"url": "file:///etc/passwd"}, "does not begin with http"),
        ({"url": "http://"}, "names no host"),
        ({"url": "http:///v1"}, "names no host"),
        ({"url": "http://a b"}, "names no host"),
        ({"url": "http://127.0.0.1\\.evil.com"}, "names no host"),
        ({"url": "http://127.0.0.1%00.evil.com"}, "names no host"),
        ({"url": "http://127.0.0.1:0"}, "names no host"),
        ({"url": "http://127.0.0.1:99999"}, "cannot be read"),
        ({"url": "http://[::1"}, "cannot be read"),
        ({"url": "http://127.0.0.1/a b"}, "cannot be read"),
        ({"url": "http://127.0.0.1/v1\nHost: evil"}, "cannot be read"),
        ({"url": "http://localhost@evil.com"}, "holds a user name"),
        ({"url": "http://evil.com#@127.0.0.1"}, "holds a user name"),
        ({"url": f"http://127.0.0.1/v1?key={KEY}"}, "holds a user name"),
        ({"boxes": "inches"}, "There is no box convention 'inches'"),
        ({"timeout": 0}, "above 0 seconds"),
        ({"timeout": float("nan")}, "above 0 seconds"),
        ({"retries": -1}, "retries must be at least 0"),
        ({"parallel": 0}, "parallel must be at least 1"),
        ({"max_tokens": 0}, "max_tokens must be at least 1"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings, cause):
    with pytest.raises(ValueError, match=cause) as caught:
        ServerSettings(**settings)
    assert len(str(caught.value).splitlines()) == 1 and KEY not in str(caught.value)
