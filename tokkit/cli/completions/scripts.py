"""What makes a shell ask tokkit how a command line may go on, for bash, zsh and fish.

Each script, beside this file, runs the command with the words so far, the one under the cursor
last, and with `_TOKKIT_COMPLETE` set. The answer, of `candidates`, is a line that says
which paths may stand there too (`files`, `folders` or `none`), after `--option=` where the word
begins so; and a line for each candidate: the word, a tab, and what it is.
"""

from __future__ import annotations

import os
from pathlib import Path

from tokkit.arguments import refuse_unknown
from tokkit.errors import ArgumentError, FormatError
from tokkit.files.shipped import shipped_text

SHELLS = ("bash", "zsh", "fish")


def script_of(shell: str | None) -> str:
    """The script for a shell; None for the one in use.

    Raises:
        ArgumentError: there is none for that shell.
    """
    return shipped_text(f"completions/tokkit.{_shell(shell)}", "tokkit.cli")


def install_script(shell: str | None) -> str:
    """Put the script where the shell reads it at its start. What was done, for the user.

    Args:
        shell: None for the one in use.

    Raises:
        ArgumentError: there is none for that shell.
        FormatError: a file cannot be written.
    """
    name = _shell(shell)
    home = Path.home()
    places = {
        "bash": home / ".local/share/bash-completion/completions/tokkit",
        "zsh": home / ".zfunc/_tokkit",
        "fish": home / ".config/fish/completions/tokkit.fish",
    }
    path = places[name]
    startup = {
        "bash": (home / ".bashrc", f"source '{path}'"),
        "zsh": (home / ".zshrc", "fpath+=~/.zfunc; autoload -Uz compinit; compinit"),
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(script_of(name), encoding="utf-8")
        if name in startup:
            _add_line(*startup[name])
    except OSError as error:
        raise FormatError(f"cannot install the completion: {error}") from error
    return f"{name} completes tokkit from its next start on (see {path})\n"


def _add_line(path: Path, line: str) -> None:
    """Add a line to a start-up file, once; what stands there may be in any encoding."""
    before = path.read_bytes() if path.exists() else b""
    if line.encode() not in before.splitlines():
        gap = b"" if not before or before.endswith(b"\n") else b"\n"
        path.write_bytes(before + gap + line.encode() + b"\n")


def _shell(name: str | None) -> str:
    found = Path(os.environ.get("SHELL", "")).name if name is None else name
    if name is None and not found:
        raise ArgumentError(f"which shell is this? name one of {', '.join(SHELLS)}")
    refuse_unknown([found], SHELLS, what="shell")
    return found
