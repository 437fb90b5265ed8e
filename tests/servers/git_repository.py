"""A git repository for tests, and who may fetch from it."""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

NAME = "code.git"


@dataclass(frozen=True)
class GitRepository:
    """root: the folder that servers offer; the repository is `code.git` in it."""

    root: Path

    def commit(self, files: Mapping[str, str | Path], branch: str = "main") -> str:
        """The id of a new commit that adds files to those before; a Path is where a link leads.

        branch: gets the commit, and is the default one from now on.
        """
        work = self.root / "work"
        if not work.exists():
            work.mkdir(parents=True)
            self._git("init", "--quiet", "--template=", f"--separate-git-dir={self.root / NAME}")
        self._git("symbolic-ref", "HEAD", f"refs/heads/{branch}")
        for name, content in files.items():
            path = work / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, Path):
                path.symlink_to(content)
            else:
                path.write_text(content)
        self._git("add", "--all")
        self._git("commit", "--quiet", "--allow-empty", "--message=change")
        return self._git("rev-parse", "HEAD")

    def _git(self, *arguments: str) -> str:
        who = ("-c", "user.name=Tester", "-c", "user.email=tester@example.com")
        done = subprocess.run(
            ["git", *who, *arguments],
            cwd=self.root / "work",
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()
