"""The interpreter of code that asks for no environment: the executor's own, with nothing in it."""

import asyncio
import os
import platform
import shutil
import tempfile
import venv
from pathlib import Path


async def blank_interpreter(work_dir: Path) -> Path:
    """Path of a Python that can import the standard library and none of our packages."""
    return await asyncio.to_thread(_make, work_dir / "environments")


def _make(folder: Path) -> Path:
    environment = folder / f"blank-{platform.python_version()}"
    interpreter = environment / "bin" / "python"
    if not interpreter.exists():
        folder.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=folder, prefix=".making-"))
        try:
            venv.EnvBuilder(symlinks=True, with_pip=False).create(temporary)
            temporary.chmod(0o755)  # user code runs as somebody else
            if environment.is_dir():
                shutil.rmtree(environment, ignore_errors=True)
            os.rename(temporary, environment)
        except OSError:
            if not interpreter.exists():  # else another executor was first
                raise
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return interpreter
