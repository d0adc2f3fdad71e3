"""A judge behind any OpenAI-compatible `/chat/completions`, with nothing but the standard library.

One request a prompt, at temperature 0, with a deadline. No retry, no rate limit, no budget and no cache.
"""

import json
import time
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPResponse
from typing import Any, cast
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from pydantic import SecretStr

from assay.errors import ConfigurationError, JudgeError
from assay.evaluation.judge.prompt_files import prompt_hash
from assay.settings import Settings

TIMEOUT_SECONDS = 60.0
# A reply with verdicts on a hundred statements has some 20 kB.
_MAX_REPLY_BYTES = 2**20
_PIECE_BYTES = 2**16
_STANDS = "The scores that were written before stand."


class _NoRedirect(HTTPRedirectHandler):
    """A redirect would carry the key to another host."""

    def redirect_request(self, *_arguments: Any, **_named: Any) -> None:
        return None


@dataclass(frozen=True)
class ChatJudge:
    """The model `model` at `base_url`, such as `http://127.0.0.1:8000/v1`. The key is shown by nothing."""

    base_url: str
    model: str
    api_key: SecretStr | None = field(default=None, repr=False)
    timeout_seconds: float = TIMEOUT_SECONDS

    @property
    def identity(self) -> str:
        return f"{self.model} at {self.base_url}"

    @property
    def prompt_hash(self) -> str:
        return prompt_hash()

    def complete(self, prompt: str) -> str:
        """The model's reply.

        Raises JudgeError: `timeout` where no answer came (too late, no connection, a 5xx), `rate` for a 429, `refused` where
        the model or the endpoint declines this prompt, `parse` for a reply that is cut off or no chat completion. Raises
        ConfigurationError where every other prompt would fail too: no right to ask, no such address or model.
        """
        body = {"model": self.model, "temperature": 0, "messages": [{"role": "user", "content": prompt}]}
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self.api_key is not None:
            headers["Authorization"] = f"Bearer {self.api_key.get_secret_value()}"
        request = Request(  # noqa: S310  `open_judge` lets nothing but http and https through
            f"{self.base_url}/chat/completions", json.dumps(body).encode(), headers, method="POST"
        )
        return _content(self._sent(request))

    def _sent(self, request: Request) -> bytes:
        deadline = time.monotonic() + self.timeout_seconds
        try:
            with build_opener(_NoRedirect).open(request, timeout=self.timeout_seconds) as response:
                return _read(response, deadline)
        except HTTPError as error:
            with error:
                raise self._refusal(error.code) from None
        except (URLError, HTTPException, OSError) as error:  # TimeoutError is an OSError
            reason = error.reason if isinstance(error, URLError) else error
            raise JudgeError("timeout", f"no answer from {self.base_url}: {reason or type(error).__name__}") from None

    def _refusal(self, code: int) -> JudgeError | ConfigurationError:
        """By the status alone: what an endpoint writes beside it may hold the prompt or the key."""
        if code in (401, 403, 404) or 300 <= code < 400:
            why = {401: "it wants another key", 403: "the key may not use this model", 404: "no such address or model"}
            return ConfigurationError(
                f"The judge {self.identity} answered with status {code}: {why.get(code, 'it redirects elsewhere')}. No "
                f"verdict was given. {_STANDS} Correct `ASSAY_JUDGE_URL`, `ASSAY_JUDGE_MODEL` or `ASSAY_JUDGE_API_KEY`, or "
                "do without a judge with `unset ASSAY_JUDGE_URL`."
            )
        if code == 429:
            return JudgeError("rate", f"{self.base_url} takes no more requests now")
        if code == 408 or code >= 500:
            return JudgeError("timeout", f"{self.base_url} answered with status {code}")
        return JudgeError("refused", f"{self.base_url} answered with status {code}")


def open_judge(settings: Settings) -> ChatJudge | None:
    """The judge that settings name; None where they name none, and layer 3 is skipped. Nothing is asked yet.

    Raises ConfigurationError for an address that cannot be one, or an address without a model.
    """
    if settings.judge_url is None:
        return None
    url = settings.judge_url.rstrip("/").removesuffix("/chat/completions")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        problem = "is no address such as `http://127.0.0.1:8000/v1`"
    elif parts.username or parts.password:
        problem = "holds a user or a password, which pages would show; the key belongs into `ASSAY_JUDGE_API_KEY`"
    elif settings.judge_model is None:
        problem = "names a judge's address, and `ASSAY_JUDGE_MODEL` names no model"
    else:
        return ChatJudge(url, settings.judge_model, settings.judge_api_key)
    raise ConfigurationError(
        f"`ASSAY_JUDGE_URL` {problem}. Nothing was judged. Correct it, or do without a judge with `unset ASSAY_JUDGE_URL`."
    )


def _read(response: HTTPResponse, deadline: float) -> bytes:
    """The whole body; a server that drips it byte by byte does not hold us for ever."""
    pieces: list[bytes] = []
    size = 0
    while piece := response.read1(_PIECE_BYTES):
        pieces.append(piece)
        size += len(piece)
        if size > _MAX_REPLY_BYTES:
            raise JudgeError("parse", f"the reply is longer than {_MAX_REPLY_BYTES} bytes")
        if time.monotonic() > deadline:
            raise TimeoutError("the reply did not end in time")
    return b"".join(pieces)


def _content(body: bytes) -> str:
    """The text of the one choice of a chat completion."""
    try:
        choice: dict[str, Any] = json.loads(body)["choices"][0]
        message = cast(dict[str, Any], choice["message"])
        finished, content, refusal = choice.get("finish_reason"), message.get("content"), message.get("refusal")
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
        raise JudgeError("parse", f"the reply is no chat completion: {type(error).__name__}") from None
    if refusal or finished == "content_filter":
        raise JudgeError("refused", "the model declined to judge")
    if finished == "length":
        raise JudgeError("parse", "the reply was cut off")
    if not isinstance(content, str) or not content.strip():
        raise JudgeError("parse", "the reply is empty")
    return content
