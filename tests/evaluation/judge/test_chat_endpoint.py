"""A judge behind a real socket: what it sends, and what it makes of every way in which an endpoint can answer."""

import socket
import time
from collections.abc import Iterator

import pytest
from judge_doubles import ChatServer, chat_server, completion
from pydantic import SecretStr

from assay.errors import ConfigurationError, JudgeError
from assay.evaluation.judge import ChatJudge, open_judge, prompt_hash
from assay.settings import Settings

KEY = "sk-a-key-that-nobody-may-see"


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with chat_server() as running:
        yield running


def judge_at(server: ChatServer, timeout_seconds: float = 10.0) -> ChatJudge:
    return ChatJudge(server.url, "some-model", SecretStr(KEY), timeout_seconds)


def always(server: ChatServer, status: int, body: bytes, **headers: str) -> None:
    server.answer = lambda _body: (status, headers, body)


def test_it_asks_at_temperature_0_with_the_key_and_gives_the_reply(server: ChatServer) -> None:
    always(server, 200, completion("So it is."))
    assert judge_at(server).complete("Is it so? 🜛 \ud800") == "So it is."
    [body] = server.bodies
    assert body == {
        "model": "some-model",
        "temperature": 0,
        "messages": [{"role": "user", "content": "Is it so? 🜛 \ud800"}],
    }
    assert server.paths == ["/v1/chat/completions"]
    assert server.headers[0]["Authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        pytest.param(429, b"", "rate", id="too many requests"),
        pytest.param(500, b"", "timeout", id="server error"),
        pytest.param(408, b"", "timeout", id="request timeout"),
        pytest.param(400, b'{"error": "content policy"}', "refused", id="bad request"),
        pytest.param(200, completion(None, refusal="I will not."), "refused", id="refusal"),
        pytest.param(200, completion("", finish_reason="content_filter"), "refused", id="filtered"),
        pytest.param(200, completion('{"verdicts": [', finish_reason="length"), "parse", id="cut off"),
        pytest.param(200, completion("  "), "parse", id="empty"),
        pytest.param(200, b"<html>busy</html>", "parse", id="no JSON"),
        pytest.param(200, b'{"choices": []}', "parse", id="no choice"),
        pytest.param(200, b'{"choices": [{"message": "text"}]}', "parse", id="another shape"),
        pytest.param(200, b"[" * 50_000, "parse", id="too deep"),
        pytest.param(200, b" " * (2**20 + 1), "parse", id="too long"),
    ],
)
def test_what_an_endpoint_can_answer(server: ChatServer, status: int, body: bytes, kind: str) -> None:
    always(server, status, body)
    with pytest.raises(JudgeError) as found:
        judge_at(server).complete("?")
    assert found.value.kind == kind
    assert len(server.bodies) == 1, "nothing is asked twice"


@pytest.mark.parametrize("how", ["silent_seconds", "drip_seconds"])
def test_an_answer_that_does_not_come_or_does_not_end_is_a_timeout(server: ChatServer, how: str) -> None:
    always(server, 200, completion("late"))
    setattr(server, how, 6.0 if how == "silent_seconds" else 0.05)
    began = time.monotonic()
    with pytest.raises(JudgeError) as found:
        judge_at(server, timeout_seconds=0.3).complete("?")
    assert found.value.kind == "timeout"
    assert time.monotonic() - began < 4.0


def test_nobody_there_is_a_timeout_too() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(JudgeError) as found:
        ChatJudge(f"http://127.0.0.1:{port}/v1", "some-model").complete("?")
    assert found.value.kind == "timeout"


@pytest.mark.parametrize("status", [401, 403, 404])
def test_what_no_other_item_would_change_ends_the_run_and_shows_no_key(server: ChatServer, status: int) -> None:
    always(server, status, KEY.encode())
    with pytest.raises(ConfigurationError) as found:
        judge_at(server).complete("?")
    assert f"status {status}" in str(found.value)
    assert "`unset ASSAY_JUDGE_URL`" in str(found.value)
    assert KEY not in str(found.value)


def test_a_redirect_is_not_followed_for_it_would_take_the_key_along(server: ChatServer) -> None:
    with chat_server() as elsewhere:
        always(server, 302, b"", Location=f"{elsewhere.url}/chat/completions")
        with pytest.raises(ConfigurationError, match="redirects"):
            judge_at(server).complete("?")
        assert elsewhere.paths == []


def test_the_key_is_shown_by_nothing(server: ChatServer) -> None:
    judge = judge_at(server)
    assert KEY not in f"{judge!r} {judge.identity} {vars(judge)}"
    assert judge.identity == f"some-model at {server.url}"
    assert judge.prompt_hash == prompt_hash()


def test_settings_name_the_judge_or_none() -> None:
    assert open_judge(Settings(_env_file=None)) is None
    assert open_judge(Settings(_env_file=None, judge_url="", judge_model="", judge_api_key="")) is None
    found = open_judge(Settings(_env_file=None, judge_url="http://127.0.0.1:1/v1/chat/completions/", judge_model="m"))
    assert found == ChatJudge("http://127.0.0.1:1/v1", "m")


@pytest.mark.parametrize(
    ("url", "model"),
    [
        ("file:///etc/passwd", "m"),
        ("127.0.0.1:8000/v1", "m"),
        ("https://user:secret@example.org/v1", "m"),
        ("https://example.org/v1?api-key=secret", "m"),
        ("https://example.org/v1", None),
    ],
)
def test_an_address_that_cannot_be_one_is_refused_without_being_shown(url: str, model: str | None) -> None:
    with pytest.raises(ConfigurationError, match="`ASSAY_JUDGE_URL`") as found:
        open_judge(Settings(_env_file=None, judge_url=url, judge_model=model))
    assert "secret" not in str(found.value)
