import pytest

from pumphouse.bus import Queue
from pumphouse.bus.consuming import MAX_INTERRUPTIONS, RETRY_DELAYS_S
from pumphouse.bus.rabbit import layout
from pumphouse.bus.rabbit.address import parse_address
from pumphouse.errors import Invalid


def test_a_durable_queue_is_bounded_and_has_a_way_for_its_dead() -> None:
    arguments = layout.durable_arguments(Queue(name="q", max_length=7))
    assert arguments == {
        "x-queue-type": "quorum",
        "x-max-length": 7,
        "x-overflow": "reject-publish",
        "x-delivery-limit": 2 * MAX_INTERRUPTIONS,
        "x-dead-letter-exchange": "pumphouse.dead",
        "x-dead-letter-strategy": "at-least-once",
    }


def test_the_dead_of_a_queue_that_takes_dead_do_not_come_back() -> None:
    arguments = layout.durable_arguments(Queue(name="q", takes_dead=True))
    assert arguments["x-dead-letter-exchange"] == ""
    assert arguments["x-dead-letter-routing-key"] == layout.DEAD_LETTERS


def test_a_single_active_queue_says_so() -> None:
    arguments = layout.durable_arguments(Queue(name="q", is_single_active=True))
    assert arguments["x-single-active-consumer"] is True


def test_every_rest_has_a_queue_of_its_own_that_leads_back_by_the_routing_key() -> None:
    names = {layout.retry_name(delay_s) for delay_s in RETRY_DELAYS_S}
    assert len(names) == len(RETRY_DELAYS_S)
    arguments = layout.retry_arguments(0.5)
    assert arguments["x-message-ttl"] == 500
    assert arguments["x-dead-letter-exchange"] == ""
    assert "x-dead-letter-routing-key" not in arguments


def test_an_address_is_read_from_its_url() -> None:
    address = parse_address("amqp://us%40er:p%2Fw@broker:5673/my%2Fhost")
    assert (address.host, address.port) == ("broker", 5673)
    assert (address.user, address.password) == ("us@er", "p/w")
    assert address.virtual_host == "my/host"
    assert not address.is_encrypted


@pytest.mark.parametrize("path", ["", "/", "/%2F", "//"])
def test_the_default_virtual_host_has_many_spellings(path: str) -> None:
    assert parse_address(f"amqp://broker{path}").virtual_host == "/"


def test_what_is_left_out_has_the_usual_value() -> None:
    plain, encrypted = parse_address("amqp://broker"), parse_address("amqps://broker")
    assert (plain.user, plain.password, plain.port) == ("guest", "guest", 5672)
    assert (encrypted.port, encrypted.is_encrypted) == (5671, True)


def test_an_address_never_shows_its_password() -> None:
    address = parse_address("amqp://user:hush@broker")
    assert "hush" not in f"{address} {address!r}"


@pytest.mark.parametrize(
    "url", ["", "broker", "http://broker", "amqp://", "amqp://broker:port", "amqp://broker:99999"]
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(Invalid, match="AMQP URL"):
        parse_address(url)
