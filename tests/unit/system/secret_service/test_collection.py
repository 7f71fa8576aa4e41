"""A service that asks before it does things, as KeePassXC does; the rest is seen with real ones."""

from __future__ import annotations

from typing import Any

import pytest

from creds_session.errors import CollectionLocked, PromptImpossible, TimedOut
from creds_session.secret import Secret
from creds_session.system.bus.connection import Bus, CallFailed, Peer
from creds_session.system.bus.wire import ObjectAddress
from creds_session.system.secret_service.collection import LOCKED, UNFINISHED, Collection
from creds_session.system.secret_service.service import SecretService

NAMES = {"service": "app", "username": "me"}
COLLECTION, ITEM, PROMPT = "/collection", "/collection/item", "/prompt"
SECRET = ("/session", b"", b"s3cret", "text/plain")


class Asking(Bus):
    """A bus with one service on it, whose items are locked until its prompt was answered."""

    def __init__(self, *, answered: bool | None = True, kept: bool = False) -> None:
        self.answered = answered
        self.known_to = {":1.1"}
        self.found = [ITEM] if kept else []
        self.is_locked = True
        self.calls: list[str] = []
        self.created: list[dict[str, Any]] = []

    def call(
        self,
        to: ObjectAddress,  # noqa: ARG002
        method: str,
        signature: str = "",  # noqa: ARG002
        *body: Any,
    ) -> tuple[object, ...]:
        self.calls.append(method)
        if method == "GetSecrets" and self.is_locked:
            raise CallFailed(LOCKED, "locked")
        if method == "CreateItem":
            self.created.append(dict(body[0].values())["a{ss}"])
        answers: dict[str, tuple[object, ...]] = {
            "SearchItems": (self.found,),
            "GetSecrets": ({ITEM: SECRET},),
            "OpenSession": (("s", ""), "/session"),
            "CreateItem": ("/", PROMPT),
            "Unlock": ([], PROMPT),
            "Delete": (PROMPT,),
            "Get": (("b", False),),
            "Dismiss": (),
        }
        return answers[method]

    def call_each(self, to: Any, *_: Any) -> list[tuple[object, ...] | None]:
        return [(("b", self.is_locked),) for _ in to]

    def call_and_await(self, *_: Any) -> tuple[object, ...]:
        self.calls.append("Prompt")
        if self.answered is None:
            raise TimedOut("no answer to Completed over D-Bus within 1 s")
        self.is_locked = not self.answered
        return (not self.answered, ("s", ""))

    def peer(self, name: str) -> Peer | None:  # noqa: ARG002
        return None


class Service(SecretService):
    """A service by this name."""

    name = "keepassxc"

    def provider_name(self) -> str:
        return f"{self.name} (pid 7)"


def items(bus: Asking, *, prompt: bool = True, name: str = "keepassxc") -> Collection:
    service = Service(bus, Peer(":1.1", 0, 0))
    service.name = name
    return Collection(bus, service, COLLECTION, prompt=prompt)


def test_a_new_item_is_kept_through_a_prompt_that_shows_nothing() -> None:
    bus = Asking()
    items(bus, prompt=False).create_item("label", NAMES, Secret(b"s3cret"))
    assert [set(one) for one in bus.created] == [{UNFINISHED}, set(NAMES)]
    assert bus.calls[-3:] == ["Dismiss", "CreateItem", "Prompt"]


@pytest.mark.parametrize("act", ["replace", "read", "delete"])
def test_nothing_is_asked_unless_it_may_be(act: str) -> None:
    bus = Asking(kept=True)
    with pytest.raises(CollectionLocked, match="would ask before"):
        do(act, items(bus, prompt=False))
    assert "Prompt" not in bus.calls
    assert ("Dismiss" in bus.calls) is (act != "read")


@pytest.mark.parametrize("act", ["replace", "read", "delete"])
def test_it_is_asked_where_it_may_be(act: str) -> None:
    bus = Asking(kept=True)
    do(act, items(bus))
    assert bus.calls.count("Prompt") == 1


@pytest.mark.parametrize("act", ["replace", "read", "delete"])
@pytest.mark.parametrize(("answered", "told"), [(False, "declined"), (None, "nobody answered")])
def test_a_prompt_that_is_not_answered_is_told(
    act: str,
    answered: bool | None,
    told: str,
) -> None:
    with pytest.raises(PromptImpossible, match=told):
        do(act, items(Asking(answered=answered, kept=True)))


def test_an_item_that_may_be_used_is_replaced_unasked() -> None:
    bus = Asking(kept=True)
    bus.is_locked = False
    items(bus, prompt=False).create_item("label", NAMES, Secret(b"s3cret"))
    assert bus.calls[-1] == "Prompt"


def do(act: str, kept: Collection) -> None:
    if act == "replace":
        kept.create_item("label", NAMES, Secret(b"s3cret"))
    elif act == "read":
        assert kept.secrets([ITEM]) == {ITEM: Secret(b"s3cret")}
    else:
        kept.delete(ITEM)


def test_a_service_that_may_show_its_prompt_is_not_let_unasked() -> None:
    bus = Asking()
    with pytest.raises(CollectionLocked, match=r"other .pid 7. would ask"):
        items(bus, prompt=False, name="other").create_item("label", NAMES, Secret(b"s3cret"))
    assert "Prompt" not in bus.calls


def test_an_item_that_had_to_be_made_anew_is_kept_through_a_prompt_or_told() -> None:
    class Changing(Asking):
        """It makes an item at once, sets no attributes of it, and asks before the next."""

        def call(
            self, to: ObjectAddress, method: str, signature: str = "", *body: Any
        ) -> tuple[object, ...]:
            if method == "Set":
                raise CallFailed("org.example.No", "no")
            answer = super().call(to, method, signature, *body)
            if method == "Delete":
                return ("/",)
            return (ITEM, "/") if method == "CreateItem" and len(self.created) == 1 else answer

    bus = Changing(answered=False)
    with pytest.raises(PromptImpossible):
        items(bus).create_item("label", NAMES, Secret(b"s3cret"))
    bus = Changing()
    items(bus).create_item("label", NAMES, Secret(b"s3cret"))
    assert bus.calls[-1] == "Prompt"


@pytest.mark.parametrize("act", ["replace", "delete"])
def test_no_prompt_of_gnome_keyrings_is_dismissed(act: str) -> None:
    """It aborts on Dismiss while it shows a prompt, of whichever client."""
    bus = Asking(kept=True)
    with pytest.raises(CollectionLocked, match="would ask before"):
        do(act, items(bus, prompt=False, name="gnome-keyring-d"))
    assert not {"Prompt", "Dismiss"} & set(bus.calls)
