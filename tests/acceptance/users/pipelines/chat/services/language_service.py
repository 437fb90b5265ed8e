import json
from pathlib import Path

SETTINGS = Path(__file__).parent / "settings.json"


class LanguageService:
    def __init__(self):
        self.ending = json.loads(SETTINGS.read_text())["ending"]

    def reply(self, prompt):
        return prompt.rpartition(": ")[2][::-1] + self.ending
