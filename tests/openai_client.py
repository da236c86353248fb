"""The client of OpenAI's protocol, as its tests use it."""

import json
import threading

from openai_server import OpenAIServer, send

from apigauge.harness.generation.openai import OpenAI
from apigauge.harness.generation.options import ModelOptions
from apigauge.harness.generation.sampling import Sampling
from apigauge.harness.generation.types import Request

KEY = "sk-a-key-that-must-not-be-seen"


class Replaced:
    """A module as one other module is to see it: some names are others, for this module alone."""

    def __init__(self, module, **names):
        self.__dict__ |= {**vars(module), **names}


def engine(server, sampling=None, **options):
    options = {"base_url": server.url, "timeout": 10.0, **options}
    return OpenAI("some/model", ModelOptions(sampling=sampling or Sampling(), **options))


def requests(count):
    return [Request(f"i{number}", 0, f"p{number}", 1000 + number) for number in range(count)]


def answers(client, requests, style="chat"):
    return {request.item: answer for request, answer in client.answer(requests, style)}


def error(status, message, **headers):
    return send(json.dumps({"error": {"message": message, "type": "x"}}), status, **headers)


def still_running():
    return [thread.name for thread in threading.enumerate() if thread.name == "openai"]


def unused_port():
    gone = OpenAIServer()
    gone.close()
    return gone.server.server_port
