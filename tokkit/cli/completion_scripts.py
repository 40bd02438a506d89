"""What makes a shell ask tokkit how a command line may go on, for bash, zsh and fish.

Each script runs the command with the words so far, the one under the cursor last, and with
`_TOKKIT_COMPLETE` set. The answer, of `tokkit.cli.completion`, is a line that says which paths may
stand there too (`files`, `folders` or `none`), after `--option=` where the word begins so; and a
line for each candidate: the word, a tab, and what it is.
"""

from __future__ import annotations

import os
from pathlib import Path

from tokkit.arguments import refuse_unknown
from tokkit.errors import ArgumentError, FormatError

_BASH = r"""
_tokkit() {
    local line lines
    mapfile -t lines < <(_TOKKIT_COMPLETE=bash "$1" "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
    COMPREPLY=()
    for line in "${lines[@]:1}"; do
        COMPREPLY+=("${line%%$'\t'*}")
    done
    local current="$2"
    [[ "$current" == "=" ]] && current=""
    case "${lines[0]}" in
        files) compopt -o filenames
            mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$current") ;;
        folders) compopt -o filenames
            mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -d -- "$current") ;;
    esac
}
complete -F _tokkit tokkit
"""

_ZSH = r"""
#compdef tokkit
_tokkit() {
    local line about
    local -a lines candidates
    lines=("${(@f)$(_TOKKIT_COMPLETE=zsh "${words[1]}" "${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
    for line in "${(@)lines[2,-1]}"; do
        about="${line#*$'\t'}"
        candidates+=("${${line%%$'\t'*}//:/\\:}${about:+:$about}")
    done
    (( $#candidates )) && _describe -V tokkit candidates
    [[ "$PREFIX" == --*=* ]] && compset -P '*='
    case "${lines[1]}" in
        files) _files ;;
        folders) _files -/ ;;
    esac
}
if [[ "${funcstack[1]}" == "_tokkit" ]]; then
    _tokkit "$@"
else
    compdef _tokkit tokkit
fi
"""

_FISH = r"""
function __tokkit_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l lines (env _TOKKIT_COMPLETE=fish $words[1] $words[2..-1] "$current" 2>/dev/null)
    if test (count $lines) -gt 1
        printf '%s\n' $lines[2..-1]
    end
    set -l option (string match --regex '^--[^=]+=' -- "$current")
    set -l path (string replace --regex '^--[^=]+=' '' -- "$current")
    switch "$lines[1]"
        case files
            __fish_complete_path "$path" | string replace --regex '^' -- "$option"
        case folders
            __fish_complete_directories "$path" | string replace --regex '^' -- "$option"
    end
end
complete --command tokkit --no-files --arguments '(__tokkit_complete)'
"""

SHELLS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


def script_of(shell: str | None) -> str:
    """The script for a shell; None for the one in use.

    Raises:
        ArgumentError: there is none for that shell.
    """
    return SHELLS[_shell(shell)].lstrip()


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
        path.write_text(SHELLS[name].lstrip(), encoding="utf-8")
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
    refuse_unknown([found], tuple(SHELLS), what="shell")
    return found
