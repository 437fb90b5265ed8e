import os
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
sys.path.insert(0, os.path.dirname(__file__))

from prompts import PROMPT
from services.language_service import LanguageService


def answer(message, history):
    reply = LanguageService().reply(PROMPT.format(message))
    return {"result": {"answer": reply, "turns": len(history["turns"])}}
