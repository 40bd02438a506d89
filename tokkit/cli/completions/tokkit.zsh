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
